//! Op sets that are Rhai scripts: functions that build layer graphs.
//!
//! Every public function of one argument, `fn sep_conv_3x3(op) { … }`, is an operation; all others are helpers. The graph is
//! made by the same [`Build`] that plugins call, when the network is made: no script runs afterwards.
//!
//! - `interface`: the functions of `op` and of values
//! - `values`: what those are

mod interface;
mod values;

use super::builder::Build;
use super::op_set::{Arguments, Operation};
use super::{LayerGraph, Shape};
use crate::error::{Error, Place, Result, nearest};
use crate::extension::declaration::{self, type_name};
use crate::extension::interface::Entry;
use crate::extension::library::hexadecimal;
use crate::extension::script::{Files, Function, Script};
use crate::extension::{Parameter, Setting};
use crate::spec::Sandbox;
use rhai::{Dynamic, Map};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use values::{Graph, OpValue};

/// The hexadecimal digits of a script's hash that are its version.
const DIGITS: usize = 12;
/// The most inputs of an operation.
const MOST_INPUTS: i64 = 64;
/// What `op_set()` may say.
const KEYS: [&str; 4] = ["name", "version", "description", "inputs"];

/// An op set as a script.
pub struct OpScript {
    // One call at a time: the script's limits are those of a call.
    script: Mutex<Script>,
    files: Arc<Files>,
    hash: String,
    about: About,
    declared: Vec<Declared>,
}

/// What `op_set()` says, or the defaults.
#[derive(Debug, Default)]
struct About {
    name: String,
    version: String,
    description: String,
    inputs: BTreeMap<String, usize>,
}

/// An operation as the script declares it.
#[derive(Debug)]
pub(super) struct Declared {
    pub name: String,
    pub doc: String,
    pub inputs: usize,
    pub parameters: Vec<Parameter>,
}

impl fmt::Debug for OpScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.about.name, self.about.version, self.file().display())
    }
}

/// All that an op set's script can use, beyond the language itself.
pub fn reference() -> &'static [Entry] {
    interface::reference()
}

/// The definition file of it, for editors.
pub fn definitions() -> String {
    interface::definitions()
}

impl OpScript {
    /// Compiles a script, and asks it for its name and the parameters of its operations.
    ///
    /// # Errors
    /// Where the script cannot be read, has no operation, or declares something impossible.
    pub fn new(file: &Path, text: &str, limits: &Sandbox) -> Result<Self> {
        let script = Script::compile(file, text, limits, interface::names(), interface::register)?;
        let whole = |error: Error| error.at(Place::file(file));
        let mut functions: Vec<Function> = script.signatures().into_iter().filter(is_operation).collect();
        for (other, argument, key) in [("plan", "turn", "policy"), ("space", "params", "space")] {
            if functions.iter().any(|f| f.name == other) {
                return Err(script
                    .error(format!("the script is a {key}, not an op set"))
                    .expected("operations: functions `fn name(op)`")
                    .found(format!("fn {other}({argument})"))
                    .help(format!("name it under `{key}`: {key}: {{script: …}}")));
            }
        }
        if functions.is_empty() {
            let names: Vec<String> = script.signatures().iter().map(ToString::to_string).collect();
            return Err(script
                .error("the script defines no operation")
                .expected("a function of one argument that is not private: fn my_conv(op) { … }")
                .found(if names.is_empty() { "no function".to_owned() } else { names.join(", ") }));
        }
        // As they were written; the engine keeps them in no order.
        functions.sort_by_key(|f| (text.find(&format!("fn {}(", f.name)).unwrap_or(text.len()), f.name.clone()));
        let names: Vec<&str> = functions.iter().map(|f| f.name.as_str()).collect();
        let files = Arc::new(Files::of(&script));
        let hash = hash(&files);
        let about = About::of(&script, file, &hash[..DIGITS], &names).map_err(whole)?;
        let mut parameters = parameters(&script, &names).map_err(whole)?;
        let declared = functions.iter().map(|f| Declared {
            name: f.name.to_owned(),
            doc: f.doc.replace('\n', " "),
            inputs: about.inputs.get(&f.name).copied().unwrap_or(1),
            parameters: parameters.remove(&f.name).unwrap_or_default(),
        });
        let declared = declared.collect();
        Ok(Self { script: Mutex::new(script), files, hash, about, declared })
    }

    /// The op set's name.
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// Its version: what the script says, or the first digits of its hash.
    pub fn version(&self) -> &str {
        &self.about.version
    }

    /// What the script says about itself.
    pub fn description(&self) -> &str {
        &self.about.description
    }

    /// The script's file.
    pub fn file(&self) -> &Path {
        &self.files.script
    }

    /// The script with its modules.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The SHA-256 of what the script and its modules say, as hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    pub(super) fn declared(&self) -> &[Declared] {
        &self.declared
    }

    /// Has the script build an operation's layer graph.
    ///
    /// # Errors
    /// What the script runs into, with its place; where it returns no values of the graph.
    pub(super) fn build(
        &self,
        operation: &Operation,
        settings: &[Setting],
        arguments: &Arguments,
        inputs: &[Shape],
    ) -> Result<LayerGraph> {
        let build = Build::new(inputs, &operation.to_string());
        let graph = Arc::new(Graph::new(build, arguments, inputs, &self.files));
        let op = OpValue::new(&graph, declaration::values(&operation.parameters, settings));
        let script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let returned = script.call(&operation.name, None, (op,));
        let returned = returned.map_err(|e| declaration::explain(e, &operation.parameters));
        graph.close(returned, &operation.name).map_err(|e| e.at(Place::file(self.file())))
    }
}

/// The SHA-256 of what a script and its modules say.
fn hash(files: &Files) -> String {
    let mut digest = Sha256::new_with_prefix(files.text.as_bytes());
    for (name, _, text) in &files.modules {
        for part in [&*name.to_string_lossy(), text] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    hexadecimal(&digest.finalize())
}

fn is_operation(function: &Function) -> bool {
    !function.private && function.parameters.len() == 1
}

/// The error for an operation that a hook names and the script lacks.
fn no_operation(hook: &str, name: &str, operations: &[&str]) -> Error {
    Error::new(format!("`{hook}()` names an operation `{name}` that the script lacks"))
        .expected(operations.join(", "))
        .help_if(nearest(name, operations.iter().copied()))
}

/// The parameters of the operations: what `params()` returns.
fn parameters(script: &Script, operations: &[&str]) -> Result<BTreeMap<String, Vec<Parameter>>> {
    if !script.defines("params", &[])? {
        return Ok(BTreeMap::new());
    }
    let wrong = |what: &str, found: &Dynamic| {
        Error::new(what)
            .expected("a map of operations with their parameters: #{ my_conv: #{ kernel: param(3, 1, 15, \"…\") } }")
            .found(format!("a value of type {}", type_name(found)))
    };
    let returned = script.call("params", None, ())?;
    let Some(map) = returned.read_lock::<Map>() else {
        return Err(wrong("`params()` returned something else", &returned));
    };
    let declared = |(name, value): (&rhai::Identifier, &Dynamic)| {
        if !operations.contains(&name.as_str()) {
            return Err(no_operation("params", name, operations));
        }
        if !value.is_map() {
            return Err(wrong(&format!("the parameters of `{name}` are no map"), value));
        }
        let list = declaration::declared(value.clone())?;
        Ok((name.to_string(), list))
    };
    map.iter().map(declared).collect()
}

impl About {
    fn of(script: &Script, file: &Path, version: &str, operations: &[&str]) -> Result<Self> {
        let stem = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let mut about = Self { name: stem, version: version.to_owned(), ..Self::default() };
        if script.defines("op_set", &[])? {
            about.read(&script.call("op_set", None, ())?, operations)?;
        }
        // The name stands in specs, before a colon too, and names the copy in a run directory.
        let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        if about.name.is_empty() || about.name.starts_with('.') || !about.name.chars().all(fits) {
            return Err(Error::new("the name of the op set cannot be used")
                .expected("letters, digits, `-`, `_` and `.`")
                .found(format!("`{}`", about.name))
                .help("rename the file, or let the script say a name: fn op_set() { #{ name: \"my-ops\" } }"));
        }
        Ok(about)
    }

    fn read(&mut self, returned: &Dynamic, operations: &[&str]) -> Result<()> {
        let wrong = |what: String, expected: &str, found: &Dynamic| {
            Error::new(what).expected(expected).found(format!("a value of type {}", type_name(found)))
        };
        let Some(map) = returned.read_lock::<Map>() else {
            let expected = "a map: #{ name: \"my-ops\", version: \"1.0\", description: \"…\" }";
            return Err(wrong("`op_set()` returned something else".to_owned(), expected, returned));
        };
        for (key, value) in map.iter() {
            let text = || {
                let text = value.clone().into_string();
                text.map_err(|_| wrong(format!("`{key}` in what `op_set()` returned is no text"), "a text", value))
            };
            match key.as_str() {
                "name" => self.name = text()?,
                "version" => self.version = text()?,
                "description" => self.description = text()?,
                "inputs" => self.inputs = inputs(value, operations)?,
                other => {
                    return Err(Error::new(format!("unknown key `{other}` in what `op_set()` returned"))
                        .expected(KEYS.join(", "))
                        .help_if(nearest(other, KEYS)));
                }
            }
        }
        Ok(())
    }
}

/// How many inputs operations take.
fn inputs(value: &Dynamic, operations: &[&str]) -> Result<BTreeMap<String, usize>> {
    let wrong = |found: String| {
        Error::new("`inputs` in what `op_set()` returned says no numbers of inputs")
            .expected(format!("a map from operations to numbers from 1 to {MOST_INPUTS}: #{{ my_sum: 2 }}"))
            .found(found)
    };
    let Some(map) = value.read_lock::<Map>() else {
        return Err(wrong(format!("a value of type {}", type_name(value))));
    };
    let number = |(name, value): (&rhai::Identifier, &Dynamic)| {
        if !operations.contains(&name.as_str()) {
            return Err(no_operation("op_set", name, operations));
        }
        match value.as_int() {
            Ok(number @ 1..=MOST_INPUTS) => Ok((name.to_string(), number as usize)),
            _ => Err(wrong(format!("`{name}: {value}`"))),
        }
    };
    map.iter().map(number).collect()
}
