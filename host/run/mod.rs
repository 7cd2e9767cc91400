//! Runs: what a search says of itself while it goes, and the directory that keeps it.
//!
//! - [`event`]: events and observers
//! - [`record`]: the records that events carry
//! - [`lines`]: what the logs say of an event
//! - [`log`]: the logs: files of JSON lines
//! - [`contents`]: what a run is made of, and in what two runs differ
//! - [`directory`]: the run directory
//! - [`checkpoint`]: where a run stands, on disk
//! - [`resume`]: a run directory that is taken up again
//! - [`compare`]: where two runs part
//! - [`session`]: the stretches of a run, one per process
//! - [`machine`]: what bits depend on besides spec, seed and inputs
//! - [`tensors`]: tensors as plain data and as safetensors files
//! - [`files`]: files that are written whole or not at all
//! - `lock`: one process per run directory

pub mod checkpoint;
pub mod compare;
pub mod contents;
pub mod directory;
pub mod event;
pub mod files;
pub mod lines;
mod lock;
pub mod log;
pub mod machine;
pub mod record;
pub mod resume;
pub mod session;
pub mod tensors;

pub use checkpoint::{Checkpoint, Snapshot};
pub use contents::{Changed, Contents};
pub use directory::RunDirectory;
pub use event::{
    Change, EvaluationOverview, EvaluationResult, EvaluationSummary, Event, NetworkInput, Observer, Overview,
    ScriptEvent, Summary,
};
pub use lock::is_taken;
pub use log::LogName;
pub use machine::Machine;
pub use record::{EpochRecord, EvaluationRecord, IterationRecord, ValidationRecord};
pub use resume::{Found, Unfinished};
