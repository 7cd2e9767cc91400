//! `edas export`: a genotype in another form.

use super::derive::RuleOption;
use super::output;
use super::{Done, Failure, run_files};
use crate::error::Error;
use crate::space::derive::Rule;
use crate::space::{Architecture, text};
use std::path::PathBuf;

/// The form of an export.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// The genotype file: whole in itself.
    Json,
    /// The text that DARTS prints.
    Darts,
    /// A graph for Graphviz.
    Dot,
    /// The architecture string of NAS-Bench-201.
    Nb201,
}

/// The options of `edas export`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// A run directory, a genotype file, or an architecture string of NAS-Bench-201.
    run: PathBuf,
    /// The form.
    #[arg(long)]
    format: Format,
    /// Derive a run's genotype by this rule first.
    #[arg(long)]
    rule: Option<RuleOption>,
    /// Derive a run's genotype from α after this epoch first; epochs count from 0.
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,
    /// Write to this file; to stdout where it is not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Done {
    let genotype = run_files::genotype(&options.run, options.rule.map(Rule::from), options.epoch)?;
    let text = match options.format {
        Format::Json => genotype.to_json() + "\n",
        Format::Darts => text::darts(&genotype)? + "\n",
        Format::Dot => text::dot(&genotype),
        Format::Nb201 => format!("{}\n", Architecture::of(&genotype)?),
    };
    match &options.output {
        None => output::print(&text),
        Some(path) => std::fs::write(path, text).map_err(|e| Failure::Later(Error::io("write", path, &e))),
    }
}
