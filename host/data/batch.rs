//! Normalised batches.

use super::augment::{Augment, Draw};
use super::dataset::DataSet;
use crate::error::{Result, room};
use crate::random::Source;

/// Images and labels, ready for the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// (image, height, width, channel), normalised: (pixel / maximum − mean) / deviation.
    pub images: Vec<f32>,
    /// The numbers of the classes.
    pub labels: Vec<i64>,
}

/// Turns images of a data set into numbers.
#[derive(Debug, Clone)]
pub struct Normaliser {
    /// Per channel, the number of every pixel value.
    table: Vec<[f32; 256]>,
}

impl Normaliser {
    /// The normaliser of a data set.
    pub fn new(data: &DataSet) -> Self {
        let row = |(mean, std): (&f32, &f32)| std::array::from_fn(|value| (value as f32 / data.maximum - mean) / std);
        Self { table: data.mean.iter().zip(&data.std).map(row).collect() }
    }

    /// Writes an image into `out`. Pixels that a shift brings in from outside are black; blanked ones are 0 after
    /// normalisation, as in DARTS.
    fn write(&self, data: &DataSet, image: usize, draw: &Draw, out: &mut Vec<f32>) {
        let (height, width, channels) = (data.height, data.width, data.channels);
        let pixels = data.pixels(image);
        for y in 0..height {
            let row = usize::try_from(y as isize + draw.shift.0).ok().filter(|row| *row < height);
            for x in 0..width {
                if draw
                    .blank
                    .is_some_and(|[top, bottom, left, right]| (top..bottom).contains(&y) && (left..right).contains(&x))
                {
                    out.extend(std::iter::repeat_n(0.0, channels));
                    continue;
                }
                let x = if draw.flip { width - 1 - x } else { x };
                let column = usize::try_from(x as isize + draw.shift.1).ok().filter(|column| *column < width);
                let at = row.zip(column).map(|(row, column)| (row * width + column) * channels);
                for (channel, table) in self.table.iter().enumerate() {
                    out.push(table[at.map_or(0, |at| usize::from(pixels[at + channel]))]);
                }
            }
        }
    }
}

/// One image, put through a draw.
pub fn drawn(data: &DataSet, image: usize, draw: &Draw) -> Vec<f32> {
    let mut out = Vec::new();
    Normaliser::new(data).write(data, image, draw, &mut out);
    out
}

/// A batch of these images; each is augmented by the stream at position `epoch` × images + image.
///
/// # Errors
/// Where there is not enough memory.
pub fn augmented(
    data: &DataSet,
    normaliser: &Normaliser,
    images: &[usize],
    augment: Augment,
    source: &Source,
    epoch: u64,
) -> Result<Batch> {
    let mut batch = empty(data, images)?;
    for image in images {
        let mut stream = source.at(epoch * data.len() as u64 + *image as u64);
        let draw = augment.draw(data.height, data.width, &mut stream);
        normaliser.write(data, *image, &draw, &mut batch.images);
    }
    Ok(batch)
}

fn empty(data: &DataSet, images: &[usize]) -> Result<Batch> {
    Ok(Batch {
        images: room(images.len() * data.channels * data.height * data.width, "a batch of images")?,
        labels: images.iter().map(|image| i64::from(data.images.labels[*image])).collect(),
    })
}

/// Batches of a list of images in order, as they are; the last may be smaller.
pub struct Plain<'a> {
    data: &'a DataSet,
    normaliser: Normaliser,
    chunks: std::slice::Chunks<'a, usize>,
}

impl<'a> Plain<'a> {
    /// Batches of at most `batch` of these images.
    pub fn new(data: &'a DataSet, images: &'a [usize], batch: usize) -> Self {
        Self { data, normaliser: Normaliser::new(data), chunks: images.chunks(batch.max(1)) }
    }
}

impl Iterator for Plain<'_> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        let images = self.chunks.next()?;
        let batch = empty(self.data, images).map(|mut batch| {
            for image in images {
                self.normaliser.write(self.data, *image, &Draw::NONE, &mut batch.images);
            }
            batch
        });
        Some(batch)
    }
}
