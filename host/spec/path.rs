//! Paths and plugin names as specs write them: relative to the file that writes them.

use std::borrow::Cow;
use std::ops::Deref;
use std::path::{Component, Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::decode::{Part, raise};
use super::tree::Node;
use crate::error::{Place, Result};

/// A path, absolute once decoded.
///
/// In YAML it is text: relative to the folder of the file that writes it, through `extends` too, or to
/// the current folder on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpecPath(PathBuf);

impl SpecPath {
    /// A path as code gives it: relative to the current folder.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        Self(tidy(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned())))
    }

    /// A path that is written as it is: relative to the folder in which the spec will be written.
    pub fn beside_spec(path: impl AsRef<Path>) -> Self {
        Self(path.as_ref().to_owned())
    }

    /// A path as a file or the command line writes it.
    pub fn resolve(text: &str, written: &Place) -> Self {
        let named = !written.file.to_string_lossy().starts_with('<');
        let folder = written.file.parent().filter(|_| named).unwrap_or(Path::new(""));
        Self::new(folder.join(text))
    }
}

/// Removes `folder/..`, unless `folder` is a symbolic link and `..` therefore another folder.
pub(super) fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        let known = matches!(tidied.components().next_back(), Some(Component::Normal(_)));
        match component {
            Component::ParentDir if known && !tidied.is_symlink() => {
                tidied.pop();
            }
            Component::ParentDir if tidied.parent().is_none() && tidied.has_root() => {}
            Component::CurDir => {}
            other => tidied.push(other),
        }
    }
    tidied
}

impl Deref for SpecPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for SpecPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl From<&Path> for SpecPath {
    fn from(path: &Path) -> Self {
        Self::new(path)
    }
}

impl From<PathBuf> for SpecPath {
    fn from(path: PathBuf) -> Self {
        Self::new(path)
    }
}

impl From<&str> for SpecPath {
    fn from(path: &str) -> Self {
        Self::new(path)
    }
}

/// The text of a part, which must not be empty.
pub(super) fn text(part: &Part, expected: &str) -> Result<String> {
    match part.node.as_str() {
        Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        Some(_) => Err(super::decode::refuse(part, "is empty").expected(expected)),
        None => Err(super::decode::refuse(part, "is of the wrong type").expected(expected)),
    }
}

impl<'de> Deserialize<'de> for SpecPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let part = Part::deserialize(deserializer)?;
        let text = text(&part, "a path").map_err(raise)?;
        Ok(Self::resolve(&text, &part.node.place()))
    }
}

impl Serialize for SpecPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => serializer.serialize_str(text),
            None => Err(serde::ser::Error::custom(format!("the path {} is not UTF-8", self.0.display()))),
        }
    }
}

impl JsonSchema for SpecPath {
    fn schema_name() -> Cow<'static, str> {
        "Path".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

/// A plugin, or a scripted op set, as a spec names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PluginRef {
    /// A name: of a bundled plugin, or to be found in the spec's folder, in `EDAS_PLUGIN_PATH` or beside
    /// the executable.
    Name(String),
    /// A file: text with a `/` or `\`, or that ends in `.so`, `.dylib`, `.dll` or `.rhai`.
    Path(SpecPath),
}

impl PluginRef {
    pub(super) fn resolve(text: &str, written: &Place) -> Self {
        let ending = [".so", ".dylib", ".dll", ".rhai"].iter().any(|ending| text.ends_with(ending));
        if ending || text.contains(['/', '\\']) {
            Self::Path(SpecPath::resolve(text, written))
        } else {
            Self::Name(text.to_owned())
        }
    }
}

impl std::fmt::Display for PluginRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for PluginRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let part = Part::deserialize(deserializer)?;
        let text = text(&part, "the name or the path of a plugin").map_err(raise)?;
        Ok(Self::resolve(&text, &part.node.place()))
    }
}

impl Serialize for PluginRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Name(name) => serializer.serialize_str(name),
            Self::Path(path) => path.serialize(serializer),
        }
    }
}

impl JsonSchema for PluginRef {
    fn schema_name() -> Cow<'static, str> {
        "Plugin".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 1,
            "description": "The name of a bundled plugin, a name to be found, or a path (with a `/`, or ending \
                in .so, .dylib, .dll or .rhai)."
        })
    }
}

impl JsonSchema for Node {
    fn schema_name() -> Cow<'static, str> {
        "Mapping".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}
