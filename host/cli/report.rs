//! `edas report`: what runs were, and what came of them, as a page.

use super::output::{self, say};
use super::{Done, Failure};
use crate::error::Error;
use crate::report::{History, page};
use std::path::{Path, PathBuf};

/// The options of `edas report`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// Run directories, of searches and of evaluations: finished, interrupted, or still going on.
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Write the page to this file; `-` for stdout. [default: `report.html` in the run directory; with several runs, here]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Done {
    let runs = History::read_all(&options.runs)?;
    if runs.len() < options.runs.len() {
        say("a run that is named twice is shown once");
    }
    let text = page(&runs).map_err(Failure::Later)?;
    for run in &runs {
        for what in &run.missing {
            say(&format!("{}: {what}", run.path.display()));
        }
    }
    let file = match (&options.output, runs.as_slice()) {
        // Stdout is kept for results: whoever wrote to it by its name would write to stderr.
        (Some(file), _) if [Path::new("-"), Path::new("/dev/stdout")].contains(&file.as_path()) => {
            return output::print(&text);
        }
        (Some(file), _) => file.clone(),
        (None, [run]) => run.path.join("report.html"),
        (None, _) => PathBuf::from("report.html"),
    };
    std::fs::write(&file, text).map_err(|e| {
        let folder = file.parent().filter(|folder| *folder != Path::new(""));
        let help = match &options.output {
            None => "`-o FILE` writes it elsewhere",
            Some(_) if folder.is_some_and(|folder| !folder.is_dir()) => "make its folder first",
            Some(_) => "name another file",
        };
        Failure::Later(Error::io("write", &file, &e).help(help))
    })?;
    say(&format!("the report is in {}", file.display()));
    Ok(())
}
