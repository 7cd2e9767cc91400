//! Executors: they run layer graphs.
//!
//! - [`executor`]: what a network asks of an executor
//! - [`mod@reference`]: every layer by libtorch's own operations; runs everywhere, differentiated by libtorch
//! - [`kernel`]: kernels of plugins
//! - [`fast`]: for CPUs, in few passes over memory

pub mod executor;
pub mod fast;
pub mod kernel;
pub mod reference;

pub use executor::{Brought, Executor};

/// What batch norm does in a forward pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Norm {
    /// Statistics of the batch; the running ones move.
    Train,
    /// Statistics of the batch; the running ones stay.
    Batch,
    /// The running statistics.
    Running,
    /// Statistics of the batch; the running ones become the mean over batches, of which this is the n-th (from 1).
    Recalibrate(u32),
}
