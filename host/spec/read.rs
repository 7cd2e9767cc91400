//! Reads a text file that a user named, and says what to do when that fails.

use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::error::{Error, Place, Result, nearest};

/// How long a file may be, in bytes: far above any text, so that one without an end is found out.
const MAX_BYTES: usize = 64 << 20;

/// The text of a file in UTF-8. `kind` names what it should be in messages: "spec", "space", "script".
///
/// # Errors
/// If there is no such file, if it is a folder, if it may not be read, if it is too long, or if it is not UTF-8.
pub fn read_text(path: impl AsRef<Path>, kind: &str) -> Result<String> {
    let path = path.as_ref();
    let shown = path.display();
    if path.is_dir() {
        return Err(Error::new(format!("{shown} is a folder"))
            .expected(format!("the file of a {kind}"))
            .help("name a file within it"));
    }
    let bytes = read_limited(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::new(format!("there is no file {shown}"))
            .expected(format!("the file of a {kind}"))
            .help(similar(path).unwrap_or_else(|| match folder(path).is_dir() {
                true => "check the file's name".into(),
                false => "the folder does not exist either: check the path".into(),
            })),
        ErrorKind::PermissionDenied => Error::new(format!("{shown} may not be read"))
            .expected(format!("the file of a {kind}"))
            .help("check the permissions of the file and of its folders"),
        _ => Error::io("read", path, &error),
    })?;
    if bytes.len() > MAX_BYTES {
        return Err(Error::new(format!("{shown} is too long"))
            .expected(format!("the file of a {kind}, at most {MAX_BYTES} bytes"))
            .help("is this the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let before = String::from_utf8_lossy(before);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Error::new("not a text file in UTF-8")
            .at(Place::at(path, line, column))
            .expected(format!("the text of a {kind}"))
            .found(format!("the byte 0x{:02x}", error.as_bytes()[error.utf8_error().valid_up_to()]))
            .help("save the file as UTF-8")
    })
}

/// What a file holds, up to one byte more than a text may have: some files have no end.
fn read_limited(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file in the same folder whose name is near.
fn similar(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let mut names: Vec<String> = std::fs::read_dir(folder(path))
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    nearest(name, names.iter().map(String::as_str))
}

/// The folder that a file lies in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
