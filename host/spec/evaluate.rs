//! The spec's `evaluate` and `transfer` sections: how a derived network is trained from scratch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::data::{Augment, Jitter};
use super::network::Precision;
use super::path::SpecPath;

/// How a derived network is trained from scratch. The defaults are those of DARTS on CIFAR-10.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Evaluate {
    /// The genotype: a file of one, or of a published text. Null where the command line names it.
    pub genotype: Option<SpecPath>,
    /// Number of cells that the backbone stacks.
    #[schemars(range(min = 1, max = 1000))]
    pub cells: u32,
    /// Channels of the first cells; a space's reductions multiply them.
    #[schemars(range(min = 1, max = 4096))]
    pub channels: u32,
    /// Arithmetic of the network.
    pub precision: Precision,
    /// Another operation in place of the space's stem; null for that.
    pub stem: Option<FixedOperation>,
    /// A second classifier within the network, whose loss is added in training; null for none.
    pub auxiliary: Option<AuxiliaryHead>,
    /// Number of epochs; one epoch is one pass over the training images.
    #[schemars(range(min = 1, max = 100_000))]
    pub epochs: u32,
    /// Images per batch. Memory grows with it.
    #[schemars(range(min = 1, max = 65_536))]
    pub batch: u32,
    /// How the weights learn.
    pub weights: EvaluateOptimizer,
    /// Probability that an edge's output is dropped for an image in the last epoch; it rises linearly from 0 in the first. Edges that hand
    /// on their input as it is are never dropped.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub drop_path: f64,
    /// Share of each label that goes to all classes alike.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub label_smoothing: f64,
    /// Random changes to training images; null for those of `data.augment`.
    pub augment: Option<Augment>,
}

/// The two trainings from scratch that a spec can describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scratch {
    /// On the data of the search: section `evaluate`.
    Evaluate,
    /// At the scale of ImageNet: section `transfer`.
    Transfer,
}

impl Scratch {
    /// The name of its section, and of its command.
    pub fn section(self) -> &'static str {
        match self {
            Self::Evaluate => "evaluate",
            Self::Transfer => "transfer",
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Evaluate => Self::Transfer,
            Self::Transfer => Self::Evaluate,
        }
    }

    /// How its section is written.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Evaluate => {
                "`evaluate: {}` trains as DARTS does on CIFAR-10; specs/evaluate-cifar10.yaml spells it out"
            }
            Self::Transfer => {
                "`transfer: {}` trains as DARTS does on ImageNet; specs/transfer-imagenet.yaml spells it out"
            }
        }
    }
}

impl Evaluate {
    /// The defaults of `transfer`: those of DARTS on ImageNet (`cnn/train_imagenet.py` in quark0/darts).
    pub fn transfer() -> Self {
        let augment = Augment {
            resized_crop: Some(0.08),
            crop: 0,
            flip: true,
            jitter: Some(Jitter { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.2 }),
            cutout: 0,
        };
        Self {
            cells: 14,
            channels: 48,
            stem: Some(FixedOperation { op: "stem_imagenet".to_owned(), channels: Some("channels".to_owned()) }),
            auxiliary: Some(AuxiliaryHead { op: "auxiliary_imagenet".to_owned(), ..AuxiliaryHead::default() }),
            epochs: 250,
            batch: 128,
            weights: EvaluateOptimizer {
                learning_rate: 0.1,
                schedule: Schedule::Exponential(0.97),
                weight_decay: 3e-5,
                ..EvaluateOptimizer::default()
            },
            drop_path: 0.0,
            label_smoothing: 0.1,
            augment: Some(augment),
            ..Self::default()
        }
    }
}

impl Default for Evaluate {
    fn default() -> Self {
        Self {
            genotype: None,
            cells: 20,
            channels: 36,
            precision: Precision::Float32,
            stem: None,
            auxiliary: Some(AuxiliaryHead::default()),
            epochs: 600,
            batch: 96,
            weights: EvaluateOptimizer::default(),
            drop_path: 0.2,
            label_smoothing: 0.0,
            augment: None,
        }
    }
}

/// An operation in a fixed place of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedOperation {
    /// The operation.
    pub op: String,
    /// Channels that come out: an expression in `channels` and `cells`; `channels` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<String>,
}

/// A second classifier within the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuxiliaryHead {
    /// The operation that it is.
    pub op: String,
    /// The stage whose output it reads, counted from 0: an expression in `cells`.
    pub after: String,
    /// The weight of its loss.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub weight: f64,
}

impl Default for AuxiliaryHead {
    fn default() -> Self {
        Self { op: "auxiliary_cifar".to_owned(), after: "2 * cells / 3".to_owned(), weight: 0.4 }
    }
}

/// SGD with momentum, and how its learning rate falls from epoch to epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluateOptimizer {
    /// Learning rate in the first epoch.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub learning_rate: f64,
    /// How it falls: `cosine` or `linear` towards the minimum, which would be that of the epoch after the last one, or by a factor per
    /// epoch, `{exponential: FACTOR}`.
    pub schedule: Schedule,
    /// Learning rate that `cosine` and `linear` fall to; at most `learning_rate`.
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

impl Default for EvaluateOptimizer {
    fn default() -> Self {
        Self {
            learning_rate: 0.025,
            schedule: Schedule::Cosine,
            minimum_learning_rate: 0.0,
            momentum: 0.9,
            weight_decay: 3e-4,
            clip: Some(5.0),
        }
    }
}

/// How a learning rate falls from epoch to epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// By half a wave of a cosine.
    Cosine,
    /// By the same amount each epoch.
    Linear,
    /// By this factor each epoch.
    Exponential(#[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))] f64),
}
