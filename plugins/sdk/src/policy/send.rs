//! Answers on their way to the host: through its tables, by name.

use super::plan::{Gate, Noise, Plan};
use super::step::Steps;
use super::turn::AfterEpoch;
use super::view::SpaceView;
use crate::abi::{self, Attribute, Text};
use std::collections::BTreeMap;

/// Hands the answer to a turn to the host.
///
/// # Safety
/// The table and its context are valid for the time of the call, and used on this thread alone.
pub(crate) unsafe fn send(steps: &Steps, space: &SpaceView, planner: &abi::Planner) -> Result<(), String> {
    let to = Sender { planner, space };
    match steps {
        Steps::Both(plan) => to.step(abi::PHASE_BOTH, plan),
        Steps::List(steps) => steps.iter().try_for_each(|step| to.step(step.phase.to_abi(), &step.plan)),
    }
}

/// Hands the answer to the end of an epoch to the host.
///
/// # Safety
/// As [`send`].
pub(crate) unsafe fn send_after(after: &AfterEpoch, answer: &abi::EpochAnswer) -> Result<(), String> {
    let set = answer.set.ok_or("the host's answer is incomplete")?;
    // SAFETY: the caller vouches for the table; the setting outlives the call.
    let set = |setting: Attribute| unsafe { set(answer.context, &setting) };
    for (name, wanted) in [("stop", after.stop), ("reset_weights", after.reset_weights)] {
        if wanted {
            set(Attribute { kind: abi::KIND_BOOLEAN, ..integer(name, 1) });
        }
    }
    for (edge, kept) in &after.keep {
        // The edge, then its candidates.
        let list = std::iter::once(edge).chain(kept).map(|number| number_of(*number)).collect::<Vec<i64>>();
        let kind = abi::KIND_INTEGERS;
        set(Attribute { kind, integers: list.as_ptr(), length: list.len(), ..integer("keep", 0) });
    }
    Ok(())
}

fn integer(name: &'static str, integer: i64) -> Attribute {
    Attribute { name: Text::new(name), integer, ..Attribute::EMPTY }
}

fn number(name: &'static str, number: f64) -> Attribute {
    Attribute { kind: abi::KIND_NUMBER, number, ..integer(name, 0) }
}

/// A list, which must outlive what is returned.
fn numbers(name: &'static str, list: &[f64]) -> Attribute {
    Attribute { kind: abi::KIND_NUMBERS, numbers: list.as_ptr(), length: list.len(), ..integer(name, 0) }
}

/// What is too large for any edge or candidate stays so.
fn number_of(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// The host keeps the first error and reports it: here nothing is checked but what the tables cannot say.
struct Sender<'a> {
    planner: &'a abi::Planner,
    space: &'a SpaceView,
}

impl Sender<'_> {
    fn step(&self, phase: u32, plan: &Plan) -> Result<(), String> {
        let (Some(make), Some(step)) = (self.planner.plan, self.planner.step) else {
            return Err("the host's planner is incomplete".to_owned());
        };
        // SAFETY: `send` vouches for the table.
        let number = unsafe { make(self.planner.context) };
        if plan.all != Gate::Strongest(None) {
            self.gate(number, abi::ALL_EDGES, &plan.all)?;
        }
        for (edge, gate) in plan.gates.iter().filter(|(_, gate)| **gate != plan.all) {
            self.gate(number, *edge, gate)?;
        }
        self.settings(number, plan);
        self.drops(number, plan)?;
        // SAFETY: `send` vouches for the table.
        unsafe { step(self.planner.context, phase, number) };
        Ok(())
    }

    fn set(&self, plan: u64, edge: usize, setting: Attribute) {
        if let Some(set) = self.planner.set {
            // SAFETY: `send` vouches for the table; the setting, and what it points to, outlive the call.
            unsafe { set(self.planner.context, plan, edge, &setting) };
        }
    }

    fn gate(&self, plan: u64, edge: usize, gate: &Gate) -> Result<(), String> {
        let (kind, candidates): (&str, &[usize]) = match gate {
            Gate::Strongest(subset) => ("strongest", subset.as_deref().unwrap_or_default()),
            Gate::Relaxed(subset) => ("relaxed", subset.as_deref().unwrap_or_default()),
            Gate::StraightThrough { subset, .. } => ("straight_through", subset.as_deref().unwrap_or_default()),
            Gate::Only(candidate) => ("only", std::slice::from_ref(candidate)),
            Gate::Off => ("off", &[]),
        };
        // No candidates would stand for all.
        if let Gate::Strongest(Some(subset))
        | Gate::Relaxed(Some(subset))
        | Gate::StraightThrough { subset: Some(subset), .. } = gate
            && subset.is_empty()
        {
            return Err(format!("the gate of edge {edge} has an empty subset"));
        }
        if let Some(set) = self.planner.gate {
            // SAFETY: `send` vouches for the table; text and list outlive the call.
            unsafe {
                let kind = Text::new(kind);
                set(self.planner.context, plan, edge, kind, candidates.as_ptr(), candidates.len());
            }
        }
        if let Gate::StraightThrough { active, active_only, .. } = gate {
            if let Some(active) = active {
                self.set(plan, edge, integer("active", number_of(*active)));
            }
            if *active_only {
                self.set(plan, edge, Attribute { kind: abi::KIND_BOOLEAN, ..integer("active_only", 1) });
            }
        }
        Ok(())
    }

    fn settings(&self, number: u64, plan: &Plan) {
        if plan.inverted {
            self.set(number, abi::ALL_EDGES, integer("sign", -1));
        }
        if let Some(temperature) = plan.temperature {
            self.set(number, abi::ALL_EDGES, self::number("temperature", temperature));
        }
        if let Some(seed) = plan.gumbel {
            self.set(number, abi::ALL_EDGES, integer("gumbel", seed.cast_signed()));
        }
        for (edge, own) in &plan.edges {
            if let Some(inverted) = own.inverted {
                self.set(number, *edge, integer("sign", if inverted { -1 } else { 1 }));
            }
            if let Some(temperature) = own.temperature {
                self.set(number, *edge, self::number("temperature", temperature));
            }
            match &own.noise {
                Some(Noise::Gumbel(seed)) => self.set(number, *edge, integer("gumbel", seed.cast_signed())),
                Some(Noise::Given(values)) => self.set(number, *edge, numbers("noise", values)),
                None => {}
            }
            for costs in &own.penalties {
                self.set(number, *edge, numbers("penalty", costs));
            }
            if let Some(row) = &own.alpha {
                self.set(number, *edge, numbers("alpha", row));
            }
        }
    }

    /// The host takes a probability per candidate of an edge: those of names, then the edge's own.
    fn drops(&self, number: u64, plan: &Plan) -> Result<(), String> {
        let mut rows: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        let row = |edge: usize| vec![0.0; self.space.edges.get(edge).map_or(0, |e| e.candidates.len())];
        for (name, probability) in &plan.drop {
            let mut found = false;
            for edge in &self.space.edges {
                if let Some(candidate) = edge.candidate(name) {
                    rows.entry(edge.index).or_insert_with(|| row(edge.index))[candidate] = *probability;
                    found = true;
                }
            }
            if !found {
                return Err(format!("no edge has a candidate `{name}` to drop"));
            }
        }
        for (edge, own) in &plan.edges {
            for (candidate, probability) in &own.drop {
                let row = rows.entry(*edge).or_insert_with(|| row(*edge));
                let count = row.len();
                *row.get_mut(*candidate).ok_or_else(|| {
                    format!("edge {edge} has no candidate number {candidate} to drop: it has {count} candidates")
                })? = *probability;
            }
        }
        rows.iter().for_each(|(edge, row)| self.set(number, *edge, numbers("drop", row)));
        Ok(())
    }
}
