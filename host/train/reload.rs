//! Policy scripts that change while a search runs: watched ones, and those that a spec names for later iterations.
//!
//! A changed script takes over between two iterations. The state (`this`) goes on as it was; what the new script's `init` has besides
//! is added. So a spec that names the same scripts for the same iterations (`policy.changes`) repeats the run bit for bit.

use crate::error::{Place, Result};
use crate::extension::script::Files;
use crate::policy::{Policy, ScriptPolicy, SpaceView, Turn};
use crate::run::Change;
use crate::spec::{self, Node, Sandbox, SpecPath, read_text};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

/// The scripts of a policy, over a search.
#[derive(Debug, Clone)]
pub(super) struct Scripts {
    script: SpecPath,
    /// The parameters as the spec gives them, without defaults.
    given: Node,
    limits: Sandbox,
    /// What runs now.
    files: Files,
    /// Whether the file is looked at after each epoch.
    pub(super) watched: bool,
    /// What was refused last, so that it is said once.
    refused: Option<String>,
    planned: VecDeque<spec::ScriptChange>,
}

impl Scripts {
    /// Those of a spec whose policy is a script.
    pub(super) fn new(policy: &spec::ScriptPolicy, given: Node, limits: &Sandbox, files: Files) -> Self {
        Self {
            script: policy.script.clone(),
            given,
            limits: limits.clone(),
            files,
            watched: false,
            refused: None,
            planned: policy.changes.iter().cloned().collect(),
        }
    }

    /// Looks at another file than the one that runs: a run that goes on has a copy of that.
    pub(super) fn follow(&mut self, policy: &spec::ScriptPolicy) {
        self.script = policy.script.clone();
        self.given = policy.params.clone();
    }

    /// Lets the script take over that the spec names for this iteration.
    ///
    /// # Errors
    /// Where it cannot be read or compiled.
    pub(super) fn planned(
        &mut self,
        iteration: u64,
        policy: &mut Box<dyn Policy>,
        space: &Arc<SpaceView>,
    ) -> Result<Option<Change>> {
        if self.planned.front().is_none_or(|change| change.iteration != iteration) {
            return Ok(None);
        }
        let Some(change) = self.planned.pop_front() else { return Ok(None) };
        let mut script = begin(&change.script, &change.params, &self.limits, space)?;
        script.continue_from(&policy.state()?)?;
        Ok(Some(self.replace(script, iteration, policy)))
    }

    /// Lets the watched script take over from the iteration of this turn on, where it has changed; the error where it cannot, or
    /// cannot answer that turn: then the old one stays. An error is returned once, not again after each epoch.
    pub(super) fn watch(&mut self, turn: &Turn, policy: &mut Box<dyn Policy>) -> Result<Option<Change>> {
        // A run that repeats another one has its changes to make first.
        if !self.watched || !self.planned.is_empty() {
            return Ok(None);
        }
        if !self.files.at(&self.script).changed() {
            self.refused = None;
            return Ok(None);
        }
        match self.try_out(turn, policy.as_ref()) {
            Ok(script) => {
                self.refused = None;
                Ok(Some(self.replace(script, turn.clock.iteration, policy)))
            }
            Err(error) => {
                let text = error.to_string();
                if self.refused.as_ref() == Some(&text) {
                    return Ok(None);
                }
                self.refused = Some(text);
                Err(error)
            }
        }
    }

    /// Lets the script on disk take over from the iteration of this turn on; later changes of the spec no longer count.
    ///
    /// # Errors
    /// Where it cannot be read, compiled, or answer that turn.
    pub(super) fn take_over(&mut self, turn: &Turn, policy: &mut Box<dyn Policy>) -> Result<Change> {
        let script = self.try_out(turn, policy.as_ref())?;
        self.planned.clear();
        Ok(self.replace(script, turn.clock.iteration, policy))
    }

    /// The script on disk with the state of the one that runs, once it has answered a turn.
    fn try_out(&self, turn: &Turn, policy: &dyn Policy) -> Result<ScriptPolicy> {
        let mut script = begin(&self.script, &self.given, &self.limits, &turn.space)?;
        script.continue_from(&policy.state()?)?;
        let state = script.state()?;
        script.plan(turn)?.check(&turn.space)?;
        script.set_state(&state)?;
        Ok(script)
    }

    /// Puts a search that has made no iteration to where so many are over: the script that ran then runs, and what the spec has for
    /// earlier iterations has happened.
    ///
    /// # Errors
    /// Where that script cannot be read or compiled.
    pub(super) fn go_to(&mut self, iteration: u64, policy: &mut Box<dyn Policy>, space: &Arc<SpaceView>) -> Result<()> {
        let mut last = None;
        while self.planned.front().is_some_and(|change| change.iteration < iteration) {
            last = self.planned.pop_front();
        }
        if let Some(change) = last {
            let script = begin(&change.script, &change.params, &self.limits, space)?;
            let _ = self.replace(script, change.iteration, policy);
        }
        Ok(())
    }

    fn replace(&mut self, script: ScriptPolicy, iteration: u64, policy: &mut Box<dyn Policy>) -> Change {
        self.files = Files::of(script.script());
        let change = Change { iteration, files: self.files.clone(), params: script.params() };
        *policy = Box::new(script);
        change
    }
}

/// Compiles the script in a file. Its `init` is not called: what it sees then is not what it sees when it takes over.
pub(super) fn compile(path: &Path, params: &Node, limits: &Sandbox) -> Result<ScriptPolicy> {
    let text = read(path)?;
    ScriptPolicy::compile(path, &text, params, limits)
}

/// Compiles the script in a file and lets it make its first state.
fn begin(path: &Path, params: &Node, limits: &Sandbox, space: &Arc<SpaceView>) -> Result<ScriptPolicy> {
    let text = read(path)?;
    ScriptPolicy::new(path, &text, params, limits, space)
}

fn read(path: &Path) -> Result<String> {
    read_text(path, "policy script").map_err(|e| match e.fields().place {
        Some(_) => e,
        None => e.at(Place::file(path)),
    })
}
