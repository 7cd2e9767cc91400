//! Files of data sets. The first byte says which: CIFAR-10, CIFAR-100, an image, labels of which CIFAR records are made, or the
//! names of an image folder's files.
//!
//! Holds: a CIFAR file is taken whole or not at all, every label is one of the classes, and its images lie as they were written;
//! an image that is taken has as many pixels as its size says, the same when it is read again; the classes of a folder that is taken
//! are in the order of their names, and each has an image; what is taken can be split.

use super::check;
use edas::data::cifar::{CIFAR10, CIFAR100, Layout, records};
use edas::data::dataset::Images;
use edas::data::{DataSet, Part, Split, decode};
use std::path::{Path, PathBuf};

const PIXELS: usize = 3 * 32 * 32;

/// One input.
pub fn run(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    match kind {
        b'0' => cifar(&CIFAR10, 1, 10, data),
        b'1' => cifar(&CIFAR100, 2, 100, data),
        b'2' => image(data),
        b'3' => labels(data),
        b'4' => tree(data),
        _ => {}
    }
}

fn cifar(layout: &Layout, labels: usize, classes: u16, data: &[u8]) {
    let mut images = Images::default();
    let record = labels + PIXELS;
    let whole = !data.is_empty() && data.len().is_multiple_of(record);
    if check::sound(records(layout, data, Path::new("data_batch_1.bin"), &mut images)).is_none() {
        assert!(!whole || data.chunks(record).any(|r| u16::from(r[labels - 1]) >= classes), "a sound file was refused");
        return;
    }
    assert!(whole && images.labels.iter().all(|label| *label < classes));
    assert_eq!(images.pixels.len(), images.labels.len() * PIXELS);
    for (number, bytes) in data.chunks(record).enumerate() {
        assert_eq!(images.labels[number], u16::from(bytes[labels - 1]));
        for (at, plane) in [(0, 0), (513, 1), (1023, 2)] {
            assert_eq!(images.pixels[number * PIXELS + 3 * at + plane], bytes[labels + plane * 1024 + at]);
        }
    }
}

/// Records are long: made of one byte each, a few bytes are a file.
fn labels(data: &[u8]) {
    let record = |label: u8| std::iter::once(label).chain((0..PIXELS).map(move |at| (at % 251) as u8 ^ label));
    let bytes: Vec<u8> = data.iter().take(64).copied().flat_map(record).collect();
    cifar(&CIFAR10, 1, 10, &bytes);
    let labels: Vec<u16> = data.iter().map(|label| u16::from(*label)).collect();
    for (limit, holdout, train) in [(None, 0.0, 0.5), (Some(labels.len() / 2), 0.1, 0.5)] {
        let Some(split) = check::sound(Split::new(&labels, limit, holdout, train, 1)) else { continue };
        let mut all: Vec<usize> = [&split.train[..], &split.search, &split.holdout].concat();
        all.sort_unstable();
        assert!(all.is_sorted_by(|a, b| a < b) && all.iter().all(|image| *image < labels.len()));
        assert_eq!(all.len(), limit.unwrap_or(labels.len()));
    }
}

fn image(data: &[u8]) {
    let file = Path::new("train/a/image");
    let Some((width, height, pixels)) = check::sound(decode::decode(data, file)) else { return };
    assert_eq!(pixels.len() as u64, 3 * u64::from(width) * u64::from(height));
    assert!(width > 0 && height > 0);
    if pixels.len() < 1 << 20 {
        assert_eq!(decode::decode(data, file), Ok((width, height, pixels)), "decoded twice");
    }
}

/// What every file of a folder holds. The first byte of the seed is not the image's.
const SEED: &[u8] = include_bytes!("../seeds/data/image_png");

/// Lines `part/class/name`, each a file.
fn tree(data: &[u8]) {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let root = tempfile::tempdir_in(base).expect("a folder");
    for line in data.split(|byte| *byte == b'\n').take(16) {
        let Some(path) = inside(root.path(), line) else { continue };
        if std::fs::create_dir_all(path.parent().expect("a folder")).is_ok() {
            let _ = std::fs::write(&path, &SEED[1..]);
        }
    }
    for part in [Part::Train, Part::Test] {
        let Some(set) = check::sound(DataSet::load("images", Some(root.path()), part, 1)) else { continue };
        assert!(set.classes.len() >= 2 && set.classes.is_sorted());
        assert!(set.images.labels.iter().all(|label| usize::from(*label) < set.classes.len()));
        assert!(set.images.labels.is_sorted() && set.pixels(set.len() - 1).len() == 3 * set.width * set.height);
        for (label, class) in set.classes.iter().enumerate() {
            assert!(!class.starts_with('.'));
            assert!(part == Part::Test || set.images.labels.contains(&(label as u16)));
        }
    }
}

/// The path that a line names, where it stays below the root.
fn inside(root: &Path, line: &[u8]) -> Option<PathBuf> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let plain = |part: &&[u8]| !part.is_empty() && part.len() < 100 && *part != b"." && *part != b"..";
    let parts: Vec<&[u8]> = line.split(|byte| *byte == b'/').collect();
    if parts.is_empty() || parts.len() > 4 || line.contains(&0) || !parts.iter().all(plain) {
        return None;
    }
    Some(parts.iter().fold(root.to_owned(), |path, part| path.join(OsStr::from_bytes(part))))
}
