//! From a [`Plugin`] to the C tables: what crosses the boundary on the plugin's side.
//!
//! Every function here catches panics: none reaches the host.

use crate::abi::{self, Status, Text};
use crate::graph::{Graph, Value};
use crate::log::{HOST, HostTable};
use crate::operation::{Argument, Form, Op, Operation};
use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A plugin: its name, and what it offers.
pub trait Plugin: 'static {
    /// The name, as specs write it: `darts-ops`.
    const NAME: &'static str;
    /// The version: `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// One line about the plugin.
    const DESCRIPTION: &'static str;
    /// The operations of its op set.
    const OPERATIONS: &'static [Operation];

    /// Called once per process, before everything else; an error keeps the plugin from being used.
    fn init() -> Result<(), String> {
        Ok(())
    }
}

/// The table that a library exports, and that a host can also link directly.
pub const fn entry<P: Plugin>() -> abi::Entry {
    abi::Entry {
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        size: size_of::<abi::Entry>(),
        name: Text::new(P::NAME),
        version: Text::new(P::VERSION),
        description: Text::new(P::DESCRIPTION),
        init: Some(init::<P>),
        deinit: None,
        get_extension: Some(get_extension::<P>),
    }
}

struct Tables<P>(std::marker::PhantomData<P>);

impl<P: Plugin> Tables<P> {
    const OP_SET: &'static abi::OpSet = &abi::OpSet {
        size: size_of::<abi::OpSet>(),
        count: Some(count::<P>),
        describe: Some(describe::<P>),
        describe_parameter: Some(describe_parameter::<P>),
        build: Some(build::<P>),
    };
}

/// Runs `body`; writes what went wrong, a panic included, to the sink.
///
/// # Safety
/// `error` is null or a valid sink for the time of the call.
unsafe fn guard(error: *const abi::Sink, body: impl FnOnce() -> Result<(), String>) -> Status {
    let (status, message) = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return abi::OK,
        Ok(Err(message)) => (abi::FAILED, message),
        Err(panic) => (abi::PANICKED, panic_message(&*panic)),
    };
    // SAFETY: the caller vouches for the sink; the text outlives the call.
    unsafe {
        if let Some(sink) = error.as_ref()
            && let Some(write) = sink.write
        {
            write(sink.context, Text::new(&message));
        }
    }
    status
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}

unsafe extern "C" fn init<P: Plugin>(host: *const abi::Host, error: *const abi::Sink) -> Status {
    // SAFETY: the host's table lives as long as the process (see `abi::Entry::init`).
    if let Some(host) = unsafe { host.as_ref() } {
        let _ = HOST.set(HostTable(host));
    }
    // SAFETY: the host passes a valid sink or null.
    unsafe { guard(error, P::init) }
}

unsafe extern "C" fn get_extension<P: Plugin>(id: Text) -> *const c_void {
    // SAFETY: the host passes a text that lives until this returns.
    match unsafe { id.as_str() } {
        Some(abi::OP_SET) if !P::OPERATIONS.is_empty() => std::ptr::from_ref(Tables::<P>::OP_SET).cast(),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn count<P: Plugin>() -> usize {
    P::OPERATIONS.len()
}

unsafe extern "C" fn describe<P: Plugin>(operation: usize, info: *mut abi::OperationInfo) -> Status {
    // SAFETY: the host passes a valid table of its own, or null.
    let (Some(operation), Some(info)) = (P::OPERATIONS.get(operation), unsafe { info.as_mut() }) else {
        return abi::FAILED;
    };
    info.name = Text::new(operation.name);
    info.doc = Text::new(operation.doc);
    info.inputs = operation.inputs;
    info.outputs = operation.outputs;
    info.parameters = operation.parameters.len();
    abi::OK
}

unsafe extern "C" fn describe_parameter<P: Plugin>(
    operation: usize,
    parameter: usize,
    info: *mut abi::ParameterInfo,
) -> Status {
    let parameter = P::OPERATIONS.get(operation).and_then(|o| o.parameters.get(parameter));
    // SAFETY: the host passes a valid table of its own, or null.
    let (Some(parameter), Some(info)) = (parameter, unsafe { info.as_mut() }) else {
        return abi::FAILED;
    };
    let (kind, integer, number) = match parameter.default {
        Argument::Integer(value) => (abi::kind::INTEGER, value, 0.0),
        Argument::Number(value) => (abi::kind::NUMBER, 0, value),
        Argument::Boolean(value) => (abi::kind::BOOLEAN, i64::from(value), 0.0),
    };
    info.default = abi::Attribute {
        name: Text::new(parameter.name),
        kind,
        integer,
        number,
        text: Text::new(""),
        integers: std::ptr::null(),
        length: 0,
    };
    info.doc = Text::new(parameter.doc);
    info.minimum = parameter.minimum;
    info.maximum = parameter.maximum;
    abi::OK
}

/// # Safety
/// The arguments are valid for the time of the call.
unsafe fn read_arguments(operation: &Operation, arguments: &abi::Arguments) -> Result<Op, String> {
    if arguments.parameter_count != operation.parameters.len() {
        return Err(format!(
            "{} parameters were passed, {} are declared",
            arguments.parameter_count,
            operation.parameters.len()
        ));
    }
    let mut list = Vec::with_capacity(operation.parameters.len());
    for (i, parameter) in operation.parameters.iter().enumerate() {
        // SAFETY: the host passes `parameter_count` attributes.
        let a = unsafe { &*arguments.parameters.add(i) };
        list.push((
            parameter.name,
            match parameter.default {
                Argument::Integer(_) => Argument::Integer(a.integer),
                Argument::Number(_) => Argument::Number(a.number),
                Argument::Boolean(_) => Argument::Boolean(a.integer != 0),
            },
        ));
    }
    Ok(Op {
        channels_in: arguments.channels_in,
        channels_out: arguments.channels_out,
        stride: arguments.stride,
        form: if arguments.form == abi::form::FINAL { Form::Final } else { Form::Search },
        classes: arguments.classes,
        arguments: list,
    })
}

#[allow(clippy::too_many_arguments, reason = "the signature is the interface's")]
unsafe extern "C" fn build<P: Plugin>(
    operation: usize,
    arguments: *const abi::Arguments,
    builder: *const abi::Builder,
    inputs: *const u64,
    input_count: usize,
    outputs: *mut u64,
    output_count: usize,
    error: *const abi::Sink,
) -> Status {
    let body = || {
        let operation = P::OPERATIONS.get(operation).ok_or("there is no operation of this number")?;
        // SAFETY: the host passes valid tables and arrays of the given lengths for the time of the call.
        let (op, mut graph, inputs) = unsafe {
            let arguments = arguments.as_ref().ok_or("the arguments are null")?;
            let op = read_arguments(operation, arguments)?;
            let graph = Graph::new(builder.as_ref().ok_or("the builder is null")?, op.form == Form::Final);
            let inputs: Vec<Value> = (0..input_count).map(|i| Value(*inputs.add(i))).collect();
            (op, graph, inputs)
        };
        if inputs.len() != operation.inputs {
            return Err(format!("{} inputs were passed, {} are declared", inputs.len(), operation.inputs));
        }
        let values = (operation.build)(&op, &inputs, &mut graph);
        if values.len() != output_count {
            return Err(format!("{} values were returned, {output_count} are declared", values.len()));
        }
        for (i, value) in values.into_iter().enumerate() {
            // SAFETY: the host passes room for `output_count` values.
            unsafe { *outputs.add(i) = value.0 };
        }
        Ok(())
    };
    // SAFETY: the host passes a valid sink or null.
    unsafe { guard(error, body) }
}
