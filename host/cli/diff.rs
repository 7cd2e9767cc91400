//! `edas diff`: two records, compared without running anything.

use super::replay::{changes_text, further, machine_json, machine_text, tell_unread, unread_json};
use super::{Done, Failure, output};
use crate::run::compare::Recorded;
use crate::run::compare::records::{Comparison, compare};
use serde_json::json;
use std::path::PathBuf;

/// The options of `edas diff`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// A run directory.
    first: PathBuf,
    /// Another one.
    second: PathBuf,
}

pub(super) fn run(options: &Options, json_wanted: bool) -> Done {
    let (first, second) = (Recorded::read(&options.first)?, Recorded::read(&options.second)?);
    let comparison = compare(&first, &second)?;
    tell_unread(&comparison.unread);
    if json_wanted {
        output::json(&json!({
            "same": comparison.difference.is_none(),
            "iterations": comparison.iterations,
            "finished": comparison.finished,
            "checkpoints": comparison.checkpoints,
            "result": comparison.result,
            "difference": comparison.difference,
            "machine": machine_json(&comparison.machine),
            "changes": comparison.changes,
            "not_compared": unread_json(&comparison.unread),
        }))?;
    } else {
        output::print(&text(&comparison))?;
    }
    if comparison.difference.is_some() { Err(Failure::No) } else { Ok(()) }
}

fn text(comparison: &Comparison) -> String {
    let Comparison { iterations, finished, difference, .. } = comparison;
    let mut text = match difference {
        Some(difference) => format!("{}\n", difference.sentence("first", "second")),
        None => {
            let further = further(&comparison.checkpoints, comparison.result);
            let [a, b] = iterations;
            format!("the same, bit by bit: {} iterations{further}\n", a.min(b))
        }
    };
    for (k, name) in ["first", "second"].into_iter().enumerate() {
        if !finished[k] {
            text += &format!("the {name} is not finished: its record ends after {} iterations\n", iterations[k]);
        }
    }
    text += &changes_text(&comparison.changes, "in the first", "in the second");
    text += &machine_text(&comparison.machine, "the machines that recorded this", "of the first", "of the second");
    text
}
