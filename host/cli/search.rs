//! `edas search`.

use super::output::{self, duration};
use super::progress::Progress;
use super::{Done, Failure, SpecOptions};
use crate::run::Observer;
use crate::run::directory::{Contents, RunDirectory};
use crate::space::Genotype;
use crate::train::{Outcome, Search};
use serde_json::json;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The options of `edas search`.
#[derive(clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    spec: SpecOptions,
    /// The run directory; `runs/<spec name>-<seed>` where it is not given.
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Look at the policy's script after every epoch: where it has changed, it takes over; where it has errors, the old one stays.
    /// The run directory keeps every version, so that the run can be repeated.
    #[arg(long)]
    watch: bool,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(options: &Options, json: bool) -> Done {
    let spec = options.spec.load()?;
    let path = options.run.clone().unwrap_or_else(|| Path::new("runs").join(format!("{}-{}", spec.name, spec.seed)));
    RunDirectory::refuse_existing(&path)?;
    let mut search = Search::from_spec(spec)?;
    if options.watch {
        search = search.watching()?;
    }
    let setup = search.setup();
    let contents = Contents {
        spec: setup.portable_spec(),
        inputs: setup.inputs.iter().map(|i| (i.name.as_str(), &*i.bytes)).collect(),
        hashes: setup.hashes(),
    };
    let mut directory = RunDirectory::create(&path, &contents)?;
    let mut progress = Progress::new(options.quiet);
    let result = search.run(&mut [&mut directory as &mut dyn Observer, &mut progress]);
    drop(progress);
    let outcome = result.map_err(|error| {
        directory.fail(&error);
        Failure::Later(error.help_if_none(format!("what the run wrote until then is in {}", path.display())))
    })?;
    if json {
        return output::json(&json!({
            "run": path.display().to_string(),
            "derived_accuracy": outcome.validation.derived_accuracy,
            "supernet_accuracy": outcome.validation.supernet_accuracy,
            "seconds": outcome.seconds,
            "genotype": outcome.genotype.cells,
        }));
    }
    output::print(&summary(&outcome, &path))
}

/// A genotype as a table: one row per edge that is kept.
pub(super) fn genotype_table(genotype: &Genotype) -> String {
    let mut table = output::table(["cell", "edge", "candidate"]);
    for (name, cell) in &genotype.cells.0 {
        for edge in &cell.edges {
            table.add_row([name.clone(), format!("{} → {}", edge.from, edge.to), edge.candidate.clone()]);
        }
    }
    table.trim_fmt()
}

fn summary(outcome: &Outcome, path: &Path) -> String {
    let run = path.display();
    let v = &outcome.validation;
    let mut text = genotype_table(&outcome.genotype);
    let ended = if outcome.stopped { " (ended by the policy)" } else { "" };
    let _ = write!(
        text,
        "\n\nderived network {:.4}, supernet {:.4} on the validation images, after {} iterations in {}{ended}\n\
         \nThe run is in {run}. Next:\n  \
         edas export {run} --format dot       the cells as a graph\n  \
         edas derive {run} --rule top2        two edges per node, as DARTS derives\n",
        v.derived_accuracy,
        v.supernet_accuracy,
        v.iteration + 1,
        duration(outcome.seconds),
    );
    text
}
