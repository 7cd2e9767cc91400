//! What the terminal view shows, made from the lines of a run's logs, whoever reads them.

use crate::report::History;
use crate::report::history::{EdgeName, Series};
use crate::run::LogName;
use crate::run::record::read_number as number;
use crate::space::Alpha;
use crate::space::derive::softmax;
use crate::space::genotype::{GenotypeCell, Ordered};
use serde_json::Value;
use std::collections::VecDeque;

/// The most lines of the log that are kept.
const LINES: usize = 1_000;
/// How much of its pace a run keeps from one iteration to the next, when that is averaged.
const INERTIA: f64 = 0.95;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Stand {
    #[default]
    Running,
    Paused,
    Stopping,
    /// Perhaps: nothing was heard for long.
    Silent(String),
    Ended(String),
}

/// A run as it is seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) epochs: Option<u64>,
    pub(super) per_epoch: Option<u64>,
    pub(super) edges: Vec<EdgeName>,
    /// Iterations that are over.
    pub(super) iterations: u64,
    pub(super) search_loss: Series,
    pub(super) train_loss: Series,
    pub(super) supernet: Series,
    pub(super) derived: Series,
    /// The accuracy in training and on the test images: of an evaluation.
    pub(super) tests: [Series; 2],
    /// The edges that were drawn last.
    pub(super) drawn: Vec<usize>,
    pub(super) inverted: bool,
    pub(super) alpha: Alpha,
    pub(super) cells: Option<Ordered<GenotypeCell>>,
    /// Seconds per iteration, lately.
    pub(super) pace: Option<f64>,
    /// Seconds per iteration over the last whole epoch, validation included.
    epoch_pace: Option<f64>,
    epoch_begun: u64,
    pub(super) log: VecDeque<String>,
    /// Bytes of memory, where it is known.
    pub(super) memory: Option<u64>,
    pub(super) stand: Stand,
    /// Grows with whatever changes.
    pub(super) generation: u64,
}

impl Seen {
    /// Of a run of this name, nothing yet.
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Whether it is of a search.
    pub(super) fn is_search(&self) -> bool {
        !self.edges.is_empty() || self.search_loss.count() > 0 || !self.alpha.is_empty()
    }

    /// Adds a line to what is told.
    pub(super) fn say(&mut self, text: &str) {
        for line in text.lines() {
            let plain: String = anstream::adapter::strip_str(line).to_string();
            self.log.push_back(plain.chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
        }
        while self.log.len() > LINES {
            self.log.pop_front();
        }
        self.generation += 1;
    }

    /// Forgets all that lines told: they are read anew.
    pub(super) fn forget(&mut self) {
        let Self { name, epochs, edges, log, .. } = std::mem::take(self);
        *self = Self { name, epochs, edges, log, ..Self::default() };
    }

    /// Takes in a line of a log.
    pub(super) fn line(&mut self, log: LogName, line: &Value) {
        self.generation += 1;
        match log {
            LogName::Trace => {
                let relaxed = line["relaxed"].as_array().into_iter().flatten();
                let drawn: Vec<usize> =
                    relaxed.filter_map(|edge| edge["index"].as_u64().map(|index| index as usize)).collect();
                if !drawn.is_empty() {
                    self.drawn = drawn;
                }
                self.inverted = line["inverted"] == true;
            }
            LogName::Metrics => self.metrics(line),
            LogName::Genotypes => {
                self.cells = serde_json::from_value(line["genotype"].clone()).ok().or(self.cells.take());
            }
            LogName::Alpha => {
                let cells = line["cells"].as_object().into_iter().flatten();
                let rows = cells.flat_map(|(_, rows)| rows.as_array().into_iter().flatten());
                let row = |row: &Value| row.as_array().into_iter().flatten().filter_map(number).collect();
                self.alpha = rows.map(row).collect();
                self.rename(&line["candidates"]);
            }
        }
    }

    /// The names of candidates, where edges have lost some.
    fn rename(&mut self, kept: &Value) {
        let cells = kept.as_object().into_iter().flatten();
        let rows = cells.flat_map(|(_, rows)| rows.as_array().into_iter().flatten());
        for (edge, names) in self.edges.iter_mut().zip(rows) {
            edge.candidates =
                names.as_array().into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect();
        }
    }

    fn metrics(&mut self, line: &Value) {
        let at = |name: &str| number(&line[name]);
        let last = self.iterations.saturating_sub(1) as f64;
        match line["kind"].as_str() {
            Some("iteration") => {
                let iteration = line["iteration"].as_u64().unwrap_or_default();
                self.iterations = iteration + 1;
                for (series, name) in [(&mut self.search_loss, "search_loss"), (&mut self.train_loss, "train_loss")] {
                    if let Some(value) = at(name) {
                        series.push(iteration as f64, value);
                    }
                }
                if let Some(seconds) = at("seconds") {
                    self.pace = Some(self.pace.map_or(seconds, |pace| INERTIA * pace + (1.0 - INERTIA) * seconds));
                }
            }
            Some("validation") => self.validation(last, line),
            Some("epoch") => {
                let epoch = line["epoch"].as_u64().unwrap_or_default();
                self.validation(last, line);
                for (series, name) in self.tests.iter_mut().zip(["train_accuracy", "test_accuracy"]) {
                    if let Some(value) = at(name) {
                        series.push(epoch as f64, value);
                    }
                }
                let iterations = self.iterations - self.epoch_begun.min(self.iterations);
                if self.per_epoch.is_none() && self.iterations.is_multiple_of(epoch + 1) {
                    self.per_epoch = Some(self.iterations / (epoch + 1));
                }
                self.epoch_pace = at("seconds").filter(|_| iterations > 0).map(|s| s / iterations as f64);
                self.epoch_begun = self.iterations;
                self.tell(epoch, line);
            }
            _ => {}
        }
    }

    fn validation(&mut self, iteration: f64, line: &Value) {
        for (series, name) in [(&mut self.supernet, "supernet_accuracy"), (&mut self.derived, "derived_accuracy")] {
            if let Some(value) = number(&line[name]) {
                series.push(iteration, value);
            }
        }
    }

    fn tell(&mut self, epoch: u64, line: &Value) {
        let names = [
            ("train", "train_accuracy"),
            ("supernet", "supernet_accuracy"),
            ("derived", "derived_accuracy"),
            ("test", "test_accuracy"),
        ];
        let value = |(shown, name): &(&str, &str)| Some(format!("  {shown} {:.4}", number(&line[*name])?));
        let seconds =
            number(&line["seconds"]).map_or(String::new(), |s| format!("  {}", super::super::output::duration(s)));
        let text = format!("epoch {epoch}{}{seconds}", names.iter().filter_map(value).collect::<String>());
        self.say(&text);
    }

    /// How long it takes to the end, in seconds.
    pub(super) fn left(&self) -> Option<f64> {
        let all = self.epochs? * self.per_epoch?;
        Some(all.saturating_sub(self.iterations) as f64 * self.epoch_pace.or(self.pace)?)
    }

    /// The candidates of an edge, each with its α and its share of the softmax.
    pub(super) fn candidates(&self, edge: usize) -> Vec<(String, f64, f64)> {
        let Some(row) = self.alpha.get(edge) else { return Vec::new() };
        let names = self.edges.get(edge).map_or(&[][..], |edge| &edge.candidates);
        let name = |at: usize| names.get(at).cloned().unwrap_or_else(|| format!("candidate {at}"));
        row.iter().zip(softmax(row)).enumerate().map(|(at, (alpha, share))| (name(at), *alpha, share)).collect()
    }
}

impl From<&History> for Seen {
    /// The view of a run as its directory tells it, before any of its lines.
    fn from(run: &History) -> Self {
        Self {
            name: run.name.clone(),
            epochs: run.spec.as_ref().map(|spec| {
                let scratch = spec.evaluate.as_ref().or(spec.transfer.as_ref()).filter(|_| !spec.is_search());
                u64::from(scratch.map_or(spec.search.epochs, |evaluate| evaluate.epochs))
            }),
            edges: run.edges.clone(),
            ..Self::default()
        }
    }
}
