//! SVG as PNG.

use crate::error::{Error, Result};
use epaint_default_fonts::{HACK_REGULAR, UBUNTU_LIGHT};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// The largest side of a PNG, in pixels.
const LARGEST: f32 = 16_384.0;

/// A picture of SVG as the bytes of a PNG file, so many times as large as it says. Letters are of fonts that the program has, so that the
/// same SVG makes the same bytes; those that they lack (of other scripts than Latin, Greek and Cyrillic) are of the system's.
///
/// # Errors
/// Where the text is no SVG, or its picture would be larger than 16,384 pixels on a side.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>> {
    let wrong = |what: &str| Error::new(format!("the picture cannot be drawn: {what}"));
    let mut options = Options { font_family: "Ubuntu".to_owned(), ..Options::default() };
    for font in [UBUNTU_LIGHT, HACK_REGULAR] {
        options.fontdb_mut().load_font_data(font.to_vec());
    }
    if svg.chars().any(|c| c > '\u{4ff}' && !('\u{2010}'..='\u{2215}').contains(&c)) {
        options.fontdb_mut().load_system_fonts();
    }
    let tree = Tree::from_str(svg, &options).map_err(|e| wrong(&e.to_string()))?;
    let (width, height) = ((tree.size().width() * scale).ceil(), (tree.size().height() * scale).ceil());
    if width.max(height) > LARGEST {
        return Err(wrong(&format!("it has {width}×{height} pixels"))
            .expected(format!("at most {LARGEST} on each side"))
            .help("SVG has no such limit"));
    }
    let mut pixels = Pixmap::new(width as u32, height as u32).ok_or_else(|| wrong("it has no size"))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|e| wrong(&e.to_string()))
}
