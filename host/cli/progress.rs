//! A search as seen in the terminal: a bar per epoch and a line after it, or plain lines where stderr is no terminal.

use super::message;
use super::output::{colours, count, duration, say};
use crate::error::Result;
use crate::policy::SpaceView;
use crate::run::{EpochRecord, EvaluationRecord, Event, IterationRecord, Observer, ScriptEvent};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shows a search on stderr.
pub(super) struct Progress {
    quiet: bool,
    bar: Option<ProgressBar>,
    space: Option<SpaceView>,
    epochs: u64,
    iterations: u64,
    began: Instant,
    /// The iterations that were over when it began.
    before: u64,
}

impl Progress {
    /// A view that shows nothing when `quiet`.
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet, bar: None, space: None, epochs: 0, iterations: 0, began: Instant::now(), before: 0 }
    }

    /// An epoch by its number, which counts from 0 as it does in files and options, and by its place among all.
    fn name(&self, epoch: u64) -> String {
        let width = self.epochs.saturating_sub(1).to_string().len();
        format!("epoch {epoch:width$} ({:>width$} of {})", epoch + 1, self.epochs, width = width)
    }

    fn edges(&self, relaxed: &[usize]) -> String {
        let Some(space) = &self.space else { return String::new() };
        let name = |i: &usize| {
            let edge = &space.edges[*i];
            format!("{} {}→{}", edge.cell, edge.from, edge.to)
        };
        match relaxed {
            [] => "none".to_owned(),
            [edge] => name(edge),
            [first, ..] => format!("{} and {} more", name(first), relaxed.len() - 1),
        }
    }

    fn iteration(&self, record: &IterationRecord, relaxed: &[usize]) {
        let Some(bar) = &self.bar else { return };
        let left = (self.epochs * self.iterations).saturating_sub(record.iteration + 1);
        let pace = self.began.elapsed().as_secs_f64() / (record.iteration + 1 - self.before) as f64;
        let value = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"));
        bar.set_position(record.iteration % self.iterations + 1);
        if self.space.is_none() {
            bar.set_message(format!(
                "loss {}  accuracy {}  {} left",
                value(record.train_loss),
                value(record.train_accuracy),
                duration(left as f64 * pace)
            ));
            return;
        }
        bar.set_message(format!(
            "loss {} / {}  accuracy {} / {}  edge {}  {} left",
            value(record.search_loss),
            value(record.train_loss),
            value(record.search_accuracy),
            value(record.train_accuracy),
            self.edges(relaxed),
            duration(left as f64 * pace)
        ));
    }

    fn epoch(&self, record: &EpochRecord) {
        let value = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.4}"));
        let line = format!(
            "{}  train {}  supernet {:.4}  derived {:.4}  rate {:.4}  {}",
            self.name(record.epoch),
            value(record.train_accuracy),
            record.supernet_accuracy,
            record.derived_accuracy,
            record.learning_rate,
            duration(record.seconds)
        );
        self.end_of_epoch(&line, record.epoch);
    }

    fn tested(&self, record: &EvaluationRecord) {
        let line = format!(
            "{}  train {:.4}  test {:.4}{}  loss {:.3}  rate {:.4}  {}",
            self.name(record.epoch),
            record.train_accuracy,
            record.test_accuracy,
            record.test_top5.map_or(String::new(), |top5| format!("  among five {top5:.4}")),
            record.train_loss,
            record.learning_rate,
            duration(record.seconds)
        );
        self.end_of_epoch(&line, record.epoch);
    }

    fn end_of_epoch(&self, line: &str, epoch: u64) {
        self.line(line);
        if let Some(bar) = &self.bar {
            bar.set_position(0);
            bar.set_prefix(self.name(epoch + 1));
        }
    }

    /// Says what begins, and opens the bar.
    fn begin(&mut self, text: &str, epochs: u64, iterations: u64, before: u64) {
        (self.epochs, self.iterations, self.before) = (epochs, iterations, before);
        self.began = Instant::now();
        say(text);
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(iterations), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{prefix} {bar:20} {pos}/{len}  {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(self.name(before / iterations.max(1)));
            bar.enable_steady_tick(Duration::from_millis(500));
            self.bar = Some(bar);
        }
    }

    /// A line above the bar.
    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => say(text),
        }
    }
}

/// What a watched script does must be seen, progress or not.
fn script_text(event: &ScriptEvent) -> String {
    match event {
        ScriptEvent::Planned(change) | ScriptEvent::Changed(change) => {
            format!(
                "the script has changed: from iteration {} on it is this one: {}",
                change.iteration,
                change.files.script.display()
            )
        }
        ScriptEvent::Refused(error) => {
            let text = message::render(error, colours(&std::io::stderr()));
            format!("{}\nthe changed script cannot be used: the search goes on with the old one", text.trim_end())
        }
    }
}

impl Observer for Progress {
    fn event(&mut self, event: &Event) -> Result<()> {
        if let Event::Script(event) = event {
            self.line(&script_text(event));
            return Ok(());
        }
        if self.quiet {
            return Ok(());
        }
        match event {
            Event::Started(overview) => {
                self.space = Some(overview.space.clone());
                let [train, search, holdout] = overview.images;
                let (epochs, iterations) = (overview.epochs, overview.iterations_per_epoch);
                let text = format!(
                    "{}: {} edges, {epochs} epochs of {iterations} iterations; {train} images train weights, {search} search{}",
                    overview.spec.name,
                    overview.space.edges.len(),
                    if holdout > 0 { format!(", {holdout} are held out") } else { String::new() },
                );
                self.begin(&text, epochs, iterations, overview.iteration);
            }
            Event::Iteration(record, relaxed) => self.iteration(record, relaxed),
            Event::Epoch(record, _) => self.epoch(record),
            Event::EvaluationStarted(overview) => {
                let [train, test] = overview.images;
                let (epochs, iterations) = (overview.epochs, overview.iterations_per_epoch);
                let text = format!(
                    "{}: {} parameters, {epochs} epochs of {iterations} iterations; {train} images train, {test} test",
                    overview.spec.name,
                    count(overview.parameters),
                );
                self.begin(&text, epochs, iterations, overview.iteration);
            }
            Event::Tested(record) => self.tested(record),
            Event::Finished(_) | Event::Interrupted(_) | Event::Evaluated(_) => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
            }
            Event::Script(_) | Event::Step(_) | Event::Validation { .. } | Event::Kept(_) | Event::Checkpoint(_) => {}
        }
        Ok(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.abandon();
        }
    }
}
