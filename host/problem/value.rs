//! What an architecture is worth: its error when it is trained alone, without noise, to the end.
//!
//! With the last edge's filter given, a cell is linear in the weights of the others, and the other way round: the two least
//! squares are solved in turn until nothing changes, from several starts where the last edge has weights. Where edges have
//! targets of their own, each is a least squares of its own.

use super::cell::{Cell, EDGES};
use super::operation::{Filter, MODES, OPERATIONS, add, fixed};
use crate::random::Stream;

/// The most turns, and the share of the signal below which a turn is the last.
const TURNS: usize = 60;
const NEGLIGIBLE: f64 = 1e-7;

/// The edge that runs what others made.
const LAST: usize = 4;
/// Of each input: the edge to the node before the last one, and the edge past it.
const PATHS: [(usize, usize); 2] = [(0, 2), (1, 3)];

impl Cell {
    /// The error of an architecture, as a share of the signal's variance: an operation per edge.
    ///
    /// # Panics
    /// Where it has not one operation per edge.
    pub fn error(&self, architecture: &[usize]) -> f64 {
        assert_eq!(architecture.len(), EDGES.len(), "an architecture has one operation per edge");
        let error = if self.coupled { self.coupled_error(architecture) } else { self.error_by_edge(architecture) };
        error / self.signal
    }

    /// The mean error over random architectures.
    pub(super) fn mean_error(&self, count: usize, mut stream: Stream) -> f64 {
        let architecture = |_| EDGES.map(|_| stream.index(OPERATIONS.len() as u64) as usize);
        (0..count).map(architecture).map(|a| self.error(&a)).sum::<f64>() / count as f64
    }

    fn error_by_edge(&self, architecture: &[usize]) -> f64 {
        let edge = |(edge, operation): (usize, &usize)| {
            let mut target = self.filters[edge];
            add(&mut target, -1.0, &fixed(*operation));
            fit(&self.power, &target, self.basis(edge, *operation)).1
        };
        architecture.iter().enumerate().map(edge).sum()
    }

    fn coupled_error(&self, architecture: &[usize]) -> f64 {
        let basis = self.basis(LAST, architecture[LAST]);
        if basis.is_empty() {
            return self.around(architecture, &fixed(architecture[LAST])).0;
        }
        let strong = libm::sqrt(MODES as f64) / 1.6;
        let mut starts = vec![[0.0; MODES]];
        for part in &basis[..2] {
            starts.extend([strong, -strong].map(|factor| part.map(|v| factor * v)));
        }
        starts.into_iter().map(|start| self.alternate(architecture, start)).fold(f64::INFINITY, f64::min)
    }

    /// From a filter of the last edge on.
    fn alternate(&self, architecture: &[usize], mut last: Filter) -> f64 {
        let basis = self.basis(LAST, architecture[LAST]);
        let targets = self.gains(&self.filters);
        let mut error = f64::INFINITY;
        for _ in 0..TURNS {
            let (now, filters) = self.around(architecture, &last);
            if error - now < NEGLIGIBLE * self.signal {
                return now.min(error);
            }
            error = now;
            // Σ over inputs of power · (target − first · (1 + last) − past)² as a weighted least squares in `last`.
            let mut weight = [0.0; MODES];
            let mut target = [0.0; MODES];
            for m in 0..MODES {
                let squares = (0..2).map(|i| filters[i].0[m] * filters[i].0[m]).sum::<f64>() + 1e-12;
                let products = (0..2).map(|i| filters[i].0[m] * (targets[i][m] - filters[i].0[m] - filters[i].1[m]));
                target[m] = products.sum::<f64>() / squares;
                weight[m] = self.power[m] * squares;
            }
            let (weights, _) = fit(&weight, &target, basis);
            last = [0.0; MODES];
            weights.iter().zip(basis).for_each(|(w, b)| add(&mut last, *w, b));
        }
        error
    }

    /// The least error around a filter of the last edge, and the filters of both edges of each input that give it.
    fn around(&self, architecture: &[usize], last: &Filter) -> (f64, [(Filter, Filter); 2]) {
        let targets = self.gains(&self.filters);
        let mut error = 0.0;
        let filters = [0, 1].map(|input: usize| {
            let (first, past) = PATHS[input];
            let through = |filter: &Filter| -> Filter { std::array::from_fn(|m| filter[m] * (1.0 + last[m])) };
            let (mut a, mut b) = (fixed(architecture[first]), fixed(architecture[past]));
            let mut target = targets[input];
            add(&mut target, -1.0, &through(&a));
            add(&mut target, -1.0, &b);
            let (basis_a, basis_b) = (self.basis(first, architecture[first]), self.basis(past, architecture[past]));
            let columns: Vec<Filter> = basis_a.iter().map(through).chain(basis_b.iter().copied()).collect();
            let (weights, left) = fit(&self.power, &target, &columns);
            error += left;
            let (weights_a, weights_b) = weights.split_at(basis_a.len());
            weights_a.iter().zip(basis_a).for_each(|(w, basis)| add(&mut a, *w, basis));
            weights_b.iter().zip(basis_b).for_each(|(w, basis)| add(&mut b, *w, basis));
            (a, b)
        });
        (error, filters)
    }
}

/// Least squares: the factors of the columns for which Σ weight · (target − Σ factor · column)² is least, and that sum.
fn fit(weight: &Filter, target: &Filter, columns: &[Filter]) -> (Vec<f64>, f64) {
    let n = columns.len();
    let product = |a: &Filter, b: &Filter| (0..MODES).map(|m| weight[m] * a[m] * b[m]).sum::<f64>();
    let mut rows: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let mut row: Vec<f64> = columns.iter().map(|column| product(&columns[i], column)).collect();
            // Columns that say the same are no reason to divide by zero.
            row[i] += 1e-9;
            row.push(product(&columns[i], target));
            row
        })
        .collect();
    for i in 0..n {
        let pivot = rows[i].clone();
        for (k, row) in rows.iter_mut().enumerate() {
            let factor = row[i] / pivot[i];
            if k != i {
                row.iter_mut().zip(&pivot).skip(i).for_each(|(v, p)| *v -= factor * p);
            }
        }
    }
    let factors: Vec<f64> = (0..n).map(|i| rows[i][n] / rows[i][i]).collect();
    let mut left = *target;
    factors.iter().zip(columns).for_each(|(factor, column)| add(&mut left, -factor, column));
    let error = product(&left, &left);
    (factors, error)
}
