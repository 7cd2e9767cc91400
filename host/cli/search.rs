//! `edas search`.

use super::output::{self, duration, say};
use super::profile::Profile;
use super::progress::Progress;
use super::{Done, Failure, SpecOptions, message, signals};
use crate::error::Error;
use crate::run::session::Session;
use crate::run::{Observer, RunDirectory};
use crate::space::Genotype;
use crate::train::resume::{Resume, Resumed};
use crate::train::{End, Outcome, Search};
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
    /// Go on with the run in that directory, from its newest whole checkpoint; where there is none yet, begin it. SPEC may be the
    /// run directory itself: then its own spec holds.
    #[arg(long)]
    resume: bool,
    /// With `--resume`: go on though spec, scripts, plugins or data changed in a way that alters the run. The run directory notes
    /// it; a changed policy script takes over as with `--watch`, so that the run can still be repeated.
    #[arg(long, requires = "resume")]
    accept_changes: bool,
    /// Look at the policy's script after every epoch: where it has changed, it takes over; where it has errors, the old one stays.
    /// The run directory keeps every version, so that the run can be repeated.
    #[arg(long)]
    watch: bool,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
    /// Measure where the time of the first iterations goes: `profile.json` in the run directory is a trace that Chrome and Perfetto
    /// show, and a table of it ends the run.
    #[arg(long)]
    pub(super) profile: bool,
}

pub(super) fn run(options: &Options, json: bool, profile: Option<&Profile>) -> Done {
    let mut spec = SpecOptions::clone(&options.spec);
    let mut path = options.run.clone();
    // A run directory, or the spec in one.
    let folder = if spec.spec.is_dir() { Some(spec.spec.clone()) } else { spec.spec.parent().map(Path::to_owned) };
    if let Some(folder) = folder.filter(|folder| folder.join(Session::FILE).is_file()) {
        if spec.spec.is_dir() {
            if !options.resume {
                return Err(Error::new(format!("{} is the directory of a run", folder.display()))
                    .expected("a spec")
                    .help("`--resume` goes on with it; its own `spec.yaml` begins it anew elsewhere")
                    .into());
            }
            spec.spec.push("spec.yaml");
        }
        if options.resume && spec.spec.file_name() == Some("spec.yaml".as_ref()) {
            path.get_or_insert(folder);
        }
    }
    let interruption = signals::interruption()?;
    let spec = spec.load()?;
    let path = path.unwrap_or_else(|| Path::new("runs").join(format!("{}-{}", spec.name, spec.seed)));
    let how = Resume { accept_changes: options.accept_changes, watch: options.watch };
    let Resumed { stage: search, mut directory, .. } = if options.resume {
        let Some(resumed) = Search::resume(spec, &path, how)? else {
            say(&format!("the run in {} has come to its end: there is nothing to go on with", path.display()));
            return Ok(());
        };
        tell(&resumed, &path, options.quiet);
        resumed
    } else {
        RunDirectory::refuse_existing(&path)?;
        Search::begin(spec, how, |contents| RunDirectory::create(&path, contents))?
    };
    let mut progress = Progress::new(options.quiet);
    let result = search.run_unless(&interruption, &mut [&mut directory as &mut dyn Observer, &mut progress]);
    drop(progress);
    if let Some(profile) = profile {
        profile.write(&path.join("profile.json"))?;
        say(&profile.table());
    }
    let end = result.map_err(|error| Failure::Later(directory.fail(error)))?;
    let outcome = match end {
        End::Finished(outcome) => outcome,
        End::Interrupted { iteration } => {
            say(&format!(
                "interrupted after {iteration} iterations, and saved; `edas search {} --resume` goes on",
                path.display()
            ));
            return Err(Failure::Interrupted);
        }
    };
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

/// Says where a run goes on; what is out of the ordinary is said in any case.
pub(super) fn tell<S>(resumed: &Resumed<S>, path: &Path, quiet: bool) {
    for (checkpoint, fault) in &resumed.passed_over {
        say(&format!("passed over {}, which cannot be used:", checkpoint.display()));
        message::show(fault);
    }
    for [what, then, now] in &resumed.moved {
        say(&format!("{what}: {then} in the session before, {now} now: the last bits of results may differ"));
    }
    for change in &resumed.changes {
        say(&format!("accepted: {}: {} then, {} now", change.what, change.recorded, change.now));
    }
    if quiet {
        return;
    }
    match &resumed.checkpoint {
        Some(checkpoint) => {
            say(&format!("goes on after {} iterations, from {}", resumed.iteration, checkpoint.display()));
        }
        None => say(&format!("nothing was saved in {} yet: the run begins", path.display())),
    }
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
