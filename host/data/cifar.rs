//! CIFAR-10 and CIFAR-100 in the layout of their original binary versions.
//!
//! A record is one label byte (CIFAR-100: coarse, then fine) and 3,072 pixels: red, green, blue planes of 32×32.

use super::dataset::{DataSet, Images, Part, hash};
use super::read::read_whole;
use crate::error::{Error, Place, Result};
use std::path::{Path, PathBuf};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;

/// What one of the two data sets looks like.
#[derive(Debug)]
pub struct Layout {
    name: &'static str,
    archive: &'static str,
    folder: &'static str,
    classes: usize,
    labels: usize,
    names: &'static str,
    mean: [f32; 3],
    std: [f32; 3],
}

/// CIFAR-10; mean and deviation as in quark0/darts, `cnn/utils.py`.
pub static CIFAR10: Layout = Layout {
    name: "cifar10",
    archive: "cifar-10-binary.tar.gz",
    folder: "cifar-10-batches-bin",
    classes: 10,
    labels: 1,
    names: "batches.meta.txt",
    mean: [0.491_399_68, 0.482_158_27, 0.446_531_24],
    std: [0.247_032_33, 0.243_485_05, 0.261_587_68],
};

/// CIFAR-100, with its fine labels.
pub static CIFAR100: Layout = Layout {
    name: "cifar100",
    archive: "cifar-100-binary.tar.gz",
    folder: "cifar-100-binary",
    classes: 100,
    labels: 2,
    names: "fine_label_names.txt",
    mean: [0.5071, 0.4865, 0.4409],
    std: [0.2673, 0.2564, 0.2762],
};

impl Layout {
    fn record(&self) -> usize {
        self.labels + 3 * PLANE
    }

    /// The files of a part that are there, in order. Train batches are numbered from 1; any number of them will do.
    fn files(&self, folder: &Path, part: Part) -> Result<Vec<PathBuf>> {
        let name = match (self.labels, part) {
            (1, Part::Train) => return self.numbered(folder),
            (1, Part::Test) => "test_batch.bin".to_owned(),
            (_, part) => format!("{}.bin", part.name()),
        };
        Ok(Some(folder.join(name)).filter(|path| path.is_file()).into_iter().collect())
    }

    fn numbered(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let number = |entry: std::fs::DirEntry| -> Option<u32> {
            entry.file_name().to_str()?.strip_prefix("data_batch_")?.strip_suffix(".bin")?.parse().ok()
        };
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
        let mut numbers: Vec<u32> = entries.filter_map(|entry| number(entry.ok()?)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let path = |number| folder.join(format!("data_batch_{number}.bin"));
        let gap = (1..).zip(&numbers).find(|(wanted, number)| wanted != *number);
        if let Some((wanted, number)) = gap {
            // Fewer images than the user believes to have would go unnoticed.
            return Err(Error::new(format!("a file of `{}` is missing", self.name))
                .at(Place::file(path(wanted)))
                .expected(format!("data_batch_{wanted}.bin"))
                .found(format!("data_batch_{number}.bin, but none of that number"))
                .help(format!("unpack {} again", self.archive)));
        }
        Ok(numbers.into_iter().map(path).collect())
    }
}

/// Reads a part; `root` holds the files, or the folder that the archive unpacks to.
///
/// # Errors
/// Where no file is there, or one is cut short or holds a label out of range.
pub fn load(layout: &Layout, root: &Path, part: Part) -> Result<DataSet> {
    let mut found = None;
    for folder in [root.to_owned(), root.join(layout.folder)] {
        let files = layout.files(&folder, part)?;
        if !files.is_empty() {
            found = Some((folder, files));
            break;
        }
    }
    let Some((folder, files)) = found else {
        return Err(Error::new(format!("the images of `{}` are not in {}", layout.name, root.display()))
            .expected(format!("the {} files of {}", part.name(), layout.archive))
            .help(format!(
                "get {} from https://www.cs.toronto.edu/~kriz/cifar.html, unpack it, and name the folder {} in `data.root`",
                layout.archive, layout.folder
            )));
    };
    let mut images = Images::default();
    for file in &files {
        read(layout, file, &mut images)?;
    }
    Ok(DataSet {
        name: layout.name.to_owned(),
        classes: class_names(layout, &folder),
        channels: 3,
        height: SIDE,
        width: SIDE,
        hash: hash(&images),
        images,
        files: None,
        maximum: 255.0,
        mean: layout.mean.to_vec(),
        std: layout.std.to_vec(),
    })
}

fn read(layout: &Layout, file: &Path, images: &mut Images) -> Result<()> {
    let bytes = read_whole(file)?;
    records(layout, &bytes, file, images)
}

/// Adds the images of a file that holds these bytes; `file` is only named in messages.
///
/// # Errors
/// Where it is cut short or holds a label out of range; some images may have been added.
pub fn records(layout: &Layout, bytes: &[u8], file: &Path, images: &mut Images) -> Result<()> {
    let record = layout.record();
    if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
        return Err(Error::new("this file is cut short or of another kind")
            .at(Place::file(file))
            .expected(format!("a multiple of {record} bytes, as `{}` has per image", layout.name))
            .found(format!("{} bytes", bytes.len()))
            .help(format!("unpack {} again", layout.archive)));
    }
    let pixels = bytes.len() / record * 3 * PLANE;
    images.pixels.try_reserve_exact(pixels).map_err(|_| Error::exhausted(pixels, "the images of a file"))?;
    for (number, record_bytes) in bytes.chunks_exact(record).enumerate() {
        let label = usize::from(record_bytes[layout.labels - 1]);
        if label >= layout.classes {
            return Err(Error::new("this file holds a label out of range")
                .at(Place::file(file))
                .expected(format!("0 to {}", layout.classes - 1))
                .found(format!("{label} in record {number}, at byte {}", number * record + layout.labels - 1))
                .help(format!("unpack {} again", layout.archive)));
        }
        images.labels.push(label as u16);
        let planes = &record_bytes[layout.labels..];
        for at in 0..PLANE {
            images.pixels.extend([planes[at], planes[PLANE + at], planes[2 * PLANE + at]]);
        }
    }
    Ok(())
}

/// The names of the classes, where the file beside the data tells; numbers otherwise.
fn class_names(layout: &Layout, folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(layout.names)).unwrap_or_default();
    let names: Vec<String> = text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    if names.len() == layout.classes { names } else { (0..layout.classes).map(|c| c.to_string()).collect() }
}
