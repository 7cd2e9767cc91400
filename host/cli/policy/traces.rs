//! A trace as the command line names it: recorded in a file or a run directory, or made by a policy that is asked for its plans.

use super::super::Failure;
use super::source::{Source, is_spec, params};
use crate::error::{Error, Place, Result};
use crate::policy::record::trace_line;
use crate::policy::shipped::shipped;
use crate::policy::trace::{Tracing, random_alpha};
use crate::policy::{Policy, SpaceView};
use crate::problem::{Problem, Settings};
use crate::space::Alpha;
use crate::spec::{Sandbox, Spec};
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
    /// As the command line names it.
    pub(super) name: String,
    pub(super) iterations: Vec<Vec<Value>>,
    /// Whether it ends because the policy ends the search.
    pub(super) stopped: bool,
    /// The space, where it is known, and whose it is.
    pub(super) space: Option<(Arc<SpaceView>, String)>,
}

/// The α that policies are traced with; it stays, but for what plans set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum StartAlpha {
    /// As a search starts: nearly 0.
    Init,
    /// From the standard normal distribution.
    Random,
}

/// The spec that a name stands for, or that a run directory holds.
pub(super) fn spec_of(given: &str) -> Option<PathBuf> {
    let path = Path::new(given);
    if is_spec(path) {
        return Some(path.to_owned());
    }
    Some(path.join("spec.yaml")).filter(|spec| is_recorded(given) && spec.is_file())
}

/// Whether a name stands for what was recorded: a trace's file, or a run directory.
pub(super) fn is_recorded(given: &str) -> bool {
    let path = Path::new(given);
    path.extension().is_some_and(|e| e == "jsonl") || (path.is_dir() && shipped(given).is_none())
}

/// What is traced.
pub(super) struct Wanted<'a> {
    /// The spec whose space policies are traced on; the synthetic problem's where there is none.
    pub(super) spec: Option<&'a Path>,
    /// How many iterations, at most.
    pub(super) iterations: u64,
    /// Another seed.
    pub(super) seed: Option<u64>,
    /// The α that policies are traced with.
    pub(super) alpha: StartAlpha,
}

/// The trace that a name stands for; `written` are the parameters of a policy.
///
/// # Errors
/// Where there is nothing of this name, it cannot be used, or the policy fails.
pub(super) fn trace(given: &str, written: Option<&str>, wanted: &Wanted) -> Result<Trace, Failure> {
    let path = Path::new(given);
    let given_params = params(written)?;
    if is_recorded(given) {
        let file = if path.is_dir() { path.join("trace.jsonl") } else { path.to_owned() };
        if path.is_dir() && !file.is_file() {
            return Err(Error::new(format!("{given} is no run directory"))
                .expected("a folder with `trace.jsonl`")
                .help("`edas search` makes run directories: runs/<spec name>-<seed>")
                .into());
        }
        return Ok(Trace { name: given.to_owned(), ..read(&file, wanted.iterations)? });
    }
    let overrides = |spec: &Path| {
        let seed: Vec<String> = wanted.seed.iter().map(|seed| format!("seed={seed}")).collect();
        Spec::load(spec, &seed)
    };
    if is_spec(path) {
        let mut setup = Setup::new(overrides(path)?, Need::Sizes, None)?;
        let tracing = tracing_of(&setup, wanted.alpha);
        return follow(tracing, &mut *setup.policy, wanted.iterations, (given, format!("that of {given}")));
    }
    let source = Source::find(given).map_err(explain)?;
    let (tracing, of, limits) = match wanted.spec {
        Some(spec) => {
            let setup = Setup::new(overrides(spec)?, Need::Sizes, None)?;
            (tracing_of(&setup, wanted.alpha), format!("that of {}", spec.display()), setup.spec.sandbox.clone())
        }
        None => {
            let settings = Settings::new(wanted.seed.unwrap_or(0));
            let problem = Problem::new(&settings);
            let alpha = start(wanted.alpha, &problem.space, settings.seed, || problem.initial_alpha());
            let Settings { epochs, iterations_per_epoch, seed, .. } = settings;
            let tracing = Tracing { space: problem.space.clone(), alpha, epochs, iterations_per_epoch, seed };
            (
                tracing,
                "the synthetic problem's, which policies are traced on without `--spec`".to_owned(),
                Sandbox::default(),
            )
        }
    };
    let mut policy = source.make(&given_params, &tracing.space, tracing.seed, &limits)?;
    follow(tracing, &mut *policy, wanted.iterations, (given, of))
}

/// The α that is traced with, of the same random numbers as `edas trace`.
fn start(wanted: StartAlpha, space: &SpaceView, seed: u64, initial: impl FnOnce() -> Alpha) -> Arc<Alpha> {
    Arc::new(match wanted {
        StartAlpha::Init => initial(),
        StartAlpha::Random => random_alpha(space, seed),
    })
}

/// What else than a policy could have been named.
fn explain(error: Error) -> Error {
    error.help_if_none("a spec ends in .yaml, a trace in .jsonl; a run is named by its folder".to_owned())
}

fn tracing_of(setup: &Setup, alpha: StartAlpha) -> Tracing {
    let spec = &setup.spec;
    Tracing {
        space: setup.view.clone(),
        alpha: start(alpha, &setup.view, spec.seed, || setup.initial_alpha()),
        epochs: u64::from(spec.search.epochs),
        iterations_per_epoch: iterations_per_epoch(sizes(spec, setup.images.count).train, spec.search.batch),
        seed: spec.seed,
    }
}

/// Lets a policy make its plans; given are its name, and whose the space is.
fn follow(
    tracing: Tracing,
    policy: &mut dyn Policy,
    iterations: u64,
    (name, of): (&str, String),
) -> Result<Trace, Failure> {
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
    Ok(Trace { name: name.to_owned(), iterations: lines, stopped: seen < most, space: Some((space, of)) })
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
    Ok(Trace { name: path.display().to_string(), iterations, stopped: false, space: None })
}
