//! How a layer graph is built: layers by name, weights and buffers, and the doors beyond the layers.

use super::{Attribute, Kernel, Native, Status, Text};
use std::ffi::c_void;

/// How the host takes a layer graph. Values are numbers that carry their graph's: one of another graph is found out. Errors
/// stick: after the first, every call returns the value 0 (or `FAILED`), and the host reports that first error when the call
/// that was given the table returns; so results need not be checked one by one.
///
/// Thread: the one that was given the table, until that call returns.
#[repr(C)]
pub struct Builder {
    /// The size of this table in bytes.
    pub size: usize,
    /// Handed back to every function.
    pub context: *mut c_void,
    /// Adds a layer of the named kind; writes its output values. Layers and their attributes are listed in
    /// `plugins/README.md`. The kind `aten` is any ATen operator by its schema name (attributes `operator`, `overload`, and
    /// the operator's own arguments by their names; its tensors are the inputs, in order).
    pub layer: Option<
        unsafe extern "C-unwind" fn(
            context: *mut c_void,
            kind: Text,
            inputs: *const u64,
            input_count: usize,
            attributes: *const Attribute,
            attribute_count: usize,
            outputs: *mut u64,
            output_count: usize,
        ) -> Status,
    >,
    /// Adds a weight that training moves, and returns its value. Its attributes say how it starts, one of: `uniform` (a number
    /// a: between −a and a), `normal` (the standard deviation around 0), `constant` (every element).
    pub parameter: Option<
        unsafe extern "C-unwind" fn(
            context: *mut c_void,
            name: Text,
            sizes: *const i64,
            rank: usize,
            attributes: *const Attribute,
            attribute_count: usize,
        ) -> u64,
    >,
    /// Adds a tensor that training does not move, and returns its value; otherwise as `parameter`.
    pub buffer: Option<
        unsafe extern "C-unwind" fn(
            context: *mut c_void,
            name: Text,
            sizes: *const i64,
            rank: usize,
            attributes: *const Attribute,
            attribute_count: usize,
        ) -> u64,
    >,
    /// Writes at most `capacity` sizes of a value's shape, without the batch (channels, height, width), and returns its
    /// rank; −1 where the value is unknown.
    pub shape:
        Option<unsafe extern "C-unwind" fn(context: *mut c_void, value: u64, sizes: *mut i64, capacity: usize) -> i64>,
    /// Adds a kernel as a layer; writes its output values. The table is copied, with all lists that it names. From here on the
    /// host owns `user_data` and gives it back through `destroy`, also where this call fails.
    pub kernel: Option<
        unsafe extern "C-unwind" fn(
            context: *mut c_void,
            inputs: *const u64,
            input_count: usize,
            kernel: *const Kernel,
            outputs: *mut u64,
            output_count: usize,
        ) -> Status,
    >,
    /// Adds a native layer; otherwise as `kernel`.
    pub native: Option<
        unsafe extern "C-unwind" fn(
            context: *mut c_void,
            inputs: *const u64,
            input_count: usize,
            native: *const Native,
            outputs: *mut u64,
            output_count: usize,
        ) -> Status,
    >,
}
