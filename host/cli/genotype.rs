//! `edas genotype`: genotypes that no search has found.

use super::output::{self, say};
use super::{Done, Failure, SpecOptions};
use crate::error::Error;
use crate::space::derive::random;
use crate::train::inputs::Inputs;
use crate::train::setup;
use std::path::PathBuf;

/// The commands of `edas genotype`.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Draw genotypes of a spec's space at random: the baseline that every search must beat.
    #[command(after_help = "Example:\n  edas genotype random specs/edas-cifar10.yaml --count 3 -o random\n  \
                            edas evaluate random/0.json --spec specs/evaluate-cifar10.yaml")]
    Random(RandomOptions),
}

/// The options of `edas genotype random`.
#[derive(clap::Args)]
pub(super) struct RandomOptions {
    #[command(flatten)]
    spec: SpecOptions,
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    count: u64,
    /// Write them as files 0.json, 1.json, … to this new folder; to stdout, one a line, where it is not given.
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

pub(super) fn run(command: &Command) -> Done {
    let Command::Random(options) = command;
    let mut spec = options.spec.load()?;
    let (_, space) = setup::space(&mut spec, &mut Inputs::default())?;
    let genotypes = (0..options.count).map(|number| random(&space, spec.derive.rule, spec.seed, number));
    let Some(folder) = &options.output else {
        for genotype in genotypes {
            let line = serde_json::to_string(&genotype).map_err(|e| Error::new(format!("the genotype: {e}")))?;
            output::print(&(line + "\n"))?;
        }
        return Ok(());
    };
    std::fs::create_dir(folder).map_err(|e| Error::io("create", folder, &e).expected("a new folder"))?;
    for (number, genotype) in genotypes.enumerate() {
        let file = folder.join(format!("{number}.json"));
        std::fs::write(&file, genotype.to_json() + "\n").map_err(|e| Failure::Later(Error::io("write", &file, &e)))?;
    }
    say(&format!("{} genotypes are in {}", options.count, folder.display()));
    Ok(())
}
