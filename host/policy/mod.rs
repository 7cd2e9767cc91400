//! Policies: what decides, iteration by iteration, which edges are relaxed.
//!
//! A policy never touches a tensor. It is shown a [`Turn`] and returns plans, which say symbolically what
//! every edge does; the host resolves them against α and executes them.
//!
//! - [`plan`]: gates, plans, steps
//! - [`resolve`]: a plan against α: which candidate runs on each edge
//! - [`record`]: resolved plans as trace lines
//! - [`view`]: the space as policies see it
//! - [`turn`]: what a policy sees of a search
//! - [`script`]: policies that are Rhai scripts
//! - [`plugin`]: policies that plugins offer

pub mod plan;
pub mod plugin;
pub mod record;
pub mod resolve;
pub mod script;
pub mod turn;
pub mod view;

pub use plan::{Gate, Phase, Plan, Sign, Step, Steps};
pub use plugin::{PluginPolicies, PluginPolicy};
pub use resolve::{Resolved, ResolvedGate};
pub use script::ScriptPolicy;
pub use turn::{EpochEnd, StepResult, Turn};
pub use view::{CandidateCost, EdgeView, SpaceView};

use crate::error::Result;
use serde_json::Value;

/// What a policy wants after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AfterEpoch {
    /// End the search here.
    pub stop: bool,
}

/// What makes plans.
pub trait Policy: Send {
    /// The steps of one iteration.
    ///
    /// # Errors
    /// Whatever keeps the policy from answering; it ends the run.
    fn plan(&mut self, turn: &Turn) -> Result<Steps>;

    /// Hears the results of an iteration's steps, in their order.
    ///
    /// # Errors
    /// As [`Policy::plan`].
    fn feedback(&mut self, turn: &Turn, results: &[StepResult]) -> Result<()> {
        let _ = (turn, results);
        Ok(())
    }

    /// Hears that an epoch is over.
    ///
    /// # Errors
    /// As [`Policy::plan`].
    fn end_epoch(&mut self, epoch: &EpochEnd) -> Result<AfterEpoch> {
        let _ = epoch;
        Ok(AfterEpoch::default())
    }

    /// All that the policy remembers, as plain data.
    ///
    /// # Errors
    /// Where the policy cannot say it.
    fn state(&self) -> Result<Value> {
        Ok(Value::Null)
    }

    /// Puts back what [`Policy::state`] returned.
    ///
    /// # Errors
    /// Where the state is not one of this policy.
    fn set_state(&mut self, state: &Value) -> Result<()> {
        let _ = state;
        Ok(())
    }
}
