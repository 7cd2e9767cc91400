//! What a search found, and how it ended.

use crate::run::ValidationRecord;
use crate::space::{Alpha, Collapse, Genotype};

/// How a search ended.
#[derive(Debug, Clone)]
pub enum End {
    /// It came to its end.
    Finished(Box<Outcome>),
    /// It was interrupted.
    Interrupted {
        /// The number of iterations that are over.
        iteration: u64,
    },
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The architecture.
    pub genotype: Genotype,
    /// α at the end.
    pub alpha: Alpha,
    /// The last validation.
    pub validation: ValidationRecord,
    /// Cell types most of whose edges became next to nothing.
    pub collapsed: Vec<Collapse>,
    /// Whether the policy or a cancellation ended the search early.
    pub stopped: bool,
    /// How long it took, all of its sessions together.
    pub seconds: f64,
}
