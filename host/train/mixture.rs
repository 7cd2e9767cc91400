//! The weights of candidates that follow from α, as tensors through which α gets its gradient.

use crate::error::Result;
use crate::policy::resolve::Relaxed;
use crate::policy::{Resolved, ResolvedGate};
use crate::supernet::Mixture;
use tch::{Device, Kind, Tensor};

/// The row of α of each edge whose gate has a softmax, as a tensor.
pub(super) fn rows(
    alpha: &[Vec<f64>],
    plan: &Resolved,
    (kind, device): (Kind, Device),
    with_gradient: bool,
) -> Result<Vec<Option<Tensor>>> {
    let row = |(row, gate): (&Vec<f64>, &ResolvedGate)| match gate.softmax() {
        Some(_) => {
            let row = Tensor::f_from_slice(row)?.f_to_kind(kind)?.f_to_device(device)?;
            Ok(Some(row.f_set_requires_grad(with_gradient)?))
        }
        None => Ok(None),
    };
    alpha.iter().zip(&plan.gates).map(row).collect()
}

/// The weights of the candidates of each edge whose gate has a softmax, from its row of α.
pub(super) fn mixture(rows: &[Option<Tensor>], plan: &Resolved) -> Result<Mixture> {
    let weights = |(row, gate): (&Option<Tensor>, &ResolvedGate)| match (row, gate) {
        (Some(row), ResolvedGate::Relaxed(gate)) => relaxed(row, gate).map(Some),
        (Some(row), ResolvedGate::StraightThrough { over, active, .. }) => {
            straight_through(row, over, *active).map(Some)
        }
        _ => Ok(None),
    };
    rows.iter().zip(&plan.gates).map(weights).collect()
}

/// softmax((sign · α + noise) / temperature) over the gate's subset.
fn relaxed(row: &Tensor, gate: &Relaxed) -> Result<Tensor> {
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

/// onehot + (p − stop(p)) with p the softmax over the subset: exactly 1 for the active candidate and 0 for the others, with p's
/// gradient.
fn straight_through(row: &Tensor, over: &Relaxed, active: usize) -> Result<Tensor> {
    let p = relaxed(row, over)?;
    let position = over.subset.iter().position(|c| *c == active);
    let onehot: Vec<f64> = (0..over.subset.len()).map(|k| f64::from(u8::from(Some(k) == position))).collect();
    let onehot = Tensor::f_from_slice(&onehot)?.f_to_kind(row.kind())?.f_to_device(row.device())?;
    Ok(p.f_sub(&p.f_detach()?)?.f_add(&onehot)?)
}
