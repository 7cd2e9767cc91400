//! The spec's `data` section: which images, how many, how they are split and varied.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::path::SpecPath;

/// The images to search on. The test set is no part of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The data set: `digits` is built in; `cifar10` and `cifar100` are read in their binary layout,
    /// `images` from folders `train/<class>/` and `test/<class>/` of JPEG or PNG files, all of one size where `size` is null.
    pub name: DataSet,
    /// The folder that holds the data; may be left out for `digits`.
    #[serde(default)]
    pub root: Option<SpecPath>,
    /// Side, in pixels, that images are brought to: those of `images` are then decoded when they are needed, and may be of any size; null
    /// to keep all in memory as they are.
    #[serde(default)]
    #[schemars(range(min = 1, max = 4096))]
    pub size: Option<u32>,
    /// With `size`: what is done about an image that cannot be decoded. Either names it.
    #[serde(default)]
    pub broken: Broken,
    /// Use only so many training images, drawn by the seed with classes balanced; null for all.
    #[serde(default)]
    #[schemars(range(min = 2))]
    pub limit: Option<u64>,
    /// Share of the training images that trains weights; the rest trains α.
    #[serde(default = "Data::default_split")]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub split: f64,
    /// Random changes to each image of a batch.
    #[serde(default)]
    pub augment: Augment,
    /// Threads that prepare batches. The result does not depend on it.
    #[serde(default = "Data::default_workers")]
    #[schemars(range(min = 1, max = 256))]
    pub workers: u32,
}

impl Data {
    /// A data set with the defaults for everything else.
    pub fn new(name: DataSet, root: Option<SpecPath>) -> Self {
        Self {
            name,
            root,
            size: None,
            broken: Broken::default(),
            limit: None,
            split: Self::default_split(),
            augment: Augment::default(),
            workers: Self::default_workers(),
        }
    }

    fn default_split() -> f64 {
        0.5
    }

    fn default_workers() -> u32 {
        1
    }
}

/// The data sets that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataSet {
    /// 1,797 handwritten digits of 8×8 pixels, built in.
    Digits,
    /// CIFAR-10: 10 classes of 32×32 pixels.
    Cifar10,
    /// CIFAR-100: 100 classes of 32×32 pixels.
    Cifar100,
    /// Folders of images, one per class.
    Images,
}

impl DataSet {
    /// The name as specs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::Cifar10 => "cifar10",
            Self::Cifar100 => "cifar100",
            Self::Images => "images",
        }
    }
}

/// What is done about an image that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Broken {
    /// The run ends.
    #[default]
    Fail,
    /// It is left out.
    Skip,
}

/// Random changes to training images, drawn anew in each epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// The least share of an image's area that is cut out at random, in a shape between 3:4 and 4:3, and brought to the network's size; null
    /// to take images as they are.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub resized_crop: Option<f64>,
    /// Pixels of black border from which the image's own size is cut at random; 0 for none.
    #[schemars(range(min = 0, max = 1024))]
    pub crop: u32,
    /// Whether half of the images are mirrored left to right.
    pub flip: bool,
    /// Random changes of colours; null for none.
    pub jitter: Option<Jitter>,
    /// Side, in pixels, of a square that is blanked at a random position; 0 for none.
    #[schemars(range(min = 0, max = 4096))]
    pub cutout: u32,
}

impl Default for Augment {
    fn default() -> Self {
        Self { resized_crop: None, crop: 4, flip: true, jitter: None, cutout: 0 }
    }
}

/// How far colours are changed at random; the changes come in a random order. 0 changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jitter {
    /// Values are multiplied by 1 − this to 1 + this.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub brightness: f64,
    /// The same for their distance from the image's mean grey value.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub contrast: f64,
    /// The same for their distance from their pixel's grey value.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub saturation: f64,
    /// The hue is turned by up to this share of the circle of colours, both ways.
    #[schemars(range(min = 0.0, max = 0.5))]
    pub hue: f64,
}
