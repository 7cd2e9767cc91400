//! Image folders: `train/<class>/*` and `test/<class>/*`, JPEG and PNG; here decoded in parallel and kept in memory, all of one size.
//!
//! Classes and files are taken in the order of their names, so that the data set is the same on every machine. Files
//! whose names begin with a dot are passed over; everything else must be an image. Transparency is left out, 16 bits become 8.

use super::dataset::{DataSet, Images, Part, hash, statistics};
use crate::error::{Error, Place, Result};
use rayon::prelude::*;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// As many classes as a label can number.
const CLASSES: usize = 1 << 16;

/// The side of an image at most, in pixels.
const SIDE: u32 = 8192;

/// The classes of a part, each with its images.
pub(super) type Classes = Vec<(String, Vec<PathBuf>)>;

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

/// The classes and files of a part, in the order of their names.
pub(super) fn list(root: &Path, part: Part) -> Result<Classes> {
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
pub(super) fn same_classes(folder: &Path, train: &Classes, test: &Classes) -> Result<()> {
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

/// Width, height and pixels of an image file.
///
/// # Errors
/// As [`decode`], and where it cannot be read.
pub(super) fn read(file: &Path) -> Result<(u32, u32, Vec<u8>)> {
    decode(&std::fs::read(file).map_err(|e| broken(file, &e.to_string()))?, file)
}

/// The error for a file that is no image.
fn broken(file: &Path, why: &str) -> Error {
    Error::new("this is no image that can be read")
        .at(Place::file(file))
        .expected("a JPEG or PNG image")
        .found(why.trim())
        .help("remove the file, or make it anew")
}

/// Width, height and pixels (row by row, red, green, blue) of the image in a file that holds these bytes; `file` is only named in
/// messages.
///
/// # Errors
/// Where it is no JPEG or PNG, or is broken or cut short.
pub fn decode(bytes: &[u8], file: &Path) -> Result<(u32, u32, Vec<u8>)> {
    let broken = |e: String| broken(file, &e);
    let mut reader =
        image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| broken(e.to_string()))?;
    // The decoder fills what is missing with grey and says nothing.
    if reader.format() == Some(image::ImageFormat::Jpeg) && !ends(bytes) {
        return Err(broken("a JPEG image that is cut short".to_owned()));
    }
    // A few bytes can claim to be an image that fills the memory.
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE), Some(SIDE));
    reader.limits(limits);
    let image = reader.decode().map_err(|e| broken(e.to_string()))?.into_rgb8();
    Ok((image.width(), image.height(), image.into_raw()))
}

/// Whether a JPEG file has its end marker. A search for its two bytes would not do: an embedded preview has one too.
fn ends(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // To the next marker. Within a scan, FF 00 is a plain byte, and FF D0 to FF D7 only restart it.
        while at + 1 < bytes.len() && (bytes[at] != 0xFF || matches!(bytes[at + 1], 0x00 | 0x01 | 0xD0..=0xD7 | 0xFF)) {
            at += 1;
        }
        match bytes.get(at + 1) {
            None => return false,
            Some(0xD9) => return true,
            Some(_) => {}
        }
        let Some(length) = bytes.get(at + 2..at + 4) else { return false };
        at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
    }
}
