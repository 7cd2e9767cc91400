//! The spec's `checkpoint` section: when a run saves where it stands.

use super::Every;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a run saves where it stands, so that it can go on from there, and what it keeps. It saves at its end and when it is
/// interrupted, too. None of this changes the result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Checkpoint {
    /// Save at the end of each `epoch`, or after a whole number of iterations and at the end of each epoch; null for neither.
    pub every: Option<Every>,
    /// Save where so many minutes have passed since the last checkpoint; null for never.
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 100_000))]
    pub minutes: Option<f64>,
    /// What share of the time saving at the ends of epochs may take: where epochs are short, some are passed over. Null for no limit.
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1))]
    pub share: Option<f64>,
    /// How many of the newest checkpoints are kept. That of the best derived accuracy is kept besides.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub keep: u32,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self { every: Some(Every::Epoch), minutes: Some(10.0), share: Some(0.01), keep: 3 }
    }
}
