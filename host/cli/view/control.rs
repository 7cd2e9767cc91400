//! What keys ask of a run, and what the run hears of it.

use crate::train::Interruption;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is asked of a run.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// Ends the run; `None` where the run is another process's.
    pub(super) interruption: Option<Interruption>,
    paused: AtomicBool,
    save: AtomicBool,
    over: AtomicBool,
}

impl Control {
    /// Of a run that this process can end.
    pub(super) fn of(interruption: &Interruption) -> Self {
        Self { interruption: Some(interruption.clone()), ..Self::default() }
    }

    /// Whether the run is to wait.
    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed) && !self.is_stopping()
    }

    /// Lets the run wait after its iteration, or go on.
    pub(super) fn toggle_pause(&self) {
        self.paused.fetch_xor(true, Ordering::Relaxed);
    }

    /// Asks for a checkpoint.
    pub(super) fn save(&self) {
        self.save.store(true, Ordering::Relaxed);
    }

    /// Whether a checkpoint is asked for.
    pub(super) fn is_save_wanted(&self) -> bool {
        self.save.load(Ordering::Relaxed)
    }

    /// Whether a checkpoint was asked for since this was last called.
    pub(super) fn take_save(&self) -> bool {
        self.save.swap(false, Ordering::Relaxed)
    }

    /// Whether the run is to stop.
    pub(super) fn is_stopping(&self) -> bool {
        self.interruption.as_ref().is_some_and(Interruption::requested)
    }

    /// Ends the view.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether the view is to end.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}
