//! When a search saves where it stands.

use crate::spec::{Checkpoint, Every};
use std::time::{Duration, Instant};

/// Says when the next checkpoint is due.
pub(super) struct Due {
    every: Option<Every>,
    after: Option<Duration>,
    saved: Instant,
}

impl Due {
    pub(super) fn new(settings: &Checkpoint) -> Self {
        let after = settings.minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0));
        Self { every: settings.every, after, saved: Instant::now() }
    }

    /// Whether a checkpoint is due after so many iterations.
    pub(super) fn now(&self, iterations: u64, end_of_epoch: bool) -> bool {
        let counted = match self.every {
            None => false,
            Some(Every::Epoch) => end_of_epoch,
            Some(Every::Iterations(n)) => end_of_epoch || iterations.is_multiple_of(n),
        };
        counted || self.after.is_some_and(|after| self.saved.elapsed() >= after)
    }

    pub(super) fn saved(&mut self) {
        self.saved = Instant::now();
    }
}
