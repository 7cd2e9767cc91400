//! A policy that learns: a recurrent controller that samples architectures and is trained on how well they do (Zoph and Le:
//! "Neural Architecture Search with Reinforcement Learning"; Pham, Guan, Zoph, Le, Dean: "Efficient Neural Architecture Search
//! via Parameter Sharing").
//!
//! # An iteration
//!
//! 1. `plan` samples some architectures: the controller of `cell.rs` is unrolled over all edges and chooses one candidate for each.
//!    It answers with one `measure` step per architecture, and a `weights` step for the first.
//! 2. The host measures them, all on the same batch of the search split, and trains the shared weights of the first.
//! 3. `feedback` hears their accuracies, the rewards R, and moves the controller along
//!    Σ (R − b) · ∇ log p(choices) + entropy · ∇ H(p), where b is a moving average of rewards (REINFORCE).
//!
//! The controller is a model of the host's: built from layers as an operation is, started from the search's seed, and saved with
//! the search. What this policy saves itself is b.
//!
//! α does not move in such a search, and the genotype that is derived from it says nothing of what the controller learnt.

mod cell;

use cell::{Controller, Rollout};
use edas_plugin::{
    Adam, Arguments, Models, Parameter, Phase, Plugin, Policy, PolicyEntry, SpaceView, Step, StepResult, Steps, Turn,
};
use std::sync::Arc;

/// The plugin.
pub struct ExampleController;

impl Plugin for ExampleController {
    const NAME: &'static str = "example-controller";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const DESCRIPTION: &'static str = "A policy that learns: a recurrent controller";
    const POLICIES: &'static [PolicyEntry] =
        &[PolicyEntry::of::<Reinforce>("controller", "samples architectures, and learns which do well")
            .with_parameters(&[
                Parameter::integer("samples", "architectures that are measured in an iteration", 4, 1, 64),
                Parameter::integer("hidden", "size of the controller's memory", 32, 1, 1024),
                Parameter::number("learning_rate", "learning rate of the controller (Adam)", 0.01, 0.0, 1.0),
                Parameter::number("entropy", "weight of the entropy of its choices", 1e-3, 0.0, 10.0),
                Parameter::number("baseline_decay", "share of the moving average of rewards that stays", 0.5, 0.0, 1.0),
                Parameter::number("clip", "largest norm of its gradients; 0 for no limit", 5.0, 0.0, 1e6),
                Parameter::boolean("learn", "whether it learns; otherwise it samples as it started", true),
            ])];
}

/// The policy.
struct Reinforce {
    controller: Controller,
    samples: usize,
    adam: Adam,
    entropy: f64,
    decay: f64,
    learn: bool,
    /// The moving average of rewards, once there is one.
    baseline: Option<f64>,
    /// What was sampled for the iteration that is running.
    pending: Option<Rollout>,
}

impl Policy for Reinforce {
    fn new(space: &Arc<SpaceView>, arguments: &Arguments, models: &mut Models) -> Result<Self, String> {
        Ok(Self {
            controller: Controller::new(space, arguments.integer("hidden"), models)?,
            samples: usize::try_from(arguments.integer("samples")).map_err(|e| e.to_string())?,
            adam: Adam {
                clip: Some(arguments.number("clip")).filter(|clip| *clip > 0.0),
                ..Adam::new(arguments.number("learning_rate"))
            },
            entropy: arguments.number("entropy"),
            decay: arguments.number("baseline_decay"),
            learn: arguments.boolean("learn"),
            baseline: None,
            pending: None,
        })
    }

    fn plan(&mut self, turn: &mut Turn) -> Result<Steps, String> {
        let rollout = self.controller.sample(turn, self.samples)?;
        let plans = (0..self.samples).map(|sample| {
            let choices = rollout.choices(sample).enumerate();
            choices.fold(turn.strongest(), |plan, (edge, candidate)| plan.only(edge, candidate))
        });
        let plans: Vec<_> = plans.collect();
        // Measured before one of them is trained: that one would seem better than it is.
        let mut steps: Vec<Step> = plans.iter().cloned().map(Step::measure).collect();
        steps.extend(plans.into_iter().next().map(Step::weights));
        self.pending = Some(rollout);
        Ok(steps.into())
    }

    fn feedback(&mut self, _: &mut Turn, results: &[StepResult]) -> Result<(), String> {
        let Some(rollout) = self.pending.take() else { return Ok(()) };
        let rewards: Vec<f64> = results.iter().filter(|r| r.phase == Phase::Measure).map(|r| r.accuracy).collect();
        if rewards.len() != self.samples {
            return Err(format!("{} measurements came back for {} samples", rewards.len(), self.samples));
        }
        if self.learn {
            let mean = rewards.iter().sum::<f64>() / rewards.len() as f64;
            let baseline = self.baseline.map_or(mean, |b| self.decay * b + (1.0 - self.decay) * mean);
            self.baseline = Some(baseline);
            let advantages: Vec<f64> = rewards.iter().map(|r| r - baseline).collect();
            self.controller.learn(&rollout, &advantages, self.entropy, &self.adam)?;
        }
        Ok(())
    }

    fn save(&self) -> Vec<u8> {
        self.baseline.map_or_else(Vec::new, |b| b.to_le_bytes().to_vec())
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        self.pending = None;
        self.baseline = match state {
            [] => None,
            _ => Some(f64::from_le_bytes(state.try_into().map_err(|_| "the baseline has 8 bytes")?)),
        };
        Ok(())
    }
}

edas_plugin::export!(ExampleController);
