//! The search, top to bottom.
//!
//! An iteration asks the policy for its steps, runs each on the batch of its split, and lets the policy hear what
//! came of them. An epoch ends with a validation: the supernet's accuracy, and that of the network which α
//! derives to, with the supernet's weights.

use super::batch::TensorBatch;
use super::optimizer::{Architecture, Sgd};
use super::reload::Scripts;
use super::schedule::cosine;
use super::setup::{Need, Setup};
use super::step::{StepInput, Trainer};
use super::validate;
use crate::data::{Augment, Batch, DataSet, Loader, LoaderSettings, Plain, Split, SplitSizes, split_sizes};
use crate::error::{Error, Place, Result};
use crate::extension::Cancellation;
use crate::policy::record::trace_line;
use crate::policy::turn::Clock;
use crate::policy::{EpochEnd, Phase, Plan, Policy, Resolved, SpaceView, StepResult, Steps, Turn};
use crate::run::{EpochRecord, Event, IterationRecord, Observer, Overview, ScriptEvent, Summary, ValidationRecord};
use crate::space::derive::choices;
use crate::space::{Alpha, Genotype};
use crate::spec::{Every, Spec, ValidationData};
use std::sync::Arc;
use std::time::Instant;

/// A search that is ready to run.
pub struct Search {
    spec: Spec,
    setup: Setup,
    data: Arc<DataSet>,
    split: Split,
    iterations: Option<u64>,
    cancellation: Cancellation,
    watched: bool,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The architecture.
    pub genotype: Genotype,
    /// α at the end.
    pub alpha: Alpha,
    /// The last validation.
    pub validation: ValidationRecord,
    /// Whether the policy or a cancellation ended the search early.
    pub stopped: bool,
    /// How long it took.
    pub seconds: f64,
}

/// A search while it runs.
pub struct Running {
    /// The resolved spec.
    pub spec: Spec,
    /// The space as the policy sees it.
    pub space: Arc<SpaceView>,
    /// Network, α and optimizers.
    pub trainer: Trainer,
    policy: Box<dyn Policy>,
    scripts: Option<Scripts>,
    data: Arc<DataSet>,
    split: Split,
    loader: Loader,
    iterations_per_epoch: u64,
    next: u64,
}

type Observers<'a, 'b> = &'a mut [&'b mut dyn Observer];

fn tell(observers: Observers, event: &Event) -> Result<()> {
    observers.iter_mut().try_for_each(|observer| observer.event(event))
}

impl Search {
    /// Prepares a search; whatever is wrong with its input shows here.
    ///
    /// # Errors
    /// What is wrong with the spec, or with what it names.
    pub fn from_spec(spec: Spec) -> Result<Self> {
        Self::prepare(Setup::new(spec, Need::Images, None)?)
    }

    /// Prepares a search with a policy of the program's own in place of the spec's.
    ///
    /// # Errors
    /// As [`Search::from_spec`].
    pub fn with_policy(spec: Spec, policy: Box<dyn Policy>) -> Result<Self> {
        Self::prepare(Setup::new(spec, Need::Images, Some(policy))?)
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
        Ok(Self { spec, setup, data, split, iterations: None, cancellation: Cancellation::default(), watched: false })
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
        if let crate::spec::Policy::Script(policy) = &self.spec.policy
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
        let mut alpha = Arc::new(setup.initial_alpha());
        let state = setup.policy.state()?;
        let mut plans = Vec::new();
        let asked = (0..iterations.min(epochs * per_epoch)).try_for_each(|iteration| {
            let turn = Turn::new(Clock::at(iteration, epochs, per_epoch), &setup.view, &alpha, seed);
            let steps = setup.policy.plan(&turn)?;
            steps.check(&setup.view)?;
            for (k, (_, plan)) in steps.plans().iter().enumerate() {
                plan.set_alpha(Arc::make_mut(&mut alpha));
                plans.push(plan.resolve(&alpha, k as u64));
            }
            Ok(())
        });
        setup.policy.set_state(&state)?;
        asked.map(|()| plans)
    }

    /// Starts the data's background threads and puts the parts together.
    ///
    /// # Errors
    /// Where the data cannot be prepared.
    pub fn start(self) -> Result<Running> {
        let (spec, mut setup) = (self.spec, self.setup);
        if let Some(scripts) = &mut setup.scripts {
            scripts.watched = self.watched;
        }
        // libtorch's number of threads is one per process: the running search decides it.
        tch::set_num_threads(i32::try_from(spec.threads).unwrap_or(i32::MAX));
        let iterations_per_epoch = iterations_per_epoch(self.split.train.len(), spec.search.batch);
        let augment = Augment {
            crop: spec.data.augment.crop as usize,
            flip: spec.data.augment.flip,
            cutout: spec.data.augment.cutout as usize,
        };
        let settings = LoaderSettings {
            batch: spec.search.batch as usize,
            augment,
            seed: spec.seed,
            workers: spec.data.workers as usize,
            first_iteration: 0,
        };
        let loader = Loader::start(self.data.clone(), &self.split, settings)?;
        let architecture = Architecture::new(setup.initial_alpha(), &spec.search.architecture);
        let weights = Sgd::new(&spec.search.weights);
        Ok(Running {
            space: setup.view,
            trainer: Trainer { network: setup.network, architecture, weights },
            policy: setup.policy,
            scripts: setup.scripts,
            data: self.data,
            split: self.split,
            loader,
            iterations_per_epoch,
            next: 0,
            spec,
        })
    }

    /// Runs the search to its end.
    ///
    /// # Errors
    /// Where a script, a plugin, the data or an observer fails, or a loss is not finite.
    pub fn run(self, observers: Observers) -> Result<Outcome> {
        let cancellation = self.cancellation.clone();
        cancellation.during(|| self.run_until(&cancellation, observers))
    }

    fn run_until(self, cancellation: &Cancellation, observers: Observers) -> Result<Outcome> {
        let started = Instant::now();
        let limit = self.iterations.unwrap_or(u64::MAX);
        if limit == 0 {
            return Err(Error::new("a search of no iterations finds nothing").expected("a limit of at least 1"));
        }
        let mut search = self.start()?;
        let epochs = u64::from(search.spec.search.epochs);
        tell(
            observers,
            &Event::Started(&Overview {
                spec: &search.spec,
                space: &search.space,
                epochs,
                iterations_per_epoch: search.iterations_per_epoch,
                images: [search.split.train.len(), search.split.search.len(), search.split.holdout.len()],
            }),
        )?;
        let mut last = None;
        let mut stopped = false;
        for epoch in 0..epochs {
            let begun = Instant::now();
            let mut train = Mean::default();
            for within in 1..=search.iterations_per_epoch {
                let (record, learning) = search.iteration(observers)?;
                train.add(record.train_accuracy);
                tell(observers, &Event::Iteration(&record, &learning))?;
                let at_end = within == search.iterations_per_epoch;
                let due = match search.spec.validation.every {
                    Every::Epoch => false,
                    Every::Iterations(n) => (record.iteration + 1).is_multiple_of(n),
                };
                stopped = cancellation.requested();
                let over = stopped || record.iteration + 1 >= limit;
                if at_end || due || over {
                    last = Some(search.validation(observers, !at_end)?);
                }
                if over {
                    break;
                }
            }
            let Some((validation, _)) = &last else { break };
            if search.at_end_of_epoch() {
                let alpha = search.trainer.architecture.alpha.clone();
                let record = EpochRecord {
                    epoch,
                    train_accuracy: train.value(),
                    supernet_accuracy: validation.supernet_accuracy,
                    derived_accuracy: validation.derived_accuracy,
                    learning_rate: search.rate(epoch),
                    seconds: begun.elapsed().as_secs_f64(),
                };
                tell(observers, &Event::Epoch(&record, &alpha))?;
                let over = stopped || search.next >= limit;
                stopped |= search.hear_end_of_epoch(validation.derived_accuracy, over, observers)?;
                search.watch(observers)?;
            }
            if stopped || search.next >= limit {
                break;
            }
        }
        let Some((validation, genotype)) = last else {
            return Err(Error::new("the search has no iteration"));
        };
        let seconds = started.elapsed().as_secs_f64();
        let alpha = search.trainer.architecture.alpha.clone();
        let parameters = &search.trainer.network.parameters;
        let summary = Summary { genotype: &genotype, alpha: &alpha, parameters, validation, stopped, seconds };
        tell(observers, &Event::Finished(&summary))?;
        Ok(Outcome { genotype, alpha, validation, stopped, seconds })
    }
}

impl Running {
    /// The learning rate of the weights in an epoch.
    fn rate(&self, epoch: u64) -> f64 {
        let settings = &self.spec.search.weights;
        let epochs = u64::from(self.spec.search.epochs);
        cosine(epoch, epochs, settings.learning_rate, settings.minimum_learning_rate)
    }

    fn clock(&self, iteration: u64) -> Clock {
        Clock::at(iteration, u64::from(self.spec.search.epochs), self.iterations_per_epoch)
    }

    /// One iteration: the policy's steps, each under its plan. Returns the record, and the edges whose gate had a softmax
    /// in the last step with any.
    ///
    /// # Errors
    /// As [`Search::run`].
    pub fn iteration(&mut self, observers: Observers) -> Result<(IterationRecord, Vec<usize>)> {
        let begun = Instant::now();
        let clock = self.clock(self.next);
        let during = |e: Error| e.context(format!("iteration {} of epoch {}", clock.iteration, clock.epoch));
        let (train, search) = self.loader.next().map_err(during)?;
        let (train, search) = (self.batch(&train)?, self.batch(&search)?);
        if let Some(scripts) = &mut self.scripts {
            let change = scripts.planned(clock.iteration, &mut self.policy, &self.space).map_err(during)?;
            if let Some(change) = change {
                tell(observers, &Event::Script(&ScriptEvent::Planned(change)))?;
            }
        }
        let alpha = Arc::new(self.trainer.architecture.alpha.clone());
        let turn = Turn::new(clock, &self.space, &alpha, self.spec.seed);
        let steps = self.policy.plan(&turn).map_err(during)?;
        steps.check(&self.space).map_err(during)?;
        let rate = self.rate(clock.epoch);
        let mut record =
            IterationRecord { iteration: clock.iteration, epoch: clock.epoch, ..IterationRecord::default() };
        let mut results: Vec<StepResult> = Vec::new();
        let mut learning: Vec<usize> = Vec::new();
        let mut run = |this: &mut Self, phase: Phase, plan: &Resolved| {
            let (iteration, step) = (clock.iteration, results.len() as u64);
            let input = StepInput { search: &search, train: &train, rate, iteration, step };
            let result = this.trainer.step(phase, plan, &input).map_err(|e| {
                let edges: Vec<String> = plan.learning().map(|i| i.to_string()).collect();
                let edges = if edges.is_empty() { "none".to_owned() } else { edges.join(", ") };
                during(e.context(format!("the {} phase, edges with a softmax: {edges}", phase.name())))
            })?;
            match phase {
                Phase::Architecture => {
                    (record.search_loss, record.search_accuracy) = (Some(result.loss), Some(result.accuracy));
                }
                Phase::Weights => {
                    (record.train_loss, record.train_accuracy) = (Some(result.loss), Some(result.accuracy));
                }
                Phase::Measure => {}
            }
            if plan.learning().next().is_some() {
                learning = plan.learning().collect();
            }
            results.push(result);
            Ok::<(), Error>(())
        };
        match &steps {
            Steps::Both(plan) => {
                // Resolved once: both phases run the same candidates, though the first moves α.
                let plan = self.resolve(plan, 0);
                let line = trace_line(clock.iteration, clock.epoch, None, &plan, &self.space);
                tell(observers, &Event::Step(&line))?;
                for phase in [Phase::Architecture, Phase::Weights] {
                    run(self, phase, &plan)?;
                }
            }
            Steps::List(list) => {
                for (k, step) in list.iter().enumerate() {
                    let plan = self.resolve(&step.plan, k as u64);
                    let line = trace_line(clock.iteration, clock.epoch, Some(step.phase), &plan, &self.space);
                    tell(observers, &Event::Step(&line))?;
                    run(self, step.phase, &plan)?;
                }
            }
        }
        self.policy.feedback(&turn, &results).map_err(during)?;
        self.next += 1;
        record.seconds = begun.elapsed().as_secs_f64();
        Ok((record, learning))
    }

    /// A plan resolved against α, in which the rows that it sets stand from here on.
    fn resolve(&mut self, plan: &Plan, step: u64) -> Resolved {
        plan.set_alpha(&mut self.trainer.architecture.alpha);
        plan.resolve(&self.trainer.architecture.alpha, step)
    }

    /// Whether the last iteration was the last of its epoch.
    pub fn at_end_of_epoch(&self) -> bool {
        self.next > 0 && self.next.is_multiple_of(self.iterations_per_epoch)
    }

    /// Ends an epoch as [`Search::run`] does, for who runs the search iteration by iteration: validates, and lets the policy
    /// hear of it. Returns whether the policy ends the search.
    ///
    /// # Errors
    /// As [`Search::run`].
    pub fn end_epoch(&mut self, observers: Observers) -> Result<bool> {
        let (validation, _) = self.validation(observers, false)?;
        self.hear_end_of_epoch(validation.derived_accuracy, false, observers)
    }

    fn hear_end_of_epoch(&mut self, derived_accuracy: f64, over: bool, observers: Observers) -> Result<bool> {
        let end = EpochEnd {
            index: self.clock(self.next - 1).epoch,
            derived_accuracy: Some(derived_accuracy),
            alpha: Arc::new(self.trainer.architecture.alpha.clone()),
            space: self.space.clone(),
        };
        let named = |e: Error| e.context(format!("the end of epoch {}", end.index));
        let after = self.policy.end_epoch(&end).map_err(named)?;
        after.check(&self.space).map_err(named)?;
        // After the last iteration nothing would run any more: what was found stays as it was measured.
        if over || after.stop || self.next >= self.iterations_per_epoch * u64::from(self.spec.search.epochs) {
            return Ok(after.stop);
        }
        if !after.keep.is_empty() {
            self.trainer.keep(&after.keep);
            let network = &self.trainer.network;
            self.space = Arc::new(SpaceView::new(&network.space, &network.candidate_costs()));
            tell(observers, &Event::Kept(&self.space))?;
        }
        if after.reset_weights {
            self.trainer.reset_weights().map_err(named)?;
        }
        Ok(after.stop)
    }

    /// Lets a watched script that has changed take over, where there is an iteration left.
    fn watch(&mut self, observers: Observers) -> Result<()> {
        let Some(scripts) = &mut self.scripts else { return Ok(()) };
        if self.next >= self.iterations_per_epoch * u64::from(self.spec.search.epochs) {
            return Ok(());
        }
        let clock = Clock::at(self.next, u64::from(self.spec.search.epochs), self.iterations_per_epoch);
        let alpha = Arc::new(self.trainer.architecture.alpha.clone());
        let turn = Turn::for_validation(clock, &self.space, &alpha, self.spec.seed);
        let event = match scripts.watch(&turn, &mut self.policy) {
            Ok(None) => return Ok(()),
            Ok(Some(change)) => ScriptEvent::Changed(change),
            Err(error) => ScriptEvent::Refused(error),
        };
        tell(observers, &Event::Script(&event))
    }

    fn batch(&self, batch: &Batch) -> Result<TensorBatch> {
        let settings = &self.trainer.network.settings;
        TensorBatch::new(batch, settings.image, settings.kind, settings.device)
    }

    /// Measures supernet and derived network. The policy is asked for its next plan on a copy of its state and with random
    /// numbers of their own.
    fn validation(&mut self, observers: Observers, within: bool) -> Result<(ValidationRecord, Genotype)> {
        let clock = self.clock(self.next - 1);
        let alpha = Arc::new(self.trainer.architecture.alpha.clone());
        // After the last iteration there is no next one: a script must not see an epoch that does not exist.
        let last = self.iterations_per_epoch * u64::from(self.spec.search.epochs) - 1;
        let next = self.clock(self.next.min(last));
        let turn = Turn::for_validation(next, &self.space, &alpha, self.spec.seed);
        let state = self.policy.state()?;
        let steps = self.policy.plan(&turn).map_err(|e| e.context("validating the supernet".to_owned()))?;
        self.policy.set_state(&state)?;
        steps.check(&self.space)?;
        let derived = self.policy.derive(&self.space, &alpha).map_err(|e| e.context("deriving".to_owned()))?;
        let plan = validate::supernet_plan(&steps);
        let mut alpha_then = Alpha::clone(&alpha);
        plan.set_alpha(&mut alpha_then);
        let supernet = plan.resolve(&alpha_then, 0).without_gradient();
        let network = &self.trainer.network;
        let choices = derived.unwrap_or_else(|| choices(&network.space, &alpha, self.spec.derive.rule));
        let genotype = Genotype::new(&network.space, &choices);
        let record = ValidationRecord {
            iteration: clock.iteration,
            epoch: clock.epoch,
            supernet_accuracy: self.accuracy(&supernet)?,
            derived_accuracy: self.accuracy(&Resolved::of_choices(&choices))?,
        };
        tell(observers, &Event::Validation { record: &record, genotype: &genotype, within })?;
        Ok((record, genotype))
    }

    /// The images that measure, by their numbers in the data set.
    pub fn validation_images(&self) -> &[usize] {
        match self.spec.validation.data {
            ValidationData::Search => &self.split.search,
            ValidationData::Holdout(_) => &self.split.holdout,
        }
    }

    /// The accuracy on the validation images under a plan.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn accuracy(&self, plan: &Resolved) -> Result<f64> {
        self.accuracy_on(plan, self.validation_images())
    }

    fn accuracy_on(&self, plan: &Resolved, images: &[usize]) -> Result<f64> {
        let batch = self.spec.search.batch as usize;
        let plain = |list| Plain::new(&self.data, list, batch).map(|b| self.batch(&b));
        let batch_norm = self.spec.validation.batch_norm;
        validate::accuracy(&self.trainer, plan, batch_norm, plain(images), plain(&self.split.train))
    }

    /// How long one network takes over all validation images, in seconds, from one batch of them.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn time_of_validation(&self) -> Result<f64> {
        let alpha = &self.trainer.architecture.alpha;
        let plan = crate::policy::Plan::strongest(alpha.len()).resolve(alpha, 0);
        let images = self.validation_images();
        let few = &images[..images.len().min(self.spec.search.batch as usize)];
        let begun = Instant::now();
        self.accuracy_on(&plan, few)?;
        Ok(begun.elapsed().as_secs_f64() * images.len() as f64 / few.len().max(1) as f64)
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

/// A mean over what was there.
#[derive(Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}
