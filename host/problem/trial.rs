//! A policy's run on a problem, called as a search calls it, and what came of it.

use super::Problem;
use super::operation::NONE;
use super::supernet::{Batch, Supernet};
use crate::error::{Error, Result};
use crate::policy::summary::TraceSummary;
use crate::policy::trace::Traced;
use crate::policy::turn::Clock;
use crate::policy::{EpochEnd, Phase, Policy, Resolved, SpaceView, StepResult, Steps, Turn};
use crate::random::{Purpose, Source};
use crate::space::Alpha;
use crate::space::derive::strongest;
use crate::space::keep::keep_rows;
use crate::spec::ArchitectureOptimizer;
use crate::train::optimizer::Architecture;
use crate::train::schedule::cosine;
use crate::train::validate::supernet_plan;
use serde::Serialize;
use std::sync::Arc;

/// What an epoch came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochResult {
    /// The epoch.
    pub epoch: u64,
    /// The share of the targets' variance that the supernet explains under the plan of the weights phase.
    pub supernet_accuracy: f64,
    /// The share that the derived architecture explains with the supernet's weights.
    pub derived_accuracy: f64,
    /// The regret of the derived architecture, trained alone.
    pub regret: f64,
    /// α: per edge and operation; of operations that the edge no longer has there is none.
    pub alpha: Vec<Vec<Option<f64>>>,
}

/// A policy's run on a problem.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// The problem's seed.
    pub seed: u64,
    /// The derived architecture: an operation per edge.
    pub derived: Vec<usize>,
    /// The best architecture.
    pub best: Vec<usize>,
    /// The regret of the derived one: 0 is the best, 1 the mean of random architectures.
    pub regret: f64,
    /// Iterations; fewer than the problem's where the policy ended the search.
    pub iterations: u64,
    /// Architecture steps, weights steps, steps that measure.
    pub steps: [u64; 3],
    /// Per edge, how often its row of α was stepped.
    pub alpha_steps: Vec<u64>,
    /// Per edge and operation, how often its weights were trained.
    pub trained: Vec<Vec<u64>>,
    /// What was drawn.
    pub draws: TraceSummary,
    /// The epochs.
    pub epochs: Vec<EpochResult>,
}

impl Problem {
    /// α as it starts: 1e-3 · N(0, 1), as in a search.
    pub fn initial_alpha(&self) -> Alpha {
        let source = Source::new(self.settings.seed, Purpose::Initialisation);
        let row = |edge: &crate::policy::EdgeView| {
            let mut stream = source.named(&format!("alpha.{}.{}", edge.cell, edge.position));
            edge.candidates.iter().map(|_| 1e-3 * stream.normal()).collect()
        };
        self.space.edges.iter().map(row).collect()
    }

    /// Lets a policy search.
    ///
    /// # Errors
    /// Where the policy fails, answers with what does not fit the space, or makes the loss grow without bound.
    pub fn run(&self, policy: &mut dyn Policy) -> Result<Trial> {
        let mut running = Running::new(self);
        let settings = &self.settings;
        for epoch in 0..settings.epochs {
            let orders = ["train", "search"].map(|split| self.order(split, epoch));
            for within in 0..settings.iterations_per_epoch {
                let clock = Clock::at(
                    epoch * settings.iterations_per_epoch + within,
                    settings.epochs,
                    settings.iterations_per_epoch,
                );
                let batch = |split: usize| {
                    let order: &[usize] = &orders[split];
                    let from = within as usize * settings.batch;
                    // Without noise all examples are one batch.
                    if settings.traps.noise { &order[from..from + settings.batch] } else { order }
                };
                running
                    .iteration(policy, clock, batch(0), batch(1))
                    .map_err(|e| e.context(format!("iteration {} of epoch {epoch}", clock.iteration)))?;
            }
            if running.end_epoch(policy, epoch).map_err(|e| e.context(format!("the end of epoch {epoch}")))? {
                break;
            }
        }
        Ok(running.trial)
    }

    /// The order of a split's examples in an epoch.
    fn order(&self, split: &str, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.train[0].inputs.len()).collect();
        let source = Source::new(self.settings.seed, Purpose::Problem);
        source.named(&format!("order.{split}.{epoch}")).shuffle(&mut order);
        order
    }
}

/// A run in the making.
struct Running<'a> {
    problem: &'a Problem,
    supernet: Supernet<'a>,
    architecture: Architecture,
    space: Arc<SpaceView>,
    trial: Trial,
}

impl<'a> Running<'a> {
    fn new(problem: &'a Problem) -> Self {
        let edges = problem.space.edges.len();
        let trial = Trial {
            seed: problem.settings.seed,
            derived: Vec::new(),
            best: problem.best(),
            regret: 1.0,
            iterations: 0,
            steps: [0; 3],
            alpha_steps: vec![0; edges],
            trained: problem.space.edges.iter().map(|e| vec![0; e.candidates.len()]).collect(),
            draws: TraceSummary::new(&problem.space),
            epochs: Vec::new(),
        };
        Self {
            problem,
            supernet: Supernet::new(problem),
            architecture: Architecture::new(problem.initial_alpha(), &ArchitectureOptimizer::default()),
            space: problem.space.clone(),
            trial,
        }
    }

    fn turn(&self, clock: Clock, validation: bool) -> Turn {
        let alpha = Arc::new(self.architecture.alpha.clone());
        let make = if validation { Turn::for_validation } else { Turn::new };
        make(clock, &self.space, &alpha, self.problem.settings.seed)
    }

    fn iteration(&mut self, policy: &mut dyn Policy, clock: Clock, train: &[usize], search: &[usize]) -> Result<()> {
        let turn = self.turn(clock, false);
        let steps = policy.plan(&turn)?;
        steps.check(&self.space)?;
        let mut results = Vec::new();
        match &steps {
            Steps::Both(plan) => {
                plan.set_alpha(&mut self.architecture.alpha);
                let plan = plan.resolve(&self.architecture.alpha, 0);
                self.draw(clock, None, &plan);
                for (k, phase) in [Phase::Architecture, Phase::Weights].into_iter().enumerate() {
                    results.push(self.step(clock, k, phase, &plan, train, search)?);
                }
            }
            Steps::List(list) => {
                for (k, step) in list.iter().enumerate() {
                    step.plan.set_alpha(&mut self.architecture.alpha);
                    let plan = step.plan.resolve(&self.architecture.alpha, k as u64);
                    self.draw(clock, Some(step.phase), &plan);
                    results.push(self.step(clock, k, step.phase, &plan, train, search)?);
                }
            }
        }
        policy.feedback(&turn, &results)?;
        self.trial.iterations += 1;
        Ok(())
    }

    fn draw(&mut self, clock: Clock, phase: Option<Phase>, plan: &Resolved) {
        let plan = plan.clone();
        self.trial.draws.add(&Traced { clock, phase, plan, space: &self.space });
    }

    fn step(
        &mut self,
        clock: Clock,
        number: usize,
        phase: Phase,
        plan: &Resolved,
        train: &[usize],
        search: &[usize],
    ) -> Result<StepResult> {
        let (data, examples) =
            if phase == Phase::Weights { (&self.problem.train, train) } else { (&self.problem.search, search) };
        let batch = Batch { data, examples, position: (clock.iteration, number) };
        let gradients = self.supernet.gradients(phase, &self.architecture.alpha, plan, &batch)?;
        self.trial.steps[phase as usize] += 1;
        match phase {
            Phase::Architecture => {
                self.architecture.step(&gradients.alpha);
                for (count, row) in self.trial.alpha_steps.iter_mut().zip(&gradients.alpha) {
                    *count += u64::from(row.is_some());
                }
            }
            Phase::Weights => {
                let settings = &self.problem.settings;
                let (highest, lowest) = (settings.learning_rate, settings.minimum_learning_rate);
                self.supernet.step(&gradients.weights, cosine(clock.epoch, settings.epochs, highest, lowest));
                gradients.weights.keys().for_each(|(edge, operation)| self.trial.trained[*edge][*operation] += 1);
            }
            Phase::Measure => {}
        }
        Ok(StepResult { phase, loss: gradients.loss, accuracy: gradients.accuracy })
    }

    /// Validates, and lets the policy hear of it; returns whether it ends the search.
    fn end_epoch(&mut self, policy: &mut dyn Policy, epoch: u64) -> Result<bool> {
        let settings = &self.problem.settings;
        let total = settings.epochs * settings.iterations_per_epoch;
        let next = ((epoch + 1) * settings.iterations_per_epoch).min(total - 1);
        let turn = self.turn(Clock::at(next, settings.epochs, settings.iterations_per_epoch), true);
        let state = policy.state()?;
        let steps = policy.plan(&turn)?;
        policy.set_state(&state)?;
        steps.check(&self.space)?;
        let plan = supernet_plan(&steps);
        let mut alpha = Alpha::clone(&turn.alpha);
        plan.set_alpha(&mut alpha);
        let supernet_accuracy = self.accuracy(&alpha, &plan.resolve(&alpha, 0))?;
        let derived = policy.derive(&self.space, &turn.alpha)?;
        let derived = derived.unwrap_or_else(|| turn.alpha.iter().map(|row| Some(strongest(row))).collect());
        let derived_accuracy = self.accuracy(&alpha, &Resolved::of_choices(&derived))?;
        let kept = &self.supernet.kept;
        self.trial.derived = derived.iter().zip(kept).map(|(c, kept)| c.map_or(NONE, |c| kept[c])).collect();
        self.trial.regret = self.problem.regret(&self.trial.derived);
        let rows = turn.alpha.iter().zip(kept).zip(&self.trial.trained).map(|((row, kept), all)| {
            let of = |operation| kept.iter().position(|k| *k == operation).map(|c| row[c]);
            (0..all.len()).map(of).collect()
        });
        let (alpha, regret) = (rows.collect(), self.trial.regret);
        self.trial.epochs.push(EpochResult { epoch, supernet_accuracy, derived_accuracy, regret, alpha });
        let end = EpochEnd {
            index: epoch,
            derived_accuracy: Some(derived_accuracy),
            alpha: turn.alpha.clone(),
            space: self.space.clone(),
        };
        let after = policy.end_epoch(&end)?;
        after.check(&self.space)?;
        if !after.keep.is_empty() {
            self.space = Arc::new(self.space.keeping(&after.keep));
            self.supernet.keep(&after.keep);
            let Architecture { alpha, first, second, .. } = &mut self.architecture;
            for rows in [alpha, first, second] {
                keep_rows(rows, &after.keep);
            }
        }
        if after.reset_weights {
            self.supernet.reset();
        }
        Ok(after.stop)
    }

    /// The share of the search split's variance that is explained under a plan.
    fn accuracy(&self, alpha: &Alpha, plan: &Resolved) -> Result<f64> {
        let examples: Vec<usize> = (0..self.problem.search[0].inputs.len()).collect();
        let batch = Batch { data: &self.problem.search, examples: &examples, position: (0, 0) };
        let measured = self.supernet.gradients(Phase::Measure, alpha, plan, &batch);
        Ok(measured.map_err(|e: Error| e.context("validating"))?.accuracy)
    }
}
