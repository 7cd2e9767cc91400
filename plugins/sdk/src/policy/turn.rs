//! What a policy sees and hears: turns, the results of steps, the end of an epoch.

use super::plan::Plan;
use super::random::Random;
use super::step::Phase;
use super::view::SpaceView;
use crate::abi;
use std::collections::BTreeMap;

/// What a policy sees of a search, once per iteration.
pub struct Turn<'a> {
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
    /// The round, from 0.
    pub round: u64,
    /// The space.
    pub space: &'a SpaceView,
    /// The draws of this iteration.
    pub random: Random<'a>,
    alpha: Alpha<'a>,
}

impl<'a> Turn<'a> {
    /// # Safety
    /// The table and all that it points to live for the lifetime; α has a row per edge and a number per candidate.
    pub(crate) unsafe fn read(table: &abi::Turn, space: &'a SpaceView) -> Result<Self, String> {
        Ok(Self {
            epoch: table.epoch,
            epochs: table.epochs,
            iteration: table.iteration,
            iteration_in_epoch: table.iteration_in_epoch,
            iterations_per_epoch: table.iterations_per_epoch,
            round: table.round,
            space,
            // SAFETY: the caller vouches for the stream.
            random: unsafe { Random::new(table.random)? },
            // SAFETY: the caller vouches for α.
            alpha: unsafe { Alpha::read(table.alpha, space) },
        })
    }

    /// α of an edge: a number per candidate; −∞ for one that the edge no longer has.
    ///
    /// # Panics
    /// Where the space has no such edge.
    pub fn alpha(&self, edge: usize) -> &'a [f64] {
        self.alpha.0[edge]
    }

    /// The numbers of the candidates that an edge still has: all of them, unless the policy left it with some
    /// ([`AfterEpoch::keep`]). To name another one is an error.
    ///
    /// # Panics
    /// Where the space has no such edge.
    pub fn kept(&self, edge: usize) -> Vec<usize> {
        self.alpha.kept(edge)
    }

    /// softmax(α) of an edge; 0 for a candidate that the edge no longer has.
    ///
    /// # Panics
    /// Where the space has no such edge.
    pub fn probabilities(&self, edge: usize) -> Vec<f64> {
        let row = self.alpha(edge);
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = row.iter().map(|a| crate::exp(a - largest)).collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(|p| p / sum).collect()
    }

    /// Every edge runs its strongest candidate.
    pub fn strongest(&self) -> Plan {
        Plan::all_strongest()
    }

    /// Every edge is off.
    pub fn empty(&self) -> Plan {
        Plan::empty()
    }
}

/// α: a row per edge.
struct Alpha<'a>(Vec<&'a [f64]>);

impl<'a> Alpha<'a> {
    fn kept(&self, edge: usize) -> Vec<usize> {
        let row = self.0[edge].iter().enumerate();
        row.filter(|(_, alpha)| **alpha != f64::NEG_INFINITY).map(|(candidate, _)| candidate).collect()
    }

    /// # Safety
    /// `rows` points to a row per edge, each with a number per candidate, that live for the lifetime.
    unsafe fn read(rows: *const *const f64, space: &SpaceView) -> Self {
        // SAFETY: the caller vouches for rows and numbers.
        unsafe {
            let rows = crate::boundary::slice(rows, space.edges.len());
            Self(
                rows.iter()
                    .zip(&space.edges)
                    .map(|(row, edge)| crate::boundary::slice(*row, edge.candidates.len()))
                    .collect(),
            )
        }
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

impl StepResult {
    pub(crate) fn read(result: &abi::StepResult) -> Result<Self, String> {
        Ok(Self { phase: Phase::from_abi(result.phase)?, loss: result.loss, accuracy: result.accuracy })
    }
}

/// What a policy hears at the end of an epoch.
pub struct EpochEnd<'a> {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The round, from 0.
    pub round: u64,
    /// The derived network's accuracy at the epoch's last validation, where there was one.
    pub derived_accuracy: Option<f64>,
    /// The space.
    pub space: &'a SpaceView,
    alpha: Alpha<'a>,
}

impl<'a> EpochEnd<'a> {
    /// # Safety
    /// As [`Turn::read`].
    pub(crate) unsafe fn read(table: &abi::EpochEnd, space: &'a SpaceView) -> Self {
        Self {
            epoch: table.epoch,
            round: table.round,
            derived_accuracy: Some(table.derived_accuracy).filter(|a| !a.is_nan()),
            space,
            // SAFETY: the caller vouches for α.
            alpha: unsafe { Alpha::read(table.alpha, space) },
        }
    }

    /// α of an edge: a number per candidate; −∞ for one that the edge no longer has.
    ///
    /// # Panics
    /// Where the space has no such edge.
    pub fn alpha(&self, edge: usize) -> &'a [f64] {
        self.alpha.0[edge]
    }

    /// The numbers of the candidates that an edge still has: all of them, unless the policy left it with some
    /// ([`AfterEpoch::keep`]). To name another one is an error.
    ///
    /// # Panics
    /// Where the space has no such edge.
    pub fn kept(&self, edge: usize) -> Vec<usize> {
        self.alpha.kept(edge)
    }
}

/// What a policy wants after an epoch.
///
/// ```
/// use edas_plugin::{AfterEpoch, EpochEnd};
///
/// /// After the fifth epoch every edge keeps its first two candidates, and the weights start anew.
/// fn first_two(end: &EpochEnd) -> AfterEpoch {
///     if end.epoch != 4 {
///         return AfterEpoch::default();
///     }
///     let keep = end.space.edges.iter().map(|edge| (edge.index, vec![0, 1])).collect();
///     AfterEpoch { keep, reset_weights: true, ..AfterEpoch::default() }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AfterEpoch {
    /// End the search here.
    pub stop: bool,
    /// The candidates that edges keep, by their numbers, for the edges named here; the others are gone for good. The numbers of
    /// those that stay do not change: see [`Turn::kept`].
    pub keep: BTreeMap<usize, Vec<usize>>,
    /// Put all weights back to where they started, and forget the optimizer's momentum.
    pub reset_weights: bool,
}
