//! Image folders whose images are decoded when they are needed, of any size: what is too large for memory.

use super::dataset::{DataSet, Images, Part};
use super::folder::{self, Classes};
use super::window::Pixels;
use crate::error::{Error, Place, Result};
use crate::spec::Broken;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Mean and deviation of the channels over ImageNet's training images, as is usual for such data.
const STATISTICS: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

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
    /// Decodes an image. `None` where it is broken and such are passed over; it is then named in the log, once.
    ///
    /// # Errors
    /// Where it is broken, and that matters.
    pub fn decode(&self, image: usize) -> Result<Option<Pixels<'static>>> {
        match folder::read(&self.paths[image]) {
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

/// A part of an image folder, whose images are brought to `side` × `side`. Its hash is one of the names and lengths of its files: reading
/// all of them would take as long as an epoch.
///
/// # Errors
/// Where the folders are not as said.
pub fn load(root: &Path, part: Part, side: usize, broken: Broken) -> Result<DataSet> {
    let train = folder::list(root, Part::Train)?;
    let listed = match part {
        Part::Train => train,
        Part::Test => {
            let test = folder::list(root, part)?;
            folder::same_classes(&root.join(part.name()), &train, &test)?;
            test
        }
    };
    let hash = hash(root, &listed)?;
    let mut images = Images::default();
    let mut paths = Vec::new();
    for (label, (_, files)) in listed.iter().enumerate() {
        images.labels.extend(std::iter::repeat_n(label as u16, files.len()));
        paths.extend(files.iter().cloned());
    }
    Ok(DataSet {
        name: "images".to_owned(),
        classes: listed.into_iter().map(|(name, _)| name).collect(),
        channels: 3,
        height: side,
        width: side,
        hash,
        images,
        files: Some(Files { paths, broken, named: Arc::default() }),
        maximum: 255.0,
        mean: STATISTICS.0.to_vec(),
        std: STATISTICS.1.to_vec(),
    })
}

fn hash(root: &Path, classes: &Classes) -> Result<String> {
    let mut hash = Sha256::new();
    for file in classes.iter().flat_map(|(_, files)| files) {
        let data = file.metadata().map_err(|e| Error::io("read", file, &e).at(Place::file(file)))?;
        hash.update(file.strip_prefix(root).unwrap_or(file).as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(data.len().to_le_bytes());
    }
    Ok(crate::extension::library::hexadecimal(&hash.finalize()))
}
