//! Event files for TensorBoard, beside the logs of a run: losses, accuracies and learning rates as scalars, α as a histogram per edge and the
//! derived cells as an image, by epoch.
//!
//! - `file`: the file
//! - `message`: what is in it

mod file;
mod message;

use super::picture::{cell, png};
use crate::error::{Error, Result};
use crate::policy::SpaceView;
use crate::run::record::{line, read_number};
use crate::run::{Event, Observer};
use crate::space::{Alpha, Genotype};
use file::EventFile;
use message::{Content, Histogram, Image, Summary, Value, What};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The folder of a run directory that holds event files.
pub const FOLDER: &str = "tensorboard";
/// The name of the file: TensorBoard reads whatever has `tfevents` in its name.
const FILE: &str = "events.out.tfevents.edas";
/// What tells the events of a validation from others.
const VALIDATION: &str = "validation/";
/// The same of an epoch.
const EPOCH: &str = "epoch/";

/// Writes event files. Events that a run repeats, because it goes on from a checkpoint, are cut off first.
pub struct TensorBoard {
    folder: PathBuf,
    file: Option<EventFile>,
    /// The tags of the edges.
    edges: Vec<String>,
    /// The last iteration, and those whose validation and whose epoch the file has.
    last: u64,
    validated: Option<i64>,
    ended: Option<i64>,
    derived: Option<Genotype>,
}

impl TensorBoard {
    /// One that writes into a run directory.
    pub fn new(run: &Path) -> Self {
        Self {
            folder: run.join(FOLDER),
            file: None,
            edges: Vec::new(),
            last: 0,
            validated: None,
            ended: None,
            derived: None,
        }
    }

    /// Opens the file of a run of which so many iterations are over.
    fn open(&mut self, iterations: u64) -> Result<()> {
        std::fs::create_dir_all(&self.folder).map_err(|e| Error::io("create", &self.folder, &e))?;
        let path = self.folder.join(FILE);
        let (mut validated, mut ended, mut is_new) = (None, None, true);
        let mut file = EventFile::open(&path, |event| {
            let is_before = u64::try_from(event.step).is_ok_and(|step| step < iterations);
            is_new = false;
            if is_before && let Some(What::Summary(summary)) = &event.what {
                let has = |tag: &str| summary.value.iter().any(|value| value.tag.starts_with(tag));
                validated = if has(VALIDATION) { Some(event.step) } else { validated };
                ended = if has(EPOCH) { Some(event.step) } else { ended };
            }
            is_before
        })?;
        if is_new {
            file = EventFile::open(&path, |_| false)?;
            let what = What::FileVersion("brain.Event:2".to_owned());
            file.write(&message::Event { wall_time: now(), step: 0, what: Some(what) })?;
        }
        (self.validated, self.ended, self.file) = (validated, ended, Some(file));
        self.last = iterations.saturating_sub(1);
        Ok(())
    }

    fn write(&mut self, step: u64, value: Vec<Value>) -> Result<()> {
        let Some(file) = self.file.as_mut().filter(|_| !value.is_empty()) else { return Ok(()) };
        let what = Some(What::Summary(Summary { value }));
        file.write(&message::Event { wall_time: now(), step: step as i64, what })
    }

    fn name_edges(&mut self, space: &SpaceView) {
        let name = |edge: &crate::policy::EdgeView| {
            format!("alpha/{} {} to {} (edge {})", edge.cell, edge.from, edge.to, edge.index)
        };
        self.edges = space.edges.iter().map(name).collect();
    }

    fn end_of_epoch(&mut self, mut values: Vec<Value>, alpha: &Alpha) -> Result<()> {
        let step = self.last;
        if self.ended.is_some_and(|ended| ended >= step as i64) {
            return Ok(());
        }
        for (edge, row) in self.edges.iter().zip(alpha) {
            let content = Some(Content::Histogram(Histogram::of(row)));
            values.push(Value { tag: edge.clone(), content });
        }
        values.extend(self.derived.take().and_then(|genotype| image(&genotype)));
        self.write(step, values)
    }
}

/// The cells of a genotype. What is too large for a picture has none, which is no reason to end a search.
fn image(genotype: &Genotype) -> Option<Value> {
    let bytes = png(&cell::svg(genotype), 1.0).ok()?;
    let side = |at: usize| Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    // Where a PNG file has them.
    let (width, height) = (side(16)?, side(20)?);
    let image = Image { height, width, colorspace: 4, encoded_image_string: bytes };
    Some(Value { tag: "derived cells".to_owned(), content: Some(Content::Image(image)) })
}

/// The numbers of a record as scalars, by their names in `metrics.jsonl`.
fn scalars(group: &str, record: &impl serde::Serialize) -> Vec<Value> {
    let line = line("", record);
    let fields = line.as_object().into_iter().flatten();
    let wanted = fields.filter(|(name, _)| !["kind", "iteration", "epoch"].contains(&name.as_str()));
    let scalar = |(name, value): (&String, &serde_json::Value)| {
        Some(Value { tag: format!("{group}{name}"), content: Some(Content::Scalar(read_number(value)? as f32)) })
    };
    wanted.filter_map(scalar).collect()
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

impl Observer for TensorBoard {
    /// Hears of an event. Where the file cannot be written, the run goes on without it, and that is said once.
    fn event(&mut self, event: &Event) -> Result<()> {
        if let Err(error) = self.hear(event) {
            tracing::warn!("the run goes on without files for TensorBoard: {error}");
            self.file = None;
        }
        Ok(())
    }
}

impl TensorBoard {
    fn hear(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Started(overview) => {
                self.name_edges(overview.space);
                self.open(overview.iteration)
            }
            Event::EvaluationStarted(overview) => self.open(overview.iteration),
            Event::Iteration(record, _) => {
                self.last = record.iteration;
                self.write(record.iteration, scalars("iteration/", *record))
            }
            Event::Validation { record, genotype, .. } => {
                self.derived = Some((*genotype).clone());
                if self.validated.is_some_and(|validated| validated >= record.iteration as i64) {
                    return Ok(());
                }
                self.write(record.iteration, scalars(VALIDATION, *record))
            }
            Event::Epoch(record, alpha) => {
                // The accuracies are those of its last validation.
                let of_validation = |value: &Value| {
                    ["supernet_accuracy", "derived_accuracy"].iter().any(|name| value.tag.ends_with(name))
                };
                let values = scalars(EPOCH, *record).into_iter().filter(|value| !of_validation(value));
                self.end_of_epoch(values.collect(), alpha)
            }
            Event::Tested(record) => self.end_of_epoch(scalars(EPOCH, *record), &Vec::new()),
            Event::Evaluated(summary) => self.write(self.last, image(summary.genotype).into_iter().collect()),
            _ => Ok(()),
        }
    }
}
