//! The plugin interface of `edas`.
//!
//! A plugin describes, the host executes: an op set hands over graphs of layers, a space is a text, a policy makes plans, and none
//! of them touches a tensor. This crate is all that a plugin depends on. It holds
//!
//! - [`abi`]: the C tables that cross the boundary, for the host and for plugins in C;
//! - the safe Rust side: [`Plugin`] and the macro [`export!`]; [`Operation`], [`Op`], [`Graph`] and [`Kernel`] for op sets;
//!   [`Space`] for search spaces; [`Policy`], [`Turn`], [`Plan`] and [`Model`] for policies; [`Parameter`] for all three.
//!
//! A plugin is a library crate with a type that implements [`Plugin`], and a thin `cdylib` crate that says
//! `edas_plugin::export!(the_library::ThePlugin);`.
//!
//! ```
//! use edas_plugin::{Graph, Op, Operation, Plugin, Value};
//!
//! /// Halves its input.
//! fn half(_: &Op, x: &[Value], g: &mut Graph) -> Vec<Value> {
//!     vec![g.scale(x[0], 0.5)]
//! }
//!
//! pub struct MyOps;
//!
//! impl Plugin for MyOps {
//!     const NAME: &'static str = "my-ops";
//!     const VERSION: &'static str = "0.1.0";
//!     const DESCRIPTION: &'static str = "An example";
//!     const OPERATIONS: &'static [Operation] = &[Operation::candidate("half", "x / 2", half)];
//! }
//! ```

#[cfg(panic = "abort")]
compile_error!("a plugin must be built with panic = \"unwind\": the SDK turns panics into errors");

pub mod abi;
mod boundary;
mod exponential;
mod export;
mod graph;
mod host;
mod kernel;
mod operation;
mod parameter;
mod policy;
mod space;

pub use exponential::exp;
pub use export::{Plugin, entry};
pub use graph::{Attributes, Graph, Initialiser, Value};
pub use host::{Severity, cancelled, log, parallel, parallel_chunks};
pub use kernel::{Call, Element, Kernel, KernelInfo, Layout, Layouts, Mode, Number, Saved, View, ViewMut};
pub use operation::{Build, Form, Op, Operation};
pub use parameter::{Argument, Arguments, Parameter, Words};
pub use policy::{
    Adam, AfterEpoch, CandidateCost, EdgeIndex, EdgeView, EpochEnd, Model, Models, Phase, Plan, Policy, PolicyEntry,
    Random, SpaceView, Step, StepResult, Steps, Tensor, Turn,
};
pub use space::{Space, SpaceText};

/// Exports a [`Plugin`] from a `cdylib` crate.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        /// What a host looks for in this library.
        // SAFETY: the name belongs to this interface, and a library exports one plugin.
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals, reason = "the name is fixed by the interface")]
        pub static edas_plugin_entry: $crate::abi::Entry = $crate::entry::<$plugin>();
    };
}
