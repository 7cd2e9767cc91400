//! What a policy may change at the end of an epoch: which candidates edges keep, and whether the weights start anew.

use super::optimizer::Architecture;
use super::step::Trainer;
use crate::error::Result;
use crate::space::keep::keep_rows;
use std::collections::BTreeMap;

impl Trainer {
    /// Leaves the edges named here with these candidates: network, α and both optimizers' memory lose the others for good.
    ///
    /// # Panics
    /// Where an edge or a candidate is not there.
    pub fn keep(&mut self, keep: &BTreeMap<usize, Vec<usize>>) {
        let moved = self.network.keep(keep);
        let momentum = std::mem::take(&mut self.weights.momentum);
        let follow = |(old, tensor): (usize, _)| Some((moved[old]?, tensor));
        self.weights.momentum = momentum.into_iter().filter_map(follow).collect();
        self.architecture.keep(keep);
    }

    /// Puts all weights and buffers back to where they started, and forgets the momentum of the weights. α stays.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn reset_weights(&mut self) -> Result<()> {
        self.weights.momentum.clear();
        self.network.restart()
    }
}

impl Architecture {
    /// Keeps α and its moments of these candidates.
    fn keep(&mut self, keep: &BTreeMap<usize, Vec<usize>>) {
        for rows in [&mut self.alpha, &mut self.first, &mut self.second] {
            keep_rows(rows, keep);
        }
    }
}
