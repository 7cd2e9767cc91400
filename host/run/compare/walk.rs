//! A record in the order of its iterations, all of its logs and checkpoints together.

use super::reader::{Reader, value};
use super::recorded::Recorded;
use crate::error::Result;
use crate::run::log::LogName;
use std::collections::HashMap;
use std::path::PathBuf;

/// What happens at one iteration, in the order in which it comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Plan,
    Loss,
    /// A checkpoint before what is due after the iteration.
    Unsettled,
    Validation,
    Genotype,
    Epoch,
    Alpha,
    Settled,
}

/// When something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) iteration: u64,
    pub(super) rank: Rank,
}

/// What comes next in a record.
pub(super) enum Next {
    /// A line of a log.
    Line(LogName, String),
    /// The manifest of a checkpoint.
    State(PathBuf),
}

/// A walk through a record.
pub(super) struct Walk {
    readers: Vec<Reader>,
    /// The last iteration of each epoch.
    ends: HashMap<u64, u64>,
    /// The next line of each log.
    ahead: Vec<Option<(At, String)>>,
    /// Checkpoints, the next one last.
    states: Vec<(At, PathBuf)>,
}

impl Walk {
    pub(super) fn new(recorded: &Recorded) -> Result<Self> {
        let mut metrics = recorded.reader(LogName::Metrics, None)?;
        let mut ends = HashMap::new();
        while let Some(line) = metrics.next()? {
            let line = value(&line);
            if let (Some(epoch), Some(iteration)) = (line["epoch"].as_u64(), line["iteration"].as_u64()) {
                ends.insert(epoch, iteration);
            }
        }
        let readers = LogName::ALL.iter().map(|name| recorded.reader(*name, None)).collect::<Result<Vec<_>>>()?;
        let state = |((over, settled), path): (&(u64, bool), &PathBuf)| {
            let rank = if *settled { Rank::Settled } else { Rank::Unsettled };
            (At { iteration: over.saturating_sub(1), rank }, path.clone())
        };
        let states = recorded.checkpoints.iter().rev().map(state).collect();
        let mut walk = Self { readers, ends, ahead: vec![None; LogName::ALL.len()], states };
        LogName::ALL.iter().try_for_each(|name| walk.fill(*name))?;
        Ok(walk)
    }

    /// Reads the next line of a log.
    fn fill(&mut self, name: LogName) -> Result<()> {
        self.ahead[name as usize] = None;
        let Some(text) = self.readers[name as usize].next()? else { return Ok(()) };
        let line = value(&text);
        let epoch = line["epoch"].as_u64().unwrap_or(u64::MAX);
        // A line of an epoch whose iterations are unknown comes last.
        let end = self.ends.get(&epoch).copied().unwrap_or(u64::MAX);
        let iteration = line["iteration"].as_u64().unwrap_or(end);
        let rank = match (name, line["kind"].as_str()) {
            (LogName::Trace, _) => Rank::Plan,
            (LogName::Metrics, Some("validation")) => Rank::Validation,
            (LogName::Metrics, Some("epoch")) => Rank::Epoch,
            (LogName::Metrics, _) => Rank::Loss,
            (LogName::Genotypes, _) => Rank::Genotype,
            (LogName::Alpha, _) => Rank::Alpha,
        };
        self.ahead[name as usize] = Some((At { iteration, rank }, text));
        Ok(())
    }

    /// The log whose next line comes first, and when.
    fn first_line(&self) -> Option<(At, LogName)> {
        let next = |name: &LogName| Some((self.ahead[*name as usize].as_ref()?.0, *name));
        LogName::ALL.iter().filter_map(next).min_by_key(|(at, _)| *at)
    }

    /// Whether a log has no further line.
    pub(super) fn ends_in(&self, name: LogName) -> bool {
        self.ahead[name as usize].is_none()
    }

    /// When the next thing happens.
    pub(super) fn at(&self) -> Option<At> {
        let state = self.states.last().map(|(at, _)| *at);
        self.first_line().map(|(at, _)| at).into_iter().chain(state).min()
    }

    /// What comes next, taken.
    pub(super) fn next(&mut self) -> Result<Option<Next>> {
        let line = self.first_line();
        if let Some((at, _)) = self.states.last()
            && line.is_none_or(|(line, _)| *at < line)
        {
            return Ok(self.states.pop().map(|(_, path)| Next::State(path)));
        }
        let Some((_, name)) = line else { return Ok(None) };
        let text = self.ahead[name as usize].take().map(|(_, text)| text).unwrap_or_default();
        self.fill(name)?;
        Ok(Some(Next::Line(name, text)))
    }
}
