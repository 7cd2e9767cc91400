//! What the logs say of an event. Who writes a run and who repeats it for comparison say the same.

use super::event::Event;
use super::log::LogName;
use super::record::{line, number};
use crate::policy::SpaceView;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Turns events into lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// The name of each cell type, and the number of its edges.
    cells: Vec<(String, usize)>,
    /// Per cell type, the names of the candidates of each edge, where they are no longer all.
    kept: Option<Value>,
}

impl Lines {
    /// The lines of an event, each with its log.
    pub fn of<'a>(&mut self, event: &Event<'a>) -> Vec<(LogName, Cow<'a, Value>)> {
        let made =
            |lines: Vec<(LogName, Value)>| lines.into_iter().map(|(log, line)| (log, Cow::Owned(line))).collect();
        match event {
            Event::Started(overview) => {
                self.start(overview.space);
                Vec::new()
            }
            Event::Kept(space) => {
                self.kept = Some(self.by_cell(space.edges.iter().map(|edge| json!(edge.candidates))));
                Vec::new()
            }
            Event::Step(step) => vec![(LogName::Trace, Cow::Borrowed(*step))],
            Event::Iteration(record, _) => made(vec![(LogName::Metrics, line("iteration", record))]),
            Event::Validation { record, genotype, within } => {
                let metrics = within.then(|| (LogName::Metrics, line("validation", record)));
                let genotype = json!({
                    "epoch": record.epoch,
                    "iteration": record.iteration,
                    "genotype": genotype.cells,
                    "derived_accuracy": number(record.derived_accuracy),
                });
                made(metrics.into_iter().chain([(LogName::Genotypes, genotype)]).collect())
            }
            Event::Epoch(record, alpha) => {
                let rows = alpha.iter().map(|row| row.iter().map(|a| number(*a)).collect());
                let mut alpha = json!({ "epoch": record.epoch, "cells": self.by_cell(rows) });
                if let Some(kept) = &self.kept {
                    alpha["candidates"] = kept.clone();
                }
                made(vec![(LogName::Metrics, line("epoch", record)), (LogName::Alpha, alpha)])
            }
            Event::Tested(record) => made(vec![(LogName::Metrics, line("epoch", record))]),
            Event::Script(_)
            | Event::Checkpoint(_)
            | Event::Interrupted(_)
            | Event::Finished(_)
            | Event::EvaluationStarted(_)
            | Event::Evaluated(_) => Vec::new(),
        }
    }

    fn start(&mut self, space: &SpaceView) {
        let edges = |name: &String| space.edges.iter().filter(|e| e.cell == *name).count();
        self.cells = space.cells.iter().map(|name| (name.clone(), edges(name))).collect();
        self.kept = None;
    }

    /// One list per cell type of what there is per edge.
    fn by_cell(&self, rows: impl IntoIterator<Item = Value>) -> Value {
        let mut rows = rows.into_iter();
        let cell = |(name, edges): &(String, usize)| (name.clone(), rows.by_ref().take(*edges).collect());
        Value::Object(self.cells.iter().map(cell).collect())
    }
}
