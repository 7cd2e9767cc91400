//! Image folders: `train/<class>/*` and `test/<class>/*`, JPEG and PNG, decoded in parallel and kept in memory.
//!
//! Classes and files are taken in the order of their names, so that the data set is the same on every machine. Files
//! whose names begin with a dot are passed over; everything else must be an image.

use super::dataset::{DataSet, Images, Part, hash, statistics};
use crate::error::{Error, Place, Result};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Reads a part.
///
/// # Errors
/// Where the folders are not as said, an image is broken, or images differ in size.
pub fn load(root: &Path, part: Part, workers: usize) -> Result<DataSet> {
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
    let mut files: Vec<(PathBuf, u16)> = Vec::new();
    for (label, class) in classes.iter().enumerate() {
        if !class.is_dir() {
            return Err(missing("a class is a folder", class.display().to_string()));
        }
        let images = entries(class)?;
        if images.is_empty() {
            return Err(missing("a class is empty", class.display().to_string()));
        }
        files.extend(images.into_iter().map(|file| (file, label as u16)));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(workers.max(1)).build();
    let pool = pool.map_err(|e| Error::new(format!("threads for reading images cannot be started: {e}")))?;
    let decoded: Vec<Result<(u32, u32, Vec<u8>)>> =
        pool.install(|| files.par_iter().map(|(file, _)| decode(file)).collect());
    let mut images = Images::default();
    let mut size = None;
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
        images.pixels.extend(pixels);
        images.labels.push(*label);
    }
    let (width, height) = size.unwrap_or_default();
    let (mean, std) = statistics(&images.pixels, 3, 255.0);
    let name = |path: &PathBuf| path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    Ok(DataSet {
        name: "images".to_owned(),
        classes: classes.iter().map(name).collect(),
        channels: 3,
        height: height as usize,
        width: width as usize,
        hash: hash(&images),
        images,
        maximum: 255.0,
        mean,
        std,
    })
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

fn decode(file: &Path) -> Result<(u32, u32, Vec<u8>)> {
    let broken = |e: String| {
        Error::new("this is no image that can be read")
            .at(Place::file(file))
            .expected("a JPEG or PNG image")
            .found(e)
            .help("remove the file, or make it anew")
    };
    let reader = image::ImageReader::open(file)
        .and_then(image::ImageReader::with_guessed_format)
        .map_err(|e| broken(e.to_string()))?;
    let image = reader.decode().map_err(|e| broken(e.to_string()))?.into_rgb8();
    Ok((image.width(), image.height(), image.into_raw()))
}
