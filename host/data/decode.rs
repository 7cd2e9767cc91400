//! JPEG and PNG files as pixels. Transparency is left out, 16 bits become 8, grey and inks become red, green and blue.

use crate::error::{Error, Place, Result};
use std::io::Cursor;
use std::path::Path;

/// The side of an image at most, in pixels.
const SIDE: u32 = 8192;

/// Width, height and pixels of an image file.
///
/// # Errors
/// As [`decode`], and where it cannot be read.
pub(super) fn read(file: &Path) -> Result<(u32, u32, Vec<u8>)> {
    decode(&std::fs::read(file).map_err(|e| broken(file, &e.to_string()))?, file)
}

/// The error for a file that is no image.
fn broken(file: &Path, why: &str) -> Error {
    Error::new("this is no image that can be read")
        .at(Place::file(file))
        .expected("a JPEG or PNG image")
        .found(why.trim())
        .help("remove the file, or make it anew")
}

/// Width, height and pixels (row by row, red, green, blue) of the image in a file that holds these bytes; `file` is only named in
/// messages.
///
/// # Errors
/// Where it is no JPEG or PNG, or is broken or cut short.
pub fn decode(bytes: &[u8], file: &Path) -> Result<(u32, u32, Vec<u8>)> {
    let broken = |e: String| broken(file, &e);
    let mut reader =
        image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| broken(e.to_string()))?;
    // The decoder fills what is missing with grey and says nothing.
    if reader.format() == Some(image::ImageFormat::Jpeg) && !ends(bytes) {
        return Err(broken("a JPEG image that is cut short".to_owned()));
    }
    // A few bytes can claim to be an image that fills the memory.
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE), Some(SIDE));
    reader.limits(limits);
    let image = reader.decode().map_err(|e| broken(e.to_string()))?.into_rgb8();
    Ok((image.width(), image.height(), image.into_raw()))
}

/// Whether a JPEG file has its end marker. A search for its two bytes would not do: an embedded preview has one too.
fn ends(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // To the next marker. Within a scan, FF 00 is a plain byte, and FF D0 to FF D7 only restart it.
        while at + 1 < bytes.len() && (bytes[at] != 0xFF || matches!(bytes[at + 1], 0x00 | 0x01 | 0xD0..=0xD7 | 0xFF)) {
            at += 1;
        }
        match bytes.get(at + 1) {
            None => return false,
            Some(0xD9) => return true,
            Some(_) => {}
        }
        let Some(length) = bytes.get(at + 2..at + 4) else { return false };
        at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
    }
}
