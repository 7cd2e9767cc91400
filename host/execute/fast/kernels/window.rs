//! Windows over maps: which taps lie within, and who reads what.

/// A window over a map: kernel, stride, padding, dilation; each down and right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Its size.
    pub kernel: [usize; 2],
    /// From place to place.
    pub stride: [usize; 2],
    /// Rows and columns beyond the map.
    pub padding: [usize; 2],
    /// The distance between its taps.
    pub dilation: [usize; 2],
}

/// Positions from `first` on, `count` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: usize,
    /// How many.
    pub count: usize,
}

impl Window {
    /// Per place along one side (0: down, 1: right): the positions of the map that it reads, and the first tap that does.
    pub fn reads(&self, side: usize, size: usize, places: usize) -> Vec<(Span, usize)> {
        let reads = |place: usize| {
            let start = place * self.stride[side];
            let tap = self.padding[side].saturating_sub(start);
            let first = start + tap - self.padding[side];
            let end = (start + self.kernel[side]).saturating_sub(self.padding[side]).min(size);
            (Span { first, count: end.saturating_sub(first) }, tap)
        };
        (0..places).map(reads).collect()
    }

    /// Per position along one side: the places that read it; where none does, none from the first on.
    pub fn readers(&self, side: usize, size: usize, places: usize) -> Vec<Span> {
        let (kernel, stride) = (self.kernel[side], self.stride[side]);
        let readers = |at: usize| {
            let reach = at + self.padding[side];
            let first = (reach + stride).saturating_sub(kernel) / stride;
            let end = (reach / stride + 1).min(places);
            if first < end { Span { first, count: end - first } } else { Span { first: 0, count: 0 } }
        };
        (0..size).map(readers).collect()
    }
}
