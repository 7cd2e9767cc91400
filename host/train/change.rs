//! What a policy may change at the end of an epoch: which candidates edges keep, and whether the weights start anew.

use super::optimizer::{Architecture, Sgd};
use super::step::Trainer;
use crate::error::Result;
use crate::space::keep::keep_rows;
use crate::supernet::{Include, Network};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Trainer {
    /// Leaves the edges named here with these candidates: network, α and both optimizers' memory lose the others for good.
    ///
    /// # Errors
    /// What libtorch refuses.
    ///
    /// # Panics
    /// Where an edge or a candidate is not there.
    pub fn keep(&mut self, keep: &BTreeMap<usize, Vec<usize>>) -> Result<()> {
        let space = Arc::new(self.network.space.keeping(keep));
        let network = Network::build(&space, &self.network.settings, Include::All)?;
        network.parameters.copy_from(&self.network.parameters)?;
        self.weights.follow(&self.network.parameters, &network.parameters);
        self.network = network;
        self.architecture.keep(keep);
        Ok(())
    }

    /// Puts all weights and buffers back to where they started, and forgets the momentum of the weights. α stays.
    ///
    /// # Errors
    /// What libtorch refuses.
    pub fn reset_weights(&mut self) -> Result<()> {
        self.network = Network::build(&self.network.space, &self.network.settings, Include::All)?;
        self.weights.momentum.clear();
        Ok(())
    }
}

impl Sgd {
    /// Gives every momentum to the parameter of the same name in another network; what is not there is forgotten.
    fn follow(&mut self, from: &crate::supernet::Parameters, to: &crate::supernet::Parameters) {
        let momentum = std::mem::take(&mut self.momentum);
        let moved = |(index, tensor)| Some((to.position(&from.get(index).name)?, tensor));
        self.momentum = momentum.into_iter().filter_map(moved).collect();
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
