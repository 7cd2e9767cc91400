//! Depthwise convolution over a padded tile: a row of it, and the gradient of its weights over all rows.

use super::simd::{each_channel, load, store};
use pulp::Simd;

/// How a window lies over a tile: distances in numbers.
#[derive(Debug, Clone, Copy)]
pub struct Taps {
    /// Channels.
    pub channels: usize,
    /// The window's height and width.
    pub kernel: [usize; 2],
    /// The distance between taps of the window, down and right.
    pub tap: [usize; 2],
    /// The distance between the places of the window in a row.
    pub step: usize,
}

/// Pixels that are computed in registers at a time.
const PIXELS: usize = 8;

/// A row: out(p) = Σ over taps of weights(tap) · x(p + tap), from the first tap to the last. `weights` are (taps, channels); the
/// pixels of `out` are `out_step` apart.
///
/// # Safety
/// The tile holds the windows of all `width` pixels from `x` on, and `out` holds the pixels.
#[inline(always)]
pub unsafe fn row<S: Simd>(
    s: S,
    t: &Taps,
    x: *const f32,
    weights: *const f32,
    out: *mut f32,
    out_step: usize,
    width: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        // Where windows overlap, a number is read once for all of its taps. With taps some pixels apart that holds among the pixels
        // that are as far apart.
        let apart = if t.tap[1].is_multiple_of(t.step) { t.tap[1] / t.step } else { 0 };
        for phase in 0..apart.min(width) {
            let (x, out) = (x.add(phase * t.step), out.add(phase * out_step));
            let line = Line { t, step: t.step * apart, out_step: out_step * apart };
            let width = (width - phase).div_ceil(apart);
            match t.kernel[1] {
                3 => line.channels::<S, 3>(s, x, weights, out, width),
                5 => line.channels::<S, 5>(s, x, weights, out, width),
                7 => line.channels::<S, 7>(s, x, weights, out, width),
                _ => line.channels::<S, 0>(s, x, weights, out, width),
            }
        }
        if apart == 0 {
            Line { t, step: t.step, out_step }.channels::<S, 0>(s, x, weights, out, width);
        }
    }
}

/// Pixels of a row at equal distances.
struct Line<'a> {
    t: &'a Taps,
    step: usize,
    out_step: usize,
}

impl Line<'_> {
    #[inline(always)]
    unsafe fn channels<S: Simd, const K: usize>(
        &self,
        s: S,
        x: *const f32,
        weights: *const f32,
        out: *mut f32,
        width: usize,
    ) {
        // SAFETY: the caller's; channels are taken in widths that fit.
        unsafe {
            each_channel!(s, self.t.channels, at, {
                self.pixels::<_, K>(s, x.add(at), weights.add(at), out.add(at), width);
            });
        }
    }

    #[inline(always)]
    unsafe fn pixels<S: Simd, const K: usize>(
        &self,
        s: S,
        x: *const f32,
        weights: *const f32,
        out: *mut f32,
        width: usize,
    ) {
        let (mut p, at) = (0, |p: usize| (x.wrapping_add(p * self.step), out.wrapping_add(p * self.out_step)));
        // SAFETY: the caller's; pixels are taken in numbers that fit.
        unsafe {
            while p + PIXELS <= width {
                let (x, out) = at(p);
                if K > 0 {
                    self.overlapping::<S, K, PIXELS>(s, x, weights, out)
                } else {
                    self.apart::<S, PIXELS>(s, x, weights, out)
                }
                p += PIXELS;
            }
            if p + 4 <= width {
                let (x, out) = at(p);
                if K > 0 {
                    self.overlapping::<S, K, 4>(s, x, weights, out)
                } else {
                    self.apart::<S, 4>(s, x, weights, out)
                }
                p += 4;
            }
            while p < width {
                let (x, out) = at(p);
                self.apart::<S, 1>(s, x, weights, out);
                p += 1;
            }
        }
    }

    /// P pixels, tap by tap.
    #[inline(always)]
    unsafe fn apart<S: Simd, const P: usize>(&self, s: S, x: *const f32, weights: *const f32, out: *mut f32) {
        let [height, width] = self.t.kernel;
        // SAFETY: the caller's.
        unsafe {
            let mut sum = [s.splat_f32s(0.0); P];
            let mut weight = weights;
            for ky in 0..height {
                for kx in 0..width {
                    let w = load(s, weight);
                    let x = x.add(ky * self.t.tap[0] + kx * self.t.tap[1]);
                    for (p, sum) in sum.iter_mut().enumerate() {
                        *sum = s.mul_add_f32s(load(s, x.add(p * self.step)), w, *sum);
                    }
                    weight = weight.add(self.t.channels);
                }
            }
            for (p, sum) in sum.iter().enumerate() {
                store(s, out.add(p * self.out_step), *sum);
            }
        }
    }

    /// P pixels as far apart as the K taps of a row: each number is read once. Every sum is in the order of [`Line::apart`].
    #[inline(always)]
    unsafe fn overlapping<S: Simd, const K: usize, const P: usize>(
        &self,
        s: S,
        x: *const f32,
        weights: *const f32,
        out: *mut f32,
    ) {
        // SAFETY: the caller's.
        unsafe {
            let mut sum = [s.splat_f32s(0.0); P];
            for ky in 0..self.t.kernel[0] {
                let row = weights.add(ky * K * self.t.channels);
                let weight: [S::f32s; K] = std::array::from_fn(|kx| load(s, row.add(kx * self.t.channels)));
                let x = x.add(ky * self.t.tap[0]);
                for at in 0..P + K - 1 {
                    let v = load(s, x.add(at * self.step));
                    for (kx, weight) in weight.iter().enumerate() {
                        if at >= kx && at - kx < P {
                            sum[at - kx] = s.mul_add_f32s(v, *weight, sum[at - kx]);
                        }
                    }
                }
            }
            for (p, sum) in sum.iter().enumerate() {
                store(s, out.add(p * self.out_step), *sum);
            }
        }
    }
}

/// A map's share of the gradient of the weights: gradient(tap) += Σ over pixels of d(p) · x(p + tap), row after row. Pixels of
/// `d` are `d_step` apart and its rows `d_row`; the window's places in `x` are `x_row` apart from row to row.
///
/// # Safety
/// As [`row`] for all `height` rows; `gradient` is (taps, channels).
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "two maps with their strides")]
pub unsafe fn weights<S: Simd>(
    s: S,
    t: &Taps,
    x: *const f32,
    x_row: usize,
    d: *const f32,
    d_row: usize,
    d_step: usize,
    gradient: *mut f32,
    [height, width]: [usize; 2],
) {
    let whole = Whole { t, x_row, d_row, d_step, height, width };
    // SAFETY: the caller's; channels are taken in widths that fit.
    unsafe {
        each_channel!(s, t.channels, at, {
            whole.taps(s, x.add(at), d.add(at), gradient.add(at));
        });
    }
}

struct Whole<'a> {
    t: &'a Taps,
    x_row: usize,
    d_row: usize,
    d_step: usize,
    height: usize,
    width: usize,
}

impl Whole<'_> {
    /// As many taps at a time as registers hold.
    #[inline(always)]
    unsafe fn taps<S: Simd>(&self, s: S, x: *const f32, d: *const f32, gradient: *mut f32) {
        let [height, width] = self.t.kernel;
        let row = width * self.t.channels;
        // SAFETY: the caller's.
        unsafe {
            let mut ky = 0;
            while ky < height {
                let (x, gradient) = (x.add(ky * self.t.tap[0]), gradient.add(ky * row));
                ky += match (width, height - ky) {
                    (3, 3..) => self.some::<S, 3, 3>(s, x, d, gradient),
                    (5, 2..) => self.some::<S, 2, 5>(s, x, d, gradient),
                    (5, _) => self.some::<S, 1, 5>(s, x, d, gradient),
                    (7, _) => self.some::<S, 1, 7>(s, x, d, gradient),
                    _ => {
                        for kx in 0..width {
                            self.some::<S, 1, 1>(s, x.add(kx * self.t.tap[1]), d, gradient.add(kx * self.t.channels));
                        }
                        1
                    }
                };
            }
        }
    }

    /// R rows of K taps.
    #[inline(always)]
    unsafe fn some<S: Simd, const R: usize, const K: usize>(
        &self,
        s: S,
        x: *const f32,
        d: *const f32,
        gradient: *mut f32,
    ) -> usize {
        let t = self.t;
        // SAFETY: the caller's.
        unsafe {
            let mut sum = [[s.splat_f32s(0.0); K]; R];
            for y in 0..self.height {
                let (mut x, mut d) = (x.add(y * self.x_row), d.add(y * self.d_row));
                for _ in 0..self.width {
                    let d_ = load(s, d);
                    for (r, row) in sum.iter_mut().enumerate() {
                        for (k, sum) in row.iter_mut().enumerate() {
                            *sum = s.mul_add_f32s(load(s, x.add(r * t.tap[0] + k * t.tap[1])), d_, *sum);
                        }
                    }
                    x = x.add(t.step);
                    d = d.add(self.d_step);
                }
            }
            for (r, row) in sum.iter().enumerate() {
                for (k, sum) in row.iter().enumerate() {
                    let g = gradient.add((r * K + k) * t.channels);
                    store(s, g, s.add_f32s(load(s, g), *sum));
                }
            }
        }
        R
    }
}
