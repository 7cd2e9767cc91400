//! Policies that are Rhai scripts.
//!
//! - `help`: what the author of a script may have meant, for its errors
//! - `interface`: what a script sees: turns, plans, edges, random numbers
//! - `state`: the policy's memory as plain data

mod help;
pub mod interface;
mod state;

use super::step::Steps;
use super::turn::{EpochEnd, StepResult, Turn};
use super::view::SpaceView;
use super::{AfterEpoch, Policy};
use crate::error::{Error, Result, nearest};
use crate::extension::declaration::{self as params, type_name};
use crate::extension::script::Script;
use crate::extension::{Parameter, Setting, parameter};
use crate::space::{Alpha, Choices};
use crate::spec::{Node, Sandbox};
use rhai::{Dynamic, Map};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// A value's type, for messages.
fn found_text(value: &Dynamic) -> String {
    match type_name(value) {
        "()" => "nothing".to_owned(),
        name => format!("a value of type {name}"),
    }
}

/// A policy as a script.
pub struct ScriptPolicy {
    script: Script,
    params: Dynamic,
    declared: Vec<Parameter>,
    settings: Vec<Setting>,
    state: Dynamic,
    /// The hooks that it defines.
    hooks: Vec<&'static str>,
}

impl ScriptPolicy {
    /// Compiles a script, checks the spec's parameters against those it declares, and lets it make its first state.
    ///
    /// # Errors
    /// As [`ScriptPolicy::compile`], and what `init` runs into.
    pub fn new(file: &Path, text: &str, given: &Node, limits: &Sandbox, space: &Arc<SpaceView>) -> Result<Self> {
        let mut policy = Self::compile(file, text, given, limits)?;
        policy.begin(space)?;
        Ok(policy)
    }

    /// Compiles a script, and checks the spec's parameters against those it declares. Its state is an empty map.
    ///
    /// # Errors
    /// Where the script cannot be read, has no `plan(turn)`, or a parameter is unknown or out of range.
    pub fn compile(file: &Path, text: &str, given: &Node, limits: &Sandbox) -> Result<Self> {
        let script = Script::compile(file, text, limits, interface::names(), interface::register)
            .map_err(|e| help::explain(e, &[]))?;
        if !script.defines("plan", &["turn"])? {
            let names = script.functions();
            return Err(script
                .error("the script defines no policy")
                .expected("a function `plan(turn)`")
                .found(if names.is_empty() { "no function".to_owned() } else { names.join(", ") })
                .help_if(
                    names
                        .iter()
                        .find(|name| nearest(name, ["plan"]).is_some())
                        .map(|n| format!("is `{n}` a misspelt `plan`?")),
                ));
        }
        let mut hooks = Vec::new();
        for hook in interface::HOOKS {
            if script.defines(hook.name, hook.arguments)? {
                hooks.push(hook.name);
            }
        }
        let declared = if hooks.contains(&"params") {
            let returned = script.call("params", None, ()).map_err(|e| help::explain(e, &[]))?;
            params::declared(returned).map_err(|e| e.at(crate::error::Place::file(file)))?
        } else {
            Vec::new()
        };
        let settings = parameter::resolve_written(&declared, given, "the policy")?;
        let params = Dynamic::from_map(params::values(&declared, &settings));
        Ok(Self { script, params, declared, settings, state: Dynamic::from_map(Map::new()), hooks })
    }

    /// Lets the script make its first state.
    fn begin(&mut self, space: &Arc<SpaceView>) -> Result<()> {
        if !self.has("init") {
            return Ok(());
        }
        let space = Dynamic::from(interface::SpaceValue::new(space));
        let arguments = (space, self.params.clone());
        let state = self.script.call("init", None, arguments).map_err(|e| self.explain(e))?;
        if !state.is_map() {
            let wrong = Error::new("`init(space, params)` returned something else")
                .expected("a map: #{ count: 0 }, or #{}")
                .found(found_text(&state));
            return Err(self.locate(wrong));
        }
        state::to_json(&state, "the state that `init` returned").map_err(|e| self.locate(e))?;
        self.state = state;
        Ok(())
    }

    /// Functions that have nearly the name of a hook and its number of arguments, each with that hook: they are never called.
    pub fn misspelt_hooks(&self) -> Vec<(String, &'static str)> {
        let near = |function: &crate::extension::script::Function| {
            let fits = |hook: &&interface::Hook| {
                hook.arguments.len() == function.parameters.len()
                    && hook.name != function.name
                    && !self.has(hook.name)
                    && nearest(&function.name, [hook.name]).is_some()
            };
            interface::HOOKS.iter().find(fits).map(|hook| (function.name.clone(), hook.name))
        };
        self.script.signatures().iter().filter(|f| !f.private).filter_map(near).collect()
    }

    /// Goes on from the state of another script; what `init` has besides is added.
    ///
    /// # Errors
    /// Where the state is not one of a script.
    pub fn continue_from(&mut self, state: &Value) -> Result<()> {
        let old = state::from_json(state).try_cast::<Map>();
        let (Some(old), Some(mut map)) = (old, self.state.clone().try_cast::<Map>()) else {
            return Err(self.script.error("the state is not one of a script"));
        };
        map.extend(old);
        self.state = Dynamic::from_map(map);
        Ok(())
    }

    /// The script.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// The parameters that the script declares.
    pub fn declared(&self) -> &[Parameter] {
        &self.declared
    }

    /// The values of all parameters, defaults filled in, as a spec writes them.
    pub fn params(&self) -> Node {
        parameter::written(&self.declared, &self.settings)
    }

    /// The hooks that it defines.
    pub fn hooks(&self) -> &[&'static str] {
        &self.hooks
    }

    fn has(&self, hook: &str) -> bool {
        self.hooks.contains(&hook)
    }

    fn explain(&self, error: Error) -> Error {
        let names: Vec<&str> = self.declared.iter().map(|spec| spec.name.as_str()).collect();
        help::explain(error, &names)
    }

    fn locate(&self, error: Error) -> Error {
        match error.fields().place {
            Some(_) => error,
            None => {
                error.at(self.script.error("").fields().place.clone().unwrap_or_else(|| crate::error::Place::file("?")))
            }
        }
    }

    fn call(&mut self, name: &str, arguments: impl rhai::FuncArgs) -> Result<Dynamic> {
        let result = self.script.call(name, Some(&mut self.state), arguments).map_err(|e| self.explain(e))?;
        state::to_json(&self.state, "the policy's state (`this`)").map_err(|e| self.locate(e))?;
        Ok(result)
    }
}

impl Policy for ScriptPolicy {
    fn plan(&mut self, turn: &Turn) -> Result<Steps> {
        let turn = interface::TurnValue::new(turn, &self.params);
        let answer = self.call("plan", (turn,))?;
        interface::steps(answer).map_err(|e| self.locate(e))
    }

    fn feedback(&mut self, turn: &Turn, results: &[StepResult]) -> Result<()> {
        if self.has("feedback") {
            let turn = interface::TurnValue::new(turn, &self.params);
            let _ = self.call("feedback", (turn, interface::results(results)))?;
        }
        Ok(())
    }

    fn end_epoch(&mut self, epoch: &EpochEnd) -> Result<AfterEpoch> {
        if !self.has("end_epoch") {
            return Ok(AfterEpoch::default());
        }
        let answer = self.call("end_epoch", (interface::epoch(epoch),))?;
        interface::after_epoch(&answer, &epoch.space).map_err(|e| self.locate(e))
    }

    fn derive(&mut self, space: &Arc<SpaceView>, alpha: &Arc<Alpha>) -> Result<Option<Choices>> {
        if !self.has("derive") {
            return Ok(None);
        }
        let state = self.state.clone();
        let arguments = (Dynamic::from(interface::SpaceValue::new(space)), interface::alpha_rows(alpha));
        let answer = self.call("derive", arguments);
        self.state = state;
        interface::choices(&answer?, space).map_err(|e| self.locate(e))
    }

    fn state(&self) -> Result<Value> {
        state::to_json(&self.state, "the policy's state")
    }

    fn set_state(&mut self, state: &Value) -> Result<()> {
        self.state = state::from_json(state);
        Ok(())
    }
}
