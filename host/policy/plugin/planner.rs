//! How a plugin's policy answers: calls that arrive through the interface's tables become steps.
//!
//! Errors stick: the first one is kept, every later call does nothing, and the end of the call reports it.

use crate::error::{Error, Result, nearest};
use crate::extension::Attribute;
use crate::extension::memory::{slice, text};
use crate::policy::AfterEpoch;
use crate::policy::gate::{Gate, Noise, Sign, StraightThrough};
use crate::policy::plan::Plan;
use crate::policy::step::{MOST_STEPS, Phase, Step, Steps};
use crate::policy::view::{EdgeView, SpaceView};
use edas_plugin::abi;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};

/// The kinds of gates.
const GATES: [&str; 5] = ["strongest", "only", "relaxed", "straight_through", "off"];
/// What can be set of a plan.
const SETTINGS: [&str; 9] =
    ["sign", "temperature", "gumbel", "noise", "drop", "penalty", "alpha", "active", "active_only"];
/// What can be set at the end of an epoch.
const ANSWERS: [&str; 3] = ["stop", "keep", "reset_weights"];

/// An answer in the making.
pub(super) struct Planner<'a> {
    space: &'a SpaceView,
    /// Tells this answer's plans from those of others; never 0.
    number: u32,
    plans: Vec<Plan>,
    both: Option<Plan>,
    steps: Vec<Step>,
    error: Option<Error>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(space: &'a SpaceView) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed).max(1);
        Self { space, number, plans: Vec::new(), both: None, steps: Vec::new(), error: None }
    }

    /// The table that a policy is given. It points to `self`, which must stay where it is while the table is used.
    pub(super) fn table(&mut self) -> abi::Planner {
        abi::Planner {
            size: size_of::<abi::Planner>(),
            context: std::ptr::from_mut(self).cast(),
            plan: Some(plan),
            gate: Some(gate),
            set: Some(set),
            step: Some(step),
        }
    }

    /// The answer, after the policy's call ended so.
    ///
    /// # Errors
    /// The first that any call ran into: a policy's failure over it is a consequence. Otherwise the policy's own, or that there
    /// is no step.
    pub(super) fn close(self, result: Result<()>) -> Result<Steps> {
        if let Some(error) = self.error {
            return Err(error);
        }
        result?;
        match self.both {
            Some(plan) => Ok(Steps::Both(plan)),
            None if self.steps.is_empty() => {
                Err(Error::new("the policy answered without a step").expected("at least one step").found("none"))
            }
            None => Ok(Steps::List(self.steps)),
        }
    }

    fn run<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T>) -> Option<T> {
        if self.error.is_some() {
            return None;
        }
        body(self).map_err(|error| self.error = Some(error)).ok()
    }

    fn make(&mut self) -> Result<u64> {
        // A policy may make plans that it does not use, but not without end.
        if self.plans.len() > 4 * MOST_STEPS {
            return Err(
                Error::new("the policy makes plans without end").expected(format!("at most {MOST_STEPS} steps"))
            );
        }
        self.plans.push(Plan::strongest(self.space.edges.len()));
        Ok(u64::from(self.number) << 32 | (self.plans.len() - 1) as u64)
    }

    fn plan(&mut self, plan: u64) -> Result<&mut Plan> {
        let (number, index) = ((plan >> 32) as u32, (plan & u64::from(u32::MAX)) as usize);
        let known = number == self.number;
        self.plans.get_mut(index).filter(|_| known).ok_or_else(|| {
            Error::new("a plan does not belong to this turn")
                .help("make a plan with the planner that this call was given")
        })
    }

    /// The edges that a number means.
    fn edges(&self, edge: usize) -> Result<std::ops::Range<usize>> {
        let count = self.space.edges.len();
        match edge {
            abi::ALL_EDGES => Ok(0..count),
            edge if edge < count => Ok(edge..edge + 1),
            edge => Err(Error::new("the space has no such edge")
                .expected(format!("an index from 0 to {}", count.saturating_sub(1)))
                .found(edge.to_string())),
        }
    }

    fn gate(&mut self, plan: u64, edge: usize, kind: &str, candidates: &[usize]) -> Result<()> {
        let space = self.space;
        let edges = self.edges(edge)?;
        let plan = self.plan(plan)?;
        for edge in edges {
            plan.gates[edge] = gate_of(&space.edges[edge], kind, candidates)?;
        }
        Ok(())
    }

    fn set(&mut self, plan: u64, edge: usize, (name, value): (String, Attribute)) -> Result<()> {
        let all = edge == abi::ALL_EDGES;
        let edges = self.edges(edge)?;
        let plan = self.plan(plan)?;
        let edge = edges.start;
        let one =
            || Error::new(format!("the setting `{name}` holds for one edge")).expected("an edge").found("all edges");
        match (name.as_str(), value) {
            ("sign", Attribute::Integer(sign @ (1 | -1))) => {
                let sign = if sign == 1 { Sign::Plus } else { Sign::Minus };
                if all { plan.sign = sign } else { plan.edge(edge).sign = Some(sign) }
            }
            ("temperature", Attribute::Number(temperature)) if all => plan.temperature = temperature,
            ("temperature", Attribute::Number(temperature)) => plan.edge(edge).temperature = Some(temperature),
            ("gumbel", Attribute::Integer(seed)) if all => plan.gumbel = Some(seed.cast_unsigned()),
            ("gumbel", Attribute::Integer(seed)) => plan.edge(edge).noise = Some(Noise::Gumbel(seed.cast_unsigned())),
            ("noise" | "drop" | "penalty" | "alpha" | "active" | "active_only", _) if all => return Err(one()),
            ("noise", Attribute::Numbers(noise)) => plan.edge(edge).noise = Some(Noise::Given(noise)),
            ("drop", Attribute::Numbers(drop)) => plan.edge(edge).drop = drop.into_iter().enumerate().collect(),
            ("penalty", Attribute::Numbers(costs)) => plan.penalise(edge, &costs),
            ("alpha", Attribute::Numbers(row)) => drop(plan.alpha.insert(edge, row)),
            ("active", Attribute::Integer(candidate)) => {
                straight_through(plan, edge)?.active = Some(usize::try_from(candidate).unwrap_or(usize::MAX));
            }
            ("active_only", Attribute::Boolean(only)) => straight_through(plan, edge)?.active_only = only,
            (name, value) => {
                let expected = match name {
                    "sign" => "the whole number 1 or -1",
                    "temperature" => "a number above 0",
                    "gumbel" => "a whole number: the noise's seed",
                    "noise" | "drop" | "penalty" | "alpha" => "numbers, one per candidate of the edge",
                    "active" => "a whole number: the candidate",
                    "active_only" => "a truth value",
                    _ => return Err(unknown("setting of a plan", name, &SETTINGS)),
                };
                return Err(wrong(name, expected, &value));
            }
        }
        Ok(())
    }

    fn step(&mut self, phase: u32, plan: u64) -> Result<()> {
        let plan = self.plan(plan)?.clone();
        let phase = match phase {
            abi::PHASE_ARCHITECTURE => Some(Phase::Architecture),
            abi::PHASE_WEIGHTS => Some(Phase::Weights),
            abi::PHASE_MEASURE => Some(Phase::Measure),
            abi::PHASE_BOTH => None,
            other => return Err(Error::new("there is no such phase").expected("0 to 3").found(other.to_string())),
        };
        if self.both.is_some() || (phase.is_none() && !self.steps.is_empty()) {
            return Err(Error::new("a plan for both phases is the only step of its turn"));
        }
        match phase {
            None => self.both = Some(plan),
            Some(_) if self.steps.len() >= MOST_STEPS => {
                return Err(
                    Error::new("the policy answers with steps without end").expected(format!("at most {MOST_STEPS}"))
                );
            }
            Some(phase) => self.steps.push(Step { phase, plan }),
        }
        Ok(())
    }
}

fn gate_of(edge: &EdgeView, kind: &str, candidates: &[usize]) -> Result<Gate> {
    if let Some(wrong) = candidates.iter().find(|c| **c >= edge.candidates.len()) {
        return Err(Error::new(format!("edge {} has no such candidate", edge.index))
            .expected(format!("a number from 0 to {}: {}", edge.candidates.len() - 1, edge.candidates.join(", ")))
            .found(wrong.to_string()));
    }
    let subset = || {
        let mut list = candidates.to_vec();
        list.sort_unstable();
        list.dedup();
        (!list.is_empty()).then_some(list)
    };
    let count = |expected: &str| {
        Error::new(format!("the gate `{kind}` of edge {} takes another number of candidates", edge.index))
            .expected(expected)
            .found(candidates.len().to_string())
    };
    match (kind, candidates) {
        ("strongest", _) => Ok(Gate::Strongest(subset())),
        ("relaxed", _) => Ok(Gate::Relaxed(subset())),
        ("straight_through", _) => {
            Ok(Gate::StraightThrough(StraightThrough { subset: subset(), active: None, active_only: false }))
        }
        ("only", [candidate]) => Ok(Gate::Only(*candidate)),
        ("only", _) => Err(count("one")),
        ("off", []) => Ok(Gate::Off),
        ("off", _) => Err(count("none")),
        (kind, _) => Err(unknown("kind of gate", kind, &GATES)),
    }
}

/// The straight-through gate that an edge has, to be changed.
fn straight_through(plan: &mut Plan, edge: usize) -> Result<&mut StraightThrough> {
    match &mut plan.gates[edge] {
        Gate::StraightThrough(gate) => Ok(gate),
        _ => Err(Error::new(format!("the gate of edge {edge} is not straight-through"))
            .expected("a gate of the kind `straight_through`, set before")),
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Error {
    Error::new(format!("there is no {what} named `{name}`"))
        .expected(known.join(", "))
        .found(format!("`{name}`"))
        .help_if(nearest(name, known.iter().copied()))
}

fn wrong(name: &str, expected: &str, found: &Attribute) -> Error {
    Error::new(format!("the setting `{name}` cannot be this")).expected(expected).found(format!("{found:?}"))
}

/// # Safety
/// `context` is what `table` was made of, which the running call has to itself.
unsafe fn planner<'a>(context: *mut c_void) -> Option<&'a mut Planner<'a>> {
    // SAFETY: the caller vouches for the pointer.
    unsafe { context.cast::<Planner<'a>>().as_mut() }
}

fn status(done: Option<()>) -> abi::Status {
    done.map_or(abi::FAILED, |()| abi::OK)
}

unsafe extern "C-unwind" fn plan(context: *mut c_void) -> u64 {
    // SAFETY: the policy passes the table's context, during the call that was given the table.
    unsafe { planner(context) }.and_then(|planner| planner.run(Planner::make)).unwrap_or(0)
}

unsafe extern "C-unwind" fn gate(
    context: *mut c_void,
    plan: u64,
    edge: usize,
    kind: abi::Text,
    candidates: *const usize,
    candidate_count: usize,
) -> abi::Status {
    // SAFETY: as in `plan`.
    let Some(planner) = (unsafe { planner(context) }) else { return abi::FAILED };
    status(planner.run(|planner| {
        // SAFETY: the policy passes a text and a list of the length it says, for the time of the call.
        let (kind, candidates) = unsafe { (text(kind)?, slice(candidates, candidate_count)?) };
        planner.gate(plan, edge, kind, candidates)
    }))
}

unsafe extern "C-unwind" fn set(
    context: *mut c_void,
    plan: u64,
    edge: usize,
    setting: *const abi::Attribute,
) -> abi::Status {
    // SAFETY: as in `plan`.
    let Some(planner) = (unsafe { planner(context) }) else { return abi::FAILED };
    status(planner.run(|planner| {
        // SAFETY: the policy passes a setting, or null, for the time of the call.
        let setting = unsafe { setting.as_ref().map(|s| Attribute::read(s)) };
        planner.set(plan, edge, setting.ok_or_else(|| Error::new("a setting is null"))??)
    }))
}

unsafe extern "C-unwind" fn step(context: *mut c_void, phase: u32, plan: u64) -> abi::Status {
    // SAFETY: as in `plan`.
    let Some(planner) = (unsafe { planner(context) }) else { return abi::FAILED };
    status(planner.run(|planner| planner.step(phase, plan)))
}

/// What a policy answers to the end of an epoch.
#[derive(Default)]
pub(super) struct Answer {
    after: AfterEpoch,
    error: Option<Error>,
}

impl Answer {
    /// The table that a policy is given. It points to `self`, which must stay where it is while the table is used.
    pub(super) fn table(&mut self) -> abi::EpochAnswer {
        abi::EpochAnswer {
            size: size_of::<abi::EpochAnswer>(),
            context: std::ptr::from_mut(self).cast(),
            set: Some(set_after),
        }
    }

    /// The answer, after the policy's call ended so.
    ///
    /// # Errors
    /// As [`Planner::close`].
    pub(super) fn close(self, result: Result<()>) -> Result<AfterEpoch> {
        self.error.map_or(result, Err)?;
        Ok(self.after)
    }

    fn set(&mut self, (name, value): (String, Attribute)) -> Result<()> {
        match (name.as_str(), value) {
            ("stop", Attribute::Boolean(stop)) => self.after.stop = stop,
            ("reset_weights", Attribute::Boolean(reset)) => self.after.reset_weights = reset,
            // The edge, then the candidates that it keeps.
            ("keep", Attribute::Integers(list)) if !list.is_empty() => {
                let mut list = list.into_iter().map(|n| usize::try_from(n).unwrap_or(usize::MAX));
                let edge = list.next().unwrap_or(usize::MAX);
                self.after.keep.insert(edge, list.collect());
            }
            ("stop" | "reset_weights", value) => return Err(wrong(&name, "a truth value", &value)),
            ("keep", value) => {
                return Err(wrong(&name, "whole numbers: an edge, then the candidates that it keeps", &value));
            }
            _ => return Err(unknown("answer to the end of an epoch", &name, &ANSWERS)),
        }
        Ok(())
    }
}

unsafe extern "C-unwind" fn set_after(context: *mut c_void, setting: *const abi::Attribute) -> abi::Status {
    // SAFETY: the policy passes the table's context, during the call that was given the table.
    let Some(answer) = (unsafe { context.cast::<Answer>().as_mut() }) else { return abi::FAILED };
    if answer.error.is_some() {
        return abi::FAILED;
    }
    // SAFETY: the policy passes a setting, or null, for the time of the call.
    let setting = unsafe { setting.as_ref().map(|s| Attribute::read(s)) };
    let done = setting.unwrap_or_else(|| Err(Error::new("a setting is null"))).and_then(|setting| answer.set(setting));
    status(done.map_err(|error| answer.error = Some(error)).ok())
}
