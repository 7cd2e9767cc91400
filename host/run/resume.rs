//! A run directory that is taken up again.

use super::checkpoint::folder::Newest;
use super::checkpoint::manifest::sha256;
use super::checkpoint::{Checkpoint, Checkpoints, Manifest};
use super::contents::{Changed, Contents, NOTHING, POLICY, refusal};
use super::directory::{
    CHECKPOINTS, FAILURE, INPUTS, RunDirectory, SPEC, is_sealed, result, write_description, write_input,
};
use super::lock::Lock;
use super::log::{Log, LogName};
use super::machine::Machine;
use super::session::Session;
use crate::error::{Error, Place, Result};
use crate::spec::{Policy, Spec, SpecPath};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A run that is not finished, or could go on; nobody else has it.
#[derive(Debug)]
pub struct Unfinished {
    path: PathBuf,
    lock: Lock,
    /// Its spec, as its directory has it.
    pub spec: Spec,
    /// SHA-256 of what it was made of.
    pub hashes: BTreeMap<String, String>,
    /// Its sessions, first to last.
    pub sessions: Vec<Session>,
}

/// What a directory that is to be taken up holds.
#[derive(Debug)]
pub enum Found {
    /// Nothing had begun: a new run takes its place.
    Nothing(Vacant),
    /// A run.
    Run(Box<Unfinished>),
}

/// A run directory in which nothing had begun.
#[derive(Debug)]
pub struct Vacant {
    path: PathBuf,
    lock: Lock,
}

impl Vacant {
    /// Makes it the directory of a new run.
    ///
    /// # Errors
    /// As [`RunDirectory::create`].
    pub fn begin(self, contents: &Contents) -> Result<RunDirectory> {
        RunDirectory::begin(&self.path, self.lock, contents)
    }
}

/// What a run directory is, for who only reads it: spec, hashes, sessions.
///
/// # Errors
/// Where one of them cannot be read.
pub fn describe(path: &Path) -> Result<(Spec, BTreeMap<String, String>, Vec<Session>)> {
    let file = path.join(SPEC);
    if !file.is_file() {
        return Err(Error::new(format!("{} is no run directory", path.display()))
            .expected("a run directory")
            .found("a folder without `spec.yaml`")
            .help("`edas search` makes run directories: runs/<spec name>-<seed>"));
    }
    let whole = "every run has this file: put it back from a copy of the run";
    let read = |file: &Path| {
        fs::read_to_string(file)
            .map_err(|e| Error::io("read", file, &e).at(Place::file(file)).help_if_none(whole.to_owned()))
    };
    let text = read(&file)?;
    if !is_sealed(&text) {
        let sections = [("policy", "search"), ("evaluate", "evaluate")];
        let has = |section: &str| text.contains(&format!("\n{section}:"));
        let command = sections.into_iter().find(|(section, _)| has(section)).map_or("transfer", |(_, command)| command);
        return Err(Error::new("the run's spec is no longer as the run wrote it").at(Place::file(&file)).help(
            format!(
                "put it back; to go on with other settings, name them: `edas {command} {} --resume --accept-changes --set \
                 {command}.epochs=50`",
                path.display()
            ),
        ));
    }
    let spec = Spec::load(&file, &[])?;
    let file = path.join(INPUTS).join("hashes.json");
    let text = read(&file)?;
    let hashes = serde_json::from_str(&text)
        .map_err(|e| Error::new(format!("these are no hashes: {e}")).at(Place::at(&file, e.line(), e.column())))?;
    let sessions = Session::read(path).map_err(|e| e.help_if_none(whole.to_owned()))?;
    Ok((spec, hashes, sessions))
}

/// The policy's scripts in a run directory whose copies are no longer those that ran.
pub fn changed_scripts(path: &Path, hashes: &BTreeMap<String, String>) -> Vec<Changed> {
    let changed = |(what, recorded): (&String, &String)| {
        let now = fs::read(path.join(what.strip_prefix(POLICY)?));
        let now = now.map_or_else(|_| NOTHING.to_owned(), |bytes| sha256(&bytes));
        (now != *recorded).then(|| Changed { what: what.clone(), recorded: recorded.clone(), now })
    };
    hashes.iter().filter_map(changed).collect()
}

impl Unfinished {
    /// Takes up a run directory, or one in which nothing had begun. It is locked.
    ///
    /// # Errors
    /// Where another process has it, or it is no run directory.
    pub fn open(path: &Path) -> Result<Found> {
        if !path.is_dir() {
            return Err(Error::new(format!("{} is no run directory", path.display())).expected("a folder"));
        }
        let lock = Lock::take(path)?;
        let path = path.to_owned();
        if path.join(SPEC).symlink_metadata().is_err() {
            // Whoever names the wrong folder must not find it filled.
            let own = |name: &str| {
                name == super::lock::FILE
                    || name == INPUTS
                    || name == Session::FILE
                    || name.ends_with(super::files::TEMPORARY)
                    || LogName::ALL.iter().any(|log| log.file() == name)
            };
            let entries = fs::read_dir(&path).map_err(|e| Error::io("read", &path, &e))?;
            let other =
                entries.filter_map(|entry| Some(entry.ok()?.file_name())).find(|name| !own(&name.to_string_lossy()));
            if let Some(other) = other {
                return Err(Error::new(format!("{} is no run directory", path.display()))
                    .expected("a run directory, or a new folder")
                    .found(format!("a folder without `spec.yaml`, but with `{}`", other.to_string_lossy())));
            }
            return Ok(Found::Nothing(Vacant { path, lock }));
        }
        let (spec, hashes, sessions) = describe(&path)?;
        if let Some(Changed { what, recorded, now }) = changed_scripts(&path, &hashes).first() {
            return Err(Error::new("a script that the run has kept is no longer the one that ran")
                .at(Place::file(path.join(what.strip_prefix(POLICY).unwrap_or(what))))
                .expected(recorded.as_str())
                .found(now.as_str())
                .help(
                    "put it back; to go on with another script, name it in a spec of your own, with `--accept-changes`",
                ));
        }
        Ok(Found::Run(Box::new(Self { path, lock, spec, hashes, sessions })))
    }

    /// Whether it has come to its end.
    pub fn is_finished(&self) -> bool {
        self.path.join(result(&self.spec)).is_file()
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The error for going on with something else than it was made of.
    pub fn refusal(&self, changes: &[Changed]) -> Error {
        refusal(&self.path, &self.spec, changes)
    }

    /// The newest checkpoint that is whole and fits the logs, none where the run had saved nothing; and those that were passed over,
    /// each with its fault.
    ///
    /// # Errors
    /// Where there are checkpoints, but none that can be used; where there is not enough memory to look.
    pub fn newest(&self) -> Result<Newest> {
        let folder = self.path.join(CHECKPOINTS);
        let checkpoints = Checkpoints::open(&folder, 1)?;
        let (newest, passed) =
            checkpoints.newest(|manifest| can_go_on_from(&self.path, &self.spec, &self.sessions[0].run, manifest))?;
        match (&newest, passed.first()) {
            (None, Some((path, fault))) => Err(Error::new("none of the run's checkpoints can be used")
                .at(Place::file(&folder))
                .found(format!("the newest, {}: {}", path.display(), fault.fields().what))
                .help(format!(
                    "remove {} to begin the run anew with `--resume`; nothing has been changed",
                    folder.display()
                ))),
            _ => Ok((newest, passed)),
        }
    }

    /// Makes it the directory of a run that goes on after a checkpoint, or from its beginning: the logs are cut back, and the session
    /// is noted with the changes that were accepted.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn resume(
        self,
        contents: &Contents,
        accepted: &[Changed],
        checkpoint: Option<&Checkpoint>,
    ) -> Result<RunDirectory> {
        let path = &self.path;
        let state = checkpoint.map(|c| &c.manifest.state);
        let iteration = state.map_or(0, |state| state.iteration);
        for name in [result(&self.spec), FAILURE] {
            let file = path.join(name);
            match fs::remove_file(&file) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", &file, &e)),
                _ => {}
            }
        }
        let cut = |name: &LogName| match checkpoint {
            Some(checkpoint) => Ok((*name, Log::cut(path, *name, length(&checkpoint.manifest, *name)?)?)),
            None => Ok((*name, Log::create(path, *name)?)),
        };
        let logs = LogName::of(&self.spec).iter().map(cut).collect::<Result<Vec<_>>>()?;
        Checkpoints::open(&path.join(CHECKPOINTS), 1)?.go_back_to(state)?;
        let spec = self.spec_now(contents);
        let mut hashes = self.hashes.clone();
        if accepted.iter().any(|change| !change.what.starts_with(POLICY)) {
            hashes = self.replace_inputs(contents, &spec, iteration)?;
        }
        let session = Session {
            run: self.sessions[0].run.clone(),
            iteration,
            machine: Machine::here(&contents.spec),
            accepted: accepted.to_vec(),
        };
        session.append(path)?;
        RunDirectory::assemble(path, self.lock, spec, hashes, session, logs)
    }

    /// The spec of what goes on, with the policy's scripts as the run has kept them.
    fn spec_now(&self, contents: &Contents) -> Spec {
        let mut spec = contents.spec.clone();
        let (Some(Policy::Script(_)), Some(Policy::Script(recorded))) = (&spec.policy, &self.spec.policy) else {
            return spec;
        };
        let mut policy = recorded.clone();
        let folder = SpecPath::new(&self.path);
        let scripts =
            std::iter::once(&mut policy.script).chain(policy.changes.iter_mut().map(|change| &mut change.script));
        for script in scripts {
            if let Ok(beside) = script.strip_prefix(&folder) {
                *script = SpecPath::beside_spec(beside);
            }
        }
        spec.policy = Some(Policy::Script(policy));
        spec
    }

    /// Puts other inputs in the place of those that the run was made of; the old ones and the old spec are kept under a name that
    /// says until when they held.
    fn replace_inputs(&self, contents: &Contents, spec: &Spec, iteration: u64) -> Result<BTreeMap<String, String>> {
        let inputs = self.path.join(INPUTS);
        let until = inputs.join(format!("until-{iteration}"));
        let now = contents.hashes();
        // Whole, so that what held before can be run from there. What is there already was put there by an attempt that was interrupted:
        // it is the older one.
        let files = self.hashes.keys().map(|what| what.strip_prefix(POLICY).unwrap_or(what));
        for name in files.filter(|name| Path::new(name).starts_with(INPUTS)).chain([SPEC]) {
            let (file, kept) = (self.path.join(name), until.join(name));
            if !kept.exists() {
                write_input(&kept, &fs::read(&file).map_err(|e| Error::io("read", &file, &e))?)?;
            }
        }
        for (name, bytes) in &contents.inputs {
            let (what, file) = (format!("inputs/{name}"), inputs.join(name));
            // A script of the policy has a history of its own.
            if !now.contains_key(&what) || self.hashes.get(&what) == now.get(&what) {
                continue;
            }
            write_input(&file, bytes)?;
        }
        let policy = self.hashes.iter().filter(|(what, _)| what.starts_with(POLICY));
        let others = now.into_iter().filter(|(what, _)| !what.starts_with(POLICY));
        let hashes = others.chain(policy.map(|(what, hash)| (what.clone(), hash.clone()))).collect();
        write_description(&self.path, spec, &hashes)?;
        Ok(hashes)
    }
}

/// Whether a checkpoint is one of this run.
///
/// # Errors
/// Where not.
pub(super) fn owns(run: &str, manifest: &Manifest) -> Result<()> {
    if manifest.run == run {
        return Ok(());
    }
    Err(Error::new("this is the checkpoint of another run").expected(run).found(manifest.run.as_str()))
}

/// Whether a checkpoint is one of this run, and the logs in its directory those that it was written with.
///
/// # Errors
/// Where not.
pub(super) fn can_go_on_from(path: &Path, spec: &Spec, run: &str, manifest: &Manifest) -> Result<()> {
    owns(run, manifest)?;
    LogName::of(spec).iter().try_for_each(|name| Log::can_be_cut(path, *name, length(manifest, *name)?))
}

/// The length of a log at a checkpoint.
pub(super) fn length(manifest: &Manifest, name: LogName) -> Result<u64> {
    let missing = || Error::new(format!("the manifest says no length of {}", name.file()));
    manifest.logs.get(name.file()).copied().ok_or_else(missing)
}
