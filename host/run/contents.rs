//! What a run is made of, and in what two runs differ.

use super::checkpoint::manifest::sha256;
use crate::error::{Error, Place, Result};
use crate::spec::{Policy, Space, Spec};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What goes into a run directory before the run.
#[derive(Debug)]
pub struct Contents {
    /// The resolved spec, which names the copies.
    pub spec: Spec,
    /// File name and content of every script, space and plugin library.
    pub inputs: Vec<(String, std::sync::Arc<[u8]>)>,
    /// What was hashed, and its SHA-256.
    pub hashes: Vec<(String, String)>,
}

/// What the hashes of a policy's scripts are called by: they may change over a run, and the spec says when.
pub const POLICY: &str = "policy ";

/// A difference between what a run was made of and what it is to go on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// What it is: a key of the spec, an input, a plugin.
    pub what: String,
    /// What it was: a value, or a hash.
    pub recorded: String,
    /// What it is now.
    pub now: String,
}

/// What stands for something that is not there.
pub(super) const NOTHING: &str = "nothing";

/// Keys of a spec that change nothing in what a search computes, or whose content is hashed.
const WITHOUT_EFFECT: [&str; 8] =
    ["name", "plugins", "data.root", "data.workers", "checkpoint", "sandbox", "evaluate.genotype", "transfer.genotype"];

impl Contents {
    /// What identifies a run: its spec and what that names, as they were at its beginning.
    ///
    /// # Errors
    /// Where the spec cannot be written.
    pub fn identity(&self) -> Result<String> {
        let mut text = self.spec.to_yaml()?;
        self.hashes.iter().for_each(|(what, hash)| text += &format!("{what} {hash}\n"));
        Ok(sha256(text.as_bytes()))
    }

    /// The hashes by what was hashed.
    pub fn hashes(&self) -> BTreeMap<String, String> {
        self.hashes.iter().cloned().collect()
    }

    /// What differs from a run's record and may alter its result; a policy's scripts are not looked at.
    ///
    /// # Errors
    /// Where a spec cannot be written.
    pub fn differences(&self, spec: &Spec, hashes: &BTreeMap<String, String>) -> Result<Vec<Changed>> {
        let mut list = between((spec, hashes), (&self.spec, &self.hashes()))?;
        list.retain(|change| !change.what.starts_with(POLICY));
        Ok(list)
    }
}

/// In what two runs differ that may alter their results: keys of their specs, hashes of what they were made of.
///
/// # Errors
/// Where a spec cannot be written.
pub fn between(
    recorded: (&Spec, &BTreeMap<String, String>),
    now: (&Spec, &BTreeMap<String, String>),
) -> Result<Vec<Changed>> {
    let mut list = differences(&keys(recorded.0)?, &keys(now.0)?);
    list.extend(differences(&script_params(recorded.0), &script_params(now.0)));
    list.extend(differences(recorded.1, now.1));
    Ok(list)
}

/// Whether a difference is one that [`Machine`](super::Machine) tells too.
pub fn of_machine(what: &str) -> bool {
    matches!(what, "spec threads" | "spec device")
}

/// The differences of two mappings, by key.
pub fn differences(recorded: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<Changed> {
    let all: BTreeSet<&String> = recorded.keys().chain(now.keys()).collect();
    let value = |map: &BTreeMap<String, String>, key| map.get(key).map_or_else(|| NOTHING.to_owned(), String::clone);
    let pairs = all.into_iter().map(|key| (key, value(recorded, key), value(now, key)));
    pairs
        .filter(|(_, recorded, now)| recorded != now)
        .map(|(what, recorded, now)| Changed { what: what.clone(), recorded, now })
        .collect()
}

/// The keys of a spec that may alter a result, each with its value.
fn keys(spec: &Spec) -> Result<BTreeMap<String, String>> {
    let mut spec = spec.clone();
    // What is named by a path is hashed; what is compared is what it is named for.
    if let Some(Space::File(_)) = &spec.space {
        spec.space = Some(Space::File("space".into()));
    }
    let mut without: Vec<&str> = WITHOUT_EFFECT.to_vec();
    match &spec.policy {
        Some(Policy::Script(_)) => without.push("policy"),
        Some(Policy::Plugin(_)) => without.push("policy.plugin"),
        None => {}
    }
    let value = serde_json::to_value(&spec).map_err(|e| Error::new(format!("the spec: {e}")))?;
    let mut keys = BTreeMap::new();
    flatten("", &value, &mut keys);
    let effect =
        |key: &String| !without.iter().any(|w| key == w || key.strip_prefix(w).is_some_and(|r| r.starts_with('.')));
    keys.retain(|key, _| effect(key));
    let kind = spec.policy.as_ref().map(|policy| match policy {
        Policy::Script(_) => "a script",
        Policy::Plugin(_) => "one of a plugin",
    });
    keys.extend(kind.map(|kind| ("policy".to_owned(), kind.to_owned())));
    Ok(keys.into_iter().map(|(key, value)| (format!("spec {key}"), value)).collect())
}

/// What the scripts of a policy are given, each version of them.
fn script_params(spec: &Spec) -> BTreeMap<String, String> {
    let mut params = BTreeMap::new();
    if let Some(Policy::Script(policy)) = &spec.policy {
        flatten(&format!("{POLICY}params"), &policy.params.to_json(), &mut params);
        for change in &policy.changes {
            flatten(&format!("{POLICY}params from {}", change.iteration), &change.params.to_json(), &mut params);
        }
    }
    params
}

fn flatten(path: &str, value: &Value, keys: &mut BTreeMap<String, String>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) if !map.is_empty() => map.iter().for_each(|(key, value)| flatten(&join(key), value, keys)),
        Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().for_each(|(i, value)| flatten(&join(&i.to_string()), value, keys));
        }
        value => {
            keys.insert(path.to_owned(), value.to_string());
        }
    }
}

/// The error for a run that would go on with something else than it was made of.
pub(super) fn refusal(run: &std::path::Path, spec: &Spec, changes: &[Changed]) -> Error {
    let line = |Changed { what, recorded, now }: &Changed| format!("{what}: {recorded} then, {now} now");
    let run = run.display();
    Error::new(format!("the run in {run} was made with something else"))
        .at(Place::file(run.to_string()))
        .found(changes.iter().map(line).collect::<Vec<_>>().join("\n         "))
        .help(format!(
            "`edas {} {run} --resume` goes on with what the run has kept; `--accept-changes` goes on with the changes and \
             notes them",
            spec.command()
        ))
}
