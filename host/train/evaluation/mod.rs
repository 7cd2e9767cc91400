//! Evaluation: a derived network, trained from scratch and tested.
//!
//! The genotype's network is built in its final form, all training images train it, and after each epoch it is tested on the test images
//! with the running statistics of batch norm. The last epoch is the result; the best one is kept besides, and named as what it is: it
//! was selected on the test images. (`cnn/train.py` in quark0/darts.)
//!
//! - [`cost`]: the size of a derived network
//! - [`setup`]: from a spec and a genotype to network and data
//! - [`training`]: the training itself, iteration by iteration
//! - [`mod@test`]: the network on the test images
//! - `snapshot`: an evaluation as plain data, and back

pub mod cost;
pub mod setup;
mod snapshot;
pub mod test;
pub mod training;

pub use cost::Cost;
pub use setup::Setup;
pub use training::Training;

use super::estimate;
use super::interruption::Interruption;
use super::resume::{Resume, Resumed};
use super::stage::{self, Observers, Stage, tell};
use crate::data::{Augment, Loader, LoaderSettings, Split};
use crate::error::{Error, Place, Result};
use crate::extension::Cancellation;
use crate::run::{Contents, EvaluationResult, Event, Found, Machine, RunDirectory, Snapshot};
use crate::space::Genotype;
use crate::spec::Spec;
use std::path::Path;

/// How an evaluation ended.
#[derive(Debug, Clone)]
pub enum EvaluationEnd {
    /// It came to its end.
    Finished(Box<EvaluationResult>),
    /// It was interrupted.
    Interrupted {
        /// The number of iterations that are over.
        iteration: u64,
    },
}

/// An evaluation that is ready to run.
pub struct Evaluation {
    setup: Setup,
    split: Split,
    /// Where it goes on from.
    from: Option<Snapshot>,
}

impl Evaluation {
    /// Prepares the evaluation that a spec describes, of this genotype, or of the one that it names; whatever is wrong with its input
    /// shows here.
    ///
    /// # Errors
    /// What is wrong with the spec, or with what it names.
    pub fn from_spec(spec: Spec, genotype: Option<Genotype>) -> Result<Self> {
        Self::prepare(spec, genotype).map_err(|e| estimate::explain(e, None))
    }

    fn prepare(spec: Spec, genotype: Option<Genotype>) -> Result<Self> {
        let setup = Setup::new(spec, genotype)?;
        let spec = &setup.spec;
        let limit = spec.data.limit.map(|n| n as usize);
        let split = Split::whole(&setup.train.images.labels, limit, spec.seed)
            .map_err(|e| e.at(spec.place("data").unwrap_or_else(|| Place::file(&spec.name))))?;
        Ok(Self { setup, split, from: None })
    }

    /// What was prepared.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Takes up the evaluation in a directory. Where there is none, or nothing had begun in it, it becomes that of a new one. `None`
    /// where it has come to its end.
    ///
    /// # Errors
    /// Where another process has the run, where something changed that alters it and is not accepted, where none of its checkpoints
    /// can be used; and as [`Evaluation::from_spec`].
    pub fn resume(
        spec: Spec,
        genotype: Option<Genotype>,
        directory: &Path,
        how: Resume,
    ) -> Result<Option<Resumed<Self>>> {
        if directory.symlink_metadata().is_err() {
            let make = |contents: &Contents| RunDirectory::create(directory, contents);
            return Self::begin(spec, genotype, make).map(Some);
        }
        let run = match crate::run::Unfinished::open(directory)? {
            Found::Run(run) => run,
            Found::Nothing(vacant) => return Self::begin(spec, genotype, |contents| vacant.begin(contents)).map(Some),
        };
        if run.spec.is_search() {
            return Err(Error::new("this is the run of a search")
                .at(Place::file(directory))
                .expected("the run of an evaluation")
                .help(format!("`edas search {} --resume` goes on with it", directory.display())));
        }
        let mut evaluation = Self::from_spec(spec, genotype)?;
        let contents = evaluation.setup.contents();
        let changes = contents.differences(&run.spec, &run.hashes)?;
        if !changes.is_empty() && !how.accept_changes {
            return Err(run.refusal(&changes));
        }
        if run.is_finished() && changes.is_empty() {
            return Ok(None);
        }
        let (checkpoint, passed_over) = run.newest()?;
        let here = Machine::here(&contents.spec);
        let moved = run.sessions.last().map(|last| last.machine.differences(&here)).unwrap_or_default();
        let path = checkpoint.as_ref().map(|c| c.path.clone());
        let iteration = checkpoint.as_ref().map_or(0, |c| c.manifest.state.iteration);
        evaluation.from = match &checkpoint {
            Some(checkpoint) => {
                let snapshot = checkpoint.clone().into_snapshot();
                // Before anything of the run is touched.
                snapshot::can_go_on_from(&evaluation.setup, &evaluation.split, &snapshot)?;
                Some(snapshot)
            }
            None => None,
        };
        let directory = run.resume(&contents, &changes, checkpoint.as_ref())?;
        Ok(Some(Resumed { stage: evaluation, directory, iteration, checkpoint: path, passed_over, changes, moved }))
    }

    /// An evaluation of which there is nothing yet; `make` makes its directory.
    ///
    /// # Errors
    /// As [`Evaluation::from_spec`], and those of `make`.
    pub fn begin(
        spec: Spec,
        genotype: Option<Genotype>,
        make: impl FnOnce(&Contents) -> Result<RunDirectory>,
    ) -> Result<Resumed<Self>> {
        let evaluation = Self::from_spec(spec, genotype)?;
        let directory = make(&evaluation.setup.contents())?;
        Ok(Resumed::new(evaluation, directory))
    }

    /// Goes on from a snapshot.
    pub(super) fn going_on_from(mut self, snapshot: Option<Snapshot>) -> Self {
        self.from = snapshot;
        self
    }

    /// Starts the data's background threads and puts the parts together, where the evaluation goes on as it stood there.
    ///
    /// # Errors
    /// Where the data cannot be prepared, or what was saved is not of this evaluation.
    pub fn start(self) -> Result<Training> {
        let Self { setup, split, from } = self;
        // libtorch's number of threads is one per process: what runs decides it.
        tch::set_num_threads(i32::try_from(setup.spec.threads).unwrap_or(i32::MAX));
        let augment = setup.evaluate().augment.as_ref().unwrap_or(&setup.spec.data.augment);
        let settings = LoaderSettings {
            batch: setup.evaluate().batch as usize,
            augment: Augment::from(augment),
            seed: setup.spec.seed,
            workers: setup.spec.data.workers as usize,
            first_iteration: from.as_ref().map_or(0, |snapshot| snapshot.state.iteration),
        };
        let loader = Loader::start(setup.train.clone(), &split, settings)?;
        let mut training = Training::new(setup, split, loader);
        if let Some(snapshot) = &from {
            training.restore(snapshot).map_err(|e| e.context("going on from a checkpoint"))?;
        }
        Ok(training)
    }

    /// Runs the evaluation to its end, or until it is interrupted: then the iteration that runs is finished and saved, for observers that
    /// keep checkpoints, and nothing is tested.
    ///
    /// # Errors
    /// Where a plugin, the data or an observer fails, or a loss is not finite.
    pub fn run_unless(self, interruption: &Interruption, observers: Observers) -> Result<EvaluationEnd> {
        let explain = |e| estimate::explain(e, None);
        let mut training = self.start().map_err(explain)?;
        let cancellation = Cancellation::default();
        stage::run(&mut training, u64::MAX, &cancellation, interruption, observers).map_err(explain)?;
        if training.is_pending() || !training.is_over(u64::MAX) {
            let iteration = training.next();
            tell(observers, &Event::Interrupted(iteration))?;
            return Ok(EvaluationEnd::Interrupted { iteration });
        }
        training.finish(observers).map_err(explain)?;
        training.result().map(|result| EvaluationEnd::Finished(Box::new(result))).map_err(explain)
    }

    /// Runs the evaluation to its end.
    ///
    /// # Errors
    /// As [`Evaluation::run_unless`].
    pub fn run(self, observers: Observers) -> Result<EvaluationResult> {
        match self.run_unless(&Interruption::default(), observers)? {
            EvaluationEnd::Finished(result) => Ok(*result),
            EvaluationEnd::Interrupted { iteration } => {
                Err(Error::new(format!("interrupted after {iteration} iterations")))
            }
        }
    }
}
