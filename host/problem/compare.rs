//! Several policies on the same problems.

use super::trial::Trial;
use super::{Problem, Settings};
use crate::error::Result;
use crate::policy::{Plan, Policy, SpaceView, Steps, Turn};
use serde::Serialize;
use std::sync::Arc;

/// Makes a policy for a space and a seed.
pub type Make<'a> = Box<dyn Fn(&Arc<SpaceView>, u64) -> Result<Box<dyn Policy>> + 'a>;

/// A policy that takes part.
pub struct Contestant<'a> {
    /// Its name.
    pub name: String,
    /// Makes it.
    pub make: Make<'a>,
}

/// What a policy came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Results {
    /// Its name.
    pub name: String,
    /// The mean of the regrets.
    pub mean: f64,
    /// Their standard deviation.
    pub spread: f64,
    /// One trial per problem.
    pub trials: Vec<Trial>,
}

/// How two policies compare on the same problems.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Against {
    /// The problems; on a single one no difference is clear.
    pub problems: usize,
    /// Problems on which the first has the smaller regret.
    pub better: usize,
    /// Problems on which it has the larger one.
    pub worse: usize,
    /// The mean difference of the regrets, first less second.
    pub difference: f64,
    /// The standard error of that mean.
    pub error: f64,
}

impl Against {
    /// Whether the first is better, by more than twice the standard error.
    pub fn beats(&self) -> bool {
        self.problems > 1 && self.difference < 0.0 && -self.difference > 2.0 * self.error
    }

    /// Whether it is worse by as much.
    pub fn loses(&self) -> bool {
        self.problems > 1 && self.difference > 0.0 && self.difference > 2.0 * self.error
    }

    /// The verdict in a word.
    pub fn verdict(&self) -> &'static str {
        match (self.beats(), self.loses()) {
            (true, _) => "better",
            (_, true) => "worse",
            _ => "no clear difference",
        }
    }
}

/// Several policies on the same problems.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The seeds of the problems.
    pub seeds: Vec<u64>,
    /// The policies.
    pub results: Vec<Results>,
}

impl Comparison {
    /// Runs every policy on the problem of every seed. `before` hears of each run.
    ///
    /// # Errors
    /// Where a policy cannot be made or fails.
    pub fn run(settings: &[Settings], contestants: &[Contestant], before: &mut dyn FnMut(&str, u64)) -> Result<Self> {
        let mut trials: Vec<Vec<Trial>> = contestants.iter().map(|_| Vec::new()).collect();
        for settings in settings {
            let problem = Problem::new(settings);
            for (contestant, trials) in contestants.iter().zip(&mut trials) {
                before(&contestant.name, settings.seed);
                let run = || problem.run(&mut *(contestant.make)(&problem.space, settings.seed)?);
                let during = || format!("trying `{}` on the problem of seed {}", contestant.name, settings.seed);
                trials.push(run().map_err(|e| e.context(during()))?);
            }
        }
        let results = contestants.iter().zip(trials).map(|(contestant, trials)| {
            let regrets: Vec<f64> = trials.iter().map(|t| t.regret).collect();
            let (mean, spread) = mean_and_spread(&regrets);
            Results { name: contestant.name.clone(), mean, spread, trials }
        });
        Ok(Self { seeds: settings.iter().map(|s| s.seed).collect(), results: results.collect() })
    }

    /// The results of a policy by its name.
    pub fn of(&self, name: &str) -> Option<&Results> {
        self.results.iter().find(|r| r.name == name)
    }
}

impl Results {
    /// How it compares with another on the same problems.
    pub fn against(&self, other: &Results) -> Against {
        let differences: Vec<f64> = self.trials.iter().zip(&other.trials).map(|(a, b)| a.regret - b.regret).collect();
        let (difference, spread) = mean_and_spread(&differences);
        let error = spread / libm::sqrt(differences.len().max(1) as f64);
        let count = |hit: fn(&f64) -> bool| differences.iter().filter(|d| hit(d)).count();
        Against {
            problems: differences.len(),
            better: count(|d| *d < 0.0),
            worse: count(|d| *d > 0.0),
            difference,
            error,
        }
    }
}

/// Mean and standard deviation; the deviation of a single number is 0.
pub fn mean_and_spread(numbers: &[f64]) -> (f64, f64) {
    let count = numbers.len().max(1) as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let squares: f64 = numbers.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, libm::sqrt(squares / (count - 1.0).max(1.0)))
}

/// A policy that always relaxes the same edge, and runs the strongest candidates elsewhere: what no policy should lose against.
#[derive(Debug, Clone, Copy)]
pub struct SameEdge(pub usize);

impl Policy for SameEdge {
    fn plan(&mut self, turn: &Turn) -> Result<Steps> {
        Ok(Steps::Both(Plan::strongest(turn.space.edges.len()).relax(self.0)))
    }
}
