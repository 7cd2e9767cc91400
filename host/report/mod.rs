//! What is shown of runs when they are done, made from their directories alone.
//!
//! - [`comparison`]: architectures side by side, in the form of the paper's table 2

pub mod comparison;

pub use comparison::Comparison;
