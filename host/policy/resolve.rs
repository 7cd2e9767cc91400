//! Plans resolved against α: which candidates run on each edge, and with what noise.

use super::gate::{Gate, Noise, Sign};
use super::plan::Plan;
use crate::random::{Purpose, Source};
use crate::space::derive::strongest;
use std::collections::BTreeMap;

/// What one edge runs.
#[derive(Debug, Clone, PartialEq)]
pub enum ResolvedGate {
    /// Nothing.
    Off,
    /// One candidate.
    Single(usize),
    /// A weighted sum.
    Relaxed(Relaxed),
    /// One candidate, with the gradient of a weighted sum.
    StraightThrough {
        /// The weighted sum.
        over: Relaxed,
        /// The candidate whose output counts, by position in the edge's row; it is in the sum's subset.
        active: usize,
        /// Whether the others are left out also where α's gradient is wanted.
        active_only: bool,
    },
}

impl ResolvedGate {
    /// The softmax through which α gets a gradient, where there is one.
    pub fn softmax(&self) -> Option<&Relaxed> {
        match self {
            ResolvedGate::Relaxed(gate) | ResolvedGate::StraightThrough { over: gate, .. } => Some(gate),
            ResolvedGate::Off | ResolvedGate::Single(_) => None,
        }
    }

    /// The candidates that run where α's gradient is wanted, by position in the edge's row.
    pub fn running(&self) -> &[usize] {
        match self {
            ResolvedGate::Off => &[],
            ResolvedGate::Single(candidate)
            | ResolvedGate::StraightThrough { active: candidate, active_only: true, .. } => {
                std::slice::from_ref(candidate)
            }
            ResolvedGate::Relaxed(gate) | ResolvedGate::StraightThrough { over: gate, .. } => &gate.subset,
        }
    }
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
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resolved {
    /// One gate per edge, over all cell types.
    pub gates: Vec<ResolvedGate>,
    /// Whether every gate had sign −1.
    pub inverted: bool,
    /// The probability with which an example's output of (edge, candidate) is dropped in training, where it is not 0.
    pub drop: BTreeMap<(usize, usize), f64>,
    /// What is added to the loss of the architecture phase: per edge, costs · softmax(α).
    pub penalties: BTreeMap<usize, Vec<f64>>,
    /// The rows of α that the plan set.
    pub alpha: BTreeMap<usize, Vec<f64>>,
}

impl Resolved {
    /// The indices of the relaxed edges.
    pub fn relaxed(&self) -> impl Iterator<Item = usize> {
        let relaxed = |(i, gate): (usize, &ResolvedGate)| matches!(gate, ResolvedGate::Relaxed(_)).then_some(i);
        self.gates.iter().enumerate().filter_map(relaxed)
    }

    /// The indices of the edges whose gate has a softmax, through which α learns: relaxed and straight-through ones.
    pub fn learning(&self) -> impl Iterator<Item = usize> {
        self.gates.iter().enumerate().filter_map(|(i, gate)| gate.softmax().map(|_| i))
    }

    /// Every edge runs what `choices` says.
    pub fn of_choices(choices: &[Option<usize>]) -> Self {
        let gate = |choice: &Option<usize>| choice.map_or(ResolvedGate::Off, ResolvedGate::Single);
        Self { gates: choices.iter().map(gate).collect(), ..Self::default() }
    }

    /// The same values where no gradient to α is wanted: of a straight-through gate only the active candidate counts.
    pub fn without_gradient(&self) -> Self {
        let gate = |gate: &ResolvedGate| match gate {
            ResolvedGate::StraightThrough { active, .. } => ResolvedGate::Single(*active),
            other => other.clone(),
        };
        Self { gates: self.gates.iter().map(gate).collect(), ..self.clone() }
    }
}

impl Plan {
    /// Resolves the plan against α, in which the rows that the plan sets must stand already ([`Plan::set_alpha`]). Noise is drawn
    /// by edge, then candidate, from the stream of the plan's seed at position `step`.
    ///
    /// # Panics
    /// Where the plan was not checked against the space, or α is of another one.
    pub fn resolve(&self, alpha: &[Vec<f64>], step: u64) -> Resolved {
        let mut noise = self.gumbel.map(|seed| Source::new(seed, Purpose::GateNoise).at(step));
        let mut relaxed = |edge: usize, subset: Vec<usize>| {
            let own = self.edges.get(&edge).and_then(|own| own.noise.as_ref());
            let noise = match (own, &mut noise) {
                (Some(Noise::Given(values)), _) => subset.iter().map(|c| values[*c]).collect(),
                (Some(Noise::Gumbel(seed)), _) => {
                    let mut stream = Source::new(*seed, Purpose::GateNoise).at(step);
                    subset.iter().map(|_| stream.gumbel()).collect()
                }
                (None, Some(stream)) => subset.iter().map(|_| stream.gumbel()).collect(),
                (None, None) => Vec::new(),
            };
            Relaxed { subset, sign: self.sign_of(edge), temperature: self.temperature_of(edge), noise }
        };
        let gates = self.gates.iter().zip(alpha).enumerate().map(|(edge, (gate, row))| {
            let all = || (0..row.len()).collect();
            match gate {
                Gate::Off => ResolvedGate::Off,
                Gate::Only(candidate) => ResolvedGate::Single(*candidate),
                Gate::Strongest(subset) => {
                    let sign = self.sign_of(edge).factor();
                    let subset: Vec<usize> = subset.clone().unwrap_or_else(all);
                    let signed: Vec<f64> = subset.iter().map(|c| sign * row[*c]).collect();
                    ResolvedGate::Single(subset[strongest(&signed)])
                }
                Gate::Relaxed(subset) => ResolvedGate::Relaxed(relaxed(edge, subset.clone().unwrap_or_else(all))),
                Gate::StraightThrough(gate) => {
                    let over = relaxed(edge, gate.subset.clone().unwrap_or_else(all));
                    let active = gate.active.unwrap_or_else(|| {
                        let noise = over.noise.iter().chain(std::iter::repeat(&0.0));
                        let sums = over.subset.iter().zip(noise).map(|(c, n)| over.sign.factor() * row[*c] + n);
                        over.subset[strongest(&sums.collect::<Vec<f64>>())]
                    });
                    ResolvedGate::StraightThrough { over, active, active_only: gate.active_only }
                }
            }
        });
        let gates: Vec<ResolvedGate> = gates.collect();
        let inverted = (0..self.gates.len()).all(|edge| self.sign_of(edge) == Sign::Minus);
        let own = self.edges.iter().flat_map(|(edge, own)| own.drop.iter().map(|(c, p)| ((*edge, *c), *p)));
        let mut drop = self.drop.clone();
        drop.extend(own);
        drop.retain(|_, probability| *probability > 0.0);
        Resolved { gates, inverted, drop, penalties: self.penalties.clone(), alpha: self.alpha.clone() }
    }
}
