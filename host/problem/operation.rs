//! The candidates of the synthetic problem: what each can express, and how fast it learns.

/// The number of frequencies that describe a signal.
pub const MODES: usize = 16;

/// What an edge does to a signal: a factor per frequency.
pub type Filter = [f64; MODES];

/// A candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operation {
    /// Its name.
    pub name: &'static str,
    /// The number of its weights.
    pub rank: usize,
    /// What its weights are multiplied by: a step of theirs moves the filter by the square of it.
    pub speed: f64,
    /// Multiplications with an addition, for one signal.
    pub multiply_adds: i64,
}

const fn operation(name: &'static str, rank: usize, speed: f64, taps: i64) -> Operation {
    Operation { name, rank, speed, multiply_adds: taps * MODES as i64 }
}

/// The candidates of every edge. `none` stands first: it is what an edge is that was cut.
pub const OPERATIONS: [Operation; 6] = [
    operation("none", 0, 0.0, 0),
    operation("skip_connect", 0, 0.0, 0),
    operation("avg_pool_3x3", 0, 0.0, 1),
    operation("conv_3x3", 2, 1.0, 3),
    operation("dil_conv_3x3", 2, 0.7, 3),
    operation("conv_5x5", 3, 0.4, 5),
];

/// The position of `none`.
pub const NONE: usize = 0;
/// The positions of the operations with something to learn.
pub const CONVOLUTIONS: std::ops::Range<usize> = 3..6;

/// What an operation does without weights. A skip connection brings half of the signal, a pool its low frequencies.
pub fn fixed(operation: usize) -> Filter {
    match OPERATIONS[operation].name {
        "skip_connect" => [0.5; MODES],
        "avg_pool_3x3" => std::array::from_fn(|mode| {
            let frequency = std::f64::consts::PI * (mode as f64 + 0.5) / MODES as f64;
            0.8 * (1.0 + 2.0 * libm::cos(frequency)) / 3.0
        }),
        _ => [0.0; MODES],
    }
}

/// Σ a · b over the frequencies.
pub fn dot(a: &Filter, b: &Filter) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Adds `factor · b` to `a`.
pub fn add(a: &mut Filter, factor: f64, b: &Filter) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += factor * b);
}

/// The filter with a norm of 1.
pub fn unit(filter: &Filter) -> Filter {
    let norm = libm::sqrt(dot(filter, filter));
    filter.map(|v| v / norm)
}
