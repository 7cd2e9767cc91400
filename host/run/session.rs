//! The sessions of a run: `sessions.jsonl` has a line each time that a process takes the run up.

use super::contents::Changed;
use super::machine::Machine;
use crate::error::{Error, Place, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// One stretch of a run, in one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// What identifies the run, over all of its sessions.
    pub run: String,
    /// Its first iteration.
    pub iteration: u64,
    /// Where it ran.
    pub machine: Machine,
    /// What had changed since the session before, where that was accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Changed>,
}

fn path(run: &Path) -> PathBuf {
    run.join(Session::FILE)
}

impl Session {
    /// The file of a run directory that has them.
    pub const FILE: &str = "sessions.jsonl";

    /// The sessions of a run, first to last. A last line that was cut off does not count.
    ///
    /// # Errors
    /// Where there is none, or a line is not one of a session.
    pub fn read(run: &Path) -> Result<Vec<Self>> {
        let path = path(run);
        let text = fs::read_to_string(&path).map_err(|e| Error::io("read", &path, &e).at(Place::file(&path)))?;
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).enumerate();
        let session = |(i, line)| {
            serde_json::from_str(line).map_err(|e| {
                Error::new(format!("this is no line of sessions: {e}")).at(Place::at(&path, i + 1, e.column()))
            })
        };
        let list = whole.map(session).collect::<Result<Vec<Self>>>()?;
        if list.is_empty() {
            return Err(Error::new("the run has no session").at(Place::file(&path)));
        }
        Ok(list)
    }

    /// Removes the sessions of a run that had not begun.
    pub(super) fn forget(run: &Path) -> Result<()> {
        let path = path(run);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("remove", &path, &e)),
            _ => Ok(()),
        }
    }

    /// Adds a session to those of a run.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn append(&self, run: &Path) -> Result<()> {
        let path = path(run);
        let json = |e: serde_json::Error| Error::new(format!("the session cannot be written: {e}"));
        let line = serde_json::to_string(self).map_err(json)? + "\n";
        let write = || {
            let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
            // What an interrupted session left half-written must not run into this one.
            let text = fs::read_to_string(&path)?;
            file.set_len(text.rfind('\n').map_or(0, |at| at as u64 + 1))?;
            file.write_all(line.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|e: std::io::Error| Error::io("write", &path, &e))
    }
}
