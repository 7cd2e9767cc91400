//! Tests of the spec: messages, merging, round trips, hostile input.

mod hostile;
mod layers;
mod messages;
mod round_trip;

use super::Spec;

/// The least that is a spec.
const LEAST: &str = "edas: 1\nspace: spaces/darts.yaml\npolicy: {script: ../scripts/edas.rhai}\ndata: {name: digits}\n";

/// A spec from the least one and further lines, the first of which is line 5.
fn with(lines: &str) -> Result<Spec, String> {
    Spec::parse(&format!("{LEAST}{lines}"), "specs/a.yaml", &[]).map_err(|error| error.to_string())
}

/// The same with assignments.
fn set(assignments: &[&str]) -> Result<Spec, String> {
    let overrides: Vec<String> = assignments.iter().map(|text| (*text).to_owned()).collect();
    Spec::parse(LEAST, "specs/a.yaml", &overrides).map_err(|error| error.to_string())
}

/// The message about a whole text.
fn message(text: &str) -> String {
    Spec::parse(text, "specs/a.yaml", &[]).unwrap_err().to_string()
}
