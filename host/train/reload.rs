//! Policy scripts that change while a search runs: watched ones, and those that a spec names for later iterations.
//!
//! A changed script takes over between two iterations. The state (`this`) goes on as it was; what the new script's `init` has besides
//! is added. So a spec that names the same scripts for the same iterations (`policy.changes`) repeats the run bit for bit.

use crate::error::{Place, Result};
use crate::extension::script::Files;
use crate::policy::{Policy, ScriptPolicy, SpaceView};
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
        let script = compile(&change.script, &change.params, &self.limits, space)?;
        self.take_over(script, iteration, policy).map(Some)
    }

    /// Lets the watched script take over from this iteration on, where it has changed; the error where it cannot: then the old
    /// one stays. An error is returned once, not again after each epoch.
    pub(super) fn watch(
        &mut self,
        iteration: u64,
        policy: &mut Box<dyn Policy>,
        space: &Arc<SpaceView>,
    ) -> Result<Option<Change>> {
        if !self.watched || !self.files.changed() {
            return Ok(None);
        }
        let script = compile(&self.script, &self.given, &self.limits, space);
        let changed = script.and_then(|script| self.take_over(script, iteration, policy));
        match changed {
            Ok(change) => {
                self.refused = None;
                Ok(Some(change))
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

    fn take_over(&mut self, mut script: ScriptPolicy, iteration: u64, policy: &mut Box<dyn Policy>) -> Result<Change> {
        let mut state = script.state()?;
        let old = policy.state()?;
        match (&mut state, old) {
            (serde_json::Value::Object(state), serde_json::Value::Object(old)) => state.extend(old),
            (state, old) => *state = old,
        }
        script.set_state(&state)?;
        let files = Files::of(script.script());
        let params = script.params();
        self.files = files.clone();
        *policy = Box::new(script);
        Ok(Change { iteration, files, params })
    }
}

/// Compiles the script in a file.
pub(super) fn compile(path: &Path, params: &Node, limits: &Sandbox, space: &Arc<SpaceView>) -> Result<ScriptPolicy> {
    let text = read_text(path, "policy script").map_err(|e| match e.fields().place {
        Some(_) => e,
        None => e.at(Place::file(path)),
    })?;
    ScriptPolicy::new(path, &text, params, limits, space)
}
