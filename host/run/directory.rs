//! The run directory: everything that a run was made of, and everything that it said.

use super::checkpoint::folder::About;
use super::checkpoint::manifest::sha256;
use super::checkpoint::{Checkpoints, Snapshot, Writer};
use super::contents::{Contents, POLICY};
use super::event::{Change, EvaluationResult, EvaluationSummary, Event, Observer, ScriptEvent, Summary};
use super::files::write_whole;
use super::lines::Lines;
use super::lock::{self, Lock};
use super::log::{Log, LogName};
use super::machine::Machine;
use super::session::Session;
use super::tensors;
use crate::error::{Error, Place, Result};
use crate::spec::{Policy, ScriptChange, Spec, SpecPath};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A run directory that is being written.
pub struct RunDirectory {
    path: PathBuf,
    spec: Spec,
    hashes: BTreeMap<String, String>,
    /// What identifies the run.
    run: String,
    machine: Machine,
    lines: Lines,
    logs: Vec<(LogName, Log)>,
    checkpoints: Writer,
    flushed: Instant,
    // Last: the directory is let go when all else is written.
    lock: Lock,
}

/// The folder of a run directory that holds copies of what went in.
pub(super) const INPUTS: &str = "inputs";
/// The file of a run directory that holds its spec.
pub const SPEC: &str = "spec.yaml";
/// What the first line of that file begins with.
const SEAL: &str = "# As the run wrote it; the SHA-256 of what follows: ";
/// The folder of a run directory that holds its checkpoints.
pub(super) const CHECKPOINTS: &str = "checkpoints";
/// All weights and α of a finished run, in the folder of checkpoints.
pub(super) const FINAL: &str = "final.safetensors";
/// The weights of an evaluation after the epoch with the best test, in the folder of checkpoints.
const BEST: &str = "best.safetensors";
/// Why a run failed.
pub const FAILURE: &str = "failure.txt";
/// How long lines may wait in memory.
const FLUSH: Duration = Duration::from_secs(1);

impl RunDirectory {
    /// Refuses a folder that exists.
    ///
    /// # Errors
    /// Where it does.
    pub fn refuse_existing(path: &Path) -> Result<()> {
        if path.symlink_metadata().is_ok() { Err(exists(path)) } else { Ok(()) }
    }

    /// Makes a run directory.
    ///
    /// # Errors
    /// Where it exists, or cannot be written.
    pub fn create(path: &Path, contents: &Contents) -> Result<Self> {
        Self::refuse_existing(path)?;
        fs::create_dir_all(path).map_err(|e| Error::io("create", path, &e))?;
        let lock = Lock::take(path)?;
        // Another process may have begun, and even ended, a run in it before it was locked.
        if path.join("spec.yaml").symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        Self::begin(path, lock, contents)
    }

    /// Makes a run directory of a folder that is locked, and that holds nothing of value: `spec.yaml` is written last, so that
    /// a folder without it is one in which nothing had begun.
    pub(super) fn begin(path: &Path, lock: Lock, contents: &Contents) -> Result<Self> {
        let inputs = path.join(INPUTS);
        fs::create_dir_all(&inputs).map_err(|e| Error::io("create", &inputs, &e))?;
        for (name, bytes) in &contents.inputs {
            write_input(&inputs.join(name), bytes)?;
        }
        let create = |name: &LogName| Ok((*name, Log::create(path, *name)?));
        let logs = LogName::of(&contents.spec).iter().map(create).collect::<Result<Vec<_>>>()?;
        let session = Session {
            run: contents.identity()?,
            iteration: 0,
            machine: Machine::here(&contents.spec),
            accepted: Vec::new(),
        };
        Session::forget(path)?;
        session.append(path)?;
        write_description(path, &contents.spec, &contents.hashes())?;
        Self::assemble(path, lock, contents.spec.clone(), contents.hashes(), session, logs)
    }

    pub(super) fn assemble(
        path: &Path,
        lock: Lock,
        spec: Spec,
        hashes: BTreeMap<String, String>,
        session: Session,
        logs: Vec<(LogName, Log)>,
    ) -> Result<Self> {
        let folder = path.join(CHECKPOINTS);
        // Here, not when one is written: a run directory that has vanished by then stays so.
        fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, &e))?;
        let checkpoints = Checkpoints::open(&folder, spec.checkpoint.keep as usize)?;
        Ok(Self {
            path: path.to_owned(),
            spec,
            hashes,
            run: session.run,
            machine: session.machine,
            lines: Lines::default(),
            logs,
            checkpoints: Writer::new(checkpoints),
            flushed: Instant::now(),
            lock,
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a script that takes over, and names it in the spec, so that running that repeats the run.
    fn change(&mut self, change: &Change) -> Result<()> {
        let folder = Path::new(INPUTS).join("changes").join(change.iteration.to_string());
        let name = change.files.name();
        for (path, text) in change.files.below(&folder, &name) {
            write_input(&self.path.join(&path), text.as_bytes())?;
            self.hashes.insert(format!("{POLICY}{}", path.to_string_lossy()), sha256(text.as_bytes()));
        }
        if let Some(Policy::Script(policy)) = &mut self.spec.policy {
            // Where a run goes on from before another change, that one has not happened.
            policy.changes.retain(|earlier| earlier.iteration < change.iteration);
            let script = SpecPath::beside_spec(folder.join(name));
            policy.changes.push(ScriptChange { iteration: change.iteration, script, params: change.params.clone() });
        }
        write_description(&self.path, &self.spec, &self.hashes)
    }

    /// Notes why the run failed, in `failure.txt`. The error then says where the run is, and how it can go on.
    pub fn fail(&mut self, error: Error) -> Error {
        // Another folder may have taken its place.
        if !self.lock.holds() {
            return error;
        }
        let _ = self.flush_logs();
        let _ = self.checkpoints.wait();
        // The message reaches the user anyway; a folder that cannot be written must not hide it.
        let _ = fs::write(self.path.join(FAILURE), format!("{error}\n"));
        let run = self.path.display();
        let saved = Checkpoints::open(&self.path.join(CHECKPOINTS), 1).is_ok_and(|checkpoints| !checkpoints.is_empty());
        if saved {
            let command = self.spec.command();
            error.help_too(&format!(
                "`edas {command} {run} --resume` goes on from the run's newest checkpoint; by your spec and with \
                 `--accept-changes`, where spec or script had to change"
            ))
        } else {
            error.help_if_none(format!("what the run wrote until then is in {run}"))
        }
    }

    fn flush_logs(&mut self) -> Result<()> {
        self.logs.iter_mut().try_for_each(|(_, log)| log.flush())
    }

    fn flush(&mut self) -> Result<()> {
        self.flushed = Instant::now();
        self.flush_logs()?;
        // Files that were removed can still be written: nothing else would tell.
        if self.lock.holds() { Ok(()) } else { Err(self.vanished()) }
    }

    fn vanished(&self) -> Error {
        Error::new("the run directory is no longer where it was")
            .at(Place::file(&self.path))
            .expected(format!("the folder in which this run began, with its file `{}`", lock::FILE))
            .help("put it back where it was, or where it now lies go on with `--run DIR --resume`")
    }

    fn checkpoint(&mut self, snapshot: &Arc<Snapshot>) -> Result<()> {
        self.flush()?;
        let mut hashes = self.hashes.clone();
        hashes.insert("spec.yaml".to_owned(), sha256(self.spec.to_yaml()?.as_bytes()));
        let about = About {
            run: self.run.clone(),
            hashes,
            machine: self.machine.clone(),
            logs: self.logs.iter().map(|(name, log)| (name.file().to_owned(), log.length())).collect(),
        };
        let handles = self.logs.iter().map(|(_, log)| log.handle()).collect::<Result<Vec<_>>>()?;
        self.checkpoints.begin(snapshot.clone(), about, handles)
    }

    fn finish(&mut self, summary: &Summary) -> Result<()> {
        self.flush()?;
        self.checkpoints.wait()?;
        let folder = self.path.join(CHECKPOINTS);
        let content = tensors::serialize(&tensors::network(summary.parameters, summary.alpha, 0)?)?;
        write_whole(&folder.join(FINAL), &content)?;
        // The last: a run that has it is finished.
        write_whole(&self.path.join(result(&self.spec)), (summary.genotype.to_json() + "\n").as_bytes())
    }

    fn finish_evaluation(&mut self, summary: &EvaluationSummary) -> Result<()> {
        self.flush()?;
        self.checkpoints.wait()?;
        let folder = self.path.join(CHECKPOINTS);
        let last = tensors::network(summary.parameters, &[], 0)?;
        for (file, tensors) in [(FINAL, &last[..]), (BEST, summary.best)] {
            write_whole(&folder.join(file), &tensors::serialize(tensors)?)?;
        }
        let text = serde_json::to_string_pretty(summary.result)
            .map_err(|e| Error::new(format!("the result cannot be written: {e}")))?;
        // The last: a run that has it is finished.
        write_whole(&self.path.join(result(&self.spec)), (text + "\n").as_bytes())
    }

    fn hear(&mut self, event: &Event) -> Result<()> {
        for (name, line) in self.lines.of(event) {
            if let Some((_, log)) = self.logs.iter_mut().find(|(own, _)| *own == name) {
                log.write(&line)?;
            }
        }
        match event {
            Event::Iteration(..) => {
                if self.flushed.elapsed() >= FLUSH {
                    self.flush()?;
                    self.checkpoints.look()?;
                }
                Ok(())
            }
            Event::Epoch(..) | Event::Tested(_) => self.flush(),
            Event::Script(ScriptEvent::Changed(change)) => self.change(change),
            Event::Checkpoint(snapshot) => self.checkpoint(snapshot),
            Event::Interrupted(_) => self.checkpoints.wait(),
            Event::Finished(summary) => self.finish(summary),
            Event::Evaluated(summary) => self.finish_evaluation(summary),
            _ => Ok(()),
        }
    }
}

/// What a finished run of a spec has come to: a genotype, or what an evaluation measured.
pub(super) fn result(spec: &Spec) -> &'static str {
    if spec.is_search() { "genotype.json" } else { EvaluationResult::FILE }
}

fn exists(path: &Path) -> Error {
    Error::new(format!("the run directory {} exists", path.display()))
        .expected("a new folder")
        .help("go on with it by `--resume`, name another with `--run`, take another `--seed`, or remove it")
}

pub(super) fn write_input(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, &e))?;
    }
    write_whole(path, bytes)
}

/// A text with a first line that says what it was when it was written.
fn seal(text: &str) -> String {
    format!("{SEAL}{}\n{text}", sha256(text.as_bytes()))
}

/// Whether a text is what it was when it was sealed.
pub fn is_sealed(text: &str) -> bool {
    text.split_once('\n').is_some_and(|(line, rest)| line.strip_prefix(SEAL) == Some(sha256(rest.as_bytes()).as_str()))
}

/// Writes the hashes of what a spec names, and then the spec.
pub(super) fn write_description(path: &Path, spec: &Spec, hashes: &BTreeMap<String, String>) -> Result<()> {
    let object = hashes.iter().map(|(name, hash)| (name.clone(), Value::from(hash.as_str()))).collect();
    let text = format!("{:#}\n", Value::Object(object));
    write_whole(&path.join(INPUTS).join("hashes.json"), text.as_bytes())?;
    write_whole(&path.join(SPEC), seal(&spec.to_yaml()?).as_bytes())
}

impl Observer for RunDirectory {
    fn event(&mut self, event: &Event) -> Result<()> {
        // Whatever fails in a folder that has gone fails because of that.
        self.hear(event).map_err(|error| if self.lock.holds() { error } else { self.vanished() })
    }

    fn keeps_checkpoints(&self) -> bool {
        true
    }

    fn checkpoint_seconds(&self) -> f64 {
        self.checkpoints.seconds()
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        // A run that ends in an error keeps the lines that it had written, and the checkpoint that was on its way.
        let _ = self.flush_logs();
        let _ = self.checkpoints.wait();
    }
}
