//! What a search says of itself, and who listens.

use super::checkpoint::Snapshot;
use super::record::{EpochRecord, EvaluationRecord, IterationRecord, ValidationRecord};
use super::tensors::Saved;
use crate::error::{Error, Place, Result};
use crate::extension::script::Files;
use crate::policy::SpaceView;
use crate::space::{Alpha, Genotype};
use crate::spec::{Node, Spec};
use crate::supernet::Parameters;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
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

/// An evaluation before its first iteration.
#[derive(Debug)]
pub struct EvaluationOverview<'a> {
    /// The resolved spec.
    pub spec: &'a Spec,
    /// The number of epochs.
    pub epochs: u64,
    /// The number of iterations in an epoch.
    pub iterations_per_epoch: u64,
    /// The number of iterations that are over already: above 0 in an evaluation that goes on.
    pub iteration: u64,
    /// Images that train, and that test.
    pub images: [usize; 2],
    /// Numbers that are trained, without those of a second classifier.
    pub parameters: i64,
}

/// An evaluation after its last iteration.
#[derive(Debug)]
pub struct EvaluationSummary<'a> {
    /// What was trained.
    pub genotype: &'a Genotype,
    /// The result: of the last epoch.
    pub result: &'a EvaluationResult,
    /// Weights and buffers at the end.
    pub parameters: &'a Parameters,
    /// Weights and buffers after the epoch with the best test.
    pub best: &'a [Saved],
}

/// What an evaluation has come to: the content of `result.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluationResult {
    /// The version of this form: 1.
    pub version: u32,
    /// The data set.
    pub data: String,
    /// The last epoch: this is the result.
    pub last: EvaluationRecord,
    /// The epoch with the best test. It was selected on the test images, so its accuracy says too much.
    pub best_selected_on_test: EvaluationRecord,
    /// Numbers that are trained, without those of a second classifier.
    pub parameters: i64,
    /// Multiply-adds for one image.
    pub multiply_adds: i64,
    /// Edges on the longest way through each cell type, those that hand on nothing or their input as it is not counted.
    pub longest_paths: BTreeMap<String, usize>,
    /// The numbers of training and test images.
    pub images: [usize; 2],
    /// What the network takes.
    pub input: NetworkInput,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// Per class, and per class that the network at the end takes its test images for: how many.
    pub confusion: Vec<Vec<u64>>,
    /// How long it took, all of its sessions together.
    pub seconds: f64,
}

/// The images that a network takes, and what is made of their pixels: (value / maximum − mean) / std, per channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkInput {
    /// Channels, height and width.
    pub shape: [usize; 3],
    /// The pixel value that stands for 1.
    pub maximum: f32,
    /// The mean of each channel over the training images.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel over the training images.
    pub std: Vec<f32>,
    /// Whether an image of another size is cut out of its middle, as for ImageNet (its shorter side brought to 256/224 of the network's);
    /// it is stretched otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_middle: bool,
}

impl EvaluationResult {
    /// The name of its file in a run directory.
    pub const FILE: &str = "result.json";

    /// That of a finished evaluation, by its run directory.
    ///
    /// # Errors
    /// Where it cannot be read, or is not of version 1.
    pub fn read(run: &Path) -> Result<Self> {
        let path = run.join(Self::FILE);
        let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, &e).at(Place::file(&path)))?;
        let result: Self = serde_json::from_str(&text).map_err(|e| {
            Error::new(format!("this is no result of an evaluation: {e}")).at(Place::at(&path, e.line(), e.column()))
        })?;
        if result.version != 1 {
            return Err(Error::new("this result is written in another version of the form")
                .at(Place::file(&path))
                .expected("version 1")
                .found(format!("version {}", result.version)));
        }
        Ok(result)
    }
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

/// What happens in a search or an evaluation.
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
    /// The first iteration of an evaluation is about to begin.
    EvaluationStarted(&'a EvaluationOverview<'a>),
    /// An epoch of an evaluation is over, and tested.
    Tested(&'a EvaluationRecord),
    /// The last iteration of an evaluation is over.
    Evaluated(&'a EvaluationSummary<'a>),
}

/// Somebody who listens to a search or an evaluation.
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

    /// Whether it wants the run to be saved now; asked after every iteration, when its validation is over. Until this returns, the run waits.
    fn wants_checkpoint(&mut self) -> bool {
        false
    }

    /// How long it has worked on checkpoints while the search went on, in seconds.
    fn checkpoint_seconds(&self) -> f64 {
        0.0
    }
}
