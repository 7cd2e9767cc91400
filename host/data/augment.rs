//! What is changed in training images at random: resized crops, crops, flips, colours, cutout.

use super::jitter::{Change, Jitter};
use super::window::Window;
use crate::random::Stream;
use crate::spec;

/// How images are augmented.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Augment {
    /// The least share of the image's area that is cut out at random and brought to the network's size; none cuts nothing.
    pub resized_crop: Option<f64>,
    /// Black pixels added on every side before an image-sized part is cut out at random; 0 cuts nothing.
    pub crop: usize,
    /// Whether half of the images are mirrored.
    pub flip: bool,
    /// How far colours are changed.
    pub jitter: Jitter,
    /// The side of a square that is blanked, 0 for none.
    pub cutout: usize,
}

impl From<&spec::Augment> for Augment {
    fn from(spec: &spec::Augment) -> Self {
        Self {
            resized_crop: spec.resized_crop,
            crop: spec.crop as usize,
            flip: spec.flip,
            jitter: spec.jitter.as_ref().map(Jitter::from).unwrap_or_default(),
            cutout: spec.cutout as usize,
        }
    }
}

/// What one image is put through. Drawn in this order: window, crop row, crop column, flip, cutout row, cutout column, colours; what is
/// turned off draws nothing. It is cut out, shifted and mirrored, then its colours are changed, then it is blanked.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// The part of the image that is brought to the network's size.
    pub window: Option<Window>,
    /// Rows and columns by which the image is shifted.
    pub shift: (isize, isize),
    /// Whether it is mirrored.
    pub flip: bool,
    /// The first and the last row and column (excluded) that are blanked, after shifting and mirroring.
    pub blank: Option<[usize; 4]>,
    /// Changes of its colours, in order.
    pub colours: Vec<Change>,
}

impl Augment {
    /// Draws what an image is put through that is this large (height, width) and is brought to this size.
    pub fn draw(&self, own: (usize, usize), size: (usize, usize), stream: &mut Stream) -> Draw {
        let window = self.resized_crop.map(|least| Window::draw(own.0, own.1, least, stream));
        let mut shift = (0, 0);
        if self.crop > 0 {
            let mut offset = || stream.index(2 * self.crop as u64 + 1) as isize - self.crop as isize;
            shift = (offset(), offset());
        }
        let flip = self.flip && stream.index(2) == 1;
        let blank = (self.cutout > 0).then(|| {
            let mut range = |size: usize| {
                let centre = stream.index(size as u64) as usize;
                let start = centre.saturating_sub(self.cutout / 2);
                let end = (centre + self.cutout - self.cutout / 2).min(size);
                (start, end)
            };
            let ((top, bottom), (left, right)) = (range(size.0), range(size.1));
            [top, bottom, left, right]
        });
        Draw { window, shift, flip, blank, colours: self.jitter.draw(stream) }
    }
}

impl Draw {
    /// The image as it is.
    pub const NONE: Draw = Draw { window: None, shift: (0, 0), flip: false, blank: None, colours: Vec::new() };
}
