//! Files that are written whole or not at all.

use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a file under a temporary name beside it, flushes it to disk, renames it, and flushes the folder: whatever happens on the
/// way, the name stands for the old content or the new one.
///
/// # Errors
/// Where any of this fails.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(TEMPORARY);
    let temporary = path.with_file_name(name);
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_folder(path.parent().unwrap_or(Path::new("")))
    };
    write().map_err(|e: io::Error| {
        let _ = fs::remove_file(&temporary);
        Error::io("write", path, &e)
    })
}

/// What the names of unfinished files end in.
pub const TEMPORARY: &str = ".part";

/// Flushes a folder's list of names to disk, where the system can.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
