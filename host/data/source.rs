//! Where data sets come from, by their names in specs.

use super::dataset::{DataSet, Part};
use super::{cifar, digits, folder};
use crate::error::{Error, Place, Result, room};
use std::fs::File;
use std::io::Read;
use std::path::Path;

impl DataSet {
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

/// Reads a file that nobody writes meanwhile.
pub(super) fn read_whole(file: &Path) -> Result<Vec<u8>> {
    let failed = |e| Error::io("read", file, &e).at(Place::file(file));
    let mut open = File::open(file).map_err(failed)?;
    let state = |open: &File| open.metadata().map(|data| (data.len(), data.modified().ok()));
    let (length, written) = state(&open).map_err(failed)?;
    let mut bytes =
        room(usize::try_from(length).unwrap_or(usize::MAX), "a data file").map_err(|e| e.at(Place::file(file)))?;
    open.read_to_end(&mut bytes).map_err(failed)?;
    // Images of two states of a file would be a data set that nobody made.
    if state(&open).map_err(failed)? != (length, written) || bytes.len() as u64 != length {
        return Err(Error::new("this file changed while it was read")
            .at(Place::file(file))
            .expected(format!("{length} bytes, as it had when it was opened"))
            .found(format!("{} bytes that were read", bytes.len()))
            .help("wait until whatever writes it has ended, and begin again"));
    }
    Ok(bytes)
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
