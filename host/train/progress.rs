//! How far a search has come, besides its weights, α and policy.

use crate::run::ValidationRecord;
use crate::run::checkpoint::Mean;
use crate::space::Genotype;
use std::time::Instant;

/// How far a search has come between two iterations.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    /// Whether validation and the end of the epoch, where they are due, are still to come.
    pub(super) pending: bool,
    /// Whether the search ends though iterations are left.
    pub(super) stopped: bool,
    /// The accuracies of the epoch's weights steps.
    pub(super) train: Mean,
    /// The last validation, and what α derived to.
    pub(super) validation: Option<(ValidationRecord, Genotype)>,
    /// The time of the search.
    pub(super) time: Time,
    /// The time of the epoch.
    pub(super) epoch_time: Time,
}

/// A time that was interrupted, perhaps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    before: f64,
    since: Instant,
}

impl Time {
    /// So many seconds, and those from now on.
    pub(super) fn from(before: f64) -> Self {
        Self { before, since: Instant::now() }
    }

    pub(super) fn seconds(&self) -> f64 {
        self.before + self.since.elapsed().as_secs_f64()
    }
}

impl Default for Time {
    fn default() -> Self {
        Self::from(0.0)
    }
}
