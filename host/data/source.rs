//! Where data sets come from, by their names in specs.

use super::dataset::{DataSet, Part};
use super::{cifar, digits, folder};
use crate::error::{Error, Result};
use crate::spec;
use std::path::Path;

impl DataSet {
    /// Reads a part of the data set that a spec's section describes.
    ///
    /// # Errors
    /// As [`DataSet::load`].
    pub fn of_spec(data: &spec::Data, part: Part) -> Result<Self> {
        let root = data.root.as_ref().map(|root| root.as_ref() as &Path);
        match (data.size, root) {
            (Some(size), Some(root)) => folder::stream(root, part, size as usize, data.broken),
            _ => Self::load(data.name.name(), root, part, data.workers as usize),
        }
    }

    /// Reads a part of a data set, by its name in specs; `root` is where it lies, `workers` the number of threads that may
    /// decode.
    ///
    /// # Errors
    /// Where it is missing, broken or empty; the message says where to get it.
    pub fn load(name: &str, root: Option<&Path>, part: Part, workers: usize) -> Result<Self> {
        let root = || {
            root.ok_or_else(|| {
                Error::new(format!("data set `{name}` needs a folder")).expected("`data.root`").found("none")
            })
        };
        match name {
            "digits" => digits::load(part),
            "cifar10" => cifar::load(&cifar::CIFAR10, root()?, part),
            "cifar100" => cifar::load(&cifar::CIFAR100, root()?, part),
            "images" => folder::load(root()?, part, workers),
            _ => {
                Err(Error::new(format!("there is no data set `{name}`"))
                    .expected("digits, cifar10, cifar100 or images"))
            }
        }
    }
}

/// What is known of a published data set without having it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Training images.
    pub train: usize,
    /// Classes.
    pub classes: usize,
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// The published size of a data set, by its name in specs.
pub fn published_size(name: &str) -> Option<Size> {
    let size = |train, classes, channels, side| Size { train, classes, channels, height: side, width: side };
    match name {
        "digits" => Some(size(digits::TRAIN, 10, 1, 8)),
        "cifar10" => Some(size(50_000, 10, 3, 32)),
        "cifar100" => Some(size(50_000, 100, 3, 32)),
        _ => None,
    }
}
