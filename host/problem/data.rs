//! The examples of the synthetic problem.

use super::cell::{Cell, EDGES};
use super::operation::{Filter, MODES};
use crate::random::Stream;

/// The variance of the noise in a target, in units of the signal's.
pub const NOISE: f64 = 1.0;

/// The examples of one cell type.
#[derive(Debug, Clone)]
pub struct Data {
    /// The two inputs of each example.
    pub inputs: Vec<[Filter; 2]>,
    /// The targets of each example, one after the other: one of the cell, or one of each edge.
    pub targets: Vec<Filter>,
}

impl Data {
    /// Random inputs, and targets with noise.
    pub fn noisy(cell: &Cell, count: usize, mut stream: Stream) -> Self {
        let deviation = libm::sqrt(NOISE * cell.signal / (MODES * cell.targets()) as f64);
        let mut data = Self { inputs: Vec::new(), targets: Vec::new() };
        for _ in 0..count {
            let mut signal = || -> Filter { std::array::from_fn(|m| libm::sqrt(cell.power[m]) * stream.normal()) };
            let inputs = [signal(), signal()];
            for target in 0..cell.targets() {
                let target = cell.target(&inputs, target);
                data.targets.push(target.map(|v| v + deviation * stream.normal()));
            }
            data.inputs.push(inputs);
        }
        data
    }

    /// Four examples whose moments are exactly those of all examples, and no noise.
    pub fn exact(cell: &Cell) -> Self {
        let signs = [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let root: Filter = std::array::from_fn(|m| libm::sqrt(cell.power[m]));
        let inputs: Vec<[Filter; 2]> = signs.iter().map(|s| s.map(|sign| root.map(|v| sign * v))).collect();
        let targets = inputs.iter().flat_map(|pair| (0..cell.targets()).map(|t| cell.target(pair, t))).collect();
        Self { inputs, targets }
    }
}

impl Cell {
    /// The loss of some examples under filters, and the loss's slope along each filter. `filters` has one set for all examples,
    /// or one per example; so have the slopes.
    pub fn pass(
        &self,
        data: &Data,
        examples: &[usize],
        filters: &[[Filter; EDGES.len()]],
    ) -> (f64, Vec<[Filter; EDGES.len()]>) {
        let mut slopes = vec![[[0.0; MODES]; EDGES.len()]; filters.len()];
        let unit = 1.0 / (self.signal * examples.len() as f64);
        let mut loss = 0.0;
        for (k, example) in examples.iter().enumerate() {
            let set = k.min(filters.len() - 1);
            let (f, slope) = (&filters[set], &mut slopes[set]);
            let inputs = &data.inputs[*example];
            if self.coupled {
                let target = &data.targets[*example];
                for m in 0..MODES {
                    let [x, y] = [inputs[0][m], inputs[1][m]];
                    let node = f[0][m] * x + f[1][m] * y;
                    let off = node * (1.0 + f[4][m]) + f[2][m] * x + f[3][m] * y - target[m];
                    loss += off * off;
                    let past = 2.0 * unit * off;
                    let through = past * (1.0 + f[4][m]);
                    slope[0][m] += through * x;
                    slope[1][m] += through * y;
                    slope[2][m] += past * x;
                    slope[3][m] += past * y;
                    slope[4][m] += past * node;
                }
            } else {
                for edge in 0..EDGES.len() {
                    let target = &data.targets[example * EDGES.len() + edge];
                    let input = &inputs[Self::input_of(edge)];
                    for m in 0..MODES {
                        let off = f[edge][m] * input[m] - target[m];
                        loss += off * off;
                        slope[edge][m] += 2.0 * unit * off * input[m];
                    }
                }
            }
        }
        (loss * unit, slopes)
    }
}
