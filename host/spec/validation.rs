//! The spec's `validation` and `derive` sections: how a search is measured and ends.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::decode::{Part, raise, refuse};
use super::tree::Value;

/// How supernet and derived network are measured during search.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Validation {
    /// The images that measure: `search`, the search split without augmentation, or `{holdout: SHARE}`,
    /// a share of the training images that trains neither weights nor α.
    pub data: ValidationData,
    /// When to measure: `epoch`, or a whole number of iterations.
    pub every: Every,
    /// The statistics of batch norm while measuring: of the `batch`, the `running` ones (poor for a
    /// candidate that rarely runs), or `{recalibrate: N}`, measured anew on N batches of the train split.
    pub batch_norm: BatchNorm,
}

impl ValidationData {
    /// The share of the training images that trains nothing.
    pub fn holdout(self) -> f64 {
        match self {
            ValidationData::Search => 0.0,
            ValidationData::Holdout(share) => share,
        }
    }
}

/// The images that measure.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValidationData {
    /// The search split, without augmentation.
    #[default]
    Search,
    /// A share of the training images, taken before they are split, that nothing is trained on.
    Holdout(#[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))] f64),
}

/// The statistics that batch norm uses while measuring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchNorm {
    /// Those of the batch that is measured.
    #[default]
    Batch,
    /// The running averages of training.
    Running,
    /// Averages over so many batches of the train split, computed for the network that is measured.
    Recalibrate(#[schemars(range(min = 1, max = 1_000_000))] u32),
}

/// When to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Every {
    /// At the end of each epoch.
    #[default]
    Epoch,
    /// After so many iterations, and at the end of each epoch.
    Iterations(u64),
}

const EVERY: &str = "`epoch`, or a whole number of iterations of at least 1";

impl<'de> Deserialize<'de> for Every {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let part = Part::deserialize(deserializer)?;
        let number = match &part.node.value {
            Value::String(text) if text == "epoch" => return Ok(Self::Epoch),
            Value::String(text) => {
                text.strip_suffix(" iterations").and_then(|number| number.trim().parse::<u64>().ok())
            }
            _ => part.node.as_u64(),
        };
        match number.filter(|number| *number > 0) {
            Some(number) => Ok(Self::Iterations(number)),
            None => Err(raise(refuse(&part, "has an unknown value").expected(EVERY))),
        }
    }
}

impl Serialize for Every {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Epoch => serializer.serialize_str("epoch"),
            Self::Iterations(number) => serializer.serialize_u64(*number),
        }
    }
}

impl JsonSchema for Every {
    fn schema_name() -> Cow<'static, str> {
        "Every".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "When to measure.",
            "anyOf": [
                { "const": "epoch", "description": "At the end of each epoch." },
                {
                    "type": "integer", "minimum": 1,
                    "description": "After so many iterations, and at the end of each epoch."
                },
                { "type": "string", "pattern": "^[1-9][0-9]* iterations$" }
            ]
        })
    }
}

/// How α becomes a genotype at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Derive {
    /// `argmax`: every edge keeps its strongest candidate, `none` included. `top2`: every node keeps its
    /// two strongest incoming edges, `none` left out, as DARTS does.
    pub rule: DeriveRule,
}

/// The rules that turn α into a genotype.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeriveRule {
    /// Every edge keeps its strongest candidate, `none` included: the network that search trained.
    #[default]
    Argmax,
    /// Every node keeps its two strongest incoming edges, `none` left out.
    Top2,
}
