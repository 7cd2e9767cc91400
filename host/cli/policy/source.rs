//! A policy as the command line names it: a script's file, a policy that comes with the program, or one of a plugin.

use super::super::plugin;
use crate::error::{Error, Place, Result, nearest};
use crate::extension::Plugin;
use crate::extension::script::embedded;
use crate::policy::shipped::{SHIPPED, Shipped, shipped};
use crate::policy::{PluginPolicies, Policy, ScriptPolicy, SpaceView};
use crate::spec::{self, Node, Sandbox, Spec, read_text};
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
    /// What a name or path stands for. The names of the program's own policies win over files without the ending `.rhai`.
    ///
    /// # Errors
    /// Where there is no such policy, or its file cannot be read.
    pub(super) fn find(given: &str) -> Result<Self> {
        let path = Path::new(given);
        if let Some(shipped) = shipped(given) {
            return Ok(Self::shipped(shipped));
        }
        if is_spec(path) && path.is_file() {
            return Err(spec_instead(path));
        }
        if is_script(path) || is_spec(path) || path.is_file() {
            let text = read_text(path, "policy script").map_err(|e| match path.exists() {
                true => e,
                false => e.help_if(own_instead(path)),
            })?;
            return Ok(Self::Script(path.to_owned(), text));
        }
        if let Some((plugin, name)) = given.rsplit_once(':').filter(|(plugin, _)| !plugin.is_empty()) {
            return Ok(Self::Plugin(plugin::plugin(plugin)?, name.to_owned()));
        }
        let names = || SHIPPED.iter().map(|s| s.name);
        let script = path.with_extension("rhai");
        let help = if script.is_file() {
            Some(format!("did you mean the script {}?", script.display()))
        } else if embedded().any(|(name, _)| name == given) {
            Some(format!("`{given}` is a module, which scripts import: `edas policy inspect {given}` shows it"))
        } else {
            nearest(given, names())
        };
        Err(Error::new(format!("there is no policy `{given}`"))
            .expected(format!("{FORMS}; with the program come {}", names().collect::<Vec<_>>().join(", ")))
            .help_if(help))
    }

    /// A policy that comes with the program, whatever files there are.
    pub(super) fn shipped(shipped: &Shipped) -> Self {
        let file = Path::new(SHIPPED_FOLDER).join(format!("{}.rhai", shipped.name));
        Self::Script(file, shipped.text.to_owned())
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
    pub(super) fn make(
        &self,
        params: &Node,
        space: &Arc<SpaceView>,
        seed: u64,
        limits: &Sandbox,
    ) -> Result<Box<dyn Policy>> {
        Ok(match self {
            Self::Script(file, text) => {
                Box::new(ScriptPolicy::new(file, text, params, limits, space)?) as Box<dyn Policy>
            }
            Self::Plugin(plugin, name) => {
                Box::new(PluginPolicies::expected(plugin)?.create(name, params, space, seed)?)
            }
        })
    }

    /// What is suspicious about it, though it is no error: nothing where it is a plugin's.
    ///
    /// # Errors
    /// As [`ScriptPolicy::compile`].
    pub(super) fn warnings(&self, params: &Node) -> Result<Vec<String>> {
        match self {
            Self::Script(file, text) => Ok(misspelt(&ScriptPolicy::compile(file, text, params, &Sandbox::default())?)),
            Self::Plugin(..) => Ok(Vec::new()),
        }
    }
}

/// The functions of a script that look like misspelt hooks.
pub(super) fn misspelt(policy: &ScriptPolicy) -> Vec<String> {
    let list = policy.misspelt_hooks().into_iter();
    list.map(|(function, hook)| format!("nothing calls `{function}`: is it a misspelt `{hook}`?")).collect()
}

fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "rhai")
}

/// Whether a path looks like that of a spec.
pub(super) fn is_spec(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml")
}

/// Says that a spec stands where its policy should.
fn spec_instead(path: &Path) -> Error {
    let named = Spec::load(path, &[]).ok().and_then(|spec| spec.policy).map(|policy| match policy {
        spec::Policy::Script(policy) => {
            let folder = std::env::current_dir().unwrap_or_default();
            policy.script.strip_prefix(folder).unwrap_or(&policy.script).display().to_string()
        }
        spec::Policy::Plugin(policy) => format!("{}:{}", policy.plugin, policy.name),
    });
    let help = named.map_or_else(|| "name its script".to_owned(), |named| format!("name its policy: `{named}`"));
    Error::new("this is a spec, not a policy").at(Place::file(path)).expected(FORMS).help(help)
}

/// What of the program's own a file that is not there may mean.
fn own_instead(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let module = path.with_extension("");
    if shipped(stem).is_some() {
        return Some(format!("did you mean `{stem}`, which comes with the program?"));
    }
    let (name, _) = embedded().find(|(name, _)| Path::new(name) == module)?;
    Some(format!("did you mean `{name}`, which comes with the program?"))
}

/// The values of parameters as the command line gives them: a mapping in YAML, with or without braces.
///
/// # Errors
/// Where the text is no mapping.
pub(super) fn params(text: Option<&str>) -> Result<Node> {
    let Some(text) = text.map(str::trim).filter(|t| !t.is_empty()) else { return Ok(Node::empty("<default>")) };
    let text = if text.starts_with('{') { text.to_owned() } else { format!("{{{text}}}") };
    let node = Node::parse(&text, "<command line>")?;
    let Some(entries) = node.as_mapping() else {
        return Err(node.error("these are no parameters").expected("{name: value, …}").found(node.describe()));
    };
    // `patience=3` and `patience:3` are keys without a value in YAML.
    let written = entries.iter().find_map(|entry| {
        let (name, value) = entry.key.split_once(['=', ':'])?;
        Some((entry, name.trim().to_owned(), value.trim().to_owned()))
    });
    match written {
        Some((entry, name, value)) => Err(node
            .error("this is no parameter with its value")
            .expected("a colon and a space between them: {name: value, …}")
            .found(format!("`{}`", entry.key))
            .help(format!("write `{name}: {value}`"))),
        None => Ok(node),
    }
}
