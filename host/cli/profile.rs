//! `--profile` of `edas search`, `evaluate` and `transfer`: where the time of an iteration goes, from the library's own spans.

use super::output;
use crate::error::{Error, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// The iterations that are written: enough for a mean, and a file that viewers open at once.
const ITERATIONS: usize = 30;

/// A stretch of time that ended.
#[derive(Debug, Clone)]
struct Stretch {
    /// The spans that it lies in, the outermost first, itself last.
    path: Vec<String>,
    thread: u64,
    begun: f64,
    seconds: f64,
    /// What of it inner stretches took.
    inner: f64,
}

/// Stretches of time while a search runs.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    start: Instant,
    stretches: Arc<Mutex<Vec<Stretch>>>,
}

/// A span while it is open.
struct Open {
    name: String,
    begun: Instant,
    inner: f64,
}

/// Finds what a span is of.
#[derive(Default)]
struct Of(Option<String>);

impl Visit for Of {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "of" {
            self.0 = Some(format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "of" {
            self.0 = Some(value.to_owned());
        }
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Profile {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut of = Of::default();
        attributes.record(&mut of);
        if let Some(span) = context.span(id) {
            let name = of.0.unwrap_or_else(|| span.name().to_owned());
            span.extensions_mut().insert(Open { name, begun: Instant::now(), inner: 0.0 });
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let name = |span: &tracing_subscriber::registry::SpanRef<'_, S>| {
            span.extensions().get::<Open>().map(|open| open.name.clone())
        };
        let path: Vec<String> = span.scope().from_root().filter_map(|span| name(&span)).collect();
        let extensions = span.extensions();
        let Some(open) = extensions.get::<Open>() else { return };
        let seconds = open.begun.elapsed().as_secs_f64();
        if let Some(parent) = span.parent()
            && let Some(parent) = parent.extensions_mut().get_mut::<Open>()
        {
            parent.inner += seconds;
        }
        let mut stretches = self.stretches.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = stretches.iter().filter(|s| s.path.len() == 1 && s.path[0] == "iteration").count();
        if whole < ITERATIONS && path.first().is_some_and(|first| first == "iteration") {
            let begun = open.begun.duration_since(self.start).as_secs_f64();
            stretches.push(Stretch { path, thread: thread(), begun, seconds, inner: open.inner });
        }
    }
}

/// A number for this thread.
fn thread() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static OWN: u64 = NEXT.fetch_add(1, Ordering::Relaxed));
    OWN.with(|own| *own)
}

impl Profile {
    /// The target of the spans that it hears.
    pub(super) const TARGET: &str = "edas::profile";

    /// One that has heard nothing.
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), stretches: Arc::default() }
    }

    fn stretches(&self) -> Vec<Stretch> {
        self.stretches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes a trace in the form that Chrome and Perfetto read.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let event = |s: &Stretch| -> Value {
            let name = s.path.last().map_or("", String::as_str);
            json!({"name": name, "ph": "X", "pid": 1, "tid": s.thread, "ts": s.begun * 1e6, "dur": s.seconds * 1e6,
                   "cat": s.path[..s.path.len() - 1].join(" › ")})
        };
        let events: Vec<Value> = self.stretches().iter().map(event).collect();
        let text = json!({"displayTimeUnit": "ms", "traceEvents": events}).to_string();
        std::fs::write(file, text).map_err(|e| Error::new(format!("cannot write {}: {e}", file.display())))
    }

    /// Where the time went: by phase, direction and kind of operation, the longest first.
    pub(super) fn table(&self) -> String {
        let stretches = self.stretches();
        let whole: Vec<f64> = stretches.iter().filter(|s| s.path.len() == 1).map(|s| s.seconds).collect();
        let mut sums: BTreeMap<[String; 3], (f64, usize)> = BTreeMap::new();
        for s in &stretches {
            let at = |k: usize| s.path.get(k).map_or("", String::as_str);
            let row = if s.path.len() > 3 {
                [at(1).to_owned(), at(2).to_owned(), kind(at(3)).to_owned()]
            } else {
                [at(1).to_owned(), at(2).to_owned(), String::new()]
            };
            let sum = sums.entry(row).or_default();
            sum.0 += s.seconds - s.inner;
            sum.1 += 1;
        }
        let mut rows: Vec<_> = sums.into_iter().collect();
        rows.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
        let (all, count) = (whole.iter().sum::<f64>(), whole.len().max(1) as f64);
        let mut table = output::table(["part of an iteration", "", "", "ms", "%", "times"]);
        for ([phase, direction, kind], (seconds, times)) in rows {
            let part = if phase.is_empty() { "everything else".to_owned() } else { phase };
            let numbers = [
                format!("{:.3}", 1e3 * seconds / count),
                format!("{:.1}", 100.0 * seconds / all.max(f64::MIN_POSITIVE)),
                format!("{:.0}", times as f64 / count),
            ];
            table.add_row([part, direction, kind].into_iter().chain(numbers));
        }
        format!("{}\nmeans over {} iterations, {:.3} s each", table.trim_fmt(), whole.len(), all / count)
    }
}

/// What kind of operation a block is: its candidate's name, or its place.
fn kind(block: &str) -> &str {
    // Of two that run as one, the first.
    let block = block.split(" and ").next().unwrap_or(block);
    let parts: Vec<&str> = block.split('.').collect();
    match parts[..] {
        ["cells", _, "edges", _, candidate] => candidate,
        ["cells", _, place, _] => place,
        [first, ..] => first,
        [] => block,
    }
}
