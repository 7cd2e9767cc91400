//! What two finished runs have come to.

use super::difference::Difference;
use super::line::{part, without_time};
use super::state;
use crate::error::{Error, Result};
use crate::run::tensors::Saved;
use serde_json::Value;

/// The result of a finished run.
pub(super) struct Outcome {
    /// The genotype, or what an evaluation measured, as the run's file has it.
    pub(super) result: Value,
    /// Weights, buffers and α.
    pub(super) tensors: Result<Vec<Saved>>,
}

/// The first difference between two results; what cannot be compared is added to `unread`.
pub(super) fn difference(
    expected: Outcome,
    found: Outcome,
    iteration: u64,
    unread: &mut Vec<Error>,
) -> Option<Difference> {
    let side = |outcome: &Outcome, key: &str| without_time(outcome.result[key].clone());
    // Versions of op sets are another matter: the hashes tell.
    for key in ["cells", "space", "last", "best_selected_on_test", "confusion"] {
        if let Some(parting) = part(&side(&expected, key), &side(&found, key)) {
            let quantity = format!("the result's {}", parting.below(key));
            return Some(parting.difference(iteration, quantity));
        }
    }
    match (expected.tensors, found.tensors) {
        (Ok(expected), Ok(found)) => state::tensors(&expected, &found, iteration),
        (expected, found) => {
            unread.extend([expected.err(), found.err()].into_iter().flatten());
            None
        }
    }
}
