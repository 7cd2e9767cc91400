//! Pools of one image, first along its rows and then along its columns, and their way back. Windows have no dilation.

use super::map::Source;
use super::simd::{each_channel, load, store};
use super::window::{Span, Window};
use pulp::Simd;

/// Where the windows of a pool lie.
#[derive(Debug)]
pub struct Spans {
    window: Window,
    rows: Vec<(Span, usize)>,
    columns: Vec<(Span, usize)>,
    row_readers: Vec<Span>,
    column_readers: Vec<Span>,
}

impl Spans {
    /// Those of a window over a map of this height and width, at so many places.
    pub fn new(window: &Window, size: [usize; 2], places: [usize; 2]) -> Self {
        Self {
            window: *window,
            rows: window.reads(0, size[0], places[0]),
            columns: window.reads(1, size[1], places[1]),
            row_readers: window.readers(0, size[0], places[0]),
            column_readers: window.readers(1, size[1], places[1]),
        }
    }

    /// Rows and columns of places.
    pub fn places(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }

    /// 1 / the number of a place's positions within the map.
    #[inline(always)]
    fn share(&self, y: usize, x: usize) -> f32 {
        1.0 / (self.rows[y].0.count * self.columns[x].0.count) as f32
    }
}

/// The larger of two, and where it was found: the first of equals; NaN wins, as in libtorch.
#[inline(always)]
fn larger<S: Simd>(s: S, best: &mut S::f32s, tap: &mut S::f32s, x: S::f32s, at: S::f32s) {
    let nan = s.not_m32s(s.equal_f32s(x, x));
    let found = s.or_m32s(s.greater_than_f32s(x, *best), nan);
    *best = s.select_f32s(found, x, *best);
    *tap = s.select_f32s(found, at, *tap);
}

/// The maximum of each window, and which tap it was. `maxima` and `taps` are room for the maxima of rows, (height, places of a
/// row, channels); pixels of `out` are `out_step` apart; `index` is (places, channels), or null where no gradient will be asked for.
///
/// # Safety
/// Source, room and results hold the image.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a map, its room and its results")]
pub unsafe fn maximum<S: Simd>(
    s: S,
    spans: &Spans,
    source: &Source,
    image: usize,
    maxima: *mut f32,
    taps: *mut f32,
    out: *mut f32,
    out_step: usize,
    index: *mut f32,
) {
    let (map, [height, width]) = (&source.map, spans.places());
    let channels = map.channels;
    // SAFETY: the caller's; spans lie within the map.
    unsafe {
        for y in 0..map.height {
            let row = map.row(image, y).cast_const();
            for (x, (span, tap)) in spans.columns.iter().enumerate() {
                let (from, to) = (row.add(span.first * map.pixel), (y * width + x) * channels);
                each_channel!(s, channels, at, {
                    let fold =
                        source.fold.map(|f| (load(s, f.scale.as_ptr().add(at)), load(s, f.shift.as_ptr().add(at))));
                    let read = |k: usize| {
                        let v = load(s, from.add(k * map.pixel + at));
                        fold.map_or(v, |(scale, shift)| s.mul_add_f32s(v, scale, shift))
                    };
                    let (mut best, mut found) = (read(0), s.splat_f32s(*tap as f32));
                    for k in 1..span.count {
                        larger(s, &mut best, &mut found, read(k), s.splat_f32s((tap + k) as f32));
                    }
                    store(s, maxima.add(to + at), best);
                    store(s, taps.add(to + at), found);
                });
            }
        }
        let row = width * channels;
        for (y, (span, tap)) in spans.rows.iter().enumerate().take(height) {
            for x in 0..width {
                let from = span.first * row + x * channels;
                each_channel!(s, channels, at, {
                    let (mut best, mut found) = (load(s, maxima.add(from + at)), load(s, taps.add(from + at)));
                    let below = |k: usize| s.splat_f32s((k * spans.window.kernel[1]) as f32);
                    found = s.add_f32s(found, below(*tap));
                    for k in 1..span.count {
                        let place = s.add_f32s(load(s, taps.add(from + k * row + at)), below(tap + k));
                        larger(s, &mut best, &mut found, load(s, maxima.add(from + k * row + at)), place);
                    }
                    store(s, out.add((y * width + x) * out_step + at), best);
                    if !index.is_null() {
                        store(s, index.add((y * width + x) * channels + at), found);
                    }
                });
            }
        }
    }
}

/// The mean of each window; what lies outside the map does not count. `sums` is room for the sums of rows, (height, places of a
/// row, channels).
///
/// # Safety
/// As [`maximum`].
#[inline(always)]
pub unsafe fn mean<S: Simd>(
    s: S,
    spans: &Spans,
    source: &Source,
    image: usize,
    sums: *mut f32,
    out: *mut f32,
    out_step: usize,
) {
    let (map, [height, width]) = (&source.map, spans.places());
    let channels = map.channels;
    let row = width * channels;
    // SAFETY: the caller's; spans lie within the map.
    unsafe {
        for y in 0..map.height {
            let from = map.row(image, y).cast_const();
            for (x, (span, _)) in spans.columns.iter().enumerate() {
                let from = from.add(span.first * map.pixel);
                total(s, from, map.pixel, span.count, channels, sums.add(y * row + x * channels), None);
            }
        }
        for (y, (span, _)) in spans.rows.iter().enumerate().take(height) {
            for x in 0..width {
                let to = out.add((y * width + x) * out_step);
                let from = sums.add(span.first * row + x * channels);
                total(s, from, row, span.count, channels, to, Some(spans.share(y, x)));
                if let Some(fold) = source.fold {
                    each_channel!(s, channels, at, {
                        let (scale, shift) =
                            (load(s, fold.scale.as_ptr().add(at)), load(s, fold.shift.as_ptr().add(at)));
                        store(s, to.add(at), s.mul_add_f32s(load(s, to.add(at)), scale, shift));
                    });
                }
            }
        }
    }
}

/// to = factor · Σ of `count` pixels, `step` apart.
#[inline(always)]
unsafe fn total<S: Simd>(
    s: S,
    from: *const f32,
    step: usize,
    count: usize,
    channels: usize,
    to: *mut f32,
    factor: Option<f32>,
) {
    // SAFETY: the caller's.
    unsafe {
        each_channel!(s, channels, at, {
            let from = from.add(at);
            let mut sum = if count == 0 { s.splat_f32s(0.0) } else { load(s, from) };
            if count == 3 {
                sum = s.add_f32s(s.add_f32s(sum, load(s, from.add(step))), load(s, from.add(2 * step)));
            } else {
                for k in 1..count {
                    sum = s.add_f32s(sum, load(s, from.add(k * step)));
                }
            }
            if let Some(factor) = factor {
                sum = s.mul_f32s(sum, s.splat_f32s(factor));
            }
            store(s, to.add(at), sum);
        });
    }
}

/// Divides the gradient of each place of a mean by the number of its positions; `d` is (places, channels).
///
/// # Safety
/// `d` holds the places.
#[inline(always)]
pub unsafe fn divide<S: Simd>(s: S, spans: &Spans, channels: usize, d: *mut f32) {
    let [height, width] = spans.places();
    for y in 0..height {
        for x in 0..width {
            // SAFETY: the caller's.
            unsafe {
                let d = d.add((y * width + x) * channels);
                let share = spans.share(y, x);
                each_channel!(s, channels, at, {
                    store(s, d.add(at), s.mul_f32s(load(s, d.add(at)), s.splat_f32s(share)));
                });
            }
        }
    }
}

/// The gradient of a mean's input, added to `out` or in its place: of each pixel the sum of `d` (places, channels) over its readers.
/// `sums` is room for the sums of rows, (rows of places, width, channels). `out` is (height, width), pixels `out_step` apart.
///
/// # Safety
/// All hold the image.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a map, its room and its result")]
pub unsafe fn mean_back<S: Simd>(
    s: S,
    spans: &Spans,
    channels: usize,
    d: *const f32,
    sums: *mut f32,
    out: *mut f32,
    out_step: usize,
    add: bool,
) {
    let ([height, places], width) = (spans.places(), spans.column_readers.len());
    let row = width * channels;
    // SAFETY: the caller's; readers are among the places.
    unsafe {
        for y in 0..height {
            for (x, span) in spans.column_readers.iter().enumerate() {
                let from = d.add((y * places + span.first) * channels);
                total(s, from, channels, span.count, channels, sums.add(y * row + x * channels), None);
            }
        }
        for (y, span) in spans.row_readers.iter().enumerate() {
            for x in 0..width {
                let (from, to) = (sums.add(span.first * row + x * channels), out.add((y * width + x) * out_step));
                each_channel!(s, channels, at, {
                    let mut sum = s.splat_f32s(0.0);
                    for k in 0..span.count {
                        sum = s.add_f32s(sum, load(s, from.add(k * row + at)));
                    }
                    if add {
                        sum = s.add_f32s(load(s, to.add(at)), sum);
                    }
                    store(s, to.add(at), sum);
                });
            }
        }
    }
}

/// The gradient of a maximum's input, added to `out` or in its place: of each pixel the sum of `d` (places, channels) over the
/// readers whose `index` names it.
///
/// # Safety
/// As [`mean_back`].
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a map, what was found in it, and its result")]
pub unsafe fn maximum_back<S: Simd>(
    s: S,
    spans: &Spans,
    channels: usize,
    d: *const f32,
    index: *const f32,
    out: *mut f32,
    out_step: usize,
    add: bool,
) {
    let (w, places, width) = (&spans.window, spans.places()[1], spans.column_readers.len());
    // SAFETY: the caller's; readers are among the places.
    unsafe {
        for (y, rows) in spans.row_readers.iter().enumerate() {
            for (x, columns) in spans.column_readers.iter().enumerate() {
                let to = out.add((y * width + x) * out_step);
                // The tap by which the first reader reads this pixel; the next one's is a stride less.
                let (down, right) =
                    ((y + w.padding[0]) - rows.first * w.stride[0], (x + w.padding[1]) - columns.first * w.stride[1]);
                each_channel!(s, channels, at, {
                    let zero = s.splat_f32s(0.0);
                    let mut sum = zero;
                    for oy in 0..rows.count {
                        let tap = (down - oy * w.stride[0]) * w.kernel[1] + right;
                        let first = ((rows.first + oy) * places + columns.first) * channels + at;
                        for ox in 0..columns.count {
                            let place = first + ox * channels;
                            let here = s.splat_f32s((tap - ox * w.stride[1]) as f32);
                            let here = s.equal_f32s(load(s, index.add(place)), here);
                            sum = s.add_f32s(sum, s.select_f32s(here, load(s, d.add(place)), zero));
                        }
                    }
                    if add {
                        sum = s.add_f32s(load(s, to.add(at)), sum);
                    }
                    store(s, to.add(at), sum);
                });
            }
        }
    }
}
