//! The spec's `policy` section: a script or a plugin's policy, with parameters.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::decode::{Part, decode_at, raise, refuse};
use super::path::{PluginRef, SpecPath};
use super::tree::{Node, Value};
use crate::error::{Error, Result};

/// What makes the plans.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Policy {
    /// A Rhai script.
    Script(ScriptPolicy),
    /// A policy that a plugin provides.
    Plugin(PluginPolicy),
}

/// A policy as a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptPolicy {
    /// The script's file.
    pub script: SpecPath,
    /// Values for the parameters that the script declares; the others keep their defaults.
    #[serde(default = "no_params")]
    pub params: Node,
    /// Scripts that take over at later iterations: what a run in which the script was changed (`edas search --watch`) writes, so
    /// that it can be repeated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ScriptChange>,
}

/// A script that takes over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptChange {
    /// The first iteration that it plans.
    #[schemars(range(min = 1))]
    pub iteration: u64,
    /// The script's file.
    pub script: SpecPath,
    /// Values for the parameters that it declares.
    #[serde(default = "no_params")]
    pub params: Node,
}

/// A policy from a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginPolicy {
    /// The plugin.
    pub plugin: PluginRef,
    /// The policy's name within the plugin.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Values for the parameters that the policy declares; the others keep their defaults.
    #[serde(default = "no_params")]
    pub params: Node,
}

pub(super) fn no_params() -> Node {
    Node::empty("<default>")
}

impl Policy {
    /// A script without parameters of its own.
    pub fn script(path: impl Into<SpecPath>) -> Self {
        Self::Script(ScriptPolicy { script: path.into(), params: no_params(), changes: Vec::new() })
    }

    /// A mapping of parameters in the order in which they were written, with their places.
    pub fn params(&self) -> &Node {
        match self {
            Self::Script(policy) => &policy.params,
            Self::Plugin(policy) => &policy.params,
        }
    }

    /// The same, to change it.
    pub fn params_mut(&mut self) -> &mut Node {
        match self {
            Self::Script(policy) => &mut policy.params,
            Self::Plugin(policy) => &mut policy.params,
        }
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        policy(Part::deserialize(deserializer)?).map_err(raise)
    }
}

fn policy(part: Part) -> Result<Policy> {
    const FORMS: &str = "{script: …, params: {…}} or {plugin: …, name: …, params: {…}}";
    let mut policy = match choice(&part)? {
        Some("script") => Policy::Script(decode_at(&part.node, &part.path, "the policy")?),
        Some(_) => Policy::Plugin(decode_at(&part.node, &part.path, "the policy")?),
        None if part.node.as_mapping().is_some() => {
            return Err(part.node.error(format!("missing key `script` or `plugin` in {}", part.path)).expected(FORMS));
        }
        None => return Err(refuse(&part, "is of the wrong type").expected(FORMS)),
    };
    check_params(policy.params_mut(), &part.path)?;
    if let Policy::Script(policy) = &mut policy {
        let mut last = 0;
        for (i, change) in policy.changes.iter_mut().enumerate() {
            let path = format!("changes.{i}");
            check_params(&mut change.params, &format!("{}.{path}", part.path))?;
            if change.iteration <= last {
                return Err(Error::new("the changes of a script are not in order")
                    .at(part.node.place_of(&format!("{path}.iteration")))
                    .expected(format!("an iteration above {last}"))
                    .found(change.iteration.to_string()));
            }
            last = change.iteration;
        }
    }
    Ok(policy)
}

/// Parameters are a mapping, or nothing.
pub(super) fn check_params(params: &mut Node, path: &str) -> Result<()> {
    if params.is_null() {
        params.value = Value::Mapping(Vec::new());
    }
    if params.as_mapping().is_none() {
        let part = Part { node: params.clone(), path: format!("{path}.params") };
        return Err(refuse(&part, "is of the wrong type").expected("a mapping of parameters"));
    }
    Ok(())
}

/// Which of the keys `script` and `plugin` a mapping has.
pub(super) fn choice(part: &Part) -> Result<Option<&'static str>> {
    match (part.node.entry("script"), part.node.entry("plugin")) {
        (Some(script), Some(plugin)) => Err(Error::new(format!("both `script` and `plugin` in {}", part.path))
            .at(plugin.place())
            .expected("one of the two")
            .found(format!("`script` at {}", script.place()))),
        (Some(_), None) => Ok(Some("script")),
        (None, Some(_)) => Ok(Some("plugin")),
        (None, None) => Ok(None),
    }
}
