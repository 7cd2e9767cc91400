//! What a search and an evaluation have in common: they run iteration by iteration, can be saved between two of them, and have something
//! to do at the ends of epochs.

use super::due::Due;
use super::interruption::Interruption;
use super::part::part;
use crate::error::Result;
use crate::extension::Cancellation;
use crate::run::{Event, Observer, Snapshot};
use crate::spec::Spec;
use std::sync::Arc;
use std::time::Instant;

pub(super) type Observers<'a, 'b> = &'a mut [&'b mut dyn Observer];

/// Says what happens to all who listen.
pub(super) fn tell(observers: Observers, event: &Event) -> Result<()> {
    let _span = part("record");
    observers.iter_mut().try_for_each(|observer| observer.event(event))
}

/// A search or an evaluation while it runs.
pub(super) trait Stage {
    /// The resolved spec.
    fn spec(&self) -> &Spec;

    /// The number of iterations that are over.
    fn next(&self) -> u64;

    /// Whether what is due after the last iteration is still to come.
    fn is_pending(&self) -> bool;

    /// Whether no iteration is left, or none is wanted.
    fn is_over(&self, limit: u64) -> bool;

    /// Whether the last iteration was the last of its epoch.
    fn at_end_of_epoch(&self) -> bool;

    /// Says that it begins, or goes on.
    fn begin(&mut self, observers: Observers) -> Result<()>;

    /// One iteration, said and counted; what is due after it is still to come.
    fn advance(&mut self, observers: Observers) -> Result<()>;

    /// What is due after an iteration. `over` where it was the last one that is wanted, `cancelled` where that was not foreseen.
    fn settle(&mut self, observers: Observers, over: bool, cancelled: bool) -> Result<()>;

    /// What is looked at before the next iteration.
    fn look_around(&mut self, _observers: Observers) -> Result<()> {
        Ok(())
    }

    /// All that it has come to, as a copy.
    fn snapshot(&self) -> Result<Snapshot>;

    /// Says what it has come to at its end.
    fn finish(&mut self, observers: Observers) -> Result<()>;
}

/// Iteration by iteration, to the end or to an interruption.
pub(super) fn run(
    stage: &mut dyn Stage,
    limit: u64,
    cancellation: &Cancellation,
    interruption: &Interruption,
    observers: Observers,
) -> Result<()> {
    let mut due = Due::new(&stage.spec().checkpoint);
    stage.begin(observers)?;
    loop {
        if !stage.is_pending() {
            if stage.is_over(limit) {
                return Ok(());
            }
            stage.advance(observers)?;
            if interruption.requested() {
                return save(stage, observers);
            }
        }
        let cancelled = cancellation.requested();
        let wanted = stage.next() < limit;
        stage.settle(observers, cancelled || !wanted, cancelled)?;
        // Before all else: the run may wait here, and be interrupted while it does.
        let mut asked = false;
        for observer in observers.iter_mut() {
            asked |= observer.wants_checkpoint();
        }
        let ends = stage.is_over(limit) || interruption.requested();
        let written = observers.iter().map(|observer| observer.checkpoint_seconds()).sum();
        if ends || asked || due.now(stage.next(), stage.at_end_of_epoch(), written) {
            let from = Instant::now();
            save(stage, observers)?;
            due.made(from);
        }
        if ends {
            return Ok(());
        }
        stage.look_around(observers)?;
    }
}

/// Saves where it stands for those who keep checkpoints.
fn save(stage: &dyn Stage, observers: Observers) -> Result<()> {
    if !observers.iter().any(|observer| observer.keeps_checkpoints()) {
        return Ok(());
    }
    let snapshot = Arc::new(stage.snapshot().map_err(|e| e.context("saving a checkpoint"))?);
    tell(observers, &Event::Checkpoint(&snapshot))
}
