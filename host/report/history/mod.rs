//! What a run directory says, read for those who want to see it: whole or cut off, of a run that is over or still goes on.
//!
//! - [`series`]: numbers, thinned while they come
//! - [`alpha`]: α over the epochs
//! - [`draws`]: what was drawn
//! - [`edges`]: the edges by name
//! - `lines`: the lines of the logs

pub mod alpha;
pub mod draws;
pub mod edges;
mod lines;
pub mod series;

pub use alpha::AlphaHistory;
pub use draws::{Draws, EdgeDraws};
pub use edges::EdgeName;
pub use series::{Sampled, Series};

use crate::error::{Error, Place, Result};
use crate::policy::SpaceView;
use crate::run::session::Session;
use crate::run::{EvaluationResult, LogName, directory};
use crate::space::genotype::{CandidateSource, GenotypeCell, Ordered};
use crate::space::{Genotype, Space};
use crate::spec::Spec;
use crate::train::inputs::Inputs;
use crate::train::setup;
use lines::{Metrics, Number, each_line};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most derived genotypes that are kept of a run.
const GENOTYPES: usize = 48;

/// A run, as its directory tells it.
#[derive(Debug, Clone)]
pub struct History {
    /// The directory.
    pub path: PathBuf,
    /// What to call the run: the name of its directory.
    pub name: String,
    /// Its spec.
    pub spec: Option<Spec>,
    /// The spec as text, as far as it is there.
    pub spec_text: String,
    /// The processes that ran it.
    pub sessions: Vec<Session>,
    /// How it ended.
    pub state: State,
    /// Its edges.
    pub edges: Vec<EdgeName>,
    /// Losses, accuracies and times.
    pub metrics: MetricsHistory,
    /// What was drawn: of a search.
    pub draws: Draws,
    /// α: of a search.
    pub alpha: Option<AlphaHistory>,
    /// What α derived to, validation by validation.
    pub derived: Sampled<Derived>,
    /// How often that became another one.
    pub derived_changed: u64,
    /// What all genotypes of the run have in common.
    template: Option<Genotype>,
    /// What the search found, or the evaluation trained.
    pub genotype: Option<Genotype>,
    /// What an evaluation measured.
    pub evaluation: Option<EvaluationResult>,
    /// Seconds per iteration of the parts of an iteration, where it was profiled.
    pub profile: Vec<(String, f64)>,
    /// What could not be read, or is not there.
    pub missing: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It has come to its result.
    Finished,
    /// It failed, and said this.
    Failed(String),
    /// It was interrupted, or still goes on.
    Unfinished,
}

/// What α derived to.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// The epoch.
    pub epoch: u64,
    /// The iteration after which it was validated.
    pub iteration: u64,
    /// Its accuracy with the supernet's weights.
    pub accuracy: f64,
    /// Its cell types.
    pub cells: Arc<Ordered<GenotypeCell>>,
}

/// Losses, accuracies and times.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricsHistory {
    /// The number of iterations.
    pub iterations: u64,
    /// The number of whole epochs.
    pub epochs: u64,
    /// The loss of architecture steps, by iteration.
    pub search_loss: Series,
    /// The loss of weights steps, by iteration.
    pub train_loss: Series,
    /// The accuracy of architecture steps, by iteration.
    pub search_accuracy: Series,
    /// The accuracy of weights steps, by iteration.
    pub train_accuracy: Series,
    /// Seconds, by iteration.
    pub seconds: Series,
    /// The accuracy of the supernet, by the last iteration before it.
    pub supernet_accuracy: Series,
    /// The accuracy of the derived network, by the last iteration before it.
    pub derived_accuracy: Series,
    /// What the supernet is better by than the derived network, by the last iteration before it.
    pub gap: Series,
    /// The learning rate, by epoch.
    pub learning_rate: Series,
    /// Of an evaluation: the mean training loss, by epoch.
    pub epoch_train_loss: Series,
    /// The accuracy in training, by epoch.
    pub epoch_train_accuracy: Series,
    /// Of an evaluation: the loss on the test images, by epoch.
    pub test_loss: Series,
    /// Of an evaluation: the accuracy on the test images, by epoch.
    pub test_accuracy: Series,
    /// Seconds, validation or test included, by epoch.
    pub epoch_seconds: Series,
    /// Seconds of all iterations that belong to whole epochs, and of these epochs.
    pub totals: (f64, f64),
}

impl MetricsHistory {
    fn read(run: &Path) -> (Self, Vec<String>) {
        let mut metrics = Self::default();
        let mut last = 0;
        let mut within_epoch = 0.0;
        let missing = each_line(&run.join(LogName::Metrics.file()), |line| {
            let Ok(line) = serde_json::from_slice::<Metrics>(line) else { return false };
            match (line.kind.as_ref(), line.iteration, line.epoch) {
                ("iteration", Some(iteration), _) => {
                    last = iteration;
                    metrics.iterations += 1;
                    within_epoch += line.seconds.map_or(0.0, |seconds| seconds.0);
                    metrics.search_loss.maybe(iteration, line.search_loss);
                    metrics.train_loss.maybe(iteration, line.train_loss);
                    metrics.search_accuracy.maybe(iteration, line.search_accuracy);
                    metrics.train_accuracy.maybe(iteration, line.train_accuracy);
                    metrics.seconds.maybe(iteration, line.seconds);
                }
                ("validation", Some(iteration), _) => metrics.validation(iteration, &line),
                ("epoch", _, Some(epoch)) => {
                    metrics.epochs += 1;
                    metrics.validation(last, &line);
                    metrics.learning_rate.maybe(epoch, line.learning_rate);
                    metrics.epoch_train_loss.maybe(epoch, line.train_loss);
                    metrics.epoch_train_accuracy.maybe(epoch, line.train_accuracy);
                    metrics.test_loss.maybe(epoch, line.test_loss);
                    metrics.test_accuracy.maybe(epoch, line.test_accuracy);
                    metrics.epoch_seconds.maybe(epoch, line.seconds);
                    metrics.totals.0 += within_epoch;
                    metrics.totals.1 += line.seconds.map_or(0.0, |seconds| seconds.0);
                    within_epoch = 0.0;
                }
                _ => return false,
            }
            true
        });
        (metrics, missing)
    }

    fn validation(&mut self, iteration: u64, line: &Metrics) {
        self.supernet_accuracy.maybe(iteration, line.supernet_accuracy);
        self.derived_accuracy.maybe(iteration, line.derived_accuracy);
        if let (Some(Number(supernet)), Some(Number(derived))) = (line.supernet_accuracy, line.derived_accuracy) {
            self.gap.push(iteration as f64, supernet - derived);
        }
    }
}

#[derive(Deserialize)]
struct DerivedLine {
    epoch: u64,
    iteration: u64,
    genotype: Ordered<GenotypeCell>,
    derived_accuracy: Number,
}

impl History {
    /// What a run directory says before any of its logs: spec, sessions, edges, how it ended.
    ///
    /// # Errors
    /// Where the folder holds neither a spec nor a log.
    pub fn describe(path: &Path) -> Result<Self> {
        let files = [directory::SPEC, LogName::Metrics.file(), LogName::Alpha.file(), Session::FILE];
        if !files.iter().any(|file| path.join(file).is_file()) {
            return Err(Error::new(format!("{} is no run directory", path.display()))
                .at(Place::file(path))
                .expected("a folder with `spec.yaml` and `metrics.jsonl`")
                .found(if path.is_dir() { "a folder without them" } else { "no folder" })
                .help("`edas search` makes run directories: runs/<spec name>-<seed>"));
        }
        let mut missing = Vec::new();
        let (spec, spec_text) = read_spec(path, &mut missing);
        let is_search = spec.as_ref().map_or(!path.join(EvaluationResult::FILE).is_file(), Spec::is_search);
        let (sessions, faults) = read_sessions(path);
        missing.extend(faults);
        let space = spec.clone().filter(|_| is_search).and_then(|mut spec| {
            let space = setup::space(&mut spec, &mut Inputs::default());
            space.map_err(|e| missing.push(format!("the space cannot be read, so its edges have numbers: {e}"))).ok()
        });
        let space = space.map(|(_, space)| space);
        let name = path.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        Ok(Self {
            name: name.unwrap_or_else(|| path.display().to_string()),
            path: path.to_owned(),
            spec,
            spec_text,
            sessions,
            state: state(path, is_search),
            edges: space.as_ref().map_or_else(Vec::new, |space| edges::of_space(&SpaceView::new(space, &[]))),
            metrics: MetricsHistory::default(),
            draws: Draws::default(),
            alpha: is_search.then(AlphaHistory::default),
            derived: Sampled::new(GENOTYPES),
            derived_changed: 0,
            template: space.map(|space| template(&space)),
            genotype: None,
            evaluation: None,
            profile: profile(path),
            missing,
        })
    }

    /// Reads a run directory. What is damaged or not there is left out and named in `missing`.
    ///
    /// # Errors
    /// Where the folder holds neither a spec nor a log.
    pub fn read(path: &Path) -> Result<Self> {
        let mut history = Self::describe(path)?;
        let is_search = history.is_search();
        let mut drawn_edges = history.edges.clone();
        // The largest logs, side by side.
        let ((metrics, faults), (draws, faults_of_draws)) = std::thread::scope(|scope| {
            let draws = is_search.then(|| scope.spawn(|| Draws::read(path, &mut drawn_edges)));
            (MetricsHistory::read(path), draws.and_then(|draws| draws.join().ok()).unwrap_or_default())
        });
        (history.metrics, history.draws) = (metrics, draws);
        history.missing.extend(faults.into_iter().chain(faults_of_draws));
        if is_search {
            let (alpha, faults) = AlphaHistory::read(path, &mut history.edges);
            history.missing.extend(faults);
            history.alpha = Some(alpha);
            history.read_derived();
        }
        if history.edges.is_empty() {
            history.edges = drawn_edges;
        }
        history.read_result(is_search);
        Ok(history)
    }

    /// Reads several run directories, each once. Runs whose directories have one name get as much of their paths as tells them apart.
    ///
    /// # Errors
    /// Where one of them is no run directory.
    pub fn read_all(paths: &[PathBuf]) -> Result<Vec<Self>> {
        let place = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        let mut places: Vec<PathBuf> = Vec::new();
        let mut runs = Vec::new();
        for path in paths {
            if !places.contains(&place(path)) {
                places.push(place(path));
                runs.push(Self::read(path)?);
            }
        }
        let name = |place: &PathBuf, parts: usize| {
            let all: Vec<_> = place.iter().collect();
            all[all.len().saturating_sub(parts)..].iter().collect::<PathBuf>().display().to_string()
        };
        for (at, run) in runs.iter_mut().enumerate() {
            let is_shared = |parts: usize| {
                let own = name(&places[at], parts);
                places.iter().enumerate().any(|(other, place)| other != at && name(place, parts) == own)
            };
            let parts = (1..places[at].iter().count()).find(|parts| !is_shared(*parts));
            if let Some(parts @ 2..) = parts {
                run.name = name(&places[at], parts);
            }
        }
        Ok(runs)
    }

    fn read_derived(&mut self) {
        let mut before: Option<Arc<Ordered<GenotypeCell>>> = None;
        let (derived, changed) = (&mut self.derived, &mut self.derived_changed);
        let faults = each_line(&self.path.join(LogName::Genotypes.file()), |line| {
            let Ok(line) = serde_json::from_slice::<DerivedLine>(line) else { return false };
            let same = before.take().filter(|cells| **cells == line.genotype);
            *changed += u64::from(same.is_none() && derived.count() > 0);
            let cells = same.unwrap_or_else(|| Arc::new(line.genotype));
            before = Some(cells.clone());
            let DerivedLine { epoch, iteration, derived_accuracy: Number(accuracy), .. } = line;
            derived.push(Derived { epoch, iteration, accuracy, cells });
            true
        });
        self.missing.extend(faults);
    }

    fn read_result(&mut self, is_search: bool) {
        let file = self.path.join(if is_search { "genotype.json" } else { "inputs/genotype.json" });
        if file.is_file() {
            match Genotype::read(&file) {
                Ok(genotype) => self.genotype = Some(genotype),
                Err(e) => self.missing.push(format!("the genotype cannot be read: {e}")),
            }
        } else if !is_search {
            self.missing.push("there is no inputs/genotype.json".to_owned());
        }
        if !is_search && self.path.join(EvaluationResult::FILE).is_file() {
            match EvaluationResult::read(&self.path) {
                Ok(result) => self.evaluation = Some(result),
                Err(e) => self.missing.push(format!("the result cannot be read: {e}")),
            }
        }
        let template =
            self.genotype.as_ref().map(|genotype| Genotype { cells: Ordered(Vec::new()), ..genotype.clone() });
        self.template = self.template.take().or(template);
    }

    /// Whether it is the run of a search, not of an evaluation.
    pub fn is_search(&self) -> bool {
        self.alpha.is_some()
    }

    /// Cell types as a whole genotype, where the space is known.
    pub fn genotype_of(&self, cells: &Ordered<GenotypeCell>) -> Option<Genotype> {
        let template = self.template.as_ref()?;
        Some(Genotype { cells: cells.clone(), ..template.clone() })
    }

    /// What the run has come to, so far: its result, or what was derived last.
    pub fn newest(&self) -> Option<Genotype> {
        self.genotype.clone().or_else(|| self.genotype_of(&self.derived.last()?.cells))
    }

    /// How long its epochs took, in seconds.
    pub fn seconds(&self) -> f64 {
        self.metrics.totals.1
    }
}

/// A genotype of a space without any edge, but with all that its edges may become.
fn template(space: &Space) -> Genotype {
    let mut genotype = Genotype::new(space, &vec![None; space.edge_count()]);
    for candidate in space.edges().flat_map(|(_, edge)| &edge.candidates) {
        genotype.candidates.insert(candidate.name.clone(), json!(CandidateSource::of(candidate)));
    }
    genotype
}

fn read_spec(run: &Path, missing: &mut Vec<String>) -> (Option<Spec>, String) {
    let file = run.join(directory::SPEC);
    let text = match fs::read(&file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) => {
            missing.push(format!("spec.yaml cannot be read: {e}"));
            return (None, String::new());
        }
    };
    if !directory::is_sealed(&text) {
        missing.push("spec.yaml is not whole, or was changed since the run wrote it".to_owned());
    }
    match Spec::load(&file, &[]) {
        Ok(spec) => (Some(spec), text),
        Err(e) => {
            missing.push(format!("spec.yaml cannot be used: {e}"));
            (None, text)
        }
    }
}

fn read_sessions(run: &Path) -> (Vec<Session>, Vec<String>) {
    let mut sessions = Vec::new();
    let missing = each_line(&run.join(Session::FILE), |line| {
        serde_json::from_slice(line).map(|session| sessions.push(session)).is_ok()
    });
    (sessions, missing)
}

/// How a run has ended, so far.
pub fn state(run: &Path, is_search: bool) -> State {
    let result = if is_search { "genotype.json" } else { EvaluationResult::FILE };
    if run.join(result).is_file() {
        return State::Finished;
    }
    match fs::read(run.join(directory::FAILURE)) {
        Ok(text) => State::Failed(String::from_utf8_lossy(&text).trim().to_owned()),
        Err(_) => State::Unfinished,
    }
}

/// Seconds per iteration of what an iteration consists of, the longest first.
fn profile(run: &Path) -> Vec<(String, f64)> {
    let Some(profile) = fs::read(run.join("profile.json")).ok().and_then(|b| serde_json::from_slice::<Value>(&b).ok())
    else {
        return Vec::new();
    };
    let events = || profile["traceEvents"].as_array().into_iter().flatten();
    let of = |kind: &'static str| events().filter(move |event| event["cat"] == kind);
    let seconds = |event: &Value| event["dur"].as_f64().unwrap_or(0.0) / 1e6;
    let iterations = of("").count().max(1) as f64;
    let mut parts: Vec<(String, f64)> = Vec::new();
    for event in of("iteration") {
        let name = event["name"].as_str().unwrap_or_default();
        match parts.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += seconds(event) / iterations,
            None => parts.push((name.to_owned(), seconds(event) / iterations)),
        }
    }
    let rest = of("").map(seconds).sum::<f64>() / iterations - parts.iter().map(|part| part.1).sum::<f64>();
    if !parts.is_empty() {
        parts.push(("everything else".to_owned(), rest.max(0.0)));
    }
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    parts
}
