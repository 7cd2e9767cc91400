//! A cell type: what the candidates of its edges can express, and what it should return.

use super::Traps;
use super::operation::{CONVOLUTIONS, Filter, MODES, OPERATIONS, add, dot, fixed, unit};
use crate::random::{Source, Stream};

/// The edges of a cell, (from, to), in the order that numbers them: nodes 0 and 1 are its inputs, 2 and 3 its intermediate nodes.
pub const EDGES: [(usize, usize); 5] = [(0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];

/// The share of the hidden architecture's edges that each operation has: convolutions for the most part.
const HIDDEN: [f64; OPERATIONS.len()] = [0.1, 0.1, 0.1, 0.23, 0.23, 0.24];
/// How much a convolution's first filter resembles a skip connection (the cosine between them): what makes skips good at once.
const RESEMBLANCE: f64 = 0.5;
/// How much of the wide convolution's first two filters is the sum of what the two narrow ones can do.
const OVERLAP: f64 = 0.7;

/// A cell type.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its name.
    pub name: &'static str,
    /// The operation of each edge in the hidden architecture.
    pub hidden: [usize; EDGES.len()],
    /// The hidden architecture's filters.
    pub filters: [Filter; EDGES.len()],
    /// The variance of each frequency of an input.
    pub power: Filter,
    /// The variance of what the hidden architecture returns.
    pub signal: f64,
    /// Whether edges depend on each other; otherwise each has a target of its own.
    pub coupled: bool,
    /// Whether operations learn at different speeds.
    pub speeds: bool,
    /// Per edge and operation: the orthonormal filters that its filter is made of.
    basis: [[Vec<Filter>; OPERATIONS.len()]; EDGES.len()],
}

impl Cell {
    /// A cell type of a problem.
    pub fn new(name: &'static str, traps: &Traps, source: &Source) -> Self {
        let mut stream = source.named(&format!("cell.{name}"));
        let power = std::array::from_fn(|_| 0.5 + stream.uniform());
        let mean = power.iter().sum::<f64>() / MODES as f64;
        let power = power.map(|p: f64| p / mean);
        let basis = std::array::from_fn(|_| bases(&mut stream));
        let hidden = std::array::from_fn(|_| draw(&mut stream));
        let filters = std::array::from_fn(|edge: usize| {
            let operation: usize = hidden[edge];
            let basis: &[Vec<Filter>; OPERATIONS.len()] = &basis[edge];
            if basis[operation].is_empty() { fixed(operation) } else { full(&basis[operation], &mut stream) }
        });
        let (coupled, speeds) = (traps.coupling, traps.speeds);
        let mut cell = Self { name, hidden, filters, power, signal: 1.0, coupled, speeds, basis };
        cell.signal = match coupled {
            true => cell.gains(&cell.filters).iter().map(|gain| cell.variance(gain)).sum(),
            false => cell.filters.iter().map(|filter| cell.variance(filter)).sum(),
        };
        cell
    }

    /// The filters that an operation's filter is made of, on an edge.
    pub fn basis(&self, edge: usize, operation: usize) -> &[Filter] {
        &self.basis[edge][operation]
    }

    /// What an operation's weights are multiplied by.
    pub fn speed(&self, operation: usize) -> f64 {
        if self.speeds { OPERATIONS[operation].speed } else { 1.0 }
    }

    /// The filter of an operation with these weights.
    pub fn filter(&self, edge: usize, operation: usize, weights: &[f64]) -> Filter {
        let mut filter = fixed(operation);
        for (weight, basis) in weights.iter().zip(self.basis(edge, operation)) {
            add(&mut filter, self.speed(operation) * weight, basis);
        }
        filter
    }

    /// What the cell does to each of its two inputs, all edges taken together.
    pub fn gains(&self, filters: &[Filter; EDGES.len()]) -> [Filter; 2] {
        let [a, b, c, d, e] = filters;
        [
            std::array::from_fn(|m| a[m] * (1.0 + e[m]) + c[m]), //
            std::array::from_fn(|m| b[m] * (1.0 + e[m]) + d[m]),
        ]
    }

    /// The variance of what a filter makes of an input.
    fn variance(&self, filter: &Filter) -> f64 {
        (0..MODES).map(|m| self.power[m] * filter[m] * filter[m]).sum()
    }

    /// The number of targets of an example.
    pub fn targets(&self) -> usize {
        if self.coupled { 1 } else { EDGES.len() }
    }

    /// The targets of an example without noise.
    pub fn target(&self, inputs: &[Filter; 2], target: usize) -> Filter {
        if self.coupled {
            let gains = self.gains(&self.filters);
            std::array::from_fn(|m| gains[0][m] * inputs[0][m] + gains[1][m] * inputs[1][m])
        } else {
            let input = &inputs[Self::input_of(target)];
            std::array::from_fn(|m| self.filters[target][m] * input[m])
        }
    }

    /// The input that an edge takes where each has a target of its own.
    pub fn input_of(edge: usize) -> usize {
        EDGES[edge].0 % 2
    }
}

/// An operation of the hidden architecture.
fn draw(stream: &mut Stream) -> usize {
    let mut left = stream.uniform() * HIDDEN.iter().sum::<f64>();
    HIDDEN
        .iter()
        .position(|share| {
            left -= share;
            left < 0.0
        })
        .unwrap_or(OPERATIONS.len() - 1)
}

fn random(stream: &mut Stream) -> Filter {
    std::array::from_fn(|_| stream.normal())
}

/// The filters of all operations on one edge.
fn bases(stream: &mut Stream) -> [Vec<Filter>; OPERATIONS.len()] {
    let mut all: [Vec<Filter>; OPERATIONS.len()] = Default::default();
    for operation in CONVOLUTIONS {
        let mut basis: Vec<Filter> = Vec::new();
        while basis.len() < OPERATIONS[operation].rank {
            let number = basis.len();
            let mut filter = unit(&random(stream));
            if number == 0 {
                let mean = filter.iter().sum::<f64>() / MODES as f64;
                let away = unit(&filter.map(|v| v - mean));
                let along = RESEMBLANCE / libm::sqrt(MODES as f64);
                filter = away.map(|v| along + libm::sqrt(1.0 - RESEMBLANCE * RESEMBLANCE) * v);
            }
            if operation + 1 == OPERATIONS.len() && number < 2 {
                filter = filter.map(|v| (1.0 - OVERLAP) * v);
                for narrow in [operation - 2, operation - 1] {
                    add(&mut filter, OVERLAP / std::f64::consts::SQRT_2, &all[narrow][number]);
                }
            }
            for before in &basis {
                let along = dot(before, &filter);
                add(&mut filter, -along, before);
            }
            basis.push(unit(&filter));
        }
        all[operation] = basis;
    }
    all
}

/// A filter of the hidden architecture: a sum of the basis, as strong as the identity.
fn full(basis: &[Filter], stream: &mut Stream) -> Filter {
    let mut filter = [0.0; MODES];
    for (number, part) in basis.iter().enumerate() {
        let weight = if number == 0 { 1.0 } else { 0.7 * stream.normal() };
        add(&mut filter, weight, part);
    }
    unit(&filter).map(|v| v * libm::sqrt(MODES as f64))
}
