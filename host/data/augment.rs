//! Crops, flips and cutout.

use crate::random::Stream;

/// How images are augmented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Augment {
    /// Black pixels added on every side before an image-sized part is cut out at random; 0 cuts nothing.
    pub crop: usize,
    /// Whether half of the images are mirrored.
    pub flip: bool,
    /// The side of a square that is blanked, 0 for none.
    pub cutout: usize,
}

/// What one image is put through. Drawn in this order: crop row, crop column, flip, cutout row, cutout column; what is
/// turned off draws nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Rows and columns by which the image is shifted.
    pub shift: (isize, isize),
    /// Whether it is mirrored.
    pub flip: bool,
    /// The first and the last row and column (excluded) that are blanked, after shifting and mirroring.
    pub blank: Option<[usize; 4]>,
}

impl Augment {
    /// Draws what an image of this size is put through.
    pub fn draw(&self, height: usize, width: usize, stream: &mut Stream) -> Draw {
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
            let ((top, bottom), (left, right)) = (range(height), range(width));
            [top, bottom, left, right]
        });
        Draw { shift, flip, blank }
    }
}

impl Draw {
    /// The image as it is.
    pub const NONE: Draw = Draw { shift: (0, 0), flip: false, blank: None };
}
