//! Networks: their parameters, their structure as cells of nodes and edges, and their forward pass under a plan.
//!
//! - [`parameters`]: named tensors and how they start
//! - [`network`]: from a space to a network: every operation built, every tensor placed
//! - `change`: networks that lose candidates, or whose weights start anew
//! - [`route`]: which nodes and operations a plan needs
//! - [`forward`]: the pass itself
//! - [`pass`]: passes by the executor that the spec names
//! - [`mod@drop`]: what is dropped of it in training
//!
//! A supernet and a derived network are the same thing: the latter simply lacks the candidates that no edge
//! became, so that weights go from one to the other by their names.

mod change;
pub mod drop;
pub mod forward;
pub mod network;
pub mod parameters;
pub mod pass;
pub mod route;

pub use self::drop::DropPath;
pub use forward::{Logits, Mixture, Mode};
pub use network::{Auxiliary, Block, Cell, Include, Network, Part, Settings};
pub use parameters::{Parameter, Parameters};
pub use pass::Recorded;
pub use route::Route;
