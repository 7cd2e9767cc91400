//! One step of a phase: forward under a plan, loss, the gradients that the phase needs, the optimizer.

use super::batch::TensorBatch;
use super::finite;
use super::optimizer::{Architecture, Sgd, row};
use crate::error::{Error, Result};
use crate::execute::Norm;
use crate::policy::resolve::Relaxed;
use crate::policy::{Phase, Resolved, ResolvedGate, StepResult};
use crate::supernet::{Mixture, Network};
use tch::{Kind, Tensor};

/// A network in training: its weights, α, and their optimizers.
#[derive(Debug)]
pub struct Trainer {
    /// The network.
    pub network: Network,
    /// α and its optimizer.
    pub architecture: Architecture,
    /// The optimizer of the weights.
    pub weights: Sgd,
}

impl Trainer {
    /// One step on one batch. `rate` is the learning rate of the weights.
    ///
    /// # Errors
    /// Where the loss is not finite, and what libtorch refuses.
    pub fn step(&mut self, phase: Phase, plan: &Resolved, batch: &TensorBatch, rate: f64) -> Result<StepResult> {
        let (loss, accuracy) = match phase {
            Phase::Architecture => self.architecture_step(plan, batch)?,
            Phase::Weights => self.weights_step(plan, batch, rate)?,
            Phase::Measure => {
                let _guard = tch::no_grad_guard();
                let mixture = mixture(&self.rows(plan, false)?, plan)?;
                let logits = self.network.forward(&batch.images, plan, &mixture, Norm::Batch)?;
                self.read(&logits, batch, plan, &mixture)?.1
            }
        };
        Ok(StepResult { phase, loss, accuracy })
    }

    /// The gradient of the loss with respect to the relaxed rows of α alone (eq. 1 and 3), then Adam. A relaxed edge
    /// from which nothing reaches the loss has no gradient: its row counts as not relaxed.
    fn architecture_step(&mut self, plan: &Resolved, batch: &TensorBatch) -> Result<(f64, f64)> {
        let rows = self.rows(plan, true)?;
        let mixture = mixture(&rows, plan)?;
        let logits = self.network.forward(&batch.images, plan, &mixture, Norm::Train)?;
        let (loss, read) = self.read(&logits, batch, plan, &mixture)?;
        let relaxed: Vec<usize> = plan.relaxed().collect();
        let mut gradients: Vec<Option<Vec<f64>>> = vec![None; rows.len()];
        if loss.requires_grad() {
            let leaves: Vec<&Tensor> = rows.iter().flatten().collect();
            let found = Tensor::f_run_backward(&[&loss], &leaves, false, false)?;
            for (edge, gradient) in relaxed.iter().zip(&found) {
                gradients[*edge] = row(gradient)?;
            }
        }
        if let Some(edge) = gradients.iter().position(|g| g.iter().flatten().any(|v| !v.is_finite())) {
            return Err(Error::new(format!("the gradient of α is not finite on edge {edge}"))
                .help("lower `search.architecture.learning_rate` or `search.weights.learning_rate`"));
        }
        self.architecture.step(&gradients);
        Ok(read)
    }

    /// The gradient of the loss with respect to the weights in use, then SGD.
    fn weights_step(&mut self, plan: &Resolved, batch: &TensorBatch, rate: f64) -> Result<(f64, f64)> {
        let mixture = mixture(&self.rows(plan, false)?, plan)?;
        let weights = self.network.weights_in_use(plan);
        let parameters = &self.network.parameters;
        let leaves: Vec<Tensor> =
            weights.iter().map(|w| parameters.get(*w).tensor.f_set_requires_grad(true)).collect::<Result<_, _>>()?;
        let pass = || -> Result<_> {
            let logits = self.network.forward(&batch.images, plan, &mixture, Norm::Train)?;
            let (loss, read) = self.read(&logits, batch, plan, &mixture)?;
            let gradients = if loss.requires_grad() {
                Tensor::f_run_backward(&[&loss], &leaves, false, false)?
            } else {
                Vec::new()
            };
            Ok((gradients, read))
        };
        let result = pass();
        for leaf in &leaves {
            let _ = leaf.f_set_requires_grad(false)?;
        }
        let (gradients, read) = result?;
        if !self.weights.step(parameters, &weights, &gradients, rate)? {
            return Err(finite::explain_gradients(&self.network, plan, &weights, &gradients));
        }
        Ok(read)
    }

    /// The row of α of each relaxed edge as a tensor.
    fn rows(&self, plan: &Resolved, with_gradient: bool) -> Result<Vec<Option<Tensor>>> {
        let parameters = &self.network.parameters;
        let row = |(row, gate): (&Vec<f64>, &ResolvedGate)| match gate {
            ResolvedGate::Relaxed(_) => {
                let row = Tensor::f_from_slice(row)?.f_to_kind(parameters.kind())?.f_to_device(parameters.device())?;
                Ok(Some(row.f_set_requires_grad(with_gradient)?))
            }
            _ => Ok(None),
        };
        self.architecture.alpha.iter().zip(&plan.gates).map(row).collect()
    }

    /// The weights of the candidates under α as it is, for measuring.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn mixture(&self, plan: &Resolved) -> Result<Mixture> {
        mixture(&self.rows(plan, false)?, plan)
    }

    /// Loss and accuracy of logits; the loss as a tensor too.
    fn read(
        &self,
        logits: &Tensor,
        batch: &TensorBatch,
        plan: &Resolved,
        mixture: &Mixture,
    ) -> Result<(Tensor, (f64, f64))> {
        let loss = cross_entropy(logits, &batch.labels)?;
        let value = loss.f_double_value(&[])?;
        if !value.is_finite() {
            return Err(finite::explain(&self.network, batch, plan, mixture, value));
        }
        let correct = correct(logits, &batch.labels)?;
        Ok((loss, (value, correct as f64 / batch.len() as f64)))
    }
}

/// The mean cross-entropy of a batch. `logits`: (batch, classes); `labels`: (batch).
///
/// # Errors
/// What libtorch refuses.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    Ok(logits.f_cross_entropy_loss(labels, None::<Tensor>, tch::Reduction::Mean, -100, 0.0)?)
}

/// How many of a batch are classified correctly.
///
/// # Errors
/// What libtorch refuses.
pub fn correct(logits: &Tensor, labels: &Tensor) -> Result<i64> {
    Ok(logits.f_argmax(-1, false)?.f_eq_tensor(labels)?.f_sum(Kind::Int64)?.f_int64_value(&[])?)
}

/// softmax((sign · α + noise) / temperature) over each relaxed edge's subset.
fn mixture(rows: &[Option<Tensor>], plan: &Resolved) -> Result<Mixture> {
    let weights = |(row, gate): (&Option<Tensor>, &ResolvedGate)| match (row, gate) {
        (Some(row), ResolvedGate::Relaxed(gate)) => relaxed_weights(row, gate).map(Some),
        _ => Ok(None),
    };
    rows.iter().zip(&plan.gates).map(weights).collect()
}

fn relaxed_weights(row: &Tensor, gate: &Relaxed) -> Result<Tensor> {
    let (kind, device) = (row.kind(), row.device());
    let mut x = if gate.subset.iter().map(|c| *c as i64).eq(0..row.size()[0]) {
        row.shallow_clone()
    } else {
        let subset: Vec<i64> = gate.subset.iter().map(|c| *c as i64).collect();
        row.f_index_select(0, &Tensor::f_from_slice(&subset)?.f_to_device(device)?)?
    };
    x = x.f_mul_scalar(gate.sign.factor())?;
    if !gate.noise.is_empty() {
        x = x.f_add(&Tensor::f_from_slice(&gate.noise)?.f_to_kind(kind)?.f_to_device(device)?)?;
    }
    #[expect(clippy::float_cmp, reason = "dividing by exactly 1 changes nothing")]
    if gate.temperature != 1.0 {
        x = x.f_div_scalar(gate.temperature)?;
    }
    Ok(x.f_softmax(0, None)?)
}
