//! `digits`: real handwritten digits, embedded in the program. Source and licence: `digits.md` beside this file.

use super::dataset::{DataSet, Images, Part, hash, statistics};
use crate::error::{Result, room};

/// 64 pixels and the label of each image.
const RECORD: usize = 65;
static BYTES: &[u8] = include_bytes!("digits.bin");
/// Images of the train part; the rest is the test part.
pub const TRAIN: usize = 1437;

/// Reads a part.
///
/// # Errors
/// Where there is not enough memory.
pub fn load(part: Part) -> Result<DataSet> {
    let read = |records: &[u8]| -> Result<Images> {
        let mut images = Images { pixels: room(records.len(), "the images")?, labels: Vec::new() };
        for record in records.chunks_exact(RECORD) {
            images.pixels.extend_from_slice(&record[..RECORD - 1]);
            images.labels.push(u16::from(record[RECORD - 1]));
        }
        Ok(images)
    };
    let (train, test) = BYTES.split_at(TRAIN * RECORD);
    let maximum = 16.0;
    let train = read(train)?;
    let (mean, std) = statistics(&train.pixels, 1, maximum);
    let images = match part {
        Part::Train => train,
        Part::Test => read(test)?,
    };
    Ok(DataSet {
        name: "digits".to_owned(),
        classes: (0..10).map(|digit| digit.to_string()).collect(),
        channels: 1,
        height: 8,
        width: 8,
        hash: hash(&images),
        images,
        files: None,
        maximum,
        mean,
        std,
    })
}
