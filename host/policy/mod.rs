//! Policies: what decides, iteration by iteration, which edges are relaxed.
//!
//! A policy never touches a tensor. It is shown a [`Turn`] and returns plans, which say symbolically what
//! every edge does; the host resolves them against α and executes them.
//!
//! - [`gate`]: what one edge does in one step
//! - [`plan`]: the gates of all edges
//! - [`step`]: the entries of an iteration
//! - [`resolve`]: a plan against α: which candidate runs on each edge
//! - [`record`]: resolved plans as trace lines
//! - [`view`]: the space as policies see it
//! - [`shipped`]: the scripts that come with the program
//! - [`trace`]: a policy's plans without training
//! - [`summary`]: what a trace comes to
//! - [`turn`]: what a policy sees of a search
//! - [`script`]: policies that are Rhai scripts
//! - [`plugin`]: policies that plugins offer

pub mod gate;
pub mod plan;
pub mod plugin;
pub mod record;
pub mod resolve;
pub mod script;
pub mod shipped;
pub mod step;
pub mod summary;
pub mod trace;
pub mod turn;
pub mod view;

pub use gate::{EdgeSettings, Gate, Noise, Sign, StraightThrough};
pub use plan::Plan;
pub use plugin::{PluginPolicies, PluginPolicy};
pub use resolve::{Resolved, ResolvedGate};
pub use script::ScriptPolicy;
pub use step::{Phase, Step, Steps};
pub use turn::{EpochEnd, StepResult, Turn};
pub use view::{CandidateCost, EdgeView, SpaceView};

use crate::error::{Error, Result};
use crate::space::{Alpha, Choices};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a policy wants after an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AfterEpoch {
    /// End the search here.
    pub stop: bool,
    /// The candidates that edges keep, by position in their rows, for the edges named here; the others are gone for good.
    pub keep: BTreeMap<usize, Vec<usize>>,
    /// Put all weights back to where they started, and forget the optimizer's momentum.
    pub reset_weights: bool,
}

impl AfterEpoch {
    /// Checks the answer against a space.
    ///
    /// # Errors
    /// Where it names an edge or a candidate that is not there, or leaves an edge without any.
    pub fn check(&self, space: &SpaceView) -> Result<()> {
        for (edge, kept) in &self.keep {
            let Some(view) = space.edges.get(*edge) else {
                return Err(Error::new("the space has no such edge")
                    .expected(format!("an index from 0 to {}", space.edges.len().saturating_sub(1)))
                    .found(edge.to_string()));
            };
            if kept.is_empty() {
                return Err(Error::new(format!("edge {edge} keeps no candidate")).expected("at least one"));
            }
            if kept.iter().enumerate().any(|(i, c)| kept[..i].contains(c)) {
                return Err(Error::new(format!("edge {edge} keeps a candidate twice")).found(format!("{kept:?}")));
            }
            if let Some(wrong) = kept.iter().find(|c| **c >= view.candidates.len()) {
                return Err(Error::new(format!("edge {edge} has no candidate number {wrong}"))
                    .expected(format!("0 to {}", view.candidates.len() - 1)));
            }
        }
        Ok(())
    }
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

    /// A genotype of the policy's own making, in place of the one that the spec's rule derives from α; `None` leaves it to the
    /// rule. Whatever this call changes in the policy's state is put back.
    ///
    /// # Errors
    /// As [`Policy::plan`].
    fn derive(&mut self, space: &Arc<SpaceView>, alpha: &Arc<Alpha>) -> Result<Option<Choices>> {
        let _ = (space, alpha);
        Ok(None)
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
