//! The checkpoints of a run: which there are, which are kept, and the newest whole one.

use super::manifest::{Manifest, TensorFile, sha256};
use super::{Snapshot, State};
use crate::error::{Error, Place, Result};
use crate::run::files::{TEMPORARY, write_whole};
use crate::run::machine::Machine;
use crate::run::tensors::{self, Saved};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A checkpoint that was read, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Its manifest's file.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its tensors.
    pub tensors: Vec<Saved>,
}

/// What a checkpoint says of its run.
#[derive(Debug, Clone)]
pub struct About {
    /// The run.
    pub run: String,
    /// SHA-256 of what the run is made of.
    pub hashes: BTreeMap<String, String>,
    /// Where it runs.
    pub machine: Machine,
    /// The length of each of its logs.
    pub logs: BTreeMap<String, u64>,
}

/// Where in a run a checkpoint was written: after so many iterations; and, among two after the same, validation done comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    iteration: u64,
    settled: bool,
}

impl Position {
    fn of(state: &State) -> Self {
        Self { iteration: state.iteration, settled: !state.pending }
    }

    /// The name of its files, without the ending.
    fn name(self) -> String {
        format!("{:09}{}", self.iteration, if self.settled { "" } else { UNSETTLED })
    }

    fn parse(name: &str) -> Option<Self> {
        let (number, settled) = name.strip_suffix(UNSETTLED).map_or((name, true), |number| (number, false));
        let digits = number.len() >= 9 && number.bytes().all(|b| b.is_ascii_digit());
        Some(Self { iteration: number.parse().ok().filter(|_| digits)?, settled })
    }
}

/// Marks a checkpoint that was written before the validation that was due.
const UNSETTLED: &str = "-unvalidated";

/// The ending of a manifest that was passed over.
const PASSED_OVER: &str = "json.passed-over";

/// A checkpoint that is there.
#[derive(Debug, Clone, Copy)]
struct Kept {
    position: Position,
    /// The derived network's accuracy at this position, where it was measured there.
    accuracy: Option<f64>,
}

/// The checkpoints of a run.
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    keep: usize,
    /// What is there, oldest first.
    list: Vec<Kept>,
}

/// The newest whole checkpoint, and the newer ones that are not, each with its fault.
pub type Newest = (Option<Checkpoint>, Vec<(PathBuf, Error)>);

impl Checkpoint {
    /// Reads a checkpoint by its manifest's file.
    ///
    /// # Errors
    /// Where either of its files cannot be read, or is not what was written.
    pub fn read(path: &Path) -> Result<Self> {
        let manifest = read_manifest(path)?;
        let TensorFile { file, bytes, sha256: expected } = &manifest.tensors;
        // A manifest says no paths: a file of another folder would be another run's.
        let beside = path.with_extension("safetensors");
        if beside.file_name().and_then(|name| name.to_str()) != Some(file) {
            return Err(Error::new("the manifest has another name than it was written under")
                .at(Place::file(path))
                .expected(Path::new(file).with_extension("json").display().to_string()));
        }
        let wrong = |what: &str| Error::new(what).at(Place::file(&beside));
        let content = fs::read(&beside).map_err(|e| Error::io("read", &beside, &e).at(Place::file(&beside)))?;
        if content.len() as u64 != *bytes {
            return Err(wrong("the file has another length than its manifest says")
                .expected(format!("{bytes} bytes"))
                .found(format!("{} bytes", content.len())));
        }
        let found = sha256(&content);
        if found != *expected {
            return Err(wrong("the file has another checksum than its manifest says")
                .expected(expected.as_str())
                .found(found));
        }
        let tensors = tensors::deserialize(&content).map_err(|e| e.at(Place::file(&beside)))?;
        Ok(Self { path: path.to_owned(), manifest, tensors })
    }

    /// What a search goes on from.
    pub fn into_snapshot(self) -> Snapshot {
        Snapshot { state: self.manifest.state, tensors: self.tensors }
    }
}

fn read_manifest(path: &Path) -> Result<Manifest> {
    let bytes = fs::read(path).map_err(|e| Error::io("read", path, &e).at(Place::file(path)))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Error::new("this is no manifest of a checkpoint: it is not text").at(Place::file(path)))?;
    Manifest::parse(text, path)
}

impl Checkpoints {
    /// Those of a folder, which need not be there yet, of which the newest `keep` are kept and the best.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn open(folder: &Path, keep: usize) -> Result<Self> {
        let mut list = Vec::new();
        for position in positions(folder)? {
            // A manifest that cannot be read is passed over when a checkpoint is looked for; its accuracy counts for nothing.
            let manifest = read_manifest(&folder.join(position.name()).with_extension("json")).ok();
            list.push(Kept { position, accuracy: manifest.and_then(|m| accuracy(&m.state)) });
        }
        Ok(Self { folder: folder.to_owned(), keep, list })
    }

    /// The manifests, oldest first: iterations that are over, whether what is due after them is, and the file.
    pub fn files(&self) -> impl Iterator<Item = ((u64, bool), PathBuf)> {
        let of = |kept: &Kept| ((kept.position.iteration, kept.position.settled), self.manifest(kept.position));
        self.list.iter().map(of)
    }

    /// The manifest of the best derived accuracy, the newest of several.
    pub fn best(&self) -> Option<PathBuf> {
        self.best_position().map(|position| self.manifest(position))
    }

    fn best_position(&self) -> Option<Position> {
        let measured = self.list.iter().filter(|kept| kept.accuracy.is_some());
        let best = measured.max_by(|a, b| a.accuracy.unwrap_or(0.0).total_cmp(&b.accuracy.unwrap_or(0.0)));
        best.map(|kept| kept.position)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn manifest(&self, position: Position) -> PathBuf {
        self.folder.join(position.name()).with_extension("json")
    }

    /// The newest checkpoint that is whole and that `fits`; the newer ones with what is wrong with them.
    ///
    /// # Errors
    /// Where there is not enough memory to look.
    pub fn newest(&self, fits: impl Fn(&Manifest) -> Result<()>) -> Result<Newest> {
        let mut passed = Vec::new();
        for kept in self.list.iter().rev() {
            let path = self.manifest(kept.position);
            let read = Checkpoint::read(&path).and_then(|checkpoint| {
                fits(&checkpoint.manifest).map_err(|e| e.at(Place::file(&path)))?;
                Ok(checkpoint)
            });
            match read {
                Ok(checkpoint) => return Ok((Some(checkpoint), passed)),
                Err(error) if error.fields().exhausted => return Err(error),
                Err(error) => passed.push((path, error)),
            }
        }
        Ok((None, passed))
    }

    /// Makes a checkpoint the newest one: newer ones, which were passed over, no longer count, and what an interrupted writing left
    /// is removed. `None` is the beginning of the run.
    ///
    /// # Errors
    /// Where a file cannot be renamed or removed.
    pub fn go_back_to(&mut self, state: Option<&State>) -> Result<()> {
        let newest = state.map(Position::of);
        for kept in self.list.extract_if(.., |kept| newest.is_none_or(|newest| kept.position > newest)) {
            let path = self.folder.join(kept.position.name()).with_extension("json");
            let aside = path.with_extension(PASSED_OVER);
            fs::rename(&path, &aside).map_err(|e| Error::io("rename", &path, &e))?;
        }
        let Ok(entries) = fs::read_dir(&self.folder) else { return Ok(()) };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // Tensors whose manifest was not written yet, or was removed already.
            let alone = name.strip_suffix(".safetensors").is_some_and(|name| Position::parse(name).is_some())
                && ["json", PASSED_OVER].iter().all(|ending| !path.with_extension(ending).exists());
            if alone || name.ends_with(TEMPORARY) {
                fs::remove_file(&path).map_err(|e| Error::io("remove", &path, &e))?;
            }
        }
        Ok(())
    }

    /// Writes a checkpoint to the folder, which must be there by now, and removes those that are no longer kept. One that is there
    /// already is left alone.
    ///
    /// # Errors
    /// Where the disk fails; then the older checkpoints are as they were.
    pub fn write(&mut self, snapshot: &Snapshot, about: About) -> Result<()> {
        let position = Position::of(&snapshot.state);
        if self.list.iter().any(|kept| kept.position == position) {
            return Ok(());
        }
        let path = self.manifest(position);
        let beside = path.with_extension("safetensors");
        let content = tensors::serialize(&snapshot.tensors)?;
        let manifest = Manifest {
            version: super::manifest::VERSION,
            run: about.run,
            hashes: about.hashes,
            machine: about.machine,
            logs: about.logs,
            tensors: TensorFile {
                file: format!("{}.safetensors", position.name()),
                bytes: content.len() as u64,
                sha256: sha256(&content),
            },
            state: snapshot.state.clone(),
        };
        let text = manifest.to_text()?;
        // A state that is nested too deeply would not read back.
        if !Manifest::parse(&text, &path).is_ok_and(|read| read == manifest) {
            return Err(Error::new("the policy's state cannot be saved: as JSON it does not read back")
                .help("keep the state flat: at most some hundred levels of arrays and maps in each other"));
        }
        write_whole(&beside, &content)?;
        write_whole(&path, text.as_bytes())?;
        self.list.push(Kept { position, accuracy: accuracy(&snapshot.state) });
        self.remove_old()
    }

    fn remove_old(&mut self) -> Result<()> {
        let best = self.best_position();
        let newest = self.list.len().saturating_sub(self.keep);
        let mut at = 0;
        let old = self.list.extract_if(.., |kept| {
            at += 1;
            at <= newest && Some(kept.position) != best
        });
        for kept in old {
            let path = self.folder.join(kept.position.name());
            // The manifest first: without it the tensors are no checkpoint.
            for path in [path.with_extension("json"), path.with_extension("safetensors")] {
                match fs::remove_file(&path) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", &path, &e)),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// The positions of a folder's manifests, oldest first.
fn positions(folder: &Path) -> Result<Vec<Position>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", folder, &e)),
    };
    let mut list = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| Error::io("read", folder, &e))?.file_name();
        list.extend(name.to_str().and_then(|name| Position::parse(name.strip_suffix(".json")?)));
    }
    list.sort();
    Ok(list)
}

/// The accuracy of the derived network, where it was measured just before.
fn accuracy(state: &State) -> Option<f64> {
    if let Some(evaluation) = &state.evaluation {
        let just_now = !state.pending && evaluation.train_loss.value().is_none();
        return evaluation.last.filter(|_| just_now).map(|record| record.test_accuracy);
    }
    let validated = state.validation.as_ref()?;
    let here = !state.pending && validated.record.iteration + 1 == state.iteration;
    here.then_some(validated.record.derived_accuracy)
}
