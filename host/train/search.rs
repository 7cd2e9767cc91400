//! The search, top to bottom.
//!
//! An iteration asks the policy for its steps, runs each on the batch of its split, and lets the policy hear what
//! came of them. An epoch ends with a validation: the supernet's accuracy, and that of the network which α
//! derives to, with the supernet's weights.

use super::estimate;
use super::interruption::Interruption;
use super::optimizer::{Architecture, Sgd};
use super::outcome::{End, Outcome};
use super::progress::Progress;
use super::running::Running;
use super::setup::{Need, Setup};
use super::stage::{self, Observers, Stage, tell};
use super::step::Trainer;
use crate::data::{Augment, DataSet, Loader, LoaderSettings, Split, SplitSizes, split_sizes};
use crate::error::{Error, Place, Result};
use crate::extension::Cancellation;
use crate::policy::turn::Clock;
use crate::policy::{Policy, Resolved};
use crate::run::{Event, Snapshot};
use crate::spec::{Spec, SpecPath};
use std::path::Path;
use std::sync::Arc;

/// A search that is ready to run.
pub struct Search {
    spec: Spec,
    setup: Setup,
    data: Arc<DataSet>,
    split: Split,
    iterations: Option<u64>,
    cancellation: Cancellation,
    watched: bool,
    /// Where it goes on from.
    pub(super) from: Option<Snapshot>,
    /// Whether the script on disk takes over at once.
    pub(super) taking_over: bool,
}

impl Search {
    /// Prepares a search; whatever is wrong with its input shows here.
    ///
    /// # Errors
    /// What is wrong with the spec, or with what it names.
    pub fn from_spec(spec: Spec) -> Result<Self> {
        Self::prepare(Setup::new(spec, Need::Images, None).map_err(|e| estimate::explain(e, None))?)
    }

    /// Prepares a search with a policy of the program's own in place of the spec's.
    ///
    /// # Errors
    /// As [`Search::from_spec`].
    pub fn with_policy(spec: Spec, policy: Box<dyn Policy>) -> Result<Self> {
        Self::prepare(Setup::new(spec, Need::Images, Some(policy)).map_err(|e| estimate::explain(e, None))?)
    }

    fn prepare(setup: Setup) -> Result<Self> {
        let spec = setup.spec.clone();
        let Some(data) = setup.images.data.clone() else {
            return Err(Error::new("a search needs the images themselves"));
        };
        let limit = spec.data.limit.map(|n| n as usize);
        let holdout = spec.validation.data.holdout();
        let split = Split::new(&data.images.labels, limit, holdout, spec.data.split, spec.seed)
            .map_err(|e| e.at(spec.place("data").unwrap_or_else(|| Place::file(&spec.name))))?;
        Ok(Self {
            spec,
            setup,
            data,
            split,
            iterations: None,
            cancellation: Cancellation::default(),
            watched: false,
            from: None,
            taking_over: false,
        })
    }

    /// Ends the search after this many iterations, wherever they are in an epoch. A search of none is refused when it runs.
    pub fn limit(mut self, iterations: u64) -> Self {
        self.iterations = Some(iterations);
        self
    }

    /// Ends the search when this wish is uttered: the iteration that runs is finished, and what was found so far is measured.
    /// Plugins that work for this search hear of it at once.
    pub fn cancelled_by(mut self, cancellation: &Cancellation) -> Self {
        self.cancellation = cancellation.clone();
        self
    }

    /// Looks at the policy's script after every epoch: where it has changed, it takes over. Observers hear of it.
    ///
    /// # Errors
    /// Where the policy is no script.
    pub fn watching(mut self) -> Result<Self> {
        if self.setup.scripts.is_none() {
            return Err(Error::new("only a script can be watched")
                .at(super::plugins::place(&self.spec, "policy"))
                .expected("a policy that is a script"));
        }
        if let Some(crate::spec::Policy::Script(policy)) = &self.spec.policy
            && !policy.changes.is_empty()
        {
            return Err(Error::new("a spec that repeats a run with a changed script cannot be watched")
                .at(super::plugins::place(&self.spec, "policy.changes"))
                .expected("a policy without `changes`")
                .help("leave out `--watch` to repeat the run, or remove `changes` to start from the script"));
        }
        self.watched = true;
        Ok(self)
    }

    /// Takes the script that is looked at from the spec that was given, in a run that goes on with the scripts that it has kept.
    pub(super) fn follow(&mut self, given: &crate::spec::ScriptPolicy, watch: bool, run: &Path) -> Result<()> {
        if watch && (!given.changes.is_empty() || given.script.starts_with(SpecPath::new(run))) {
            return Err(Error::new("the script that a run has kept cannot be watched")
                .at(Place::file(&given.script))
                .help("name the spec that the run was started with"));
        }
        if let Some(scripts) = &mut self.setup.scripts {
            scripts.follow(given);
        }
        self.watched = watch;
        Ok(())
    }

    /// What was prepared.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The number of iterations in an epoch.
    pub fn iterations_per_epoch(&self) -> u64 {
        iterations_per_epoch(self.split.train.len(), self.spec.search.batch)
    }

    /// The plans of the first iterations, resolved against α as it starts. The policy's state is what it was afterwards.
    ///
    /// # Errors
    /// Where the policy fails.
    pub fn first_plans(&mut self, iterations: u64) -> Result<Vec<Resolved>> {
        let (per_epoch, epochs) = (self.iterations_per_epoch(), u64::from(self.spec.search.epochs));
        let (setup, seed) = (&mut self.setup, self.spec.seed);
        let (alpha, state) = (setup.initial_alpha(), setup.policy.state()?);
        let turns = (0..iterations.min(epochs * per_epoch)).map(|iteration| Clock::at(iteration, epochs, per_epoch));
        let plans = estimate::plans(setup.policy.as_mut(), turns, &setup.view, alpha, seed);
        setup.policy.set_state(&state)?;
        plans
    }

    /// Starts the data's background threads and puts the parts together, where the search goes on as it stood there.
    ///
    /// # Errors
    /// Where the data cannot be prepared, or what was saved is not of this search.
    pub fn start(self) -> Result<Running> {
        let (spec, mut setup) = (self.spec, self.setup);
        if let Some(scripts) = &mut setup.scripts {
            scripts.watched = self.watched;
        }
        // libtorch's number of threads is one per process: the running search decides it.
        tch::set_num_threads(i32::try_from(spec.threads).unwrap_or(i32::MAX));
        let iterations_per_epoch = iterations_per_epoch(self.split.train.len(), spec.search.batch);
        let settings = LoaderSettings {
            batch: spec.search.batch as usize,
            augment: Augment::from(&spec.data.augment),
            seed: spec.seed,
            workers: spec.data.workers as usize,
            first_iteration: self.from.as_ref().map_or(0, |snapshot| snapshot.state.iteration),
        };
        let loader = Loader::start(self.data.clone(), &self.split, settings)?;
        let architecture = Architecture::new(setup.initial_alpha(), &spec.search.architecture);
        let weights = Sgd::new(&spec.search.weights);
        let mut running = Running {
            space: setup.view,
            trainer: Trainer { network: setup.network, architecture, weights },
            policy: setup.policy,
            scripts: setup.scripts,
            data: self.data,
            split: self.split,
            loader,
            iterations_per_epoch,
            next: 0,
            whole: setup.space,
            taking_over: self.taking_over,
            progress: Progress::default(),
            spec,
        };
        if let Some(snapshot) = &self.from {
            running.restore(snapshot).map_err(|e| e.context("going on from a checkpoint"))?;
        }
        Ok(running)
    }

    /// Runs the search to its end.
    ///
    /// # Errors
    /// Where a script, a plugin, the data or an observer fails, or a loss is not finite.
    pub fn run(self, observers: Observers) -> Result<Outcome> {
        match self.run_unless(&Interruption::default(), observers)? {
            End::Finished(outcome) => Ok(*outcome),
            End::Interrupted { iteration } => Err(Error::new(format!("interrupted after {iteration} iterations"))),
        }
    }

    /// Runs the search to its end, or until it is interrupted: then the iteration that runs is finished and saved, for observers that
    /// keep checkpoints, and nothing is measured.
    ///
    /// # Errors
    /// As [`Search::run`].
    pub fn run_unless(self, interruption: &Interruption, observers: Observers) -> Result<End> {
        let cancellation = self.cancellation.clone();
        cancellation.during(|| self.run_until(&cancellation, interruption, observers))
    }

    fn run_until(self, cancellation: &Cancellation, interruption: &Interruption, observers: Observers) -> Result<End> {
        let limit = self.iterations.unwrap_or(u64::MAX);
        if limit == 0 {
            return Err(Error::new("a search of no iterations finds nothing").expected("a limit of at least 1"));
        }
        let mut search = self.start().map_err(|e| estimate::explain(e, None))?;
        let ended = stage::run(&mut search, limit, cancellation, interruption, observers);
        ended.map_err(|e| search.explain(e))?;
        if search.progress.pending || !search.is_over(limit) {
            let iteration = search.next;
            tell(observers, &Event::Interrupted(iteration))?;
            return Ok(End::Interrupted { iteration });
        }
        let ended = search.finish(observers).and_then(|()| search.outcome());
        ended.map(|outcome| End::Finished(Box::new(outcome))).map_err(|e| estimate::explain(e, None))
    }
}

/// How a spec parts so many training images.
pub fn sizes(spec: &Spec, images: usize) -> SplitSizes {
    let count = spec.data.limit.map_or(images, |limit| images.min(limit as usize));
    split_sizes(count, spec.validation.data.holdout(), spec.data.split)
}

/// ⌈images / batch⌉: the last and smaller batch is kept.
pub fn iterations_per_epoch(images: usize, batch: u32) -> u64 {
    (images as u64).div_ceil(u64::from(batch.max(1)))
}
