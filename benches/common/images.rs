//! Random images of CIFAR's size, in its binary layout.

use edas::random::{Purpose, Stream};
use edas::{Error, Result};
use std::path::Path;

/// How many there are to train with. Half of them train a search's weights: some full batches of 64 make an epoch.
pub const COUNT: usize = 2048;

/// A label and three planes of 32×32.
const RECORD: usize = 1 + 3 * 32 * 32;

/// Writes so many as CIFAR-10's first batch into a folder: noise, every class alike often.
///
/// # Errors
/// Where that fails.
pub fn write(folder: &Path, count: usize) -> Result<()> {
    write_file(&folder.join("data_batch_1.bin"), count)
}

/// Writes some as CIFAR-10's test images, without which no evaluation begins.
///
/// # Errors
/// Where that fails.
pub fn write_test(folder: &Path) -> Result<()> {
    write_file(&folder.join("test_batch.bin"), 10)
}

fn write_file(file: &Path, count: usize) -> Result<()> {
    let mut stream = Stream::new(0, Purpose::Problem, 0);
    let mut byte = |i: usize| match i % RECORD {
        0 => (i / RECORD % 10) as u8,
        _ => stream.index(256) as u8,
    };
    let bytes: Vec<u8> = (0..count * RECORD).map(&mut byte).collect();
    std::fs::write(file, bytes).map_err(|e| Error::io("write", file, &e))
}
