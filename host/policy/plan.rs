//! Plans: the gates of all edges for one step.

use super::gate::{EdgeSettings, Gate, Noise, Sign, check_drop, check_row, check_temperature};
use super::view::SpaceView;
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::space::Alpha;
use std::collections::BTreeMap;

/// The gates of all edges for one step, and what holds for all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One gate per edge, over all cell types.
    pub gates: Vec<Gate>,
    /// What edges have of their own.
    pub edges: BTreeMap<usize, EdgeSettings>,
    /// The sign of all other edges.
    pub sign: Sign,
    /// The temperature of all other gates with a softmax.
    pub temperature: f64,
    /// Where all other gates with a softmax have Gumbel noise: the seed of its stream. The same seed gives the same noise, so it
    /// has to be drawn anew in every iteration: [`Plan::gumbel`] does.
    pub gumbel: Option<u64>,
    /// The probability with which an example's output of (edge, candidate) is dropped in training.
    pub drop: BTreeMap<(usize, usize), f64>,
    /// Costs · softmax(α), added to the loss of the architecture phase: one cost per candidate of the edges that are here.
    pub penalties: BTreeMap<usize, Vec<f64>>,
    /// What rows of α become before the plan is resolved.
    pub alpha: BTreeMap<usize, Vec<f64>>,
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
        Self {
            gates: vec![gate; edges],
            edges: BTreeMap::new(),
            sign: Sign::Plus,
            temperature: 1.0,
            gumbel: None,
            drop: BTreeMap::new(),
            penalties: BTreeMap::new(),
            alpha: BTreeMap::new(),
        }
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

    /// Adds Gumbel noise to all gates with a softmax, from a stream whose seed is drawn from `random`: from
    /// [`Turn::random`], to get other noise in every iteration.
    ///
    /// [`Turn::random`]: super::Turn::random
    pub fn gumbel(mut self, random: &mut Stream) -> Self {
        self.gumbel = Some(random.index(u64::MAX));
        self
    }

    /// Adds a penalty to an edge; costs that it has already are added up.
    pub fn penalise(&mut self, edge: usize, costs: &[f64]) {
        let sum = self.penalties.entry(edge).or_insert_with(|| vec![0.0; costs.len()]);
        sum.iter_mut().zip(costs).for_each(|(sum, cost)| *sum += cost);
    }

    /// What an edge has of its own, to be changed.
    pub fn edge(&mut self, edge: usize) -> &mut EdgeSettings {
        self.edges.entry(edge).or_default()
    }

    /// The sign of an edge's gate.
    pub fn sign_of(&self, edge: usize) -> Sign {
        self.edges.get(&edge).and_then(|own| own.sign).unwrap_or(self.sign)
    }

    /// The temperature of an edge's gate.
    pub fn temperature_of(&self, edge: usize) -> f64 {
        self.edges.get(&edge).and_then(|own| own.temperature).unwrap_or(self.temperature)
    }

    /// Puts the rows that the plan sets into α.
    pub fn set_alpha(&self, alpha: &mut Alpha) {
        for (edge, row) in &self.alpha {
            alpha[*edge].clone_from(row);
        }
    }

    /// Checks the plan against a space.
    ///
    /// # Errors
    /// Where it has not one gate per edge, names an edge or a candidate that is not there or an empty subset, or sets something
    /// that cannot be.
    pub fn check(&self, space: &SpaceView) -> Result<()> {
        if self.gates.len() != space.edges.len() {
            return Err(Error::new("the plan was made for another space")
                .expected(format!("{} gates", space.edges.len()))
                .found(format!("{} gates", self.gates.len())));
        }
        check_temperature(self.temperature)?;
        for (gate, edge) in self.gates.iter().zip(&space.edges) {
            check_gate(gate, edge.index, edge.candidates.len())?;
        }
        let rows = [("the penalty", &self.penalties), ("α", &self.alpha)];
        let edges = self.edges.keys().chain(rows.iter().flat_map(|(_, rows)| rows.keys()));
        let edges = edges.chain(self.drop.keys().map(|(edge, _)| edge));
        if let Some(edge) = edges.into_iter().find(|edge| **edge >= space.edges.len()) {
            return Err(Error::new("the space has no such edge")
                .expected(format!("an index from 0 to {}", space.edges.len().saturating_sub(1)))
                .found(edge.to_string()));
        }
        for (what, rows) in rows {
            for (edge, row) in rows {
                check_row(what, row, *edge, space.edges[*edge].candidates.len())?;
            }
        }
        for ((edge, candidate), probability) in &self.drop {
            check_one_drop(*edge, *candidate, *probability, space.edges[*edge].candidates.len())?;
        }
        self.edges.iter().try_for_each(|(edge, own)| check_edge(own, *edge, space.edges[*edge].candidates.len()))
    }
}

fn no_candidate(edge: usize, candidates: usize, found: usize) -> Error {
    Error::new(format!("edge {edge} has no candidate number {found}"))
        .expected(format!("0 to {}", candidates.saturating_sub(1)))
}

fn check_gate(gate: &Gate, edge: usize, candidates: usize) -> Result<()> {
    if let Gate::Strongest(Some(subset)) | Gate::Relaxed(Some(subset)) = gate
        && subset.is_empty()
    {
        return Err(Error::new(format!("the gate of edge {edge} has an empty subset")));
    }
    if let Some(wrong) = gate.named().iter().find(|c| **c >= candidates) {
        return Err(no_candidate(edge, candidates, *wrong));
    }
    if let Gate::StraightThrough(gate) = gate
        && let Some(subset) = &gate.subset
    {
        if subset.is_empty() {
            return Err(Error::new(format!("the gate of edge {edge} has an empty subset")));
        }
        if let Some(active) = gate.active.filter(|active| !subset.contains(active)) {
            return Err(Error::new(format!("the active candidate of edge {edge} is not in its subset"))
                .expected(format!("one of {subset:?}"))
                .found(active.to_string()));
        }
    }
    Ok(())
}

fn check_edge(own: &EdgeSettings, edge: usize, candidates: usize) -> Result<()> {
    own.temperature.map_or(Ok(()), check_temperature)?;
    if let Some(Noise::Given(values)) = &own.noise {
        check_row("the noise", values, edge, candidates)?;
    }
    own.drop.iter().try_for_each(|(candidate, p)| check_one_drop(edge, *candidate, *p, candidates))
}

fn check_one_drop(edge: usize, candidate: usize, probability: f64, candidates: usize) -> Result<()> {
    check_drop(probability)?;
    if candidate >= candidates {
        return Err(no_candidate(edge, candidates, candidate));
    }
    Ok(())
}
