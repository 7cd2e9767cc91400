//! The spec's `constraints` section: limits for the network that is trained from scratch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the network that `evaluate` or `transfer` trains may have at most, its second classifier not counted. A larger one is refused before
/// it is trained.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Constraints {
    /// Multiply-adds for one image; 600.0e6 at 224×224 is what the field calls the mobile setting. Null for no limit.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub multiply_adds: Option<f64>,
    /// Trained numbers; null for no limit.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub parameters: Option<f64>,
}
