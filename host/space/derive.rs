//! From α to a genotype.

use super::Alpha;
use super::genotype::{Choices, Genotype};
use super::resolve::{CellType, Space};
use crate::random::{Purpose, Source};

pub use crate::spec::DeriveRule as Rule;

/// The position of the largest number; the first of equals.
pub fn strongest(row: &[f64]) -> usize {
    let mut best = 0;
    for (i, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = i;
        }
    }
    best
}

/// Softmax of a row.
pub fn softmax(row: &[f64]) -> Vec<f64> {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = row.iter().map(|a| libm::exp(a - largest)).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

/// What each edge becomes. Of equal values, the candidate or edge that comes first wins.
pub fn choices(space: &Space, alpha: &[Vec<f64>], rule: Rule) -> Choices {
    match rule {
        Rule::Argmax => alpha.iter().map(|row| Some(strongest(row))).collect(),
        Rule::Top2 => space.cell_types.iter().flat_map(|cell| top2(cell, alpha)).collect(),
    }
}

fn top2(cell: &CellType, alpha: &[Vec<f64>]) -> Choices {
    // (candidate, probability) of the strongest that carries something.
    let best: Vec<Option<(usize, f64)>> = (0..cell.edges.len())
        .map(|position| {
            let probabilities = softmax(&alpha[cell.first_edge + position]);
            (0..probabilities.len())
                .filter(|c| cell.edges[position].candidates[*c].carries)
                .map(|c| (c, probabilities[c]))
                .fold(None, |best: Option<(usize, f64)>, new| match best {
                    Some(old) if old.1 >= new.1 => Some(old),
                    _ => Some(new),
                })
        })
        .collect();
    let mut kept = vec![None; cell.edges.len()];
    for node in cell.inputs..cell.inputs + cell.nodes {
        let mut incoming: Vec<usize> =
            (0..cell.edges.len()).filter(|e| cell.edges[*e].to == node && best[*e].is_some()).collect();
        let probability = |e: &usize| best[*e].map_or(0.0, |b| b.1);
        // A stable sort: of equals the first stays first.
        incoming.sort_by(|a, b| probability(b).total_cmp(&probability(a)));
        for edge in incoming.into_iter().take(2) {
            kept[edge] = best[edge].map(|b| b.0);
        }
    }
    kept
}

/// The genotype that follows from α.
pub fn derive(space: &Space, alpha: &[Vec<f64>], rule: Rule) -> Genotype {
    Genotype::new(space, &choices(space, alpha, rule))
}

/// The genotype that a rule derives where chance has its way: each candidate of an edge is equally likely, and so is each edge where the
/// rule keeps some. The `number`-th of a seed.
pub fn random(space: &Space, rule: Rule, seed: u64, number: u64) -> Genotype {
    let mut stream = Source::new(seed, Purpose::RandomGenotype).at(number);
    let alpha: Alpha =
        space.edges().map(|(_, edge)| edge.candidates.iter().map(|_| stream.gumbel()).collect()).collect();
    derive(space, &alpha, rule)
}
