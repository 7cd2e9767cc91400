//! The logs of a run that another process writes, followed while they grow.

use super::control::Control;
use super::seen::{Seen, Stand};
use super::{keys, screen};
use crate::error::Result;
use crate::report::History;
use crate::report::history::{State, state};
use crate::report::sizes::duration;
use crate::run::{LogName, is_taken};
use crate::train::Interruption;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the logs are looked at: a run writes them once a second.
const LOOK: Duration = Duration::from_millis(500);

/// For how long nothing may be written before that is said, in seconds.
const SILENT: f64 = 60.0;
/// How much of a log whose last line alone is shown is read at first.
const RECENT: u64 = 1 << 20;

/// A log that is followed.
struct Tail {
    path: PathBuf,
    log: LogName,
    read: u64,
}

impl Tail {
    /// Hands on the lines that are new and whole; false where the log has become shorter: the run has gone back to a checkpoint.
    fn follow(&mut self, mut take: impl FnMut(LogName, &serde_json::Value)) -> bool {
        // A log that is not there yet, or cannot be read just now, is looked for again.
        let Ok(mut file) = File::open(&self.path) else { return true };
        let length = file.metadata().map_or(0, |about| about.len());
        if length < self.read {
            return false;
        }
        let is_begun = self.read > 0;
        if !is_begun && self.log != LogName::Metrics {
            self.read = length.saturating_sub(RECENT);
        }
        if length == self.read || file.seek(SeekFrom::Start(self.read)).is_err() {
            return true;
        }
        let (mut reader, mut line) = (BufReader::with_capacity(1 << 18, file), Vec::new());
        if !is_begun && self.read > 0 {
            // A line began before.
            self.read += reader.skip_until(b'\n').unwrap_or(0) as u64;
        }
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) && line.last() == Some(&b'\n') {
            self.read += line.len() as u64;
            if let Ok(value) = serde_json::from_slice(&line) {
                take(self.log, &value);
            }
            line.clear();
        }
        true
    }
}

/// Shows a run that another process makes, or made, until the user has seen enough or a signal ends it.
///
/// # Errors
/// Where the terminal cannot be had, or has gone.
pub(in super::super) fn watch(about: &History, interruption: &Interruption) -> Result<()> {
    let run = about.path.as_path();
    let caught = screen::take()?;
    let seen = Mutex::new(Seen::from(about));
    let control = Control::default();
    let tail = |log: LogName| Tail { path: run.join(log.file()), log, read: 0 };
    // Metrics last: they count iterations, which places what the others say.
    let order = [LogName::Trace, LogName::Genotypes, LogName::Alpha, LogName::Metrics];
    let mut tails: Vec<Tail> = order.into_iter().map(tail).collect();
    let mut looked: Option<Instant> = None;
    std::thread::scope(|scope| {
        let _held = screen::Held;
        scope.spawn(|| {
            screen::each_line(caught, |line| seen.lock().unwrap_or_else(PoisonError::into_inner).say(line));
        });
        keys::run(&seen, &control, |seen| {
            if interruption.requested() {
                control.end();
            }
            if looked.is_some_and(|at| at.elapsed() < LOOK) {
                return;
            }
            looked = Some(Instant::now());
            if !tails.iter_mut().all(|tail| tail.follow(|log, line| seen.line(log, line))) {
                seen.forget();
                tails.iter_mut().for_each(|tail| tail.read = 0);
            }
            let stand = stand(run, about.is_search(), seen.pace);
            if stand != seen.stand {
                seen.generation += 1;
                seen.stand = stand;
            }
        })
    })
}

/// How a run stands, as far as its directory tells.
fn stand(run: &Path, is_search: bool, pace: Option<f64>) -> Stand {
    match state(run, is_search) {
        State::Finished => Stand::Ended("finished".to_owned()),
        State::Failed(why) => Stand::Ended(format!("failed: {}", why.lines().next().unwrap_or_default())),
        State::Unfinished if !is_taken(run) => Stand::Ended("interrupted, or not begun: no process has it".to_owned()),
        State::Unfinished => {
            let written = std::fs::metadata(run.join(LogName::Metrics.file())).and_then(|about| about.modified());
            let silent = written.ok().and_then(|at| at.elapsed().ok()).map_or(0.0, |since| since.as_secs_f64());
            match silent > SILENT.max(20.0 * pace.unwrap_or(0.0)) {
                true => Stand::Silent(format!("nothing was written for {}: killed?", duration(silent))),
                false => Stand::Running,
            }
        }
    }
}
