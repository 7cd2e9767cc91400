//! Resolved plans as lines of `trace.jsonl`.

use super::gate::Sign;
use super::resolve::{Relaxed, Resolved, ResolvedGate};
use super::step::Phase;
use super::view::{EdgeView, SpaceView};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One line: what every edge ran in one step. `phase` is `None` where one plan served both phases.
pub fn trace_line(iteration: u64, epoch: u64, phase: Option<Phase>, plan: &Resolved, space: &SpaceView) -> Value {
    let relaxed: Vec<Value> = plan
        .relaxed()
        .map(|index| {
            let edge = &space.edges[index];
            json!({ "cell": edge.cell, "edge": edge.position, "index": index })
        })
        .collect();
    let gates: Vec<Value> =
        plan.gates.iter().zip(&space.edges).map(|(gate, edge)| gate_value(gate, edge, plan)).collect();
    let mut line = json!({
        "iteration": iteration,
        "epoch": epoch,
        "phase": phase.map_or("both", Phase::name),
        "inverted": plan.inverted,
        "relaxed": relaxed,
        "gates": gates,
    });
    for (name, rows) in [("penalties", &plan.penalties), ("alpha", &plan.alpha)] {
        if !rows.is_empty() {
            line[name] = by_edge(rows);
        }
    }
    line
}

/// Rows of numbers under the indices of their edges.
fn by_edge(rows: &BTreeMap<usize, Vec<f64>>) -> Value {
    Value::Object(rows.iter().map(|(edge, row)| (edge.to_string(), json!(row))).collect())
}

/// The candidate that ran, null for off, or an object with what differs from the defaults.
fn gate_value(gate: &ResolvedGate, edge: &EdgeView, plan: &Resolved) -> Value {
    let name = |candidate: &usize| Value::from(edge.candidates[*candidate].as_str());
    let names = |over: &Relaxed| Value::from(over.subset.iter().map(name).collect::<Vec<Value>>());
    let mut object = Map::new();
    match gate {
        ResolvedGate::Off => return Value::Null,
        ResolvedGate::Single(candidate) if !plan.drop.contains_key(&(edge.index, *candidate)) => {
            return name(candidate);
        }
        ResolvedGate::Single(candidate) => {
            object.insert("only".to_owned(), name(candidate));
        }
        ResolvedGate::Relaxed(over) => {
            object.insert("relaxed".to_owned(), names(over));
        }
        ResolvedGate::StraightThrough { over, active, active_only } => {
            object.insert("straight_through".to_owned(), names(over));
            object.insert("active".to_owned(), name(active));
            if *active_only {
                object.insert("active_only".to_owned(), true.into());
            }
        }
    }
    if let Some(over) = gate.softmax() {
        if over.sign == Sign::Minus {
            object.insert("sign".to_owned(), json!(-1));
        }
        #[expect(clippy::float_cmp, reason = "the default itself is left out, nothing near it")]
        if over.temperature != 1.0 {
            object.insert("temperature".to_owned(), json!(over.temperature));
        }
        if !over.noise.is_empty() {
            object.insert("noise".to_owned(), json!(over.noise));
        }
    }
    let drop = gate.running().iter().filter_map(|c| Some((c, plan.drop.get(&(edge.index, *c))?)));
    let drop: Map<String, Value> = drop.map(|(c, p)| (edge.candidates[*c].clone(), json!(p))).collect();
    if !drop.is_empty() {
        object.insert("drop".to_owned(), drop.into());
    }
    Value::Object(object)
}
