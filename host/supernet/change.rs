//! Networks that lose candidates, or whose weights start anew. Nothing is built again: no op set is asked.

use super::network::{Block, Network, Part};
use crate::error::Result;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Network {
    /// Leaves the edges named here with these candidates; the parameters of the others are gone. Returns the new position of every
    /// parameter that is left, by its old one.
    ///
    /// # Panics
    /// Where an edge or a candidate is not there.
    pub fn keep(&mut self, keep: &BTreeMap<usize, Vec<usize>>) -> Vec<Option<usize>> {
        let old = self.space.clone();
        for part in &mut self.parts {
            let Part::Cell(cell) = part else { continue };
            let first = old.cell_types[cell.cell_type].first_edge;
            for (position, candidates) in cell.edges.iter_mut().enumerate() {
                if let Some(kept) = keep.get(&(first + position)) {
                    *candidates = kept.iter().map(|c| candidates[*c].take()).collect();
                }
            }
        }
        self.space = Arc::new(old.keeping(keep));
        let mut used = vec![false; self.parameters.len()];
        self.blocks().iter().flat_map(|block| &block.tensors).for_each(|tensor| used[*tensor] = true);
        let moved = self.parameters.retain(&used);
        self.each_block(&mut |block| {
            block.tensors.iter_mut().for_each(|tensor| *tensor = moved[*tensor].unwrap_or(*tensor));
        });
        moved
    }

    /// Puts all weights and buffers back to where they started.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn restart(&mut self) -> Result<()> {
        let mut starts = self.blocks().into_iter().flat_map(|block| block.tensors.iter().zip(&block.graph.tensors));
        starts.try_for_each(|(tensor, spec)| self.parameters.restart(*tensor, spec))
    }

    fn each_block(&mut self, change: &mut dyn FnMut(&mut Block)) {
        change(&mut self.stem);
        for part in &mut self.parts {
            match part {
                Part::Fixed(block) => change(block),
                Part::Cell(cell) => {
                    let edges = cell.edges.iter_mut().flatten();
                    cell.preprocess.iter_mut().chain(edges).flatten().for_each(&mut *change);
                }
            }
        }
        change(&mut self.head);
    }
}
