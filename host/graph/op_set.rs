//! Op sets and their operations, whatever they come from.
//!
//! - `plugin`: op sets from a plugin's table
//! - [`script`](super::script): op sets from a script

mod plugin;

use super::script::OpScript;
use super::{LayerGraph, Shape, shape_text};
use crate::error::{Error, Result, nearest};
use crate::extension::parameter;
use crate::extension::{Parameter, Plugin, Setting, Settings};
use std::fmt;
use std::sync::Arc;

/// The form of a network in which an operation is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// The supernet, and the derived network with the supernet's weights.
    Search,
    /// The derived network that is trained from scratch.
    Final,
}

/// What an operation is asked for, its inputs' shapes aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Arguments {
    /// Channels that the output must have.
    pub channels_out: i64,
    /// The factor by which height and width shrink (rounded up).
    pub stride: i64,
    /// The form of the network.
    pub form: Form,
    /// Classes of the data set.
    pub classes: i64,
}

/// What offers operations.
#[derive(Debug, Clone)]
pub enum Provider {
    /// A plugin, which may offer none.
    Plugin(Arc<Plugin>),
    /// A script.
    Script(Arc<OpScript>),
}

impl Provider {
    /// The name that its op set bears.
    pub fn name(&self) -> &str {
        match self {
            Self::Plugin(plugin) => &plugin.name,
            Self::Script(script) => script.name(),
        }
    }

    /// Its version.
    pub fn version(&self) -> &str {
        match self {
            Self::Plugin(plugin) => &plugin.version,
            Self::Script(script) => script.version(),
        }
    }

    /// The plugin, if it is one.
    pub fn plugin(&self) -> Option<&Arc<Plugin>> {
        match self {
            Self::Plugin(plugin) => Some(plugin),
            Self::Script(_) => None,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plugin(plugin) => write!(f, "plugin `{}`", plugin.name),
            Self::Script(script) => write!(f, "op set `{}`", script.name()),
        }
    }
}

/// An operation that an op set offers.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The name, as specs write it.
    pub name: String,
    /// What it computes, for people.
    pub doc: String,
    /// The number of values that it takes.
    pub inputs: usize,
    /// The number of values that it returns, where that is known before it is built.
    pub outputs: Option<usize>,
    /// What a spec may set.
    pub parameters: Vec<Parameter>,
    /// The op set that it belongs to.
    pub provider: Provider,
    maker: Maker,
}

/// What builds an operation.
#[derive(Debug, Clone)]
enum Maker {
    Table(plugin::Entry),
    Script(Arc<OpScript>),
}

/// A named collection of operations.
#[derive(Debug, Clone)]
pub struct OpSet {
    /// What it comes from.
    pub provider: Provider,
    /// Its operations, in the order in which they were written.
    pub operations: Vec<Operation>,
}

impl OpSet {
    /// The op set of a plugin, or `None` where it has none.
    ///
    /// # Errors
    /// Where the plugin's table is incomplete or says something impossible.
    pub fn of(plugin: &Arc<Plugin>) -> Result<Option<Self>> {
        plugin::read(plugin)
    }

    /// The op set of a script.
    pub fn scripted(script: &Arc<OpScript>) -> Self {
        let provider = Provider::Script(script.clone());
        let operation = |declared: &super::script::Declared| Operation {
            name: declared.name.clone(),
            doc: declared.doc.clone(),
            inputs: declared.inputs,
            outputs: None,
            parameters: declared.parameters.clone(),
            provider: provider.clone(),
            maker: Maker::Script(script.clone()),
        };
        Self { operations: script.declared().iter().map(operation).collect(), provider }
    }

    /// The op set of what offers one, or `None` where it has none.
    ///
    /// # Errors
    /// As [`OpSet::of`].
    pub fn from_provider(provider: &Provider) -> Result<Option<Self>> {
        match provider {
            Provider::Plugin(plugin) => Self::of(plugin),
            Provider::Script(script) => Ok(Some(Self::scripted(script))),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.provider.name()
    }

    /// The operation of this name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|o| o.name == name)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operation `{}` of {}", self.name, self.provider)
    }
}

impl Operation {
    /// The name of its op set.
    pub fn op_set(&self) -> &str {
        self.provider.name()
    }

    /// The values of all parameters, in the declared order: those given, defaults elsewhere.
    ///
    /// # Errors
    /// Where a given name is not declared, or a value is out of range.
    pub fn arguments(&self, given: &Settings) -> Result<Vec<Setting>> {
        parameter::resolve(&self.parameters, given, &format!("operation `{}`", self.name))
    }

    /// Builds the layer graph for inputs of these shapes.
    ///
    /// # Errors
    /// Where the operation refuses or breaks off, or a layer does not fit.
    pub fn build(&self, given: &Settings, arguments: &Arguments, inputs: &[Shape]) -> Result<LayerGraph> {
        let build = || {
            if inputs.len() != self.inputs {
                return Err(Error::new("the operation takes another number of inputs")
                    .expected(self.inputs.to_string())
                    .found(inputs.len().to_string()));
            }
            let settings = self.arguments(given)?;
            match &self.maker {
                Maker::Table(entry) => entry.build(self, &settings, arguments, inputs),
                Maker::Script(script) => script.build(self, &settings, arguments, inputs),
            }
        };
        build().map_err(|e| e.context(format!("building {self}")))
    }
}

/// Checks that a graph returns what a place in the network needs: one value of this shape.
///
/// # Errors
/// Where it returns several values, or the shape is another.
pub fn check_output(graph: &LayerGraph, expected: &[i64], operation: &str) -> Result<()> {
    if graph.outputs.len() != 1 {
        return Err(Error::new(format!("operation `{operation}` returns the wrong number of values"))
            .expected("one")
            .found(graph.outputs.len().to_string()));
    }
    for shape in graph.output_shapes() {
        if shape != expected {
            return Err(Error::new(format!("operation `{operation}` returns the wrong shape"))
                .expected(shape_text(expected))
                .found(shape_text(shape)));
        }
    }
    Ok(())
}

/// The op sets of a search, in the spec's order.
#[derive(Debug, Clone, Default)]
pub struct OpSets(pub Vec<OpSet>);

impl OpSets {
    /// The operation that a spec calls `name`, or `op-set:name` where two op sets offer it.
    ///
    /// # Errors
    /// Where no op set offers it, or several do.
    pub fn operation(&self, name: &str) -> Result<&Operation> {
        let found: Vec<&Operation> = match name.split_once(':') {
            Some((set, name)) => self.0.iter().filter(|s| s.name() == set).filter_map(|s| s.operation(name)).collect(),
            None => self.0.iter().filter_map(|s| s.operation(name)).collect(),
        };
        match found[..] {
            [operation] => Ok(operation),
            [] => {
                let known: Vec<&str> =
                    self.0.iter().flat_map(|s| s.operations.iter().map(|o| o.name.as_str())).collect();
                let sets: Vec<&str> = self.0.iter().map(OpSet::name).collect();
                Err(Error::new(format!("no op set offers an operation named `{name}`"))
                    .expected(if sets.is_empty() {
                        "an operation, but `plugins` names no op set".to_owned()
                    } else {
                        format!("an operation of {}: {}", sets.join(", "), known.join(", "))
                    })
                    .found(format!("`{name}`"))
                    .help_if(nearest(name, known)))
            }
            _ => {
                let names: Vec<_> = found.iter().map(|o| format!("{}:{}", o.op_set(), o.name)).collect();
                Err(Error::new(format!("several op sets offer an operation named `{name}`"))
                    .expected(format!("one of {}", names.join(", ")))
                    .found(format!("`{name}`")))
            }
        }
    }
}
