//! `edas evaluate` and `edas transfer`: a derived network, trained from scratch and tested.

use super::numbers::Numbers;
use super::observed::{Shown, observed};
use super::output::{self, count, duration, say};
use super::profile::Profile;
use super::search::{How, tell};
use super::{Done, Failure, run_files};
use crate::error::{Error, Place};
use crate::report::moments;
use crate::run::{EvaluationResult, RunDirectory};
use crate::space::Genotype;
use crate::spec::{PluginRef, Scratch, Spec};
use crate::train::evaluation::EvaluationEnd;
use crate::train::resume::Resume;
use crate::train::{Evaluation, Interruption};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The options of `edas evaluate`, which `edas transfer` has too.
#[derive(clap::Args)]
pub(super) struct Options {
    /// What is trained: the run directory of a search, a genotype file, or a published text (of DARTS or NAS-Bench-201). With
    /// `--resume` also the directory of an evaluation. The genotype that the spec names where it is not given.
    genotype: Option<PathBuf>,
    /// The spec that says how; the search's own where it has such a section.
    #[arg(long, value_name = "SPEC")]
    spec: Option<PathBuf>,
    /// Another seed.
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Several seeds, one after the other, each in a folder of its own: `0..3` (0, 1 and 2), or `0,5,7`. Their mean and standard deviation
    /// are printed.
    #[arg(long, value_name = "SEEDS")]
    seeds: Option<Numbers>,
    /// What a search derived after these epochs, one after the other, each in a folder of its own: `0,4,9`.
    #[arg(long, value_name = "EPOCHS")]
    epochs: Option<Numbers>,
    /// Set a key of the spec; may be repeated.
    #[arg(long, value_name = "PATH.TO.KEY=VALUE")]
    set: Vec<String>,
    /// The run directory; `runs/<spec name>-<seed>` where it is not given, and by a search's own spec the search's directory with
    /// `-evaluated` or `-transferred` behind it.
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Go on with the evaluation in that directory, from its newest whole checkpoint; where there is none yet, begin it.
    #[arg(long)]
    resume: bool,
    /// With `--resume`: go on though spec, plugins or data changed in a way that alters the result. The run directory notes it.
    #[arg(long, requires = "resume")]
    accept_changes: bool,
    #[command(flatten)]
    shown: Shown,
    /// Measure where the time of the first iterations goes: `profile.json` in the run directory is a trace that Chrome and Perfetto
    /// show, and a table of it ends the run.
    #[arg(long, conflicts_with_all = ["seeds", "epochs"])]
    pub(super) profile: bool,
}

/// One evaluation among several.
struct Case {
    epoch: Option<u64>,
    seed: u64,
    genotype: Option<Genotype>,
    spec: Spec,
    run: PathBuf,
}

pub(super) fn run(options: &Options, scratch: Scratch, json_wanted: bool, profile: Option<&Profile>) -> Done {
    let interruption = options.shown.interruption()?;
    let cases = cases(options, scratch)?;
    let several = options.seeds.is_some() || options.epochs.is_some();
    let taken_up = Resume { accept_changes: options.accept_changes, watch: false };
    let how = How { resume: options.resume, taken_up, shown: options.shown, profile };
    if !options.resume {
        // Before the first of them takes its hours.
        cases.iter().try_for_each(|case| RunDirectory::refuse_existing(&case.run))?;
    }
    let mut results = Vec::new();
    for case in cases {
        if several && !options.shown.quiet {
            say(&format!("{}", case.run.display()));
        }
        let Case { epoch, seed, genotype, spec, run } = case;
        let begun = !results.is_empty();
        let result = evaluate(spec, genotype, &run, &how, &interruption);
        let result = result.map_err(|failure| if begun { failure.after() } else { failure })?;
        results.push((epoch, seed, run, result));
    }
    if several {
        return if json_wanted { output::json(&all_json(&results)?) } else { output::print(&table(&results)) };
    }
    let Some((_, _, run, result)) = results.pop() else { return Ok(()) };
    print(&result, &run, json_wanted)
}

/// Runs one evaluation, and prints what it came to.
pub(super) fn one(
    spec: Spec,
    genotype: Option<Genotype>,
    run: &Path,
    how: &How,
    interruption: &Interruption,
    json_wanted: bool,
) -> Done {
    print(&evaluate(spec, genotype, run, how, interruption)?, run, json_wanted)
}

fn print(result: &EvaluationResult, run: &Path, json_wanted: bool) -> Done {
    if json_wanted { output::json(&json_of(run, result)?) } else { output::print(&summary(result, run)) }
}

/// The evaluations that are asked for.
fn cases(options: &Options, scratch: Scratch) -> Result<Vec<Case>, Error> {
    let mut given = options.genotype.clone();
    let mut file = options.spec.clone();
    let mut run = options.run.clone();
    // The directory of an evaluation that goes on.
    if let Some(folder) = given.clone().filter(|folder| is_evaluation(folder)) {
        if !options.resume {
            return Err(Error::new(format!("{} is the directory of an evaluation", folder.display()))
                .at(Place::file(&folder))
                .expected("what is to be trained: the run of a search, or a genotype")
                .help("`--resume` goes on with it; its genotype is inputs/genotype.json"));
        }
        file.get_or_insert(folder.join("spec.yaml"));
        run.get_or_insert(folder);
        given = None;
    }
    let is_run = given.as_ref().is_some_and(|path| path.is_dir());
    let file = match (file, &given) {
        (Some(file), _) => file,
        (None, Some(run)) if is_run => run.join("spec.yaml"),
        (None, _) => {
            return Err(Error::new("nothing says how to train")
                .expected("a spec: `--spec SPEC`")
                .help("specs/evaluate-cifar10.yaml and specs/transfer-imagenet.yaml train as DARTS does"));
        }
    };
    if let (Some(_), false) = (&options.epochs, is_run) {
        return Err(Error::new("only a search has epochs whose genotypes can be trained")
            .expected("the run directory of a search")
            .found(given.as_ref().map_or("nothing".to_owned(), |path| path.display().to_string())));
    }
    let seeds = match (&options.seeds, options.seed) {
        (Some(Numbers(seeds)), _) => seeds.iter().copied().map(Some).collect(),
        (None, seed) => vec![seed],
    };
    let epochs = match &options.epochs {
        Some(Numbers(epochs)) => epochs.iter().copied().map(Some).collect(),
        None => vec![None],
    };
    let mut cases = Vec::new();
    for epoch in epochs {
        let genotype = given.as_ref().map(|path| run_files::genotype(path, None, epoch)).transpose()?;
        for seed in &seeds {
            let overrides = options.set.iter().cloned().chain(seed.map(|seed| format!("seed={seed}")));
            let mut spec = Spec::load(&file, &overrides.collect::<Vec<_>>())?.only(scratch)?;
            if let (Some(path), true) = (&given, is_run) {
                add_plugins(&mut spec, Spec::load(path.join("spec.yaml"), &[])?.plugins);
            }
            let mut folder = match (&run, &given, &options.seeds) {
                (Some(run), ..) => run.clone(),
                // By a search's own spec it would be the search's directory.
                (None, Some(search), _) if options.spec.is_none() => beside(search, scratch),
                (None, _, None) => Path::new("runs").join(format!("{}-{}", spec.name, spec.seed)),
                (None, _, Some(_)) => Path::new("runs").join(&spec.name),
            };
            folder.extend(epoch.map(|epoch| format!("epoch-{epoch}")));
            folder.extend(options.seeds.as_ref().map(|_| format!("seed-{}", spec.seed)));
            cases.push(Case { epoch, seed: spec.seed, genotype: genotype.clone(), spec, run: folder });
        }
    }
    Ok(cases)
}

/// The directory of a search's evaluation by its own spec: `runs/quickstart-0` becomes `runs/quickstart-0-evaluated`.
pub(super) fn beside(search: &Path, scratch: Scratch) -> PathBuf {
    let mut name = search.file_name().unwrap_or_default().to_owned();
    name.push(match scratch {
        Scratch::Evaluate => "-evaluated",
        Scratch::Transfer => "-transferred",
    });
    search.with_file_name(name)
}

/// Whether a folder is the run directory of an evaluation.
fn is_evaluation(folder: &Path) -> bool {
    folder.is_dir() && Spec::load(folder.join("spec.yaml"), &[]).is_ok_and(|spec| !spec.is_search())
}

/// Adds the op sets that a search was made with, which its genotype may need.
pub(super) fn add_plugins(spec: &mut Spec, of_search: Vec<PluginRef>) {
    for plugin in of_search {
        // A name is found wherever the program runs; of two op sets with one name the spec's own counts.
        let file = |plugin: &PluginRef| match plugin {
            PluginRef::Path(path) => path.file_name().map(ToOwned::to_owned),
            PluginRef::Name(_) => None,
        };
        let like = |other: &PluginRef| file(other).is_some() && file(other) == file(&plugin);
        if !spec.plugins.contains(&plugin) && !spec.plugins.iter().any(like) {
            spec.plugins.push(plugin);
        }
    }
}

/// Runs one evaluation, or reads what it came to where it is over.
pub(super) fn evaluate(
    spec: Spec,
    genotype: Option<Genotype>,
    run: &Path,
    how: &How,
    interruption: &Interruption,
) -> Result<EvaluationResult, Failure> {
    let resumed = if how.resume {
        match Evaluation::resume(spec, genotype, run, how.taken_up)? {
            Some(resumed) => resumed,
            None => return Ok(EvaluationResult::read(run)?),
        }
    } else {
        Evaluation::begin(spec, genotype, |contents| RunDirectory::create(run, contents))?
    };
    if how.resume {
        tell(&resumed, run, how.shown.quiet);
    }
    let command = resumed.stage.setup().spec.command();
    let mut directory = resumed.directory;
    let stage = resumed.stage;
    let result =
        observed(how.shown, &mut directory, interruption, |observers| stage.run_unless(interruption, observers));
    how.write_profile(run)?;
    match result.map_err(|error| Failure::Later(directory.fail(error)))? {
        EvaluationEnd::Finished(result) => Ok(*result),
        EvaluationEnd::Interrupted { iteration } => {
            say(&format!(
                "interrupted after {iteration} iterations, and saved; `edas {command} {} --resume` goes on",
                run.display()
            ));
            Err(Failure::Interrupted)
        }
    }
}

fn json_of(run: &Path, result: &EvaluationResult) -> Result<Value, Error> {
    let mut value = serde_json::to_value(result).map_err(|e| Error::new(format!("the result: {e}")))?;
    if let Value::Object(fields) = &mut value {
        fields.shift_insert(0, "run".to_owned(), run.display().to_string().into());
    }
    Ok(value)
}

type Results = [(Option<u64>, u64, PathBuf, EvaluationResult)];

/// The test accuracies of each epoch's genotype.
fn by_epoch(results: &Results) -> Vec<(Option<u64>, Vec<&EvaluationResult>)> {
    let mut groups: Vec<(Option<u64>, Vec<&EvaluationResult>)> = Vec::new();
    for (epoch, _, _, result) in results {
        match groups.iter_mut().find(|(of, _)| of == epoch) {
            Some((_, list)) => list.push(result),
            None => groups.push((*epoch, vec![result])),
        }
    }
    groups
}

fn all_json(results: &Results) -> Result<Value, Error> {
    let runs: Vec<Value> = results.iter().map(|(_, _, run, result)| json_of(run, result)).collect::<Result<_, _>>()?;
    let group = |(epoch, list): (Option<u64>, Vec<&EvaluationResult>)| {
        let accuracies: Vec<f64> = list.iter().map(|result| result.last.test_accuracy).collect();
        let (mean, deviation) = moments(&accuracies);
        json!({ "search_epoch": epoch, "mean_test_accuracy": mean, "standard_deviation": deviation, "runs": list.len() })
    };
    Ok(json!({ "runs": runs, "genotypes": by_epoch(results).into_iter().map(group).collect::<Vec<_>>() }))
}

/// A row per evaluation, and what those of one genotype have in common.
fn table(results: &Results) -> String {
    let mut table = output::table(["search epoch", "seed", "parameters", "longest paths", "test accuracy", "run"]);
    let epoch = |epoch: &Option<u64>| epoch.map_or("–".to_owned(), |epoch| epoch.to_string());
    for (of, seed, run, result) in results {
        table.add_row([
            epoch(of),
            seed.to_string(),
            count(result.parameters),
            output::paths(&result.longest_paths),
            format!("{:.4}", result.last.test_accuracy),
            run.display().to_string(),
        ]);
    }
    let mut text = table.trim_fmt() + "\n";
    for (of, list) in by_epoch(results).iter().filter(|(_, list)| list.len() > 1) {
        let accuracies: Vec<f64> = list.iter().map(|result| result.last.test_accuracy).collect();
        let (mean, deviation) = moments(&accuracies);
        let of = of.map_or(String::new(), |epoch| format!("search epoch {epoch}: "));
        let _ = writeln!(
            text,
            "\n{of}test accuracy {mean:.4} ± {:.4} (mean and standard deviation of {} seeds)",
            deviation.unwrap_or(0.0),
            list.len()
        );
    }
    text
}

fn summary(result: &EvaluationResult, run: &Path) -> String {
    let EvaluationResult { last, best_selected_on_test: best, .. } = result;
    let mut facts = output::table(["", ""]);
    let mut fact = |name: &str, value: String| {
        facts.add_row([name.to_owned(), value]);
    };
    fact("test accuracy", format!("{:.4}, after the last epoch ({})", last.test_accuracy, last.epoch));
    if let Some(top5) = last.test_top5 {
        fact("among the first five", format!("{top5:.4}"));
    }
    fact("best, selected on test", format!("{:.4}, after epoch {}", best.test_accuracy, best.epoch));
    fact("parameters", format!("{} ({})", result.parameters, count(result.parameters)));
    fact("multiply-adds", count(result.multiply_adds));
    fact("longest paths", output::paths(&result.longest_paths));
    if last.broken > 0 {
        fact("broken images", format!("{} in an epoch and its test; the log names them", last.broken));
    }
    fact("time", duration(result.seconds));
    let facts: Vec<String> = facts.trim_fmt().lines().skip(1).map(str::to_owned).collect();
    format!("{}\n\nThe run is in {}; result.json has the confusion matrix.\n", facts.join("\n"), run.display())
}
