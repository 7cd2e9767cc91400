//! Writing checkpoints in the background: training waits for the copy alone, and for the last checkpoint where it is still being
//! written.

use super::Snapshot;
use super::folder::{About, Checkpoints};
use crate::error::{Error, Result, panic_text};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Writes the checkpoints of a run.
pub(in crate::run) struct Writer {
    state: Option<Stage>,
    /// How long writing took, without the one that is being written.
    seconds: f64,
}

enum Stage {
    Idle(Checkpoints),
    Writing(JoinHandle<(Checkpoints, Result<()>, f64)>),
}

impl Writer {
    pub(in crate::run) fn new(checkpoints: Checkpoints) -> Self {
        Self { state: Some(Stage::Idle(checkpoints)), seconds: 0.0 }
    }

    /// Begins to write a checkpoint; the logs that it counts on are flushed to disk before it counts.
    ///
    /// # Errors
    /// Where the one before failed, or no thread can be had.
    pub(in crate::run) fn begin(
        &mut self,
        snapshot: Arc<Snapshot>,
        about: About,
        logs: Vec<(PathBuf, File)>,
    ) -> Result<()> {
        let mut checkpoints = self.finish()?;
        let write = move || {
            let begun = Instant::now();
            let sync = |(path, log): &(PathBuf, File)| log.sync_data().map_err(|e| Error::io("write", path, &e));
            let written = logs.iter().try_for_each(sync).and_then(|()| checkpoints.write(&snapshot, about));
            (checkpoints, written, begun.elapsed().as_secs_f64())
        };
        let thread = thread::Builder::new().name("checkpoint".to_owned()).spawn(write);
        self.state = Some(Stage::Writing(
            thread.map_err(|e| Error::new(format!("a thread that writes checkpoints cannot be started: {e}")))?,
        ));
        Ok(())
    }

    /// How long writing took, in seconds; what is being written does not count yet.
    pub(in crate::run) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Hears of a failure as soon as it is there; waits for nothing.
    ///
    /// # Errors
    /// Where writing failed.
    pub(in crate::run) fn look(&mut self) -> Result<()> {
        match &self.state {
            Some(Stage::Writing(thread)) if thread.is_finished() => self.wait(),
            _ => Ok(()),
        }
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// Where it failed.
    pub(in crate::run) fn wait(&mut self) -> Result<()> {
        let checkpoints = self.finish()?;
        self.state = Some(Stage::Idle(checkpoints));
        Ok(())
    }

    fn finish(&mut self) -> Result<Checkpoints> {
        let broken = || Error::new("no checkpoint is written after one that failed");
        let died = |panic: Box<dyn std::any::Any + Send>| {
            Error::new("the thread that writes checkpoints died")
                .found(panic_text(&*panic))
                .help("this is a bug: please report it, with the spec")
        };
        match self.state.take().ok_or_else(broken)? {
            Stage::Idle(checkpoints) => Ok(checkpoints),
            Stage::Writing(thread) => {
                let (checkpoints, written, seconds) = thread.join().map_err(died)?;
                self.seconds += seconds;
                written.map(|()| checkpoints)
            }
        }
    }
}
