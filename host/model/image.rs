//! Images of any kind and size as a network takes them.

use super::Model;
use crate::data::decode::decode;
use crate::data::window::Pixels;
use crate::error::{Error, Place, Result};
use std::path::Path;
use tch::Tensor;

/// The weights of red, green and blue in a grey value (ITU-R BT.601).
const GREY: [f32; 3] = [0.299, 0.587, 0.114];

/// What a network makes of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The class and its probability, the most likely first.
    pub classes: Vec<(String, f64)>,
    /// The size of the image, where it had to be brought to the network's.
    pub resized: Option<(u32, u32)>,
}

impl Model {
    /// Classifies an image file.
    ///
    /// # Errors
    /// Where it is no JPEG or PNG, or broken; what libtorch refuses.
    pub fn predict(&self, file: &Path) -> Result<Prediction> {
        let bytes = std::fs::read(file).map_err(|e| Error::io("read", file, &e).at(Place::file(file)))?;
        let (pixels, resized) = self.pixels(&bytes, file)?;
        let probabilities = self.logits(&pixels)?.f_softmax(-1, tch::Kind::Double)?.f_view(-1)?;
        let probabilities = Vec::<f64>::try_from(probabilities)?;
        let mut classes: Vec<(String, f64)> = self.description.classes.iter().cloned().zip(probabilities).collect();
        // A stable sort: of equals the first stays first.
        classes.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(Prediction { classes, resized })
    }

    /// The pixels of an image, (1, channels, height, width) from 0 to 1, in the network's size; and the image's own where it is another.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn pixels(&self, bytes: &[u8], file: &Path) -> Result<(Tensor, Option<(u32, u32)>)> {
        let [channels, height, width] = self.description.input.shape;
        let (own_width, own_height, pixels) = decode(bytes, file)?;
        let mut resized = None;
        let pixels = if (own_width as usize, own_height as usize) == (width, height) {
            pixels
        } else {
            resized = Some((own_width, own_height));
            let (own_height, own_width) = (own_height as usize, own_width as usize);
            let image = Pixels { bytes: pixels.into(), channels: 3, height: own_height, width: own_width };
            let fitted =
                if self.description.input.from_middle { image.middle(height) } else { image.stretched(height, width) };
            fitted.map_err(|e| e.at(Place::file(file)))?.bytes.into_owned()
        };
        let share = |value: u8| f32::from(value) / 255.0;
        let planes: Vec<f32> = match channels {
            1 => pixels.chunks(3).map(|rgb| rgb.iter().zip(GREY).map(|(v, weight)| share(*v) * weight).sum()).collect(),
            _ => (0..channels).flat_map(|c| pixels.iter().skip(c).step_by(3).map(|value| share(*value))).collect(),
        };
        let size = [1, channels as i64, height as i64, width as i64];
        Ok((Tensor::f_from_slice(&planes)?.f_view(size)?, resized))
    }
}
