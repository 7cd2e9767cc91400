//! Op sets: operations, described and built as layer graphs.

use super::{Attribute, Builder, ParameterInfo, Sink, Status, Text};

/// The id of the [`OpSet`] extension.
pub const OP_SET: &str = "edas.op-set/1";

/// What an operation is called and takes. Filled in by [`OpSet::describe`].
#[repr(C)]
#[derive(Clone, Copy)]
pub struct OperationInfo {
    /// The size of this table in bytes, set by the caller.
    pub size: usize,
    /// The name, as specs write it. Lives as long as the library.
    pub name: Text,
    /// What it computes, for people. Lives as long as the library.
    pub doc: Text,
    /// The number of values that it takes.
    pub inputs: usize,
    /// The number of values that it returns.
    pub outputs: usize,
    /// The number of its parameters.
    pub parameter_count: usize,
}

impl OperationInfo {
    /// A table to be filled in.
    ///
    /// cbindgen:ignore
    pub const EMPTY: Self = Self {
        size: size_of::<Self>(),
        name: Text::EMPTY,
        doc: Text::EMPTY,
        inputs: 1,
        outputs: 1,
        parameter_count: 0,
    };
}

/// The form of a network in which an operation is built.
pub mod form {
    /// The supernet, and the derived network with the supernet's weights.
    pub const FORM_SEARCH: u32 = 0;
    /// The derived network that is trained from scratch.
    pub const FORM_FINAL: u32 = 1;
}
pub use form::*;

/// What the host asks of an operation.
#[repr(C)]
pub struct Arguments {
    /// The size of this table in bytes.
    pub size: usize,
    /// Channels of the first input.
    pub channels_in: i64,
    /// Channels that the output must have.
    pub channels_out: i64,
    /// The factor by which height and width shrink (rounded up).
    pub stride: i64,
    /// `FORM_SEARCH` or `FORM_FINAL`.
    pub form: u32,
    /// Classes of the data set, for heads.
    pub classes: i64,
    /// One value per declared parameter, in the declared order, defaults filled in.
    pub parameters: *const Attribute,
    /// Their number.
    pub parameter_count: usize,
}

/// Plugin extension [`OP_SET`]: operations, described and built as layer graphs.
#[repr(C)]
pub struct OpSet {
    /// The size of this table in bytes.
    pub size: usize,
    /// The number of operations. Any thread.
    pub count: Option<unsafe extern "C-unwind" fn() -> usize>,
    /// Describes an operation, from 0 to `count` − 1. Any thread.
    pub describe: Option<unsafe extern "C-unwind" fn(operation: usize, info: *mut OperationInfo) -> Status>,
    /// Describes a parameter of an operation. May be null where no operation has parameters. Any thread.
    pub describe_parameter:
        Option<unsafe extern "C-unwind" fn(operation: usize, parameter: usize, info: *mut ParameterInfo) -> Status>,
    /// Builds an operation's layer graph from `inputs` into `outputs`. The result must depend on nothing but the
    /// arguments and the inputs' shapes. Any thread.
    pub build: Option<
        unsafe extern "C-unwind" fn(
            operation: usize,
            arguments: *const Arguments,
            builder: *const Builder,
            inputs: *const u64,
            input_count: usize,
            outputs: *mut u64,
            output_count: usize,
            error: *const Sink,
        ) -> Status,
    >,
}
