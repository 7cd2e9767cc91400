//! The plans that a policy makes, without training: what `edas trace` shows.
//!
//! α stays as it is, but for what plans set; `feedback` is not called, epochs end without an accuracy, and edges lose the candidates
//! that the policy no longer keeps.

use super::Policy;
use super::resolve::Resolved;
use super::step::Phase;
use super::turn::{Clock, EpochEnd, Turn};
use super::view::SpaceView;
use crate::error::{Error, Result};
use crate::random::{Purpose, Source};
use crate::space::Alpha;
use crate::space::keep::keep_rows;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What is traced.
#[derive(Debug, Clone)]
pub struct Tracing {
    /// The space.
    pub space: Arc<SpaceView>,
    /// α.
    pub alpha: Arc<Alpha>,
    /// The number of epochs.
    pub epochs: u64,
    /// The number of iterations in an epoch.
    pub iterations_per_epoch: u64,
    /// The seed of the policy's random numbers.
    pub seed: u64,
}

/// One step of a trace.
#[derive(Debug)]
pub struct Traced<'a> {
    /// Where the search stands.
    pub clock: Clock,
    /// The phase; `None` where one plan serves both.
    pub phase: Option<Phase>,
    /// The plan, resolved.
    pub plan: Resolved,
    /// The space as the policy sees it.
    pub space: &'a SpaceView,
}

/// α from the standard normal distribution, each row from the stream of its name: what a search might come to.
pub fn random_alpha(space: &SpaceView, seed: u64) -> Alpha {
    let source = Source::new(seed, Purpose::Initialisation);
    let row = |edge: &super::EdgeView| {
        let mut stream = source.named(&format!("trace.alpha.{}.{}", edge.cell, edge.position));
        edge.candidates.iter().map(|_| stream.normal()).collect()
    };
    space.edges.iter().map(row).collect()
}

impl Tracing {
    /// Asks a policy for the plans of the first iterations, at most those of the search; `each` sees every step, and may break off.
    /// Returns the number of iterations.
    ///
    /// # Errors
    /// Where the policy fails or answers with a plan that does not fit the space.
    pub fn run(
        mut self,
        policy: &mut dyn Policy,
        iterations: u64,
        each: &mut dyn FnMut(&Traced) -> ControlFlow<()>,
    ) -> Result<u64> {
        let total = iterations.min(self.epochs.saturating_mul(self.iterations_per_epoch));
        for iteration in 0..total {
            let clock = Clock::at(iteration, self.epochs, self.iterations_per_epoch);
            let at = |e: Error| e.context(format!("iteration {iteration}"));
            let turn = Turn::new(clock, &self.space, &self.alpha, self.seed);
            let steps = policy.plan(&turn).map_err(at)?;
            steps.check(&self.space).map_err(at)?;
            drop(turn);
            for (k, (phase, plan)) in steps.plans().into_iter().enumerate() {
                if !plan.alpha.is_empty() {
                    plan.set_alpha(Arc::make_mut(&mut self.alpha));
                }
                let plan = plan.resolve(&self.alpha, k as u64);
                if each(&Traced { clock, phase, plan, space: &self.space }).is_break() {
                    return Ok(iteration + 1);
                }
            }
            if clock.iteration_in_epoch + 1 == self.iterations_per_epoch && self.end_epoch(policy, clock.epoch)? {
                return Ok(iteration + 1);
            }
        }
        Ok(total)
    }

    /// Ends an epoch; returns whether the policy ends the search.
    fn end_epoch(&mut self, policy: &mut dyn Policy, epoch: u64) -> Result<bool> {
        let at = |e: Error| e.context(format!("the end of epoch {epoch}"));
        let end =
            EpochEnd { index: epoch, derived_accuracy: None, alpha: self.alpha.clone(), space: self.space.clone() };
        let after = policy.end_epoch(&end).map_err(at)?;
        after.check(&self.space).map_err(at)?;
        if !after.keep.is_empty() {
            self.space = Arc::new(self.space.keeping(&after.keep));
            keep_rows(Arc::make_mut(&mut self.alpha), &after.keep);
        }
        Ok(after.stop)
    }
}
