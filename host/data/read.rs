//! Data files, read whole.

use crate::error::{Error, Place, Result, room};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Reads a file that nobody writes meanwhile.
pub(super) fn read_whole(file: &Path) -> Result<Vec<u8>> {
    let failed = |e| Error::io("read", file, &e).at(Place::file(file));
    let mut open = File::open(file).map_err(failed)?;
    let state = |open: &File| open.metadata().map(|data| (data.len(), data.modified().ok()));
    let (length, written) = state(&open).map_err(failed)?;
    let mut bytes =
        room(usize::try_from(length).unwrap_or(usize::MAX), "a data file").map_err(|e| e.at(Place::file(file)))?;
    open.read_to_end(&mut bytes).map_err(failed)?;
    // Images of two states of a file would be a data set that nobody made.
    if state(&open).map_err(failed)? != (length, written) || bytes.len() as u64 != length {
        return Err(Error::new("this file changed while it was read")
            .at(Place::file(file))
            .expected(format!("{length} bytes, as it had when it was opened"))
            .found(format!("{} bytes that were read", bytes.len()))
            .help("wait until whatever writes it has ended, and begin again"));
    }
    Ok(bytes)
}
