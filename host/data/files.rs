//! Images that are decoded when they are needed, of any size: what is too large for memory.

use super::decode;
use super::window::Pixels;
use crate::error::Result;
use crate::spec::Broken;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The files of a data set that is not in memory.
#[derive(Debug, Clone)]
pub struct Files {
    paths: Vec<PathBuf>,
    broken: Broken,
    /// The broken ones that were named already.
    named: Arc<Mutex<BTreeSet<usize>>>,
}

impl PartialEq for Files {
    fn eq(&self, other: &Self) -> bool {
        (&self.paths, self.broken) == (&other.paths, other.broken)
    }
}

impl Files {
    /// These files, in the order of the data set's labels.
    pub fn new(paths: Vec<PathBuf>, broken: Broken) -> Self {
        Self { paths, broken, named: Arc::default() }
    }

    /// Decodes an image. `None` where it is broken and such are passed over; it is then named in the log, once.
    ///
    /// # Errors
    /// Where it is broken, and that matters.
    pub fn decode(&self, image: usize) -> Result<Option<Pixels<'static>>> {
        match decode::read(&self.paths[image]) {
            Ok((width, height, bytes)) => {
                let (height, width) = (height as usize, width as usize);
                Ok(Some(Pixels { bytes: bytes.into(), channels: 3, height, width }))
            }
            Err(error) if self.broken == Broken::Skip => {
                if self.named.lock().unwrap_or_else(PoisonError::into_inner).insert(image) {
                    tracing::warn!("passed over: {error}");
                }
                Ok(None)
            }
            Err(error) => Err(error.help_too("`data.broken: skip` passes over such images")),
        }
    }
}
