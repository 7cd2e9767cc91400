//! What was drawn: how often each edge was relaxed, what ran, and when the sign of α was flipped.

use super::edges::EdgeName;
use super::lines::{Gate, Trace, each_line};
use crate::policy::summary::Counts;
use crate::run::LogName;
use std::path::Path;

/// What the steps of a run were.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draws {
    /// Steps; a plan that serves both phases is one.
    pub steps: u64,
    /// Steps in which every gate was inverted.
    pub inverted: u64,
    /// Stretches of epochs that had inverted steps: the first and the last of each.
    pub inverted_epochs: Vec<(u64, u64)>,
    /// The edges, by index.
    pub edges: Vec<EdgeDraws>,
}

/// What an edge did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EdgeDraws {
    /// Steps in which it was relaxed or straight-through.
    pub drawn: u64,
    /// Steps in which it was off.
    pub off: u64,
    /// What its candidates did, by name.
    pub candidates: Vec<(String, Counts)>,
}

impl EdgeDraws {
    /// What a candidate did.
    fn of(&mut self, name: &str) -> &mut Counts {
        let at = self.candidates.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.candidates.push((name.to_owned(), Counts::default()));
            self.candidates.len() - 1
        });
        &mut self.candidates[at].1
    }
}

impl Draws {
    /// Those of a run's trace. Edges whose names are not known get what the trace tells of them.
    pub(super) fn read(run: &Path, edges: &mut Vec<EdgeName>) -> (Self, Vec<String>) {
        let mut draws = Self::default();
        let of_edge = |edge: &EdgeName| EdgeDraws {
            candidates: edge.candidates.iter().map(|name| (name.clone(), Counts::default())).collect(),
            ..EdgeDraws::default()
        };
        draws.edges = edges.iter().map(of_edge).collect();
        let missing = each_line(&run.join(LogName::Trace.file()), |line| {
            let Ok(line) = serde_json::from_slice::<Trace>(line) else { return false };
            draws.add(&line, edges);
            true
        });
        (draws, missing)
    }

    fn add(&mut self, line: &Trace, edges: &mut Vec<EdgeName>) {
        self.steps += 1;
        if line.inverted {
            self.inverted += 1;
            match self.inverted_epochs.last_mut() {
                Some((_, last)) if line.epoch <= *last + 1 => *last = line.epoch.max(*last),
                _ => self.inverted_epochs.push((line.epoch, line.epoch)),
            }
        }
        if self.edges.len() < line.gates.len() {
            self.edges.resize_with(line.gates.len(), EdgeDraws::default);
        }
        for drawn in line.relaxed.iter().filter(|drawn| drawn.index < line.gates.len()) {
            if edges.len() <= drawn.index {
                edges.resize_with(drawn.index + 1, EdgeName::default);
            }
            let edge = &mut edges[drawn.index];
            if edge.cell.is_empty() {
                (edge.cell, edge.position) = (drawn.cell.as_ref().to_owned(), drawn.edge);
            }
        }
        for (gate, edge) in line.gates.iter().zip(&mut self.edges) {
            match gate {
                Gate::Off => edge.off += 1,
                Gate::Alone(name) => edge.of(name).alone += 1,
                Gate::Softmax(names) => {
                    edge.drawn += 1;
                    names.iter().for_each(|name| edge.of(name).softmax += 1);
                }
            }
        }
    }

    /// What candidates did over all edges, by name, in the order in which edges name them.
    pub fn candidates(&self) -> Vec<(String, Counts)> {
        let mut all = EdgeDraws::default();
        for (name, counts) in self.edges.iter().flat_map(|edge| &edge.candidates) {
            let sum = all.of(name);
            sum.alone += counts.alone;
            sum.softmax += counts.softmax;
        }
        all.candidates
    }
}
