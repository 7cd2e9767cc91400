//! A search while it runs: iterations, the end of an epoch, validation.

use super::batch::TensorBatch;
use super::outcome::Outcome;
use super::part::part;
use super::progress::{Progress, Time};
use super::reload::Scripts;
use super::schedule::cosine;
use super::stage::{Observers, Stage, tell};
use super::step::{StepInput, Trainer};
use super::validate;
use crate::data::{Batch, DataSet, Loader, Plain, Split};
use crate::error::{Error, Result};
use crate::policy::record::trace_line;
use crate::policy::turn::Clock;
use crate::policy::{EpochEnd, Phase, Plan, Policy, Resolved, SpaceView, StepResult, Steps, Turn};
use crate::run::checkpoint::Mean;
use crate::run::{EpochRecord, Event, IterationRecord, Overview, ScriptEvent, Snapshot, Summary, ValidationRecord};
use crate::space::collapse::collapsed;
use crate::space::derive::choices;
use crate::space::{Alpha, Genotype, Space};
use crate::spec::{Every, Spec, ValidationData};
use std::sync::Arc;
use std::time::Instant;

/// A search while it runs.
pub struct Running {
    /// The resolved spec.
    pub spec: Spec,
    /// The space as the policy sees it.
    pub space: Arc<SpaceView>,
    /// Network, α and optimizers.
    pub trainer: Trainer,
    pub(super) policy: Box<dyn Policy>,
    pub(super) scripts: Option<Scripts>,
    pub(super) data: Arc<DataSet>,
    pub(super) split: Split,
    pub(super) loader: Loader,
    pub(super) iterations_per_epoch: u64,
    pub(super) next: u64,
    /// The space with all candidates.
    pub(super) whole: Arc<Space>,
    /// Whether the script on disk takes over before the next iteration.
    pub(super) taking_over: bool,
    pub(super) progress: Progress,
}

impl Running {
    /// The learning rate of the weights in an epoch.
    pub(super) fn rate(&self, epoch: u64) -> f64 {
        let settings = &self.spec.search.weights;
        let epochs = u64::from(self.spec.search.epochs);
        cosine(epoch, epochs, settings.learning_rate, settings.minimum_learning_rate)
    }

    /// The number of iterations of the whole search.
    pub(super) fn iterations(&self) -> u64 {
        self.iterations_per_epoch * u64::from(self.spec.search.epochs)
    }

    fn clock(&self, iteration: u64) -> Clock {
        Clock::at(iteration, u64::from(self.spec.search.epochs), self.iterations_per_epoch)
    }

    /// What a search that is at its end has found.
    pub(super) fn outcome(self) -> Result<Outcome> {
        let Some((validation, genotype)) = self.progress.validation else { return Err(no_iteration()) };
        let (stopped, seconds) = (self.progress.stopped, self.progress.time.seconds());
        let space = &self.trainer.network.space;
        let collapsed = collapsed(space, &genotype.choices(space)?);
        Ok(Outcome { genotype, alpha: self.trainer.architecture.alpha, validation, collapsed, stopped, seconds })
    }

    /// One iteration: the policy's steps, each under its plan. Returns the record, and the edges whose gate had a softmax
    /// in the last step with any.
    ///
    /// # Errors
    /// As [`Search::run`](super::Search::run).
    pub fn iteration(&mut self, observers: Observers) -> Result<(IterationRecord, Vec<usize>)> {
        let begun = Instant::now();
        let _span = part("iteration");
        let clock = self.clock(self.next);
        let during = |e: Error| e.context(format!("iteration {} of epoch {}", clock.iteration, clock.epoch));
        let (train, search) = {
            let _span = part("data");
            let (train, search) = self.loader.next().map_err(during)?;
            (self.batch(&train)?, self.batch(&search)?)
        };
        if let Some(scripts) = &mut self.scripts {
            let change = scripts.planned(clock.iteration, &mut self.policy, &self.space).map_err(during)?;
            if let Some(change) = change {
                tell(observers, &Event::Script(&ScriptEvent::Planned(change)))?;
            }
        }
        let alpha = Arc::new(self.trainer.architecture.alpha.clone());
        let turn = Turn::new(clock, &self.space, &alpha, self.spec.seed);
        let steps = {
            let _span = part("policy");
            let steps = self.policy.plan(&turn).map_err(during)?;
            steps.check(&self.space).map_err(during)?;
            steps
        };
        let rate = self.rate(clock.epoch);
        let mut record =
            IterationRecord { iteration: clock.iteration, epoch: clock.epoch, ..IterationRecord::default() };
        let mut results: Vec<StepResult> = Vec::new();
        let mut learning: Vec<usize> = Vec::new();
        let mut run = |this: &mut Self, phase: Phase, plan: &Resolved| {
            let (iteration, step) = (clock.iteration, results.len() as u64);
            let input = StepInput { search: &search, train: &train, rate, iteration, step };
            let _span = part(phase.name());
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
        if over || after.stop || self.next >= self.iterations() {
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

    /// Lets the script on disk take over from the next iteration on, whatever the spec says of later ones.
    pub(super) fn take_over(&mut self, observers: Observers) -> Result<()> {
        let turn = self.turn_of_next();
        let Some(scripts) = &mut self.scripts else { return Ok(()) };
        let change = scripts.take_over(&turn, &mut self.policy)?;
        tell(observers, &Event::Script(&ScriptEvent::Changed(change)))
    }

    /// The next turn, with random numbers of its own.
    fn turn_of_next(&self) -> Turn {
        let (clock, alpha) = (self.clock(self.next), Arc::new(self.trainer.architecture.alpha.clone()));
        Turn::for_validation(clock, &self.space, &alpha, self.spec.seed)
    }

    fn batch(&self, batch: &Batch) -> Result<TensorBatch> {
        let settings = &self.trainer.network.settings;
        TensorBatch::new(batch, settings.image, settings.kind, settings.device)
    }

    /// Measures supernet and derived network. The policy is asked for its next plan on a copy of its state and with random
    /// numbers of their own.
    pub(super) fn validation(&mut self, observers: Observers, within: bool) -> Result<(ValidationRecord, Genotype)> {
        let clock = self.clock(self.next - 1);
        let alpha = Arc::new(self.trainer.architecture.alpha.clone());
        // After the last iteration there is no next one: a script must not see an epoch that does not exist.
        let next = self.clock(self.next.min(self.iterations() - 1));
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
        let plain = |list| Plain::new(&self.data, list, batch).map(|b| self.batch(&b?));
        let batch_norm = self.spec.validation.batch_norm;
        validate::accuracy(&self.trainer, plan, batch_norm, plain(images), plain(&self.split.train))
    }

    /// How long one network takes over all validation images, in seconds, from one batch of them.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn time_of_validation(&self) -> Result<f64> {
        let alpha = &self.trainer.architecture.alpha;
        let plan = Plan::strongest(alpha.len()).resolve(alpha, 0);
        let images = self.validation_images();
        let few = &images[..images.len().min(self.spec.search.batch as usize)];
        let begun = Instant::now();
        self.accuracy_on(&plan, few)?;
        Ok(begun.elapsed().as_secs_f64() * images.len() as f64 / few.len().max(1) as f64)
    }
}

fn no_iteration() -> Error {
    Error::new("the search has no iteration")
}

impl Stage for Running {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn next(&self) -> u64 {
        self.next
    }

    fn is_pending(&self) -> bool {
        self.progress.pending
    }

    fn is_over(&self, limit: u64) -> bool {
        self.progress.stopped || self.next >= limit.min(self.iterations())
    }

    fn at_end_of_epoch(&self) -> bool {
        self.next > 0 && self.next.is_multiple_of(self.iterations_per_epoch)
    }

    fn begin(&mut self, observers: Observers) -> Result<()> {
        self.progress.time = Time::from(self.progress.time.seconds());
        let pruned = self.pruned();
        let whole = if pruned { Arc::new(SpaceView::new(&self.whole, &[])) } else { self.space.clone() };
        tell(
            observers,
            &Event::Started(&Overview {
                spec: &self.spec,
                space: &whole,
                epochs: u64::from(self.spec.search.epochs),
                iterations_per_epoch: self.iterations_per_epoch,
                iteration: self.next,
                images: [self.split.train.len(), self.split.search.len(), self.split.holdout.len()],
            }),
        )?;
        if pruned { tell(observers, &Event::Kept(&self.space)) } else { Ok(()) }
    }

    fn advance(&mut self, observers: Observers) -> Result<()> {
        if std::mem::take(&mut self.taking_over) {
            self.take_over(observers)?;
        }
        let (record, learning) = self.iteration(observers)?;
        self.progress.train.add(record.train_accuracy);
        self.progress.pending = true;
        tell(observers, &Event::Iteration(&record, &learning))
    }

    fn settle(&mut self, observers: Observers, over: bool, cancelled: bool) -> Result<()> {
        let at_end = self.at_end_of_epoch();
        let due = match self.spec.validation.every {
            Every::Epoch => false,
            Every::Iterations(n) => self.next.is_multiple_of(n),
        };
        if at_end || due || over {
            self.progress.validation = Some(self.validation(observers, !at_end)?);
        }
        self.progress.stopped |= cancelled;
        if let (true, Some((validation, _))) = (at_end, &self.progress.validation) {
            let epoch = self.clock(self.next - 1).epoch;
            let derived_accuracy = validation.derived_accuracy;
            let record = EpochRecord {
                epoch,
                train_accuracy: self.progress.train.value(),
                supernet_accuracy: validation.supernet_accuracy,
                derived_accuracy,
                learning_rate: self.rate(epoch),
                seconds: self.progress.epoch_time.seconds(),
            };
            tell(observers, &Event::Epoch(&record, &self.trainer.architecture.alpha))?;
            self.progress.train = Mean::default();
            self.progress.stopped |= self.hear_end_of_epoch(derived_accuracy, over, observers)?;
            self.progress.epoch_time = Time::default();
        }
        self.progress.pending = false;
        Ok(())
    }

    fn look_around(&mut self, observers: Observers) -> Result<()> {
        if !self.at_end_of_epoch() || self.next >= self.iterations() {
            return Ok(());
        }
        let turn = self.turn_of_next();
        let Some(scripts) = &mut self.scripts else { return Ok(()) };
        let event = match scripts.watch(&turn, &mut self.policy) {
            Ok(None) => return Ok(()),
            Ok(Some(change)) => ScriptEvent::Changed(change),
            Err(error) => ScriptEvent::Refused(error),
        };
        tell(observers, &Event::Script(&event))
    }

    fn snapshot(&self) -> Result<Snapshot> {
        Running::snapshot(self)
    }

    fn finish(&mut self, observers: Observers) -> Result<()> {
        let Some((validation, genotype)) = &self.progress.validation else { return Err(no_iteration()) };
        let (stopped, seconds) = (self.progress.stopped, self.progress.time.seconds());
        let (alpha, parameters) = (&self.trainer.architecture.alpha, &self.trainer.network.parameters);
        let summary = Summary { genotype, alpha, parameters, validation: *validation, stopped, seconds };
        tell(observers, &Event::Finished(&summary))
    }
}
