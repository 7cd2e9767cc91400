//! What a policy sees of a search: one turn per iteration, the results of its steps, the end of an epoch.

use super::plan::Plan;
use super::step::Phase;
use super::view::SpaceView;
use crate::random::{Purpose, Source, Stream};
use crate::space::Alpha;
use std::sync::Arc;

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
    /// The mean loss over the batch; in the architecture phase with the plan's penalties.
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
