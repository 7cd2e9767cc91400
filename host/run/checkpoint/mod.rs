//! Checkpoints: where a run stands between two iterations, on disk.
//!
//! A checkpoint is two files in the run directory's `checkpoints`: `<iterations>.safetensors` with weights, buffers, α and the
//! optimizers' moments, and `<iterations>.json`, its manifest, with all else and the checksum of both. The manifest comes last, so a
//! checkpoint is there when its manifest is. Nothing about random numbers is saved: they follow from seed and position.
//!
//! - [`manifest`]: the manifest and its checksum
//! - [`folder`]: the checkpoints of a run: writing, keeping, reading
//! - [`choice`]: which of a run's checkpoints is meant
//! - `writer`: writing in the background

pub mod choice;
pub mod folder;
pub mod manifest;
mod writer;

pub use choice::Choice;
pub use folder::{Checkpoint, Checkpoints};
pub use manifest::Manifest;
pub(super) use writer::Writer;

use super::record::{EvaluationRecord, ValidationRecord};
use super::tensors::Saved;
use crate::space::genotype::{GenotypeCell, Ordered};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All that a search or an evaluation has come to between two iterations, as plain data.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Everything but numbers in bulk.
    pub state: State,
    /// Weights and buffers under their names; per weight that was ever stepped `momentum.<name>`; of a search per edge `alpha.<index>`,
    /// `first_moment.<index>` and `second_moment.<index>`; of an evaluation `best.<name>`.
    pub tensors: Vec<Saved>,
}

/// The part of a snapshot that its manifest holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The number of iterations that are over.
    pub iteration: u64,
    /// Whether validation and the end of the epoch, where they are due after the last iteration, are still to come.
    pub pending: bool,
    /// Whether the search ends here though iterations are left.
    pub stopped: bool,
    /// The accuracies of the epoch's weights steps so far: their sum and their number.
    pub train_accuracy: Mean,
    /// The last validation, and what α derived to.
    pub validation: Option<Validated>,
    /// The names of the candidates that each edge still has, where some are gone.
    pub candidates: Option<Vec<Vec<String>>>,
    /// Per edge, how often its row of α was stepped.
    pub alpha_steps: Vec<u64>,
    /// What the policy remembers.
    pub policy: Value,
    /// How long the search has run, in seconds.
    pub seconds: f64,
    /// How long its epoch has run, in seconds.
    pub epoch_seconds: f64,
    /// Of an evaluation, whose other fields that only a search has are empty: what it has come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<EvaluationState>,
}

/// What an evaluation has come to between two iterations, besides what a search has too.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationState {
    /// The losses of the epoch so far: their sum and their number.
    pub train_loss: Mean,
    /// The number of the epoch's images so far that were left out, because they are broken.
    #[serde(default)]
    pub broken: u64,
    /// The last test.
    pub last: Option<EvaluationRecord>,
    /// The best test; weights and buffers as they were then are `best.<name>` among the tensors.
    pub best: Option<EvaluationRecord>,
}

/// A mean over what was there.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    /// Adds a value, where there is one.
    pub fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    /// The mean, where there was anything.
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// A validation and what α derived to in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validated {
    /// The accuracies.
    pub record: ValidationRecord,
    /// The cells of the genotype.
    pub cells: Ordered<GenotypeCell>,
}
