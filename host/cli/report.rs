//! `edas report`: what runs were, and what came of them, as a page.

use super::output::say;
use super::{Done, Failure};
use crate::error::Error;
use crate::report::{History, page};
use std::path::PathBuf;

/// The options of `edas report`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// Run directories, of searches and of evaluations: finished, interrupted, or still going on.
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Write the page to this file. [default: `report.html` in the run directory; with several runs, here]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Done {
    let runs = options.runs.iter().map(|run| History::read(run)).collect::<crate::Result<Vec<_>>>()?;
    let file = options.output.clone().unwrap_or_else(|| match runs.as_slice() {
        [run] => run.path.join("report.html"),
        _ => PathBuf::from("report.html"),
    });
    let text = page(&runs).map_err(Failure::Later)?;
    std::fs::write(&file, text)
        .map_err(|e| Failure::Later(Error::io("write", &file, &e).help("`-o FILE` writes it elsewhere")))?;
    for run in &runs {
        for what in &run.missing {
            say(&format!("{}: {what}", run.path.display()));
        }
    }
    say(&format!("the report is in {}", file.display()));
    Ok(())
}
