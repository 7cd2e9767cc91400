//! A policy as the command line names it: a script's file, a policy that comes with the program, or one of a plugin.

use super::super::plugin;
use crate::error::{Error, Result, nearest};
use crate::extension::Plugin;
use crate::policy::shipped::{SHIPPED, shipped};
use crate::policy::{PluginPolicies, Policy, ScriptPolicy, SpaceView};
use crate::spec::{Node, Sandbox, read_text};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a policy comes from.
pub(super) enum Source {
    /// A script: its file, and its text.
    Script(PathBuf, String),
    /// A policy of a plugin, by its name there.
    Plugin(Arc<Plugin>, String),
}

/// The folder that the scripts of the program itself are said to be in.
pub(super) const SHIPPED_FOLDER: &str = "<shipped>";

/// What can be named.
pub(super) const FORMS: &str =
    "a script (mine.rhai), a policy that comes with the program (edas), or a plugin's (PLUGIN:NAME)";

impl Source {
    /// What a name or path stands for.
    ///
    /// # Errors
    /// Where there is no such policy, or its file cannot be read.
    pub(super) fn find(given: &str) -> Result<Self> {
        let path = Path::new(given);
        let is_script = path.extension().is_some_and(|e| e == "rhai");
        if is_script || path.is_file() {
            return Ok(Self::Script(path.to_owned(), read_text(path, "policy script")?));
        }
        if let Some(shipped) = shipped(given) {
            let file = Path::new(SHIPPED_FOLDER).join(format!("{given}.rhai"));
            return Ok(Self::Script(file, shipped.text.to_owned()));
        }
        if let Some((plugin, name)) = given.rsplit_once(':').filter(|(plugin, _)| !plugin.is_empty()) {
            return Ok(Self::Plugin(plugin::plugin(plugin)?, name.to_owned()));
        }
        let names = || SHIPPED.iter().map(|s| s.name);
        let script = path.with_extension("rhai");
        let help = match script.is_file() {
            true => Some(format!("did you mean the script {}?", script.display())),
            false => nearest(given, names()),
        };
        Err(Error::new(format!("there is no policy `{given}`"))
            .expected(format!("{FORMS}; with the program come {}", names().collect::<Vec<_>>().join(", ")))
            .help_if(help))
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Script(path, _) => {
                path.file_stem().map_or_else(|| path.display().to_string(), |stem| stem.to_string_lossy().into_owned())
            }
            Self::Plugin(plugin, name) => format!("{}:{name}", plugin.name),
        }
    }

    /// Makes the policy for a space.
    ///
    /// # Errors
    /// Where it cannot be made, or a parameter is unknown or out of range.
    pub(super) fn make(&self, params: &Node, space: &Arc<SpaceView>, seed: u64) -> Result<Box<dyn Policy>> {
        Ok(match self {
            Self::Script(file, text) => {
                Box::new(ScriptPolicy::new(file, text, params, &Sandbox::default(), space)?) as Box<dyn Policy>
            }
            Self::Plugin(plugin, name) => {
                Box::new(PluginPolicies::expected(plugin)?.create(name, params, space, seed)?)
            }
        })
    }
}

/// The values of parameters as the command line gives them: a mapping in YAML, with or without braces.
///
/// # Errors
/// Where the text is no mapping.
pub(super) fn params(text: Option<&str>) -> Result<Node> {
    let Some(text) = text.map(str::trim).filter(|t| !t.is_empty()) else { return Ok(Node::empty("<default>")) };
    let text = if text.starts_with('{') { text.to_owned() } else { format!("{{{text}}}") };
    let node = Node::parse(&text, "<command line>")?;
    match node.as_mapping() {
        Some(_) => Ok(node),
        None => Err(node.error("these are no parameters").expected("{name: value, …}").found(node.describe())),
    }
}
