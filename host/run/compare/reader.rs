//! The logs of a run, line by line.

use crate::error::{Error, Place, Result};
use crate::run::log::LogName;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A log that is read.
pub(super) struct Reader {
    path: PathBuf,
    file: Box<dyn BufRead + Send>,
    /// A line that was looked at and not taken.
    ahead: Option<String>,
}

impl Reader {
    /// A log from a position on, at which a line begins.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn open(run: &Path, name: LogName, from: u64) -> Result<Self> {
        let path = run.join(name.file());
        let open = || {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(from))?;
            Ok(file)
        };
        let file = open().map_err(|e| Error::io("read", &path, &e).at(Place::file(&path)))?;
        Ok(Self { path, file: Box::new(BufReader::new(file)), ahead: None })
    }

    /// A log without lines.
    pub(super) fn empty() -> Self {
        Self { path: PathBuf::new(), file: Box::new(std::io::empty()), ahead: None }
    }

    /// The next line; `None` after the last. One that was cut off does not count.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<String>> {
        if let Some(line) = self.ahead.take() {
            return Ok(Some(line));
        }
        let mut bytes = Vec::new();
        self.file.read_until(b'\n', &mut bytes).map_err(|e| Error::io("read", &self.path, &e))?;
        // What is no text will not be found the same as anything.
        Ok(bytes.pop_if(|last| *last == b'\n').map(|_| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The next line, which stays.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(super) fn peek(&mut self) -> Result<Option<&str>> {
        self.ahead = self.next()?;
        Ok(self.ahead.as_deref())
    }
}

/// A line of a log as JSON; as text where it is none, so that it is compared and shown all the same.
pub(super) fn value(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| Value::from(line))
}
