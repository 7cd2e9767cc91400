//! `edas run`: searches, trainings from scratch and what follows them, one after the other, as a file says.

use super::export::Format;
use super::observed::Shown;
use super::output::{self, say};
use super::{Done, Failure, compare, evaluate, export, predict, search, signals};
use crate::error::{Error, Place, Result};
use crate::report::Comparison;
use crate::run::RunDirectory;
use crate::run::files::write_whole;
use crate::space::Genotype;
use crate::space::derive::random;
use crate::spec::{Node, PluginRef, Scratch, Spec, SpecPath, decode, read_text};
use crate::train::inputs::Inputs;
use crate::train::{Interruption, setup};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The options of `edas run`.
#[derive(clap::Args)]
pub(super) struct Options {
    /// The pipeline: a YAML file with a list of steps.
    pipeline: PathBuf,
    /// The folder of its runs; `runs/<pipeline name>` where it is not given.
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Go on where it stood: what is over stays, what was interrupted goes on, what is left begins.
    #[arg(long)]
    resume: bool,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

/// A pipeline as YAML writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pipeline {
    /// The version of the form: 1.
    edas: u32,
    /// Its name; the file's where it is left out.
    #[serde(default)]
    name: Option<String>,
    /// What is done, in order.
    steps: Vec<Step>,
}

/// A step of a pipeline.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// A search.
    Search(OfSpec),
    /// Genotypes drawn at random.
    Random(Random),
    /// Every genotype that there is so far, trained from scratch as the spec's section `evaluate` says.
    Evaluate(OfSpec),
    /// The same, as its section `transfer` says.
    Transfer(OfSpec),
    /// The first network that was trained, as files.
    Export(Export),
    /// What the first network that was trained makes of images.
    Predict(Predict),
    /// All runs so far, side by side.
    Compare(Compare),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfSpec {
    /// The spec.
    spec: SpecPath,
    /// Keys that are set in it, as `--set` does.
    #[serde(default)]
    set: Vec<String>,
    /// The name of the step, and of its folder; what it does where it is left out.
    #[serde(default)]
    name: Option<String>,
}

impl OfSpec {
    /// The spec of a training from scratch.
    fn scratch(&self, scratch: Scratch) -> Result<Spec> {
        Spec::load(&*self.spec, &self.set)?.only(scratch)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Random {
    /// The spec whose space they are of.
    spec: SpecPath,
    #[serde(default)]
    set: Vec<String>,
    /// How many.
    count: u64,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    /// The forms, as `edas export --format` names them.
    formats: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Predict {
    /// The images.
    images: Vec<SpecPath>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Compare {
    /// Whether rows of the literature are added.
    #[serde(default)]
    published: bool,
}

/// As many random genotypes as anyone would train.
const MOST: u64 = 10_000;

/// What a pipeline has come to.
struct Progress<'a> {
    folder: PathBuf,
    options: &'a Options,
    interruption: Interruption,
    /// Genotypes, with their names and the op sets that they may need.
    found: Vec<(String, Genotype, Vec<PluginRef>)>,
    searches: Vec<PathBuf>,
    evaluations: Vec<PathBuf>,
    names: Vec<String>,
}

pub(super) fn run(options: &Options) -> Done {
    let pipeline = read(&options.pipeline)?;
    let stem = options.pipeline.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = pipeline.name.clone().unwrap_or(stem);
    let folder = options.run.clone().unwrap_or_else(|| Path::new("runs").join(name));
    if !options.resume {
        RunDirectory::refuse_existing(&folder)?;
    }
    // Every spec is looked at before the first step takes its hours.
    for step in &pipeline.steps {
        match step {
            Step::Search(step) => drop(Spec::load(&*step.spec, &step.set)?),
            Step::Evaluate(step) => drop(step.scratch(Scratch::Evaluate)?),
            Step::Transfer(step) => drop(step.scratch(Scratch::Transfer)?),
            Step::Random(step) => drop(Spec::load(&*step.spec, &step.set)?),
            Step::Export(_) | Step::Predict(_) | Step::Compare(_) => {}
        }
    }
    fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, &e))?;
    let mut progress = Progress {
        folder,
        options,
        interruption: signals::interruption()?,
        found: Vec::new(),
        searches: Vec::new(),
        evaluations: Vec::new(),
        names: Vec::new(),
    };
    for (number, step) in pipeline.steps.iter().enumerate() {
        let done = progress.step(step).map_err(|failure| if number > 0 { failure.after() } else { failure });
        if let Err(Failure::Interrupted) = done {
            let run = options.run.as_ref().map_or(String::new(), |run| format!(" --run {}", run.display()));
            say(&format!("`edas run {}{run} --resume` goes on with the pipeline", options.pipeline.display()));
        }
        done?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Pipeline> {
    let node = Node::parse(&read_text(path, "pipeline")?, path)?;
    let pipeline: Pipeline = decode(&node, "the pipeline")?;
    if pipeline.edas != 1 {
        return Err(Error::new("a pipeline of another version of the format")
            .at(node.place_of("edas"))
            .expected("`edas: 1`")
            .found(format!("edas: {}", pipeline.edas)));
    }
    for (i, step) in pipeline.steps.iter().enumerate() {
        let place = |key: &str| node.place_of(&format!("steps.{i}.{key}"));
        match step {
            Step::Random(step) if !(1..=MOST).contains(&step.count) => {
                return Err(Error::new("`count` is out of range")
                    .at(place("random.count"))
                    .expected(format!("1 to {MOST}"))
                    .found(step.count.to_string()));
            }
            Step::Export(step) => {
                let known = |format: &String| Format::of_network(format).is_some();
                if let Some(format) = step.formats.iter().find(|format| !known(format)) {
                    return Err(Error::new(format!("a network cannot be exported as `{format}`"))
                        .at(place("export.formats"))
                        .expected(export::alternatives()));
                }
            }
            _ => {}
        }
        let before = |wanted: fn(&Step) -> bool| pipeline.steps[..i].iter().any(wanted);
        let (missing, needed) = match step {
            Step::Evaluate(_) | Step::Transfer(_) => {
                (!before(|s| matches!(s, Step::Search(_) | Step::Random(_))), "`search` or `random`")
            }
            Step::Export(_) | Step::Predict(_) => {
                (!before(|s| matches!(s, Step::Evaluate(_) | Step::Transfer(_))), "`evaluate` or `transfer`")
            }
            Step::Compare(_) => (
                !before(|s| matches!(s, Step::Search(_) | Step::Evaluate(_) | Step::Transfer(_))),
                "`search`, `evaluate` or `transfer`",
            ),
            Step::Search(_) | Step::Random(_) => (false, ""),
        };
        if missing {
            return Err(Error::new("the step has nothing to work on")
                .at(node.place_of(&format!("steps.{i}")))
                .expected(format!("a step {needed} before it")));
        }
    }
    Ok(pipeline)
}

impl Progress<'_> {
    fn step(&mut self, step: &Step) -> Done {
        match step {
            Step::Search(step) => self.search(step),
            Step::Random(step) => self.random(step),
            Step::Evaluate(step) => self.train(step, Scratch::Evaluate),
            Step::Transfer(step) => self.train(step, Scratch::Transfer),
            Step::Export(step) => self.export(step),
            Step::Predict(step) => {
                let images: Vec<PathBuf> = step.images.iter().map(|image| image.to_path_buf()).collect();
                predict::images(&predict::model(&self.evaluations[0], false, &[])?, &images, 3, false)
            }
            Step::Compare(step) => self.compare(step),
        }
    }

    /// The folder of a step: its name, with a number where that is taken.
    fn folder(&mut self, name: &str) -> PathBuf {
        let taken = |name: &str| self.names.iter().any(|other| other == name);
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let name = std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default();
        self.names.push(name.clone());
        self.folder.join(name)
    }

    fn say(&self, run: &Path) {
        if !self.options.quiet {
            say(&run.display().to_string());
        }
    }

    /// How each of its runs is made: one that is there goes on.
    fn how(&self) -> search::How<'static> {
        let shown = Shown { quiet: self.options.quiet, ..Shown::default() };
        search::How { resume: true, shown, ..search::How::default() }
    }

    fn search(&mut self, step: &OfSpec) -> Done {
        let spec = Spec::load(&*step.spec, &step.set)?;
        let run = self.folder(step.name.as_deref().unwrap_or("search"));
        self.say(&run);
        search::search(spec, &run, &self.how(), &self.interruption)?;
        let plugins = Spec::load(run.join("spec.yaml"), &[])?.plugins;
        let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.found.push((name, Genotype::read(&run.join("genotype.json"))?, plugins));
        self.searches.push(run);
        Ok(())
    }

    fn random(&mut self, step: &Random) -> Done {
        let mut spec = Spec::load(&*step.spec, &step.set)?;
        let folder = self.folder(step.name.as_deref().unwrap_or("random"));
        let (_, space) = setup::space(&mut spec, &mut Inputs::default())?;
        fs::create_dir_all(&folder).map_err(|e| Failure::Later(Error::io("create", &folder, &e)))?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for number in 0..step.count {
            let genotype = random(&space, spec.derive.rule, spec.seed, number);
            // The same each time: it follows from the seed.
            write_whole(&folder.join(format!("{number}.json")), (genotype.to_json() + "\n").as_bytes())?;
            self.found.push((format!("{name}-{number}"), genotype, spec.plugins.clone()));
        }
        Ok(())
    }

    fn train(&mut self, step: &OfSpec, scratch: Scratch) -> Done {
        let folder = self.folder(step.name.as_deref().unwrap_or(scratch.section()));
        for (name, genotype, plugins) in &self.found {
            let mut spec = step.scratch(scratch)?;
            // Rows of a comparison bear it.
            spec.name.clone_from(name);
            evaluate::add_plugins(&mut spec, plugins.clone());
            let run = folder.join(name);
            self.say(&run);
            evaluate::evaluate(spec, Some(genotype.clone()), &run, &self.how(), &self.interruption)?;
            self.evaluations.push(run);
        }
        Ok(())
    }

    fn export(&mut self, step: &Export) -> Done {
        let model = predict::model(&self.evaluations[0], false, &[])?;
        for format in step.formats.iter().filter_map(|format| Format::of_network(format)) {
            let ending = format.ending().unwrap_or_default();
            export::write_network(&model, format, &self.folder.join(format!("network.{ending}")))?;
        }
        Ok(())
    }

    fn compare(&self, step: &Compare) -> Done {
        let runs: Vec<PathBuf> = self.searches.iter().chain(&self.evaluations).cloned().collect();
        let mut comparison = Comparison::of(&runs)?;
        if step.published {
            comparison = comparison.with_published()?;
        }
        let file = self.folder.join("compare.md");
        let place = |e: Error| Failure::Later(e.at(Place::file(&file)));
        write_whole(&file, compare::markdown(&comparison).as_bytes()).map_err(place)?;
        output::print(&compare::text(&comparison))
    }
}
