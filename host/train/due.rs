//! When a search saves where it stands.

use crate::spec::{Checkpoint, Every};
use std::time::{Duration, Instant};

/// Says when the next checkpoint is due.
pub(super) struct Due {
    every: Option<Every>,
    after: Option<Duration>,
    share: Option<f64>,
    began: Instant,
    saved: Instant,
    /// How many checkpoints were made, and how long the search waited for them, in seconds.
    made: u32,
    waited: f64,
}

impl Due {
    pub(super) fn new(settings: &Checkpoint) -> Self {
        let after = settings.minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0));
        let (began, share) = (Instant::now(), settings.share);
        Self { every: settings.every, after, share, began, saved: began, made: 0, waited: 0.0 }
    }

    /// Whether a checkpoint is due after so many iterations; `written` is how long writing them took in the background, in seconds.
    pub(super) fn now(&self, iterations: u64, end_of_epoch: bool, written: f64) -> bool {
        let counted = match self.every {
            Some(Every::Iterations(n)) => iterations.is_multiple_of(n),
            Some(Every::Epoch) | None => false,
        };
        let end = self.every.is_some() && end_of_epoch && self.is_cheap(written);
        counted || end || self.after.is_some_and(|after| self.saved.elapsed() >= after)
    }

    /// Whether one more as they were would still be within their share of the time.
    fn is_cheap(&self, written: f64) -> bool {
        let taken = self.waited + written;
        let one_more = if self.made == 0 { 0.0 } else { taken / f64::from(self.made) };
        self.share.is_none_or(|share| taken + one_more <= share * self.began.elapsed().as_secs_f64())
    }

    /// Notes that a checkpoint was made, and that the search waited since `from` for it.
    pub(super) fn made(&mut self, from: Instant) {
        self.saved = Instant::now();
        self.made += 1;
        self.waited += from.elapsed().as_secs_f64();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(every: Option<Every>, share: Option<f64>) -> Due {
        Due::new(&Checkpoint { every, share, minutes: None, keep: 1 })
    }

    #[test]
    fn counted_iterations_are_always_due_and_ends_of_epochs_within_their_share() {
        let every = due(Some(Every::Iterations(3)), Some(0.01));
        assert!(every.now(6, false, 1e6) && !every.now(7, false, 0.0) && every.now(7, true, 0.0));
        let mut epochs = due(Some(Every::Epoch), Some(0.01));
        assert!(epochs.now(5, true, 0.0) && !epochs.now(5, false, 0.0));
        epochs.began = Instant::now() - Duration::from_secs(100);
        epochs.made(Instant::now());
        // Writing one took so long: with another one it is twice that.
        assert!(epochs.now(5, true, 0.4) && !epochs.now(5, true, 0.6));
        assert!(due(Some(Every::Epoch), None).now(5, true, 1e6));
        assert!(!due(None, None).now(5, true, 0.0));
    }
}
