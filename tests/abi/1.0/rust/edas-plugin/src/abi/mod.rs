//! The C side of the interface: plain tables, and nothing else. `include/edas_plugin.h` is generated from it.
//!
//! # Rules
//!
//! - Text is UTF-8 with a length; it needs no terminating zero.
//! - Whoever allocates frees. Text and state that cross to the host go through a [`Sink`], or live as long as the library
//!   where a function says so; what crosses to the plugin lives until the call returns.
//! - Every call that can fail returns a [`Status`]; its message goes to the sink that the caller passed.
//! - Tables begin with their own size in bytes. A published table never changes; what is new gets a new extension id, or a
//!   new name where things are asked for by name (layers, gates, settings).
//! - Each function's documentation says from which thread it may be called. "Any thread" means: several at once.
//! - No exception and no panic of the plugin's own needs to cross: the SDK turns panics into a status, and the host calls every
//!   function of a plugin through a trampoline that turns C++ exceptions into an error. That is why the functions are
//!   `extern "C-unwind"`: their calling convention is C's.
//!
//! # Where things are
//!
//! | module | holds |
//! |---|---|
//! | [`mod@value`] | texts, sinks, attributes, parameters |
//! | [`mod@entry`] | what a library exports |
//! | [`mod@host`] | what the host offers: log, random numbers, parallel loops, cancellation, libtorch |
//! | [`op_set`] | operations and what is asked of them |
//! | [`builder`] | how a layer graph is built |
//! | [`kernel`] | kernels and native layers: computation of the plugin's own |
//! | [`space`] | search spaces |
//! | [`policy`] | policies: what they see, what they answer |
//! | [`model`] | models of policies that learn |

pub mod builder;
pub mod entry;
pub mod host;
pub mod kernel;
pub mod model;
pub mod op_set;
pub mod policy;
pub mod space;
pub mod value;

pub use builder::*;
pub use entry::*;
pub use host::*;
pub use kernel::*;
pub use model::*;
pub use op_set::*;
pub use policy::*;
pub use space::*;
pub use value::*;

/// The major version: libraries of another one are refused.
pub const ABI_MAJOR: u32 = 1;
/// The minor version: it grows when extension ids are added. A host accepts lower and higher ones.
pub const ABI_MINOR: u32 = 0;

/// How a call ended.
pub type Status = i32;
/// The call did what it should.
pub const OK: Status = 0;
/// The call failed; the sink holds the message.
pub const FAILED: Status = 1;
/// The plugin broke off (a panic in Rust); the sink holds the message.
pub const PANICKED: Status = 2;
