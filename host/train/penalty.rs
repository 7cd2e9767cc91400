//! Penalties: Σ costs · softmax(α) over edges, added to the loss of the architecture phase. On the host, in double precision: no
//! pass of the network is needed for them.

use crate::space::derive::softmax;
use std::collections::BTreeMap;

/// What an edge's costs add to the loss, Σ p · cost with p = softmax(α) over the edge's whole row, and its gradient with respect
/// to the row: p_c · (cost_c − Σ p · cost).
fn of_edge(row: &[f64], costs: &[f64]) -> (f64, Vec<f64>) {
    let p = softmax(row);
    let mean: f64 = p.iter().zip(costs).map(|(p, cost)| p * cost).sum();
    (mean, p.iter().zip(costs).map(|(p, cost)| p * (cost - mean)).collect())
}

/// Adds the penalties' gradient to the rows that they are on, and returns what they add to the loss. A row that had no gradient
/// has one then.
pub(super) fn add(penalties: &BTreeMap<usize, Vec<f64>>, alpha: &[Vec<f64>], rows: &mut [Option<Vec<f64>>]) -> f64 {
    let mut loss = 0.0;
    for (edge, costs) in penalties {
        let (value, gradient) = of_edge(&alpha[*edge], costs);
        loss += value;
        match &mut rows[*edge] {
            Some(row) => row.iter_mut().zip(&gradient).for_each(|(sum, g)| *sum += g),
            row => *row = Some(gradient),
        }
    }
    loss
}
