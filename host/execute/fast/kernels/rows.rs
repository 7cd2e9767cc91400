//! Passes over rows of pixels: reading with batch norm and ReLU, their way back, sums for batch norm's statistics.

use super::map::{Fold, Source};
use super::simd::{each_channel, load, relu, store};
use pulp::Simd;

/// out[p] = what `source` gives at pixel p of a row that begins at `x`; pixels of `out` are `out_step` apart.
///
/// # Safety
/// Both hold `width` pixels of the source's channels.
#[inline(always)]
pub unsafe fn read<S: Simd>(s: S, source: &Source, x: *const f32, out: *mut f32, out_step: usize, width: usize) {
    let (step, channels) = (source.map.pixel, source.map.channels);
    // SAFETY: the caller's; fold has a number per channel.
    unsafe {
        match (source.fold, source.relu) {
            (None, rectified) => {
                // In the order of memory, since a wide map does not stay in the first cache.
                for p in 0..width {
                    let (x, out) = (x.add(p * step), out.add(p * out_step));
                    each_channel!(s, channels, at, {
                        let v = load(s, x.add(at));
                        store(s, out.add(at), if rectified { relu(s, v) } else { v });
                    });
                }
            }
            (Some(Fold { scale, shift }), rectified) => each_channel!(s, channels, at, {
                let (mut x, mut out) = (x.add(at), out.add(at));
                let (scale, shift) = (load(s, scale.as_ptr().add(at)), load(s, shift.as_ptr().add(at)));
                for _ in 0..width {
                    let v = s.mul_add_f32s(load(s, x), scale, shift);
                    store(s, out, if rectified { relu(s, v) } else { v });
                    x = x.add(step);
                    out = out.add(out_step);
                }
            }),
        }
    }
}

/// Sums over pixels for a gradient that goes on through a batch norm: of the gradient, and of it times the distance from the mean.
#[derive(Debug, Clone, Copy)]
pub struct GradientSums<'a> {
    /// The mean per channel of what the batch norm read.
    pub mean: &'a [f32],
    /// The sums so far: per channel of the gradient, then per channel of the products.
    pub sums: *mut f64,
}

/// The way back of [`read`]'s ReLU: out[p] = d[p] where what was read is positive, otherwise 0; added to what `out` holds, or in its
/// place. Without ReLU all of d. `sums` are those of the batch norm that `source` folds.
///
/// # Safety
/// `d` holds `width` pixels, `d_step` apart; `x` and `out` hold as many, as the source's map and `out_step` say.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "three rows with their strides")]
pub unsafe fn unread<S: Simd>(
    s: S,
    source: &Source,
    x: *const f32,
    d: *const f32,
    d_step: usize,
    out: *mut f32,
    out_step: usize,
    add: bool,
    width: usize,
    sums: Option<&GradientSums>,
) {
    let (step, channels) = (source.map.pixel, source.map.channels);
    // SAFETY: the caller's; fold, mean and sums have a number per channel.
    unsafe {
        if source.fold.is_none() && sums.is_none() {
            for p in 0..width {
                let (x, d, out) = (x.add(p * step), d.add(p * d_step), out.add(p * out_step));
                each_channel!(s, channels, at, {
                    let mut g = load(s, d.add(at));
                    if source.relu {
                        let zero = s.splat_f32s(0.0);
                        g = s.select_f32s(s.greater_than_f32s(load(s, x.add(at)), zero), g, zero);
                    }
                    if add {
                        g = s.add_f32s(load(s, out.add(at)), g);
                    }
                    store(s, out.add(at), g);
                });
            }
            return;
        }
        each_channel!(s, channels, at, {
            let (mut x, mut d, mut out) = (x.add(at), d.add(at), out.add(at));
            let zero = s.splat_f32s(0.0);
            let (scale, shift) = match source.fold {
                Some(f) => (load(s, f.scale.as_ptr().add(at)), load(s, f.shift.as_ptr().add(at))),
                None => (s.splat_f32s(1.0), zero),
            };
            let mean = match sums {
                Some(sums) => load(s, sums.mean.as_ptr().add(at)),
                None => zero,
            };
            let (mut sum, mut product) = (zero, zero);
            for _ in 0..width {
                let x_ = load(s, x);
                let mut g = load(s, d);
                if source.relu {
                    let v = if source.fold.is_some() { s.mul_add_f32s(x_, scale, shift) } else { x_ };
                    g = s.select_f32s(s.greater_than_f32s(v, zero), g, zero);
                }
                if add {
                    g = s.add_f32s(load(s, out), g);
                }
                if sums.is_some() {
                    sum = s.add_f32s(sum, g);
                    product = s.mul_add_f32s(g, s.sub_f32s(x_, mean), product);
                }
                store(s, out, g);
                x = x.add(step);
                d = d.add(d_step);
                out = out.add(out_step);
            }
            if let Some(sums) = sums {
                add_to(s, sums.sums.add(at), sum);
                add_to(s, sums.sums.add(channels + at), product);
            }
        });
    }
}

/// Adds a vector to sums in double precision.
///
/// # Safety
/// The sums are there.
#[inline(always)]
pub unsafe fn add_to<S: Simd>(s: S, sums: *mut f64, v: S::f32s) {
    let mut values = [0f32; 64];
    // SAFETY: the caller's; no vector has more than 64 lanes.
    unsafe {
        store(s, values.as_mut_ptr(), v);
        for (lane, value) in values[..S::F32_LANES].iter().enumerate() {
            *sums.add(lane) += f64::from(*value);
        }
    }
}

/// Adds Σ (y − shift) and Σ (y − shift)² over pixels to sums, per channel: first all of the one, then all of the other. Near the
/// mean, `shift` keeps the squares from drowning the variance.
///
/// # Safety
/// `y` holds `pixels` pixels of `channels`, `step` apart; there are as many shifts, and twice as many sums.
#[inline(always)]
pub unsafe fn moments<S: Simd>(
    s: S,
    y: *const f32,
    step: usize,
    pixels: usize,
    channels: usize,
    shift: *const f32,
    sums: *mut f64,
) {
    // SAFETY: the caller's.
    unsafe {
        each_channel!(s, channels, at, {
            let shift = load(s, shift.add(at));
            let zero = s.splat_f32s(0.0);
            let (mut sum, mut square) = ([zero; 4], [zero; 4]);
            let mut y = y.add(at);
            let mut left = pixels;
            while left >= 4 {
                for k in 0..4 {
                    let v = s.sub_f32s(load(s, y.add(k * step)), shift);
                    sum[k] = s.add_f32s(sum[k], v);
                    square[k] = s.mul_add_f32s(v, v, square[k]);
                }
                y = y.add(4 * step);
                left -= 4;
            }
            for _ in 0..left {
                let v = s.sub_f32s(load(s, y), shift);
                sum[0] = s.add_f32s(sum[0], v);
                square[0] = s.mul_add_f32s(v, v, square[0]);
                y = y.add(step);
            }
            let total = |v: [_; 4]| s.add_f32s(s.add_f32s(v[0], v[1]), s.add_f32s(v[2], v[3]));
            add_to(s, sums.add(at), total(sum));
            add_to(s, sums.add(channels + at), total(square));
        });
    }
}

/// The way back of a batch norm, as a map per channel: the gradient of what it read is
/// `scale · g + slope · (y − mean) + shift`, with g the gradient of what it returned and y what it read.
#[derive(Debug, Clone, Copy)]
pub struct Unfold<'a> {
    /// Per channel.
    pub scale: &'a [f32],
    /// Per channel.
    pub slope: &'a [f32],
    /// Per channel.
    pub mean: &'a [f32],
    /// Per channel.
    pub shift: &'a [f32],
}

/// out[p] = the gradient of a convolution's or pool's output, from the gradient of its batch norm's output; pixels of `out` are
/// `out_step` apart. Where there is no batch norm, `factor · g`.
///
/// # Safety
/// All rows hold `width` pixels of `channels`.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "three rows with their strides")]
pub unsafe fn unfold<S: Simd>(
    s: S,
    norm: Option<&Unfold>,
    factor: f32,
    g: *const f32,
    g_step: usize,
    y: *const f32,
    y_step: usize,
    out: *mut f32,
    out_step: usize,
    width: usize,
    channels: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        each_channel!(s, channels, at, {
            let (mut g, mut y, mut out) = (g.add(at), y.wrapping_add(at), out.add(at));
            let factor = s.splat_f32s(factor);
            match norm {
                None => {
                    for _ in 0..width {
                        store(s, out, s.mul_f32s(load(s, g), factor));
                        g = g.add(g_step);
                        out = out.add(out_step);
                    }
                }
                Some(norm) => {
                    let scale = s.mul_f32s(load(s, norm.scale.as_ptr().add(at)), factor);
                    let slope = load(s, norm.slope.as_ptr().add(at));
                    let mean = load(s, norm.mean.as_ptr().add(at));
                    let shift = load(s, norm.shift.as_ptr().add(at));
                    for _ in 0..width {
                        let distance = s.sub_f32s(load(s, y), mean);
                        let v = s.mul_add_f32s(slope, distance, s.mul_add_f32s(scale, load(s, g), shift));
                        store(s, out, v);
                        g = g.add(g_step);
                        y = y.add(y_step);
                        out = out.add(out_step);
                    }
                }
            }
        });
    }
}

/// out[p] += d[p], for patches that go back to where they came from.
///
/// # Safety
/// Both hold `count` numbers.
#[inline(always)]
pub unsafe fn accumulate<S: Simd>(s: S, d: *const f32, out: *mut f32, count: usize) {
    // SAFETY: the caller's.
    unsafe {
        each_channel!(s, count, at, {
            store(s, out.add(at), s.add_f32s(load(s, out.add(at)), load(s, d.add(at))));
        });
    }
}
