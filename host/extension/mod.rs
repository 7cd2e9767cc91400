//! What comes from outside: plugin libraries, the engine that runs scripts, and the registry that resolves names.
//!
//! This folder only loads. It knows no op set, space or policy: what adapts a loaded table or script to a
//! concept lives with the concept.
//!
//! - [`plugin`]: a loaded plugin and its extensions
//! - [`library`]: opens libraries, checks versions, never unloads
//! - [`registry`]: from the names in a spec to plugins
//! - [`script`]: compiles Rhai scripts and calls their functions within limits

pub mod library;
pub mod plugin;
pub mod registry;
pub mod script;

pub use plugin::{Message, Origin, Plugin};
pub use registry::Registry;
