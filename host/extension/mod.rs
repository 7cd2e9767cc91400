//! What comes from outside: plugin libraries, the engine that runs scripts, and the registry that resolves names.
//!
//! This folder only loads. It knows no op set, space or policy: what adapts a loaded table or script to a
//! concept lives with the concept.
//!
//! - [`plugin`]: a loaded plugin and its extensions
//! - [`call`]: calls into plugins, through a trampoline that catches exceptions
//! - `declaration`: parameters that scripts declare
//! - [`listed`]: what a plugin's table lists by name
//! - [`memory`]: what plugins pass by pointer and length
//! - [`offer`]: what the host offers to plugins
//! - [`parameter`]: parameters that extensions declare
//! - [`library`]: opens libraries, checks versions, never unloads
//! - [`registry`]: from the names in a spec to plugins
//! - [`interface`]: what scripts can use, with its signatures and meanings
//! - [`script`]: compiles Rhai scripts and calls their functions within limits

pub mod call;
pub(crate) mod declaration;
pub mod interface;
pub mod library;
pub mod listed;
pub mod memory;
pub mod offer;
pub mod parameter;
pub mod plugin;
pub mod registry;
pub mod script;

pub use listed::Listed;
pub use memory::Attribute;
pub use offer::Cancellation;
pub use parameter::{Parameter, ParameterKind, Setting, Settings};
pub use plugin::{Origin, Plugin};
pub use registry::Registry;
