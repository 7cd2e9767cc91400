//! The spec's `network` section: how large the supernet is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The size and the arithmetic of the supernet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Number of cells that the backbone stacks. More cells: a deeper network, longer iterations, more
    /// memory.
    #[schemars(range(min = 1, max = 1000))]
    pub cells: u32,
    /// Channels of the first cells; a space's reductions multiply them.
    #[schemars(range(min = 1, max = 4096))]
    pub channels: u32,
    /// Arithmetic of the network. `float64` takes twice the memory and several times as long; it is for
    /// comparing whole iterations exactly.
    pub precision: Precision,
}

impl Default for Network {
    fn default() -> Self {
        Self { cells: 20, channels: 16, precision: Precision::Float32 }
    }
}

/// The numbers that a network computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    Float32,
    /// 64-bit floats.
    Float64,
}
