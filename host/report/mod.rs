//! What is shown of runs when they are done, made from their directories alone.
//!
//! - [`comparison`]: architectures side by side, in the form of the paper's table 2

pub mod comparison;

pub use comparison::Comparison;

/// The mean of numbers, and their standard deviation as a sample, where there are several.
pub fn moments(values: &[f64]) -> (f64, Option<f64>) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}
