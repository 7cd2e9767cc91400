//! Accuracies of supernet and derived network on the validation images.

use super::batch::TensorBatch;
use super::step::{Trainer, correct};
use crate::error::Result;
use crate::execute::Norm;
use crate::policy::{Plan, Resolved, Sign, Steps};
use crate::spec::BatchNorm;
use tch::Tensor;

/// The plan under which the supernet is validated: that of the weights phase, uninverted.
pub(crate) fn supernet_plan(steps: &Steps) -> Plan {
    let mut plan = match (steps.weights_plan(), steps) {
        (Some(plan), _) | (None, Steps::Both(plan)) => plan.clone(),
        (None, Steps::List(list)) => list[list.len() - 1].plan.clone(),
    };
    plan.sign = Sign::Plus;
    plan.edges.values_mut().for_each(|own| own.sign = None);
    plan
}

/// The share of images that the network classifies correctly under a plan. `calibration` are batches of the train split
/// for `recalibrate`.
///
/// # Errors
/// What libtorch refuses, and what the batches' iterator returns.
pub fn accuracy(
    trainer: &Trainer,
    plan: &Resolved,
    batch_norm: BatchNorm,
    batches: impl Iterator<Item = Result<TensorBatch>>,
    calibration: impl Iterator<Item = Result<TensorBatch>>,
) -> Result<f64> {
    let _guard = tch::no_grad_guard();
    let network = &trainer.network;
    let plan = &plan.without_gradient();
    let mixture = trainer.mixture(plan)?;
    let (norm, saved) = match batch_norm {
        BatchNorm::Batch => (Norm::Batch, Vec::new()),
        BatchNorm::Running => (Norm::Running, Vec::new()),
        BatchNorm::Recalibrate(count) => {
            let saved: Vec<(usize, Tensor)> = (0..network.parameters.len())
                .filter(|i| !network.parameters.get(*i).trained)
                .map(|i| (i, network.parameters.get(i).tensor.copy()))
                .collect();
            for (n, batch) in calibration.take(count as usize).enumerate() {
                let _ = network.logits(&batch?.images, plan, &mixture, Norm::Recalibrate(n as u32 + 1))?;
            }
            (Norm::Running, saved)
        }
    };
    let (mut right, mut all) = (0, 0);
    for batch in batches {
        let batch = batch?;
        let logits = network.logits(&batch.images, plan, &mixture, norm)?;
        right += correct(&logits, &batch.labels)?.f_int64_value(&[])?;
        all += batch.len();
    }
    for (index, value) in saved {
        let mut tensor = network.parameters.get(index).tensor.shallow_clone();
        tensor.f_copy_(&value)?;
    }
    Ok(right as f64 / all.max(1) as f64)
}
