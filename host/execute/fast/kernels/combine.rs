//! A node's sum over its edges, and the sums over its gradient that its edges' batch norms and α need.

use super::map::{Fold, Map};
use super::rows::add_to;
use super::simd::{Level, each_channel, load, store};
use super::work::{Parts, Stretches, Threads};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// What one edge brings to a node: `weight[image] · (scale · x + shift)`.
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
        each_channel!(s, out.channels, at, {
            let zero = s.splat_f32s(0.0);
            let to = out.row(image, 0).add(at);
            let mut p = 0;
            while p < pixels {
                let block = BLOCK.min(pixels - p);
                let mut sums = [zero; BLOCK];
                if add {
                    for (k, sum) in sums.iter_mut().enumerate().take(block) {
                        *sum = load(s, to.add((p + k) * out.pixel));
                    }
                }
                for term in terms {
                    let from = term.map.row(image, 0).add(at + p * term.map.pixel).cast_const();
                    let weight = s.splat_f32s(term.weight[image]);
                    let (scale, shift) = match term.fold {
                        Some(f) => (
                            s.mul_f32s(load(s, f.scale.as_ptr().add(at)), weight),
                            s.mul_f32s(load(s, f.shift.as_ptr().add(at)), weight),
                        ),
                        None => (weight, zero),
                    };
                    if block == BLOCK {
                        for (k, sum) in sums.iter_mut().enumerate() {
                            let v = s.mul_add_f32s(load(s, from.add(k * term.map.pixel)), scale, shift);
                            *sum = s.add_f32s(*sum, v);
                        }
                    } else {
                        for (k, sum) in sums.iter_mut().enumerate().take(block) {
                            let v = s.mul_add_f32s(load(s, from.add(k * term.map.pixel)), scale, shift);
                            *sum = s.add_f32s(*sum, v);
                        }
                    }
                }
                for (k, sum) in sums.iter().enumerate().take(block) {
                    store(s, to.add((p + k) * out.pixel), *sum);
                }
                p += block;
            }
        });
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
            each_channel!(s, channels, at, {
                let zero = s.splat_f32s(0.0);
                let mut sum = [zero; 2];
                let mut p = 0;
                while p < g.width {
                    sum[p % 2] = s.add_f32s(sum[p % 2], load(s, d.add(p * g.pixel + at)));
                    p += 1;
                }
                add_to(s, sums.add(at), s.add_f32s(sum[0], sum[1]));
            });
            for (number, (map, mean)) in maps.iter().enumerate() {
                let x = map.row(image, y).cast_const();
                let sums = sums.add((1 + number) * channels);
                each_channel!(s, channels, at, {
                    let mean = load(s, mean.as_ptr().add(at));
                    let zero = s.splat_f32s(0.0);
                    let mut sum = [zero; 4];
                    let mut p = 0;
                    while p + 4 <= g.width {
                        for (k, sum) in sum.iter_mut().enumerate() {
                            let v = s.sub_f32s(load(s, x.add((p + k) * map.pixel + at)), mean);
                            *sum = s.mul_add_f32s(load(s, d.add((p + k) * g.pixel + at)), v, *sum);
                        }
                        p += 4;
                    }
                    while p < g.width {
                        let v = s.sub_f32s(load(s, x.add(p * map.pixel + at)), mean);
                        sum[0] = s.mul_add_f32s(load(s, d.add(p * g.pixel + at)), v, sum[0]);
                        p += 1;
                    }
                    let total = s.add_f32s(s.add_f32s(sum[0], sum[1]), s.add_f32s(sum[2], sum[3]));
                    add_to(s, sums.add(at), total);
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
/// # Panics
/// Where the maps are not of one size.
pub fn products(
    (level, threads): (Level, &dyn Threads),
    g: &Map,
    maps: &[(Map, &[f32])],
    weight: Option<&[f32]>,
    batch: usize,
) -> Vec<f64> {
    for (map, mean) in maps {
        assert!(map.is_like(g) && mean.len() == g.channels, "a map of another size");
    }
    let (parts, each) = (Parts::of(batch), (1 + maps.len()) * g.channels);
    let mut sums = vec![0f64; parts.count() * each];
    {
        let sums = Stretches::of(&mut sums, parts.count());
        threads.run(parts.count(), &|part| {
            // SAFETY: every part is run once; the numbers outlive the run.
            let sums = unsafe { sums.part(part) };
            level.run(Products { g, maps, weight, images: parts.images(part), sums });
        });
    }
    (0..each).map(|at| (0..parts.count()).map(|part| sums[part * each + at]).sum()).collect()
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
