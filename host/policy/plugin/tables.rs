//! What a policy sees, as the interface's tables: the space, turns, the end of an epoch.

use crate::extension::offer;
use crate::policy::step::Phase;
use crate::policy::turn::{EpochEnd, StepResult, Turn};
use crate::policy::view::SpaceView;
use crate::random::Stream;
use crate::space::Alpha;
use edas_plugin::abi;
use std::sync::Arc;

/// The space as a table, with all that it points to.
pub(super) struct SpaceTable {
    table: Box<abi::Space>,
    _edges: Vec<abi::Edge>,
    _candidates: Vec<Vec<abi::Candidate>>,
    _cells: Vec<abi::Text>,
    _view: Arc<SpaceView>,
}

impl SpaceTable {
    pub(super) fn new(view: &Arc<SpaceView>) -> Self {
        let candidates: Vec<Vec<abi::Candidate>> = view
            .edges
            .iter()
            .map(|edge| {
                let candidate = |(name, cost): (&String, &crate::policy::CandidateCost)| abi::Candidate {
                    name: abi::Text::new(name),
                    parameters: cost.parameters,
                    multiply_adds: cost.multiply_adds,
                };
                edge.candidates.iter().zip(&edge.costs).map(candidate).collect()
            })
            .collect();
        let edges: Vec<abi::Edge> = view
            .edges
            .iter()
            .zip(&candidates)
            .map(|(edge, candidates)| abi::Edge {
                cell: view.cells.iter().position(|c| *c == edge.cell).unwrap_or(usize::MAX),
                position: edge.position,
                from: edge.from,
                to: edge.to,
                candidates: candidates.as_ptr(),
                candidate_count: candidates.len(),
            })
            .collect();
        let cells: Vec<abi::Text> = view.cells.iter().map(|name| abi::Text::new(name)).collect();
        let table = abi::Space {
            size: size_of::<abi::Space>(),
            edges: edges.as_ptr(),
            edge_count: edges.len(),
            cells: cells.as_ptr(),
            cell_count: cells.len(),
        };
        Self { table: Box::new(table), _edges: edges, _candidates: candidates, _cells: cells, _view: view.clone() }
    }

    /// The table. It lives as long as `self`.
    pub(super) fn table(&self) -> *const abi::Space {
        &raw const *self.table
    }
}

/// α by pointers to its rows.
fn rows(alpha: &[Vec<f64>]) -> Vec<*const f64> {
    alpha.iter().map(|row| row.as_ptr()).collect()
}

/// Shows a turn to `body`, with α as the policy sees it. Every showing begins the turn's draws anew, as in scripts.
pub(super) fn with_turn<T>(turn: &Turn, alpha: &Alpha, body: impl FnOnce(&abi::Turn) -> T) -> T {
    let rows = rows(alpha);
    let mut random: Stream = turn.random.clone();
    body(&abi::Turn {
        size: size_of::<abi::Turn>(),
        epoch: turn.clock.epoch,
        epochs: turn.clock.epochs,
        iteration: turn.clock.iteration,
        iteration_in_epoch: turn.clock.iteration_in_epoch,
        iterations_per_epoch: turn.clock.iterations_per_epoch,
        round: 0,
        alpha: rows.as_ptr(),
        random: offer::stream(&mut random),
    })
}

/// Shows the end of an epoch to `body`, with α as the policy sees it.
pub(super) fn with_epoch<T>(end: &EpochEnd, alpha: &Alpha, body: impl FnOnce(&abi::EpochEnd) -> T) -> T {
    let rows = rows(alpha);
    body(&abi::EpochEnd {
        size: size_of::<abi::EpochEnd>(),
        epoch: end.index,
        round: 0,
        derived_accuracy: end.derived_accuracy.unwrap_or(f64::NAN),
        alpha: rows.as_ptr(),
    })
}

/// The results of an iteration's steps.
pub(super) fn results(results: &[StepResult]) -> Vec<abi::StepResult> {
    let phase = |phase| match phase {
        Phase::Architecture => abi::PHASE_ARCHITECTURE,
        Phase::Weights => abi::PHASE_WEIGHTS,
        Phase::Measure => abi::PHASE_MEASURE,
    };
    results.iter().map(|r| abi::StepResult { phase: phase(r.phase), loss: r.loss, accuracy: r.accuracy }).collect()
}
