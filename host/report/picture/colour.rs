//! The colours of pictures. Lines and letters are of few colours, so that a page can give them others in the dark.

use std::fmt;

/// A colour: red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02X}{:02X}{:02X}", self.0, self.1, self.2)
    }
}

/// Of letters and frames.
pub const INK: Colour = Colour(0x24, 0x29, 0x2F);
/// Of lines, and of letters that say less.
pub const LINE: Colour = Colour(0x57, 0x60, 0x6A);
/// Of what is only hinted at.
pub const PALE: Colour = Colour(0xAF, 0xB8, 0xC1);
/// Of grids.
pub const GRID: Colour = Colour(0xE4, 0xE8, 0xEC);
/// Of stretches that are set off.
pub const SHADE: Colour = Colour(0xF3, 0xE9, 0xD2);
/// Of what is behind all.
pub const PAPER: Colour = Colour(0xFF, 0xFF, 0xFF);
/// Of letters in boxes of operations, on whichever paper.
pub const IN_BOX: Colour = Colour(0x1F, 0x23, 0x28);

/// The colours of kinds of operations: of their boxes, and of these boxes' frames.
pub const KINDS: [(Colour, Colour); 10] = [
    (Colour(0xFB, 0xE0, 0xC3), Colour(0xC9, 0x77, 0x2B)),
    (Colour(0xCF, 0xE3, 0xF7), Colour(0x3F, 0x7F, 0xBF)),
    (Colour(0xD3, 0xEC, 0xD2), Colour(0x4A, 0x96, 0x4A)),
    (Colour(0xE5, 0xD8, 0xF3), Colour(0x82, 0x57, 0xB5)),
    (Colour(0xF8, 0xD3, 0xD3), Colour(0xBF, 0x4A, 0x4A)),
    (Colour(0xF7, 0xED, 0xB2), Colour(0xA5, 0x8D, 0x1A)),
    (Colour(0xCB, 0xEC, 0xEC), Colour(0x2F, 0x8F, 0x8F)),
    (Colour(0xF6, 0xD3, 0xE8), Colour(0xB9, 0x4F, 0x93)),
    (Colour(0xE6, 0xDC, 0xC8), Colour(0x8A, 0x73, 0x48)),
    (Colour(0xDD, 0xE1, 0xE6), Colour(0x6B, 0x76, 0x83)),
];

/// The colours of curves, which show on light and on dark paper.
const CURVES: [Colour; 10] = [
    Colour(0x2F, 0x7F, 0xD1),
    Colour(0xE0, 0x77, 0x2A),
    Colour(0x3A, 0x9D, 0x4D),
    Colour(0x8E, 0x5F, 0xC7),
    Colour(0xC9, 0x4B, 0x4B),
    Colour(0x1F, 0x9C, 0x9C),
    Colour(0xC2, 0x55, 0x9B),
    Colour(0x9A, 0x80, 0x21),
    Colour(0x7B, 0x86, 0x93),
    Colour(0x8A, 0x4F, 0x2D),
];

/// The colour of a curve by its number: none comes twice among the first 60.
pub fn curve(number: usize) -> Colour {
    let Colour(red, green, blue) = CURVES[number % CURVES.len()];
    // Later ones are turned a little, so that whoever tells curves by their colours can.
    let turn = ((number / CURVES.len()) * 9) as u8;
    Colour(red.saturating_add(turn), green.saturating_sub(turn), blue.saturating_add(turn))
}
