//! The conformance kit: what every op set, space and policy must hold, checked from outside.
//!
//! - [`operation`]: operations over strides, channels, sizes, dtypes and forms
//! - [`kernel`]: kernels, each alone, against their reference graphs and finite differences
//! - [`space`]: networks of a space are built and trained a step
//! - [`policy`]: plans over random α, and state that is saved and put back
//! - [`probe`]: running a graph on known numbers, gradients included

pub mod kernel;
pub mod operation;
pub mod policy;
pub mod probe;
pub mod space;

use crate::error::Error;
use serde::Serialize;

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "outcome")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed {
        /// What was found.
        found: String,
        /// What to mend.
        mend: String,
    },
    /// It does not apply.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// One check of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked: `operation sep_conv_3x3`.
    pub subject: String,
    /// What of it.
    pub name: &'static str,
    /// In how many cases.
    pub cases: usize,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The checks of one thing in the making.
pub(crate) struct Checks {
    subject: String,
    list: Vec<Check>,
}

/// What a failing case says: what was found, in which case.
type Case = std::result::Result<(), String>;

impl Checks {
    pub(crate) fn new(subject: String) -> Self {
        Self { subject, list: Vec::new() }
    }

    /// Adds a check over cases; the first that fails is reported.
    pub(crate) fn add(&mut self, name: &'static str, mend: &str, cases: impl IntoIterator<Item = Case>) {
        let mut count = 0;
        let mut failure = None;
        for case in cases {
            count += 1;
            if let Err(found) = case {
                failure = Some(found);
                break;
            }
        }
        let outcome = match failure {
            Some(found) => Outcome::Failed { found, mend: mend.to_owned() },
            None if count == 0 => Outcome::Skipped { reason: "there is nothing to check".to_owned() },
            None => Outcome::Passed,
        };
        self.list.push(Check { subject: self.subject.clone(), name, cases: count, outcome });
    }

    pub(crate) fn failed(&mut self, name: &'static str, mend: &str, found: String) {
        self.add(name, mend, [Err(found)]);
    }

    pub(crate) fn done(self) -> Vec<Check> {
        self.list
    }
}

/// An error in one line.
pub(crate) fn line(error: &Error) -> String {
    let fields = error.fields();
    let mut text = fields.what.clone();
    for (name, more) in [("expected", &fields.expected), ("found", &fields.found)] {
        if let Some(more) = more {
            text = format!("{text}; {name}: {more}");
        }
    }
    text
}
