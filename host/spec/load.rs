//! From a file to a [`Spec`]: `extends`, `--set`, then the checks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::path::tidy;
use super::tree::{Entry, Mark};
use super::{Evaluate, Node, PluginRef, Spec, SpecPath, VERSION, Value, Written, check_ranges, decode, read_text};
use crate::error::{Error, Place, Result};

/// How many specs may extend each other.
const MAX_CHAIN: usize = 16;

/// Top-level keys that later versions of the format will use.
const RESERVED: [&str; 3] = ["rounds", "task", "distributed"];

impl Spec {
    /// Reads a spec file, and the ones that it extends, and applies assignments `path.to.key=value`.
    ///
    /// # Errors
    /// If a file cannot be read, or for the first thing in it that is wrong, with its place.
    pub fn load(path: impl AsRef<Path>, overrides: &[String]) -> Result<Spec> {
        let path = path.as_ref();
        Self::parse(&read_text(path, "spec")?, path, overrides)
    }

    /// The same for the text of a file: `file` is named in messages, and paths are relative to its folder.
    ///
    /// # Errors
    /// As for [`load`](Spec::load).
    pub fn parse(text: &str, file: impl AsRef<Path>, overrides: &[String]) -> Result<Spec> {
        let file = file.as_ref();
        let mut node = resolve(text, file, &mut vec![identity(file)])?;
        for assignment in overrides {
            if assignment.split(['=', '.']).next() == Some("extends") {
                return Err(Error::new("`extends` cannot be set on the command line")
                    .at(Mark::file("<command line>").place())
                    .found(format!("--set {assignment}"))
                    .help("name the other spec as the one to run, or write a spec that extends it"));
            }
            let before = node.entry("policy").map(|entry| entry.node.clone());
            node.set(assignment)?;
            forget_policy(&mut node, before.as_ref(), assignment);
        }
        refuse_reserved(&node)?;
        check_version(&node)?;
        fill_name(&mut node, file);
        fill_transfer(&mut node)?;
        check_ranges::<Spec>(&node)?;
        let mut spec: Spec = decode(&node, "the spec")?;
        spec.check_together(&node)?;
        spec.written = Written(Some(Arc::new(node)));
        Ok(spec)
    }
}

/// The tree of a spec with those that it extends beneath it. `chain` holds the files on the way here.
fn resolve(text: &str, file: &Path, chain: &mut Vec<PathBuf>) -> Result<Node> {
    let mut node = Node::parse(text, file)?;
    let Value::Mapping(entries) = &mut node.value else {
        return Err(node
            .error("this is no spec")
            .expected("a mapping of keys, `edas: 1` among them")
            .found(if text.trim().is_empty() { "an empty file".to_owned() } else { node.describe() }));
    };
    let extends = entries.iter().position(|entry| entry.key == "extends").map(|index| entries.remove(index));
    check_version(&node)?;
    let Some(extends) = extends.filter(|entry| !entry.node.is_null()) else { return Ok(node) };

    let place = extends.node.place();
    let base = base_path(&extends, file)?;
    let itself = identity(&base);
    chain.push(itself.clone());
    if chain[..chain.len() - 1].contains(&itself) {
        let names: Vec<_> = chain.iter().map(|file| file.display().to_string()).collect();
        return Err(Error::new("specs extend each other in a circle").at(place).found(names.join(" → ")));
    }
    if chain.len() > MAX_CHAIN {
        return Err(Error::new("too many specs extend each other").at(place).expected(format!("at most {MAX_CHAIN}")));
    }
    let text = read_text(&base, "spec").map_err(|error| error.at(place))?;
    Ok(Node::merge(resolve(&text, &base, chain)?, node, &replaces))
}

fn base_path(extends: &Entry, file: &Path) -> Result<PathBuf> {
    match extends.node.as_str() {
        // Not absolute: messages name the file as it is reached from the one that the user named.
        Some(text) if !text.is_empty() => Ok(tidy(&file.parent().unwrap_or(Path::new("")).join(text))),
        _ => Err(extends
            .node
            .error("`extends` is of the wrong type")
            .expected("the path of a spec, or null")
            .found(extends.node.describe())),
    }
}

/// A name that is the same however a file is reached.
fn identity(file: &Path) -> PathBuf {
    file.canonicalize().unwrap_or_else(|_| file.to_owned())
}

/// Where an extending spec names another script, plugin or file, nothing of the old one is left: its
/// parameters would be given to the new one. Only `space` and `policy` name such things.
fn replaces(path: &str, base: &Node, over: &Node) -> bool {
    if !matches!(path, "space" | "policy") {
        return false;
    }
    // `policy: {params: …}` changes parameters of the policy beneath; a space is described or named.
    let named = path == "space" || over.entry("script").is_some() || over.entry("plugin").is_some();
    named && choice(base) != choice(over)
}

/// What a `space` or `policy` names, compared as what it means where it is written.
fn choice(node: &Node) -> (Option<SpecPath>, Option<PluginRef>, Option<Node>) {
    let text = |key: &str| node.get(key).and_then(|node| Some((node.as_str()?, node.place())));
    let script = text("script").map(|(text, place)| SpecPath::resolve(text, &place));
    let plugin = text("plugin").map(|(text, place)| PluginRef::resolve(text, &place));
    let name = plugin.as_ref().and_then(|_| node.get("name")).cloned();
    (script, plugin, name)
}

/// The same rule for `--set policy.script=…`: what the files say of another policy goes. What the command line
/// itself has set stays: the order of its assignments should not matter.
fn forget_policy(node: &mut Node, before: Option<&Node>, assignment: &str) {
    let path = assignment.split('=').next().unwrap_or_default();
    let Some(key) = path.strip_prefix("policy.").filter(|key| matches!(*key, "script" | "plugin" | "name")) else {
        return;
    };
    let Value::Mapping(entries) = &mut node.value else { return };
    let Some(policy) = entries.iter_mut().find(|entry| entry.key == "policy") else { return };
    if before.is_some_and(|before| choice(before) == choice(&policy.node)) {
        return;
    }
    let here = |entry: &Entry| entry.place().file == Path::new("<command line>");
    let Value::Mapping(entries) = &mut policy.node.value else { return };
    entries.retain(|entry| match (entry.key.as_str(), key) {
        ("script", "plugin" | "name") | ("plugin" | "name", "script") => here(entry),
        _ => true,
    });
    if let Some(params) = entries.iter_mut().find(|entry| entry.key == "params")
        && let Value::Mapping(values) = &mut params.node.value
    {
        values.retain(here);
    }
}

fn refuse_reserved(node: &Node) -> Result<()> {
    match node.entries().iter().find(|entry| RESERVED.contains(&entry.key.as_str())) {
        Some(entry) => Err(Error::new(format!("the key `{}` is reserved for a later version", entry.key))
            .at(entry.place())
            .help("remove it")),
        None => Ok(()),
    }
}

fn check_version(node: &Node) -> Result<()> {
    let Some(entry) = node.entry("edas") else { return Ok(()) };
    if entry.node.as_u64() == Some(VERSION.into()) {
        return Ok(());
    }
    Err(entry
        .node
        .error("a spec of another version of the format")
        .expected(format!("`edas: {VERSION}`, the version that this program reads"))
        .found(entry.node.describe()))
}

/// `transfer` has the keys of `evaluate` and defaults of its own, which are laid beneath what is written.
fn fill_transfer(node: &mut Node) -> Result<()> {
    let Value::Mapping(entries) = &mut node.value else { return Ok(()) };
    let Some(entry) = entries.iter_mut().find(|entry| entry.key == "transfer") else { return Ok(()) };
    if !matches!(entry.node.value, Value::Mapping(_)) {
        return Ok(());
    }
    let written = std::mem::replace(&mut entry.node, Node::empty("<transfer>"));
    let defaults = Node::from_json(&transfer_defaults()?, written.place().file);
    entry.node = Node::merge(defaults, written, &|_, _, _| false);
    Ok(())
}

/// The defaults of `transfer` as JSON.
pub(super) fn transfer_defaults() -> Result<serde_json::Value> {
    serde_json::to_value(Evaluate::transfer())
        .map_err(|error| Error::new(format!("the defaults of `transfer`: {error}")))
}

/// A spec without a name is called after its file.
fn fill_name(node: &mut Node, file: &Path) {
    let Some(name) = file.file_stem().and_then(|stem| stem.to_str()) else { return };
    let place: Place = node.place();
    let mark = Mark::file(place.file);
    let value = Node::new(Value::String(name.trim_matches(['<', '>']).to_owned()), mark.clone());
    let Value::Mapping(entries) = &mut node.value else { return };
    match entries.iter_mut().find(|entry| entry.key == "name") {
        Some(entry) if entry.node.is_null() => entry.node = value,
        Some(_) => {}
        None => entries.push(Entry::new("name", value, mark)),
    }
}
