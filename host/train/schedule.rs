//! Learning rates over epochs.

use crate::spec::{EvaluateOptimizer, Schedule};

/// The learning rate of an epoch by cosine, from `highest` in epoch 0 towards `lowest`:
/// lowest + ½ (highest − lowest) (1 + cos(π · epoch / epochs)), as PyTorch's `CosineAnnealingLR`.
pub fn cosine(epoch: u64, epochs: u64, highest: f64, lowest: f64) -> f64 {
    let share = epoch as f64 / epochs.max(1) as f64;
    lowest + 0.5 * (highest - lowest) * (1.0 + libm::cos(std::f64::consts::PI * share))
}

/// The learning rate of an epoch of an evaluation.
pub fn rate(weights: &EvaluateOptimizer, epoch: u64, epochs: u64) -> f64 {
    let (highest, lowest) = (weights.learning_rate, weights.minimum_learning_rate);
    match weights.schedule {
        Schedule::Cosine => cosine(epoch, epochs, highest, lowest),
        Schedule::Linear => highest - (highest - lowest) * epoch as f64 / epochs.max(1) as f64,
        Schedule::Exponential(factor) => highest * libm::pow(factor, epoch as f64),
    }
}
