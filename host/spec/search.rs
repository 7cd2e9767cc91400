//! The spec's `search` section: the length of the search and its two optimizers.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

/// How long the search runs, and how weights and α learn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SearchSettings {
    /// Number of epochs; one epoch is one pass over the train split.
    #[schemars(range(min = 1, max = 100_000))]
    pub epochs: u32,
    /// Images per batch, in each of the two splits. Memory grows with it.
    #[schemars(range(min = 1, max = 65_536))]
    pub batch: u32,
    /// How the weights learn: SGD with momentum, the learning rate falling by cosine.
    pub weights: WeightsOptimizer,
    /// How α learns: Adam.
    pub architecture: ArchitectureOptimizer,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self { epochs: 25, batch: 64, weights: Default::default(), architecture: Default::default() }
    }
}

/// SGD with momentum for the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WeightsOptimizer {
    /// Learning rate in the first epoch; 0 holds the weights still.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub learning_rate: f64,
    /// Learning rate that the cosine falls to; at most `learning_rate`.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub minimum_learning_rate: f64,
    /// Share of the last step that the next one keeps.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub momentum: f64,
    /// Share of each weight that is added to its gradient; 0 for none.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight_decay: f64,
    /// Norm that the gradient of all weights is cut down to where it is larger; null for no limit.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub clip: Option<f64>,
}

impl Default for WeightsOptimizer {
    fn default() -> Self {
        Self { learning_rate: 0.025, minimum_learning_rate: 0.001, momentum: 0.9, weight_decay: 3e-4, clip: Some(5.0) }
    }
}

/// Adam for α.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ArchitectureOptimizer {
    /// Learning rate, the same in every epoch; 0 holds α still.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub learning_rate: f64,
    /// How slowly the two moving averages, of gradients and of their squares, forget.
    #[schemars(transform = below_one)]
    pub betas: [f64; 2],
    /// Share of α that is added to its gradient; 0 for none.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight_decay: f64,
    /// Whether rows of α without a gradient are left alone, moments included. `false` steps every row
    /// in every iteration, as PyTorch's Adam does: decay and old moments then move rows that were not drawn.
    pub lazy: bool,
    /// Whether α's gradient takes into account that the weights will follow α: `first` takes the weights as they are; `second`
    /// looks one step of theirs ahead, by finite differences as DARTS does, which makes an architecture step about four times
    /// as long.
    pub order: Order,
}

/// The order of the approximation of α's gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// At the weights as they are.
    First,
    /// One step of the weights ahead.
    Second,
}

impl Default for ArchitectureOptimizer {
    fn default() -> Self {
        Self { learning_rate: 0.025, betas: [0.5, 0.999], weight_decay: 0.0, lazy: true, order: Order::First }
    }
}

/// Bounds the entries of a list to at least 0 and below 1.
fn below_one(schema: &mut Schema) {
    if let Some(items) = schema.get_mut("items").and_then(serde_json::Value::as_object_mut) {
        items.insert("minimum".into(), 0.into());
        items.insert("exclusiveMaximum".into(), 1.into());
    }
}
