//! Parts of images, brought to another size: bilinear, with all pixels that count (as Pillow and torchvision's `antialias` do).

use crate::error::{Error, Result};
use crate::random::Stream;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use std::borrow::Cow;

/// The side that the shorter side of a test image is brought to, and the side that is then cut out of its middle: 256 and 224, as is
/// usual for ImageNet; for other sizes in the same proportion.
const TEST: (usize, usize) = (256, 224);

/// How often a random window is drawn before the middle of the image is taken.
const TRIES: usize = 10;

/// The least and the largest width of a random window, as a share of its height.
const ASPECT: (f64, f64) = (3.0 / 4.0, 4.0 / 3.0);

/// The pixels of one image: row by row, channel last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels<'a> {
    /// The numbers.
    pub bytes: Cow<'a, [u8]>,
    /// Channels: 1 or 3.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// A part of an image, in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first row.
    pub top: usize,
    /// The first column.
    pub left: usize,
    /// Rows; at least 1.
    pub height: usize,
    /// Columns; at least 1.
    pub width: usize,
}

impl Window {
    /// A window with a random share of the image's area, of at least `least`, and a random shape between 3:4 and 4:3, anywhere within the
    /// image. Where none fits after ten tries it is the largest of such a shape in the middle. (`RandomResizedCrop` of torchvision; Szegedy
    /// et al., "Going deeper with convolutions", section 6.)
    pub fn draw(height: usize, width: usize, least: f64, stream: &mut Stream) -> Self {
        let (rows, columns) = (height as f64, width as f64);
        let logarithms = (libm::log(ASPECT.0), libm::log(ASPECT.1));
        for _ in 0..TRIES {
            let area = rows * columns * (least + (1.0 - least) * stream.uniform());
            let aspect = libm::exp(logarithms.0 + (logarithms.1 - logarithms.0) * stream.uniform());
            let (w, h) = ((area * aspect).sqrt().round() as usize, (area / aspect).sqrt().round() as usize);
            if (1..=width).contains(&w) && (1..=height).contains(&h) {
                let mut place = |room: usize| stream.index(room as u64 + 1) as usize;
                let top = place(height - h);
                return Self { top, left: place(width - w), height: h, width: w };
            }
        }
        let (h, w) = match columns / rows {
            shape if shape < ASPECT.0 => ((columns / ASPECT.0).round() as usize, width),
            shape if shape > ASPECT.1 => (height, (rows * ASPECT.1).round() as usize),
            _ => (height, width),
        };
        let (h, w) = (h.clamp(1, height), w.clamp(1, width));
        Self { top: (height - h) / 2, left: (width - w) / 2, height: h, width: w }
    }
}

impl<'a> Pixels<'a> {
    /// A window of the image, brought to this height and width. Nothing outside the window counts.
    ///
    /// # Errors
    /// Where the window is not within the image.
    pub fn cut(self, window: Window, height: usize, width: usize) -> Result<Pixels<'a>> {
        let Window { top, left, height: rows, width: columns } = window;
        if top + rows > self.height || left + columns > self.width {
            return Err(Error::new(format!("{window:?} is not within an image of {}×{}", self.width, self.height)));
        }
        let part = if (rows, columns) == (self.height, self.width) {
            self
        } else {
            let line = |row: usize| {
                let at = (row * self.width + left) * self.channels;
                &self.bytes[at..at + columns * self.channels]
            };
            let bytes: Vec<u8> = (top..top + rows).flat_map(line).copied().collect();
            Pixels { bytes: bytes.into(), channels: self.channels, height: rows, width: columns }
        };
        let whole = [0.0, 0.0, columns as f64, rows as f64];
        part.scaled(whole, height, width)
    }

    /// The whole image, stretched to this height and width.
    ///
    /// # Errors
    /// As [`Pixels::cut`].
    pub fn stretched(self, height: usize, width: usize) -> Result<Pixels<'a>> {
        let whole = Window { top: 0, left: 0, height: self.height, width: self.width };
        self.cut(whole, height, width)
    }

    /// The middle of the image as tests look at it: its shorter side brought to 256/224 of the network's, then a square cut from the middle.
    /// (`Resize` and `CenterCrop` of torchvision, whose rounding this has.)
    ///
    /// # Errors
    /// As [`Pixels::cut`].
    pub fn middle(self, side: usize) -> Result<Pixels<'a>> {
        let short = (side * TEST.0 + TEST.1 / 2) / TEST.1;
        let (height, width) = (self.height, self.width);
        let long = |this: usize, other: usize| (short as f64 * this as f64 / other as f64) as usize;
        let (rows, columns) = match height <= width {
            true => (short, long(width, height)),
            false => (long(height, width), short),
        };
        // In one step: the part of the image that the square of the resized one stands for.
        let start = |size: usize| ((size - side) as f64 / 2.0).round_ties_even();
        let (down, across) = (height as f64 / rows as f64, width as f64 / columns as f64);
        let part = [start(columns) * across, start(rows) * down, side as f64 * across, side as f64 * down];
        self.scaled(part, side, side)
    }

    /// A part (left, top, width, height), brought to this height and width.
    fn scaled(self, [left, top, columns, rows]: [f64; 4], height: usize, width: usize) -> Result<Pixels<'a>> {
        if [left, top, columns, rows] == [0.0, 0.0, width as f64, height as f64]
            && (self.height, self.width) == (height, width)
        {
            return Ok(self);
        }
        let failed = |e: &dyn std::fmt::Display| {
            Error::new(format!("an image of {}×{} cannot be brought to {width}×{height}: {e}", self.width, self.height))
        };
        let kind = if self.channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
        let own = ImageRef::new(self.width as u32, self.height as u32, &self.bytes, kind).map_err(|e| failed(&e))?;
        let mut out = Image::new(width as u32, height as u32, kind);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop(left, top, columns, rows)
            .use_alpha(false);
        Resizer::new().resize(&own, &mut out, &options).map_err(|e| failed(&e))?;
        Ok(Pixels { bytes: out.into_vec().into(), channels: self.channels, height, width })
    }
}
