//! Pools over a batch: forward with the sums for the batch norm that follows, and backward.

use super::convolution::{Gradient, Moments, Target};
use super::map::{Map, Source};
use super::pool::{self, Spans};
use super::rows;
use super::simd::Level;
use super::window::Window;
use super::work::{Exhausted, Parts, Scratch, Stretches, Threads, each_part, zeros};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Which taps were the maxima: (batch, height, width, channels), as whole numbers.
#[derive(Debug, Clone, Copy)]
pub struct Index(pub *mut f32);

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
///
/// # Errors
/// Where memory runs out.
pub fn forward(
    (level, threads): (Level, &dyn Threads),
    (pool, window): (Pool, &Window),
    source: &Source,
    out: &Map,
    batch: usize,
    moments: bool,
) -> Result<Option<Moments>, Exhausted> {
    assert_eq!(source.map.channels, out.channels, "a pool keeps the channels");
    let parts = Parts::of(batch);
    let spans = &Spans::new(window, [source.map.height, source.map.width], [out.height, out.width]);
    let mut shifts = zeros::<f32>(if moments { parts.count() * out.channels } else { 0 })?;
    let mut sums = zeros::<f64>(2 * shifts.len())?;
    {
        let (shifts, sums) = (Stretches::of(&mut shifts, parts.count()), Stretches::of(&mut sums, parts.count()));
        each_part(threads, &parts, &|part| {
            // SAFETY: every part is run once; the numbers outlive the run.
            let (shifts, sums) = unsafe { (shifts.part(part), sums.part(part)) };
            let moments = moments.then_some((shifts, sums));
            level.run(Forward { pool, spans, source, out, images: parts.images(part), moments })
        })?;
    }
    Ok(moments.then(|| Moments::of(&parts, out.pixels(), &shifts, &sums, out.channels)))
}

struct Forward<'a> {
    pool: Pool,
    spans: &'a Spans,
    source: &'a Source<'a>,
    out: &'a Map,
    images: Range<usize>,
    moments: Option<(&'a mut [f32], &'a mut [f64])>,
}

impl WithSimd for Forward<'_> {
    type Output = Result<(), Exhausted>;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, s: S) -> Self::Output {
        let (channels, pixels) = (self.out.channels, self.out.pixels());
        let rows = self.source.map.height * self.out.width * channels;
        let mut scratch = Scratch::take(2 * rows)?;
        let (maxima, taps) = scratch.numbers().split_at_mut(rows);
        let (maxima, taps) = (maxima.as_mut_ptr(), taps.as_mut_ptr());
        for image in self.images.clone() {
            let (out, step) = (self.out.row(image, 0), self.out.pixel);
            let (spans, source) = (self.spans, self.source);
            // SAFETY: the caller checked the sizes; this part's images are its own.
            unsafe {
                match self.pool {
                    Pool::Maximum(index) => {
                        let index = index.map_or(std::ptr::null_mut(), |index| index.0.add(image * pixels * channels));
                        pool::maximum(s, spans, source, image, maxima, taps, out, step, index);
                    }
                    Pool::Mean => pool::mean(s, spans, source, image, maxima, out, step),
                }
                if let Some((shifts, sums)) = &mut self.moments {
                    if image == self.images.start {
                        out.copy_to_nonoverlapping(shifts.as_mut_ptr(), channels);
                    }
                    rows::moments(s, out, step, pixels, channels, shifts.as_ptr(), sums.as_mut_ptr());
                }
            }
        }
        Ok(())
    }
}

/// Backward over a batch; `target.mean` is not looked at.
///
/// # Panics
/// Where the maps' channels differ, or the taps of a maximum were not kept.
///
/// # Errors
/// Where memory runs out.
pub fn backward(
    (level, threads): (Level, &dyn Threads),
    (pool, window): (Pool, &Window),
    source: &Source,
    gradient: &Gradient,
    batch: usize,
    target: &Target,
) -> Result<(), Exhausted> {
    assert_eq!(source.map.channels, gradient.map.channels, "a pool keeps the channels");
    assert!(target.map.is_like(&source.map), "where the gradient goes");
    assert!(!matches!(pool, Pool::Maximum(None)), "a maximum whose taps were not kept");
    let parts = Parts::of(batch);
    let from = &gradient.map;
    let spans = &Spans::new(window, [source.map.height, source.map.width], [from.height, from.width]);
    each_part(threads, &parts, &|part| {
        level.run(Backward { pool, spans, gradient, target, images: parts.images(part) })
    })
}

struct Backward<'a> {
    pool: Pool,
    spans: &'a Spans,
    gradient: &'a Gradient<'a>,
    target: &'a Target<'a>,
    images: Range<usize>,
}

impl WithSimd for Backward<'_> {
    type Output = Result<(), Exhausted>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) -> Self::Output {
        let (from, y) = (&self.gradient.map, &self.gradient.output);
        let (channels, pixels) = (from.channels, from.pixels());
        let (into, step, add) = (&self.target.map, self.target.map.pixel, self.target.add);
        let mut scratch = Scratch::take(pixels * channels + from.height * into.width * channels)?;
        let (d, sums) = scratch.numbers().split_at_mut(pixels * channels);
        let (d, sums) = (d.as_mut_ptr(), sums.as_mut_ptr());
        for image in self.images.clone() {
            let (norm, weight) = (self.gradient.norm.as_ref(), self.gradient.weight[image]);
            let (g, y_step, out) = (from.row(image, 0), y.pixel, into.row(image, 0));
            // SAFETY: the caller checked the sizes; this part's images are its own.
            unsafe {
                let y = y.row(image, 0);
                rows::unfold(s, norm, weight, g, from.pixel, y, y_step, d, channels, pixels, channels);
                match self.pool {
                    Pool::Maximum(Some(index)) => {
                        let index = index.0.add(image * pixels * channels);
                        pool::maximum_back(s, self.spans, channels, d, index, out, step, add);
                    }
                    Pool::Maximum(None) => unreachable!("checked by the caller"),
                    Pool::Mean => {
                        pool::divide(s, self.spans, channels, d);
                        pool::mean_back(s, self.spans, channels, d, sums, out, step, add);
                    }
                }
            }
        }
        Ok(())
    }
}
