//! The table of a plugin's op set.

use super::{Plugin, Tables};
use crate::abi::{self, Status, Text};
use crate::boundary::{guard, slice};
use crate::graph::{Graph, Value, write_values};
use crate::operation::{Form, Op};
use crate::parameter::Arguments;

impl<P: Plugin> Tables<P> {
    pub(super) const OP_SET: &'static abi::OpSet = &abi::OpSet {
        size: size_of::<abi::OpSet>(),
        count: Some(count::<P>),
        describe: Some(describe::<P>),
        describe_parameter: Some(describe_parameter::<P>),
        build: Some(build::<P>),
    };
}

unsafe extern "C-unwind" fn count<P: Plugin>() -> usize {
    P::OPERATIONS.len()
}

unsafe extern "C-unwind" fn describe<P: Plugin>(operation: usize, info: *mut abi::OperationInfo) -> Status {
    // SAFETY: the host passes a valid table of its own, or null.
    let (Some(operation), Some(info)) = (P::OPERATIONS.get(operation), unsafe { info.as_mut() }) else {
        return abi::FAILED;
    };
    info.name = Text::new(operation.name);
    info.doc = Text::new(operation.doc);
    info.inputs = operation.inputs;
    info.outputs = operation.outputs;
    info.parameter_count = operation.parameters.len();
    abi::OK
}

unsafe extern "C-unwind" fn describe_parameter<P: Plugin>(
    operation: usize,
    parameter: usize,
    info: *mut abi::ParameterInfo,
) -> Status {
    let parameter = P::OPERATIONS.get(operation).and_then(|o| o.parameters.get(parameter));
    // SAFETY: the host passes a valid table of its own, or null.
    let (Some(parameter), Some(info)) = (parameter, unsafe { info.as_mut() }) else {
        return abi::FAILED;
    };
    parameter.describe(info);
    abi::OK
}

#[allow(clippy::too_many_arguments, reason = "the signature is the interface's")]
unsafe extern "C-unwind" fn build<P: Plugin>(
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
            let op = Op {
                channels_in: arguments.channels_in,
                channels_out: arguments.channels_out,
                stride: arguments.stride,
                form: if arguments.form == abi::FORM_FINAL { Form::Final } else { Form::Search },
                classes: arguments.classes,
                arguments: Arguments::read(operation.parameters, arguments.parameters, arguments.parameter_count)?,
            };
            let graph = Graph::new(builder.as_ref().ok_or("the builder is null")?, op.form == Form::Final);
            let inputs: Vec<Value> = slice(inputs, input_count).iter().map(|v| Value(*v)).collect();
            (op, graph, inputs)
        };
        if inputs.len() != operation.inputs {
            return Err(format!("{} inputs were passed, {} are declared", inputs.len(), operation.inputs));
        }
        let values = (operation.build)(&op, &inputs, &mut graph);
        if let Some(why) = graph.refusal() {
            return Err(why);
        }
        // SAFETY: the host passes room for `output_count` values.
        unsafe { write_values(&values, outputs, output_count) }
    };
    // SAFETY: the host passes a valid sink or null.
    unsafe { guard(error, body) }
}
