//! The spec's `sandbox` section: what scripts may use before they are stopped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits for scripts. One call of a hook (`plan`, `feedback`, …) may use so much; a script that wants
/// more is stopped with an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sandbox {
    /// Operations (expressions and statements) per call, those in callbacks (`filter`, `map`, …) too.
    #[schemars(range(min = 1000, max = 1_000_000_000_000_u64))]
    pub operations: u64,
    /// Time per call, in milliseconds. Leave it ample: a call that just fails on a busy machine passes on
    /// another.
    #[schemars(range(min = 10, max = 86_400_000))]
    pub milliseconds: u64,
    /// By how much the process's memory may grow during a call, in bytes. Leave it ample, as other threads count too. It is
    /// looked at every millisecond, on systems that tell (Linux).
    #[schemars(range(min = 10_000_000, max = 1_000_000_000_000_u64))]
    pub memory: u64,
    /// How deeply functions may call each other.
    #[schemars(range(min = 4, max = 256))]
    pub depth: u32,
    /// Length of a text, in bytes.
    #[schemars(range(min = 1000, max = 1_000_000_000))]
    pub string: u64,
    /// Entries of an array, arrays within it counted too.
    #[schemars(range(min = 100, max = 100_000_000))]
    pub array: u64,
    /// Keys of a map, maps within it counted too.
    #[schemars(range(min = 100, max = 100_000_000))]
    pub map: u64,
    /// Lines that `print` and `debug` write to the log per call. More are left out, and do not stop the script.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub print_lines: u64,
    /// The same in bytes.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub print_bytes: u64,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            operations: 2_000_000,
            milliseconds: 1000,
            memory: 500_000_000,
            depth: 64,
            string: 1_000_000,
            array: 100_000,
            map: 10_000,
            print_lines: 100,
            print_bytes: 10_000,
        }
    }
}
