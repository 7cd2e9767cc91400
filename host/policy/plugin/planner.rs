//! How a plugin's policy answers: calls that arrive through the interface's tables become steps.
//!
//! Errors stick: the first one is kept, every later call does nothing, and the end of the call reports it.

use crate::error::{Error, Result, nearest};
use crate::extension::Attribute;
use crate::extension::memory::{slice, text};
use crate::policy::gate::{Gate, Noise, Sign, StraightThrough, check_drop, check_row, check_temperature};
use crate::policy::plan::Plan;
use crate::policy::step::{MOST_STEPS, Phase, Step, Steps};
use crate::policy::view::{EdgeView, SpaceView};
use edas_plugin::abi;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};

/// The kinds of gates that plugins may ask for.
pub const GATES: [&str; 5] = ["strongest", "only", "relaxed", "straight_through", "off"];
/// What plugins may set of a plan.
pub const SETTINGS: [&str; 9] =
    ["sign", "temperature", "gumbel", "noise", "drop", "penalty", "alpha", "active", "active_only"];

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
        let space = self.space;
        let all = edge == abi::ALL_EDGES;
        let edge = self.edges(edge)?.start;
        let plan = self.plan(plan)?;
        match (name.as_str(), value) {
            ("sign", Attribute::Integer(sign @ (1 | -1))) => {
                let sign = if sign == 1 { Sign::Plus } else { Sign::Minus };
                if all { plan.sign = sign } else { plan.edge(edge).sign = Some(sign) }
            }
            ("temperature", Attribute::Number(temperature)) => {
                check_temperature(temperature)?;
                if all { plan.temperature = temperature } else { plan.edge(edge).temperature = Some(temperature) }
            }
            ("gumbel", Attribute::Integer(seed)) => {
                let seed = seed.cast_unsigned();
                if all { plan.gumbel = Some(seed) } else { plan.edge(edge).noise = Some(Noise::Gumbel(seed)) }
            }
            (name @ ("noise" | "drop" | "penalty" | "alpha" | "active" | "active_only"), _) if all => {
                return Err(Error::new(format!("the setting `{name}` holds for one edge"))
                    .expected("an edge")
                    .found("all edges"));
            }
            (name @ ("noise" | "drop" | "penalty" | "alpha"), Attribute::Numbers(row)) => {
                set_row(plan, &space.edges[edge], name, row)?;
            }
            ("active", Attribute::Integer(candidate)) => set_active(plan, &space.edges[edge], candidate)?,
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
        return Err(no_candidate(edge, wrong));
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

/// Sets what has one number per candidate of an edge. The lengths are checked at once: penalties that differ could not be added.
fn set_row(plan: &mut Plan, edge: &EdgeView, name: &str, row: Vec<f64>) -> Result<()> {
    let what = match name {
        "alpha" => "α",
        "drop" => "the drop",
        "penalty" => "the penalty",
        _ => "the noise",
    };
    check_row(what, &row, edge.index, edge.candidates.len())?;
    match name {
        "alpha" => drop(plan.alpha.insert(edge.index, row)),
        "drop" => {
            row.iter().try_for_each(|probability| check_drop(*probability))?;
            plan.edge(edge.index).drop = row.into_iter().enumerate().collect();
        }
        "penalty" => plan.penalise(edge.index, &row),
        _ => plan.edge(edge.index).noise = Some(Noise::Given(row)),
    }
    Ok(())
}

/// Sets the active candidate of an edge's straight-through gate.
fn set_active(plan: &mut Plan, edge: &EdgeView, candidate: i64) -> Result<()> {
    let gate = straight_through(plan, edge.index)?;
    let candidate = usize::try_from(candidate)
        .ok()
        .filter(|c| *c < edge.candidates.len())
        .ok_or_else(|| no_candidate(edge, candidate))?;
    if let Some(subset) = gate.subset.as_ref().filter(|subset| !subset.contains(&candidate)) {
        let names: Vec<&str> = subset.iter().map(|c| edge.candidates[*c].as_str()).collect();
        return Err(Error::new(format!("the active candidate of edge {} is not in its subset", edge.index))
            .expected(format!("one of {}", names.join(", ")))
            .found(format!("`{}`", edge.candidates[candidate])));
    }
    gate.active = Some(candidate);
    Ok(())
}

fn no_candidate(edge: &EdgeView, found: impl std::fmt::Display) -> Error {
    Error::new(format!("edge {} has no such candidate", edge.index))
        .expected(format!("a number from 0 to {}: {}", edge.candidates.len() - 1, edge.candidates.join(", ")))
        .found(found.to_string())
}

/// The straight-through gate that an edge has, to be changed.
fn straight_through(plan: &mut Plan, edge: usize) -> Result<&mut StraightThrough> {
    match &mut plan.gates[edge] {
        Gate::StraightThrough(gate) => Ok(gate),
        _ => Err(Error::new(format!("the gate of edge {edge} is not straight-through"))
            .expected("a gate of the kind `straight_through`, set before")),
    }
}

pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> Error {
    Error::new(format!("there is no {what} named `{name}`"))
        .expected(known.join(", "))
        .found(format!("`{name}`"))
        .help_if(nearest(name, known.iter().copied()))
}

pub(super) fn wrong(name: &str, expected: &str, found: &Attribute) -> Error {
    Error::new(format!("the setting `{name}` cannot be this")).expected(expected).found(format!("{found:?}"))
}

/// # Safety
/// `context` is what `table` was made of, which the running call has to itself.
unsafe fn planner<'a>(context: *mut c_void) -> Option<&'a mut Planner<'a>> {
    // SAFETY: the caller vouches for the pointer.
    unsafe { context.cast::<Planner<'a>>().as_mut() }
}

pub(super) fn status(done: Option<()>) -> abi::Status {
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
