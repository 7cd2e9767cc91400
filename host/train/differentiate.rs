//! A training pass: its loss, and the gradients of that.

use super::batch::TensorBatch;
use super::finite;
use super::optimizer::{norm, row};
use super::part::part;
use crate::error::Result;
use crate::policy::Resolved;
use crate::supernet::{Logits, Mixture, Mode, Network};
use tch::{Kind, Tensor};

/// What training minimises.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Criterion {
    /// The share of a label that goes to all classes alike (Szegedy et al.: "Rethinking the Inception architecture", section 7).
    pub label_smoothing: f64,
    /// The weight of the second classifier's loss.
    pub auxiliary: f64,
}

impl Criterion {
    /// The loss of a batch, a tensor of no dimensions. `labels`: (batch).
    fn loss(&self, logits: &Logits, labels: &Tensor) -> Result<Tensor> {
        let main = smoothed_cross_entropy(&logits.main, labels, self.label_smoothing)?;
        match &logits.auxiliary {
            None => Ok(main),
            Some(auxiliary) => {
                let auxiliary = smoothed_cross_entropy(auxiliary, labels, self.label_smoothing)?;
                Ok(main.f_add(&auxiliary.f_mul_scalar(self.auxiliary)?)?)
            }
        }
    }
}

/// A pass, and what its loss is differentiated by besides weights.
pub(super) struct Differentiated<'a> {
    pub batch: &'a TensorBatch,
    pub plan: &'a Resolved,
    pub mixture: &'a Mixture,
    pub mode: Mode<'a>,
    pub criterion: Criterion,
    /// Rows of α.
    pub rows: &'a [&'a Tensor],
}

/// Loss and accuracy, and rows of α's gradient.
type ReadBack = ((f64, f64), Vec<Option<Vec<f64>>>);

/// What a pass is differentiated to.
pub(super) struct Differentials {
    /// Gradients of the rows, `None` where the loss does not depend on them.
    pub rows: Vec<Option<Vec<f64>>>,
    /// Gradients of the weights, undefined where the loss does not depend on them; none where it depends on nothing.
    pub weights: Vec<Tensor>,
    /// Loss and accuracy.
    pub read: (f64, f64),
}

impl Differentiated<'_> {
    /// The gradients of the rows, and of the weights at these positions in the parameters.
    ///
    /// # Errors
    /// Where the loss is not finite, and what libtorch refuses.
    pub fn differentials(&self, network: &Network, weights: &[usize]) -> Result<Differentials> {
        let parameters = &network.parameters;
        let tensors: Vec<Tensor> =
            weights.iter().map(|w| parameters.get(*w).tensor.f_set_requires_grad(true)).collect::<Result<_, _>>()?;
        let result = match network.is_fast() {
            true => self.by_its_own_record(network, &tensors).map(|found| (found, None)),
            false => self.by_libtorch(network, &tensors),
        };
        for tensor in &tensors {
            let _ = tensor.f_set_requires_grad(false)?;
        }
        let (found, norm) = result?;
        if norm.is_some_and(|norm| !norm.is_finite()) {
            return Err(finite::explain_gradients(network, self.plan, weights, &found.weights));
        }
        Ok(found)
    }

    /// Loss and accuracy of logits that a pass without gradients returned.
    ///
    /// # Errors
    /// As [`Differentiated::differentials`].
    pub fn measured(&self, network: &Network, logits: Logits) -> Result<(f64, f64)> {
        tch::no_grad(|| self.read(network, &self.loss(&logits)?, &[])).map(|(read, _)| read)
    }

    /// By libtorch's autograd, through the reference executor. On a GPU the norm of the weights' gradients is read back with the rest, so
    /// that nobody has to ask for it.
    fn by_libtorch(&self, network: &Network, weights: &[Tensor]) -> Result<(Differentials, Option<f64>)> {
        let logits = {
            let _span = part("forward");
            network.forward_all(&self.batch.images, self.plan, self.mixture, self.mode)?
        };
        let measured = self.loss(&logits)?;
        if !measured[0].requires_grad() {
            let read = self.read(network, &measured, &[])?.0;
            return Ok((Differentials { rows: Vec::new(), weights: Vec::new(), read }, None));
        }
        // What is read back from a GPU waits for all that it was asked to do: there that comes once, at the end.
        if !network.settings.device.is_cuda() {
            self.read(network, &measured, &[])?;
        }
        let _span = part("backward");
        let leaves: Vec<&Tensor> = self.rows.iter().copied().chain(weights).collect();
        let mut of_rows = Tensor::f_run_backward(&[&measured[0]], &leaves, false, false)?;
        let weights = of_rows.split_off(self.rows.len());
        let reached: Vec<&Tensor> = weights.iter().filter(|gradient| gradient.defined()).collect();
        if network.settings.device.is_cuda() && !reached.is_empty() {
            of_rows.push(norm(&reached)?);
        }
        let (read, mut rows) = self.read(network, &measured, &of_rows)?;
        let norm = rows.split_off(self.rows.len()).into_iter().flatten().flatten().next();
        Ok((Differentials { rows, weights, read }, norm))
    }

    /// By the fast executor's own record; libtorch differentiates the loss by the logits, and the candidates' weights by α.
    fn by_its_own_record(&self, network: &Network, weights: &[Tensor]) -> Result<Differentials> {
        let pass = {
            let _span = part("forward");
            network.recorded(&self.batch.images, self.plan, self.mixture, self.mode)?
        };
        let measured = self.loss(&pass.logits)?;
        let (read, _) = self.read(network, &measured, &[])?;
        let ends = pass.ends();
        if ends.is_empty() {
            return Ok(Differentials { rows: Vec::new(), weights: Vec::new(), read });
        }
        let of_ends = Tensor::f_run_backward(&[&measured[0]], &ends, false, false)?;
        let found = {
            let _span = part("backward");
            pass.backward(&of_ends)?
        };
        let root = |(weights, gradient): &(Tensor, Vec<f64>)| -> Result<Tensor> {
            let gradient = Tensor::f_from_slice(gradient)?.f_to_kind(weights.kind())?;
            Ok(weights.f_mul(&gradient)?.f_sum(weights.kind())?)
        };
        let roots = found.mixtures.iter().map(root).collect::<Result<Vec<Tensor>>>()?;
        let rows = if roots.is_empty() || self.rows.is_empty() {
            vec![None; self.rows.len()]
        } else {
            Tensor::f_run_backward(&roots, self.rows, false, false)?.iter().map(row).collect::<Result<_>>()?
        };
        Ok(Differentials { rows, weights: weights.iter().map(|weight| found.of(weight)).collect(), read })
    }

    /// The loss, and how many examples are classified correctly.
    fn loss(&self, logits: &Logits) -> Result<[Tensor; 2]> {
        let labels = &self.batch.labels;
        Ok([self.criterion.loss(logits, labels)?, correct(&logits.main, labels)?])
    }

    /// Loss and accuracy, and rows of α's gradient, on the host: all that a step reads back, at once.
    fn read(&self, network: &Network, measured: &[Tensor; 2], rows: &[Tensor]) -> Result<ReadBack> {
        let mut numbers = read_back(measured.iter().chain(rows))?.into_iter();
        let mut one = || numbers.next().flatten().and_then(|list| list.first().copied()).unwrap_or(f64::NAN);
        let (loss, correct) = (one(), one());
        if !loss.is_finite() {
            return Err(finite::explain(network, self.batch, self.plan, self.mixture, self.mode.drop, loss));
        }
        Ok(((loss, correct / self.batch.len() as f64), numbers.collect()))
    }
}

/// The numbers of tensors, `None` of undefined ones, by one copy from their device.
fn read_back<'a>(tensors: impl Iterator<Item = &'a Tensor>) -> Result<Vec<Option<Vec<f64>>>> {
    let tensors: Vec<&Tensor> = tensors.collect();
    let flat = |tensor: &&&Tensor| tensor.f_detach()?.f_to_kind(Kind::Double)?.f_reshape([-1]);
    let flat: Vec<Tensor> = tensors.iter().filter(|t| t.defined()).map(|t| flat(&t)).collect::<Result<_, _>>()?;
    let numbers = Vec::<f64>::try_from(Tensor::f_cat(&flat, 0)?.f_to_device(tch::Device::Cpu)?)?;
    let mut rest = &numbers[..];
    let mut next = |tensor: &&Tensor| {
        let (own, others) = tensor.defined().then(|| rest.split_at(tensor.numel()))?;
        rest = others;
        Some(own.to_vec())
    };
    Ok(tensors.iter().map(&mut next).collect())
}

/// The mean cross-entropy of a batch. `logits`: (batch, classes); `labels`: (batch).
///
/// # Errors
/// What libtorch refuses.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    smoothed_cross_entropy(logits, labels, 0.0)
}

/// The mean cross-entropy of a batch against labels of which a share is spread over all classes: 1 − share + share / classes for the
/// right one, share / classes for each other one. `logits`: (batch, classes); `labels`: (batch).
///
/// # Errors
/// What libtorch refuses.
pub fn smoothed_cross_entropy(logits: &Tensor, labels: &Tensor, share: f64) -> Result<Tensor> {
    Ok(logits.f_cross_entropy_loss(labels, None::<Tensor>, tch::Reduction::Mean, -100, share)?)
}

/// How many of a batch are classified correctly, as a tensor of one whole number.
///
/// # Errors
/// What libtorch refuses.
pub fn correct(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    Ok(logits.f_argmax(-1, false)?.f_eq_tensor(labels)?.f_sum(Kind::Int64)?)
}
