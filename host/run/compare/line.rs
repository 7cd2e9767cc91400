//! Two lines of one log: where they differ, in words.

use super::difference::Difference;
use crate::run::contents::NOTHING;
use crate::run::log::LogName;
use serde_json::Value;

/// A step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    At(usize),
}

/// The first place in which two values differ: the way to it, and what is there.
pub(super) struct Parting {
    way: Vec<Step>,
    expected: String,
    found: String,
}

/// What a value is in a message.
fn text(value: Option<&Value>) -> String {
    match value {
        None => NOTHING.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// The first place in which two values differ, in the order of the first one. Numbers are the same where their bits are.
pub(super) fn part(expected: &Value, found: &Value) -> Option<Parting> {
    let mut way = Vec::new();
    let (expected, found) = descend(&mut way, Some(expected), Some(found))?;
    Some(Parting { way, expected, found })
}

fn descend(way: &mut Vec<Step>, expected: Option<&Value>, found: Option<&Value>) -> Option<(String, String)> {
    let mut into = |step: Step, expected, found| {
        way.push(step);
        let parted = descend(way, expected, found);
        if parted.is_none() {
            way.pop();
        }
        parted
    };
    match (expected, found) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let new = b.keys().filter(|key| !a.contains_key(*key));
            a.keys().chain(new).find_map(|key| into(Step::Key(key.clone()), a.get(key), b.get(key)))
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            (0..a.len().max(b.len())).find_map(|i| into(Step::At(i), a.get(i), b.get(i)))
        }
        // Each number has one text, and each text is read as one number.
        (Some(Value::Number(a)), Some(Value::Number(b))) if a.to_string() == b.to_string() => None,
        (Some(Value::Number(_)), Some(Value::Number(_))) => Some((text(expected), text(found))),
        (a, b) => (a != b).then(|| (text(a), text(b))),
    }
}

impl Parting {
    /// The way as text: `cells.normal[3]`.
    pub(super) fn way(&self) -> String {
        let mut text = String::new();
        for step in &self.way {
            match step {
                Step::Key(key) if text.is_empty() => text += key,
                Step::Key(key) => text += &format!(".{key}"),
                Step::At(at) => text += &format!("[{at}]"),
            }
        }
        text
    }

    /// The way, which begins below a key.
    pub(super) fn below(&self, key: &str) -> String {
        let way = self.way();
        if way.is_empty() || way.starts_with('[') { format!("{key}{way}") } else { format!("{key}.{way}") }
    }

    /// As a difference in a quantity.
    pub(super) fn difference(self, iteration: u64, quantity: impl Into<String>) -> Difference {
        Difference::new(iteration, quantity, self.expected, self.found)
    }
}

/// How long things took differs from run to run.
pub(super) fn without_time(mut line: Value) -> Value {
    if let Value::Object(fields) = &mut line {
        fields.shift_remove("seconds");
    }
    line
}

/// The first difference between two lines of a log, both without times, null for one that is not there; `iteration` is that of a line
/// that names none.
pub(super) fn difference(name: LogName, expected: &Value, found: &Value, iteration: u64) -> Option<Difference> {
    let mut parting = part(expected, found)?;
    let at = |key: &str| found[key].as_u64().or_else(|| expected[key].as_u64());
    let iteration = at("iteration").unwrap_or(iteration);
    // Lines of other things than each other have nothing to compare.
    let foreign = ["kind", "iteration", "epoch", "phase"].iter().any(|key| expected[key] != found[key]);
    if foreign || !expected.is_object() || !found.is_object() {
        let what = |line: &Value| match line {
            Value::Null => NOTHING.to_owned(),
            Value::Object(_) => headline(name, line),
            line => text(Some(line)),
        };
        return Some(Difference::new(iteration, format!("the lines of {}", name.file()), what(expected), what(found)));
    }
    let phase = match name {
        LogName::Trace => found["phase"].as_str().map(str::to_owned),
        LogName::Metrics => parting.way.first().and_then(|step| match step {
            Step::Key(key) if key.starts_with("search_") => Some("architecture".to_owned()),
            Step::Key(key) if key.starts_with("train_") && found["kind"] == "iteration" => Some("weights".to_owned()),
            _ => None,
        }),
        LogName::Genotypes | LogName::Alpha => None,
    };
    if name == LogName::Trace {
        whole_gate(&mut parting, expected, found);
    }
    let quantity = quantity(name, &parting, found);
    Some(Difference { phase, ..parting.difference(iteration, quantity) })
}

/// What a line is about.
fn headline(name: LogName, line: &Value) -> String {
    let field = |key: &str| line.get(key).map(|value| format!("{key} {}", text(Some(value))));
    let fields: Vec<String> = ["kind", "iteration", "epoch", "phase"].into_iter().filter_map(field).collect();
    if fields.is_empty() { format!("a line of {}", name.file()) } else { fields.join(", ") }
}

/// Shows gates whole: a part of one says little.
fn whole_gate(parting: &mut Parting, expected: &Value, found: &Value) {
    let depth = match parting.way.first() {
        Some(Step::Key(key)) if key == "gates" => 2,
        Some(Step::Key(key)) if key == "relaxed" => 1,
        _ => return,
    };
    parting.way.truncate(depth);
    let at = |value| {
        let step = |value: &'_ Value, step: &Step| match step {
            Step::Key(key) => value.get(key).cloned(),
            Step::At(at) => value.get(*at).cloned(),
        };
        let part = parting.way.iter().try_fold(Value::clone(value), |value, next| step(&value, next));
        part.as_ref().and_then(edges).unwrap_or_else(|| text(part.as_ref()))
    };
    (parting.expected, parting.found) = (at(expected), at(found));
}

/// Relaxed edges by cell type and position.
fn edges(relaxed: &Value) -> Option<String> {
    let edge = |edge: &Value| Some(format!("{} of {}", edge.get("edge")?.as_u64()?, edge.get("cell")?.as_str()?));
    let edges: Vec<String> = relaxed.as_array()?.iter().map(edge).collect::<Option<_>>()?;
    Some(if edges.is_empty() { "none".to_owned() } else { edges.join(", ") })
}

fn quantity(name: LogName, parting: &Parting, line: &Value) -> String {
    let way = &parting.way;
    let end = |kind: &str| format!("{kind} of epoch {}", text(line.get("epoch")));
    match (name, &way[..]) {
        (LogName::Trace, [Step::Key(key), Step::At(edge)]) if key == "gates" => format!("the gate of edge {edge}"),
        (LogName::Trace, [Step::Key(key)]) if key == "relaxed" => "its relaxed edges".to_owned(),
        (LogName::Trace, _) => format!("its plan's {}", parting.way()),
        (LogName::Metrics, [Step::Key(key)]) => {
            let quantity = key.replace('_', " ");
            if line["kind"] == "epoch" { end(&format!("the {quantity}")) } else { format!("the {quantity}") }
        }
        (LogName::Alpha, [Step::Key(cells), Step::Key(cell), Step::At(edge), Step::At(candidate)])
            if cells == "cells" =>
        {
            end(&format!("α of edge {edge} of {cell}, candidate {candidate}, at the end"))
        }
        (LogName::Alpha, _) => end(&format!("α's {} at the end", parting.way())),
        (LogName::Genotypes, [Step::Key(key)]) => format!("the {}", key.replace('_', " ")),
        _ => format!("the {}", parting.way()),
    }
}
