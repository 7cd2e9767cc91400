//! Runs: what a search says of itself while it goes, and the directory that keeps it.
//!
//! - [`event`]: events and observers
//! - [`record`]: the lines of the logs
//! - [`directory`]: the run directory
//! - [`weights`]: tensors as safetensors files

pub mod directory;
pub mod event;
pub mod record;
pub mod weights;

pub use directory::RunDirectory;
pub use event::{Change, Event, Observer, Overview, ScriptEvent, Summary};
pub use record::{EpochRecord, IterationRecord, ValidationRecord};
