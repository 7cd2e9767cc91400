//! Steps: how a policy answers a turn.

use super::plan::Plan;
use crate::abi;

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Updates α on the search split.
    Architecture,
    /// Updates weights on the train split.
    Weights,
    /// Looks at a batch of the search split; nothing changes.
    Measure,
}

impl Phase {
    pub(super) fn to_abi(self) -> u32 {
        match self {
            Phase::Architecture => abi::PHASE_ARCHITECTURE,
            Phase::Weights => abi::PHASE_WEIGHTS,
            Phase::Measure => abi::PHASE_MEASURE,
        }
    }

    pub(super) fn from_abi(phase: u32) -> Result<Self, String> {
        match phase {
            abi::PHASE_ARCHITECTURE => Ok(Phase::Architecture),
            abi::PHASE_WEIGHTS => Ok(Phase::Weights),
            abi::PHASE_MEASURE => Ok(Phase::Measure),
            other => Err(format!("there is no phase {other}")),
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

impl Step {
    /// Updates α on the search split.
    pub fn architecture(plan: Plan) -> Self {
        Self { phase: Phase::Architecture, plan }
    }

    /// Updates weights on the train split.
    pub fn weights(plan: Plan) -> Self {
        Self { phase: Phase::Weights, plan }
    }

    /// Looks at a batch of the search split.
    pub fn measure(plan: Plan) -> Self {
        Self { phase: Phase::Measure, plan }
    }
}

/// What a policy answers for one iteration.
#[derive(Debug, Clone, PartialEq)]
pub enum Steps {
    /// One plan for the architecture phase and then the weights phase, resolved once.
    Both(Plan),
    /// Any steps; each is resolved when its turn comes.
    List(Vec<Step>),
}

impl From<Plan> for Steps {
    fn from(plan: Plan) -> Self {
        Self::Both(plan)
    }
}

impl From<Vec<Step>> for Steps {
    fn from(steps: Vec<Step>) -> Self {
        Self::List(steps)
    }
}
