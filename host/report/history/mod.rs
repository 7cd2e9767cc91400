//! What a run directory says, read for those who want to see it: whole or cut off, of a run that is over or still goes on.
//!
//! - [`series`]: numbers, thinned while they come
//! - [`alpha`]: α over the epochs
//! - [`draws`]: what was drawn
//! - [`edges`]: the edges by name
//! - [`metrics`]: losses, accuracies and times
//! - `files`: what the directory holds besides its logs
//! - `lines`: the lines of the logs

pub mod alpha;
pub mod draws;
pub mod edges;
mod files;
mod lines;
pub mod metrics;
pub mod series;

pub use alpha::AlphaHistory;
pub use draws::{Draws, EdgeDraws};
pub use edges::EdgeName;
pub use files::state;
pub use metrics::MetricsHistory;
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
use files::{profile, read_sessions, read_spec};
use lines::{Number, each_line};
use serde::Deserialize;
use serde_json::json;
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
