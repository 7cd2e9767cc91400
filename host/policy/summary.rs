//! What a trace comes to: how often edges and candidates were drawn, over all and per epoch.

use super::resolve::{Resolved, ResolvedGate};
use super::trace::Traced;
use super::view::SpaceView;
use serde::Serialize;

/// How often something was the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Steps in which it ran alone.
    pub alone: u64,
    /// Steps in which it was one of a softmax: relaxed, or straight-through.
    pub softmax: u64,
}

/// One edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EdgeSummary {
    /// Its index.
    pub index: usize,
    /// Its cell type.
    pub cell: String,
    /// The node that it comes from.
    pub from: usize,
    /// The node that it leads to.
    pub to: usize,
    /// Steps in which it was relaxed or straight-through.
    pub drawn: u64,
    /// Steps in which it was off.
    pub off: u64,
    /// What its candidates did, by name.
    pub candidates: Vec<(String, Counts)>,
}

/// One epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct EpochSummary {
    /// The epoch.
    pub epoch: u64,
    /// Steps.
    pub steps: u64,
    /// Inverted steps.
    pub inverted: u64,
    /// Edges that were relaxed or straight-through, over all steps.
    pub drawn: u64,
    /// Candidates that were computed, over all steps and edges: `none` among them.
    pub computed: u64,
    /// The sum of the temperatures of all softmaxes, their number being `drawn`.
    #[serde(skip)]
    temperatures: f64,
}

impl EpochSummary {
    /// The mean temperature of its softmaxes, where there was one.
    pub fn temperature(&self) -> Option<f64> {
        (self.drawn > 0).then(|| self.temperatures / self.drawn as f64)
    }
}

/// What a trace comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TraceSummary {
    /// Steps; a plan that serves both phases is one.
    pub steps: u64,
    /// The edges.
    pub edges: Vec<EdgeSummary>,
    /// The epochs.
    pub epochs: Vec<EpochSummary>,
}

impl TraceSummary {
    /// Nothing yet.
    pub fn new(space: &SpaceView) -> Self {
        let edge = |e: &super::EdgeView| EdgeSummary {
            index: e.index,
            cell: e.cell.clone(),
            from: e.from,
            to: e.to,
            drawn: 0,
            off: 0,
            candidates: e.candidates.iter().map(|name| (name.clone(), Counts::default())).collect(),
        };
        Self { steps: 0, edges: space.edges.iter().map(edge).collect(), epochs: Vec::new() }
    }

    /// Adds a step.
    pub fn add(&mut self, traced: &Traced) {
        let Traced { clock, plan, space, .. } = traced;
        if self.epochs.last().is_none_or(|last| last.epoch != clock.epoch) {
            self.epochs.push(EpochSummary { epoch: clock.epoch, ..EpochSummary::default() });
        }
        self.steps += 1;
        if let Some(epoch) = self.epochs.last_mut() {
            epoch.steps += 1;
            epoch.inverted += u64::from(plan.inverted);
        }
        self.add_gates(plan, space);
    }

    fn add_gates(&mut self, plan: &Resolved, space: &SpaceView) {
        let Some(epoch) = self.epochs.last_mut() else { return };
        for ((gate, edge), view) in plan.gates.iter().zip(&mut self.edges).zip(&space.edges) {
            let running = gate.running();
            epoch.computed += running.len() as u64;
            edge.off += u64::from(matches!(gate, ResolvedGate::Off));
            // An edge that lost candidates has other positions than at the start.
            let mut count = |candidate: usize, add: fn(&mut Counts)| {
                let name = &view.candidates[candidate];
                let same = edge.candidates.get(candidate).is_some_and(|(n, _)| n == name);
                let at = if same { Some(candidate) } else { edge.candidates.iter().position(|(n, _)| n == name) };
                if let Some(at) = at {
                    add(&mut edge.candidates[at].1);
                }
            };
            match gate.softmax() {
                Some(softmax) => {
                    softmax.subset.iter().for_each(|c| count(*c, |counts| counts.softmax += 1));
                    edge.drawn += 1;
                    epoch.drawn += 1;
                    epoch.temperatures += softmax.temperature;
                }
                None => running.iter().for_each(|c| count(*c, |counts| counts.alone += 1)),
            }
        }
    }

    /// What candidates did over all edges, by name, in the order in which edges name them.
    pub fn candidates(&self) -> Vec<(String, Counts)> {
        let mut list: Vec<(String, Counts)> = Vec::new();
        for (name, counts) in self.edges.iter().flat_map(|edge| &edge.candidates) {
            match list.iter_mut().find(|(n, _)| n == name) {
                Some((_, sum)) => {
                    sum.alone += counts.alone;
                    sum.softmax += counts.softmax;
                }
                None => list.push((name.clone(), *counts)),
            }
        }
        list
    }
}
