//! Op sets and their operations, read from a plugin's table.

use super::builder::Build;
use super::{LayerGraph, Shape, shape_text};
use crate::error::{Error, Result, nearest};
use crate::extension::call::{self, guarded};
use crate::extension::parameter::{self, MOST};
use crate::extension::{Parameter, Plugin, Setting, Settings, memory};
use edas_plugin::abi;
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

/// An operation that an op set offers.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The plugin that it comes from.
    pub plugin: Arc<Plugin>,
    /// The name, as specs write it.
    pub name: String,
    /// What it computes, for people.
    pub doc: String,
    /// The number of values that it takes.
    pub inputs: usize,
    /// The number of values that it returns.
    pub outputs: usize,
    /// What a spec may set.
    pub parameters: Vec<Parameter>,
    index: usize,
    build: BuildFunction,
}

type BuildFunction = unsafe extern "C-unwind" fn(
    usize,
    *const abi::Arguments,
    *const abi::Builder,
    *const u64,
    usize,
    *mut u64,
    usize,
    *const abi::Sink,
) -> abi::Status;

/// A named collection of operations.
#[derive(Debug, Clone)]
pub struct OpSet {
    /// The plugin that it comes from; the op set bears its name.
    pub plugin: Arc<Plugin>,
    /// Its operations, in the plugin's order.
    pub operations: Vec<Operation>,
}

impl OpSet {
    /// The op set of a plugin, or `None` where it has none.
    ///
    /// # Errors
    /// Where the plugin's table is incomplete or says something impossible.
    pub fn of(plugin: &Arc<Plugin>) -> Result<Option<Self>> {
        let broken = |why: String| plugin.broken(abi::OP_SET, &why);
        let thrown = |e: String| broken(format!("an exception was thrown: {e}"));
        let Some(table) = plugin.extension::<abi::OpSet>(abi::OP_SET)? else { return Ok(None) };
        let (Some(count), Some(describe), Some(build)) = (table.count, table.describe, table.build) else {
            return Err(broken("a function of its table is null".to_owned()));
        };
        // SAFETY: the function comes from the plugin's table and takes nothing.
        let count = guarded(|| unsafe { count() }).map_err(thrown)?;
        if count > MOST {
            return Err(broken(format!("it says that it has {count} operations")));
        }
        let mut operations: Vec<Operation> = Vec::new();
        for index in 0..count {
            let mut info = abi::OperationInfo::EMPTY;
            // SAFETY: the plugin fills in a table of ours.
            if guarded(|| unsafe { describe(index, &mut info) }).map_err(thrown)? != abi::OK {
                return Err(broken(format!("operation {index} cannot be described")));
            }
            // SAFETY: the table's texts live as long as the library, which is never unloaded.
            let (name, doc) = unsafe { (memory::text(info.name), memory::text(info.doc)) };
            let name = name.map_err(|e| broken(format!("the name of operation {index}: {}", e.fields().what)))?;
            let doc = doc.map_err(|e| broken(format!("the text of operation `{name}`: {}", e.fields().what)))?;
            if !memory::is_name(name) {
                return Err(broken(format!("the name of operation {index} cannot be written in a spec: {name:?}")));
            }
            if operations.iter().any(|o| o.name == name) {
                return Err(broken(format!("it has two operations named `{name}`")));
            }
            if info.inputs > MOST || info.outputs > MOST {
                return Err(broken(format!("operation `{name}` has an impossible number of inputs or outputs")));
            }
            let parameters = Parameter::read_all(info.parameter_count, |p, info| {
                let describe = table.describe_parameter.ok_or_else(|| Error::new("`describe_parameter` is null"))?;
                // SAFETY: the plugin fills in a table of ours.
                guarded(|| unsafe { describe(index, p, info) }).map_err(thrown)
            });
            let parameters = parameters.map_err(|e| broken(format!("operation `{name}`: {}", e.fields().what)))?;
            operations.push(Operation {
                plugin: plugin.clone(),
                name: name.to_owned(),
                doc: doc.to_owned(),
                inputs: info.inputs,
                outputs: info.outputs,
                parameters,
                index,
                build,
            });
        }
        Ok(Some(Self { plugin: plugin.clone(), operations }))
    }

    /// The operation of this name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|o| o.name == name)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operation `{}` of plugin `{}`", self.name, self.plugin.name)
    }
}

impl Operation {
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
    /// Where the plugin refuses or breaks off, a layer does not fit, or an output has not the channels and size
    /// that were asked for.
    pub fn build(&self, given: &Settings, arguments: &Arguments, inputs: &[Shape]) -> Result<LayerGraph> {
        let owner = self.to_string();
        self.call(given, arguments, inputs, &owner).map_err(|e| e.context(format!("building {owner}")))
    }

    fn call(&self, given: &Settings, arguments: &Arguments, inputs: &[Shape], owner: &str) -> Result<LayerGraph> {
        if inputs.len() != self.inputs {
            return Err(Error::new("the operation takes another number of inputs")
                .expected(self.inputs.to_string())
                .found(inputs.len().to_string()));
        }
        let settings = self.arguments(given)?;
        let attributes = parameter::to_abi(&self.parameters, &settings);
        let arguments = abi::Arguments {
            size: size_of::<abi::Arguments>(),
            channels_in: inputs.first().and_then(|s| s.first()).copied().unwrap_or(0),
            channels_out: arguments.channels_out,
            stride: arguments.stride,
            form: match arguments.form {
                Form::Search => abi::FORM_SEARCH,
                Form::Final => abi::FORM_FINAL,
            },
            classes: arguments.classes,
            parameters: attributes.as_ptr(),
            parameter_count: attributes.len(),
        };
        let mut build = Build::new(inputs, owner);
        let values = build.inputs();
        let mut outputs = vec![0; self.outputs];
        let builder = build.table();
        let result = call::run(|error| {
            // SAFETY: the function comes from the plugin's table; every pointer is valid for the time of the call, with the
            // lengths given, and `build` is not touched from here before it returns.
            unsafe {
                (self.build)(
                    self.index,
                    &arguments,
                    &*builder,
                    values.as_ptr(),
                    values.len(),
                    outputs.as_mut_ptr(),
                    outputs.len(),
                    error,
                )
            }
        });
        drop(builder);
        build.close(result, &outputs)
    }
}

/// Checks that a graph returns what a place in the network needs.
///
/// # Errors
/// Where the output's shape is another.
pub fn check_output(graph: &LayerGraph, expected: &[i64], operation: &str) -> Result<()> {
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
            Some((set, name)) => {
                self.0.iter().filter(|s| s.plugin.name == set).filter_map(|s| s.operation(name)).collect()
            }
            None => self.0.iter().filter_map(|s| s.operation(name)).collect(),
        };
        match found[..] {
            [operation] => Ok(operation),
            [] => {
                let known: Vec<&str> =
                    self.0.iter().flat_map(|s| s.operations.iter().map(|o| o.name.as_str())).collect();
                let sets: Vec<&str> = self.0.iter().map(|s| s.plugin.name.as_str()).collect();
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
                let names: Vec<_> = found.iter().map(|o| format!("{}:{}", o.plugin.name, o.name)).collect();
                Err(Error::new(format!("several op sets offer an operation named `{name}`"))
                    .expected(format!("one of {}", names.join(", ")))
                    .found(format!("`{name}`")))
            }
        }
    }
}
