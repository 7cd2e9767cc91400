//! Layer graphs: what operations are made of.
//!
//! An op set describes an operation as a list of [`Layer`]s over values; the host knows every layer's
//! mathematics, so that shapes, parameters, cost, initialisation and execution need nothing from the author.
//!
//! - [`layer`]: the kinds of layers, their attributes and their text form
//! - [`shape`]: what a layer makes of its inputs' shapes
//! - [`cost`]: parameters, multiply-adds, elements that are written
//! - [`aten`]: ATen operators as layers
//! - [`kernel`]: kernels and native layers of plugins
//! - [`builder`]: the host's side of the builder that plugins and scripts call
//! - [`op_set`]: op sets and their operations; those of plugins, from their tables
//! - [`script`]: op sets that are scripts

pub mod aten;
pub mod builder;
pub mod cost;
pub mod kernel;
pub mod layer;
pub mod op_set;
pub mod script;
pub mod shape;

pub use cost::Cost;
pub use layer::Layer;
pub use op_set::{Arguments, Form, OpSet, OpSets, Operation, Provider};
pub use script::OpScript;

use crate::error::Result;
use crate::random::Stream;
use std::fmt;

/// A shape without the batch: (channels, height, width) of a feature map, (features) of a vector.
pub type Shape = Vec<i64>;

/// How a weight or buffer starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initialiser {
    /// Uniform between −a and a.
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Every element is this.
    Constant(f64),
}

impl Initialiser {
    /// The numbers that a tensor of this many elements starts from.
    pub fn values(self, elements: usize, stream: &mut Stream) -> Vec<f64> {
        let mut value = || match self {
            Self::Constant(value) => value,
            Self::Uniform(bound) => bound * (2.0 * stream.uniform() - 1.0),
            Self::Normal(deviation) => deviation * stream.normal(),
        };
        (0..elements).map(|_| value()).collect()
    }
}

/// A tensor that belongs to a layer graph.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorSpec {
    /// The name within the graph: `<layer>.<weight|bias|running_mean|running_var>`, or what the op set called it.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// How it starts.
    pub initialiser: Initialiser,
    /// Whether training moves it.
    pub trained: bool,
}

/// Where a value of a graph comes from, by position in the graph's value list.
pub type ValueId = usize;

/// One step of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What is computed.
    pub layer: Layer,
    /// From which values.
    pub inputs: Vec<ValueId>,
    /// The values that it makes.
    pub outputs: Vec<ValueId>,
    /// Its tensors (weights and buffers), by position in the graph's tensor list, in the layer's own order.
    pub tensors: Vec<usize>,
}

/// An operation as layers.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerGraph {
    /// The number of inputs; they are values 0, 1, ….
    pub inputs: usize,
    /// The shape of every value.
    pub shapes: Vec<Shape>,
    /// Whether a value has a batch; those without are weights and buffers.
    pub batched: Vec<bool>,
    /// The layers, each after those it reads.
    pub nodes: Vec<Node>,
    /// The values that the operation returns.
    pub outputs: Vec<ValueId>,
    /// Weights and buffers.
    pub tensors: Vec<TensorSpec>,
}

impl LayerGraph {
    /// Whether the graph's only output is a `zero` layer's: such a candidate is never run.
    pub fn is_zero(&self) -> bool {
        match self.outputs[..] {
            [output] => {
                self.nodes.iter().any(|node| node.outputs == [output] && matches!(node.layer, Layer::Zero { .. }))
            }
            _ => false,
        }
    }

    /// The same graph with the reference graph of every kernel in its place: what is differentiated twice, traced or exported.
    ///
    /// # Errors
    /// Where a kernel has no reference graph.
    pub fn without_kernels(&self) -> Result<Self> {
        let mut made = Self { nodes: Vec::new(), ..self.clone() };
        for node in &self.nodes {
            match &node.layer {
                Layer::Kernel(kernel) => made.inline(kernel.reference()?, node)?,
                _ => made.nodes.push(node.clone()),
            }
        }
        Ok(made)
    }

    /// Puts a kernel's reference graph, which has no tensors of its own, into the kernel's place.
    fn inline(&mut self, reference: &LayerGraph, place: &Node) -> Result<()> {
        let reference = reference.without_kernels()?;
        let first = self.shapes.len();
        let inner = |v: ValueId| if v < reference.inputs { place.inputs[v] } else { first + v - reference.inputs };
        // The kernel's outputs are read under their own names: what makes a value of the reference graph writes there.
        let named = |v: ValueId| match reference.outputs.iter().position(|o| *o == v) {
            Some(output) if v >= reference.inputs => place.outputs[output],
            _ => inner(v),
        };
        self.shapes.extend_from_slice(&reference.shapes[reference.inputs..]);
        self.batched.extend_from_slice(&reference.batched[reference.inputs..]);
        for node in &reference.nodes {
            self.nodes.push(Node {
                layer: node.layer.clone(),
                inputs: node.inputs.iter().map(|v| named(*v)).collect(),
                outputs: node.outputs.iter().map(|v| named(*v)).collect(),
                tensors: Vec::new(),
            });
        }
        for (output, place) in reference.outputs.iter().zip(&place.outputs) {
            // An output that is an input, or that stands twice, is copied.
            let twice = reference.outputs.iter().position(|o| o == output);
            if *output < reference.inputs || twice.is_some_and(|k| reference.outputs[k + 1..].contains(output)) {
                let from = named(*output);
                if from != *place {
                    let layer = Layer::Scale { factor: 1.0 };
                    self.nodes.push(Node { layer, inputs: vec![from], outputs: vec![*place], tensors: Vec::new() });
                }
            }
        }
        Ok(())
    }

    /// The kernels among the layers.
    pub fn kernels(&self) -> impl Iterator<Item = &std::sync::Arc<kernel::Kernel>> {
        self.nodes.iter().filter_map(|node| if let Layer::Kernel(kernel) = &node.layer { Some(kernel) } else { None })
    }

    /// The shapes of the outputs.
    pub fn output_shapes(&self) -> impl Iterator<Item = &Shape> {
        self.outputs.iter().map(|v| &self.shapes[*v])
    }

    /// What one example costs.
    pub fn cost(&self) -> Cost {
        Cost::of(self)
    }
}

/// The shape as people write it: `16×32×32`.
pub fn shape_text(shape: &[i64]) -> String {
    shape.iter().map(i64::to_string).collect::<Vec<_>>().join("×")
}

impl fmt::Display for LayerGraph {
    /// One line per layer: its number, what it computes from what, and the shape that comes out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A value is called after the layer that makes it, an input x0, x1, ….
        let mut names: Vec<String> = (0..self.shapes.len()).map(|v| format!("x{v}")).collect();
        for (number, node) in self.nodes.iter().enumerate() {
            for (k, output) in node.outputs.iter().enumerate() {
                names[*output] = if k == 0 { format!("%{number}") } else { format!("%{number}.{k}") };
            }
        }
        let inputs: Vec<_> = (0..self.inputs).map(|v| format!("x{v}: {}", shape_text(&self.shapes[v]))).collect();
        writeln!(f, "({})", inputs.join(", "))?;
        for (number, node) in self.nodes.iter().enumerate() {
            let from: Vec<_> = node.inputs.iter().map(|v| names[*v].as_str()).collect();
            let shapes: Vec<_> = node.outputs.iter().map(|v| shape_text(&self.shapes[*v])).collect();
            writeln!(f, "  {number}: {} ({}) → {}", node.layer, from.join(", "), shapes.join(", "))?;
        }
        let outputs: Vec<_> = self.outputs.iter().map(|v| names[*v].as_str()).collect();
        write!(f, "  return {}", outputs.join(", "))
    }
}
