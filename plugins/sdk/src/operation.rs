//! Operations and their parameters, and what the host asks of one.

use crate::graph::{Graph, Value};

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

    /// The same operation with this many outputs.
    pub const fn with_outputs(mut self, outputs: usize) -> Self {
        self.outputs = outputs;
        self
    }
}

/// The value of a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Argument {
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A truth value.
    Boolean(bool),
}

/// A parameter of an operation: what a spec may set, and what holds when it does not.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// The name.
    pub name: &'static str,
    /// What it means, for people.
    pub doc: &'static str,
    /// The value where the spec gives none; its kind is the parameter's kind.
    pub default: Argument,
    /// The lowest value (included).
    pub minimum: f64,
    /// The highest value (included).
    pub maximum: f64,
}

impl Parameter {
    /// A whole number between two others, both included.
    pub const fn integer(name: &'static str, doc: &'static str, default: i64, minimum: i64, maximum: i64) -> Self {
        Self { name, doc, default: Argument::Integer(default), minimum: minimum as f64, maximum: maximum as f64 }
    }

    /// A number between two others, both included.
    pub const fn number(name: &'static str, doc: &'static str, default: f64, minimum: f64, maximum: f64) -> Self {
        Self { name, doc, default: Argument::Number(default), minimum, maximum }
    }

    /// Yes or no.
    pub const fn boolean(name: &'static str, doc: &'static str, default: bool) -> Self {
        Self { name, doc, default: Argument::Boolean(default), minimum: 0.0, maximum: 1.0 }
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
    pub(crate) arguments: Vec<(&'static str, Argument)>,
}

impl Op {
    fn argument(&self, name: &str) -> Argument {
        match self.arguments.iter().find(|(n, _)| *n == name) {
            Some((_, argument)) => *argument,
            None => panic!("the operation declares no parameter named `{name}`"),
        }
    }

    /// The value of a declared whole number. Panics (which the host reports) where none is declared.
    pub fn integer(&self, name: &str) -> i64 {
        match self.argument(name) {
            Argument::Integer(value) => value,
            other => panic!("the parameter `{name}` is no whole number but {other:?}"),
        }
    }

    /// The value of a declared number. Panics (which the host reports) where none is declared.
    pub fn number(&self, name: &str) -> f64 {
        match self.argument(name) {
            Argument::Number(value) => value,
            Argument::Integer(value) => value as f64,
            other => panic!("the parameter `{name}` is no number but {other:?}"),
        }
    }

    /// The value of a declared truth value. Panics (which the host reports) where none is declared.
    pub fn boolean(&self, name: &str) -> bool {
        match self.argument(name) {
            Argument::Boolean(value) => value,
            other => panic!("the parameter `{name}` is no truth value but {other:?}"),
        }
    }
}
