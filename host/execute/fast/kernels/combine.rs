//! A node's sum over its edges, and the sums over its gradient that its edges' batch norms and α need.

use super::map::{Fold, Map};
use super::rows::add_to;
use super::simd::{Level, each_group, each_of, lanes, load_group, store_group};
use super::work::{Exhausted, Parts, Stretches, Threads, zeros};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// What one edge brings to a node: `weight(image) · (scale · x + shift)`.
#[derive(Debug, Clone, Copy)]
pub struct Term<'a> {
    /// x.
    pub map: Map,
    /// The batch norm on the way.
    pub fold: Option<Fold<'a>>,
    /// The candidate's weight and what drop-path leaves of it, per image.
    pub weight: &'a [f32],
}

/// out = Σ over terms, in their order, over rows of one image; where `add`, on top of what `out` holds.
///
/// # Safety
/// All maps are of one size and hold the image; `out` overlaps none of the terms.
#[inline(always)]
unsafe fn sum_image<S: Simd>(s: S, terms: &[Term], out: &Map, add: bool, image: usize) {
    let pixels = out.pixels();
    // Pixels in registers at a time.
    const BLOCK: usize = 4;
    // SAFETY: the caller's.
    unsafe {
        each_group!(s, out.channels, at, N, {
            let to = out.row(image, 0).add(at);
            let mut p = 0;
            while p < pixels {
                let block = BLOCK.min(pixels - p);
                if block == BLOCK {
                    sum_block::<_, N, BLOCK>(s, terms, image, at, p, to.add(p * out.pixel), out.pixel, add);
                } else {
                    for p in p..pixels {
                        sum_block::<_, N, 1>(s, terms, image, at, p, to.add(p * out.pixel), out.pixel, add);
                    }
                }
                p += block;
            }
        });
    }
}

/// P pixels from `p` on, N vectors of channels from `at` on.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a place in several maps")]
unsafe fn sum_block<S: Simd, const N: usize, const P: usize>(
    s: S,
    terms: &[Term],
    image: usize,
    at: usize,
    p: usize,
    to: *mut f32,
    step: usize,
    add: bool,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[s.splat_f32s(0.0); N]; P];
        if add {
            for (k, sum) in sums.iter_mut().enumerate() {
                *sum = load_group(s, to.add(k * step));
            }
        }
        for term in terms {
            let from = term.map.row(image, 0).add(at + p * term.map.pixel).cast_const();
            let weight = s.splat_f32s(term.weight[image]);
            let (scale, shift): ([_; N], [_; N]) = match term.fold {
                Some(f) => {
                    let scale: [_; N] = load_group(s, f.scale.as_ptr().add(at));
                    let shift: [_; N] = load_group(s, f.shift.as_ptr().add(at));
                    (each_of(|k| s.mul_f32s(scale[k], weight)), each_of(|k| s.mul_f32s(shift[k], weight)))
                }
                None => ([weight; N], [s.splat_f32s(0.0); N]),
            };
            for (k, sum) in sums.iter_mut().enumerate() {
                let v: [_; N] = load_group(s, from.add(k * term.map.pixel));
                *sum = each_of(|k| s.add_f32s(sum[k], s.mul_add_f32s(v[k], scale[k], shift[k])));
            }
        }
        for (k, sum) in sums.into_iter().enumerate() {
            store_group(s, to.add(k * step), sum);
        }
    }
}

/// Sums over one image's pixels of a gradient g, and of g · (y − mean) for each of several maps y: first the channels of g, then those
/// of each product, added to `sums`.
///
/// # Safety
/// All maps are of one size and hold the image; there are (1 + number of maps) · channels sums.
#[inline(always)]
unsafe fn products_image<S: Simd>(s: S, g: &Map, maps: &[(Map, &[f32])], image: usize, sums: *mut f64) {
    let channels = g.channels;
    // SAFETY: the caller's.
    unsafe {
        for y in 0..g.height {
            let d = g.row(image, y).cast_const();
            each_group!(s, channels, at, N, {
                let zero = s.splat_f32s(0.0);
                let mut sum = [[zero; N]; 2];
                for p in 0..g.width {
                    let d: [_; N] = load_group(s, d.add(p * g.pixel + at));
                    sum[p % 2] = each_of(|k| s.add_f32s(sum[p % 2][k], d[k]));
                }
                for k in 0..N {
                    add_to(s, sums.add(at + k * lanes(s)), s.add_f32s(sum[0][k], sum[1][k]));
                }
            });
            for (number, (map, mean)) in maps.iter().enumerate() {
                let x = map.row(image, y).cast_const();
                let sums = sums.add((1 + number) * channels);
                each_group!(s, channels, at, N, {
                    let mean: [_; N] = load_group(s, mean.as_ptr().add(at));
                    let mut sum = [[s.splat_f32s(0.0); N]; 4];
                    let mut p = 0;
                    while p < g.width {
                        for sum in sum.iter_mut().take(g.width - p) {
                            let x: [_; N] = load_group(s, x.add(p * map.pixel + at));
                            let d: [_; N] = load_group(s, d.add(p * g.pixel + at));
                            *sum = each_of(|k| s.mul_add_f32s(d[k], s.sub_f32s(x[k], mean[k]), sum[k]));
                            p += 1;
                        }
                    }
                    for k in 0..N {
                        let pair = |a: usize, b: usize| s.add_f32s(sum[a][k], sum[b][k]);
                        add_to(s, sums.add(at + k * lanes(s)), s.add_f32s(pair(0, 1), pair(2, 3)));
                    }
                });
            }
        }
    }
}

/// out = Σ over terms, in their order, for a batch; where `add`, on top of what `out` holds.
///
/// # Panics
/// Where the terms are not of the size of `out`.
pub fn sum((level, threads): (Level, &dyn Threads), terms: &[Term], out: &Map, add: bool, batch: usize) {
    for term in terms {
        assert!(term.map.is_like(out) && term.weight.len() == batch, "a term of another size");
    }
    let parts = Parts::of(batch);
    threads.run(parts.count(), &|part| level.run(Sum { terms, out, add, images: parts.images(part) }));
}

struct Sum<'a> {
    terms: &'a [Term<'a>],
    out: &'a Map,
    add: bool,
    images: Range<usize>,
}

impl WithSimd for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        for image in self.images {
            // SAFETY: the maps are of one size; this part's images are its own.
            unsafe { sum_image(s, self.terms, self.out, self.add, image) };
        }
    }
}

/// Σ over a batch's pixels of a gradient g, times `weight` of each image where there is one, and of that times (y − mean) for each of
/// several maps: the channels of the one, then those of each product.
///
/// # Errors
/// Where there is no memory for the sums of the batch's parts.
///
/// # Panics
/// Where the maps are not of one size.
pub fn products(
    (level, threads): (Level, &dyn Threads),
    g: &Map,
    maps: &[(Map, &[f32])],
    weight: Option<&[f32]>,
    batch: usize,
) -> Result<Vec<f64>, Exhausted> {
    for (map, mean) in maps {
        assert!(map.is_like(g) && mean.len() == g.channels, "a map of another size");
    }
    let (parts, each) = (Parts::of(batch), (1 + maps.len()) * g.channels);
    let mut sums = zeros::<f64>(parts.count() * each)?;
    {
        let sums = Stretches::of(&mut sums, parts.count());
        threads.run(parts.count(), &|part| {
            // SAFETY: every part is run once; the numbers outlive the run.
            let sums = unsafe { sums.part(part) };
            level.run(Products { g, maps, weight, images: parts.images(part), sums });
        });
    }
    Ok((0..each).map(|at| (0..parts.count()).map(|part| sums[part * each + at]).sum()).collect())
}

struct Products<'a> {
    g: &'a Map,
    maps: &'a [(Map, &'a [f32])],
    weight: Option<&'a [f32]>,
    images: Range<usize>,
    sums: &'a mut [f64],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let mut own = vec![0f64; if self.weight.is_some() { self.sums.len() } else { 0 }];
        for image in self.images {
            match self.weight {
                // SAFETY: the maps are of one size, and the sums as long as they need to be.
                None => unsafe { products_image(s, self.g, self.maps, image, self.sums.as_mut_ptr()) },
                Some(weight) => {
                    own.fill(0.0);
                    // SAFETY: as above.
                    unsafe { products_image(s, self.g, self.maps, image, own.as_mut_ptr()) };
                    let weight = f64::from(weight[image]);
                    self.sums.iter_mut().zip(&own).for_each(|(sum, own)| *sum += weight * own);
                }
            }
        }
    }
}
