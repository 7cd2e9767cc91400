//! Drop-path: an example's output of a candidate is zeroed with a probability, and what remains is scaled up (Larsson et al.:
//! "FractalNet"; as `drop_path` in the code of DARTS).

use crate::random::{Purpose, Source};

/// What one step of a search drops. The numbers follow from the seed, the iteration, the step and the operation's name alone: all
/// passes of a step drop the same examples.
#[derive(Debug, Clone, Copy)]
pub struct DropPath {
    source: Source,
    iteration: u64,
    step: u64,
}

impl DropPath {
    /// What is dropped in a step of an iteration.
    pub fn new(seed: u64, iteration: u64, step: u64) -> Self {
        Self { source: Source::new(seed, Purpose::DropPath), iteration, step }
    }

    /// The factor of each example of a batch for an operation's output: 0 with this probability, otherwise 1 / (1 − probability).
    /// A smaller batch has the first factors of a larger one.
    pub fn factors(&self, operation: &str, probability: f64, batch: usize) -> Vec<f64> {
        let mut stream = self.source.named(&format!("{}.{}.{operation}", self.iteration, self.step));
        let kept = 1.0 / (1.0 - probability);
        (0..batch).map(|_| if stream.uniform() < probability { 0.0 } else { kept }).collect()
    }
}
