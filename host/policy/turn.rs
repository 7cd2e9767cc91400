//! What a policy sees: the space, and one turn per iteration.

use super::plan::{Phase, Plan};
use crate::random::{Purpose, Source, Stream};
use crate::space::{Alpha, Space};
use serde::Serialize;
use std::sync::Arc;

/// What a candidate costs, over all cells of its edge's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CandidateCost {
    /// Trained numbers.
    pub parameters: i64,
    /// Multiplications with an addition, for one example.
    pub multiply_adds: i64,
}

/// An edge as a policy sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeView {
    /// Its number over all cell types.
    pub index: usize,
    /// Its cell type.
    pub cell: String,
    /// Its number within the cell type.
    pub position: usize,
    /// The node that it comes from.
    pub from: usize,
    /// The node that it leads to.
    pub to: usize,
    /// The names of its candidates.
    pub candidates: Vec<String>,
    /// What each candidate costs.
    pub costs: Vec<CandidateCost>,
}

/// The space as a policy sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SpaceView {
    /// All edges, by index.
    pub edges: Vec<EdgeView>,
    /// The names of the cell types.
    pub cells: Vec<String>,
}

impl SpaceView {
    /// The view of a space; `costs[edge][candidate]` may be left empty where nothing was built.
    pub fn new(space: &Space, costs: &[Vec<CandidateCost>]) -> Self {
        let edges = space.edges().enumerate().map(|(index, (cell, edge))| EdgeView {
            index,
            cell: cell.name.clone(),
            position: index - cell.first_edge,
            from: edge.from,
            to: edge.to,
            candidates: edge.candidates.iter().map(|c| c.name.clone()).collect(),
            costs: costs.get(index).cloned().unwrap_or_else(|| vec![CandidateCost::default(); edge.candidates.len()]),
        });
        Self { edges: edges.collect(), cells: space.cell_types.iter().map(|c| c.name.clone()).collect() }
    }
}

/// Where a search stands, as its policy sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The number of epochs.
    pub epochs: u64,
    /// The iteration, from 0.
    pub iteration: u64,
    /// The iteration within the epoch, from 0.
    pub iteration_in_epoch: u64,
    /// The number of iterations in an epoch.
    pub iterations_per_epoch: u64,
}

impl Clock {
    /// The clock at an iteration.
    pub fn at(iteration: u64, epochs: u64, iterations_per_epoch: u64) -> Self {
        Self {
            epoch: iteration / iterations_per_epoch,
            epochs,
            iteration,
            iteration_in_epoch: iteration % iterations_per_epoch,
            iterations_per_epoch,
        }
    }
}

/// What a policy is shown, once per iteration.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Where the search stands.
    pub clock: Clock,
    /// The space.
    pub space: Arc<SpaceView>,
    /// α at the start of the iteration.
    pub alpha: Arc<Alpha>,
    /// The stream of this iteration's draws.
    pub random: Stream,
}

impl Turn {
    /// The turn of an iteration of the search.
    pub fn new(clock: Clock, space: &Arc<SpaceView>, alpha: &Arc<Alpha>, seed: u64) -> Self {
        Self::drawing(clock, space, alpha, Source::new(seed, Purpose::Policy))
    }

    /// The same turn with draws of its own, for the plan under which the supernet is validated.
    pub fn for_validation(clock: Clock, space: &Arc<SpaceView>, alpha: &Arc<Alpha>, seed: u64) -> Self {
        Self::drawing(clock, space, alpha, Source::new(seed, Purpose::Validation))
    }

    fn drawing(clock: Clock, space: &Arc<SpaceView>, alpha: &Arc<Alpha>, source: Source) -> Self {
        Self { clock, space: space.clone(), alpha: alpha.clone(), random: source.at(clock.iteration) }
    }

    /// Every edge runs its strongest candidate.
    pub fn strongest(&self) -> Plan {
        Plan::strongest(self.space.edges.len())
    }
}

/// What came of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepResult {
    /// The step's phase.
    pub phase: Phase,
    /// The mean loss over the batch.
    pub loss: f64,
    /// The share of the batch that was classified correctly.
    pub accuracy: f64,
}

/// What a policy hears at the end of an epoch.
#[derive(Debug, Clone)]
pub struct EpochEnd {
    /// The epoch, from 0.
    pub index: u64,
    /// The derived network's accuracy at the epoch's last validation, where there was one.
    pub derived_accuracy: Option<f64>,
    /// α.
    pub alpha: Arc<Alpha>,
    /// The space.
    pub space: Arc<SpaceView>,
}
