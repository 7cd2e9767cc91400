//! What a search says, against the record of another one.

use super::difference::Difference;
use super::line::{self, without_time};
use super::reader::{Reader, value};
use super::recorded::Recorded;
use super::result::Outcome;
use super::{result, state};
use crate::error::{Error, Result};
use crate::run::checkpoint::{Manifest, Snapshot};
use crate::run::event::{EvaluationSummary, Event, Observer, Summary};
use crate::run::lines::Lines;
use crate::run::log::LogName;
use crate::run::tensors::network;
use crate::supernet::Parameters;
use serde_json::Value;

/// Compares what a search says with a record, up to the first difference: there it ends the search.
pub struct Follow<'a> {
    recorded: &'a Recorded,
    lines: Lines,
    /// One per [`LogName`], in the order of [`LogName::ALL`].
    readers: Vec<Reader>,
    /// The iteration that was heard of last.
    iteration: u64,
    /// A run that is finished has a line for everything.
    finished: bool,
    /// The first difference.
    pub difference: Option<Difference>,
    /// The checkpoints that were compared, each by the iterations that are over.
    pub checkpoints: Vec<u64>,
    /// Whether the results were compared.
    pub result: bool,
    /// What of the record could not be read, and so was not compared.
    pub unread: Vec<Error>,
}

impl<'a> Follow<'a> {
    /// Begins where a checkpoint was written, or at the beginning.
    ///
    /// # Errors
    /// Where the logs cannot be read.
    pub fn new(recorded: &'a Recorded, after: Option<&Manifest>) -> Result<Self> {
        Ok(Self {
            recorded,
            lines: Lines::default(),
            readers: LogName::ALL.iter().map(|name| recorded.reader(*name, after)).collect::<Result<_>>()?,
            iteration: after.map_or(0, |manifest| manifest.state.iteration.saturating_sub(1)),
            finished: recorded.is_finished(),
            difference: None,
            checkpoints: Vec::new(),
            result: false,
            unread: Vec::new(),
        })
    }

    /// Whether the record has a checkpoint from here.
    pub fn wants_state(&self, iteration: u64, settled: bool) -> bool {
        self.recorded.checkpoint(iteration, settled).is_some()
    }

    /// Compares a state with the checkpoint that the record has from there, if it has one. `last` says that the search ends here
    /// for the reason alone that the recorded one did.
    ///
    /// # Errors
    /// Where a state cannot be written as JSON.
    pub fn state(&mut self, mut found: Snapshot, last: bool) -> Result<()> {
        let (iteration, settled) = (found.state.iteration, !found.state.pending);
        let Some(path) = self.recorded.checkpoint(iteration, settled) else { return Ok(()) };
        match self.recorded.read_checkpoint(path) {
            Ok(checkpoint) => {
                let expected = checkpoint.into_snapshot();
                // A wish that the search ends, not the policy, may have ended it there.
                found.state.stopped |= last && expected.state.stopped;
                self.difference = state::difference(&expected, &found)?;
                self.checkpoints.push(iteration);
            }
            Err(error) => self.unread.push(error),
        }
        Ok(())
    }

    /// The first line that the record has beyond what was heard, as a difference.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub fn end(&mut self) -> Result<()> {
        for name in LogName::ALL {
            let Some(line) = self.readers[name as usize].peek()? else { continue };
            let beyond = line::difference(name, &value(line), &Value::Null, self.iteration);
            self.difference = self.difference.take().or(beyond);
        }
        Ok(())
    }

    fn line(&mut self, name: LogName, found: &Value) -> Result<Option<Difference>> {
        let Some(expected) = self.readers[name as usize].next()? else {
            let beyond = self.finished.then(|| line::difference(name, &Value::Null, found, self.iteration));
            return Ok(beyond.flatten());
        };
        // Most lines are the same text, but those of metrics, which say how long things took.
        if name != LogName::Metrics {
            let text = found.to_string();
            if text == expected {
                return Ok(None);
            }
        }
        let (expected, found) = (without_time(value(&expected)), without_time(found.clone()));
        Ok(line::difference(name, &expected, &found, self.iteration))
    }

    fn finish(&mut self, result: Value, parameters: &Parameters, alpha: &[Vec<f64>]) -> Result<Option<Difference>> {
        let found = Outcome { result, tensors: Ok(network(parameters, alpha, 0)?) };
        self.result = true;
        Ok(result::difference(self.recorded.outcome()?, found, self.iteration, &mut self.unread))
    }
}

impl Observer for Follow<'_> {
    fn event(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Step(line) => self.iteration = line["iteration"].as_u64().unwrap_or(self.iteration),
            // An evaluation has no steps of its own.
            Event::Iteration(record, _) => self.iteration = record.iteration,
            _ => {}
        }
        for (name, line) in self.lines.of(event) {
            self.difference = self.line(name, &line)?;
            if self.difference.is_some() {
                return Err(Error::new("the search differs from its record"));
            }
        }
        let json = |result: serde_json::Result<Value>| result.unwrap_or_default();
        match event {
            Event::Finished(Summary { genotype, parameters, alpha, .. }) => {
                self.difference = self.finish(json(serde_json::to_value(genotype)), parameters, alpha)?;
            }
            Event::Evaluated(EvaluationSummary { result, parameters, .. }) => {
                self.difference = self.finish(json(serde_json::to_value(result)), parameters, &[])?;
            }
            _ => {}
        }
        Ok(())
    }
}
