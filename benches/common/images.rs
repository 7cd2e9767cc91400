//! Random images of CIFAR's size, in its binary layout.

use edas::random::{Purpose, Stream};
use edas::{Error, Result};
use std::path::Path;

/// How many a measured search has. Half of them train weights: some full batches of 64 make an epoch.
pub const COUNT: usize = 2048;

/// A label and three planes of 32×32.
const RECORD: usize = 1 + 3 * 32 * 32;

/// Writes so many as CIFAR-10's first batch into a folder: noise, every class alike often.
///
/// # Errors
/// Where that fails.
pub fn write(folder: &Path, count: usize) -> Result<()> {
    let mut stream = Stream::new(0, Purpose::Problem, 0);
    let mut byte = |i: usize| match i % RECORD {
        0 => (i / RECORD % 10) as u8,
        _ => stream.index(256) as u8,
    };
    let bytes: Vec<u8> = (0..count * RECORD).map(&mut byte).collect();
    let file = folder.join("data_batch_1.bin");
    std::fs::write(&file, bytes).map_err(|e| Error::io("write", &file, &e))
}
