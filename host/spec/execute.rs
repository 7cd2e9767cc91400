//! The spec's `execute` section: what runs the network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What runs the network, and how. Float64 and GPUs are run by libtorch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Execute {
    /// What runs it on a CPU.
    pub cpu: CpuExecutor,
    /// What convolutions and products are computed in on a GPU, and with them what reads their results. Weights and α stay float32.
    pub cuda: CudaArithmetic,
}

/// What a GPU computes in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CudaArithmetic {
    /// Float32 throughout.
    #[default]
    Float32,
    /// Bfloat16 where libtorch's autocast says so: faster, and less exact.
    Bfloat16,
}

/// An executor for CPUs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CpuExecutor {
    /// The host's own: few passes over memory, the same bits whatever the number of threads.
    #[default]
    Fast,
    /// libtorch's operations, one by one.
    Reference,
}
