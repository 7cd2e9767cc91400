//! The run directory: everything that a run was made of, and everything that it said.

use super::event::{Change, Event, Observer, ScriptEvent};
use super::record::{line, number};
use super::weights;
use crate::error::{Error, Result};
use crate::extension::library::hexadecimal;
use crate::spec::{Policy, ScriptChange, Spec, SpecPath};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A run directory that is being written.
pub struct RunDirectory {
    path: PathBuf,
    spec: Spec,
    hashes: serde_json::Map<String, Value>,
    metrics: Log,
    trace: Log,
    genotypes: Log,
    alpha: Log,
    /// The name of each cell type, and the number of its edges.
    cells: Vec<(String, usize)>,
    /// Per cell type, the names of the candidates of each edge, where they are no longer all.
    kept: Option<Value>,
    flushed: Instant,
}

/// A file of JSON lines.
struct Log {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Log {
    fn create(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(name);
        let file = File::create_new(&path).map_err(|e| Error::io("create", &path, &e))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    fn write(&mut self, value: &Value) -> Result<()> {
        let write = |log: &mut Self| {
            serde_json::to_writer(&mut log.file, value)?;
            log.file.write_all(b"\n")
        };
        write(self).map_err(|e| Error::io("write", &self.path, &e))
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|e| Error::io("write", &self.path, &e))
    }
}

/// What goes into a run directory before the run.
#[derive(Debug)]
pub struct Contents<'a> {
    /// The resolved spec, which names the copies.
    pub spec: Spec,
    /// File name and content of every script, space and plugin library.
    pub inputs: Vec<(&'a str, &'a [u8])>,
    /// What was hashed, and its SHA-256.
    pub hashes: Vec<(String, String)>,
}

impl RunDirectory {
    /// Refuses a folder that exists.
    ///
    /// # Errors
    /// Where it does.
    pub fn refuse_existing(path: &Path) -> Result<()> {
        if path.symlink_metadata().is_ok() {
            return Err(Error::new(format!("the run directory {} exists", path.display()))
                .expected("a new folder")
                .help("name another with `--run`, take another `--seed`, or remove it"));
        }
        Ok(())
    }

    /// Makes a run directory.
    ///
    /// # Errors
    /// Where it exists, or cannot be written.
    pub fn create(path: &Path, contents: &Contents) -> Result<Self> {
        Self::refuse_existing(path)?;
        let inputs = path.join(INPUTS);
        fs::create_dir_all(&inputs).map_err(|e| Error::io("create", &inputs, &e))?;
        for (name, bytes) in &contents.inputs {
            write_input(&inputs.join(name), bytes)?;
        }
        let hashes = contents.hashes.iter().map(|(name, hash)| (name.clone(), Value::from(hash.as_str()))).collect();
        write_description(path, &contents.spec, &hashes)?;
        Ok(Self {
            path: path.to_owned(),
            spec: contents.spec.clone(),
            hashes,
            metrics: Log::create(path, "metrics.jsonl")?,
            trace: Log::create(path, "trace.jsonl")?,
            genotypes: Log::create(path, "genotypes.jsonl")?,
            alpha: Log::create(path, "alpha.jsonl")?,
            cells: Vec::new(),
            kept: None,
            flushed: Instant::now(),
        })
    }

    /// One list per cell type of what there is per edge.
    fn by_cell(&self, rows: impl IntoIterator<Item = Value>) -> Value {
        let mut rows = rows.into_iter();
        let cell = |(name, edges): &(String, usize)| (name.clone(), rows.by_ref().take(*edges).collect());
        Value::Object(self.cells.iter().map(cell).collect())
    }

    /// Keeps a script that takes over, and names it in the spec, so that running that repeats the run.
    fn change(&mut self, change: &Change) -> Result<()> {
        let folder = Path::new(INPUTS).join("changes").join(change.iteration.to_string());
        let name = change.files.name();
        for (path, text) in change.files.below(&folder, &name) {
            write_input(&self.path.join(&path), text.as_bytes())?;
            let hash = hexadecimal(&Sha256::digest(text.as_bytes()));
            self.hashes.insert(path.to_string_lossy().into_owned(), hash.into());
        }
        if let Policy::Script(policy) = &mut self.spec.policy {
            let script = SpecPath::beside_spec(folder.join(name));
            policy.changes.push(ScriptChange { iteration: change.iteration, script, params: change.params.clone() });
        }
        write_description(&self.path, &self.spec, &self.hashes)
    }

    /// Notes why the run failed, in `failure.txt`.
    pub fn fail(&mut self, error: &Error) {
        // The message reaches the user anyway; a folder that cannot be written must not hide it.
        let _ = fs::write(self.path.join("failure.txt"), format!("{error}\n"));
    }

    fn flush(&mut self) -> Result<()> {
        [&mut self.metrics, &mut self.trace, &mut self.genotypes, &mut self.alpha].into_iter().try_for_each(Log::flush)
    }
}

/// The folder of a run directory that holds copies of what went in.
const INPUTS: &str = "inputs";

fn write_input(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, &e))?;
    }
    fs::write(path, bytes).map_err(|e| Error::io("write", path, &e))
}

/// Writes the spec and the hashes of what it names.
fn write_description(path: &Path, spec: &Spec, hashes: &serde_json::Map<String, Value>) -> Result<()> {
    let text = format!("{:#}\n", Value::Object(hashes.clone()));
    weights::write_whole(&path.join(INPUTS).join("hashes.json"), text.as_bytes())?;
    weights::write_whole(&path.join("spec.yaml"), spec.to_yaml()?.as_bytes())
}

impl Observer for RunDirectory {
    fn event(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Started(overview) => {
                let space = overview.space;
                let edges = |name: &String| space.edges.iter().filter(|e| e.cell == *name).count();
                self.cells = space.cells.iter().map(|name| (name.clone(), edges(name))).collect();
                Ok(())
            }
            Event::Step(step) => self.trace.write(step),
            Event::Iteration(record, _) => {
                self.metrics.write(&line("iteration", record))?;
                if self.flushed.elapsed().as_secs() >= 1 {
                    self.flush()?;
                    self.flushed = Instant::now();
                }
                Ok(())
            }
            Event::Validation { record, genotype, within } => {
                if *within {
                    self.metrics.write(&line("validation", record))?;
                }
                self.genotypes.write(&json!({
                    "epoch": record.epoch,
                    "iteration": record.iteration,
                    "genotype": genotype.cells,
                    "derived_accuracy": number(record.derived_accuracy),
                }))
            }
            Event::Epoch(record, alpha) => {
                self.metrics.write(&line("epoch", record))?;
                let rows = alpha.iter().map(|row| row.iter().map(|a| number(*a)).collect());
                let mut line = json!({ "epoch": record.epoch, "cells": self.by_cell(rows) });
                if let Some(kept) = &self.kept {
                    line["candidates"] = kept.clone();
                }
                self.alpha.write(&line)?;
                self.flush()
            }
            Event::Kept(space) => {
                self.kept = Some(self.by_cell(space.edges.iter().map(|edge| json!(edge.candidates))));
                Ok(())
            }
            Event::Script(ScriptEvent::Changed(change)) => self.change(change),
            Event::Script(_) => Ok(()),
            Event::Finished(summary) => {
                let folder = self.path.join("checkpoints");
                fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, &e))?;
                weights::write(&folder.join("final.safetensors"), summary.parameters, summary.alpha)?;
                let text = summary.genotype.to_json() + "\n";
                weights::write_whole(&self.path.join("genotype.json"), text.as_bytes())?;
                self.flush()
            }
        }
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        // A run that ends in an error keeps the lines that it had written.
        let _ = self.flush();
    }
}
