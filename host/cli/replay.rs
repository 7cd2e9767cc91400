//! `edas replay`: a run once more, compared with its record.

use super::output::{self, say};
use super::progress::Progress;
use super::{Done, Failure, message};
use crate::run::checkpoint::Choice;
use crate::run::{Changed, Observer};
use crate::train::replay::{Replay, Verdict};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The options of `edas replay`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// The run directory. Nothing is written to it.
    run: PathBuf,
    /// Begin at a checkpoint: the one after so many iterations, the `newest`, the `best`, or the one of a manifest's file.
    #[arg(long, value_name = "CHECKPOINT")]
    from: Option<Choice>,
    /// Compare so many iterations at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    iterations: Option<u64>,
    /// A setting that is another here (where the data lie, say); may be repeated.
    #[arg(long, value_name = "PATH.TO.KEY=VALUE")]
    set: Vec<String>,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let replay = Replay::prepare(&options.run, options.from.as_ref(), &options.set)?;
    for (checkpoint, fault) in &replay.passed_over {
        say(&format!("passed over {}, which cannot be used:", checkpoint.display()));
        message::show(fault);
    }
    let mut progress = Progress::new(options.quiet);
    let verdict = replay.run(options.iterations, &mut [&mut progress as &mut dyn Observer]);
    drop(progress);
    let verdict = verdict.map_err(Failure::Later)?;
    tell_unread(&verdict.unread);
    if json_wanted {
        output::json(&json!({
            "same": verdict.difference.is_none(),
            "from": verdict.from,
            "iterations": verdict.iterations,
            "checkpoints": verdict.checkpoints,
            "result": verdict.result,
            "failure": verdict.failure,
            "difference": verdict.difference,
            "machine": machine_json(&verdict.machine),
            "changes": verdict.changes,
            "not_compared": unread_json(&verdict.unread),
        }))?;
    } else {
        output::print(&text(&verdict))?;
    }
    if verdict.difference.is_some() { Err(Failure::No) } else { Ok(()) }
}

/// Says what could not be compared.
pub(super) fn tell_unread(unread: &[crate::Error]) {
    for fault in unread {
        say("not compared, for it cannot be read:");
        message::show(fault);
    }
}

/// What could not be compared, as JSON.
pub(super) fn unread_json(unread: &[crate::Error]) -> Value {
    unread.iter().map(ToString::to_string).collect()
}

/// In what machines differ, as JSON.
pub(super) fn machine_json(machine: &[[String; 3]]) -> Value {
    machine.iter().map(|[what, then, now]| json!({ "what": what, "recorded": then, "now": now })).collect()
}

/// What was compared besides iterations.
pub(super) fn further(checkpoints: &[u64], result: bool) -> String {
    let number = checkpoints.len();
    let checkpoints = match number {
        0 => String::new(),
        1 => ", 1 checkpoint".to_owned(),
        _ => format!(", {number} checkpoints"),
    };
    format!("{checkpoints}{}", if result { ", the result" } else { "" })
}

fn text(verdict: &Verdict) -> String {
    let Verdict { from, iterations, difference, machine, changes, .. } = verdict;
    let mut text = match difference {
        Some(difference) => {
            let before = difference.iteration.saturating_sub(*from);
            let before = match before {
                0 => String::new(),
                1 => "; the one before it is the same".to_owned(),
                _ => format!("; the {before} before it are the same"),
            };
            format!("{}{before}\n", difference.sentence("recorded", "now"))
        }
        None => {
            let from = if *from > 0 { format!(" from iteration {from} on") } else { String::new() };
            let noun = if *iterations == 1 { "iteration" } else { "iterations" };
            let further = further(&verdict.checkpoints, verdict.result);
            format!("the same, bit by bit: {iterations} {noun}{from}{further}\n")
        }
    };
    if let Some(failure) = &verdict.failure {
        text += &format!("the run failed here, and does so again: {}\n", failure.lines().next().unwrap_or_default());
    }
    text += &changes_text(changes, "then", "now");
    text += &machine_text(machine, "the machine that recorded this and this one", "then", "now");
    text
}

/// What runs were made of and what differs in it, one line each.
pub(super) fn changes_text(changes: &[Changed], first: &str, second: &str) -> String {
    let line = |Changed { what, recorded, now }: &Changed| format!("{what}: {recorded} {first}, {now} {second}\n");
    changes.iter().map(line).collect()
}

/// In what two machines differ, one line each, or that nothing does.
pub(super) fn machine_text(machine: &[[String; 3]], both: &str, first: &str, second: &str) -> String {
    if machine.is_empty() {
        return format!("nothing that is known to matter differs between {both}\n");
    }
    machine.iter().map(|[what, then, now]| format!("{what}: {then} {first}, {now} {second}\n")).collect()
}
