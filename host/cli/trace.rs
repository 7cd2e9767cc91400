//! `edas trace`: the plans that a policy makes, without training.

use super::output::{self, bar, json, say, table};
use super::{Done, Failure, SpecOptions, run_files};
use crate::error::{Error, Place, Result};
use crate::policy::record::trace_line;
use crate::policy::summary::TraceSummary;
use crate::policy::trace::{Tracing, random_alpha};
use crate::space::{Alpha, Edge};
use crate::spec::Policy;
use crate::train::search::{iterations_per_epoch, sizes};
use crate::train::setup::{Need, Setup};
use serde_json::Value;
use std::io::{BufWriter, ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// The options of `edas trace`.
#[derive(clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    spec: SpecOptions,
    /// How many iterations, at most those of the search. [default: 10, with --summary all]
    #[arg(long, value_name = "N")]
    iterations: Option<u64>,
    /// Count instead: how often each edge and candidate was drawn, and what each epoch was like.
    #[arg(long)]
    summary: bool,
    /// α: `init` as a search starts, `random` from the standard normal distribution, or that of a run's last epoch.
    #[arg(long, value_name = "init|random|RUN", default_value = "init")]
    alpha: String,
}

pub(super) fn run(options: &Options, as_json: bool) -> Done {
    let mut setup = Setup::new(options.spec.load()?, Need::Sizes, None)?;
    let alpha = alpha(&setup, &options.alpha)?;
    let spec = &setup.spec;
    let tracing = Tracing {
        space: setup.view.clone(),
        alpha: Arc::new(alpha),
        epochs: u64::from(spec.search.epochs),
        iterations_per_epoch: iterations_per_epoch(sizes(spec, setup.images.count).train, spec.search.batch),
        seed: spec.seed,
    };
    if let Some(Policy::Script(policy)) = &spec.policy
        && !policy.changes.is_empty()
    {
        say("scripts that take over later (`policy.changes`) are not traced");
    }
    let (epochs, per_epoch) = (tracing.epochs, tracing.iterations_per_epoch);
    let total = epochs * per_epoch;
    let iterations = options.iterations.unwrap_or(if options.summary { total } else { 10 });
    if options.summary {
        let mut summary = TraceSummary::new(&setup.view);
        let seen = tracing
            .run(&mut *setup.policy, iterations, &mut |traced| {
                summary.add(traced);
                ControlFlow::Continue(())
            })
            .map_err(Failure::Later)?;
        if seen < iterations.min(total) {
            say(&format!("the policy ends the search after {seen} iterations"));
        }
        return if as_json {
            json(&summary_json(&summary, seen))
        } else {
            output::print(&summary_text(&summary, seen))
        };
    }
    let mut out = BufWriter::new(output::results());
    let mut written = Ok(());
    let mut write = |line: &Value| match writeln!(out, "{line}") {
        Ok(()) => ControlFlow::Continue(()),
        Err(e) => {
            written = Err(e);
            ControlFlow::Break(())
        }
    };
    let result = tracing.run(&mut *setup.policy, iterations, &mut |traced| {
        let clock = traced.clock;
        write(&trace_line(clock.iteration, clock.epoch, traced.phase, &traced.plan, traced.space))
    });
    match written.and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::BrokenPipe => return Err(Failure::Gone),
        Err(e) => return Err(Failure::Later(Error::io("write to", "stdout", &e))),
    }
    let seen = result.map_err(Failure::Later)?;
    if iterations > total {
        say(&format!("the search ends here: it has {total} iterations, {epochs} epochs of {per_epoch}"));
    } else if seen < iterations.min(total) {
        say(&format!("the policy ends the search after {seen} iterations"));
    }
    Ok(())
}

fn alpha(setup: &Setup, wanted: &str) -> Result<Alpha> {
    match wanted {
        "init" => Ok(setup.initial_alpha()),
        "random" => Ok(random_alpha(&setup.view, setup.spec.seed)),
        run => {
            let path = Path::new(run);
            if !path.join("alpha.jsonl").is_file() {
                return Err(Error::new("there is no α to trace with")
                    .expected("`init`, `random`, or a run directory with at least one whole epoch")
                    .found(format!("`{run}`")));
            }
            let (alpha, kept) = run_files::alpha(path, None)?;
            let other = run_files::space(path)?;
            let names = |edge: &Edge| edge.candidates.iter().map(|c| c.name.clone()).collect::<Vec<String>>();
            let fits = alpha.iter().map(Vec::len).eq(setup.view.edges.iter().map(|e| e.candidates.len()))
                && setup.space.edges().map(|(_, e)| names(e)).eq(other.edges().map(|(_, e)| names(e)));
            if kept.is_some() || !fits {
                return Err(Error::new("the α of this run is not one of the spec's space")
                    .at(Place::file(path.join("alpha.jsonl")))
                    .expected("a run of the same space whose edges kept all of their candidates"));
            }
            Ok(alpha)
        }
    }
}

fn summary_json(summary: &TraceSummary, iterations: u64) -> Value {
    let mut value = serde_json::to_value(summary).unwrap_or_default();
    value["iterations"] = iterations.into();
    for (edge, line) in summary.edges.iter().zip(value["edges"].as_array_mut().into_iter().flatten()) {
        let counts =
            edge.candidates.iter().map(|(name, c)| (name.clone(), serde_json::to_value(c).unwrap_or_default()));
        line["candidates"] = Value::Object(counts.collect());
    }
    for (epoch, line) in summary.epochs.iter().zip(value["epochs"].as_array_mut().into_iter().flatten()) {
        line["temperature"] = epoch.temperature().into();
    }
    value
}

fn summary_text(summary: &TraceSummary, iterations: u64) -> String {
    let edges = summary.edges.len() as f64;
    let per_step = |count: u64, steps: u64| format!("{:.2}", count as f64 / steps.max(1) as f64);
    let most = summary.edges.iter().map(|e| e.drawn).max().unwrap_or(0);
    let mut by_edge = table(["edge", "cell", "from → to", "drawn", "", "off", "ran alone most"]);
    for edge in &summary.edges {
        let favourite = edge.candidates.iter().filter(|(_, c)| c.alone > 0).max_by_key(|(_, c)| c.alone);
        by_edge.add_row([
            edge.index.to_string(),
            edge.cell.clone(),
            format!("{} → {}", edge.from, edge.to),
            edge.drawn.to_string(),
            bar(edge.drawn, most),
            edge.off.to_string(),
            favourite.map_or_else(|| "–".to_owned(), |(name, c)| format!("{name} ({})", c.alone)),
        ]);
    }
    let candidates = summary.candidates();
    let most = candidates.iter().map(|(_, c)| c.alone + c.softmax).max().unwrap_or(0);
    let mut by_candidate = table(["candidate", "ran alone", "in a softmax", ""]);
    for (name, counts) in &candidates {
        let row = [name.clone(), counts.alone.to_string(), counts.softmax.to_string()];
        by_candidate.add_row(row.into_iter().chain([bar(counts.alone + counts.softmax, most)]));
    }
    let mut by_epoch =
        table(["epoch", "steps", "inverted", "edges drawn per step", "computed per edge", "temperature"]);
    for epoch in &summary.epochs {
        by_epoch.add_row([
            epoch.epoch.to_string(),
            epoch.steps.to_string(),
            epoch.inverted.to_string(),
            per_step(epoch.drawn, epoch.steps),
            format!("{:.2}", epoch.computed as f64 / epoch.steps.max(1) as f64 / edges.max(1.0)),
            epoch.temperature().map_or_else(|| "–".to_owned(), |t| format!("{t:.3}")),
        ]);
    }
    format!("{iterations} iterations, {} steps\n\n{by_edge}\n\n{by_candidate}\n\n{by_epoch}\n", summary.steps)
}
