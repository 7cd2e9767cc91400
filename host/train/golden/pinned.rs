//! The state after the last iteration, in a line: a digest and a norm of each kind of tensors.

use crate::error::Result;
use crate::run::checkpoint::manifest::sha256;
use crate::run::compare::Difference;
use crate::run::tensors::Saved;
use crate::train::Running;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All tensors of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// SHA-256 of their names, shapes and bytes.
    pub digest: String,
    /// The root of the sum of their squares; none for what has no numbers of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm: Option<f64>,
}

/// The state after the last iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// Weights, buffers, momentum, α, its moments, and what the policy remembers.
    pub state: BTreeMap<String, Pin>,
}

impl Pinned {
    /// That of a search between two iterations.
    ///
    /// # Errors
    /// Where the policy cannot say what it remembers, and what libtorch refuses.
    pub(super) fn of(running: &Running) -> Result<Self> {
        let snapshot = running.snapshot()?;
        let parameters = &running.trainer.network.parameters;
        let kind = |saved: &Saved| match parameters.named(&saved.name) {
            Some(parameter) if parameter.trained => "weights",
            Some(_) => "buffers",
            None if saved.name.starts_with("momentum.") => "momentum",
            None if saved.name.starts_with("alpha.") => "alpha",
            None => "moments",
        };
        let mut kinds: BTreeMap<&str, Vec<&Saved>> = BTreeMap::new();
        for saved in &snapshot.tensors {
            kinds.entry(kind(saved)).or_default().push(saved);
        }
        let mut state: BTreeMap<String, Pin> =
            kinds.into_iter().map(|(kind, tensors)| (kind.to_owned(), pin(tensors))).collect();
        let policy = sha256(snapshot.state.policy.to_string().as_bytes());
        state.insert("policy".to_owned(), Pin { digest: policy, norm: None });
        Ok(Self { state })
    }

    /// The first difference to another state; `near` compares norms where digests need not be the same.
    pub(super) fn difference(
        &self,
        found: &Self,
        iteration: u64,
        near: Option<&dyn Fn(f64, f64) -> bool>,
    ) -> Option<Difference> {
        let norm = |pin: Option<&Pin>| pin.and_then(|pin| pin.norm);
        let kinds: Vec<&String> = self.state.keys().chain(found.state.keys()).collect();
        kinds.into_iter().find_map(|kind| {
            let (a, b) = (self.state.get(kind), found.state.get(kind));
            let same = match (near, norm(a), norm(b)) {
                _ if a.map(|pin| &pin.digest) == b.map(|pin| &pin.digest) => true,
                (Some(near), Some(x), Some(y)) => near(x, y),
                // What follows from numbers that are only near need not be the same.
                (Some(_), None, None) => a.is_some() && b.is_some(),
                _ => false,
            };
            let text = |pin: Option<&Pin>| match (pin, norm(pin)) {
                (None, _) => "nothing".to_owned(),
                (Some(pin), None) => pin.digest.clone(),
                (Some(pin), Some(norm)) => format!("{} of norm {norm}", &pin.digest[..pin.digest.len().min(16)]),
            };
            (!same).then(|| Difference::new(iteration, format!("the state of {kind} after it"), text(a), text(b)))
        })
    }
}

/// Digest and norm of tensors, in the order of their names.
fn pin(mut tensors: Vec<&Saved>) -> Pin {
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let (mut bytes, mut sum) = (Vec::new(), 0.0);
    for saved in tensors {
        bytes.extend(format!("{} {:?} {:?}\n", saved.name, saved.dtype, saved.shape).into_bytes());
        bytes.extend(&saved.bytes);
        sum += if saved.dtype == Dtype::F64 {
            saved.bytes.as_chunks().0.iter().map(|c| f64::from_le_bytes(*c).powi(2)).sum::<f64>()
        } else {
            saved.bytes.as_chunks().0.iter().map(|c| f64::from(f32::from_le_bytes(*c)).powi(2)).sum::<f64>()
        };
    }
    Pin { digest: sha256(&bytes), norm: Some(sum.sqrt()).filter(|norm| norm.is_finite()) }
}
