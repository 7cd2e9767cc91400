//! An evaluation while it runs.

use super::Setup;
use super::test::{Tested, test};
use crate::data::{Loader, Split};
use crate::error::{Error, Result};
use crate::execute::Norm;
use crate::policy::Resolved;
use crate::run::checkpoint::{EvaluationState, Mean};
use crate::run::tensors::{Saved, network};
use crate::run::{
    EvaluationOverview, EvaluationRecord, EvaluationResult, EvaluationSummary, Event, IterationRecord, NetworkInput,
    Snapshot,
};
use crate::spec::{self, Spec, WeightsOptimizer};
use crate::supernet::{DropPath, Mode};
use crate::train::batch::TensorBatch;
use crate::train::differentiate::{Criterion, Differentiated};
use crate::train::finite;
use crate::train::optimizer::Sgd;
use crate::train::part::part;
use crate::train::progress::Time;
use crate::train::schedule;
use crate::train::search::iterations_per_epoch;
use crate::train::stage::{Observers, Stage, tell};
use std::time::Instant;

/// An evaluation while it runs.
pub struct Training {
    /// What it is made of, the network among it.
    pub setup: Setup,
    pub(super) split: Split,
    loader: Loader,
    pub(super) optimizer: Sgd,
    /// All weights, by position in the parameters.
    weights: Vec<usize>,
    plan: Resolved,
    dropped: Vec<(usize, usize)>,
    iterations_per_epoch: u64,
    pub(super) next: u64,
    pub(super) pending: bool,
    /// The accuracies of the epoch's iterations.
    pub(super) accuracy: Mean,
    pub(super) state: EvaluationState,
    /// Weights and buffers after the epoch with the best test.
    pub(super) best: Vec<Saved>,
    /// The last test, where it was in this session.
    tested: Option<Tested>,
    pub(super) time: Time,
    pub(super) epoch_time: Time,
}

impl Training {
    pub(super) fn new(setup: Setup, split: Split, loader: Loader) -> Self {
        let spec::EvaluateOptimizer { learning_rate, minimum_learning_rate, momentum, weight_decay, clip, .. } =
            setup.evaluate().weights.clone();
        let optimizer =
            Sgd::new(&WeightsOptimizer { learning_rate, minimum_learning_rate, momentum, weight_decay, clip });
        let parameters = &setup.network.parameters;
        Self {
            optimizer,
            weights: (0..parameters.len()).filter(|at| parameters.get(*at).trained).collect(),
            plan: setup.plan(),
            dropped: setup.dropped(),
            iterations_per_epoch: iterations_per_epoch(split.train.len(), setup.evaluate().batch),
            setup,
            split,
            loader,
            next: 0,
            pending: false,
            accuracy: Mean::default(),
            state: EvaluationState::default(),
            best: Vec::new(),
            tested: None,
            time: Time::default(),
            epoch_time: Time::default(),
        }
    }

    fn epochs(&self) -> u64 {
        u64::from(self.setup.evaluate().epochs)
    }

    /// The number of iterations of the whole evaluation.
    pub(super) fn iterations(&self) -> u64 {
        self.iterations_per_epoch * self.epochs()
    }

    /// The learning rate of an epoch.
    fn rate(&self, epoch: u64) -> f64 {
        schedule::rate(&self.setup.evaluate().weights, epoch, self.epochs())
    }

    /// The plan of an epoch, with the probability of drop-path: it rises linearly, as in `cnn/train.py` of quark0/darts.
    fn plan_of(&self, epoch: u64) -> Resolved {
        let probability = self.setup.evaluate().drop_path * epoch as f64 / self.epochs() as f64;
        let mut plan = self.plan.clone();
        if probability > 0.0 {
            plan.drop = self.dropped.iter().map(|place| (*place, probability)).collect();
        }
        plan
    }

    /// One iteration: a batch, the gradients of all weights, a step.
    ///
    /// # Errors
    /// Where the data or a plugin fails, or the loss or a gradient is not finite.
    pub fn iteration(&mut self) -> Result<IterationRecord> {
        let begun = Instant::now();
        let _span = part("iteration");
        let (iteration, epoch) = (self.next, self.next / self.iterations_per_epoch);
        let during = |e: Error| e.context(format!("iteration {iteration} of epoch {epoch}"));
        let settings = self.setup.network.settings.clone();
        let batch = {
            let _span = part("data");
            let (train, _) = self.loader.next().map_err(during)?;
            self.state.broken += train.broken;
            TensorBatch::new(&train, settings.image, settings.kind, settings.device)?
        };
        let plan = self.plan_of(epoch);
        let drop = DropPath::new(settings.seed, iteration, 0);
        let mode = Mode { norm: Norm::Train, drop: (!plan.drop.is_empty()).then_some(&drop), auxiliary: true };
        let mixture = plan.gates.iter().map(|_| None).collect();
        let evaluate = self.setup.evaluate();
        let criterion = Criterion {
            label_smoothing: evaluate.label_smoothing,
            auxiliary: evaluate.auxiliary.as_ref().map_or(0.0, |head| head.weight),
        };
        let (loss, accuracy) = {
            let _span = part("weights");
            let pass = Differentiated { batch: &batch, plan: &plan, mixture: &mixture, mode, criterion, rows: &[] };
            let network = &self.setup.network;
            let found = pass.differentials(network, &self.weights).map_err(during)?;
            let _span = part("optimizer");
            let rate = self.rate(epoch);
            if !self.optimizer.step(&network.parameters, &self.weights, &found.weights, rate).map_err(during)? {
                return Err(during(finite::explain_gradients(network, &plan, &self.weights, &found.weights)));
            }
            found.read
        };
        self.next += 1;
        Ok(IterationRecord {
            iteration,
            epoch,
            train_loss: Some(loss),
            train_accuracy: Some(accuracy),
            seconds: begun.elapsed().as_secs_f64(),
            ..IterationRecord::default()
        })
    }

    fn test(&self) -> Result<Tested> {
        let _span = part("test");
        let batch = self.setup.evaluate().batch as usize;
        test(&self.setup.network, &self.plan, &self.setup.test, batch).map_err(|e| e.context("testing"))
    }

    /// What an evaluation that is at its end has come to.
    ///
    /// # Errors
    /// Where it has not come to the end of an epoch.
    pub(super) fn result(&self) -> Result<EvaluationResult> {
        let (Some(last), Some(best)) = (self.state.last, self.state.best) else {
            return Err(Error::new("the evaluation has no epoch"));
        };
        let confusion = match &self.tested {
            Some(tested) => tested.confusion.clone(),
            None => self.test()?.confusion,
        };
        let data = &self.setup.train;
        let cost = self.setup.cost();
        Ok(EvaluationResult {
            version: 1,
            data: data.name.clone(),
            last,
            best_selected_on_test: best,
            parameters: cost.parameters,
            multiply_adds: cost.multiply_adds,
            longest_paths: cost.longest_paths,
            images: [self.split.train.len(), self.setup.test.len()],
            input: NetworkInput {
                shape: [data.channels, data.height, data.width],
                maximum: data.maximum,
                mean: data.mean.clone(),
                std: data.std.clone(),
                from_middle: data.files.is_some(),
            },
            classes: data.classes.clone(),
            confusion,
            seconds: self.time.seconds(),
        })
    }
}

impl Stage for Training {
    fn spec(&self) -> &Spec {
        &self.setup.spec
    }

    fn next(&self) -> u64 {
        self.next
    }

    fn is_pending(&self) -> bool {
        self.pending
    }

    fn is_over(&self, limit: u64) -> bool {
        self.next >= limit.min(self.iterations())
    }

    fn at_end_of_epoch(&self) -> bool {
        self.next > 0 && self.next.is_multiple_of(self.iterations_per_epoch)
    }

    fn begin(&mut self, observers: Observers) -> Result<()> {
        self.time = Time::from(self.time.seconds());
        tell(
            observers,
            &Event::EvaluationStarted(&EvaluationOverview {
                spec: &self.setup.spec,
                epochs: self.epochs(),
                iterations_per_epoch: self.iterations_per_epoch,
                iteration: self.next,
                images: [self.split.train.len(), self.setup.test.len()],
                parameters: self.setup.cost().parameters,
            }),
        )
    }

    fn advance(&mut self, observers: Observers) -> Result<()> {
        let record = self.iteration()?;
        self.accuracy.add(record.train_accuracy);
        self.state.train_loss.add(record.train_loss);
        self.pending = true;
        tell(observers, &Event::Iteration(&record, &[]))
    }

    fn settle(&mut self, observers: Observers, over: bool, _cancelled: bool) -> Result<()> {
        if self.at_end_of_epoch() || over {
            let tested = self.test()?;
            let epoch = (self.next - 1) / self.iterations_per_epoch;
            let record = EvaluationRecord {
                epoch,
                train_loss: self.state.train_loss.value().unwrap_or(f64::NAN),
                train_accuracy: self.accuracy.value().unwrap_or(f64::NAN),
                test_loss: tested.loss,
                test_accuracy: tested.accuracy,
                test_top5: tested.top5,
                learning_rate: self.rate(epoch),
                broken: self.state.broken + tested.broken,
                seconds: self.epoch_time.seconds(),
            };
            self.state.broken = 0;
            if self.state.best.is_none_or(|best| record.test_accuracy > best.test_accuracy) {
                self.state.best = Some(record);
                self.best = network(&self.setup.network.parameters, &[], 0)?;
            }
            self.state.last = Some(record);
            self.tested = Some(tested);
            tell(observers, &Event::Tested(&record))?;
            (self.accuracy, self.state.train_loss) = (Mean::default(), Mean::default());
            self.epoch_time = Time::default();
        }
        self.pending = false;
        Ok(())
    }

    fn snapshot(&self) -> Result<Snapshot> {
        self.copy()
    }

    fn finish(&mut self, observers: Observers) -> Result<()> {
        let result = self.result()?;
        let summary = EvaluationSummary {
            genotype: &self.setup.genotype,
            result: &result,
            parameters: &self.setup.network.parameters,
            best: &self.best,
        };
        tell(observers, &Event::Evaluated(&summary))
    }
}
