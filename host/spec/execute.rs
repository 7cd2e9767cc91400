//! The spec's `execute` section: what runs the network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What runs the network. Float64 and GPUs are run by libtorch, whatever this says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Execute {
    /// What runs it on a CPU.
    pub cpu: CpuExecutor,
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
