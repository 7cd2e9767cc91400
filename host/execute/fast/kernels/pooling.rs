//! Pools over a batch: forward with the sums for the batch norm that follows, and backward.

use super::convolution::{Gradient, Moments, Target};
use super::map::{Map, Source};
use super::pool::{self, Window};
use super::rows;
use super::simd::Level;
use super::work::{Parts, Scratch, Stretches, Threads};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Which taps were the maxima: (batch, height, width, channels).
#[derive(Debug, Clone, Copy)]
pub struct Index(pub *mut u8);

// SAFETY: an address; every part of a batch uses what belongs to its own images.
unsafe impl Send for Index {}
// SAFETY: as above.
unsafe impl Sync for Index {}

/// What a pool computes.
#[derive(Debug, Clone, Copy)]
pub enum Pool {
    /// The maximum; where there is an index, it is written forward and read backward.
    Maximum(Option<Index>),
    /// The mean.
    Mean,
}

/// Forward over a batch. Returns the moments of `out` where they are wanted.
///
/// # Panics
/// Where the maps' channels differ.
pub fn forward(
    (level, threads): (Level, &dyn Threads),
    (pool, window): (Pool, &Window),
    source: &Source,
    out: &Map,
    batch: usize,
    moments: bool,
) -> Option<Moments> {
    assert_eq!(source.map.channels, out.channels, "a pool keeps the channels");
    let parts = Parts::of(batch);
    let mut shifts = vec![0f32; if moments { parts.count() * out.channels } else { 0 }];
    let mut sums = vec![0f64; 2 * shifts.len()];
    {
        let (shifts, sums) = (Stretches::of(&mut shifts, parts.count()), Stretches::of(&mut sums, parts.count()));
        threads.run(parts.count(), &|part| {
            // SAFETY: every part is run once; the numbers outlive the run.
            let (shifts, sums) = unsafe { (shifts.part(part), sums.part(part)) };
            let moments = moments.then_some((shifts, sums));
            level.run(Forward { pool, window, source, out, images: parts.images(part), moments });
        });
    }
    moments.then(|| Moments::of(&parts, out.pixels(), &shifts, &sums, out.channels))
}

struct Forward<'a> {
    pool: Pool,
    window: &'a Window,
    source: &'a Source<'a>,
    out: &'a Map,
    images: Range<usize>,
    moments: Option<(&'a mut [f32], &'a mut [f64])>,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) {
        let (channels, width) = (self.out.channels, self.out.width);
        for image in self.images.clone() {
            for y in 0..self.out.height {
                let out = self.out.row(image, y);
                let (w, source) = (self.window, self.source);
                // SAFETY: the caller checked the sizes; this part's images are its own.
                unsafe {
                    match self.pool {
                        Pool::Maximum(index) => {
                            let index = index.map_or(std::ptr::null_mut(), |index| {
                                index.0.add((image * self.out.height + y) * width * channels)
                            });
                            pool::maximum(s, w, source, image, y, out, self.out.pixel, index, width);
                        }
                        Pool::Mean => pool::mean(s, w, source, image, y, out, self.out.pixel, width),
                    }
                    if let Some((shifts, sums)) = &mut self.moments {
                        if image == self.images.start && y == 0 {
                            out.copy_to_nonoverlapping(shifts.as_mut_ptr(), channels);
                        }
                        let (shifts, sums) = (shifts.as_ptr(), sums.as_mut_ptr());
                        rows::moments(s, out, self.out.pixel, width, channels, shifts, sums);
                    }
                }
            }
        }
    }
}

/// Backward over a batch; `target.mean` is not looked at.
///
/// # Panics
/// Where the maps' channels differ.
pub fn backward(
    (level, threads): (Level, &dyn Threads),
    (pool, window): (Pool, &Window),
    source: &Source,
    gradient: &Gradient,
    batch: usize,
    target: &Target,
) {
    assert_eq!(source.map.channels, gradient.map.channels, "a pool keeps the channels");
    assert!(target.map.is_like(&source.map), "where the gradient goes");
    let parts = Parts::of(batch);
    threads.run(parts.count(), &|part| {
        level.run(Backward { pool, window, source, gradient, target, images: parts.images(part) });
    });
}

struct Backward<'a> {
    pool: Pool,
    window: &'a Window,
    source: &'a Source<'a>,
    gradient: &'a Gradient<'a>,
    target: &'a Target<'a>,
    images: Range<usize>,
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (from, y) = (&self.gradient.map, &self.gradient.output);
        let (channels, pixels) = (from.channels, from.pixels());
        let mut scratch = Scratch::take(pixels * channels);
        let d = scratch.numbers().as_mut_ptr();
        for image in self.images.clone() {
            let (norm, weight) = (self.gradient.norm.as_ref(), self.gradient.weight[image]);
            let index = match self.pool {
                Pool::Maximum(Some(index)) => index.0.wrapping_add(image * pixels * channels).cast_const(),
                _ => std::ptr::null(),
            };
            // SAFETY: the caller checked the sizes; this part's images are its own.
            unsafe {
                let (g, y) = (from.row(image, 0), y.row(image, 0));
                rows::unfold(
                    s, norm, weight, g, from.pixel, y, self.gradient.output.pixel, d, channels, pixels, channels,
                );
                for row in 0..self.source.map.height {
                    let (out, step) = (self.target.map.row(image, row), self.target.map.pixel);
                    let places = [from.height, from.width];
                    pool::back(s, self.window, self.source, row, d, index, places, out, step, self.target.add);
                }
            }
        }
    }
}
