//! Normalised batches.

use super::augment::{Augment, Draw};
use super::dataset::DataSet;
use super::window::Pixels;
use crate::error::{Error, Result, room};
use crate::random::Source;

/// Images and labels, ready for the network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// (image, height, width, channel), normalised: (pixel / maximum − mean) / deviation.
    pub images: Vec<f32>,
    /// The numbers of the classes.
    pub labels: Vec<i64>,
    /// How many images are not in it, because they are broken.
    pub broken: u64,
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

    /// Adds an image to a batch, put through what `draw` says of one that is this large (height, width). Pixels that a shift brings in
    /// from outside are black; blanked ones are 0 after normalisation, as in DARTS.
    fn add(
        &self,
        data: &DataSet,
        image: usize,
        draw: impl FnOnce((usize, usize)) -> Draw,
        batch: &mut Batch,
    ) -> Result<()> {
        let Some(own) = data.image(image)? else {
            batch.broken += 1;
            return Ok(());
        };
        let (height, width) = (data.height, data.width);
        let draw = draw((own.height, own.width));
        let pixels = match draw.window {
            Some(window) => own.cut(window, height, width)?,
            None if (own.height, own.width) == (height, width) => own,
            None => own.middle(height)?,
        };
        let from = batch.images.len();
        let out = &mut batch.images;
        if draw.colours.is_empty() {
            write(&pixels, &draw, out, |channel, value| self.table[channel][usize::from(value)]);
        } else {
            write(&pixels, &draw, out, |_, value| f32::from(value) / data.maximum);
            let values = &mut out[from..];
            draw.colours.iter().for_each(|change| change.apply(values, data.channels));
            for pixel in values.chunks_exact_mut(data.channels) {
                for ((value, mean), std) in pixel.iter_mut().zip(&data.mean).zip(&data.std) {
                    *value = (*value - mean) / std;
                }
            }
        }
        if let Some([top, bottom, left, right]) = draw.blank {
            for row in top..bottom {
                let at = |column| from + (row * width + column) * data.channels;
                out[at(left)..at(right)].fill(0.0);
            }
        }
        batch.labels.push(i64::from(data.images.labels[image]));
        Ok(())
    }
}

/// Shifts and mirrors; `number` makes numbers of a channel's values.
fn write(pixels: &Pixels, draw: &Draw, out: &mut Vec<f32>, number: impl Fn(usize, u8) -> f32) {
    let Pixels { bytes, channels, height, width } = pixels;
    let (height, width, channels) = (*height, *width, *channels);
    for y in 0..height {
        let row = usize::try_from(y as isize + draw.shift.0).ok().filter(|row| *row < height);
        for x in 0..width {
            let x = if draw.flip { width - 1 - x } else { x };
            let column = usize::try_from(x as isize + draw.shift.1).ok().filter(|column| *column < width);
            let at = row.zip(column).map(|(row, column)| (row * width + column) * channels);
            for channel in 0..channels {
                out.push(number(channel, at.map_or(0, |at| bytes[at + channel])));
            }
        }
    }
}

/// One image, put through a draw.
///
/// # Errors
/// Where it is broken.
pub fn drawn(data: &DataSet, image: usize, draw: &Draw) -> Result<Vec<f32>> {
    let mut batch = Batch::default();
    Normaliser::new(data).add(data, image, |_| draw.clone(), &mut batch)?;
    Ok(batch.images)
}

/// A batch of these images; each is augmented by the stream at position `epoch` × images + image. Broken ones are left out where the data
/// set passes over them.
///
/// # Errors
/// Where there is not enough memory, where an image is broken and that matters, and where none is left.
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
        let draw = |own| augment.draw(own, (data.height, data.width), &mut stream);
        normaliser.add(data, *image, draw, &mut batch)?;
    }
    if batch.labels.is_empty() && batch.broken > 0 {
        return Err(Error::new(format!("all {} images of a batch are broken", images.len()))
            .help("the log names them; replace them, or take them out of the folder"));
    }
    Ok(batch)
}

fn empty(data: &DataSet, images: &[usize]) -> Result<Batch> {
    Ok(Batch {
        images: room(images.len() * data.channels * data.height * data.width, "a batch of images")?,
        ..Batch::default()
    })
}

/// Batches of a list of images in order, as they are; the last may be smaller, and broken ones are left out where the data set passes over
/// them.
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
        let batch = empty(self.data, images).and_then(|mut batch| {
            for image in images {
                self.normaliser.add(self.data, *image, |_| Draw::NONE, &mut batch)?;
            }
            Ok(batch)
        });
        Some(batch)
    }
}
