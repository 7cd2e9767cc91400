//! α over the epochs of a run.

use super::edges::EdgeName;
use super::lines::{Number, each_line};
use super::series::Sampled;
use crate::run::LogName;
use crate::space::genotype::Ordered;
use serde::Deserialize;
use std::path::Path;

/// The most numbers of α that are kept, over all epochs.
const MOST: usize = 30_000;

/// α of every edge over the epochs.
#[derive(Debug, Clone, PartialEq)]
pub struct AlphaHistory {
    /// Epochs, each with α: a row per edge, a number per candidate; NaN for one that the edge has lost.
    pub epochs: Sampled<(u64, Vec<Vec<f64>>)>,
    /// Per edge: how often, from one epoch to the next, another candidate became the strongest.
    pub strongest_changed: Vec<u64>,
    /// Per edge: from how many epochs to the next the order of its candidates changed.
    pub order_changed: Vec<u64>,
}

impl Default for AlphaHistory {
    fn default() -> Self {
        Self { epochs: Sampled::new(2), strongest_changed: Vec::new(), order_changed: Vec::new() }
    }
}

#[derive(Deserialize)]
struct Line {
    epoch: u64,
    cells: Ordered<Vec<Vec<Number>>>,
    #[serde(default)]
    candidates: Option<Ordered<Vec<Vec<String>>>>,
}

impl AlphaHistory {
    /// That of a run. Edges whose names are not known get what the file tells of them.
    pub(super) fn read(run: &Path, edges: &mut Vec<EdgeName>) -> (Self, Vec<String>) {
        let mut history = Self { epochs: Sampled::new(2), strongest_changed: Vec::new(), order_changed: Vec::new() };
        let mut orders: Vec<Vec<usize>> = Vec::new();
        let missing = each_line(&run.join(LogName::Alpha.file()), |line| {
            let Ok(line) = serde_json::from_slice::<Line>(line) else { return false };
            name(&line, edges);
            let Some(rows) = rows(&line, edges) else { return false };
            if orders.is_empty() {
                let numbers: usize = rows.iter().map(Vec::len).sum();
                history.epochs = Sampled::new((MOST / numbers.max(1)).clamp(20, 400));
                history.strongest_changed = vec![0; rows.len()];
                history.order_changed = vec![0; rows.len()];
            } else if orders.len() != rows.len() {
                return false;
            }
            let now: Vec<Vec<usize>> = rows.iter().map(|row| order(row)).collect();
            for (edge, (before, after)) in orders.iter().zip(&now).enumerate() {
                history.strongest_changed[edge] += u64::from(before.first() != after.first());
                history.order_changed[edge] += u64::from(before != after);
            }
            orders = now;
            history.epochs.push((line.epoch, rows));
            true
        });
        (history, missing)
    }

    /// Per edge: the position of its strongest candidate after the last epoch.
    pub fn strongest(&self) -> Vec<usize> {
        let rows = self.epochs.last().map_or(&[][..], |(_, rows)| rows);
        rows.iter().filter_map(|row| order(row).first().copied()).collect()
    }
}

/// The positions of what is there, the largest first; of equals, what comes first.
fn order(row: &[f64]) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..row.len()).filter(|at| !row[*at].is_nan()).collect();
    positions.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
    positions
}

/// Names what has no names yet.
fn name(line: &Line, edges: &mut Vec<EdgeName>) {
    let mut index = 0;
    for (cell, rows) in &line.cells.0 {
        let kept = line.candidates.as_ref().and_then(|all| all.get(cell));
        for (position, row) in rows.iter().enumerate() {
            if edges.len() <= index {
                edges.push(EdgeName::default());
            }
            let edge = &mut edges[index];
            if edge.cell.is_empty() {
                (edge.cell, edge.position) = (cell.clone(), position);
            }
            if edge.candidates.is_empty() {
                let kept = kept.and_then(|kept| kept.get(position));
                let numbered = || (0..row.len()).map(|at| format!("candidate {at}")).collect();
                edge.candidates = kept.cloned().unwrap_or_else(numbered);
            }
            index += 1;
        }
    }
}

/// A row per edge with a number for each of the candidates that it began with; `None` where a row has others.
fn rows(line: &Line, edges: &[EdgeName]) -> Option<Vec<Vec<f64>>> {
    let mut rows = Vec::new();
    for (cell, of_cell) in &line.cells.0 {
        let kept = line.candidates.as_ref().and_then(|all| all.get(cell));
        for (position, row) in of_cell.iter().enumerate() {
            let all = &edges.get(rows.len())?.candidates;
            let mut aligned = vec![f64::NAN; all.len()];
            match kept.and_then(|kept| kept.get(position)) {
                Some(names) if names.len() == row.len() => {
                    for (name, value) in names.iter().zip(row) {
                        aligned[all.iter().position(|known| known == name)?] = value.0;
                    }
                }
                None if row.len() == all.len() => aligned = row.iter().map(|value| value.0).collect(),
                _ => return None,
            }
            rows.push(aligned);
        }
    }
    Some(rows)
}
