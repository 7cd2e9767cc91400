//! Resolved plans as lines of `trace.jsonl`.

use super::plan::{Phase, Sign};
use super::resolve::{Resolved, ResolvedGate};
use super::view::SpaceView;
use serde_json::{Map, Value, json};

/// One line: what every edge ran in one step. `phase` is `None` where one plan served both phases.
pub fn trace_line(iteration: u64, epoch: u64, phase: Option<Phase>, plan: &Resolved, space: &SpaceView) -> Value {
    let relaxed: Vec<Value> = plan
        .relaxed()
        .map(|index| {
            let edge = &space.edges[index];
            json!({ "cell": edge.cell, "edge": edge.position, "index": index })
        })
        .collect();
    let gates: Vec<Value> = plan
        .gates
        .iter()
        .zip(&space.edges)
        .map(|(gate, edge)| match gate {
            ResolvedGate::Off => Value::Null,
            ResolvedGate::Single(candidate) => Value::from(edge.candidates[*candidate].as_str()),
            ResolvedGate::Relaxed(gate) => {
                let mut object = Map::new();
                let names: Vec<&str> = gate.subset.iter().map(|c| edge.candidates[*c].as_str()).collect();
                object.insert("relaxed".to_owned(), json!(names));
                if gate.sign == Sign::Minus {
                    object.insert("sign".to_owned(), json!(-1));
                }
                #[expect(clippy::float_cmp, reason = "the default itself is left out, nothing near it")]
                if gate.temperature != 1.0 {
                    object.insert("temperature".to_owned(), json!(gate.temperature));
                }
                if !gate.noise.is_empty() {
                    object.insert("noise".to_owned(), json!(gate.noise));
                }
                Value::Object(object)
            }
        })
        .collect();
    json!({
        "iteration": iteration,
        "epoch": epoch,
        "phase": phase.map_or("both", Phase::name),
        "inverted": plan.inverted,
        "relaxed": relaxed,
        "gates": gates,
    })
}
