//! A place in which two runs differ.

use serde::Serialize;
use std::fmt;

/// A place in which two runs differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The iteration in which, or after which, it shows.
    pub iteration: u64,
    /// The phase of the step, where it is one's.
    pub phase: Option<String>,
    /// What differs.
    pub quantity: String,
    /// What it is in the run that is compared with, all digits of a number; `nothing` where it is not there.
    pub expected: String,
    /// What it is in the run that is compared.
    pub found: String,
}

impl Difference {
    /// One that is of no single phase.
    pub fn new(
        iteration: u64,
        quantity: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let (quantity, expected, found) = (quantity.into(), expected.into(), found.into());
        Self { iteration, phase: None, quantity, expected, found }
    }

    /// As a sentence, with a word before each value.
    pub fn sentence(&self, first: &str, second: &str) -> String {
        let Difference { iteration, phase, quantity, expected, found } = self;
        let phase = match phase.as_deref() {
            None => String::new(),
            Some("both") => ", both phases,".to_owned(),
            Some(phase) => format!(", {phase} phase,"),
        };
        format!("iteration {iteration}{phase} differs in {quantity}: {first} {expected}, {second} {found}")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence("expected", "found"))
    }
}
