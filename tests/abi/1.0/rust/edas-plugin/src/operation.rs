//! Operations, and what the host asks of one.

use crate::graph::{Graph, Value};
use crate::parameter::{Arguments, Parameter};
use std::ops::Deref;

/// The function that builds an operation: from input values to output values.
pub type Build = fn(&Op, &[Value], &mut Graph) -> Vec<Value>;

/// An operation that a plugin offers.
#[derive(Clone, Copy)]
pub struct Operation {
    /// The name, as specs write it.
    pub name: &'static str,
    /// What it computes, for people.
    pub doc: &'static str,
    /// The number of values that it takes.
    pub inputs: usize,
    /// The number of values that it returns.
    pub outputs: usize,
    /// What a spec may set.
    pub parameters: &'static [Parameter],
    /// Builds its layer graph.
    pub build: Build,
}

impl Operation {
    /// An operation with one input, one output and no parameters, as candidates of an edge are.
    pub const fn candidate(name: &'static str, doc: &'static str, build: Build) -> Self {
        Self { name, doc, inputs: 1, outputs: 1, parameters: &[], build }
    }

    /// The same operation with parameters.
    pub const fn with_parameters(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    /// The same operation with this many inputs.
    pub const fn with_inputs(mut self, inputs: usize) -> Self {
        self.inputs = inputs;
        self
    }

    /// The same operation with this many outputs.
    pub const fn with_outputs(mut self, outputs: usize) -> Self {
        self.outputs = outputs;
        self
    }
}

/// The form of the network in which an operation is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The supernet, and the derived network with the supernet's weights.
    Search,
    /// The derived network that is trained from scratch.
    Final,
}

/// What the host asks of an operation.
#[derive(Debug, Clone)]
pub struct Op {
    /// Channels of the first input.
    pub channels_in: i64,
    /// Channels that the output must have.
    pub channels_out: i64,
    /// The factor by which height and width shrink (rounded up).
    pub stride: i64,
    /// The form of the network.
    pub form: Form,
    /// Classes of the data set, for heads.
    pub classes: i64,
    /// The values of its parameters; `op.integer("kernel")` asks for one.
    pub arguments: Arguments,
}

impl Deref for Op {
    type Target = Arguments;
    fn deref(&self) -> &Arguments {
        &self.arguments
    }
}
