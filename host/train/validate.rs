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
    let measure = |norm| {
        let (mut right, mut all) = (0, 0);
        for batch in batches {
            let batch = batch?;
            let logits = network.logits(&batch.images, plan, &mixture, norm)?;
            right += correct(&logits, &batch.labels)?.f_int64_value(&[])?;
            all += batch.len();
        }
        Ok(right as f64 / all.max(1) as f64)
    };
    let count = match batch_norm {
        BatchNorm::Batch => return measure(Norm::Batch),
        BatchNorm::Running => return measure(Norm::Running),
        BatchNorm::Recalibrate(count) => count,
    };
    let parameters = &network.parameters;
    let buffers = || (0..parameters.len()).map(|at| parameters.get(at)).filter(|parameter| !parameter.trained);
    let saved: Vec<Tensor> = buffers().map(|parameter| parameter.tensor.copy()).collect();
    let recalibrate = || {
        for (n, batch) in calibration.take(count as usize).enumerate() {
            let _ = network.logits(&batch?.images, plan, &mixture, Norm::Recalibrate(n as u32 + 1))?;
        }
        Ok(())
    };
    let accuracy = recalibrate().and_then(|()| measure(Norm::Running));
    // Also where something failed: the statistics are the training's.
    for (parameter, value) in buffers().zip(saved) {
        parameter.tensor.shallow_clone().f_copy_(&value)?;
    }
    accuracy
}
