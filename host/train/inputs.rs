//! What a run keeps of the files that its spec names, so that it can be repeated from a copy of its folder: scripts, spaces and
//! plugin libraries, each under a name of its own.

use crate::error::{Error, Place, Result};
use crate::extension::library::hexadecimal;
use crate::extension::script::Files;
use crate::extension::{Origin, Plugin};
use crate::graph::Provider;
use crate::spec::{PluginRef, SpecPath};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of a run directory that holds the copies.
const FOLDER: &str = "inputs";
/// Names that the folder needs for other things.
const TAKEN: [&str; 1] = ["hashes.json"];

/// A file that a spec names, as it was read.
#[derive(Debug, Clone)]
pub struct Input {
    /// The name of its copy.
    pub name: String,
    /// What it holds.
    pub bytes: Arc<[u8]>,
    /// Where it was read, or a name in angle brackets for what has no file.
    source: PathBuf,
    /// Whether it is a script of the policy, which may change over a run.
    pub(super) of_policy: bool,
}

impl Input {
    /// SHA-256 of what it holds, as hexadecimal digits.
    pub fn hash(&self) -> String {
        hexadecimal(&Sha256::digest(&self.bytes))
    }
}

/// The files that a spec names.
#[derive(Debug, Clone, Default)]
pub struct Inputs(Vec<Input>);

impl Inputs {
    /// The files, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = &Input> {
        self.0.iter()
    }

    /// Keeps a file that was read at `source`, under its own name, or a longer one where that is taken.
    pub(super) fn add(&mut self, source: &Path, name: &str, bytes: impl Into<Arc<[u8]>>) {
        if self.0.iter().any(|input| input.source == source) {
            return;
        }
        let path = Path::new(name);
        let stem = path.file_stem().map_or_else(|| "input".into(), |s| s.to_string_lossy());
        let extension = path.extension().map_or_else(String::new, |e| format!(".{}", e.to_string_lossy()));
        // Some systems don't tell capital letters from small ones.
        let taken = |name: &str| {
            self.0.iter().map(|input| input.name.as_str()).chain(TAKEN).any(|taken| taken.eq_ignore_ascii_case(name))
        };
        let mut name = format!("{stem}{extension}");
        let mut number = 2;
        while taken(&name) {
            name = format!("{stem}-{number}{extension}");
            number += 1;
        }
        self.0.push(Input { name, bytes: bytes.into(), source: source.to_owned(), of_policy: false });
    }

    /// Keeps a script under a name; with modules both lie in a folder of their own, where the script finds them.
    pub(super) fn add_script(&mut self, files: &Files, name: &str) {
        if files.modules.is_empty() {
            return self.add(&files.script, name, files.text.as_bytes());
        }
        if self.0.iter().any(|input| input.source == files.script) {
            return;
        }
        let stem = Path::new(name).file_stem().map_or_else(|| "script".into(), |s| s.to_string_lossy());
        let taken = |folder: &str| self.0.iter().any(|i| Path::new(&i.name).starts_with(folder) || i.name == folder);
        let mut folder = stem.to_string();
        let mut number = 2;
        while taken(&folder) {
            folder = format!("{stem}-{number}");
            number += 1;
        }
        for (k, (path, text)) in files.below(Path::new(&folder), name).into_iter().enumerate() {
            // Modules are named by their script alone.
            let source = if k == 0 { files.script.clone() } else { PathBuf::from(format!("<{}>", path.display())) };
            self.0.push(Input {
                name: path.to_string_lossy().into_owned(),
                bytes: text.as_bytes().into(),
                source,
                of_policy: false,
            });
        }
    }

    /// Keeps a text file.
    pub(super) fn add_text(&mut self, file: &Path, text: String) {
        let name = file.file_name().map_or_else(|| "input".into(), |name| name.to_string_lossy());
        self.add(file, &name, text.into_bytes());
    }

    /// Keeps a plugin's library; a bundled plugin has none.
    ///
    /// # Errors
    /// Where the file cannot be read, or is no longer the one that was loaded.
    pub(super) fn add_plugin(&mut self, plugin: &Plugin) -> Result<()> {
        let Origin::Library { path, hash } = &plugin.origin else { return Ok(()) };
        let place = || Place::file(path);
        let bytes = std::fs::read(path).map_err(|e| Error::io("read the plugin", path, &e).at(place()))?;
        if hexadecimal(&Sha256::digest(&bytes)) != *hash {
            return Err(Error::new(format!("the library of plugin `{}` has changed since it was loaded", plugin.name))
                .at(place())
                .help("a library is loaded once per process: start the program anew"));
        }
        let name = path.file_name().map_or_else(|| plugin.name.clone().into(), |name| name.to_string_lossy());
        self.add(path, &name, bytes);
        Ok(())
    }

    /// Notes that what was added since there were so many is of the policy.
    pub(super) fn are_of_policy(&mut self, since: usize) {
        self.0[since..].iter_mut().for_each(|input| input.of_policy = true);
    }

    /// Keeps what an op set comes from. A script is kept under the op set's name: its copy bears the same.
    ///
    /// # Errors
    /// As [`Inputs::add_plugin`].
    pub(super) fn add_provider(&mut self, provider: &Provider) -> Result<()> {
        match provider {
            Provider::Plugin(plugin) => self.add_plugin(plugin)?,
            Provider::Script(script) => {
                self.add_script(script.files(), &format!("{}.rhai", script.name()));
            }
        }
        Ok(())
    }

    /// The copy of what was read at `source`, as the spec beside the copies names it.
    pub(super) fn copy(&self, source: &Path) -> Option<SpecPath> {
        let input = self.0.iter().find(|input| input.source == source)?;
        Some(SpecPath::beside_spec(Path::new(FOLDER).join(&input.name)))
    }

    /// A plugin, as the spec beside the copies names it.
    pub(super) fn plugin(&self, plugin: &Plugin) -> PluginRef {
        let copy = match &plugin.origin {
            Origin::Bundled => None,
            Origin::Library { path, .. } => self.copy(path),
        };
        copy.map_or_else(|| PluginRef::Name(plugin.name.clone()), PluginRef::Path)
    }

    /// What an op set comes from, as the spec beside the copies names it.
    pub(super) fn provider(&self, provider: &Provider) -> PluginRef {
        match provider {
            Provider::Plugin(plugin) => self.plugin(plugin),
            Provider::Script(script) => {
                PluginRef::Path(self.copy(script.file()).unwrap_or_else(|| SpecPath::new(script.file())))
            }
        }
    }
}
