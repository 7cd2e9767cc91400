//! Policies: what they see of a search, and how they answer.

use super::{Attribute, Info, ParameterInfo, RandomStream, Sink, Status, Text};
use std::ffi::c_void;

/// The id of the [`Policy`] extension.
pub const POLICY: &str = "edas.policy/1";

/// An operation that an edge may become.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Candidate {
    /// Its name.
    pub name: Text,
    /// Trained numbers, over all cells of the edge's type.
    pub parameters: i64,
    /// Multiplications with an addition for one example, over all cells of the edge's type.
    pub multiply_adds: i64,
}

/// An edge of a cell type.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Edge {
    /// Its cell type, by position in [`Space::cells`].
    pub cell: usize,
    /// Its position within the cell type.
    pub position: usize,
    /// The node that it comes from.
    pub from: usize,
    /// The node that it leads to.
    pub to: usize,
    /// What it may become.
    pub candidates: *const Candidate,
    /// Their number.
    pub candidate_count: usize,
}

/// A search space as policies see it.
#[repr(C)]
pub struct Space {
    /// The size of this table in bytes.
    pub size: usize,
    /// The edges over all cell types; an edge's index is its position here.
    pub edges: *const Edge,
    /// Their number.
    pub edge_count: usize,
    /// The names of the cell types.
    pub cells: *const Text,
    /// Their number.
    pub cell_count: usize,
}

/// The policy's owner in the host, for host extensions that keep something for one policy (models).
#[repr(C)]
pub struct Owner {
    _private: [u8; 0],
}

/// Where a search stands, as its policy sees it.
#[repr(C)]
pub struct Turn {
    /// The size of this table in bytes.
    pub size: usize,
    /// The epoch, from 0.
    pub epoch: u64,
    /// The number of epochs.
    pub epochs: u64,
    /// The iteration, from 0.
    pub iteration: u64,
    /// The iteration within the epoch, from 0.
    pub iteration_in_epoch: u64,
    /// The number of iterations in an epoch.
    pub iterations_per_epoch: u64,
    /// The round, from 0.
    pub round: u64,
    /// α: per edge, one number per candidate.
    pub alpha: *const *const f64,
    /// The draws of this iteration, for the host's `Random` table. `feedback` gets the same ones as `plan`, from the start.
    pub random: *mut RandomStream,
}

/// A step that updates α on the search split.
pub const PHASE_ARCHITECTURE: u32 = 0;
/// A step that updates weights on the train split.
pub const PHASE_WEIGHTS: u32 = 1;
/// A step that only looks, at a batch of the search split.
pub const PHASE_MEASURE: u32 = 2;
/// One plan for an architecture step and then a weights step, resolved once; the only answer then.
pub const PHASE_BOTH: u32 = 3;

/// Every edge of a plan.
pub const ALL_EDGES: usize = usize::MAX;

/// How a policy answers: it makes plans, changes them, and adds steps. Gates and settings are asked for by name, as
/// `plugins/README.md` lists them. Errors stick, as in `Builder`.
///
/// Thread: the one that was given the table, until that call returns.
#[repr(C)]
pub struct Planner {
    /// The size of this table in bytes.
    pub size: usize,
    /// Handed back to every function.
    pub context: *mut c_void,
    /// Makes a plan in which every edge runs its strongest candidate, and returns its number.
    pub plan: Option<unsafe extern "C-unwind" fn(context: *mut c_void) -> u64>,
    /// Sets the gate of an edge, or of all, by its name: `strongest`, `only`, `relaxed`, `straight_through`, `off`. `candidates` are
    /// positions; none stand for all.
    pub gate: Option<
        unsafe extern "C-unwind" fn(
            context: *mut c_void,
            plan: u64,
            edge: usize,
            kind: Text,
            candidates: *const usize,
            candidate_count: usize,
        ) -> Status,
    >,
    /// Sets something of a plan by its name, for an edge or for all: `sign` (a whole number, 1 or −1), `temperature` (a number),
    /// `gumbel` (a whole number, the seed of the noise); for one edge `noise`, `drop`, `penalty`, `alpha` (numbers, one per
    /// candidate), `active` (a candidate), `active_only` (a truth value).
    pub set: Option<
        unsafe extern "C-unwind" fn(context: *mut c_void, plan: u64, edge: usize, setting: *const Attribute) -> Status,
    >,
    /// Adds a step under a plan as it is now. `phase` is `PHASE_ARCHITECTURE` and so on.
    pub step: Option<unsafe extern "C-unwind" fn(context: *mut c_void, phase: u32, plan: u64) -> Status>,
}

/// What came of one step.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct StepResult {
    /// `PHASE_ARCHITECTURE` and so on. A plan for both phases gives two results.
    pub phase: u32,
    /// The mean loss over the batch.
    pub loss: f64,
    /// The share of the batch that was classified correctly.
    pub accuracy: f64,
}

/// The end of an epoch.
#[repr(C)]
pub struct EpochEnd {
    /// The size of this table in bytes.
    pub size: usize,
    /// The epoch, from 0.
    pub epoch: u64,
    /// The round, from 0.
    pub round: u64,
    /// The derived network's accuracy at the epoch's last validation; NaN where there was none.
    pub derived_accuracy: f64,
    /// α: per edge, one number per candidate.
    pub alpha: *const *const f64,
}

/// How a policy answers the end of an epoch. What it may set, by name: `stop` (a truth value: the search ends here), `keep` (whole numbers:
/// an edge, then the candidates that it keeps), `reset_weights` (a truth value).
///
/// Thread: the one that was given the table, until that call returns.
#[repr(C)]
pub struct EpochAnswer {
    /// The size of this table in bytes.
    pub size: usize,
    /// Handed back to `set`.
    pub context: *mut c_void,
    /// Sets something; errors stick, as in `Builder`.
    pub set: Option<unsafe extern "C-unwind" fn(context: *mut c_void, setting: *const Attribute) -> Status>,
}

/// What a policy is made of.
#[repr(C)]
pub struct PolicyArguments {
    /// The size of this table in bytes.
    pub size: usize,
    /// The space. It lives until the policy is destroyed.
    pub space: *const Space,
    /// One value per declared parameter, in the declared order, defaults filled in.
    pub parameters: *const Attribute,
    /// Their number.
    pub parameter_count: usize,
    /// The policy's owner, for `HOST_MODEL`. It lives until the policy is destroyed.
    pub owner: *mut Owner,
}

/// Plugin extension [`POLICY`]: policies. What a policy decides must follow from its parameters, its turns, what it is told,
/// and the draws that the host hands over: then searches repeat.
///
/// One policy's functions are called by one thread at a time, not always the same one; several policies may exist at once.
#[repr(C)]
pub struct Policy {
    /// The size of this table in bytes.
    pub size: usize,
    /// The number of policies. Any thread.
    pub count: Option<unsafe extern "C-unwind" fn() -> usize>,
    /// Describes a policy, from 0 to `count` − 1. Any thread.
    pub describe: Option<unsafe extern "C-unwind" fn(policy: usize, info: *mut Info) -> Status>,
    /// Describes a parameter of a policy. May be null where no policy has parameters. Any thread.
    pub describe_parameter:
        Option<unsafe extern "C-unwind" fn(policy: usize, parameter: usize, info: *mut ParameterInfo) -> Status>,
    /// Makes a policy and writes it to `made`. Where it fails, the host takes nothing over, whatever `made` holds. Any thread.
    pub create: Option<
        unsafe extern "C-unwind" fn(
            policy: usize,
            arguments: *const PolicyArguments,
            made: *mut *mut c_void,
            error: *const Sink,
        ) -> Status,
    >,
    /// Frees a policy. May be null.
    pub destroy: Option<unsafe extern "C-unwind" fn(policy: *mut c_void)>,
    /// Answers a turn with steps.
    pub plan: Option<
        unsafe extern "C-unwind" fn(
            policy: *mut c_void,
            turn: *const Turn,
            planner: *const Planner,
            error: *const Sink,
        ) -> Status,
    >,
    /// Hears the results of an iteration's steps, in their order. May be null.
    pub feedback: Option<
        unsafe extern "C-unwind" fn(
            policy: *mut c_void,
            turn: *const Turn,
            results: *const StepResult,
            result_count: usize,
            error: *const Sink,
        ) -> Status,
    >,
    /// Hears that an epoch is over. May be null.
    pub end_epoch: Option<
        unsafe extern "C-unwind" fn(
            policy: *mut c_void,
            end: *const EpochEnd,
            answer: *const EpochAnswer,
            error: *const Sink,
        ) -> Status,
    >,
    /// Writes all that the policy remembers to `state`; models are the host's own to save. Null where it remembers nothing.
    pub save:
        Option<unsafe extern "C-unwind" fn(policy: *mut c_void, state: *const Sink, error: *const Sink) -> Status>,
    /// Puts back what `save` wrote, perhaps into another policy of the same parameters and space. Null where `save` is.
    pub restore: Option<
        unsafe extern "C-unwind" fn(policy: *mut c_void, state: *const u8, length: usize, error: *const Sink) -> Status,
    >,
}
