//! Op sets and their operations, read from a plugin's table.

use super::builder::{self, Build};
use super::layer::Attribute;
use super::{LayerGraph, Shape, shape_text};
use crate::error::{Error, Result, nearest};
use crate::extension::{Message, Plugin};
use edas_plugin::abi;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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

/// A value that a spec gives to an operation's parameter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Number(pub f64);

/// The values that a spec gives to an operation's parameters, by name.
pub type Parameters = BTreeMap<String, Number>;

/// A parameter that an operation declares.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterSpec {
    /// The name.
    pub name: String,
    /// What it means, for people.
    pub doc: String,
    /// Its kind and default.
    pub default: Attribute,
    /// The lowest value.
    pub minimum: f64,
    /// The highest value.
    pub maximum: f64,
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
    pub parameters: Vec<ParameterSpec>,
    index: usize,
    build: BuildFunction,
}

type BuildFunction = unsafe extern "C" fn(
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
        let broken = |what: String| {
            Error::new(format!("the op set of plugin `{}` cannot be used: {what}", plugin.name))
                .help("build the plugin anew with the current SDK or header")
        };
        let Some(table) = plugin.extension::<abi::OpSet>(abi::OP_SET) else { return Ok(None) };
        if table.size < size_of::<abi::OpSet>() {
            return Err(broken(format!("its table has {} bytes instead of {}", table.size, size_of::<abi::OpSet>())));
        }
        let (Some(count), Some(describe), Some(describe_parameter), Some(build)) =
            (table.count, table.describe, table.describe_parameter, table.build)
        else {
            return Err(broken("a function of its table is null".to_owned()));
        };
        // SAFETY: the function comes from the plugin's table and takes nothing.
        let count = unsafe { count() };
        let mut operations: Vec<Operation> = Vec::new();
        for index in 0..count {
            let mut info = abi::OperationInfo {
                size: size_of::<abi::OperationInfo>(),
                name: abi::Text::new(""),
                doc: abi::Text::new(""),
                inputs: 0,
                outputs: 0,
                parameters: 0,
            };
            // SAFETY: the plugin fills in a table of ours; its texts live as long as the library, which is never unloaded.
            let (name, doc) = unsafe {
                if describe(index, &mut info) != abi::OK {
                    return Err(broken(format!("operation {index} cannot be described")));
                }
                (builder::text(info.name), builder::text(info.doc))
            };
            let name = name.map_err(|e| broken(format!("the name of operation {index}: {e}")))?;
            let doc = doc.map_err(|e| broken(format!("the text of operation `{name}`: {e}")))?;
            if operations.iter().any(|o| o.name == name) {
                return Err(broken(format!("it has two operations named `{name}`")));
            }
            let parameters = (0..info.parameters)
                .map(|p| read_parameter(describe_parameter, index, p))
                .collect::<Result<_>>()
                .map_err(|e| broken(format!("operation `{name}`: {e}")))?;
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

fn read_parameter(
    describe: unsafe extern "C" fn(usize, usize, *mut abi::ParameterInfo) -> abi::Status,
    operation: usize,
    parameter: usize,
) -> Result<ParameterSpec> {
    let empty = abi::Text::new("");
    let mut info = abi::ParameterInfo {
        size: size_of::<abi::ParameterInfo>(),
        default: abi::Attribute {
            name: empty,
            kind: 0,
            integer: 0,
            number: 0.0,
            text: empty,
            integers: std::ptr::null(),
            length: 0,
        },
        doc: empty,
        minimum: 0.0,
        maximum: 0.0,
    };
    // SAFETY: the plugin fills in a table of ours; what it points to lives as long as the library.
    unsafe {
        if describe(operation, parameter, &mut info) != abi::OK {
            return Err(Error::new(format!("parameter {parameter} cannot be described")));
        }
        let (name, default) = builder::attribute(&info.default)?;
        let doc = builder::text(info.doc)?.to_owned();
        Ok(ParameterSpec { name, doc, default, minimum: info.minimum, maximum: info.maximum })
    }
}

impl Operation {
    /// The values of all parameters, in the declared order: those given, defaults elsewhere.
    ///
    /// # Errors
    /// Where a given name is not declared, or a value is out of range or not whole.
    pub fn arguments(&self, given: &Parameters) -> Result<Vec<Attribute>> {
        let names = || self.parameters.iter().map(|p| p.name.as_str());
        if let Some(unknown) = given.keys().find(|name| names().all(|n| n != name.as_str())) {
            let known: Vec<_> = names().collect();
            return Err(Error::new(format!("operation `{}` has no parameter `{unknown}`", self.name))
                .expected(if known.is_empty() { "none".to_owned() } else { known.join(", ") })
                .help_if(nearest(unknown, known)));
        }
        let value = |p: &ParameterSpec| {
            let Some(Number(value)) = given.get(&p.name) else { return Ok(p.default.clone()) };
            let whole = value.fract() == 0.0;
            let fits = (p.minimum..=p.maximum).contains(value);
            match p.default {
                Attribute::Number(_) if fits => Ok(Attribute::Number(*value)),
                Attribute::Boolean(_) if fits && whole => Ok(Attribute::Boolean(*value != 0.0)),
                Attribute::Integer(_) if fits && whole => Ok(Attribute::Integer(*value as i64)),
                _ => {
                    let kind = if matches!(p.default, Attribute::Number(_)) { "a number" } else { "a whole number" };
                    Err(Error::new(format!("parameter `{}` of operation `{}` is out of range", p.name, self.name))
                        .expected(format!("{kind} from {} to {}", p.minimum, p.maximum))
                        .found(value.to_string()))
                }
            }
        };
        self.parameters.iter().map(value).collect()
    }

    /// Builds the layer graph for inputs of these shapes.
    ///
    /// # Errors
    /// Where the plugin refuses or breaks off, a layer does not fit, or an output has not the channels and size
    /// that were asked for.
    pub fn build(&self, given: &Parameters, arguments: &Arguments, inputs: &[Shape]) -> Result<LayerGraph> {
        let named =
            |e: Error| e.context(format!("building operation `{}` of plugin `{}`", self.name, self.plugin.name));
        let graph = self.call(given, arguments, inputs).map_err(named)?;
        Ok(graph)
    }

    fn call(&self, given: &Parameters, arguments: &Arguments, inputs: &[Shape]) -> Result<LayerGraph> {
        if inputs.len() != self.inputs {
            return Err(Error::new("the operation takes another number of inputs")
                .expected(self.inputs.to_string())
                .found(inputs.len().to_string()));
        }
        let values = self.arguments(given)?;
        let attributes: Vec<abi::Attribute> =
            self.parameters.iter().zip(&values).map(|(p, value)| to_abi(&p.name, value)).collect();
        let arguments = abi::Arguments {
            size: size_of::<abi::Arguments>(),
            channels_in: inputs.first().and_then(|s| s.first()).copied().unwrap_or(0),
            channels_out: arguments.channels_out,
            stride: arguments.stride,
            form: match arguments.form {
                Form::Search => abi::form::SEARCH,
                Form::Final => abi::form::FINAL,
            },
            classes: arguments.classes,
            parameters: attributes.as_ptr(),
            parameter_count: attributes.len(),
        };
        let mut build = Build::new(inputs);
        let exported: Vec<u64> = (0..inputs.len()).map(|v| build.export(v)).collect();
        let mut outputs = vec![0; self.outputs];
        let mut message = Message::default();
        let sink = message.sink();
        let table = build.table();
        // SAFETY: the function comes from the plugin's table; every pointer is valid for the time of the call, with the
        // lengths given, and `build`, `message` are not touched from here before it returns.
        let status = unsafe {
            (self.build)(
                self.index,
                &arguments,
                &table,
                exported.as_ptr(),
                exported.len(),
                outputs.as_mut_ptr(),
                outputs.len(),
                &sink,
            )
        };
        if status != abi::OK {
            // A panic over a value that a failed layer returned is a consequence: the layer's own error says more.
            return Err(build.into_error().unwrap_or_else(|| Error::new(message.text("it failed without a message"))));
        }
        build.finish(&outputs)
    }
}

fn to_abi(name: &str, value: &Attribute) -> abi::Attribute {
    let (kind, integer, number) = match value {
        Attribute::Integer(v) => (abi::kind::INTEGER, *v, 0.0),
        Attribute::Number(v) => (abi::kind::NUMBER, 0, *v),
        Attribute::Boolean(v) => (abi::kind::BOOLEAN, i64::from(*v), 0.0),
        Attribute::Text(_) => (abi::kind::TEXT, 0, 0.0),
        Attribute::Integers(_) => (abi::kind::INTEGERS, 0, 0.0),
    };
    let text = if let Attribute::Text(text) = value { abi::Text::new(text) } else { abi::Text::new("") };
    let list: &[i64] = if let Attribute::Integers(list) = value { list } else { &[] };
    abi::Attribute {
        name: abi::Text::new(name),
        kind,
        integer,
        number,
        text,
        integers: list.as_ptr(),
        length: list.len(),
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
