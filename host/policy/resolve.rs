//! Plans resolved against α: which candidates run on each edge, and with what noise.

use super::plan::{Gate, Plan, Sign};
use crate::random::{Purpose, Source};
use crate::space::derive::strongest;

/// What one edge runs.
#[derive(Debug, Clone, PartialEq)]
pub enum ResolvedGate {
    /// Nothing.
    Off,
    /// One candidate.
    Single(usize),
    /// A weighted sum.
    Relaxed(Relaxed),
}

/// A relaxed edge: Σ softmax((sign · α + noise) / temperature)_c · c(x) over a subset of its candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct Relaxed {
    /// The candidates, by position in the edge's row.
    pub subset: Vec<usize>,
    /// The sign of α.
    pub sign: Sign,
    /// The temperature.
    pub temperature: f64,
    /// The noise of each candidate of the subset; empty where there is none.
    pub noise: Vec<f64>,
}

/// A plan resolved against α.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// One gate per edge, over all cell types.
    pub gates: Vec<ResolvedGate>,
    /// Whether every gate had sign −1.
    pub inverted: bool,
}

impl Resolved {
    /// The indices of the relaxed edges.
    pub fn relaxed(&self) -> impl Iterator<Item = usize> {
        let relaxed = |(i, gate): (usize, &ResolvedGate)| matches!(gate, ResolvedGate::Relaxed(_)).then_some(i);
        self.gates.iter().enumerate().filter_map(relaxed)
    }

    /// Every edge runs what `choices` says.
    pub fn of_choices(choices: &[Option<usize>]) -> Self {
        let gate = |choice: &Option<usize>| choice.map_or(ResolvedGate::Off, ResolvedGate::Single);
        Self { gates: choices.iter().map(gate).collect(), inverted: false }
    }
}

impl Plan {
    /// Resolves the plan against α. Noise is drawn by edge, then candidate, from the stream of the plan's seed at
    /// position `step`.
    pub fn resolve(&self, alpha: &[Vec<f64>], step: u64) -> Resolved {
        let mut noise = self.gumbel.map(|seed| Source::new(seed, Purpose::GateNoise).at(step));
        let gates = self.gates.iter().zip(&self.signs).zip(alpha).map(|((gate, sign), row)| {
            let sign = sign.unwrap_or(self.sign);
            let all = || (0..row.len()).collect();
            match gate {
                Gate::Off => ResolvedGate::Off,
                Gate::Only(candidate) => ResolvedGate::Single(*candidate),
                Gate::Strongest(subset) => {
                    let subset: Vec<usize> = subset.clone().unwrap_or_else(all);
                    let signed: Vec<f64> = subset.iter().map(|c| sign.factor() * row[*c]).collect();
                    ResolvedGate::Single(subset[strongest(&signed)])
                }
                Gate::Relaxed(subset) => {
                    let subset: Vec<usize> = subset.clone().unwrap_or_else(all);
                    let noise = match &mut noise {
                        Some(stream) => subset.iter().map(|_| stream.gumbel()).collect(),
                        None => Vec::new(),
                    };
                    ResolvedGate::Relaxed(Relaxed { subset, sign, temperature: self.temperature, noise })
                }
            }
        });
        let inverted = self.signs.iter().all(|sign| sign.unwrap_or(self.sign) == Sign::Minus);
        Resolved { gates: gates.collect(), inverted }
    }
}
