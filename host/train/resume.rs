//! Searches that go on where a run stands.
//!
//! The policy's scripts are those that the run has kept, with the changes that it has noted; all else is the spec's, and must be what the
//! run was made of. So it goes on as if it had never stopped.

use super::reload::compile;
use super::search::{Search, iterations_per_epoch, sizes};
use crate::error::{Error, Place, Result};
use crate::extension::script::Files;
use crate::run::checkpoint::manifest::sha256;
use crate::run::contents::POLICY;
use crate::run::{Changed, Contents, Found, Machine, RunDirectory, Unfinished};
use crate::spec::{self, Node, Policy, Sandbox, Spec};
use std::path::{Path, PathBuf};

/// How a run is taken up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Resume {
    /// Go on though spec, script, plugin or data changed in a way that alters the run.
    pub accept_changes: bool,
    /// Look at the policy's script after every epoch, as [`Search::watching`] does.
    pub watch: bool,
}

/// A run that is taken up.
pub struct Resumed<S> {
    /// The search or the evaluation.
    pub stage: S,
    /// Its directory.
    pub directory: RunDirectory,
    /// The number of iterations that are over.
    pub iteration: u64,
    /// The checkpoint that it goes on from; none where it begins.
    pub checkpoint: Option<PathBuf>,
    /// Newer checkpoints that could not be used, each with its fault.
    pub passed_over: Vec<(PathBuf, Error)>,
    /// What had changed, and was accepted.
    pub changes: Vec<Changed>,
    /// What is another than in the session before: name, then, now. The last bits may differ.
    pub moved: Vec<[String; 3]>,
}

impl Search {
    /// Takes up the run in a directory. Where there is none, or nothing had begun in it, it becomes that of a new run. `None` where the
    /// run has come to its end.
    ///
    /// # Errors
    /// Where another process has the run, where something changed that alters it and is not accepted, where none of its checkpoints
    /// can be used; and as [`Search::from_spec`].
    pub fn resume(spec: Spec, directory: &Path, how: Resume) -> Result<Option<Resumed<Self>>> {
        if directory.symlink_metadata().is_err() {
            return Self::begin(spec, how, |contents| RunDirectory::create(directory, contents)).map(Some);
        }
        let run = match Unfinished::open(directory)? {
            Found::Run(run) if !run.spec.is_search() => return Err(of_an_evaluation(directory)),
            Found::Run(run) => run,
            Found::Nothing(vacant) => return Self::begin(spec, how, |contents| vacant.begin(contents)).map(Some),
        };
        let (mut spec, mut given) = (spec, None);
        if let (Some(Policy::Script(policy)), Some(Policy::Script(_))) = (&spec.policy, &run.spec.policy) {
            given = Some(policy.clone());
            spec.policy = run.spec.policy.clone();
        }
        let mut search = Search::from_spec(spec)?;
        let contents = search.setup().contents();
        let mut changes = contents.differences(&run.spec, &run.hashes)?;
        if let (Some(given), Some(Policy::Script(recorded))) = (&given, &run.spec.policy) {
            let script = script_changes(given, recorded, &search.setup().spec.sandbox)?;
            search.follow(given, how.watch, run.path())?;
            search.taking_over = !script.is_empty();
            changes.extend(script);
        }
        let watched = how.watch && changes.iter().all(|change| change.what.starts_with(POLICY));
        if !changes.is_empty() && !how.accept_changes && !watched {
            return Err(run.refusal(&changes));
        }
        if run.is_finished() && (changes.is_empty() || watched) {
            return Ok(None);
        }
        let (checkpoint, passed_over) = run.newest().map_err(|error| search.explain(error))?;
        if let Some(checkpoint) = &checkpoint {
            // Before anything of the run is touched.
            search.can_go_on_from(&checkpoint.manifest.state, &checkpoint.tensors)?;
            same_epochs(&search, &run.spec)?;
        }
        let here = Machine::here(&contents.spec);
        let moved = run.sessions.last().map(|last| last.machine.differences(&here)).unwrap_or_default();
        let directory = run.resume(&contents, &changes, checkpoint.as_ref())?;
        let iteration = checkpoint.as_ref().map_or(0, |c| c.manifest.state.iteration);
        let path = checkpoint.as_ref().map(|c| c.path.clone());
        search.from = checkpoint.map(|checkpoint| checkpoint.into_snapshot());
        Ok(Some(Resumed { stage: search, directory, iteration, checkpoint: path, passed_over, changes, moved }))
    }

    /// A run of which there is nothing yet; `make` makes its directory.
    ///
    /// # Errors
    /// As [`Search::from_spec`] and [`Search::watching`], and those of `make`.
    pub fn begin(
        spec: Spec,
        how: Resume,
        make: impl FnOnce(&Contents) -> Result<RunDirectory>,
    ) -> Result<Resumed<Self>> {
        let mut search = Search::from_spec(spec)?;
        if how.watch {
            search = search.watching()?;
        }
        let directory = make(&search.setup().contents())?;
        Ok(Resumed::new(search, directory))
    }
}

impl<S> Resumed<S> {
    /// A run that begins.
    pub(super) fn new(stage: S, directory: RunDirectory) -> Self {
        Self {
            stage,
            directory,
            iteration: 0,
            checkpoint: None,
            passed_over: Vec::new(),
            changes: Vec::new(),
            moved: Vec::new(),
        }
    }
}

fn of_an_evaluation(directory: &Path) -> Error {
    Error::new("this is the run of an evaluation")
        .at(Place::file(directory))
        .expected("the run of a search")
        .help(format!("`edas evaluate {} --resume` goes on with it", directory.display()))
}

/// A run counts in epochs: their length must stay.
fn same_epochs(search: &Search, recorded: &Spec) -> Result<()> {
    let then = iterations_per_epoch(sizes(recorded, search.setup().images.count).train, recorded.search.batch);
    let now = search.iterations_per_epoch();
    if then == now {
        return Ok(());
    }
    Err(Error::new("an epoch would have another number of iterations than before")
        .expected(then.to_string())
        .found(now.to_string())
        .help("keep `search.batch`, `data.limit`, `data.split` and the hold-out as they were, or begin another run"))
}

/// The script that runs last under a policy, with its parameters.
fn last_script(policy: &spec::ScriptPolicy) -> (&Path, &Node) {
    match policy.changes.last() {
        Some(change) => (&change.script, &change.params),
        None => (&policy.script, &policy.params),
    }
}

/// In what the script that is given differs from the one that the run had last.
fn script_changes(given: &spec::ScriptPolicy, recorded: &spec::ScriptPolicy, limits: &Sandbox) -> Result<Vec<Changed>> {
    let read = |policy| {
        let (path, params) = last_script(policy);
        let script = compile(path, params, limits)?;
        Ok::<_, Error>((Files::of(script.script()), script.params()))
    };
    let ((now, params_now), (then, params_then)) = (read(given)?, read(recorded)?);
    let mut changes = Vec::new();
    if !now.say_the_same(&then) {
        let hash = |files: &Files| sha256(files.whole_text().as_bytes());
        changes.push(Changed { what: format!("{POLICY}{}", now.name()), recorded: hash(&then), now: hash(&now) });
    }
    if params_now != params_then {
        let text = |params: &Node| params.to_json().to_string();
        changes.push(Changed { what: format!("{POLICY}params"), recorded: text(&params_then), now: text(&params_now) });
    }
    Ok(changes)
}
