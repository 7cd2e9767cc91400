//! `edas golden`: the first iterations of a spec in a small file, and a run against it.

use super::replay::changes_text;
use super::{Done, Failure, SpecOptions, output};
use crate::run::checkpoint::Choice;
use crate::train::golden::{Golden, Recording};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// `edas golden record` and `edas golden check`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Run a spec's first iterations, or those after a run's checkpoint, and write what they were.
    #[command(
        after_help = "Example:\n  edas golden record specs/quickstart.yaml --iterations 5 -o quickstart.golden\n  edas golden record runs/quickstart-0 --from 252 -o late.golden"
    )]
    Record(Record),
    /// Run them again and compare: plans exactly; losses and α exactly on the same kind of machine, within the file's
    /// tolerances elsewhere; and the state after the last one. Says which plugins, scripts, spaces and data have changed.
    #[command(after_help = "Example:\n  edas golden check quickstart.golden")]
    Check(Check),
}

/// The options of `edas golden record`.
#[derive(Args)]
pub(super) struct Record {
    #[command(flatten)]
    spec: SpecOptions,
    /// Begin at a checkpoint of SPEC, which is a run directory then: the one after so many iterations, the `newest`, the `best`, or the
    /// one of a manifest's file. The golden file names it, and needs it where it is checked.
    #[arg(long, value_name = "CHECKPOINT")]
    from: Option<Choice>,
    /// How many iterations.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    iterations: u64,
    /// The file.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// A setting for this run that is not recorded (where the data lie, say); may be repeated.
    #[arg(long, value_name = "PATH.TO.KEY=VALUE")]
    unrecorded: Vec<String>,
}

/// The options of `edas golden check`.
#[derive(Args)]
pub(super) struct Check {
    /// The file that `edas golden record` wrote.
    file: PathBuf,
    /// A further setting (where the data lie, say); may be repeated.
    #[arg(long, value_name = "PATH.TO.KEY=VALUE")]
    set: Vec<String>,
}

pub(super) fn run(command: &Command, json_wanted: bool) -> Done {
    match command {
        Command::Record(options) => {
            let spec = &options.spec;
            let recording =
                Recording::prepare(&spec.spec, options.from.as_ref(), &spec.overrides(), &options.unrecorded)?;
            let golden = recording.run(options.iterations).map_err(Failure::Later)?;
            golden.write(&options.output).map_err(Failure::Later)?;
            let (file, count) = (options.output.display().to_string(), golden.iterations());
            if json_wanted {
                return output::json(&json!({ "file": file, "iterations": count }));
            }
            let noun = if count == 1 { "iteration is" } else { "iterations are" };
            output::print(&format!("{count} {noun} in {file}; `edas golden check {file}` compares with them\n"))
        }
        Command::Check(options) => {
            let golden = Golden::read(&options.file)?;
            let recording = golden.recording(&options.file, &options.set)?;
            let found = recording.run(golden.iterations() as u64).map_err(Failure::Later)?;
            let (difference, changes) = (golden.compare(&found), golden.changes(&found));
            if json_wanted {
                output::json(&json!({
                    "same": difference.is_none(),
                    "same_machine": golden.machine == found.machine,
                    "difference": difference.as_ref().map(ToString::to_string),
                    "changes": changes,
                }))?;
            } else {
                let machine = if golden.machine == found.machine {
                    "on the same kind of machine, so compared exactly".to_owned()
                } else {
                    format!("recorded on another kind of machine ({}), so compared within tolerances", golden.machine)
                };
                let verdict = match &difference {
                    None => format!("{} iterations are the same; {machine}", golden.iterations()),
                    Some(difference) => format!("{difference}; {machine}"),
                };
                output::print(&format!("{verdict}\n{}", changes_text(&changes, "then", "now")))?;
            }
            if difference.is_some() { Err(Failure::No) } else { Ok(()) }
        }
    }
}
