//! A trace as the command line names it: recorded in a file or a run directory, or made by a policy that is asked for its plans.

use super::super::Failure;
use super::source::{Source, params};
use crate::error::{Error, Place, Result, nearest};
use crate::policy::record::trace_line;
use crate::policy::shipped::SHIPPED;
use crate::policy::trace::Tracing;
use crate::policy::{Policy, SpaceView};
use crate::problem::{Problem, Settings};
use crate::spec::Spec;
use crate::train::search::{iterations_per_epoch, sizes};
use crate::train::setup::{Need, Setup};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The steps of each iteration, a bare plan as the two steps that it serves.
pub(super) struct Trace {
    pub(super) iterations: Vec<Vec<Value>>,
    /// Whether it ends because the policy ends the search.
    pub(super) stopped: bool,
    /// The space, where it is known.
    pub(super) space: Option<Arc<SpaceView>>,
}

/// The spec that a name stands for, or that a run directory holds.
pub(super) fn spec_of(given: &str) -> Option<PathBuf> {
    let path = Path::new(given);
    if is_spec(path) {
        return Some(path.to_owned());
    }
    Some(path.join("spec.yaml")).filter(|spec| spec.is_file())
}

fn is_spec(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml")
}

/// What is traced.
pub(super) struct Wanted<'a> {
    /// The spec whose space policies are traced on; the synthetic problem's where there is none.
    pub(super) spec: Option<&'a Path>,
    /// How many iterations, at most.
    pub(super) iterations: u64,
    /// Another seed.
    pub(super) seed: Option<u64>,
}

/// The trace that a name stands for; `written` are the parameters of a policy.
///
/// # Errors
/// Where there is nothing of this name, it cannot be used, or the policy fails.
pub(super) fn trace(given: &str, written: Option<&str>, wanted: &Wanted) -> Result<Trace, Failure> {
    let path = Path::new(given);
    let is_trace = path.extension().is_some_and(|e| e == "jsonl");
    let recorded = if path.is_dir() { Some(path.join("trace.jsonl")) } else { is_trace.then(|| path.into()) };
    let given_params = params(written)?;
    if let Some(file) = recorded {
        if path.is_dir() && !file.is_file() {
            return Err(Error::new(format!("{given} is no run directory"))
                .expected("a folder with `trace.jsonl`")
                .help("`edas search` makes run directories: runs/<spec name>-<seed>")
                .into());
        }
        return Ok(read(&file, wanted.iterations)?);
    }
    let overrides = |spec: &Path| {
        let seed: Vec<String> = wanted.seed.iter().map(|seed| format!("seed={seed}")).collect();
        Spec::load(spec, &seed)
    };
    if is_spec(path) {
        let mut setup = Setup::new(overrides(path)?, Need::Sizes, None)?;
        let tracing = tracing_of(&setup);
        return follow(tracing, &mut *setup.policy, wanted.iterations, given);
    }
    let source = Source::find(given).map_err(|e| explain(e, given))?;
    let (tracing, space) = match wanted.spec {
        Some(spec) => {
            let setup = Setup::new(overrides(spec)?, Need::Sizes, None)?;
            let space = setup.view.clone();
            (tracing_of(&setup), space)
        }
        None => {
            let settings = Settings::new(wanted.seed.unwrap_or(0));
            let problem = Problem::new(&settings);
            let alpha = Arc::new(problem.initial_alpha());
            let Settings { epochs, iterations_per_epoch, seed, .. } = settings;
            (Tracing { space: problem.space.clone(), alpha, epochs, iterations_per_epoch, seed }, problem.space)
        }
    };
    let mut policy = source.make(&given_params, &space, tracing.seed)?;
    follow(tracing, &mut *policy, wanted.iterations, given)
}

/// What else than a policy could have been named.
fn explain(error: Error, given: &str) -> Error {
    let names = SHIPPED.iter().map(|s| s.name);
    error
        .help_if(nearest(given, names))
        .help_if_none("a spec ends in .yaml, a trace in .jsonl; a run is named by its folder".to_owned())
}

fn tracing_of(setup: &Setup) -> Tracing {
    let spec = &setup.spec;
    Tracing {
        space: setup.view.clone(),
        alpha: Arc::new(setup.initial_alpha()),
        epochs: u64::from(spec.search.epochs),
        iterations_per_epoch: iterations_per_epoch(sizes(spec, setup.images.count).train, spec.search.batch),
        seed: spec.seed,
    }
}

/// Lets a policy make its plans.
fn follow(tracing: Tracing, policy: &mut dyn Policy, iterations: u64, name: &str) -> Result<Trace, Failure> {
    let space = tracing.space.clone();
    let most = iterations.min(tracing.epochs * tracing.iterations_per_epoch);
    let mut lines: Vec<Vec<Value>> = Vec::new();
    let seen = tracing.run(policy, iterations, &mut |traced| {
        let clock = traced.clock;
        add(
            &mut lines,
            clock.iteration,
            trace_line(clock.iteration, clock.epoch, traced.phase, &traced.plan, traced.space),
        );
        ControlFlow::Continue(())
    });
    let seen = seen.map_err(|e| Failure::Later(e.context(format!("tracing {name}"))))?;
    Ok(Trace { iterations: lines, stopped: seen < most, space: Some(space) })
}

/// Adds a line to its iteration; a bare plan serves two steps.
fn add(lines: &mut Vec<Vec<Value>>, iteration: u64, mut line: Value) {
    while lines.len() <= iteration as usize {
        lines.push(Vec::new());
    }
    let Some(steps) = lines.last_mut() else { return };
    if line["phase"] == "both" {
        line["phase"] = "architecture".into();
        steps.push(line.clone());
        line["phase"] = "weights".into();
    }
    steps.push(line);
}

/// The trace of a file, and no more than so many iterations of it.
fn read(path: &Path, most: u64) -> Result<Trace> {
    let file = std::fs::File::open(path).map_err(|e| Error::io("read", path, &e).at(Place::file(path)))?;
    let mut by_iteration: BTreeMap<u64, Vec<Vec<Value>>> = BTreeMap::new();
    for (number, text) in BufReader::new(file).lines().enumerate() {
        let text = text.map_err(|e| Error::io("read", path, &e).at(Place::at(path, number + 1, 0)))?;
        if text.trim().is_empty() {
            continue;
        }
        let wrong = |what: String| {
            Error::new(what)
                .at(Place::at(path, number + 1, 0))
                .expected(r#"{"iteration":0,"epoch":0,"phase":"both",…,"gates":[…]}"#)
        };
        let line: Value = serde_json::from_str(&text).map_err(|e| wrong(format!("this is no line of a trace: {e}")))?;
        let iteration = line["iteration"].as_u64().filter(|_| line["gates"].is_array());
        let iteration = iteration.ok_or_else(|| wrong("this is no line of a trace".to_owned()))?;
        if iteration >= most {
            break;
        }
        let mut steps = vec![Vec::new()];
        add(&mut steps, 0, line);
        by_iteration.entry(iteration).or_default().append(&mut steps);
    }
    if by_iteration.is_empty() {
        return Err(Error::new("the trace is empty").at(Place::file(path)).expected("at least one line"));
    }
    // A trace that does not begin at 0, or has gaps, cannot be laid beside another.
    let mut iterations = Vec::new();
    for (expected, (iteration, steps)) in by_iteration.into_iter().enumerate() {
        if iteration != expected as u64 {
            return Err(Error::new("the trace has a gap")
                .at(Place::file(path))
                .expected(format!("iteration {expected}"))
                .found(format!("iteration {iteration}")));
        }
        iterations.push(steps.into_iter().flatten().collect());
    }
    Ok(Trace { iterations, stopped: false, space: None })
}
