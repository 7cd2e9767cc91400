//! Image folders: `train/<class>/*` and `test/<class>/*`, JPEG and PNG; decoded in parallel and kept in memory, all of one size; or
//! decoded when they are needed, of any size.
//!
//! Classes and files are taken in the order of their names, so that the data set is the same on every machine. Files
//! whose names begin with a dot are passed over; everything else must be an image. Transparency is left out, 16 bits become 8.

use super::dataset::{DataSet, Images, Part, hash, statistics};
use super::decode::read;
use super::files::Files;
use crate::error::{Error, Place, Result};
use crate::spec::Broken;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// As many classes as a label can number.
const CLASSES: usize = 1 << 16;

/// Mean and deviation of the channels over ImageNet's training images, as is usual for data whose own would take an epoch to find.
const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/// The classes of a part, each with its images.
type Classes = Vec<(String, Vec<PathBuf>)>;

/// Reads a part. The classes, the size and the statistics are those of the train part, whichever is read.
///
/// # Errors
/// Where the folders are not as said, an image is broken, or images differ in size.
pub fn load(root: &Path, part: Part, workers: usize) -> Result<DataSet> {
    let classes = list(root, Part::Train)?;
    let (mut images, size) = decode_all(&classes, None, workers)?;
    let (mean, std) = statistics(&images.pixels, 3, 255.0);
    if part == Part::Test {
        let test = list(root, part)?;
        same_classes(&root.join(part.name()), &classes, &test)?;
        images = decode_all(&test, Some(size), workers)?.0;
    }
    Ok(DataSet {
        name: "images".to_owned(),
        classes: classes.into_iter().map(|(name, _)| name).collect(),
        channels: 3,
        height: size.1 as usize,
        width: size.0 as usize,
        hash: hash(&images),
        images,
        files: None,
        maximum: 255.0,
        mean,
        std,
    })
}

/// A part of an image folder, whose images are brought to `side` × `side`. Its hash is one of the names and lengths of its files: reading
/// all of them would take as long as an epoch.
///
/// # Errors
/// Where the folders are not as said.
pub fn stream(root: &Path, part: Part, side: usize, broken: Broken) -> Result<DataSet> {
    let train = list(root, Part::Train)?;
    let listed = match part {
        Part::Train => train,
        Part::Test => {
            let test = list(root, part)?;
            same_classes(&root.join(part.name()), &train, &test)?;
            test
        }
    };
    let hash = hash_of_files(root, &listed)?;
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
        files: Some(Files::new(paths, broken)),
        maximum: 255.0,
        mean: IMAGENET.0.to_vec(),
        std: IMAGENET.1.to_vec(),
    })
}

/// The classes and files of a part, in the order of their names.
fn list(root: &Path, part: Part) -> Result<Classes> {
    let folder = root.join(part.name());
    let classes = entries(&folder)?;
    let missing = |what: &str, found: String| {
        Error::new(format!("{} is no image folder: {what}", folder.display()))
            .expected(format!("{}/<class>/<image>.jpg or .png, at least two classes", part.name()))
            .found(found)
    };
    if classes.len() < 2 {
        return Err(missing("it has too few classes", format!("{} folders", classes.len())));
    }
    if classes.len() > CLASSES {
        return Err(missing("it has too many classes", format!("{} folders, of at most {CLASSES}", classes.len())));
    }
    let mut listed = Vec::with_capacity(classes.len());
    for class in classes {
        if !class.is_dir() {
            return Err(missing("a class is a folder", class.display().to_string()));
        }
        let images = entries(&class)?;
        if images.is_empty() {
            return Err(missing("a class is empty", class.display().to_string()));
        }
        let Some(name) = class.file_name().and_then(|name| name.to_str()) else {
            // Two such names may look the same.
            return Err(missing("the name of a class is not UTF-8", class.display().to_string()));
        };
        listed.push((name.to_owned(), images));
    }
    Ok(listed)
}

/// A label is a position in the list of classes: with another list it would mean another class.
fn same_classes(folder: &Path, train: &Classes, test: &Classes) -> Result<()> {
    let has = |classes: &Classes, name: &str| classes.iter().any(|(other, _)| other == name);
    let lacking = train.iter().find(|(name, _)| !has(test, name)).map(|(name, _)| format!("no folder `{name}`"));
    let unknown = test.iter().find(|(name, _)| !has(train, name)).map(|(name, _)| format!("a folder `{name}` more"));
    match lacking.or(unknown) {
        None => Ok(()),
        Some(found) => Err(Error::new("the test part has other classes than the train part")
            .at(Place::file(folder))
            .expected(format!("the {} folders of the train part", train.len()))
            .found(found)
            .help("give both parts the same class folders")),
    }
}

/// Images and labels of a part, and the width and height that all have.
fn decode_all(classes: &Classes, size: Option<(u32, u32)>, workers: usize) -> Result<(Images, (u32, u32))> {
    let files: Vec<(&PathBuf, u16)> = classes
        .iter()
        .enumerate()
        .flat_map(|(label, (_, files))| files.iter().map(move |file| (file, label as u16)))
        .collect();
    let decoded: Vec<Result<(u32, u32, Vec<u8>)>> = if workers <= 1 {
        files.iter().map(|(file, _)| read(file)).collect()
    } else {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build();
        let pool = pool.map_err(|e| Error::new(format!("threads for reading images cannot be started: {e}")))?;
        pool.install(|| files.par_iter().map(|(file, _)| read(file)).collect())
    };
    let mut images = Images::default();
    let mut size = size;
    // In the order of names: which error is reported does not depend on threads.
    for ((file, label), decoded) in files.iter().zip(decoded) {
        let (width, height, pixels) = decoded?;
        let first = *size.get_or_insert((width, height));
        if first != (width, height) {
            return Err(Error::new("the images differ in size")
                .at(Place::file(file))
                .expected(format!("{}×{}, as the first image", first.0, first.1))
                .found(format!("{width}×{height}"))
                .help("bring all images to one size"));
        }
        images
            .pixels
            .try_reserve(pixels.len())
            .map_err(|_| Error::exhausted(pixels.len(), "an image").at(Place::file(file)))?;
        images.pixels.extend(pixels);
        images.labels.push(*label);
    }
    Ok((images, size.unwrap_or_default()))
}

/// What a folder holds, by name, without hidden files.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e: std::io::Error| {
        Error::io("read the folder", folder, &e)
            .at(Place::file(folder))
            .expected("an image folder: train/<class>/* and test/<class>/*")
            .help("put the images there, or name another folder in `data.root`")
    };
    let mut list = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            list.push(entry.path());
        }
    }
    list.sort();
    Ok(list)
}

/// SHA-256 of the names and lengths of a part's files.
fn hash_of_files(root: &Path, classes: &Classes) -> Result<String> {
    let mut hash = Sha256::new();
    for file in classes.iter().flat_map(|(_, files)| files) {
        let data = file.metadata().map_err(|e| Error::io("read", file, &e).at(Place::file(file)))?;
        hash.update(file.strip_prefix(root).unwrap_or(file).as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(data.len().to_le_bytes());
    }
    Ok(crate::extension::library::hexadecimal(&hash.finalize()))
}
