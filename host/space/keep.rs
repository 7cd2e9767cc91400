//! A space whose edges keep some of their candidates only.

use super::Alpha;
use super::resolve::Space;
use std::collections::BTreeMap;

impl Space {
    /// The space in which the edges named here keep these candidates, in order of their positions; the others stay as they are.
    /// Its form remains the whole one, so that its genotypes are genotypes of the whole space.
    ///
    /// # Panics
    /// Where an edge or a candidate is not there.
    pub fn keeping(&self, keep: &BTreeMap<usize, Vec<usize>>) -> Self {
        let mut space = self.clone();
        for cell in &mut space.cell_types {
            for (position, edge) in cell.edges.iter_mut().enumerate() {
                if let Some(kept) = keep.get(&(cell.first_edge + position)) {
                    edge.candidates = kept.iter().map(|c| edge.candidates[*c].clone()).collect();
                }
            }
        }
        space
    }
}

/// Rows of numbers, one per candidate, of the candidates that are kept.
pub fn keep_rows(rows: &mut Alpha, keep: &BTreeMap<usize, Vec<usize>>) {
    for (edge, kept) in keep {
        rows[*edge] = kept.iter().map(|c| rows[*edge][*c]).collect();
    }
}
