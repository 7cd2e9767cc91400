//! A script with the modules that it imports: what a run keeps of it, and whether it has changed since it was read.

use super::{Module, Script};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A script and its modules, as they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The script's file.
    pub script: PathBuf,
    /// What it says.
    pub text: Arc<str>,
    /// Per module: its path below the script's folder, its file, what it says.
    pub modules: Vec<(PathBuf, PathBuf, Arc<str>)>,
}

impl Files {
    /// Those of a script.
    pub fn of(script: &Script) -> Self {
        let module = |m: &Module| (PathBuf::from(format!("{}.rhai", m.name)), m.path.clone(), m.text.clone());
        Self {
            script: script.file().to_owned(),
            text: script.text().clone(),
            modules: script.modules().iter().map(module).collect(),
        }
    }

    /// The same script and modules, as they would lie with the script in another file.
    pub fn at(&self, script: &Path) -> Self {
        let folder = script.parent().unwrap_or(Path::new(""));
        let place = |(name, path, text): &(PathBuf, PathBuf, Arc<str>)| {
            (name.clone(), if own(path) { path.clone() } else { folder.join(name) }, text.clone())
        };
        Self { script: script.to_owned(), text: self.text.clone(), modules: self.modules.iter().map(place).collect() }
    }

    /// Whether both say the same, wherever they lie.
    pub fn say_the_same(&self, other: &Self) -> bool {
        let modules =
            |files: &Self| files.modules.iter().map(|(name, _, text)| (name.clone(), text.clone())).collect::<Vec<_>>();
        self.text == other.text && modules(self) == modules(other)
    }

    /// All that they say, one after the other.
    pub fn whole_text(&self) -> String {
        let modules = self.modules.iter().flat_map(|(name, _, text)| ["\n", name.to_str().unwrap_or("?"), "\n", text]);
        std::iter::once(&*self.text).chain(modules).collect()
    }

    /// Whether one of the files is no longer what was read. A file that cannot be read has changed; the host's own modules never do.
    pub fn changed(&self) -> bool {
        let differs = |path: &Path, text: &str| std::fs::read(path).map_or(true, |bytes| bytes != text.as_bytes());
        differs(&self.script, &self.text)
            || self.modules.iter().any(|(_, path, text)| !own(path) && differs(path, text))
            // A module beside the script wins over the host's own.
            || self.modules.iter().any(|(name, path, _)| own(path) && self.folder().join(name).exists())
    }

    fn folder(&self) -> &Path {
        self.script.parent().unwrap_or(Path::new(""))
    }

    /// The script's file name.
    pub fn name(&self) -> String {
        self.script.file_name().map_or_else(|| "script.rhai".into(), |name| name.to_string_lossy()).into_owned()
    }

    /// Path and text of every file, below a folder in which the script finds its modules; the script is the first.
    pub fn below(&self, folder: &Path, name: &str) -> Vec<(PathBuf, Arc<str>)> {
        let script = (folder.join(name), self.text.clone());
        let modules = self.modules.iter().map(|(name, _, text)| (folder.join(name), text.clone()));
        std::iter::once(script).chain(modules).collect()
    }
}

/// Whether a module is one of the host's.
fn own(path: &Path) -> bool {
    path.to_string_lossy().starts_with('<')
}
