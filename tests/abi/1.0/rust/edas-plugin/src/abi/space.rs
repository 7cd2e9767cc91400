//! Search spaces: descriptions as text.

use super::{Attribute, Info, ParameterInfo, Sink, Status};

/// The id of the [`SearchSpace`] extension.
pub const SEARCH_SPACE: &str = "edas.search-space/1";

/// Plugin extension [`SEARCH_SPACE`]: search spaces, each a text in the YAML form in which a file would hold it.
#[repr(C)]
pub struct SearchSpace {
    /// The size of this table in bytes.
    pub size: usize,
    /// The number of spaces. Any thread.
    pub count: Option<unsafe extern "C-unwind" fn() -> usize>,
    /// Describes a space, from 0 to `count` − 1. Any thread.
    pub describe: Option<unsafe extern "C-unwind" fn(space: usize, info: *mut Info) -> Status>,
    /// Describes a parameter of a space. May be null where no space has parameters. Any thread.
    pub describe_parameter:
        Option<unsafe extern "C-unwind" fn(space: usize, parameter: usize, info: *mut ParameterInfo) -> Status>,
    /// Writes the description to `text`. It must depend on nothing but the parameters: one value per declared
    /// parameter, in the declared order, defaults filled in. Any thread.
    pub write: Option<
        unsafe extern "C-unwind" fn(
            space: usize,
            parameters: *const Attribute,
            parameter_count: usize,
            text: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
}
