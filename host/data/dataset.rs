//! A data set: its images, in memory or as files that are decoded when they are needed.

use super::files::Files;
use super::window::Pixels;
use crate::error::Result;

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The images that a search uses.
    Train,
    /// The images that evaluation alone looks at.
    Test,
}

impl Part {
    /// Its name, as folders are called.
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Test => "test",
        }
    }
}

/// Images and labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Images {
    /// Pixels: image by image, row by row, channel last. None where images are decoded when they are needed.
    pub pixels: Vec<u8>,
    /// The number of the class of each image.
    pub labels: Vec<u16>,
}

/// One part of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// Its name, as specs write it.
    pub name: String,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// Channels of an image.
    pub channels: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Images and labels.
    pub images: Images,
    /// The files of the images, where those are decoded when they are needed.
    pub files: Option<Files>,
    /// The pixel value that stands for 1.
    pub maximum: f32,
    /// The mean of each channel over the train part.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel over the train part.
    pub std: Vec<f32>,
    /// SHA-256 of the pixels and labels as they were read; of images that are decoded when they are needed, of their files' names and lengths.
    pub hash: String,
}

impl DataSet {
    /// The number of images.
    pub fn len(&self) -> usize {
        self.images.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An image; of a data set whose images are decoded when they are needed, it has a size of its own. `None` where it is broken and such
    /// are passed over.
    ///
    /// # Errors
    /// Where it is broken, and that matters.
    pub fn image(&self, image: usize) -> Result<Option<Pixels<'_>>> {
        if let Some(files) = &self.files {
            return files.decode(image);
        }
        let bytes = self.pixels(image).into();
        Ok(Some(Pixels { bytes, channels: self.channels, height: self.height, width: self.width }))
    }

    /// The pixels of an image, where they are in memory.
    pub fn pixels(&self, image: usize) -> &[u8] {
        let size = self.channels * self.height * self.width;
        &self.images.pixels[image * size..(image + 1) * size]
    }
}

/// SHA-256 of a data set's pixels and labels.
pub(super) fn hash(images: &Images) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(&images.pixels);
    for label in &images.labels {
        hash.update(label.to_le_bytes());
    }
    crate::extension::library::hexadecimal(&hash.finalize())
}

/// Mean and standard deviation of each channel, as shares of `maximum`. Sums of whole numbers: the order does not matter.
pub(super) fn statistics(pixels: &[u8], channels: usize, maximum: f32) -> (Vec<f32>, Vec<f32>) {
    let mut sums = vec![(0u64, 0u64); channels];
    for pixel in pixels.chunks_exact(channels) {
        for (sum, value) in sums.iter_mut().zip(pixel) {
            sum.0 += u64::from(*value);
            sum.1 += u64::from(*value) * u64::from(*value);
        }
    }
    let n = (pixels.len() / channels).max(1) as f64;
    let scale = f64::from(maximum);
    let statistic = |(sum, squares): &(u64, u64)| {
        let mean = *sum as f64 / n;
        let variance = (*squares as f64 / n - mean * mean).max(0.0);
        // A channel without contrast is left as it is.
        let deviation = if variance > 0.0 { variance.sqrt() / scale } else { 1.0 };
        ((mean / scale) as f32, deviation as f32)
    };
    sums.iter().map(statistic).unzip()
}
