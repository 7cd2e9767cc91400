//! Passes over rows of pixels: reading with batch norm and ReLU, their way back, sums for batch norm's statistics.

use super::map::{Fold, Source};
use super::simd::{each_channel, each_group, each_of, lanes, load, load_group, relu, store, store_group};
use pulp::Simd;

/// Whether pixels stay in the first cache from one group of channels to the next. Longer rows are gone through in the order of memory.
fn is_short(width: usize, step: usize) -> bool {
    width * step <= 2048
}

/// out(p) = what `source` gives at pixel p of a row that begins at `x`; pixels of `out` are `out_step` apart.
///
/// # Safety
/// Both hold `width` pixels of the source's channels.
#[inline(always)]
pub unsafe fn read<S: Simd>(s: S, source: &Source, x: *const f32, out: *mut f32, out_step: usize, width: usize) {
    let (step, channels) = (source.map.pixel, source.map.channels);
    // SAFETY: the caller's; fold has a number per channel.
    unsafe {
        match (source.fold, source.relu) {
            (None, rectified) if is_short(width, step) => each_group!(s, channels, at, N, {
                let (mut x, mut out) = (x.add(at), out.add(at));
                for _ in 0..width {
                    let v: [_; N] = load_group(s, x);
                    store_group(s, out, if rectified { each_of(|k| relu(s, v[k])) } else { v });
                    x = x.add(step);
                    out = out.add(out_step);
                }
            }),
            (None, rectified) => {
                for p in 0..width {
                    let (x, out) = (x.add(p * step), out.add(p * out_step));
                    each_group!(s, channels, at, N, {
                        let v: [_; N] = load_group(s, x.add(at));
                        store_group(s, out.add(at), if rectified { each_of(|k| relu(s, v[k])) } else { v });
                    });
                }
            }
            (Some(Fold { scale, shift }), rectified) => each_group!(s, channels, at, N, {
                let (mut x, mut out) = (x.add(at), out.add(at));
                let scale: [_; N] = load_group(s, scale.as_ptr().add(at));
                let shift: [_; N] = load_group(s, shift.as_ptr().add(at));
                for _ in 0..width {
                    let x_: [_; N] = load_group(s, x);
                    let v: [_; N] = each_of(|k| {
                        let v = s.mul_add_f32s(x_[k], scale[k], shift[k]);
                        if rectified { relu(s, v) } else { v }
                    });
                    store_group(s, out, v);
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

/// The way back of [`read`]'s ReLU: out(p) = d(p) where what was read is positive, otherwise 0; added to what `out` holds, or in its
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
        if source.fold.is_none() && sums.is_none() && !is_short(width, step) {
            for p in 0..width {
                let (x, d, out) = (x.add(p * step), d.add(p * d_step), out.add(p * out_step));
                each_group!(s, channels, at, N, {
                    let (x, old): ([_; N], [_; N]) = (load_group(s, x.add(at)), load_group(s, out.add(at)));
                    let d: [_; N] = load_group(s, d.add(at));
                    let zero = s.splat_f32s(0.0);
                    let g: [_; N] = each_of(|k| {
                        let g =
                            if source.relu { s.select_f32s(s.greater_than_f32s(x[k], zero), d[k], zero) } else { d[k] };
                        if add { s.add_f32s(old[k], g) } else { g }
                    });
                    store_group(s, out.add(at), g);
                });
            }
            return;
        }
        each_group!(s, channels, at, N, {
            let (mut x, mut d, mut out) = (x.add(at), d.add(at), out.add(at));
            let zero = s.splat_f32s(0.0);
            let (scale, shift): ([_; N], [_; N]) = match source.fold {
                Some(f) => (load_group(s, f.scale.as_ptr().add(at)), load_group(s, f.shift.as_ptr().add(at))),
                None => ([s.splat_f32s(1.0); N], [zero; N]),
            };
            let mean: [_; N] = match sums {
                Some(sums) => load_group(s, sums.mean.as_ptr().add(at)),
                None => [zero; N],
            };
            let (mut sum, mut product) = ([zero; N], [zero; N]);
            for _ in 0..width {
                let x_: [_; N] = load_group(s, x);
                let mut g: [_; N] = load_group(s, d);
                if source.relu {
                    g = each_of(|k| {
                        let v = if source.fold.is_some() { s.mul_add_f32s(x_[k], scale[k], shift[k]) } else { x_[k] };
                        s.select_f32s(s.greater_than_f32s(v, zero), g[k], zero)
                    });
                }
                if add {
                    let old: [_; N] = load_group(s, out);
                    g = each_of(|k| s.add_f32s(old[k], g[k]));
                }
                if sums.is_some() {
                    sum = each_of(|k| s.add_f32s(sum[k], g[k]));
                    product = each_of(|k| s.mul_add_f32s(g[k], s.sub_f32s(x_[k], mean[k]), product[k]));
                }
                store_group(s, out, g);
                x = x.add(step);
                d = d.add(d_step);
                out = out.add(out_step);
            }
            if let Some(sums) = sums {
                for k in 0..N {
                    let at = at + k * lanes(s);
                    add_to(s, sums.sums.add(at), sum[k]);
                    add_to(s, sums.sums.add(channels + at), product[k]);
                }
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
        each_group!(s, channels, at, N, {
            // The same whatever N is: it is the order of the sums.
            const TOGETHER: usize = 2;
            let shift: [_; N] = load_group(s, shift.add(at));
            let zero = s.splat_f32s(0.0);
            let (mut sum, mut square) = ([[zero; N]; TOGETHER], [[zero; N]; TOGETHER]);
            let mut y = y.add(at);
            let mut left = pixels;
            while left > 0 {
                for pixel in 0..TOGETHER.min(left) {
                    let v: [_; N] = load_group(s, y);
                    for k in 0..N {
                        let v = s.sub_f32s(v[k], shift[k]);
                        sum[pixel][k] = s.add_f32s(sum[pixel][k], v);
                        square[pixel][k] = s.mul_add_f32s(v, v, square[pixel][k]);
                    }
                    y = y.add(step);
                }
                left -= TOGETHER.min(left);
            }
            for k in 0..N {
                let at = at + k * lanes(s);
                let total = |v: &[[_; N]; TOGETHER]| v[1..].iter().fold(v[0][k], |sum, v| s.add_f32s(sum, v[k]));
                add_to(s, sums.add(at), total(&sum));
                add_to(s, sums.add(channels + at), total(&square));
            }
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

/// out(p) = the gradient of a convolution's or pool's output, from the gradient of its batch norm's output; pixels of `out` are
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
        each_group!(s, channels, at, N, {
            let (mut g, mut y, mut out) = (g.add(at), y.wrapping_add(at), out.add(at));
            let factor = s.splat_f32s(factor);
            match norm {
                None => {
                    for _ in 0..width {
                        let g_: [_; N] = load_group(s, g);
                        let v: [_; N] = each_of(|k| s.mul_f32s(g_[k], factor));
                        store_group(s, out, v);
                        g = g.add(g_step);
                        out = out.add(out_step);
                    }
                }
                Some(norm) => {
                    let scale: [_; N] = load_group(s, norm.scale.as_ptr().add(at));
                    let scale: [_; N] = each_of(|k| s.mul_f32s(scale[k], factor));
                    let slope: [_; N] = load_group(s, norm.slope.as_ptr().add(at));
                    let mean: [_; N] = load_group(s, norm.mean.as_ptr().add(at));
                    let shift: [_; N] = load_group(s, norm.shift.as_ptr().add(at));
                    for _ in 0..width {
                        let (y_, g_): ([_; N], [_; N]) = (load_group(s, y), load_group(s, g));
                        let v: [_; N] = each_of(|k| {
                            let distance = s.sub_f32s(y_[k], mean[k]);
                            s.mul_add_f32s(slope[k], distance, s.mul_add_f32s(scale[k], g_[k], shift[k]))
                        });
                        store_group(s, out, v);
                        g = g.add(g_step);
                        y = y.add(y_step);
                        out = out.add(out_step);
                    }
                }
            }
        });
    }
}

/// out(p) += d(p), for patches that go back to where they came from.
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
