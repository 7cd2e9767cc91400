//! Search spaces that scripts return: a map with the keys of a space's YAML form.

use super::WrittenSpace;
use crate::error::{Error, Place, Result};
use crate::extension::declaration::{self, type_name};
use crate::extension::script::{Files, Script};
use crate::extension::{Parameter, parameter};
use crate::spec::{Entry, Mark, Node, Sandbox, Value, can_be_written};
use rhai::{Array, Dynamic, Map};
use std::fmt;
use std::path::{Path, PathBuf};

/// Names of the interface, for suggestions.
const NAMES: &[&str] = &["param", "params", "space"];
/// The most maps and arrays, one within the other: far more than a space has.
const MOST_DEPTH: usize = 32;

/// A space as a script.
pub struct ScriptSpace {
    script: Script,
    file: PathBuf,
    declared: Vec<Parameter>,
}

impl fmt::Debug for ScriptSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScriptSpace({})", self.file.display())
    }
}

impl ScriptSpace {
    /// Compiles a script, and asks it for the parameters that it declares.
    ///
    /// # Errors
    /// Where the script cannot be read, has no `space(params)`, or declares something else than parameters.
    pub fn new(file: &Path, text: &str, limits: &Sandbox) -> Result<Self> {
        let script = Script::compile(file, text, limits, NAMES, declaration::register)?;
        if !script.defines("space", &["params"])? {
            let names: Vec<String> = script.signatures().iter().map(ToString::to_string).collect();
            return Err(script
                .error("the script defines no space")
                .expected("a function `space(params)`")
                .found(if names.is_empty() { "no function".to_owned() } else { names.join(", ") }));
        }
        let declared = match script.defines("params", &[])? {
            true => {
                let returned = script.call("params", None, ())?;
                declaration::declared(returned).map_err(|e| e.at(Place::file(file)))?
            }
            false => Vec::new(),
        };
        Ok(Self { script, file: file.to_owned(), declared })
    }

    /// Whether a script defines a space.
    pub fn is_in(text: &str) -> bool {
        let functions = rhai::Engine::new_raw().compile(text);
        functions.is_ok_and(|ast| ast.iter_functions().any(|f| f.name == "space" && f.params.len() == 1))
    }

    /// What it is called where nothing else is said: the name of its file.
    pub fn name(&self) -> String {
        self.file.file_stem().map_or_else(|| "space".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// The script's file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The script with its modules.
    pub fn files(&self) -> Files {
        Files::of(&self.script)
    }

    /// The parameters that the script declares.
    pub fn declared(&self) -> &[Parameter] {
        &self.declared
    }

    /// Has the space written. `given` holds a spec's parameters.
    ///
    /// # Errors
    /// Where a parameter is unknown or out of range, the script runs into something, or what it returns is no map of plain data.
    pub fn write(&self, given: &Node) -> Result<WrittenSpace> {
        let settings = parameter::resolve_written(&self.declared, given, "the space")?;
        let params = declaration::values(&self.declared, &settings);
        let returned = self.script.call("space", None, (params,));
        let returned = returned.map_err(|e| declaration::explain(e, &self.declared))?;
        if !returned.is_map() {
            return Err(self
                .script
                .error("`space(params)` returned something else")
                .expected("a map with the keys of a space: #{ space: 1, name: \"…\", cell_types: […], backbone: #{…} }")
                .found(format!("a value of type {}", type_name(&returned))));
        }
        let node = self.node(&returned, "", MOST_DEPTH)?;
        Ok(WrittenSpace { text: node.to_yaml()?, node, params: parameter::written(&self.declared, &settings) })
    }

    /// The tree of a value that stands at a dotted path of keys.
    fn node(&self, value: &Dynamic, keys: &str, depth: usize) -> Result<Node> {
        let mark = Mark::keys(&self.file, keys);
        let below = |segment: &str| if keys.is_empty() { segment.to_owned() } else { format!("{keys}.{segment}") };
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Error::new("the space has maps and arrays within each other without end")
                .at(mark.place())
                .expected(format!("at most {MOST_DEPTH} of them")));
        };
        let unwritable = |text: &str| {
            Error::new("what `space(params)` returned holds a text that cannot be written in a file")
                .at(mark.place())
                .expected("no Unicode line separators and no byte order marks")
                .found(format!("{text:?}"))
        };
        let plain = if value.is_unit() {
            Value::Null
        } else if let Ok(truth) = value.as_bool() {
            Value::Bool(truth)
        } else if let Ok(number) = value.as_int() {
            Value::Integer(number.into())
        } else if let Ok(number) = value.as_float() {
            Value::Float(number)
        } else if let Ok(text) = value.as_immutable_string_ref() {
            if !can_be_written(&text) {
                return Err(unwritable(&text));
            }
            Value::String(text.to_string())
        } else if let Some(array) = value.read_lock::<Array>() {
            let item = |(i, item): (usize, &Dynamic)| self.node(item, &below(&i.to_string()), depth);
            Value::Sequence(array.iter().enumerate().map(item).collect::<Result<_>>()?)
        } else if let Some(map) = value.read_lock::<Map>() {
            let entry = |(key, item): (&rhai::Identifier, &Dynamic)| {
                if !can_be_written(key) {
                    return Err(unwritable(key));
                }
                let keys = below(key);
                Ok(Entry::new(key.as_str(), self.node(item, &keys, depth)?, Mark::keys(&self.file, &keys)))
            };
            Value::Mapping(map.iter().map(entry).collect::<Result<_>>()?)
        } else {
            return Err(Error::new("what `space(params)` returned holds something that no space has")
                .at(mark.place())
                .expected("maps, arrays, texts, numbers, true or false")
                .found(format!("a value of type {}", type_name(value))));
        };
        Ok(Node::new(plain, mark))
    }
}
