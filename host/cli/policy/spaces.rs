//! Whether two traces are of the same space: what they know of it is compared, and the candidates that a recorded one names.

use super::traces::Trace;
use crate::error::{Error, Result};
use crate::policy::SpaceView;
use serde_json::Value;

const HELP: &str = "`--spec SPEC` names the spec whose space policies are traced on";

/// Compares the spaces of two traces.
///
/// # Errors
/// Where they are not the same.
pub(super) fn same(a: &Trace, b: &Trace) -> Result<()> {
    match (&a.space, &b.space) {
        (Some((one, of)), Some((other, of_other))) => alike(one, other).map_err(|(expected, found)| {
            Error::new(format!("the two are of different spaces: {of} and {of_other}"))
                .expected(expected)
                .found(found)
                .help(HELP)
        }),
        (None, Some((space, of))) => fits(a, space, of),
        (Some((space, of)), None) => fits(b, space, of),
        (None, None) => match (width(a), width(b)) {
            (Some(a), Some(b)) if a != b => Err(Error::new("the two are of different spaces")
                .expected("traces with the same number of edges")
                .found(format!("{a} and {b} edges"))),
            _ => Ok(()),
        },
    }
}

/// The number of edges of a recorded trace.
fn width(trace: &Trace) -> Option<usize> {
    Some(trace.iterations.first()?.first()?["gates"].as_array()?.len())
}

/// The first edge of two spaces that is not the same, as each has it.
fn alike(a: &SpaceView, b: &SpaceView) -> Result<(), (String, String)> {
    if a.edges.len() != b.edges.len() {
        return Err((format!("{} edges", a.edges.len()), format!("{} edges", b.edges.len())));
    }
    let mut pairs = (0..a.edges.len()).map(|edge| (describe(a, edge), describe(b, edge)));
    pairs.find(|(a, b)| a != b).map_or(Ok(()), Err)
}

/// `edge 3 (normal 1 → 2) with none, skip_connect`.
fn describe(space: &SpaceView, edge: usize) -> String {
    let view = &space.edges[edge];
    format!("edge {edge} ({} {} → {}) with {}", view.cell, view.from, view.to, view.candidates.join(", "))
}

/// Whether a recorded trace can be one of a space: its edges, their cells, and the candidates that it names.
fn fits(trace: &Trace, space: &SpaceView, of: &str) -> Result<()> {
    let other = |expected: String, found: String| {
        Error::new(format!("{} is of another space than {of}", trace.name)).expected(expected).found(found).help(HELP)
    };
    for (iteration, step) in
        trace.iterations.iter().enumerate().flat_map(|(i, steps)| steps.iter().map(move |s| (i, s)))
    {
        let gates = step["gates"].as_array().map(Vec::as_slice).unwrap_or_default();
        if gates.len() != space.edges.len() {
            let count = |n: usize| format!("{n} edges");
            return Err(other(count(space.edges.len()), count(gates.len())));
        }
        for (edge, gate) in gates.iter().enumerate() {
            let known = &space.edges[edge].candidates;
            if let Some(name) = candidates(gate).into_iter().find(|name| known.iter().all(|k| k != name)) {
                return Err(other(describe(space, edge), format!("`{name}` there, in iteration {iteration}")));
            }
        }
        for relaxed in step["relaxed"].as_array().into_iter().flatten() {
            let edge = relaxed["index"].as_u64().and_then(|index| space.edges.get(usize::try_from(index).ok()?));
            let (Some(edge), Some(cell)) = (edge, relaxed["cell"].as_str()) else { continue };
            if edge.cell != cell {
                let found = format!("that edge in the cell `{cell}`, in iteration {iteration}");
                return Err(other(describe(space, edge.index), found));
            }
        }
    }
    Ok(())
}

/// The candidates that a gate of a trace names.
fn candidates(gate: &Value) -> Vec<&str> {
    let parts = [gate, &gate["only"], &gate["relaxed"], &gate["straight_through"], &gate["active"]];
    let lists = parts.iter().filter_map(|part| part.as_array()).flatten();
    parts.iter().copied().chain(lists).filter_map(Value::as_str).collect()
}
