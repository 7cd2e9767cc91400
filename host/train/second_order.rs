//! The second-order gradient of α, as in DARTS (Liu, Simonyan, Yang, equations 5 to 8; `cnn/architect.py` of its authors' code).
//!
//! With ξ the weights' learning rate, over the weights w that are in use under the plan:
//!
//! ```text
//! w' = w − ξ · (∇w L_train(w, α) + momentum · m + decay · w)                              eq. 6, with SGD's own terms
//! dα = ∇α L_search(w', α) − ξ · (∇α L_train(w⁺, α) − ∇α L_train(w⁻, α)) / 2ε              eq. 7 and 8
//! w± = w ± ε · ∇w' L_search(w', α),  ε = 0.01 / ‖∇w' L_search(w', α)‖
//! ```
//!
//! As there, nothing is clipped on the way to w'. The weights come back bit for bit, since they are copied. All four passes take
//! the statistics of their batches and leave the running ones alone: w' and w± are weights that the network never has.

use super::finite;
use super::optimizer::norm;
use super::step::{AlphaGradient, StepInput, Trainer};
use crate::error::Result;
use crate::execute::Norm;
use crate::policy::Resolved;
use crate::supernet::Parameters;
use tch::Tensor;

/// ε · ‖∇w' L_search‖: how far apart the two points of the finite difference are, halved.
const REACH: f64 = 0.01;

impl Trainer {
    /// Loss, accuracy and α's gradient at the weights one step ahead. Needs both batches of the iteration.
    pub(super) fn second_order(&self, plan: &Resolved, input: &StepInput) -> Result<AlphaGradient> {
        // What a weights step moves: of a straight-through gate the active candidate alone.
        let inner = plan.without_gradient();
        let weights = self.network.weights_in_use(&inner);
        let parameters = &self.network.parameters;
        let start: Vec<Tensor> = weights.iter().map(|w| parameters.get(*w).tensor.copy()).collect();
        let result = self.look_ahead(plan, &inner, &weights, &start, input);
        put(parameters, &weights, &start)?;
        result
    }

    /// Leaves other values in the weights.
    fn look_ahead(
        &self,
        plan: &Resolved,
        inner: &Resolved,
        weights: &[usize],
        start: &[Tensor],
        input: &StepInput,
    ) -> Result<AlphaGradient> {
        let parameters = &self.network.parameters;
        let step = self.gradients(inner, input.train, Norm::Batch, input, false, weights)?.weights;
        self.length(inner, weights, &step)?;
        let ahead = tch::no_grad(|| {
            let moved = |((w, start), g): ((&usize, &Tensor), &Tensor)| {
                if g.defined() { self.weights.ahead(*w, start, g, input.rate) } else { Ok(start.shallow_clone()) }
            };
            weights.iter().zip(start).zip(&step).map(moved).collect::<Result<Vec<Tensor>>>()
        })?;
        put(parameters, &weights[..ahead.len()], &ahead)?;
        let at_ahead = self.gradients(plan, input.search, Norm::Batch, input, true, weights)?;
        let (loss, accuracy) = at_ahead.read;
        let (mut rows, direction) = (at_ahead.rows, at_ahead.weights);
        let length = self.length(plan, weights, &direction)?;
        if length > 0.0 {
            let epsilon = REACH / length;
            for sign in [1.0, -1.0] {
                let aside = tch::no_grad(|| {
                    let moved = |(start, d): (&Tensor, &Tensor)| {
                        if !d.defined() {
                            return Ok(start.shallow_clone());
                        }
                        Ok(start.f_add(&d.f_mul_scalar(sign * epsilon)?)?)
                    };
                    start.iter().zip(&direction).map(moved).collect::<Result<Vec<Tensor>>>()
                })?;
                put(parameters, weights, &aside)?;
                let found = self.gradients(plan, input.train, Norm::Batch, input, true, &[])?.rows;
                let factor = -sign * input.rate / (2.0 * epsilon);
                for (row, found) in rows.iter_mut().zip(found) {
                    add_scaled(row, found, factor);
                }
            }
        }
        Ok(AlphaGradient { rows, loss, accuracy })
    }

    /// The norm of a gradient of the weights, 0 where there is none.
    fn length(&self, plan: &Resolved, weights: &[usize], gradients: &[Tensor]) -> Result<f64> {
        let defined: Vec<&Tensor> = gradients.iter().filter(|g| g.defined()).collect();
        if defined.is_empty() {
            return Ok(0.0);
        }
        let length = norm(&defined)?.f_double_value(&[])?;
        if !length.is_finite() {
            return Err(finite::explain_gradients(&self.network, plan, weights, gradients));
        }
        Ok(length)
    }
}

/// Copies values into weights.
fn put(parameters: &Parameters, weights: &[usize], values: &[Tensor]) -> Result<()> {
    tch::no_grad(|| {
        for (weight, value) in weights.iter().zip(values) {
            let mut tensor = parameters.get(*weight).tensor.shallow_clone();
            tensor.f_copy_(value)?;
        }
        Ok(())
    })
}

/// row ← row + factor · found, where either may be missing.
fn add_scaled(row: &mut Option<Vec<f64>>, found: Option<Vec<f64>>, factor: f64) {
    let Some(found) = found else { return };
    let row = row.get_or_insert_with(|| vec![0.0; found.len()]);
    row.iter_mut().zip(found).for_each(|(sum, g)| *sum += factor * g);
}
