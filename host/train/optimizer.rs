//! Optimizers: SGD for weights, Adam for α. Ours, because libtorch's hide their state.

use crate::error::Result;
use crate::native::slice;
use crate::spec::{ArchitectureOptimizer, Order, WeightsOptimizer};
use crate::supernet::Parameters;
use std::collections::BTreeMap;
use tch::{Kind, Tensor};

/// SGD with momentum, weight decay and a limit on the gradient's norm, as PyTorch's `SGD` and `clip_grad_norm_`:
///
/// ```text
/// g ← g · min(1, clip / (‖all gradients‖ + 1e-6));  d = g + decay · w
/// m ← momentum · m + d (at a weight's first step m ← d);  w ← w − rate · m
/// ```
///
/// Only weights that got a gradient are touched, their momentum included.
#[derive(Debug)]
pub struct Sgd {
    settings: WeightsOptimizer,
    /// The momentum of every weight that was ever stepped, by position in the parameters.
    pub momentum: BTreeMap<usize, Tensor>,
}

impl Sgd {
    /// An optimizer that has made no step.
    pub fn new(settings: &WeightsOptimizer) -> Self {
        Self { settings: settings.clone(), momentum: BTreeMap::new() }
    }

    /// One step: `gradients[k]` belongs to the parameter at `weights[k]`; undefined ones are passed over. Nothing is moved, and
    /// false returned, where the gradients' norm is not finite; without `clip` it is not computed.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn step(
        &mut self,
        parameters: &Parameters,
        weights: &[usize],
        gradients: &[Tensor],
        rate: f64,
    ) -> Result<bool> {
        tch::no_grad(|| {
            let defined = |(w, g): (&usize, &Tensor)| g.defined().then(|| (*w, g.shallow_clone()));
            let mut pairs: Vec<(usize, Tensor)> = weights.iter().zip(gradients).filter_map(defined).collect();
            if pairs.is_empty() {
                return Ok(true);
            }
            let scale = match self.settings.clip {
                Some(limit) => {
                    let norm = norm(&pairs.iter().map(|(_, g)| g).collect::<Vec<_>>())?;
                    // On a GPU reading it back would hold up everything; there it was looked at with the loss.
                    if norm.device() == tch::Device::Cpu && !norm.f_double_value(&[])?.is_finite() {
                        return Ok(false);
                    }
                    Some(clip_factor(&norm, limit)?)
                }
                None => None,
            };
            for (weight, gradient) in &mut pairs {
                let mut value = parameters.get(*weight).tensor.shallow_clone();
                if [&value, gradient].into_iter().all(slice::is_plain)
                    && self.momentum.get(weight).is_none_or(slice::is_plain)
                {
                    self.step_plain(*weight, &mut value, gradient, scale.as_ref(), rate)?;
                    continue;
                }
                if let Some(scale) = &scale {
                    let _ = gradient.f_mul_(scale)?;
                }
                if self.settings.weight_decay != 0.0 {
                    let _ = gradient.f_add_(&value.f_mul_scalar(self.settings.weight_decay)?)?;
                }
                let change = if self.settings.momentum == 0.0 {
                    gradient.shallow_clone()
                } else if let Some(momentum) = self.momentum.get_mut(weight) {
                    let _ = momentum.f_mul_scalar_(self.settings.momentum)?;
                    momentum.f_add_(gradient)?
                } else {
                    self.momentum.insert(*weight, gradient.copy());
                    gradient.shallow_clone()
                };
                let _ = value.f_sub_(&change.f_mul_scalar(rate)?)?;
            }
            Ok(true)
        })
    }

    /// The step of one weight in one pass over its numbers. Every operation rounds as libtorch's does, so that the bits are the
    /// same.
    fn step_plain(
        &mut self,
        weight: usize,
        value: &mut Tensor,
        gradient: &mut Tensor,
        scale: Option<&Tensor>,
        rate: f64,
    ) -> Result<()> {
        let (decay, kept, rate) = (self.settings.weight_decay as f32, self.settings.momentum as f32, rate as f32);
        let scale = scale.map(|scale| scale.f_double_value(&[])).transpose()?.map(|scale| scale as f32);
        let wanted = |g: f32, w: f32| {
            let g = scale.map_or(g, |scale| g * scale);
            if self.settings.weight_decay == 0.0 { g } else { g + w * decay }
        };
        let values = slice::numbers_mut(value);
        if self.settings.momentum == 0.0 {
            for (w, g) in values.iter_mut().zip(slice::numbers(gradient)) {
                *w -= wanted(*g, *w) * rate;
            }
        } else if let Some(momentum) = self.momentum.get_mut(&weight) {
            for ((w, g), m) in values.iter_mut().zip(slice::numbers(gradient)).zip(slice::numbers_mut(momentum)) {
                *m = *m * kept + wanted(*g, *w);
                *w -= *m * rate;
            }
        } else {
            for (w, g) in values.iter_mut().zip(slice::numbers_mut(gradient)) {
                *g = wanted(*g, *w);
                *w -= *g * rate;
            }
            self.momentum.insert(weight, gradient.copy());
        }
        Ok(())
    }

    /// Where a step without a limit on the norm would take a weight: w − rate · (g + momentum · m + decay · w). Nothing is moved.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn ahead(&self, weight: usize, value: &Tensor, gradient: &Tensor, rate: f64) -> Result<Tensor> {
        let mut change = gradient.f_add(&value.f_mul_scalar(self.settings.weight_decay)?)?;
        if let Some(momentum) = self.momentum.get(&weight) {
            change = change.f_add(&momentum.f_mul_scalar(self.settings.momentum)?)?;
        }
        Ok(value.f_sub(&change.f_mul_scalar(rate)?)?)
    }
}

/// ‖all gradients‖ as a tensor of no dimensions.
pub(super) fn norm(gradients: &[&Tensor]) -> Result<Tensor> {
    let norms: Vec<Tensor> = gradients.iter().map(|g| g.f_norm()).collect::<Result<_, _>>()?;
    Ok(Tensor::f_stack(&norms, 0)?.f_norm()?)
}

/// min(1, limit / (norm + 1e-6)) as a tensor of no dimensions, so that nothing is read back.
fn clip_factor(norm: &Tensor, limit: f64) -> Result<Tensor> {
    let factor = norm.f_add_scalar(1e-6)?.f_reciprocal()?.f_mul_scalar(limit)?;
    Ok(factor.f_clamp_max(1.0)?)
}

/// The architecture parameters α with Adam's state, on the host in double precision.
///
/// Adam as PyTorch's: with the coupled decay g ← g + decay · α,
///
/// ```text
/// m ← m + (1 − β₁)(g − m);  v ← β₂ v + (1 − β₂) g²
/// α ← α − rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + 1e-8)
/// ```
///
/// Under `lazy` each row counts its own steps t, and rows without a gradient stay as they are, moments
/// included. Otherwise every row is stepped, with a gradient of zero where it has none.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    settings: ArchitectureOptimizer,
    /// α: one row per edge over all cell types.
    pub alpha: Vec<Vec<f64>>,
    /// First moments, shaped as α.
    pub first: Vec<Vec<f64>>,
    /// Second moments, shaped as α.
    pub second: Vec<Vec<f64>>,
    /// Steps per row.
    pub steps: Vec<u64>,
}

impl Architecture {
    /// α before the first step.
    pub fn new(alpha: Vec<Vec<f64>>, settings: &ArchitectureOptimizer) -> Self {
        let zeros: Vec<Vec<f64>> = alpha.iter().map(|row| vec![0.0; row.len()]).collect();
        let steps = vec![0; alpha.len()];
        Self { settings: settings.clone(), first: zeros.clone(), second: zeros, steps, alpha }
    }

    /// The order of the approximation of α's gradient.
    pub fn order(&self) -> Order {
        self.settings.order
    }

    /// One step: `gradients[edge]` is that row's gradient, or `None` where it has none.
    pub fn step(&mut self, gradients: &[Option<Vec<f64>>]) {
        let [beta1, beta2] = self.settings.betas;
        for (edge, gradient) in gradients.iter().enumerate() {
            if gradient.is_none() && self.settings.lazy {
                continue;
            }
            self.steps[edge] += 1;
            let t = self.steps[edge] as f64;
            let rate = self.settings.learning_rate / (1.0 - libm::pow(beta1, t));
            let correction = libm::sqrt(1.0 - libm::pow(beta2, t));
            for c in 0..self.alpha[edge].len() {
                let a = &mut self.alpha[edge][c];
                let g = gradient.as_ref().map_or(0.0, |g| g[c]) + self.settings.weight_decay * *a;
                let (m, v) = (&mut self.first[edge][c], &mut self.second[edge][c]);
                *m += (1.0 - beta1) * (g - *m);
                *v = beta2 * *v + (1.0 - beta2) * g * g;
                *a -= rate * *m / (libm::sqrt(*v) / correction + 1e-8);
            }
        }
    }
}

/// A row of α's gradient on the host, or `None` where it is undefined.
///
/// # Errors
/// What libtorch refuses.
pub fn row(gradient: &Tensor) -> Result<Option<Vec<f64>>> {
    if !gradient.defined() {
        return Ok(None);
    }
    Ok(Some(Vec::<f64>::try_from(gradient.f_to_kind(Kind::Double)?.f_to_device(tch::Device::Cpu)?)?))
}
