//! One process per run directory. The lock is the system's: it goes when its holder does, however that ends.

use crate::error::{Error, Place, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The file that is locked.
pub(super) const FILE: &str = "lock";

/// Whether a process has taken a run directory and not let it go: it still has it, or was killed.
pub fn is_taken(run: &Path) -> bool {
    run.join(FILE).exists()
}

/// A run directory that no other process writes.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Locks a folder.
    ///
    /// # Errors
    /// Where another process has it, or the file cannot be written.
    pub(super) fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let failed = |e: std::io::Error| Error::io("lock", &path, &e);
        loop {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(held(folder, &mut file)),
                Err(TryLockError::Error(e)) => return Err(failed(e)),
            }
            // Whoever had it may have removed the file between opening and locking.
            if !is_at(&file, &path) {
                continue;
            }
            file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
            return Ok(Self { path, file });
        }
    }

    /// Whether the folder is still where it was: not removed, not renamed.
    pub(super) fn holds(&self) -> bool {
        is_at(&self.file, &self.path)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.holds() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether a path leads to this open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |m: &std::fs::Metadata| (m.dev(), m.ino());
    matches!((file.metadata(), std::fs::metadata(path)), (Ok(a), Ok(b)) if identity(&a) == identity(&b))
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

fn held(folder: &Path, file: &mut File) -> Error {
    let mut holder = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut holder));
    let holder = match read {
        Ok(_) if !holder.trim().is_empty() => format!("process {} has it", holder.trim()),
        _ => "another process has it".to_owned(),
    };
    Error::new("the run directory is in use")
        .at(Place::file(folder))
        .found(holder)
        .help("wait until it ends, or name another directory with `--run`; what ends without letting go loses its hold")
}
