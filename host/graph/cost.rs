//! What running an operation once costs, for one example.

use super::LayerGraph;
use super::layer::Layer;
use serde::Serialize;
use std::ops::{Add, AddAssign, Mul};

/// The cost of an operation, a cell or a network. A number that does not fit is the largest that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Cost {
    /// Trained numbers.
    pub parameters: i64,
    /// Multiplications with an addition, for one example, of convolutions and linear maps alone, as papers
    /// count them; of kernels and native layers what they say.
    pub multiply_adds: i64,
    /// Numbers that the layers write, for one example: what training keeps for the way back is of this order.
    pub activations: i64,
}

impl Cost {
    /// The cost of a graph.
    pub fn of(graph: &LayerGraph) -> Self {
        let mut cost = Cost::default();
        for tensor in graph.tensors.iter().filter(|t| t.trained) {
            cost.parameters = cost.parameters.saturating_add(tensor.shape.iter().product::<i64>());
        }
        for node in &graph.nodes {
            let elements: i64 = node.outputs.iter().map(|v| graph.shapes[*v].iter().product::<i64>()).sum();
            let activations = match node.layer {
                Layer::Tensor { .. } | Layer::Zero { .. } => 0,
                _ => elements,
            };
            let input = || &graph.shapes[node.inputs[0]];
            let multiply_adds = match &node.layer {
                Layer::Conv { window, groups, .. } => {
                    elements * (input()[0] / groups) * window.kernel[0] * window.kernel[1]
                }
                Layer::Kernel(kernel) => kernel.multiply_adds(),
                Layer::Native(native) => native.multiply_adds(),
                Layer::Linear { .. } => elements * input().iter().product::<i64>(),
                _ => 0,
            };
            cost += Cost { parameters: 0, multiply_adds, activations };
        }
        cost
    }
}

impl Add for Cost {
    type Output = Cost;
    fn add(self, other: Cost) -> Cost {
        Cost {
            parameters: self.parameters.saturating_add(other.parameters),
            multiply_adds: self.multiply_adds.saturating_add(other.multiply_adds),
            activations: self.activations.saturating_add(other.activations),
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        *self = *self + other;
    }
}

impl Mul<i64> for Cost {
    type Output = Cost;
    fn mul(self, n: i64) -> Cost {
        Cost {
            parameters: self.parameters.saturating_mul(n),
            multiply_adds: self.multiply_adds.saturating_mul(n),
            activations: self.activations.saturating_mul(n),
        }
    }
}

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::default(), Add::add)
    }
}
