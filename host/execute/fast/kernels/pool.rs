//! Pools over a window, and their way back.

use super::map::Source;
use super::simd::{each_channel, load, store};
use pulp::Simd;

/// A window over a map: kernel, stride, padding; each down and right.
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

impl Window {
    /// The taps, along one side, that lie within the map when the window is at place `at`: from the first to before the last, and
    /// where the first tap of all would lie.
    #[inline(always)]
    pub fn within(&self, side: usize, at: usize, size: usize) -> (usize, usize, isize) {
        let start = (at * self.stride[side]) as isize - self.padding[side] as isize;
        let first = (-start).max(0) as usize;
        let last = (size as isize - start).clamp(0, self.kernel[side] as isize) as usize;
        (first.min(last), last, start)
    }

    /// The places, along one side, whose window reads position `at`: from the first to before the last.
    #[inline(always)]
    pub fn readers(&self, side: usize, at: usize, places: usize) -> (usize, usize) {
        let (k, stride, reach) = (self.kernel[side], self.stride[side], at + self.padding[side]);
        let first = (reach + stride).saturating_sub(k) / stride;
        (first.min(places), (reach / stride + 1).min(places))
    }
}

/// The maximum of each window of a row (`dilation` 1), and which tap it was: the first of equals, as libtorch has it; NaN wins.
/// `index` may be null where no gradient will be asked for.
///
/// # Safety
/// The source holds the image; `out` holds `width` pixels, `out_step` apart, `index` (width, channels).
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a map, a row with its stride, and the taps")]
pub unsafe fn maximum<S: Simd>(
    s: S,
    w: &Window,
    source: &Source,
    image: usize,
    y: usize,
    out: *mut f32,
    out_step: usize,
    index: *mut u8,
    width: usize,
) {
    let map = &source.map;
    // SAFETY: the caller's; `within` leaves the taps that lie in the map.
    unsafe {
        let (y0, y1, top) = w.within(0, y, map.height);
        each_channel!(s, map.channels, at, {
            let fold = source.fold.map(|f| (load(s, f.scale.as_ptr().add(at)), load(s, f.shift.as_ptr().add(at))));
            for p in 0..width {
                let (x0, x1, left) = w.within(1, p, map.width);
                let mut best = s.splat_f32s(f32::NEG_INFINITY);
                let mut tap = s.splat_f32s((y0 * w.kernel[1] + x0) as f32);
                for ky in y0..y1 {
                    let row = map.row(image, (top + ky as isize) as usize).add(at);
                    for kx in x0..x1 {
                        let x = load(s, row.add((left + kx as isize) as usize * map.pixel));
                        let x = fold.map_or(x, |(scale, shift)| s.mul_add_f32s(x, scale, shift));
                        let nan = s.not_m32s(s.equal_f32s(x, x));
                        let found = s.or_m32s(s.greater_than_f32s(x, best), nan);
                        best = s.select_f32s(found, x, best);
                        tap = s.select_f32s(found, s.splat_f32s((ky * w.kernel[1] + kx) as f32), tap);
                    }
                }
                store(s, out.add(p * out_step + at), best);
                if !index.is_null() {
                    let mut taps = [0f32; 64];
                    store(s, taps.as_mut_ptr(), tap);
                    let lanes = crate::execute::fast::kernels::simd::lanes(s);
                    for (lane, tap) in taps[..lanes].iter().enumerate() {
                        *index.add(p * map.channels + at + lane) = *tap as u8;
                    }
                }
            }
        });
    }
}

/// The mean of each window of a row; what lies outside the map does not count.
///
/// # Safety
/// As [`maximum`].
#[inline(always)]
pub unsafe fn mean<S: Simd>(
    s: S,
    w: &Window,
    source: &Source,
    image: usize,
    y: usize,
    out: *mut f32,
    out_step: usize,
    width: usize,
) {
    let map = &source.map;
    // SAFETY: the caller's; `within` leaves the taps that lie in the map.
    unsafe {
        let (y0, y1, top) = w.within(0, y, map.height);
        each_channel!(s, map.channels, at, {
            let fold = source.fold.map(|f| (load(s, f.scale.as_ptr().add(at)), load(s, f.shift.as_ptr().add(at))));
            for p in 0..width {
                let (x0, x1, left) = w.within(1, p, map.width);
                let mut sum = s.splat_f32s(0.0);
                for ky in y0..y1 {
                    let row = map.row(image, (top + ky as isize) as usize).add(at);
                    for kx in x0..x1 {
                        sum = s.add_f32s(sum, load(s, row.add((left + kx as isize) as usize * map.pixel)));
                    }
                }
                let count = ((y1 - y0) * (x1 - x0)) as f32;
                let mut v = s.mul_f32s(sum, s.splat_f32s(1.0 / count));
                if let Some((scale, shift)) = fold {
                    v = s.mul_add_f32s(v, scale, shift);
                }
                store(s, out.add(p * out_step + at), v);
            }
        });
    }
}

/// The gradient of a row of a pool's input, added to `out` or in its place, from that of its whole output `d` (height, width,
/// channels); `index` is what [`maximum`] found, or null for the mean.
///
/// # Safety
/// `d` and `index` hold the `places`, `out` the pixels of the row.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "maps with their sizes")]
pub unsafe fn back<S: Simd>(
    s: S,
    w: &Window,
    source: &Source,
    y: usize,
    d: *const f32,
    index: *const u8,
    places: [usize; 2],
    out: *mut f32,
    out_step: usize,
    add: bool,
) {
    let map = &source.map;
    let channels = map.channels;
    // SAFETY: the caller's; `readers` leaves the places that there are.
    unsafe {
        let (y0, y1) = w.readers(0, y, places[0]);
        each_channel!(s, channels, at, {
            let lanes = crate::execute::fast::kernels::simd::lanes(s);
            for x in 0..map.width {
                let (x0, x1) = w.readers(1, x, places[1]);
                let mut sum = s.splat_f32s(0.0);
                for oy in y0..y1 {
                    for ox in x0..x1 {
                        let place = (oy * places[1] + ox) * channels + at;
                        let g = load(s, d.add(place));
                        if index.is_null() {
                            let (top, bottom, _) = w.within(0, oy, map.height);
                            let (left, right, _) = w.within(1, ox, map.width);
                            let share = 1.0 / ((bottom - top) * (right - left)) as f32;
                            sum = s.mul_add_f32s(g, s.splat_f32s(share), sum);
                        } else {
                            let tap = (y + w.padding[0] - oy * w.stride[0]) * w.kernel[1]
                                + (x + w.padding[1] - ox * w.stride[1]);
                            let mut taps = [0f32; 64];
                            for (lane, tap) in taps[..lanes].iter_mut().enumerate() {
                                *tap = f32::from(*index.add(place + lane));
                            }
                            let here = s.equal_f32s(load(s, taps.as_ptr()), s.splat_f32s(tap as f32));
                            sum = s.add_f32s(sum, s.select_f32s(here, g, s.splat_f32s(0.0)));
                        }
                    }
                }
                let out = out.add(x * out_step + at);
                if add {
                    sum = s.add_f32s(load(s, out), sum);
                }
                store(s, out, sum);
            }
        });
    }
}
