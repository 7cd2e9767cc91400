//! Plans and steps as scripts make them.
//!
//! Plan functions change the plan and return it; what they return is the same plan, so that calls chain, and assigning a plan to a
//! variable copies it.

use super::random::RandomValue;
use super::space::{candidate_index, edge_index, subset};
use super::{Raised, float, floats};
use crate::error::{Error, Result, nearest};
use crate::extension::interface::Interface;
use crate::extension::script::raise;
use crate::policy::gate::{EdgeSettings, Gate, Noise, Sign, StraightThrough, check_drop, check_row, check_temperature};
use crate::policy::plan::Plan;
use crate::policy::step::{Phase, Step, Steps};
use crate::policy::view::{EdgeView, SpaceView};
use rhai::{Array, Dynamic};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A plan. `clone`, which Rhai calls on assignment, copies it; [`PlanValue::same`] does not.
pub(super) struct PlanValue {
    plan: Arc<Mutex<Plan>>,
    view: Arc<SpaceView>,
}

impl Clone for PlanValue {
    fn clone(&self) -> Self {
        Self { plan: Arc::new(Mutex::new(self.get().clone())), view: self.view.clone() }
    }
}

impl PlanValue {
    pub(super) fn new(view: &Arc<SpaceView>, make: fn(usize) -> Plan) -> Self {
        Self { plan: Arc::new(Mutex::new(make(view.edges.len()))), view: view.clone() }
    }

    fn get(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn same(&self) -> Self {
        Self { plan: self.plan.clone(), view: self.view.clone() }
    }

    fn change(&self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.get());
        self.same()
    }

    /// Changes what belongs to one edge.
    fn at(&self, edge: &Dynamic, change: impl FnOnce(&mut Plan, &EdgeView) -> Raised<()>) -> Raised<Self> {
        let index = edge_index(edge, &self.view).map_err(raise)?;
        change(&mut self.get(), &self.view.edges[index])?;
        Ok(self.same())
    }

    fn gate(&self, edge: &Dynamic, gate: impl FnOnce(&EdgeView) -> Result<Gate>) -> Raised<Self> {
        self.at(edge, |plan, edge| {
            plan.gates[edge.index] = gate(edge).map_err(raise)?;
            Ok(())
        })
    }

    fn own(&self, edge: &Dynamic, set: impl FnOnce(&mut EdgeSettings)) -> Raised<Self> {
        self.at(edge, |plan, edge| {
            set(plan.edge(edge.index));
            Ok(())
        })
    }

    /// Uses one finite number per candidate of an edge.
    fn row(
        &self,
        what: &str,
        edge: &Dynamic,
        values: &Array,
        set: impl FnOnce(&mut Plan, usize, Vec<f64>),
    ) -> Raised<Self> {
        self.at(edge, |plan, edge| {
            let values = floats(values)?;
            check_row(what, &values, edge.index, edge.candidates.len()).map_err(raise)?;
            set(plan, edge.index, values);
            Ok(())
        })
    }

    fn straight_through(
        &self,
        edge: &Dynamic,
        candidates: Option<&Array>,
        active: Option<&Dynamic>,
        active_only: bool,
    ) -> Raised<Self> {
        self.gate(edge, |edge| {
            let subset = candidates.map(|list| subset(list, edge)).transpose()?;
            let active = active.map(|c| candidate_index(c, edge)).transpose()?;
            if let (Some(subset), Some(active)) = (&subset, active)
                && !subset.contains(&active)
            {
                let names: Vec<&str> = subset.iter().map(|c| edge.candidates[*c].as_str()).collect();
                return Err(Error::new(format!("the active candidate of edge {} is not in its subset", edge.index))
                    .expected(format!("one of {}", names.join(", ")))
                    .found(format!("`{}`", edge.candidates[active])));
            }
            Ok(Gate::StraightThrough(StraightThrough { subset, active, active_only }))
        })
    }

    /// Sets the drop of a candidate on all edges that have it.
    fn drop_everywhere(&self, candidate: &Dynamic, probability: &Dynamic) -> Raised<Self> {
        let probability = drop_probability(probability)?;
        let edges = &self.view.edges;
        let found: Vec<(usize, usize)> =
            edges.iter().filter_map(|e| Some((e.index, candidate_index(candidate, e).ok()?))).collect();
        if found.is_empty() {
            let name = candidate.to_string();
            let known = edges.iter().flat_map(|e| e.candidates.iter().map(String::as_str));
            return Err(raise(
                Error::new("no edge has such a candidate to drop").found(name.clone()).help_if(nearest(&name, known)),
            ));
        }
        Ok(self.change(|plan| plan.drop.extend(found.into_iter().map(|at| (at, probability)))))
    }
}

fn temperature(t: &Dynamic) -> Raised<f64> {
    let t = number(t, "a temperature")?;
    check_temperature(t).map_err(raise)?;
    Ok(t)
}

fn drop_probability(p: &Dynamic) -> Raised<f64> {
    let p = number(p, "a probability")?;
    check_drop(p).map_err(raise)?;
    Ok(p)
}

fn number(value: &Dynamic, what: &str) -> Raised<f64> {
    let found = || format!("a value of type {}", super::super::type_name(value));
    float(value).ok_or_else(|| raise(Error::new(format!("this is not {what}")).expected("a number").found(found())))
}

/// A step.
#[derive(Clone)]
struct StepValue {
    phase: Phase,
    plan: PlanValue,
}

pub(super) fn register(api: &mut Interface) {
    api.subject("Gates: what an edge does").named::<PlanValue>("Plan");
    gates(api);
    api.subject("Settings of a plan");
    settings(api);
    api.subject("Steps").named::<StepValue>("Step");
    let step = |phase| move |plan: PlanValue| StepValue { phase, plan };
    api.function(
        "architecture(plan: Plan) -> Step",
        "A step that updates α on a batch of the search split.",
        step(Phase::Architecture),
    )
    .function(
        "weights(plan: Plan) -> Step",
        "A step that updates weights on a batch of the train split.",
        step(Phase::Weights),
    )
    .function(
        "measure(plan: Plan) -> Step",
        "A step that only looks, at a batch of the search split.",
        step(Phase::Measure),
    );
}

fn gates(api: &mut Interface) {
    let strongest = |c: Option<Vec<usize>>| Gate::Strongest(c);
    let relaxed = |c: Option<Vec<usize>>| Gate::Relaxed(c);
    api.function(
        "relax(plan: Plan, edge: Edge|int) -> Plan",
        "Relaxes an edge: the sum of its candidates, or of some of them, weighted by softmax((sign · α + noise) / temperature).",
        move |p: &mut PlanValue, edge: Dynamic| p.gate(&edge, |_| Ok(relaxed(None))),
    )
    .function("relax(plan: Plan, edge: Edge|int, candidates: Array) -> Plan", "", move |p: &mut PlanValue, edge: Dynamic, candidates: Array| {
        p.gate(&edge, |edge| Ok(relaxed(Some(subset(&candidates, edge)?))))
    })
    .function("relax_all(plan: Plan) -> Plan", "Relaxes every edge.", |p: &mut PlanValue| {
        p.change(|plan| plan.gates.fill(Gate::Relaxed(None)))
    })
    .function(
        "strongest(plan: Plan, edge: Edge|int) -> Plan",
        "The edge runs its strongest candidate, or the strongest of some of them: the one for which sign · α is largest.",
        move |p: &mut PlanValue, edge: Dynamic| p.gate(&edge, |_| Ok(strongest(None))),
    )
    .function("strongest(plan: Plan, edge: Edge|int, candidates: Array) -> Plan", "", move |p: &mut PlanValue, edge: Dynamic, candidates: Array| {
        p.gate(&edge, |edge| Ok(strongest(Some(subset(&candidates, edge)?))))
    })
    .function(
        "only(plan: Plan, edge: Edge|int, candidate: String|int) -> Plan",
        "The edge runs this candidate.",
        |p: &mut PlanValue, edge: Dynamic, candidate: Dynamic| {
            p.gate(&edge, |edge| Ok(Gate::Only(candidate_index(&candidate, edge)?)))
        },
    );
    straight_through(api);
    api.function(
        "off(plan: Plan, edge: Edge|int) -> Plan",
        "The edge carries nothing.",
        |p: &mut PlanValue, edge: Dynamic| p.gate(&edge, |_| Ok(Gate::Off)),
    );
}

fn straight_through(api: &mut Interface) {
    type P<'a> = &'a mut PlanValue;
    api.function(
        "straight_through(plan: Plan, edge: Edge|int) -> Plan",
        "The output is that of one candidate, the active one; α gets the gradient of a relaxed edge over the candidates, for \
         which all of them are computed in the architecture phase. Without `active` it is the candidate for which sign · α + \
         noise is largest.",
        |p: P, edge: Dynamic| p.straight_through(&edge, None, None, false),
    )
    .function("straight_through(plan: Plan, edge: Edge|int, candidates: Array) -> Plan", "", |p: P, edge: Dynamic, list: Array| {
        p.straight_through(&edge, Some(&list), None, false)
    })
    .function(
        "straight_through(plan: Plan, edge: Edge|int, candidates: Array, active: String|int) -> Plan",
        "",
        |p: P, edge: Dynamic, list: Array, active: Dynamic| p.straight_through(&edge, Some(&list), Some(&active), false),
    )
    .function(
        "straight_through_active(plan: Plan, edge: Edge|int) -> Plan",
        "The same, but the active candidate alone is computed: α gets the gradient that its own share of the softmax has.",
        |p: P, edge: Dynamic| p.straight_through(&edge, None, None, true),
    )
    .function("straight_through_active(plan: Plan, edge: Edge|int, candidates: Array) -> Plan", "", |p: P, edge: Dynamic, list: Array| {
        p.straight_through(&edge, Some(&list), None, true)
    })
    .function(
        "straight_through_active(plan: Plan, edge: Edge|int, candidates: Array, active: String|int) -> Plan",
        "",
        |p: P, edge: Dynamic, list: Array, active: Dynamic| p.straight_through(&edge, Some(&list), Some(&active), true),
    );
}

fn settings(api: &mut Interface) {
    type P<'a> = &'a mut PlanValue;
    let sign = |inverted| if inverted { Sign::Minus } else { Sign::Plus };
    api.function("invert(plan: Plan) -> Plan", "−α in place of α, on every edge or on one.", |p: P| {
        p.change(|plan| plan.sign = Sign::Minus)
    })
    .function("invert(plan: Plan, edge: Edge|int) -> Plan", "", move |p: P, edge: Dynamic| {
        p.own(&edge, |own| own.sign = Some(Sign::Minus))
    })
    .function(
        "invert(plan: Plan, edge: Edge|int, inverted: bool) -> Plan",
        "Whether one edge is inverted, whatever the plan says.",
        move |p: P, edge: Dynamic, inverted: bool| p.own(&edge, |own| own.sign = Some(sign(inverted))),
    )
    .function(
        "temperature(plan: Plan, temperature: float) -> Plan",
        "The temperature of every softmax, or of one edge's; at least 0.000001.",
        |p: P, t: Dynamic| -> Raised<PlanValue> {
            let t = temperature(&t)?;
            Ok(p.change(|plan| plan.temperature = t))
        },
    )
    .function("temperature(plan: Plan, edge: Edge|int, temperature: float) -> Plan", "", |p: P, edge: Dynamic, t: Dynamic| {
        let t = temperature(&t)?;
        p.own(&edge, |own| own.temperature = Some(t))
    })
    .function(
        "gumbel(plan: Plan, rng: Random) -> Plan",
        "Adds Gumbel noise within every softmax, or within one edge's. It is drawn when the plan is resolved, by edge, then \
         candidate, from a seed that is drawn here.",
        |p: P, random: RandomValue| p.change(|plan| plan.gumbel = Some(random.stream().index(u64::MAX))),
    )
    .function("gumbel(plan: Plan, edge: Edge|int, rng: Random) -> Plan", "", |p: P, edge: Dynamic, random: RandomValue| {
        p.own(&edge, |own| own.noise = Some(Noise::Gumbel(random.stream().index(u64::MAX))))
    })
    .function(
        "noise(plan: Plan, edge: Edge|int, values: Array) -> Plan",
        "Adds these numbers, one per candidate, within an edge's softmax.",
        |p: P, edge: Dynamic, values: Array| {
            p.row("the noise", &edge, &values, |plan, edge, row| plan.edge(edge).noise = Some(Noise::Given(row)))
        },
    )
    .function(
        "drop(plan: Plan, candidate: String|int, p: float) -> Plan",
        "In training an example's output of this candidate is left out with probability p, and divided by 1 - p otherwise: on \
         all edges that have the candidate, or on one.",
        |p: P, candidate: Dynamic, probability: Dynamic| p.drop_everywhere(&candidate, &probability),
    )
    .function(
        "drop(plan: Plan, edge: Edge|int, candidate: String|int, p: float) -> Plan",
        "",
        |p: P, edge: Dynamic, candidate: Dynamic, probability: Dynamic| {
            let probability = drop_probability(&probability)?;
            p.at(&edge, |plan, edge| {
                let candidate = candidate_index(&candidate, edge).map_err(raise)?;
                plan.edge(edge.index).drop.insert(candidate, probability);
                Ok(())
            })
        },
    )
    .function(
        "penalise(plan: Plan, edge: Edge|int, costs: Array) -> Plan",
        "Adds costs · softmax(α) to the loss of the architecture phase; the edge's α then moves too, relaxed or not. Costs of \
         several calls add up.",
        |p: P, edge: Dynamic, costs: Array| {
            p.row("the penalty", &edge, &costs, |plan, edge, row| plan.penalise(edge, &row))
        },
    )
    .function(
        "set_alpha(plan: Plan, edge: Edge|int, values: Array) -> Plan",
        "α of an edge becomes these numbers, one per candidate, before the plan is resolved, and stays so.",
        |p: P, edge: Dynamic, values: Array| {
            p.row("α", &edge, &values, |plan, edge, row| {
                plan.alpha.insert(edge, row);
            })
        },
    );
}

/// What `plan(turn)` returned.
pub(in super::super) fn steps(answer: Dynamic) -> Result<Steps> {
    let wrong = |found: String| {
        Error::new("`plan(turn)` returned something else")
            .expected("a plan, or an array of steps: [architecture(plan), weights(plan)]")
            .found(found)
    };
    if let Some(plan) = answer.read_lock::<PlanValue>() {
        return Ok(Steps::Both(plan.get().clone()));
    }
    let found = super::super::found_text(&answer);
    let array = answer.try_cast::<Array>().ok_or_else(|| wrong(found))?;
    let step = |(i, value): (usize, Dynamic)| {
        let found = super::super::found_text(&value);
        let step =
            value.try_cast::<StepValue>().ok_or_else(|| wrong(format!("an array whose entry {i} is {found}")))?;
        let plan = step.plan.get().clone();
        Ok(Step { phase: step.phase, plan })
    };
    Ok(Steps::List(array.into_iter().enumerate().map(step).collect::<Result<_>>()?))
}
