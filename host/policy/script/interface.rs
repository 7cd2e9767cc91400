//! What a policy script sees: turns, the space, edges, random numbers, and plans.
//!
//! Plan functions change the plan and return it; what they return is the same plan, so that calls chain, and
//! assigning a plan to a variable copies it.

use super::params;
use crate::error::{Error, Result, nearest};
use crate::extension::script::raise;
use crate::policy::AfterEpoch;
use crate::policy::gate::{Gate, Sign, check_temperature};
use crate::policy::plan::Plan;
use crate::policy::step::{Phase, Step, Steps};
use crate::policy::turn::{EpochEnd, StepResult, Turn};
use crate::policy::view::{EdgeView, SpaceView};
use crate::random::Stream;
use crate::space::derive::softmax;
use rhai::{Array, Dynamic, Engine, EvalAltResult, FLOAT, INT, Map};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Names of the interface, for suggestions.
pub(super) const NAMES: &[&str] = &[
    "epoch",
    "epochs",
    "iteration",
    "iteration_in_epoch",
    "iterations_per_epoch",
    "round",
    "params",
    "space",
    "rng",
    "alpha",
    "probabilities",
    "cost",
    "strongest",
    "empty",
    "edges",
    "cells",
    "index",
    "cell",
    "position",
    "from",
    "to",
    "candidates",
    "uniform",
    "normal",
    "gumbel",
    "choose",
    "weighted",
    "shuffle",
    "relax",
    "relax_all",
    "only",
    "off",
    "invert",
    "temperature",
    "architecture",
    "weights",
    "measure",
    "param",
    "phase",
    "loss",
    "accuracy",
    "derived_accuracy",
    "parameters",
    "multiply_adds",
];

type Raised<T> = Result<T, Box<EvalAltResult>>;

/// The space.
#[derive(Clone)]
pub(super) struct SpaceValue {
    view: Arc<SpaceView>,
}

impl SpaceValue {
    pub(super) fn new(view: &Arc<SpaceView>) -> Self {
        Self { view: view.clone() }
    }

    fn edges(&mut self) -> Array {
        (0..self.view.edges.len()).map(|index| Dynamic::from(EdgeValue { view: self.view.clone(), index })).collect()
    }
}

/// An edge.
#[derive(Clone)]
struct EdgeValue {
    view: Arc<SpaceView>,
    index: usize,
}

impl EdgeValue {
    fn edge(&self) -> &EdgeView {
        &self.view.edges[self.index]
    }
}

/// A stream of random numbers; all copies draw from the same one.
#[derive(Clone)]
struct RandomValue(Arc<Mutex<Stream>>);

impl RandomValue {
    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn below(&self, n: usize) -> Raised<usize> {
        match n {
            0 => Err(raise(Error::new("nothing can be drawn from an empty array"))),
            n => Ok(self.stream().index(n as u64) as usize),
        }
    }
}

/// A turn.
#[derive(Clone)]
pub(super) struct TurnValue {
    turn: Arc<Turn>,
    params: Dynamic,
    random: RandomValue,
}

impl TurnValue {
    pub(super) fn new(turn: &Turn, params: &Dynamic) -> Self {
        let random = RandomValue(Arc::new(Mutex::new(turn.random.clone())));
        Self { turn: Arc::new(turn.clone()), params: params.clone(), random }
    }

    fn plan(&self, make: fn(usize) -> Plan) -> PlanValue {
        let view = self.turn.space.clone();
        PlanValue { plan: Arc::new(Mutex::new(make(view.edges.len()))), view }
    }
}

/// A plan. `clone`, which Rhai calls on assignment, copies it; [`PlanValue::same`] does not.
struct PlanValue {
    plan: Arc<Mutex<Plan>>,
    view: Arc<SpaceView>,
}

impl Clone for PlanValue {
    fn clone(&self) -> Self {
        Self { plan: Arc::new(Mutex::new(self.get().clone())), view: self.view.clone() }
    }
}

impl PlanValue {
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

    fn set(&self, edge: &Dynamic, gate: impl FnOnce(&EdgeView) -> Result<Gate>) -> Raised<Self> {
        let index = edge_index(edge, &self.view).map_err(raise)?;
        let gate = gate(&self.view.edges[index]).map_err(raise)?;
        Ok(self.change(|plan| plan.gates[index] = gate))
    }
}

/// A step.
#[derive(Clone)]
struct StepValue {
    phase: Phase,
    plan: PlanValue,
}

fn edge_index(edge: &Dynamic, view: &SpaceView) -> Result<usize> {
    let count = view.edges.len();
    let index = match (edge.as_int(), edge.read_lock::<EdgeValue>()) {
        (Ok(index), _) => usize::try_from(index).ok().filter(|i| *i < count),
        (_, Some(edge)) => Some(edge.index).filter(|i| *i < count),
        _ => {
            return Err(Error::new("this is no edge")
                .expected("an edge of `turn.space.edges`, or its index")
                .found(format!("a value of type {}", super::type_name(edge))));
        }
    };
    index.ok_or_else(|| {
        Error::new("the space has no such edge")
            .expected(format!("an index from 0 to {}", count - 1))
            .found(edge.to_string())
    })
}

fn candidate_index(candidate: &Dynamic, edge: &EdgeView) -> Result<usize> {
    let unknown = |found: String, help| {
        Error::new(format!("edge {} has no such candidate", edge.index))
            .expected(format!("one of {}, or its number from 0", edge.candidates.join(", ")))
            .found(found)
            .help_if(help)
    };
    if let Ok(index) = candidate.as_int() {
        let index_in = usize::try_from(index).ok().filter(|i| *i < edge.candidates.len());
        return index_in.ok_or_else(|| unknown(index.to_string(), None));
    }
    let name = candidate
        .read_lock::<rhai::ImmutableString>()
        .ok_or_else(|| unknown(format!("a value of type {}", super::type_name(candidate)), None))?;
    edge.candidates.iter().position(|c| *c == name.as_str()).ok_or_else(|| {
        unknown(format!("`{}`", name.as_str()), nearest(&name, edge.candidates.iter().map(String::as_str)))
    })
}

fn subset(candidates: &Array, edge: &EdgeView) -> Result<Vec<usize>> {
    if candidates.is_empty() {
        return Err(Error::new(format!("the gate of edge {} has an empty subset", edge.index))
            .expected("at least one candidate"));
    }
    let mut list: Vec<usize> = candidates.iter().map(|c| candidate_index(c, edge)).collect::<Result<_>>()?;
    list.sort_unstable();
    list.dedup();
    Ok(list)
}

pub(super) fn register(engine: &mut Engine) {
    params::register(engine);
    register_views(engine);
    register_random(engine);
    register_plans(engine);
}

fn register_views(engine: &mut Engine) {
    engine
        .register_type_with_name::<SpaceValue>("Space")
        .register_get("edges", SpaceValue::edges)
        .register_get("cells", |space: &mut SpaceValue| -> Array {
            space.view.cells.iter().map(|name| Dynamic::from(name.clone())).collect()
        });
    engine
        .register_type_with_name::<EdgeValue>("Edge")
        .register_get("index", |edge: &mut EdgeValue| edge.index as INT)
        .register_get("cell", |edge: &mut EdgeValue| edge.edge().cell.clone())
        .register_get("position", |edge: &mut EdgeValue| edge.edge().position as INT)
        .register_get("from", |edge: &mut EdgeValue| edge.edge().from as INT)
        .register_get("to", |edge: &mut EdgeValue| edge.edge().to as INT)
        .register_get("candidates", |edge: &mut EdgeValue| -> Array {
            edge.edge().candidates.iter().map(|name| Dynamic::from(name.clone())).collect()
        })
        .register_fn("to_string", |edge: &mut EdgeValue| format!("edge {}", edge.index))
        .register_fn("==", |a: EdgeValue, b: EdgeValue| a.index == b.index)
        .register_fn("!=", |a: EdgeValue, b: EdgeValue| a.index != b.index);
    engine
        .register_type_with_name::<TurnValue>("Turn")
        .register_get("epoch", |t: &mut TurnValue| t.turn.clock.epoch as INT)
        .register_get("epochs", |t: &mut TurnValue| t.turn.clock.epochs as INT)
        .register_get("iteration", |t: &mut TurnValue| t.turn.clock.iteration as INT)
        .register_get("iteration_in_epoch", |t: &mut TurnValue| t.turn.clock.iteration_in_epoch as INT)
        .register_get("iterations_per_epoch", |t: &mut TurnValue| t.turn.clock.iterations_per_epoch as INT)
        .register_get("round", |_: &mut TurnValue| 0 as INT)
        .register_get("params", |t: &mut TurnValue| t.params.clone())
        .register_get("space", |t: &mut TurnValue| SpaceValue::new(&t.turn.space))
        .register_get("rng", |t: &mut TurnValue| t.random.clone())
        .register_fn("strongest", |t: &mut TurnValue| t.plan(Plan::strongest))
        .register_fn("empty", |t: &mut TurnValue| t.plan(Plan::empty))
        .register_fn("alpha", |t: &mut TurnValue, edge: Dynamic| -> Raised<Array> {
            let index = edge_index(&edge, &t.turn.space).map_err(raise)?;
            Ok(t.turn.alpha[index].iter().map(|a| Dynamic::from_float(*a)).collect())
        })
        .register_fn("probabilities", |t: &mut TurnValue, edge: Dynamic| -> Raised<Array> {
            let index = edge_index(&edge, &t.turn.space).map_err(raise)?;
            Ok(softmax(&t.turn.alpha[index]).into_iter().map(Dynamic::from_float).collect())
        })
        .register_fn("cost", |t: &mut TurnValue, edge: Dynamic, candidate: Dynamic| -> Raised<Map> {
            let edge = &t.turn.space.edges[edge_index(&edge, &t.turn.space).map_err(raise)?];
            let cost = edge.costs[candidate_index(&candidate, edge).map_err(raise)?];
            let mut map = Map::new();
            map.insert("parameters".into(), Dynamic::from_int(cost.parameters));
            map.insert("multiply_adds".into(), Dynamic::from_int(cost.multiply_adds));
            Ok(map)
        });
}

fn register_random(engine: &mut Engine) {
    engine
        .register_type_with_name::<RandomValue>("Random")
        .register_fn("index", |r: &mut RandomValue, n: INT| -> Raised<INT> {
            match usize::try_from(n) {
                Ok(n) if n > 0 => r.below(n).map(|i| i as INT),
                _ => Err(raise(
                    Error::new("`index(n)` draws a whole number from 0 to n - 1")
                        .expected("an n of at least 1")
                        .found(n.to_string()),
                )),
            }
        })
        .register_fn("uniform", |r: &mut RandomValue| r.stream().uniform())
        .register_fn("normal", |r: &mut RandomValue| r.stream().normal())
        .register_fn("gumbel", |r: &mut RandomValue| r.stream().gumbel())
        .register_fn("choose", |r: &mut RandomValue, array: Array| -> Raised<Dynamic> {
            let index = r.below(array.len())?;
            Ok(array[index].clone())
        })
        .register_fn("weighted", |r: &mut RandomValue, weights: Array| -> Raised<INT> {
            let weight = |w: &Dynamic| w.as_float().or_else(|_| w.as_int().map(|i| i as FLOAT)).unwrap_or(FLOAT::NAN);
            let weights: Vec<FLOAT> = weights.iter().map(weight).collect();
            let sum: FLOAT = weights.iter().sum();
            if !(sum > 0.0 && sum.is_finite()) || weights.iter().any(|w| *w < 0.0) {
                return Err(raise(
                    Error::new("these are no weights to draw by")
                        .expected("numbers from 0 up, with a sum above 0")
                        .found(format!("{weights:?}")),
                ));
            }
            let mut left = r.stream().uniform() * sum;
            let last = weights.iter().rposition(|w| *w > 0.0).unwrap_or(0);
            for (i, weight) in weights.iter().enumerate().take(last) {
                if left < *weight {
                    return Ok(i as INT);
                }
                left -= weight;
            }
            Ok(last as INT)
        })
        .register_fn("shuffle", |r: &mut RandomValue, mut array: Array| -> Array {
            r.stream().shuffle(&mut array);
            array
        });
}

fn register_plans(engine: &mut Engine) {
    engine
        .register_type_with_name::<PlanValue>("Plan")
        .register_fn("relax", |p: &mut PlanValue, edge: Dynamic| p.set(&edge, |_| Ok(Gate::Relaxed(None))))
        .register_fn("relax", |p: &mut PlanValue, edge: Dynamic, candidates: Array| {
            p.set(&edge, |edge| Ok(Gate::Relaxed(Some(subset(&candidates, edge)?))))
        })
        .register_fn("relax_all", |p: &mut PlanValue| p.change(|plan| plan.gates.fill(Gate::Relaxed(None))))
        .register_fn("strongest", |p: &mut PlanValue, edge: Dynamic| p.set(&edge, |_| Ok(Gate::Strongest(None))))
        .register_fn("strongest", |p: &mut PlanValue, edge: Dynamic, candidates: Array| {
            p.set(&edge, |edge| Ok(Gate::Strongest(Some(subset(&candidates, edge)?))))
        })
        .register_fn("only", |p: &mut PlanValue, edge: Dynamic, candidate: Dynamic| {
            p.set(&edge, |edge| Ok(Gate::Only(candidate_index(&candidate, edge)?)))
        })
        .register_fn("off", |p: &mut PlanValue, edge: Dynamic| p.set(&edge, |_| Ok(Gate::Off)))
        .register_fn("invert", |p: &mut PlanValue| p.change(|plan| plan.sign = Sign::Minus))
        .register_fn("invert", |p: &mut PlanValue, edge: Dynamic| -> Raised<PlanValue> {
            let index = edge_index(&edge, &p.view).map_err(raise)?;
            Ok(p.change(|plan| plan.edge(index).sign = Some(Sign::Minus)))
        })
        .register_fn("temperature", |p: &mut PlanValue, t: FLOAT| temperature(p, t))
        .register_fn("temperature", |p: &mut PlanValue, t: INT| temperature(p, t as FLOAT))
        .register_fn("gumbel", |p: &mut PlanValue, random: RandomValue| {
            p.change(|plan| *plan = plan.clone().gumbel(&mut random.stream()))
        });
    engine.register_type_with_name::<StepValue>("Step");
    for phase in [Phase::Architecture, Phase::Weights, Phase::Measure] {
        engine.register_fn(phase.name(), move |plan: PlanValue| StepValue { phase, plan });
    }
}

fn temperature(plan: &PlanValue, t: FLOAT) -> Raised<PlanValue> {
    check_temperature(t).map_err(raise)?;
    Ok(plan.change(|plan| plan.temperature = t))
}

/// What `plan(turn)` returned.
pub(super) fn steps(answer: Dynamic) -> Result<Steps> {
    let wrong = |found: String| {
        Error::new("`plan(turn)` returned something else")
            .expected("a plan, or an array of steps: [architecture(plan), weights(plan)]")
            .found(found)
    };
    if let Some(plan) = answer.read_lock::<PlanValue>() {
        return Ok(Steps::Both(plan.get().clone()));
    }
    let found = found_text(&answer);
    let array = answer.try_cast::<Array>().ok_or_else(|| wrong(found))?;
    let step = |(i, value): (usize, Dynamic)| {
        let found = found_text(&value);
        let step =
            value.try_cast::<StepValue>().ok_or_else(|| wrong(format!("an array whose entry {i} is {found}")))?;
        let plan = step.plan.get().clone();
        Ok(Step { phase: step.phase, plan })
    };
    Ok(Steps::List(array.into_iter().enumerate().map(step).collect::<Result<_>>()?))
}

fn found_text(value: &Dynamic) -> String {
    match super::type_name(value) {
        "()" => "nothing".to_owned(),
        name => format!("a value of type {name}"),
    }
}

/// The results of an iteration's steps, as `feedback` gets them.
pub(super) fn results(results: &[StepResult]) -> Array {
    let result = |r: &StepResult| {
        let mut map = Map::new();
        map.insert("phase".into(), Dynamic::from(r.phase.name().to_owned()));
        map.insert("loss".into(), Dynamic::from_float(r.loss));
        map.insert("accuracy".into(), Dynamic::from_float(r.accuracy));
        Dynamic::from_map(map)
    };
    results.iter().map(result).collect()
}

/// An epoch, as `end_epoch` gets it.
pub(super) fn epoch(epoch: &EpochEnd) -> Map {
    let row = |row: &Vec<f64>| Dynamic::from_array(row.iter().map(|a| Dynamic::from_float(*a)).collect());
    let mut map = Map::new();
    map.insert("index".into(), Dynamic::from_int(epoch.index as INT));
    map.insert("round".into(), Dynamic::from_int(0));
    map.insert("derived_accuracy".into(), epoch.derived_accuracy.map_or(Dynamic::UNIT, Dynamic::from_float));
    map.insert("alpha".into(), Dynamic::from_array(epoch.alpha.iter().map(row).collect()));
    map.insert("space".into(), Dynamic::from(SpaceValue::new(&epoch.space)));
    map
}

/// What `end_epoch` returned.
pub(super) fn after_epoch(answer: &Dynamic) -> Result<AfterEpoch> {
    if answer.is_unit() {
        return Ok(AfterEpoch::default());
    }
    let wrong = |found: String| {
        Error::new("`end_epoch(epoch)` returned something else").expected("nothing, or #{ stop: true }").found(found)
    };
    let map = answer.read_lock::<Map>().ok_or_else(|| wrong(found_text(answer)))?;
    let mut after = AfterEpoch::default();
    for (key, value) in map.iter() {
        match (key.as_str(), value.as_bool()) {
            ("stop", Ok(stop)) => after.stop = stop,
            _ => return Err(wrong(format!("`{key}: {value}`"))),
        }
    }
    Ok(after)
}
