//! x
#[cfg(feature = "cli")]
pub mod cli;
pub mod data;
pub mod error;
pub mod execute;
pub mod extension;
pub mod graph;
pub mod native;
pub mod policy;
pub mod random;
pub mod run;
pub mod space;
pub mod spec;
pub mod supernet;
pub mod train;

pub use error::{Error, Result};
pub use train::{Outcome, Search};
