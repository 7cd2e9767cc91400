//! The logs of a run: files of JSON lines that only grow, or are cut back to a length that a checkpoint names.

use crate::error::{Error, Place, Result};
use crate::spec::Spec;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogName {
    /// `trace.jsonl`: the plan of every step.
    Trace,
    /// `metrics.jsonl`: losses and accuracies.
    Metrics,
    /// `genotypes.jsonl`: what α derived to.
    Genotypes,
    /// `alpha.jsonl`: α per epoch.
    Alpha,
}

impl LogName {
    /// All, in the order in which what happens at one time is compared.
    pub const ALL: [Self; 4] = [Self::Trace, Self::Metrics, Self::Genotypes, Self::Alpha];

    /// Those that a run of this spec has.
    pub fn of(spec: &Spec) -> &'static [Self] {
        if spec.is_search() { &Self::ALL } else { &[Self::Metrics] }
    }

    /// The name of its file.
    pub fn file(self) -> &'static str {
        match self {
            Self::Trace => "trace.jsonl",
            Self::Metrics => "metrics.jsonl",
            Self::Genotypes => "genotypes.jsonl",
            Self::Alpha => "alpha.jsonl",
        }
    }
}

/// A log that is being written.
pub(super) struct Log {
    path: PathBuf,
    file: BufWriter<File>,
    length: u64,
}

impl Log {
    /// A new log.
    pub(super) fn create(folder: &Path, name: LogName) -> Result<Self> {
        let path = folder.join(name.file());
        let file = File::create(&path).map_err(|e| Error::io("create", &path, &e))?;
        Ok(Self { path, file: BufWriter::new(file), length: 0 })
    }

    /// A log that is there, cut back to its first `length` bytes.
    pub(super) fn cut(folder: &Path, name: LogName, length: u64) -> Result<Self> {
        let path = folder.join(name.file());
        let open = || {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(length)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().map_err(|e| Error::io("cut back", &path, &e))?;
        Ok(Self { path, file: BufWriter::new(file), length })
    }

    /// Whether a log can be cut back to a length: it is as long, and a line ends there.
    ///
    /// # Errors
    /// Where not.
    pub(super) fn can_be_cut(folder: &Path, name: LogName, length: u64) -> Result<()> {
        let path = folder.join(name.file());
        let mut last = [b'\n'];
        let mut look = || {
            let mut file = File::open(&path)?;
            let found = file.metadata()?.len();
            if length > 0 && found >= length {
                file.seek(SeekFrom::Start(length - 1))?;
                file.read_exact(&mut last)?;
            }
            Ok(found)
        };
        let found = look().map_err(|e| Error::io("read", &path, &e))?;
        if found < length || last != [b'\n'] {
            return Err(Error::new(format!("{} is not the one that the checkpoint was written with", path.display()))
                .at(Place::file(&path))
                .expected(format!("at least {length} bytes, at which a line ends"))
                .found(if found < length { format!("{found} bytes") } else { "another text".to_owned() }));
        }
        Ok(())
    }

    pub(super) fn write(&mut self, value: &Value) -> Result<()> {
        let text = format!("{value}\n");
        self.length += text.len() as u64;
        self.file.write_all(text.as_bytes()).map_err(|e| Error::io("write", &self.path, &e))
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|e| Error::io("write", &self.path, &e))
    }

    /// Its length, what is not flushed yet included.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The file once more, for flushing it to disk.
    pub(super) fn handle(&self) -> Result<(PathBuf, File)> {
        let file = self.file.get_ref().try_clone().map_err(|e| Error::io("write", &self.path, &e))?;
        Ok((self.path.clone(), file))
    }
}
