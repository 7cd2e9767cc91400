//! Gates, plans and steps: what a policy says.

use super::view::SpaceView;
use crate::error::{Error, Result};
use crate::random::Stream;
use serde::{Deserialize, Serialize};

/// The sign of α in a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sign {
    /// α as it is (eq. 1 and 2 of the paper).
    #[default]
    Plus,
    /// −α: inverted (eq. 3).
    Minus,
}

impl Sign {
    /// The factor.
    pub fn factor(self) -> f64 {
        match self {
            Sign::Plus => 1.0,
            Sign::Minus => -1.0,
        }
    }
}

/// What one edge does in one step. Candidates are positions in the edge's row of α; a subset of `None` is all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// The candidate of a subset for which sign · α is largest, alone (eq. 2).
    Strongest(Option<Vec<usize>>),
    /// One candidate, alone.
    Only(usize),
    /// The sum of a subset's candidates, weighted by softmax((sign · α + noise) / temperature) over the subset (eq. 1 and 3).
    Relaxed(Option<Vec<usize>>),
    /// Nothing.
    Off,
}

/// The lowest temperature. Below it, α divided by it leaves the range of the numbers that the softmax is computed in.
pub const LEAST_TEMPERATURE: f64 = 1e-6;

/// Whether relaxed gates can be computed at a temperature.
///
/// # Errors
/// Where it is below [`LEAST_TEMPERATURE`], or not finite.
pub fn check_temperature(temperature: f64) -> Result<()> {
    if temperature >= LEAST_TEMPERATURE && temperature.is_finite() {
        return Ok(());
    }
    Err(Error::new("the temperature is out of range")
        .expected(format!("a number of at least {LEAST_TEMPERATURE:?}"))
        .found(format!("{temperature:?}")))
}

/// The gates of all edges for one step, and what holds for all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One gate per edge, over all cell types.
    pub gates: Vec<Gate>,
    /// The signs of edges that have one of their own; it wins over the plan's.
    pub signs: Vec<Option<Sign>>,
    /// The sign of all other edges.
    pub sign: Sign,
    /// The temperature of all relaxed gates.
    pub temperature: f64,
    /// Where relaxed gates have Gumbel noise: the seed of its stream. The same seed gives the same noise, so it has to be
    /// drawn anew in every iteration: [`Plan::gumbel`] does.
    pub gumbel: Option<u64>,
}

impl Plan {
    /// Every edge runs its strongest candidate.
    pub fn strongest(edges: usize) -> Self {
        Self::filled(Gate::Strongest(None), edges)
    }

    /// Every edge is off.
    pub fn empty(edges: usize) -> Self {
        Self::filled(Gate::Off, edges)
    }

    fn filled(gate: Gate, edges: usize) -> Self {
        Self { gates: vec![gate; edges], signs: vec![None; edges], sign: Sign::Plus, temperature: 1.0, gumbel: None }
    }

    /// Relaxes an edge over all of its candidates.
    ///
    /// # Panics
    /// Where `edge` is not below the number of edges that the plan was made for.
    pub fn relax(mut self, edge: usize) -> Self {
        self.gates[edge] = Gate::Relaxed(None);
        self
    }

    /// Relaxes every edge.
    pub fn relax_all(mut self) -> Self {
        self.gates.fill(Gate::Relaxed(None));
        self
    }

    /// Inverts α on every edge.
    pub fn invert(mut self) -> Self {
        self.sign = Sign::Minus;
        self
    }

    /// Adds Gumbel noise to all relaxed gates, from a stream whose seed is drawn from `random`: from [`Turn::random`], to
    /// get other noise in every iteration.
    ///
    /// [`Turn::random`]: super::Turn::random
    pub fn gumbel(mut self, random: &mut Stream) -> Self {
        self.gumbel = Some(random.index(u64::MAX));
        self
    }

    /// Checks the plan against a space.
    ///
    /// # Errors
    /// Where it has not one gate per edge, names a candidate that an edge lacks, an empty subset, or has a temperature
    /// below [`LEAST_TEMPERATURE`].
    pub fn check(&self, space: &SpaceView) -> Result<()> {
        if self.gates.len() != space.edges.len() || self.signs.len() != space.edges.len() {
            return Err(Error::new("the plan was made for another space")
                .expected(format!("{} gates", space.edges.len()))
                .found(format!("{} gates", self.gates.len())));
        }
        check_temperature(self.temperature)?;
        for (gate, edge) in self.gates.iter().zip(&space.edges) {
            let named: &[usize] = match gate {
                Gate::Only(candidate) => std::slice::from_ref(candidate),
                Gate::Strongest(Some(subset)) | Gate::Relaxed(Some(subset)) => subset,
                _ => continue,
            };
            if named.is_empty() {
                return Err(Error::new(format!("the gate of edge {} has an empty subset", edge.index)));
            }
            if let Some(wrong) = named.iter().find(|c| **c >= edge.candidates.len()) {
                return Err(Error::new(format!("edge {} has no candidate number {wrong}", edge.index))
                    .expected(format!("0 to {}", edge.candidates.len() - 1)));
            }
        }
        Ok(())
    }
}

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Updates α on the search split.
    Architecture,
    /// Updates weights on the train split.
    Weights,
    /// Looks at a batch of the search split; nothing changes.
    Measure,
}

impl Phase {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Architecture => "architecture",
            Phase::Weights => "weights",
            Phase::Measure => "measure",
        }
    }
}

/// One entry of an iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What the step updates.
    pub phase: Phase,
    /// What the edges do.
    pub plan: Plan,
}

/// What a policy answers for one iteration.
#[derive(Debug, Clone, PartialEq)]
pub enum Steps {
    /// One plan for the architecture phase and then the weights phase, resolved once.
    Both(Plan),
    /// Any steps; each is resolved when its turn comes.
    List(Vec<Step>),
}

/// The most steps that an iteration may have.
pub const MOST_STEPS: usize = 256;

impl Steps {
    /// Checks every plan against a space, and the number of steps.
    ///
    /// # Errors
    /// As [`Plan::check`].
    pub fn check(&self, space: &SpaceView) -> Result<()> {
        match self {
            Steps::Both(plan) => plan.check(space),
            Steps::List(steps) if steps.is_empty() || steps.len() > MOST_STEPS => {
                Err(Error::new("an iteration has an impossible number of steps")
                    .expected(format!("1 to {MOST_STEPS}"))
                    .found(steps.len().to_string()))
            }
            Steps::List(steps) => steps.iter().try_for_each(|step| step.plan.check(space)),
        }
    }

    /// The plan of each step, with its phase; without one where it serves both.
    pub fn plans(&self) -> Vec<(Option<Phase>, &Plan)> {
        match self {
            Steps::Both(plan) => vec![(None, plan)],
            Steps::List(list) => list.iter().map(|step| (Some(step.phase), &step.plan)).collect(),
        }
    }

    /// The plan of the last step of the weights phase, if there is one.
    pub fn weights_plan(&self) -> Option<&Plan> {
        match self {
            Steps::Both(plan) => Some(plan),
            Steps::List(steps) => steps.iter().rev().find(|s| s.phase == Phase::Weights).map(|s| &s.plan),
        }
    }
}
