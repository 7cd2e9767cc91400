//! `edas derive`: a genotype from a run's α.

use super::output;
use super::search::genotype_table;
use super::{Done, run_files};
use crate::space::derive::Rule;
use std::path::PathBuf;

/// How a genotype follows from α.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum RuleOption {
    /// Every edge keeps its strongest candidate.
    Argmax,
    /// Every node keeps its two strongest edges, as in DARTS.
    Top2,
}

impl From<RuleOption> for Rule {
    fn from(rule: RuleOption) -> Self {
        match rule {
            RuleOption::Argmax => Rule::Argmax,
            RuleOption::Top2 => Rule::Top2,
        }
    }
}

/// The options of `edas derive`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// The run directory, or a genotype file to show.
    run: PathBuf,
    /// From α after this epoch, the last where it is not given. Epochs count from 0, as in the run's files and in the
    /// progress of a search: of 25, the last is 24.
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,
    /// By this rule; the spec's where it is not given.
    #[arg(long)]
    rule: Option<RuleOption>,
}

pub(super) fn run(options: &Options, json: bool) -> Done {
    let genotype = run_files::genotype(&options.run, options.rule.map(Rule::from), options.epoch)?;
    if json {
        return output::print(&(genotype.to_json() + "\n"));
    }
    output::print(&(genotype_table(&genotype) + "\n"))
}
