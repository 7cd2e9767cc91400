//! `edas policy diff`: where the plans of two policies part.

use super::super::{Done, Failure, output};
use super::spaces;
use super::traces::{StartAlpha, Trace, Wanted, is_recorded, spec_of, trace};
use crate::policy::SpaceView;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;
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
    /// The α that policies are traced with: as a search starts, or random. [default: random; init beside a trace or a run]
    #[arg(long, value_enum)]
    alpha: Option<StartAlpha>,
}

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    // A script beside a spec or a run is traced on the space of that one.
    let spec = options.spec.clone().or_else(|| [&options.a, &options.b].into_iter().find_map(|given| spec_of(given)));
    let recorded = [&options.a, &options.b].into_iter().any(|given| is_recorded(given));
    // α as it starts is nearly 0: policies that use it look alike. What was recorded began there, mostly.
    let alpha = options.alpha.unwrap_or(if recorded { StartAlpha::Init } else { StartAlpha::Random });
    let wanted = Wanted { spec: spec.as_deref(), iterations: options.iterations, seed: options.seed, alpha };
    let a = trace(&options.a, options.params_a.as_deref(), &wanted)?;
    let b = trace(&options.b, options.params_b.as_deref(), &wanted)?;
    spaces::same(&a, &b)?;
    let both = a.iterations.len().min(b.iterations.len());
    let differing: Vec<usize> = (0..both).filter(|i| !same(&a.iterations[*i], &b.iterations[*i])).collect();
    // A trace that is shorter than the other may have been cut; one whose policy ended the search was not.
    let ends = match a.iterations.len().cmp(&b.iterations.len()) {
        std::cmp::Ordering::Less if a.stopped => Some((&options.a, both)),
        std::cmp::Ordering::Greater if b.stopped => Some((&options.b, both)),
        _ => None,
    };
    let space = a.space.as_ref().or(b.space.as_ref()).map(|(space, _)| space);
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
            "alpha": { "a": alpha_json(&a, alpha), "b": alpha_json(&b, alpha) },
            "iterations": both,
            "differing": differing.len(),
            "first": first,
            "ended_by_policy": ends.map(|(who, after)| json!({ "policy": who, "after": after })),
        }))?;
    } else {
        let mut shown = text(options, both, &differing, first.as_ref(), ends, space, [&a, &b]);
        shown.push_str(&alpha_text(&a, &b, alpha));
        output::print(&shown)?;
    }
    if differing.is_empty() && ends.is_none() { Ok(()) } else { Err(Failure::No) }
}

/// The α that a trace was made with, where it was made here.
fn alpha_json(trace: &Trace, alpha: StartAlpha) -> Value {
    match (&trace.space, alpha) {
        (None, _) => Value::Null,
        (Some(_), StartAlpha::Init) => "init".into(),
        (Some(_), StartAlpha::Random) => "random".into(),
    }
}

/// Says which α that was.
fn alpha_text(a: &Trace, b: &Trace, alpha: StartAlpha) -> String {
    let (this, other) = match alpha {
        StartAlpha::Init => {
            ("α as a search starts, nearly 0", "`--alpha random`: from the standard normal distribution")
        }
        StartAlpha::Random => ("a random α", "`--alpha init`: as a search starts"),
    };
    let beside = |traced: &Trace, recorded: &Trace| {
        format!(
            "{} is traced with {this}, which stays ({other}); {} was recorded with the α that it had.\n",
            traced.name, recorded.name
        )
    };
    match (&a.space, &b.space) {
        (Some(_), Some(_)) => format!("Both are traced with {this}, which stays ({other}).\n"),
        (Some(_), None) => beside(a, b),
        (None, Some(_)) => beside(b, a),
        (None, None) => "Both were recorded, with the α that they had.\n".to_owned(),
    }
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
    let steps = a;
    for (step, a) in steps.iter().enumerate() {
        let phase = a["phase"].as_str().unwrap_or_default();
        // The step of the same phase, the n-th where there are several.
        let number = steps[..step].iter().filter(|other| other["phase"] == phase).count();
        let Some(b) = b.iter().filter(|other| other["phase"] == phase).nth(number) else { continue };
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

/// A value with its numbers rounded, to be read.
fn short(value: &Value) -> Value {
    match value {
        Value::Number(n) => match n.as_f64().filter(|_| n.is_f64()) {
            Some(v) => json!((v * 1e4).round() / 1e4),
            None => value.clone(),
        },
        Value::Array(list) => list.iter().map(short).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(key, v)| (key.clone(), short(v))).collect()),
        other => other.clone(),
    }
}

/// `1 iteration`, `5 iterations`.
fn iterations(count: usize) -> String {
    format!("{count} iteration{}", if count == 1 { "" } else { "s" })
}

/// `the one iteration`, `all 5 iterations`.
fn all(count: usize) -> String {
    if count == 1 { "the one iteration".to_owned() } else { format!("all {count} iterations") }
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
            let _ = writeln!(text, "The plans of {a} and {b} are the same in {}.", all(both));
        }
        Some((iteration, differences)) => {
            let _ = writeln!(
                text,
                "The plans of {a} and {b} differ in {} of {}, first in iteration {iteration}:",
                differing.len(),
                iterations(both)
            );
            let mut step = None;
            for difference in differences.iter().take(SHOWN) {
                if step != Some(difference.step) && !difference.phase.is_empty() {
                    let _ = writeln!(text, "\n  step {}, {}", difference.step, difference.phase);
                    step = Some(difference.step);
                }
                let _ = writeln!(text, "  {}", difference.name(space));
                let _ = writeln!(text, "    A  {}\n    B  {}", short(&difference.a), short(&difference.b));
            }
            if differences.len() > SHOWN {
                let _ = writeln!(text, "  and {} more", differences.len() - SHOWN);
            }
        }
    }
    if let Some((who, after)) = ends {
        let _ = writeln!(text, "{who} ends the search after {}; the other goes on.", iterations(after));
    } else if traces[0].iterations.len() != traces[1].iterations.len() {
        let [a, b] = traces.map(|t| t.iterations.len());
        let _ = writeln!(text, "A has {}, B {b}: what only one of them has was not compared.", iterations(a));
    }
    text
}
