//! Steps: the entries of an iteration.

use super::plan::Plan;
use super::view::SpaceView;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Updates α on the search split.
    Architecture,
    /// Updates weights on the train split.
    Weights,
    /// Looks at a batch of the search split; nothing changes.
    Measure,
}

impl Phase {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Architecture => "architecture",
            Phase::Weights => "weights",
            Phase::Measure => "measure",
        }
    }
}

/// One entry of an iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What the step updates.
    pub phase: Phase,
    /// What the edges do.
    pub plan: Plan,
}

/// What a policy answers for one iteration.
#[derive(Debug, Clone, PartialEq)]
pub enum Steps {
    /// One plan for the architecture phase and then the weights phase, resolved once.
    Both(Plan),
    /// Any steps; each is resolved when its turn comes.
    List(Vec<Step>),
}

/// The most steps that an iteration may have.
pub const MOST_STEPS: usize = 256;

impl Steps {
    /// Checks every plan against a space, and the number of steps.
    ///
    /// # Errors
    /// As [`Plan::check`].
    pub fn check(&self, space: &SpaceView) -> Result<()> {
        match self {
            Steps::Both(plan) => plan.check(space),
            Steps::List(steps) if steps.is_empty() || steps.len() > MOST_STEPS => {
                Err(Error::new("an iteration has an impossible number of steps")
                    .expected(format!("1 to {MOST_STEPS}"))
                    .found(steps.len().to_string()))
            }
            Steps::List(steps) => steps.iter().try_for_each(|step| step.plan.check(space)),
        }
    }

    /// The plan of each step, with its phase; without one where it serves both.
    pub fn plans(&self) -> Vec<(Option<Phase>, &Plan)> {
        match self {
            Steps::Both(plan) => vec![(None, plan)],
            Steps::List(list) => list.iter().map(|step| (Some(step.phase), &step.plan)).collect(),
        }
    }

    /// The plan of the last step of the weights phase, if there is one.
    pub fn weights_plan(&self) -> Option<&Plan> {
        match self {
            Steps::Both(plan) => Some(plan),
            Steps::List(steps) => steps.iter().rev().find(|s| s.phase == Phase::Weights).map(|s| &s.plan),
        }
    }
}
