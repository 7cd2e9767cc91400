//! Where two runs part: a run against its repetition, a record against another one.
//!
//! What happens at one iteration is compared in the order in which it comes about: plans, losses, what was measured, α, the state
//! in a checkpoint; and at the end the result. All is compared bit by bit, but for how long things took.
//!
//! - [`difference`]: a place in which two runs differ
//! - [`recorded`]: a run directory for who only reads it
//! - `reader`: its logs, line by line
//! - `line`: two lines of one log
//! - [`state`]: two checkpoints, tensor by tensor
//! - `result`: two results
//! - [`follow`]: what a search says, against the record of another one
//! - [`records`]: two records
//! - `walk`: a record in the order of its iterations

pub mod difference;
pub mod follow;
mod line;
mod reader;
pub mod recorded;
pub mod records;
mod result;
pub mod state;
mod walk;

pub use difference::Difference;
pub use follow::Follow;
pub use recorded::Recorded;
