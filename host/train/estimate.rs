//! What a search needs of memory: an estimate from its network and its policy's first plans.

use crate::error::{Error, Result};
use crate::policy::turn::Clock;
use crate::policy::{Policy, Resolved, ResolvedGate, SpaceView, Turn};
use crate::space::Alpha;
use crate::spec::{Precision, Spec};
use crate::supernet::Network;
use std::sync::Arc;

/// Iterations whose plans the estimate is made from.
pub(super) const FIRST: u64 = 16;

/// Says of an error, where it is that memory ran out, what to lower.
pub(super) fn explain(error: Error, needed: Option<u64>) -> Error {
    if !error.fields().exhausted {
        return error;
    }
    let needed = needed.map_or_else(String::new, |bytes| {
        format!("by the estimate of `edas check` this network needs about {:.1} MiB; ", bytes as f64 / (1 << 20) as f64)
    });
    error.help_too(&format!(
        "{needed}lower `search.batch`, `network.channels` or `network.cells`, or give it more memory"
    ))
}

/// A policy's plans for these turns, resolved against α as it is given.
pub(super) fn plans(
    policy: &mut dyn Policy,
    turns: impl Iterator<Item = Clock>,
    view: &Arc<SpaceView>,
    alpha: Alpha,
    seed: u64,
) -> Result<Vec<Resolved>> {
    let mut alpha = Arc::new(alpha);
    let mut resolved = Vec::new();
    for clock in turns {
        let steps = policy.plan(&Turn::new(clock, view, &alpha, seed))?;
        steps.check(view)?;
        for (k, (_, plan)) in steps.plans().iter().enumerate() {
            plan.set_alpha(Arc::make_mut(&mut alpha));
            resolved.push(plan.resolve(&alpha, k as u64));
        }
    }
    Ok(resolved)
}

/// About how many bytes a network needs under these plans and what they can grow to.
pub(super) fn memory(network: &Network, spec: &Spec, first: Vec<Resolved>) -> u64 {
    let weights: usize = network.parameters.iter().filter(|p| p.trained).map(|p| p.tensor.numel()).sum();
    let costs: Vec<_> = at_most(network, first).iter().map(|plan| network.cost(plan)).collect();
    let most = |of: fn(&crate::graph::Cost) -> i64| costs.iter().map(of).max().unwrap_or(0) as u64;
    let element = if spec.network.precision == Precision::Float64 { 8 } else { 4 };
    // Weights and their momentum; gradients of those in use; what the way back keeps of the forward pass, and as much again
    // for its own values in flight.
    let values = 2 * most(|cost| cost.activations) * u64::from(spec.search.batch);
    element * (2 * weights as u64 + most(|cost| cost.parameters) + values)
}

/// The policy's first plans, as they are and at the most that they can grow to: when α has moved, the strongest
/// candidate of an edge may be its most expensive one.
fn at_most(network: &Network, first: Vec<Resolved>) -> Vec<Resolved> {
    let costs = network.candidate_costs();
    let most = |edge: usize| {
        let row = &costs[edge];
        ResolvedGate::Single((0..row.len()).max_by_key(|c| row[*c].multiply_adds).unwrap_or(0))
    };
    let grown = |plan: &Resolved| {
        let gate = |(edge, gate): (usize, &ResolvedGate)| match gate {
            ResolvedGate::Single(_) => most(edge),
            other => other.clone(),
        };
        Resolved { gates: plan.gates.iter().enumerate().map(gate).collect(), ..plan.clone() }
    };
    let grown: Vec<Resolved> = first.iter().map(grown).collect();
    [first, grown].concat()
}
