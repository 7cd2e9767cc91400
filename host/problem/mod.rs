//! A small bilevel problem on which a policy can be tried in a fraction of a second: the best architecture is known, and the traps
//! of real searches are there.
//!
//! # The network
//!
//! Two cell types, `normal` and `reduce`, with two inputs, two intermediate nodes and five edges each; six candidates per edge. A
//! value is a signal, described by its [`MODES`] frequencies. A candidate is a filter: it multiplies every frequency by a number.
//! `none`, `skip_connect` and `avg_pool_3x3` have nothing to learn; a convolution's filter is a sum of 2 or 3 given filters, the
//! factors being its weights. A cell returns the sum of its two intermediate nodes. What it should return is what a **hidden
//! architecture** of the same space returns, with weights of its own, plus noise; so that architecture is the best there is, with
//! an error of 0. The loss is the squared error in units of the signal's variance, summed over the two cell types.
//!
//! Weights learn by SGD with momentum on noisy batches of a train split, α by the host's Adam on those of a search split, in the
//! gates that the policy's plans say: [`Problem::run`] calls a policy as a search does, from `plan` to `derive`.
//!
//! # Regret
//!
//! The error of an architecture is what it leaves unexplained when it is trained alone, without noise, to the end: by least
//! squares ([`Problem::error`]). Its **regret** is that error in units of the mean error over random architectures: 0 is the best,
//! 1 is as good as drawing at random.
//!
//! # The traps
//!
//! Each can be switched off ([`Traps`]), which shows what it does.
//!
//! - **speeds**: what needs no training is good at once and stays mediocre; convolutions start near zero and learn at different
//!   speeds, the widest at a sixth of the narrowest's. α moves while they learn. Off: all start trained, and learn equally fast.
//! - **coupling**: edges depend on each other. Two of them add up to what one signal needs, and a third runs what the first one
//!   made: which candidate is best on an edge depends on the others. Off: each edge has a target of its own.
//! - **sharing**: a candidate's weights are trained by what runs with them. In a relaxed edge they learn what the mixture lacks:
//!   the fast ones together cover most of what a wide convolution does alone, and each alone is poor. Off: each candidate is
//!   trained as if it ran alone on its edge.
//! - **noise**: batches are small, and targets are noisy: half of their variance. Off: every batch has the exact moments.
//!
//! # What it is not
//!
//! A linear problem with ten edges. It has no depth, no images, no generalisation: that a policy does well here is no proof that
//! it finds good networks; that it does badly is worth a look. Full relaxation has it easier here than in networks: what a
//! mixture returns is linear in its shares, and all rows of α are stepped in every iteration, ten times as often as under EDAS,
//! so that they end near one candidate each. A widest convolution on every edge, without any search, is not
//! bad here (a regret of about 0.28: most policies do not beat it), as in spaces of convolutional networks.
//!
//! - [`operation`]: the candidates
//! - [`cell`]: a cell type: what its edges can express, and what it should return
//! - [`value`]: the error of an architecture that is trained alone
//! - [`data`]: noisy examples
//! - [`supernet`]: all candidates' weights, forward and backward under a plan
//! - [`trial`]: a policy's run
//! - [`compare`]: several policies over several seeds
//! - [`findings`]: what a policy does that it had better not

pub mod cell;
pub mod compare;
pub mod data;
pub mod findings;
pub mod operation;
pub mod supernet;
pub mod trial;
pub mod value;

pub use cell::{Cell, EDGES};
pub use compare::{Comparison, Contestant};
pub use operation::{Filter, MODES, OPERATIONS};
pub use supernet::Supernet;
pub use trial::Trial;

use crate::policy::{CandidateCost, EdgeView, SpaceView};
use crate::random::{Purpose, Source};
use data::Data;
use serde::Serialize;
use std::sync::Arc;

/// Which traps are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Traps {
    /// Candidates learn at different speeds.
    pub speeds: bool,
    /// Edges depend on each other.
    pub coupling: bool,
    /// Weights are trained by what runs with them.
    pub sharing: bool,
    /// Batches are small and targets noisy.
    pub noise: bool,
}

impl Default for Traps {
    fn default() -> Self {
        Self { speeds: true, coupling: true, sharing: true, noise: true }
    }
}

/// What a problem is made from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// The seed of everything that is random in it, of the policy's numbers too.
    pub seed: u64,
    /// The traps.
    pub traps: Traps,
    /// Epochs.
    pub epochs: u64,
    /// Iterations in an epoch.
    pub iterations_per_epoch: u64,
    /// Examples in a batch.
    pub batch: usize,
    /// The learning rate of the weights in the first epoch; it falls by cosine.
    pub learning_rate: f64,
    /// What it falls to.
    pub minimum_learning_rate: f64,
    /// The momentum of the weights.
    pub momentum: f64,
    /// The norm that the gradient of all weights is cut down to where it is larger.
    pub clip: f64,
}

impl Settings {
    /// The problem of a seed. The optimizers are those of the digits' quickstart, 25 epochs those of the paper; each of the ten
    /// edges is drawn some 250 times when one is drawn at a time.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            traps: Traps::default(),
            epochs: 25,
            iterations_per_epoch: 100,
            batch: 16,
            learning_rate: 0.1,
            minimum_learning_rate: 0.001,
            momentum: 0.9,
            clip: 5.0,
        }
    }
}

/// A problem: two cells to be found, and the examples to find them by.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What it was made from.
    pub settings: Settings,
    /// The cell types.
    pub cells: [Cell; 2],
    /// The space as policies see it.
    pub space: Arc<SpaceView>,
    /// The examples that train weights, per cell type.
    pub train: [Data; 2],
    /// The examples that search, per cell type.
    pub search: [Data; 2],
    /// The mean error over random architectures.
    pub mean_error: f64,
}

/// Random architectures per cell type that the mean error is taken over.
const RANDOM: usize = 400;

impl Problem {
    /// Makes a problem.
    pub fn new(settings: &Settings) -> Self {
        let source = Source::new(settings.seed, Purpose::Problem);
        let cells = ["normal", "reduce"].map(|name| Cell::new(name, &settings.traps, &source));
        let count = settings.iterations_per_epoch as usize * settings.batch;
        let examples = |split: &str| {
            [0, 1].map(|c: usize| {
                let stream = source.named(&format!("examples.{split}.{}", cells[c].name));
                if settings.traps.noise { Data::noisy(&cells[c], count, stream) } else { Data::exact(&cells[c]) }
            })
        };
        let (train, search) = (examples("train"), examples("search"));
        let mean_error = cells.iter().map(|cell| cell.mean_error(RANDOM, source.named("architectures"))).sum();
        let space = Arc::new(space(&cells));
        Self { settings: settings.clone(), cells, space, train, search, mean_error }
    }

    /// The best architecture: the operation of each edge, over both cell types.
    pub fn best(&self) -> Vec<usize> {
        self.cells.iter().flat_map(|cell| cell.hidden).collect()
    }

    /// The error of an architecture that is trained alone, without noise, to the end: what it leaves unexplained of the signal's
    /// variance, summed over the cell types. An architecture is an operation per edge, over both cell types.
    ///
    /// # Panics
    /// Where it has not one operation per edge.
    pub fn error(&self, architecture: &[usize]) -> f64 {
        self.cells.iter().zip(architecture.chunks(EDGES.len())).map(|(cell, part)| cell.error(part)).sum()
    }

    /// The error in units of the mean over random architectures.
    ///
    /// # Panics
    /// As [`Problem::error`].
    pub fn regret(&self, architecture: &[usize]) -> f64 {
        self.error(architecture) / self.mean_error
    }
}

/// The space of any problem, as policies see it.
pub fn space(cells: &[Cell; 2]) -> SpaceView {
    let edges = cells.iter().flat_map(|cell| EDGES.iter().enumerate().map(move |edge| (cell, edge)));
    let edges = edges.enumerate().map(|(index, (cell, (position, (from, to))))| EdgeView {
        index,
        cell: cell.name.to_owned(),
        position,
        from: *from,
        to: *to,
        candidates: OPERATIONS.iter().map(|o| o.name.to_owned()).collect(),
        costs: OPERATIONS.iter().map(cost).collect(),
    });
    SpaceView { edges: edges.collect(), cells: cells.iter().map(|c| c.name.to_owned()).collect() }
}

fn cost(operation: &operation::Operation) -> CandidateCost {
    CandidateCost { parameters: operation.rank as i64, multiply_adds: operation.multiply_adds }
}
