//! What a run directory holds besides its logs: spec, sessions, how it ended, where its time went.

use super::State;
use super::lines::each_line;
use crate::run::session::Session;
use crate::run::{EvaluationResult, directory};
use crate::spec::Spec;
use serde_json::Value;
use std::fs;
use std::path::Path;

pub(super) fn read_spec(run: &Path, missing: &mut Vec<String>) -> (Option<Spec>, String) {
    let file = run.join(directory::SPEC);
    let text = match fs::read(&file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) => {
            missing.push(format!("spec.yaml cannot be read: {e}"));
            return (None, String::new());
        }
    };
    if !directory::is_sealed(&text) {
        missing.push("spec.yaml is not whole, or was changed since the run wrote it".to_owned());
    }
    match Spec::load(&file, &[]) {
        Ok(spec) => (Some(spec), text),
        Err(e) => {
            missing.push(format!("spec.yaml cannot be used: {e}"));
            (None, text)
        }
    }
}

pub(super) fn read_sessions(run: &Path) -> (Vec<Session>, Vec<String>) {
    let mut sessions = Vec::new();
    let missing = each_line(&run.join(Session::FILE), |line| {
        serde_json::from_slice(line).map(|session| sessions.push(session)).is_ok()
    });
    (sessions, missing)
}

/// How a run has ended, so far.
pub fn state(run: &Path, is_search: bool) -> State {
    let result = if is_search { "genotype.json" } else { EvaluationResult::FILE };
    if run.join(result).is_file() {
        return State::Finished;
    }
    match fs::read(run.join(directory::FAILURE)) {
        Ok(text) => State::Failed(String::from_utf8_lossy(&text).trim().to_owned()),
        Err(_) => State::Unfinished,
    }
}

/// Seconds per iteration of what an iteration consists of, the longest first.
pub(super) fn profile(run: &Path) -> Vec<(String, f64)> {
    let Some(profile) = fs::read(run.join("profile.json")).ok().and_then(|b| serde_json::from_slice::<Value>(&b).ok())
    else {
        return Vec::new();
    };
    let events = || profile["traceEvents"].as_array().into_iter().flatten();
    let of = |kind: &'static str| events().filter(move |event| event["cat"] == kind);
    let seconds = |event: &Value| event["dur"].as_f64().unwrap_or(0.0) / 1e6;
    let iterations = of("").count().max(1) as f64;
    let mut parts: Vec<(String, f64)> = Vec::new();
    for event in of("iteration") {
        let name = event["name"].as_str().unwrap_or_default();
        match parts.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += seconds(event) / iterations,
            None => parts.push((name.to_owned(), seconds(event) / iterations)),
        }
    }
    let rest = of("").map(seconds).sum::<f64>() / iterations - parts.iter().map(|part| part.1).sum::<f64>();
    if !parts.is_empty() {
        parts.push(("everything else".to_owned(), rest.max(0.0)));
    }
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    parts
}
