//! `edas search`.

use super::numbers::Numbers;
use super::observed::{Shown, observed};
use super::output::{self, duration, say};
use super::profile::Profile;
use super::{Done, Failure, SpecOptions, message, run_files};
use crate::error::{Error, Result};
use crate::report::moments;
use crate::run::RunDirectory;
use crate::run::session::Session;
use crate::space::{Collapse, Genotype};
use crate::spec::{Scratch, Spec};
use crate::train::resume::{Resume, Resumed};
use crate::train::{End, Interruption, Outcome, Search};
use serde_json::{Value, json};
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
    /// Search with several seeds, one after the other, each in a folder of its own: `0..3` (0, 1 and 2), or `0,5,7`. Their mean and
    /// standard deviation are printed. The folders lie in `runs/<spec name>`, or in that of `--run`.
    #[arg(long, value_name = "SEEDS", conflicts_with_all = ["seed", "profile"])]
    seeds: Option<Numbers>,
    /// Go on with what was found: train it from scratch as the spec's section says, in the run's directory with `-evaluated` or
    /// `-transferred` behind it.
    #[arg(long, value_name = "STAGE", value_enum, conflicts_with = "seeds")]
    pub(super) then: Option<Then>,
    #[command(flatten)]
    pub(super) shown: Shown,
    /// Measure where the time of the first iterations goes: `profile.json` in the run directory is a trace that Chrome and Perfetto
    /// show, and a table of it ends the run.
    #[arg(long)]
    pub(super) profile: bool,
}

/// What follows a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Then {
    /// As `edas evaluate` does.
    Evaluate,
    /// As `edas transfer` does.
    Transfer,
}

impl From<Then> for Scratch {
    fn from(then: Then) -> Self {
        match then {
            Then::Evaluate => Self::Evaluate,
            Then::Transfer => Self::Transfer,
        }
    }
}

pub(super) fn run(options: &Options, json: bool, profile: Option<&Profile>) -> Done {
    let interruption = options.shown.interruption()?;
    if let Some(Numbers(seeds)) = &options.seeds {
        return several(options, seeds, json, &interruption);
    }
    let (spec, path) = located(options)?;
    let how = How { profile, ..options.how() };
    match search(spec, &path, &how, &interruption)? {
        None => {
            say(&format!("the run in {} has come to its end: there is nothing to go on with", path.display()));
            Ok(())
        }
        Some(outcome) if json => output::json(&outcome_json(&outcome, &path)),
        Some(outcome) => output::print(&summary(&outcome, &path)),
    }
}

/// The spec, and the run directory.
pub(super) fn located(options: &Options) -> Result<(Spec, PathBuf)> {
    let mut spec = SpecOptions::clone(&options.spec);
    let mut path = options.run.clone();
    // A run directory, or the spec in one.
    let folder = if spec.spec.is_dir() { Some(spec.spec.clone()) } else { spec.spec.parent().map(Path::to_owned) };
    if let Some(folder) = folder.filter(|folder| folder.join(Session::FILE).is_file()) {
        if spec.spec.is_dir() {
            if !options.resume {
                return Err(Error::new(format!("{} is the directory of a run", folder.display()))
                    .expected("a spec")
                    .help("`--resume` goes on with it; its own `spec.yaml` begins it anew elsewhere"));
            }
            spec.spec.push("spec.yaml");
        }
        if options.resume && spec.spec.file_name() == Some("spec.yaml".as_ref()) {
            path.get_or_insert(folder);
        }
    }
    let spec = spec.load()?;
    let path = path.unwrap_or_else(|| Path::new("runs").join(format!("{}-{}", spec.name, spec.seed)));
    Ok((spec, path))
}

/// How a run is made.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct How<'a> {
    /// Whether one that is there goes on.
    pub(super) resume: bool,
    /// How it goes on.
    pub(super) taken_up: Resume,
    /// What is shown of it.
    pub(super) shown: Shown,
    /// What measures where its time goes.
    pub(super) profile: Option<&'a Profile>,
}

impl How<'_> {
    /// Writes what was measured, beside the run.
    pub(super) fn write_profile(&self, run: &Path) -> Done {
        if let Some(profile) = self.profile {
            profile.write(&run.join("profile.json"))?;
            say(&profile.table());
        }
        Ok(())
    }
}

impl Options {
    pub(super) fn how(&self) -> How<'_> {
        let taken_up = Resume { accept_changes: self.accept_changes, watch: self.watch };
        How { resume: self.resume, taken_up, shown: self.shown, profile: None }
    }
}

/// Runs one search, or goes on with it; `None` where it is over.
pub(super) fn search(
    spec: Spec,
    path: &Path,
    how: &How,
    interruption: &Interruption,
) -> Result<Option<Outcome>, Failure> {
    let Resumed { stage: search, mut directory, .. } = if how.resume {
        let Some(resumed) = Search::resume(spec, path, how.taken_up)? else { return Ok(None) };
        tell(&resumed, path, how.shown.quiet);
        resumed
    } else {
        RunDirectory::refuse_existing(path)?;
        Search::begin(spec, how.taken_up, |contents| RunDirectory::create(path, contents))?
    };
    let result =
        observed(how.shown, &mut directory, interruption, |observers| search.run_unless(interruption, observers));
    how.write_profile(path)?;
    match result.map_err(|error| Failure::Later(directory.fail(error)))? {
        End::Finished(outcome) => Ok(Some(*outcome)),
        End::Interrupted { iteration } => {
            say(&format!(
                "interrupted after {iteration} iterations, and saved; `edas search {} --resume` goes on",
                path.display()
            ));
            Err(Failure::Interrupted)
        }
    }
}

/// Searches with several seeds, one after the other, each in a folder of its own.
fn several(options: &Options, seeds: &[u64], json: bool, interruption: &Interruption) -> Done {
    let mut cases = Vec::new();
    for seed in seeds {
        let spec = SpecOptions { seed: Some(*seed), ..options.spec.clone() }.load()?;
        let base = options.run.clone().unwrap_or_else(|| Path::new("runs").join(&spec.name));
        cases.push((spec, base.join(format!("seed-{seed}"))));
    }
    if !options.resume {
        // Before the first of them takes its hours.
        cases.iter().try_for_each(|(_, path)| RunDirectory::refuse_existing(path))?;
    }
    let mut results = Vec::new();
    for (spec, path) in cases {
        if !options.shown.quiet {
            say(&path.display().to_string());
        }
        let seed = spec.seed;
        let outcome = search(spec, &path, &options.how(), interruption)
            .map_err(|failure| if results.is_empty() { failure } else { failure.after() })?;
        let accuracy = match outcome {
            Some(outcome) => outcome.validation.derived_accuracy,
            None => run_files::derived_accuracy(&path)?,
        };
        results.push((seed, path, accuracy));
    }
    let accuracies: Vec<f64> = results.iter().map(|(_, _, accuracy)| *accuracy).collect();
    let (mean, deviation) = moments(&accuracies);
    if json {
        let run = |(seed, path, accuracy): &(u64, PathBuf, f64)| json!({"seed": seed, "run": path.display().to_string(), "derived_accuracy": accuracy});
        return output::json(&json!({
            "runs": results.iter().map(run).collect::<Vec<_>>(),
            "mean_derived_accuracy": mean,
            "standard_deviation": deviation,
        }));
    }
    let mut table = output::table(["seed", "derived accuracy", "run"]);
    for (seed, path, accuracy) in &results {
        table.add_row([seed.to_string(), format!("{accuracy:.4}"), path.display().to_string()]);
    }
    let deviation = deviation.map_or(String::new(), |deviation| format!(" ± {deviation:.4}"));
    output::print(&format!(
        "{}\n\nderived accuracy {mean:.4}{deviation} (mean and standard deviation of {} seeds)\n",
        table.trim_fmt(),
        results.len()
    ))
}

fn outcome_json(outcome: &Outcome, path: &Path) -> Value {
    let collapsed = |c: &Collapse| json!({"cell": c.cell, "idle": c.idle, "edges": c.edges});
    json!({
        "run": path.display().to_string(),
        "derived_accuracy": outcome.validation.derived_accuracy,
        "supernet_accuracy": outcome.validation.supernet_accuracy,
        "seconds": outcome.seconds,
        "collapsed": outcome.collapsed.iter().map(collapsed).collect::<Vec<_>>(),
        "genotype": outcome.genotype.cells,
    })
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

pub(super) fn summary(outcome: &Outcome, path: &Path) -> String {
    let run = path.display();
    let v = &outcome.validation;
    let mut text = genotype_table(&outcome.genotype);
    let ended = if outcome.stopped { " (ended by the policy)" } else { "" };
    let _ = write!(
        text,
        "\n\nderived network {:.4}, supernet {:.4} on the validation images, after {} iterations in {}{ended}\n\
         \nThe run is in {run}. Next:\n  \
         edas report {run}                    a page that shows it\n  \
         edas export {run} --format svg       the cells as a picture\n  \
         edas derive {run} --rule top2        two edges per node, as DARTS derives\n",
        v.derived_accuracy,
        v.supernet_accuracy,
        v.iteration + 1,
        duration(outcome.seconds),
    );
    text + collapse_text(outcome).as_str()
}

/// What is to be said of cells that became next to nothing, and what is done about it.
fn collapse_text(outcome: &Outcome) -> String {
    if outcome.collapsed.is_empty() {
        return String::new();
    }
    let cells: String = outcome
        .collapsed
        .iter()
        .map(|Collapse { cell, idle, edges }| {
            format!("  {cell}: {idle} of {edges} edges carry nothing, or their input as it is\n")
        })
        .collect();
    format!(
        "\nThis search may have collapsed:\n{cells}\
         Such networks often train well at first and end poorly. What helps: fewer epochs, a smaller\n\
         `search.architecture.learning_rate` or some `search.architecture.weight_decay`, the inversion warm-up, or a policy\n\
         that limits such edges (scripts/p_darts.rhai drops skip_connect); `--rule top2` leaves `none` out. `edas evaluate` tells.\n"
    )
}
