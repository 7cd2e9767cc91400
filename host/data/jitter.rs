//! Changes of an image's colours: brightness, contrast, saturation, hue, as torchvision's `ColorJitter` makes them.

use crate::random::Stream;
use crate::spec;

/// The weights of red, green and blue in a grey value (`rgb_to_grayscale` of torchvision).
const GREY: [f32; 3] = [0.2989, 0.587, 0.114];

/// How far colours are changed at random; 0 changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Jitter {
    /// By a factor of 1 − this to 1 + this.
    pub brightness: f64,
    /// The same for the distance from the image's mean grey value.
    pub contrast: f64,
    /// The same for the distance from each pixel's grey value.
    pub saturation: f64,
    /// By up to this share of the circle of colours, both ways.
    pub hue: f64,
}

impl From<&spec::Jitter> for Jitter {
    fn from(spec: &spec::Jitter) -> Self {
        let spec::Jitter { brightness, contrast, saturation, hue } = *spec;
        Self { brightness, contrast, saturation, hue }
    }
}

/// One change of an image's colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// All values, times this.
    Brightness(f32),
    /// The distance of all values from the image's mean grey value, times this.
    Contrast(f32),
    /// The distance of each pixel's values from its grey value, times this.
    Saturation(f32),
    /// The hue, turned by this share of a circle.
    Hue(f32),
}

impl Jitter {
    /// Draws the changes, in the order in which they are made: factors of brightness, contrast, saturation and the turn of the hue, then
    /// their order; what is turned off draws no factor.
    pub fn draw(&self, stream: &mut Stream) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut factor = |most: f64, change: fn(f32) -> Change| {
            if most > 0.0 {
                let least = (1.0 - most).max(0.0);
                changes.push(change((least + (1.0 + most - least) * stream.uniform()) as f32));
            }
        };
        factor(self.brightness, Change::Brightness);
        factor(self.contrast, Change::Contrast);
        factor(self.saturation, Change::Saturation);
        if self.hue > 0.0 {
            changes.push(Change::Hue((self.hue * (2.0 * stream.uniform() - 1.0)) as f32));
        }
        if changes.len() > 1 {
            stream.shuffle(&mut changes);
        }
        changes
    }
}

impl Change {
    /// Changes an image whose values are 0 to 1, channel last; they stay there. Saturation and hue of an image without colours stay.
    pub fn apply(self, values: &mut [f32], channels: usize) {
        match self {
            Self::Brightness(factor) => values.iter_mut().for_each(|value| *value = blend(*value, 0.0, factor)),
            Self::Contrast(factor) => {
                // In f64: the order of so many numbers would show in f32.
                let sum: f64 = values.chunks_exact(channels).map(|pixel| f64::from(grey(pixel))).sum();
                let mean = (sum / (values.len() / channels).max(1) as f64) as f32;
                values.iter_mut().for_each(|value| *value = blend(*value, mean, factor));
            }
            Self::Saturation(factor) => {
                for pixel in values.chunks_exact_mut(channels) {
                    let grey = grey(pixel);
                    pixel.iter_mut().for_each(|value| *value = blend(*value, grey, factor));
                }
            }
            Self::Hue(turn) => values.as_chunks_mut::<3>().0.iter_mut().filter(|_| channels == 3).for_each(|pixel| {
                let (hue, saturation, value) = hsv(*pixel);
                let turned = hue + turn;
                *pixel = rgb(turned - turned.floor(), saturation, value);
            }),
        }
    }
}

fn blend(value: f32, other: f32, factor: f32) -> f32 {
    (factor * value + (1.0 - factor) * other).clamp(0.0, 1.0)
}

fn grey(pixel: &[f32]) -> f32 {
    match pixel {
        [red, green, blue] => GREY[0] * red + GREY[1] * green + GREY[2] * blue,
        _ => pixel[0],
    }
}

/// Hue, saturation and value of red, green and blue; all from 0 to 1.
fn hsv([red, green, blue]: [f32; 3]) -> (f32, f32, f32) {
    let most = red.max(green).max(blue);
    let range = most - red.min(green).min(blue);
    if range == 0.0 {
        return (0.0, 0.0, most);
    }
    let sixths = if most == red {
        (green - blue) / range
    } else if most == green {
        2.0 + (blue - red) / range
    } else {
        4.0 + (red - green) / range
    };
    let hue = sixths / 6.0;
    (hue - hue.floor(), range / most, most)
}

/// Red, green and blue of hue, saturation and value.
fn rgb(hue: f32, saturation: f32, value: f32) -> [f32; 3] {
    let sixths = hue * 6.0;
    let whole = sixths.floor();
    let rest = sixths - whole;
    let low = (value * (1.0 - saturation)).clamp(0.0, 1.0);
    let falling = (value * (1.0 - saturation * rest)).clamp(0.0, 1.0);
    let rising = (value * (1.0 - saturation * (1.0 - rest))).clamp(0.0, 1.0);
    match whole as i32 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    }
}
