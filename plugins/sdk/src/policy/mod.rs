//! Policies: what decides, iteration by iteration, what every edge of the supernet does.
//!
//! A policy sees a [`Turn`] and answers with [`Steps`]: plans that say symbolically which edges are relaxed and which run one
//! candidate. It never touches a tensor of the search. What it decides must follow from its parameters, its turns, what it is
//! told, and the draws of [`Turn::random`]: then searches repeat.
//!
//! - `plan`: what every edge does in one step
//! - `step`: steps, the answer to a turn
//! - `send`: answers on their way to the host
//! - `turn`: what a policy sees and hears
//! - `view`: the space as policies see it
//! - `random`: draws
//! - `model`: models of policies that learn

mod model;
mod plan;
mod random;
mod send;
mod step;
mod turn;
mod view;

pub use model::{Adam, Model, Models, Tensor};
pub use plan::{EdgeIndex, Plan};
pub use random::Random;
pub use step::{Phase, Step, Steps};
pub use turn::{AfterEpoch, EpochEnd, StepResult, Turn};
pub use view::{CandidateCost, EdgeView, SpaceView};

pub(crate) use model::{Owned, during};
pub(crate) use send::{send, send_after};

use crate::parameter::{Arguments, Parameter};
use std::sync::Arc;

/// What makes plans. Its functions are called by one thread at a time, not always the same one.
///
/// A policy that panics is not called again: the host reports the panic, and every later call is an error.
///
/// ```
/// use edas_plugin::{Arguments, Models, Plugin, Policy, PolicyEntry, SpaceView, Steps, Turn};
/// use std::sync::Arc;
///
/// /// Relaxes one edge per iteration, drawn uniformly.
/// struct SingleEdge;
///
/// impl Policy for SingleEdge {
///     fn new(_: &Arc<SpaceView>, _: &Arguments, _: &mut Models) -> Result<Self, String> {
///         Ok(Self)
///     }
///
///     fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
///         let edge = turn.random.choose(&turn.space.edges);
///         Ok(turn.strongest().relax(edge).into())
///     }
/// }
///
/// pub struct MyPolicies;
///
/// impl Plugin for MyPolicies {
///     const NAME: &'static str = "my-policies";
///     const VERSION: &'static str = "0.1.0";
///     const DESCRIPTION: &'static str = "An example";
///     const POLICIES: &'static [PolicyEntry] = &[PolicyEntry::of::<SingleEdge>("single-edge", "one relaxed edge")];
/// }
/// ```
pub trait Policy: Send + Sized + 'static {
    /// Makes a policy for a space. `arguments` holds the declared parameters; `models` makes models, here alone.
    ///
    /// # Errors
    /// Whatever keeps the policy from working; it ends the run before it starts.
    fn new(space: &Arc<SpaceView>, arguments: &Arguments, models: &mut Models) -> Result<Self, String>;

    /// The steps of one iteration.
    ///
    /// # Errors
    /// Whatever keeps the policy from answering; it ends the run.
    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String>;

    /// Hears the results of an iteration's steps, in their order. A plan for both phases gives two results.
    ///
    /// # Errors
    /// As [`Policy::plan`].
    fn feedback(&mut self, turn: &mut Turn, results: &[StepResult]) -> Result<(), String> {
        let _ = (turn, results);
        Ok(())
    }

    /// Hears that an epoch is over, and may end the search, leave edges with fewer candidates, or have the weights start anew.
    ///
    /// # Errors
    /// As [`Policy::plan`].
    fn end_epoch(&mut self, end: &EpochEnd) -> Result<AfterEpoch, String> {
        let _ = end;
        Ok(AfterEpoch::default())
    }

    /// All that the policy remembers, its models aside: these are the host's to save. Saving and restoring must not change
    /// what the policy decides.
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Puts back what [`Policy::save`] returned, perhaps in another policy of the same parameters and space. Tensors of models
    /// are gone afterwards.
    ///
    /// # Errors
    /// Where the bytes are not this policy's.
    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        let _ = state;
        Ok(())
    }
}

/// A policy that a plugin offers.
#[derive(Clone, Copy)]
pub struct PolicyEntry {
    /// The name, as specs write it.
    pub name: &'static str,
    /// What it does, for people.
    pub doc: &'static str,
    /// What a spec may set.
    pub parameters: &'static [Parameter],
    create: Create,
}

type Create = fn(&Arc<SpaceView>, &Arguments, &mut Models) -> Result<Box<dyn Object>, String>;

impl PolicyEntry {
    /// The policy of a type, without parameters.
    pub const fn of<P: Policy>(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc, parameters: &[], create: create::<P> }
    }

    /// The same policy with parameters.
    pub const fn with_parameters(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    pub(crate) fn create(
        &self,
        space: &Arc<SpaceView>,
        arguments: &Arguments,
        models: &mut Models,
    ) -> Result<Box<dyn Object>, String> {
        (self.create)(space, arguments, models)
    }
}

fn create<P: Policy>(
    space: &Arc<SpaceView>,
    arguments: &Arguments,
    models: &mut Models,
) -> Result<Box<dyn Object>, String> {
    Ok(Box::new(P::new(space, arguments, models)?))
}

/// A [`Policy`] whose type is not known.
pub(crate) trait Object: Send {
    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String>;
    fn feedback(&mut self, turn: &mut Turn, results: &[StepResult]) -> Result<(), String>;
    fn end_epoch(&mut self, end: &EpochEnd) -> Result<AfterEpoch, String>;
    fn save(&self) -> Vec<u8>;
    fn restore(&mut self, state: &[u8]) -> Result<(), String>;
}

impl<P: Policy> Object for P {
    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        Policy::plan(self, turn)
    }

    fn feedback(&mut self, turn: &mut Turn, results: &[StepResult]) -> Result<(), String> {
        Policy::feedback(self, turn, results)
    }

    fn end_epoch(&mut self, end: &EpochEnd) -> Result<AfterEpoch, String> {
        Policy::end_epoch(self, end)
    }

    fn save(&self) -> Vec<u8> {
        Policy::save(self)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        Policy::restore(self, state)
    }
}
