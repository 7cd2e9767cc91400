//! Training: the search loop, evaluation, and what they are made of.
//!
//! - [`search`]: the whole search, top to bottom
//! - [`evaluation`]: a derived network, trained from scratch and tested
//! - [`running`]: a search while it runs: iterations, the end of an epoch, validation
//! - `stage`: what a search and an evaluation have in common
//! - [`snapshot`]: a running search as plain data, and back
//! - [`resume`]: searches that go on where a run stands
//! - [`replay`]: a run once more, compared with its record
//! - [`interruption`]: the wish that a search stops where it is
//! - `progress`, `due`: how far a search has come, and when it saves that
//! - [`setup`]: from a spec to everything that a search needs
//! - [`inputs`]: what a run keeps of the files that its spec names
//! - `reload`: scripts that change while a search runs
//! - `memory`, `estimate`: what a search needs of memory
//! - [`outcome`]: what a search found, and how it ended
//! - `plugins`: the plugins that a spec names
//! - `change`: what a policy may change at the end of an epoch
//! - [`step`]: one step of a phase: forward, gradients, optimizer
//! - [`differentiate`]: a training pass, its loss and the gradients of that
//! - [`second_order`]: α's gradient one step of the weights ahead
//! - `mixture`: weights of candidates from α
//! - `penalty`: costs that are added to the loss of the architecture phase
//! - [`optimizer`]: SGD for weights, Adam for α
//! - [`schedule`]: learning rates over epochs
//! - [`validate`]: accuracies of supernet and derived network
//! - [`batch`]: batches as tensors
//! - [`golden`]: the first iterations of a spec in a small file
//! - [`finite`]: where a loss that is not finite came from

pub mod batch;
mod change;
pub mod differentiate;
mod due;
mod estimate;
pub mod evaluation;
pub mod finite;
pub mod golden;
pub mod inputs;
pub mod interruption;
mod memory;
mod mixture;
pub mod optimizer;
pub mod outcome;
mod part;
mod penalty;
mod plugins;
mod progress;
mod reload;
pub mod replay;
pub mod resume;
pub mod running;
pub mod schedule;
pub mod search;
pub mod second_order;
pub mod setup;
pub mod snapshot;
mod stage;
pub mod step;
pub mod validate;

pub use batch::TensorBatch;
pub use evaluation::Evaluation;
pub use interruption::Interruption;
pub use outcome::{End, Outcome};
pub use running::Running;
pub use search::Search;
pub use setup::Setup;
pub use step::{StepInput, Trainer};
