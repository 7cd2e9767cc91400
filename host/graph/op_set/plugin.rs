//! Op sets from plugins: what a plugin's table says, and calls of its `build`.

use super::{Arguments, Form, Maker, OpSet, Operation, Provider};
use crate::error::{Error, Result};
use crate::extension::call::{self, guarded};
use crate::extension::parameter::{self, MOST};
use crate::extension::{Parameter, Plugin, Setting, memory};
use crate::graph::builder::Build;
use crate::graph::{LayerGraph, Shape};
use edas_plugin::abi;
use std::sync::Arc;

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

/// An operation's entry in its plugin's table.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    index: usize,
    outputs: usize,
    build: BuildFunction,
}

/// The op set of a plugin, or `None` where it has none.
///
/// # Errors
/// Where the plugin's table is incomplete or says something impossible.
pub(super) fn read(plugin: &Arc<Plugin>) -> Result<Option<OpSet>> {
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
            name: name.to_owned(),
            doc: doc.to_owned(),
            inputs: info.inputs,
            outputs: Some(info.outputs),
            parameters,
            provider: Provider::Plugin(plugin.clone()),
            maker: Maker::Table(Entry { index, outputs: info.outputs, build }),
        });
    }
    Ok(Some(OpSet { provider: Provider::Plugin(plugin.clone()), operations }))
}

impl Entry {
    /// Has the plugin build the operation's layer graph.
    ///
    /// # Errors
    /// Where the plugin refuses or breaks off, or a layer does not fit.
    pub(super) fn build(
        &self,
        operation: &Operation,
        settings: &[Setting],
        arguments: &Arguments,
        inputs: &[Shape],
    ) -> Result<LayerGraph> {
        let attributes = parameter::to_abi(&operation.parameters, settings);
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
        let mut build = Build::new(inputs, &operation.to_string());
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
