//! What a search says of itself, and who listens.

use super::checkpoint::Snapshot;
use super::record::{EpochRecord, IterationRecord, ValidationRecord};
use crate::error::{Error, Result};
use crate::extension::script::Files;
use crate::policy::SpaceView;
use crate::space::{Alpha, Genotype};
use crate::spec::{Node, Spec};
use crate::supernet::Parameters;
use serde_json::Value;
use std::sync::Arc;

/// A search before its first iteration.
#[derive(Debug)]
pub struct Overview<'a> {
    /// The resolved spec.
    pub spec: &'a Spec,
    /// The space as policies see it.
    pub space: &'a SpaceView,
    /// The number of epochs.
    pub epochs: u64,
    /// The number of iterations in an epoch.
    pub iterations_per_epoch: u64,
    /// The number of iterations that are over already: above 0 in a search that goes on.
    pub iteration: u64,
    /// Images that train weights, that search, and that are held out.
    pub images: [usize; 3],
}

/// A search after its last iteration.
#[derive(Debug)]
pub struct Summary<'a> {
    /// The result.
    pub genotype: &'a Genotype,
    /// α.
    pub alpha: &'a Alpha,
    /// Weights and buffers.
    pub parameters: &'a Parameters,
    /// The last validation.
    pub validation: ValidationRecord,
    /// Whether the policy ended the search early.
    pub stopped: bool,
    /// How long it took.
    pub seconds: f64,
}

/// A policy's script that has taken over from another one.
#[derive(Debug)]
pub struct Change {
    /// The first iteration that it plans.
    pub iteration: u64,
    /// The script and its modules.
    pub files: Files,
    /// The values of its parameters.
    pub params: Node,
}

/// What a search says of its policy's script.
#[derive(Debug)]
pub enum ScriptEvent {
    /// It takes over here, as the spec says.
    Planned(Change),
    /// The watched script has changed and takes over.
    Changed(Change),
    /// The watched script has changed, but cannot be used: the old one stays.
    Refused(Error),
}

/// What happens in a search.
#[derive(Debug)]
pub enum Event<'a> {
    /// The first iteration is about to begin.
    Started(&'a Overview<'a>),
    /// A step is about to run: its line of the trace.
    Step(&'a Value),
    /// An iteration is over; the indices of the edges whose gate had a softmax, relaxed or straight-through, in the last of its
    /// steps with any.
    Iteration(&'a IterationRecord, &'a [usize]),
    /// Supernet and derived network were measured; `within` an epoch, not at its end.
    Validation {
        /// The accuracies.
        record: &'a ValidationRecord,
        /// What α derives to.
        genotype: &'a Genotype,
        /// Whether the epoch goes on.
        within: bool,
    },
    /// An epoch is over.
    Epoch(&'a EpochRecord, &'a Alpha),
    /// Edges have lost candidates: the space as the policy sees it from here on.
    Kept(&'a SpaceView),
    /// The policy's script has changed.
    Script(&'a ScriptEvent),
    /// The run is to be saved as it stands; for who keeps checkpoints alone.
    Checkpoint(&'a Arc<Snapshot>),
    /// The search ends before its time, so many iterations done, and has been saved for who keeps checkpoints.
    Interrupted(u64),
    /// The last iteration is over.
    Finished(&'a Summary<'a>),
}

/// Somebody who listens to a search.
pub trait Observer {
    /// Hears of an event; an error ends the search.
    ///
    /// # Errors
    /// Whatever keeps the observer from doing its work.
    fn event(&mut self, event: &Event) -> Result<()>;

    /// Whether it keeps checkpoints: where nobody does, none are made.
    fn keeps_checkpoints(&self) -> bool {
        false
    }

    /// How long it has worked on checkpoints while the search went on, in seconds.
    fn checkpoint_seconds(&self) -> f64 {
        0.0
    }
}
