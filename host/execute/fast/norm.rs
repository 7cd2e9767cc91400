//! Batch norms, which are left to the readers of what they follow: from the statistics of a pass to a scale and a shift, and back.

use super::kernels::convolution::Moments;
use super::kernels::map::Fold;
use super::kernels::rows::Unfold;
use super::stage::BatchNorm;
use crate::execute;
use crate::native::slice;
use std::borrow::Cow;
use std::ops::Range;
use tch::Tensor;

/// A batch norm whose application is left to the readers: scale · x + shift per channel.
#[derive(Debug)]
pub struct Norm {
    /// Per channel.
    pub scale: Vec<f32>,
    /// Per channel.
    pub shift: Vec<f32>,
    /// Per channel: the mean that was taken off.
    pub mean: Vec<f32>,
    /// Per channel: 1 / √(variance + ε).
    pub inverse: Vec<f64>,
    /// Whether mean and variance are the batch's, through which gradients flow, too.
    pub of_batch: bool,
}

impl Norm {
    /// That of a layer in a pass that found these moments over `count` numbers per channel; `None`: the running ones serve. Moves the
    /// running ones where `mode` does.
    pub(super) fn new(
        layer: &BatchNorm,
        found: Option<Moments>,
        count: f64,
        mode: execute::Norm,
        tensors: &[&Tensor],
    ) -> Self {
        let own = |k: usize| -> Option<Vec<f64>> {
            let lists = layer.tensors.iter().map(|list| list.get(k)).collect::<Option<Vec<_>>>()?;
            Some(lists.into_iter().flat_map(|t| slice::numbers(tensors[*t])).map(|v| f64::from(*v)).collect())
        };
        let of_batch = found.is_some();
        let running = || Moments { mean: own(0).unwrap_or_default(), variance: own(1).unwrap_or_default() };
        let moments = found.unwrap_or_else(running);
        let share = match mode {
            // Of one value per channel the unbiased variance is not defined: it must not reach the running statistics.
            _ if count <= 1.0 => None,
            execute::Norm::Train => Some(layer.momentum),
            execute::Norm::Recalibrate(n) => Some(1.0 / f64::from(n)),
            execute::Norm::Batch | execute::Norm::Running => None,
        };
        if let Some(share) = share {
            let unbiased = count / (count - 1.0);
            for (k, found, factor) in [(0, &moments.mean, 1.0), (1, &moments.variance, unbiased)] {
                let mut found = found.iter();
                for list in &layer.tensors {
                    let mut running = tensors[list[k]].shallow_clone();
                    for (running, found) in slice::numbers_mut(&mut running).iter_mut().zip(&mut found) {
                        *running = ((1.0 - share) * f64::from(*running) + share * factor * found) as f32;
                    }
                }
            }
        }
        let inverse: Vec<f64> = moments.variance.iter().map(|v| 1.0 / libm::sqrt(v + layer.epsilon)).collect();
        let (weight, bias) = (own(2), own(3));
        let scale = |c: usize| weight.as_ref().map_or(1.0, |w| w[c]) * inverse[c];
        let shift = |c: usize| bias.as_ref().map_or(0.0, |b| b[c]) - moments.mean[c] * scale(c);
        Self {
            scale: (0..inverse.len()).map(|c| scale(c) as f32).collect(),
            shift: (0..inverse.len()).map(|c| shift(c) as f32).collect(),
            mean: moments.mean.iter().map(|m| *m as f32).collect(),
            inverse,
            of_batch,
        }
    }

    /// As a reader applies it.
    pub fn fold(&self) -> Fold<'_> {
        Fold { scale: &self.scale, shift: &self.shift }
    }

    /// That of some of the channels.
    pub(super) fn channels(&self, range: Range<usize>) -> Self {
        let of = |list: &[f32]| list[range.clone()].to_vec();
        Self {
            scale: of(&self.scale),
            shift: of(&self.shift),
            mean: of(&self.mean),
            inverse: self.inverse[range.clone()].to_vec(),
            of_batch: self.of_batch,
        }
    }
}

/// The way back of a batch norm, per channel.
pub(super) struct BatchNormBack<'a> {
    norm: &'a Norm,
    scale: Cow<'a, [f32]>,
    slope: Vec<f32>,
    shift: Vec<f32>,
}

impl<'a> BatchNormBack<'a> {
    /// From the sums over the gradient of its output, for a batch of `count` numbers per channel. Ioffe, Szegedy: "Batch
    /// normalization", section 3.
    pub fn new(norm: &'a Norm, sums: Option<&[f64]>, count: f64) -> Self {
        let channels = norm.scale.len();
        // A single number is always its own mean: nothing depends on it.
        let single = norm.of_batch && count <= 1.0;
        let scale = if single { vec![0.0; channels].into() } else { Cow::from(&norm.scale[..]) };
        let of = |factor: &dyn Fn(usize, &[f64]) -> f64| match sums.filter(|_| norm.of_batch) {
            Some(sums) => (0..channels).map(|c| (-f64::from(scale[c]) * factor(c, sums) / count) as f32).collect(),
            None => vec![0.0; channels],
        };
        let slope = of(&|c, sums| norm.inverse[c] * norm.inverse[c] * sums[channels + c]);
        let shift = of(&|c, sums| sums[c]);
        Self { norm, scale, slope, shift }
    }

    pub fn unfold(&self) -> Unfold<'_> {
        Unfold { scale: &self.scale, slope: &self.slope, mean: &self.norm.mean, shift: &self.shift }
    }
}
