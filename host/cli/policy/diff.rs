//! `edas policy diff`: where the plans of two policies part.

use super::super::{Done, Failure, output};
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
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The options of `edas policy diff`.
#[derive(clap::Args)]
pub(in super::super) struct Options {
    /// A script, a policy that comes with the program, PLUGIN:NAME, a spec, a trace (`edas trace … > a.jsonl`), or a run directory.
    a: String,
    /// The other one.
    b: String,
    /// The spec whose space, length and seed scripts are traced on; the synthetic problem's where it is not given.
    #[arg(long, value_name = "SPEC")]
    spec: Option<PathBuf>,
    /// Parameters of A, in YAML.
    #[arg(long, value_name = "PARAMS")]
    params_a: Option<String>,
    /// Parameters of B, in YAML.
    #[arg(long, value_name = "PARAMS")]
    params_b: Option<String>,
    /// How many iterations are compared, at most.
    #[arg(long, value_name = "N", default_value_t = 2500, value_parser = clap::value_parser!(u64).range(1..))]
    iterations: u64,
    /// Another seed.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// The steps of each iteration, a bare plan as the two steps that it serves.
struct Trace {
    iterations: Vec<Vec<Value>>,
    /// Whether it ends because the policy ends the search.
    stopped: bool,
    /// The space, where it is known.
    space: Option<Arc<SpaceView>>,
}

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let a = trace(&options.a, options.params_a.as_deref(), options)?;
    let b = trace(&options.b, options.params_b.as_deref(), options)?;
    let width =
        |trace: &Trace| trace.iterations.first().and_then(|steps| Some(steps.first()?["gates"].as_array()?.len()));
    if let (Some(a), Some(b)) = (width(&a), width(&b))
        && a != b
    {
        return Err(Error::new("the two are of different spaces")
            .expected("traces with the same number of edges")
            .found(format!("{a} edges and {b}"))
            .help("`--spec` names the space on which scripts are traced")
            .into());
    }
    let both = a.iterations.len().min(b.iterations.len());
    let differing: Vec<usize> = (0..both).filter(|i| !same(&a.iterations[*i], &b.iterations[*i])).collect();
    // A trace that is shorter than the other may have been cut; one whose policy ended the search was not.
    let ends = match a.iterations.len().cmp(&b.iterations.len()) {
        std::cmp::Ordering::Less if a.stopped => Some((&options.a, both)),
        std::cmp::Ordering::Greater if b.stopped => Some((&options.b, both)),
        _ => None,
    };
    let space = a.space.as_ref().or(b.space.as_ref());
    let first = differing.first().map(|i| (*i, parted(&a.iterations[*i], &b.iterations[*i])));
    if json_wanted {
        let first = first.map(|(i, differences)| {
            json!({
                "iteration": i,
                "a": a.iterations[i],
                "b": b.iterations[i],
                "differences": differences.iter().map(|d| d.to_json(space)).collect::<Vec<Value>>(),
            })
        });
        output::json(&json!({
            "a": options.a,
            "b": options.b,
            "iterations": both,
            "differing": differing.len(),
            "first": first,
            "ended_by_policy": ends.map(|(who, after)| json!({ "policy": who, "after": after })),
        }))?;
    } else {
        output::print(&text(options, both, &differing, first.as_ref(), ends, space, [&a, &b]))?;
    }
    if differing.is_empty() && ends.is_none() { Ok(()) } else { Err(Failure::No) }
}

/// A difference within an iteration.
struct Difference {
    /// The step, and its phase in A.
    step: usize,
    phase: String,
    /// The edge, or the name of what else differs.
    what: Result<usize, &'static str>,
    a: Value,
    b: Value,
}

impl Difference {
    fn name(&self, space: Option<&Arc<SpaceView>>) -> String {
        match self.what {
            Err(what) => what.to_owned(),
            Ok(edge) => match space.and_then(|space| space.edges.get(edge)) {
                Some(view) => format!("edge {edge} ({} {} → {})", view.cell, view.from, view.to),
                None => format!("edge {edge}"),
            },
        }
    }

    fn to_json(&self, space: Option<&Arc<SpaceView>>) -> Value {
        let what = self.name(space);
        json!({ "step": self.step, "phase": self.phase, "what": what, "edge": self.what.ok(), "a": self.a, "b": self.b })
    }
}

/// What a line says of its plan; `relaxed` and `inverted` follow from its gates.
const PARTS: [&str; 3] = ["phase", "penalties", "alpha"];

fn same(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| a["gates"] == b["gates"] && PARTS.iter().all(|part| a[part] == b[part]))
}

/// The differences of two iterations.
fn parted(a: &[Value], b: &[Value]) -> Vec<Difference> {
    let mut list = Vec::new();
    let phases = |steps: &[Value]| Value::from(steps.iter().map(|s| s["phase"].clone()).collect::<Vec<Value>>());
    let [all_a, all_b] = [phases(a), phases(b)];
    if all_a != all_b {
        list.push(Difference { step: 0, phase: String::new(), what: Err("steps"), a: all_a, b: all_b });
    }
    for (step, (a, b)) in a.iter().zip(b).enumerate() {
        let phase = a["phase"].as_str().unwrap_or_default();
        let mut add = |what, a: &Value, b: &Value| {
            list.push(Difference { step, phase: phase.to_owned(), what, a: a.clone(), b: b.clone() });
        };
        let gates = |line: &Value| line["gates"].as_array().cloned().unwrap_or_default();
        for (edge, (a, b)) in gates(a).iter().zip(&gates(b)).enumerate() {
            if a != b {
                add(Ok(edge), a, b);
            }
        }
        for part in &PARTS[1..] {
            if a[part] != b[part] {
                add(Err(*part), &a[part], &b[part]);
            }
        }
    }
    list
}

/// The most differences of an iteration that are printed.
const SHOWN: usize = 12;

fn text(
    options: &Options,
    both: usize,
    differing: &[usize],
    first: Option<&(usize, Vec<Difference>)>,
    ends: Option<(&String, usize)>,
    space: Option<&Arc<SpaceView>>,
    traces: [&Trace; 2],
) -> String {
    let mut text = String::new();
    let (a, b) = (&options.a, &options.b);
    match first {
        None => {
            let _ = writeln!(text, "The plans of {a} and {b} are the same in all {both} iterations.");
        }
        Some((iteration, differences)) => {
            let _ = writeln!(
                text,
                "The plans of {a} and {b} differ in {} of {both} iterations, first in iteration {iteration}:",
                differing.len()
            );
            let mut step = None;
            for difference in differences.iter().take(SHOWN) {
                if step != Some(difference.step) && !difference.phase.is_empty() {
                    let _ = writeln!(text, "\n  step {}, {}", difference.step, difference.phase);
                    step = Some(difference.step);
                }
                let _ = writeln!(text, "  {}", difference.name(space));
                let _ = writeln!(text, "    A  {}\n    B  {}", difference.a, difference.b);
            }
            if differences.len() > SHOWN {
                let _ = writeln!(text, "  and {} more", differences.len() - SHOWN);
            }
        }
    }
    if let Some((who, after)) = ends {
        let _ = writeln!(text, "{who} ends the search after {after} iterations; the other goes on.");
    } else if traces[0].iterations.len() != traces[1].iterations.len() {
        let [a, b] = traces.map(|t| t.iterations.len());
        let _ = writeln!(text, "A has {a} iterations, B {b}: what only one of them has was not compared.");
    }
    text
}

/// The trace that a name stands for.
fn trace(given: &str, written: Option<&str>, options: &Options) -> Result<Trace, Failure> {
    let path = Path::new(given);
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let recorded =
        if path.is_dir() { Some(path.join("trace.jsonl")) } else { (ending == "jsonl").then(|| path.into()) };
    let given_params = params(written)?;
    if let Some(file) = recorded {
        if path.is_dir() && !file.is_file() {
            return Err(Error::new(format!("{given} is no run directory"))
                .expected("a folder with `trace.jsonl`")
                .help("`edas search` makes run directories: runs/<spec name>-<seed>")
                .into());
        }
        return Ok(read(&file, options.iterations)?);
    }
    let overrides = |spec: &Path| {
        let seed: Vec<String> = options.seed.iter().map(|seed| format!("seed={seed}")).collect();
        Spec::load(spec, &seed)
    };
    if ["yaml", "yml"].contains(&ending) {
        let mut setup = Setup::new(overrides(path)?, Need::Sizes, None)?;
        let tracing = tracing_of(&setup);
        return follow(tracing, &mut *setup.policy, options.iterations, given);
    }
    let source = Source::find(given).map_err(|e| explain(e, given))?;
    let (tracing, space) = match &options.spec {
        Some(spec) => {
            let setup = Setup::new(overrides(spec)?, Need::Sizes, None)?;
            let space = setup.view.clone();
            (tracing_of(&setup), space)
        }
        None => {
            let settings = Settings::new(options.seed.unwrap_or(0));
            let problem = Problem::new(&settings);
            let alpha = Arc::new(problem.initial_alpha());
            let Settings { epochs, iterations_per_epoch, seed, .. } = settings;
            (Tracing { space: problem.space.clone(), alpha, epochs, iterations_per_epoch, seed }, problem.space)
        }
    };
    let mut policy = source.make(&given_params, &space, tracing.seed)?;
    follow(tracing, &mut *policy, options.iterations, given)
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
