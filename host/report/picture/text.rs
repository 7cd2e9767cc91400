//! How wide texts are in pictures. Whoever looks at one may have other fonts, so this is a cautious guess for any.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The fonts of pictures: the first is the one that PNG files are drawn with.
pub const FONTS: &str = "Ubuntu, 'Helvetica Neue', Helvetica, Arial, sans-serif";

/// The width of a text in letters of a size, in the unit of that size.
pub fn width(text: &str, size: f64) -> f64 {
    text.width() as f64 * size * 0.54
}

/// A text of at most so many columns: what is longer ends in an ellipsis.
pub fn cut(text: &str, columns: usize) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.width() <= columns {
        return text;
    }
    let mut left = columns.saturating_sub(1);
    let fits = |c: &char| {
        let wide = c.width().unwrap_or(0);
        let fits = wide <= left;
        left = left.saturating_sub(wide);
        fits
    };
    text.chars().take_while(fits).collect::<String>() + "…"
}
