//! One step of a phase: forward under a plan, loss, the gradients that the phase needs, the optimizer.

use super::batch::TensorBatch;
use super::differentiate::{Criterion, Differentials, Differentiated};
use super::optimizer::{Architecture, Sgd};
use super::part::part;
use super::{finite, mixture, penalty};
use crate::error::{Error, Result};
use crate::execute::Norm;
use crate::policy::{Phase, Resolved, StepResult};
use crate::spec::Order;
use crate::supernet::{DropPath, Logits, Mixture, Mode, Network};
use std::borrow::Cow;
use tch::Tensor;

pub use super::differentiate::{correct, cross_entropy};

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

/// What a step works on: the batches of its iteration, and when it is.
#[derive(Debug, Clone, Copy)]
pub struct StepInput<'a> {
    /// The batch of the search split, for architecture and measure steps.
    pub search: &'a TensorBatch,
    /// The batch of the train split, for weights steps and for α's second-order gradient.
    pub train: &'a TensorBatch,
    /// The learning rate of the weights.
    pub rate: f64,
    /// The iteration, from 0. With the step it says what is dropped.
    pub iteration: u64,
    /// The step within the iteration, from 0.
    pub step: u64,
}

impl<'a> StepInput<'a> {
    /// The first step of a search, with one batch for both splits.
    pub fn of(batch: &'a TensorBatch, rate: f64) -> Self {
        Self { search: batch, train: batch, rate, iteration: 0, step: 0 }
    }
}

/// α's gradient, and what was measured on the way to it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlphaGradient {
    /// Per edge over all cell types: the gradient of its row, or `None` where it has none.
    pub rows: Vec<Option<Vec<f64>>>,
    /// The loss on the search batch, the plan's penalties included; in the second order at the weights one step ahead.
    pub loss: f64,
    /// The share of the search batch that was classified correctly.
    pub accuracy: f64,
}

/// The gradients of one pass.
#[derive(Debug)]
pub struct Gradients {
    /// Per edge: of its row of α.
    pub rows: Vec<Option<Vec<f64>>>,
    /// Of the weights that were asked for; empty where the loss depends on none of them.
    pub weights: Vec<Tensor>,
    /// Loss and accuracy.
    pub read: (f64, f64),
}

impl Trainer {
    /// One step on the batch of its phase.
    ///
    /// # Errors
    /// Where the loss or a gradient is not finite, and what libtorch refuses.
    pub fn step(&mut self, phase: Phase, plan: &Resolved, input: &StepInput) -> Result<StepResult> {
        let (loss, accuracy) = match phase {
            Phase::Architecture => {
                let found = self.alpha_gradient(plan, input)?;
                let _span = part("optimizer");
                self.architecture.step(&found.rows);
                (found.loss, found.accuracy)
            }
            Phase::Weights => self.weights_step(&plan.without_gradient(), input)?,
            Phase::Measure => self.measure(input.search, &plan.without_gradient(), Norm::Batch)?,
        };
        Ok(StepResult { phase, loss, accuracy })
    }

    /// The gradient of an architecture step: that of the loss with respect to the rows of α whose gates have a softmax (eq. 1
    /// and 3), and of the plan's penalties; in the order that the spec says. An edge from which nothing reaches the loss has no
    /// gradient: its row counts as not relaxed. α stays as it is, and so do the weights.
    ///
    /// # Errors
    /// As [`Trainer::step`].
    pub fn alpha_gradient(&mut self, plan: &Resolved, input: &StepInput) -> Result<AlphaGradient> {
        let ahead = self.architecture.order() == Order::Second && input.rate > 0.0;
        let mut found = if ahead && plan.gates.iter().any(|gate| gate.softmax().is_some()) {
            self.second_order(plan, input)?
        } else {
            let Gradients { rows, read: (loss, accuracy), .. } =
                self.gradients(plan, input.search, Norm::Train, input, true, &[])?;
            AlphaGradient { rows, loss, accuracy }
        };
        if !plan.penalties.is_empty() {
            found.loss += penalty::add(&plan.penalties, &self.architecture.alpha, &mut found.rows);
            if !found.loss.is_finite() {
                return Err(Error::new(format!("the loss is not finite: {}", found.loss))
                    .found("the plan's penalties are what makes it so")
                    .help("lower their costs"));
            }
        }
        if let Some(edge) = found.rows.iter().position(|g| g.iter().flatten().any(|v| !v.is_finite())) {
            return Err(Error::new(format!("the gradient of α is not finite on edge {edge}"))
                .help("lower `search.architecture.learning_rate` or `search.weights.learning_rate`"));
        }
        Ok(found)
    }

    /// The gradient of the loss with respect to the weights in use, then SGD.
    fn weights_step(&mut self, plan: &Resolved, input: &StepInput) -> Result<(f64, f64)> {
        let weights = self.network.weights_in_use(plan);
        let found = self.gradients(plan, input.train, Norm::Train, input, false, &weights)?;
        let _span = part("optimizer");
        if !self.weights.step(&self.network.parameters, &weights, &found.weights, input.rate)? {
            return Err(finite::explain_gradients(&self.network, plan, &weights, &found.weights));
        }
        Ok(found.read)
    }

    /// One pass of a training step, and the gradients of α (`of_alpha`), of the weights at these positions in the parameters, or of
    /// both. Nothing is moved but batch norm's running statistics, where `norm` says so.
    ///
    /// # Errors
    /// Where the loss is not finite, and what libtorch refuses.
    pub fn gradients(
        &self,
        plan: &Resolved,
        batch: &TensorBatch,
        norm: Norm,
        input: &StepInput,
        of_alpha: bool,
        of_weights: &[usize],
    ) -> Result<Gradients> {
        let rows = self.rows(&self.architecture.alpha, plan, of_alpha)?;
        let mixture = mixture::mixture(&rows, plan)?;
        let drop = DropPath::new(self.network.settings.seed, input.iteration, input.step);
        let mode = Mode { norm, drop: (!plan.drop.is_empty()).then_some(&drop), auxiliary: false };
        let edges: Vec<usize> = (0..rows.len()).filter(|edge| of_alpha && rows[*edge].is_some()).collect();
        let of_rows: Vec<&Tensor> = edges.iter().filter_map(|edge| rows[*edge].as_ref()).collect();
        let criterion = Criterion::default();
        let pass = Differentiated { batch, plan, mixture: &mixture, mode, criterion, rows: &of_rows };
        let Differentials { rows: of_rows, weights, read } = pass.differentials(&self.network, of_weights)?;
        let mut found: Vec<Option<Vec<f64>>> = vec![None; rows.len()];
        for (edge, gradient) in edges.into_iter().zip(of_rows) {
            found[edge] = gradient;
        }
        Ok(Gradients { rows: found, weights, read })
    }

    /// The row of α of each edge whose gate has a softmax, as a tensor.
    fn rows(&self, alpha: &[Vec<f64>], plan: &Resolved, with_gradient: bool) -> Result<Vec<Option<Tensor>>> {
        let parameters = &self.network.parameters;
        mixture::rows(alpha, plan, (parameters.kind(), parameters.device()), with_gradient)
    }

    /// The weights of the candidates, for measuring: under α as it is, and as the plan sets it.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn mixture(&self, plan: &Resolved) -> Result<Mixture> {
        let mut alpha = Cow::Borrowed(&self.architecture.alpha);
        if !plan.alpha.is_empty() {
            plan.alpha.iter().for_each(|(edge, row)| alpha.to_mut()[*edge].clone_from(row));
        }
        mixture::mixture(&self.rows(&alpha, plan, false)?, plan)
    }

    /// A forward pass without gradients: loss and accuracy.
    fn measure(&self, batch: &TensorBatch, plan: &Resolved, norm: Norm) -> Result<(f64, f64)> {
        let mixture = self.mixture(plan)?;
        let logits = self.network.logits(&batch.images, plan, &mixture, norm)?;
        let criterion = Criterion::default();
        let pass = Differentiated { batch, plan, mixture: &mixture, mode: norm.into(), criterion, rows: &[] };
        pass.measured(&self.network, Logits { main: logits, auxiliary: None })
    }
}
