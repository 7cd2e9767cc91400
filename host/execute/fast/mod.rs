//! The executor for CPUs: few passes over memory, its own record of the way back.
//!
//! - [`stage`], [`chains`]: recognises in layer graphs what one pass can compute, and remembers it
//! - [`value`], `norm`, `memory`: feature maps, the batch norms that their readers apply, and where they lie
//! - `slot`: where gradients gather
//! - [`tape`]: a forward pass, which remembers what its way back needs
//! - [`backward`]: the way back
//! - [`classifier`]: the end of most networks
//! - [`threads`]: libtorch's threads, which run the kernels
//! - `kernels`: the passes themselves, over raw numbers
//!
//! What it does not know — other layers, operators of libtorch's, kernels of plugins — runs by the reference executor, one operation
//! at a time, in the same network.

pub mod backward;
pub mod chains;
pub mod classifier;
pub(crate) mod kernels;
pub mod memory;
pub mod norm;
mod slot;
pub mod stage;
pub mod tape;
pub mod threads;
pub mod value;

pub use backward::Found;
pub use kernels::simd::Level;
pub use tape::{State, Tape};
