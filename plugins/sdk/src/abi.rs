//! The C side of the interface: plain tables, and nothing else.
//!
//! # Rules
//!
//! - Text is UTF-8 with a length; it needs no terminating zero.
//! - Whoever allocates frees. Text that crosses to the host goes through a [`Sink`] or lives as long as the
//!   library; text that crosses to the plugin lives until the call returns.
//! - Every call that can fail returns a [`Status`]; its message goes to the sink that the caller passed.
//! - Tables begin with their own size in bytes. A table that has been published never changes; what is new
//!   gets a new extension id.
//! - Each function's documentation says from which thread it may be called. "Any thread" means: several
//!   at once.

use std::ffi::c_void;

/// The major version: libraries of another one are refused.
pub const ABI_MAJOR: u32 = 1;
/// The minor version: it grows when extension ids are added. A host accepts lower and higher ones.
pub const ABI_MINOR: u32 = 0;
/// The name of the one data symbol that a library exports: an [`Entry`].
pub const ENTRY_SYMBOL: &str = "edas_plugin_entry";
/// The id of the [`OpSet`] extension.
pub const OP_SET: &str = "edas.op-set/1";
/// The id of the host's [`Log`] extension.
pub const HOST_LOG: &str = "edas.host.log/1";

/// How a call ended.
pub type Status = i32;
/// The call did what it should.
pub const OK: Status = 0;
/// The call failed; the sink holds the message.
pub const FAILED: Status = 1;
/// The plugin broke off (a panic in Rust); the sink holds the message.
pub const PANICKED: Status = 2;

/// UTF-8 text with a length.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    /// The first byte; may be null where the length is 0.
    pub data: *const u8,
    /// The number of bytes.
    pub length: usize,
}

impl Text {
    /// The text of a string. It must not be used after the string is gone.
    pub const fn new(text: &str) -> Self {
        Self { data: text.as_ptr(), length: text.len() }
    }

    /// The text as a string, or `None` where it is not UTF-8 or null with a length.
    ///
    /// # Safety
    /// `data` and `length` must describe readable memory that lives for `'a`.
    pub unsafe fn as_str<'a>(self) -> Option<&'a str> {
        if self.length == 0 {
            return Some("");
        }
        if self.data.is_null() {
            return None;
        }
        // SAFETY: the caller vouches for the memory; null was excluded.
        std::str::from_utf8(unsafe { std::slice::from_raw_parts(self.data, self.length) }).ok()
    }
}

// SAFETY: a text is a pointer to memory that its owner keeps unchanged; sharing it shares only reads.
unsafe impl Send for Text {}
// SAFETY: as above.
unsafe impl Sync for Text {}

/// A place that takes text from the other side. May be written to more than once; the pieces are joined.
#[repr(C)]
pub struct Sink {
    /// Handed back to `write`.
    pub context: *mut c_void,
    /// Takes a piece of text, valid until it returns. Thread: the one that was given the sink.
    pub write: Option<unsafe extern "C" fn(context: *mut c_void, text: Text)>,
}

/// What a library exports under [`ENTRY_SYMBOL`].
#[repr(C)]
pub struct Entry {
    /// [`ABI_MAJOR`] as the library was built. Checked before anything else is read.
    pub abi_major: u32,
    /// [`ABI_MINOR`] as the library was built.
    pub abi_minor: u32,
    /// The size of this table in bytes.
    pub size: usize,
    /// The plugin's name, as specs write it: `darts-ops`.
    pub name: Text,
    /// The plugin's version.
    pub version: Text,
    /// One line about the plugin.
    pub description: Text,
    /// Called once per process, before everything else. The host's table lives as long as the process.
    /// May be null. Thread: the one that loads the library.
    pub init: Option<unsafe extern "C" fn(host: *const Host, error: *const Sink) -> Status>,
    /// Called when the process ends in order. May be null. Thread: the one that loaded the library.
    pub deinit: Option<unsafe extern "C" fn()>,
    /// The table of an extension, or null where the plugin lacks it. Tables live as long as the library.
    /// Must not be null. Any thread.
    pub get_extension: Option<unsafe extern "C" fn(id: Text) -> *const c_void>,
}

/// What the host offers to a plugin.
#[repr(C)]
pub struct Host {
    /// The host's [`ABI_MAJOR`].
    pub abi_major: u32,
    /// The host's [`ABI_MINOR`].
    pub abi_minor: u32,
    /// The size of this table in bytes.
    pub size: usize,
    /// The host's name.
    pub name: Text,
    /// The host's version.
    pub version: Text,
    /// The table of a host extension, or null where the host lacks it. Any thread.
    pub get_extension: Option<unsafe extern "C" fn(id: Text) -> *const c_void>,
}

/// Host extension [`HOST_LOG`]: messages for the user's log.
#[repr(C)]
pub struct Log {
    /// The size of this table in bytes.
    pub size: usize,
    /// Writes a message; severity 0 is an error, 1 a warning, 2 information, 3 a detail, 4 a trace. Any thread.
    pub write: Option<unsafe extern "C" fn(severity: u32, message: Text)>,
}

/// The kinds of an [`Attribute`]'s or a parameter's value.
pub mod kind {
    /// `integer` holds the value.
    pub const INTEGER: u32 = 0;
    /// `number` holds the value.
    pub const NUMBER: u32 = 1;
    /// `integer` holds the value, 0 or 1.
    pub const BOOLEAN: u32 = 2;
    /// `text` holds the value.
    pub const TEXT: u32 = 3;
    /// `integers` and `length` hold the values.
    pub const INTEGERS: u32 = 4;
}

/// A named value: an attribute of a layer, or a parameter of an operation.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Attribute {
    /// The name.
    pub name: Text,
    /// One of [`kind`].
    pub kind: u32,
    /// The value of a whole number or a truth value.
    pub integer: i64,
    /// The value of a number.
    pub number: f64,
    /// The value of a text.
    pub text: Text,
    /// The values of a list of whole numbers.
    pub integers: *const i64,
    /// The length of that list.
    pub length: usize,
}

/// What an operation is called and takes. Filled in by [`OpSet::describe`].
#[repr(C)]
#[derive(Clone, Copy)]
pub struct OperationInfo {
    /// The size of this table in bytes, set by the caller.
    pub size: usize,
    /// The name, as specs write it.
    pub name: Text,
    /// What it computes, for people.
    pub doc: Text,
    /// The number of values that it takes.
    pub inputs: usize,
    /// The number of values that it returns.
    pub outputs: usize,
    /// The number of its parameters.
    pub parameters: usize,
}

/// What a parameter of an operation may be. Filled in by [`OpSet::describe_parameter`].
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ParameterInfo {
    /// The size of this table in bytes, set by the caller.
    pub size: usize,
    /// Name, kind and default value.
    pub default: Attribute,
    /// What it means, for people.
    pub doc: Text,
    /// The lowest value of a number (included).
    pub minimum: f64,
    /// The highest value of a number (included).
    pub maximum: f64,
}

/// The form of a network in which an operation is built.
pub mod form {
    /// The supernet, and the derived network with the supernet's weights.
    pub const SEARCH: u32 = 0;
    /// The derived network that is trained from scratch.
    pub const FINAL: u32 = 1;
}

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
    /// One of [`form`].
    pub form: u32,
    /// Classes of the data set, for heads.
    pub classes: i64,
    /// One value per declared parameter, in the declared order, defaults filled in.
    pub parameters: *const Attribute,
    /// Their number.
    pub parameter_count: usize,
}

/// How a weight or buffer starts.
pub mod initialiser {
    /// Uniform between −a and a.
    pub const UNIFORM: u32 = 0;
    /// Normal with mean 0 and standard deviation a.
    pub const NORMAL: u32 = 1;
    /// Every element is a.
    pub const CONSTANT: u32 = 2;
}

/// How the host takes a layer graph. Errors stick: after the first, every call returns the value 0, and the
/// host reports that first error when `build` returns. Thread: the one that runs `build`.
#[repr(C)]
pub struct Builder {
    /// The size of this table in bytes.
    pub size: usize,
    /// Handed back to every function.
    pub context: *mut c_void,
    /// Adds a layer of the named kind; writes its output values.
    pub layer: Option<
        unsafe extern "C" fn(
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
    /// Adds a weight that training moves, and returns its value.
    pub parameter: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            name: Text,
            shape: *const i64,
            rank: usize,
            initialiser: u32,
            a: f64,
        ) -> u64,
    >,
    /// Adds a tensor that training does not move, and returns its value.
    pub buffer: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            name: Text,
            shape: *const i64,
            rank: usize,
            initialiser: u32,
            a: f64,
        ) -> u64,
    >,
    /// Writes at most `capacity` sizes of a value's shape (channels, height, width) and returns its rank; -1
    /// where the value is unknown.
    pub shape: Option<unsafe extern "C" fn(context: *mut c_void, value: u64, sizes: *mut i64, capacity: usize) -> i64>,
}

/// Plugin extension [`OP_SET`]: operations, described and built as layer graphs.
#[repr(C)]
pub struct OpSet {
    /// The size of this table in bytes.
    pub size: usize,
    /// The number of operations. Any thread.
    pub count: Option<unsafe extern "C" fn() -> usize>,
    /// Describes an operation. Texts live as long as the library. Any thread.
    pub describe: Option<unsafe extern "C" fn(operation: usize, info: *mut OperationInfo) -> Status>,
    /// Describes a parameter of an operation. Any thread.
    pub describe_parameter:
        Option<unsafe extern "C" fn(operation: usize, parameter: usize, info: *mut ParameterInfo) -> Status>,
    /// Builds an operation's layer graph from `inputs` into `outputs`. The result must depend on nothing but the
    /// arguments. Any thread.
    pub build: Option<
        unsafe extern "C" fn(
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

// SAFETY: the tables hold constants, function pointers and texts that nobody changes after they were made.
unsafe impl Sync for Entry {}
// SAFETY: as above.
unsafe impl Sync for Host {}
// SAFETY: as above.
unsafe impl Send for Host {}
