//! A run directory for who only reads it: nothing is written, nothing is locked.

use super::reader::{Reader, value};
use super::result::Outcome;
use crate::error::{Error, Place, Result};
use crate::run::checkpoint::{Checkpoint, Checkpoints, Manifest};
use crate::run::contents::{Changed, POLICY};
use crate::run::directory::{CHECKPOINTS, FAILURE, FINAL, result};
use crate::run::log::LogName;
use crate::run::machine::Machine;
use crate::run::resume::{self, changed_scripts, describe, length};
use crate::run::session::Session;
use crate::run::tensors::{self, Saved};
use crate::spec::Spec;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What a run directory says of its run.
#[derive(Debug, Clone)]
pub struct Recorded {
    path: PathBuf,
    /// The spec.
    pub spec: Spec,
    /// SHA-256 of what it was made of.
    pub hashes: BTreeMap<String, String>,
    /// Its sessions, first to last.
    pub sessions: Vec<Session>,
    /// The iterations that its logs go through.
    pub iterations: u64,
    /// The manifests of its checkpoints: iterations that are over, and whether what is due after them is.
    pub(super) checkpoints: BTreeMap<(u64, bool), PathBuf>,
}

impl Recorded {
    /// Reads a run directory.
    ///
    /// # Errors
    /// Where it is none, or cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let (spec, hashes, sessions) = describe(path)?;
        let checkpoints = Checkpoints::open(&path.join(CHECKPOINTS), 1)?.files().collect();
        let counted = LogName::of(&spec).iter().filter(|name| matches!(name, LogName::Metrics | LogName::Trace));
        let iterations = counted.map(|name| iterations(path, *name));
        let iterations = iterations.collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or(0);
        Ok(Self { path: path.to_owned(), spec, hashes, sessions, iterations, checkpoints })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the run has come to its end.
    pub fn is_finished(&self) -> bool {
        self.path.join(result(&self.spec)).is_file()
    }

    /// Why the run failed, where it did.
    pub fn failure(&self) -> Option<String> {
        fs::read_to_string(self.path.join(FAILURE)).ok()
    }

    /// Whether a checkpoint is this run's.
    ///
    /// # Errors
    /// Where not.
    pub fn owns(&self, manifest: &Manifest) -> Result<()> {
        resume::owns(&self.sessions[0].run, manifest)
    }

    /// Whether a checkpoint is this run's, and the logs those that it was written with: then the record can be followed from there.
    ///
    /// # Errors
    /// Where not.
    pub fn goes_on_from(&self, manifest: &Manifest) -> Result<()> {
        resume::can_go_on_from(&self.path, &self.spec, &self.sessions[0].run, manifest)
    }

    /// The manifest of the checkpoint that was written after so many iterations, before or after what was due then.
    pub fn checkpoint(&self, iteration: u64, settled: bool) -> Option<&Path> {
        self.checkpoints.get(&(iteration, settled)).map(PathBuf::as_path)
    }

    /// Reads one of its checkpoints.
    pub(super) fn read_checkpoint(&self, path: &Path) -> Result<Checkpoint> {
        let checkpoint = Checkpoint::read(path)?;
        self.owns(&checkpoint.manifest).map_err(|e| e.at(Place::file(path)))?;
        Ok(checkpoint)
    }

    /// The last session that began with accepted changes which no spec repeats: all but those of the policy's scripts.
    pub fn altered(&self) -> Option<&Session> {
        let alters = |session: &&Session| session.accepted.iter().any(|change| !change.what.starts_with(POLICY));
        self.sessions.iter().rev().find(alters)
    }

    /// The policy's scripts whose copies are no longer those that ran.
    pub fn changed_scripts(&self) -> Vec<Changed> {
        changed_scripts(&self.path, &self.hashes)
    }

    /// The machines that recorded these iterations, in their order.
    pub fn machines(&self, iterations: Range<u64>) -> Vec<&Machine> {
        let covers = |(k, session): (usize, &'_ Session)| {
            // What a session wrote after the point that a later one went back to is gone.
            let end = self.sessions[k + 1..].iter().map(|later| later.iteration).min().unwrap_or(u64::MAX);
            session.iteration.max(iterations.start) < end.min(iterations.end)
        };
        let all = self.sessions.iter().enumerate();
        all.filter(|(k, session)| covers((*k, session))).map(|(_, session)| &session.machine).collect()
    }

    /// What it has come to.
    ///
    /// # Errors
    /// Where its result cannot be read.
    pub(super) fn outcome(&self) -> Result<Outcome> {
        let path = self.path.join(result(&self.spec));
        let text = fs::read_to_string(&path).map_err(|e| Error::io("read", &path, &e).at(Place::file(&path)))?;
        Ok(Outcome { result: value(&text), tensors: self.last_tensors() })
    }

    fn last_tensors(&self) -> Result<Vec<Saved>> {
        let path = self.path.join(CHECKPOINTS).join(FINAL);
        let bytes = fs::read(&path).map_err(|e| Error::io("read", &path, &e).at(Place::file(&path)))?;
        tensors::deserialize(&bytes).map_err(|e| e.at(Place::file(&path)))
    }

    /// A log, after a checkpoint or from its beginning.
    pub(super) fn reader(&self, name: LogName, after: Option<&Manifest>) -> Result<Reader> {
        if !LogName::of(&self.spec).contains(&name) {
            return Ok(Reader::empty());
        }
        Reader::open(&self.path, name, after.map_or(Ok(0), |manifest| length(manifest, name))?)
    }
}

/// The number of iterations that a log goes through.
fn iterations(run: &Path, name: LogName) -> Result<u64> {
    let mut reader = Reader::open(run, name, 0)?;
    let mut last = None;
    while let Some(line) = reader.next()? {
        // Of a log of plans, which may be long, the last line alone is read as JSON.
        if name == LogName::Trace || line.contains("\"kind\":\"iteration\"") {
            last = Some(line);
        }
    }
    Ok(last.and_then(|line| value(&line)["iteration"].as_u64()).map_or(0, |iteration| iteration + 1))
}
