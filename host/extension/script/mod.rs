//! Rhai scripts: an engine without access to anything, and calls of a script's functions within limits.
//!
//! - `engine`: what the engine can do
//! - `mathematics`: numbers and their comparisons
//! - `replaced`: functions of the engine's packages that could panic or allocate without a bound
//! - `guard`: what is built into scripts to keep places, the stack and nesting
//! - `budget`: what a call has used, and when that is too much
//! - `modules`: what scripts import
//! - `explain`: from the engine's errors to the host's
//! - `files`: a script with its modules: what a run keeps, and whether it has changed
//! - `definitions`: what editors read
//! - `doc`: what scripts say of themselves

mod budget;
mod definitions;
mod doc;
mod engine;
mod explain;
mod files;
mod guard;
mod mathematics;
mod modules;
mod replaced;

pub use definitions::{common_definitions, definitions};
pub use doc::Function;
pub use explain::raise;
pub use files::Files;
pub use guard::NESTING;
pub use modules::{Module, embedded};

use crate::error::{Error, Place, Result, panic_text};
use crate::spec::Sandbox;
use budget::within;
use explain::Sources;
use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, FuncArgs, Scope};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// A compiled script, with the engine that it was compiled for.
pub struct Script {
    engine: Engine,
    ast: AST,
    sources: Sources,
    modules: Vec<Module>,
    limits: Sandbox,
    /// Names that host objects understand, for suggestions.
    known: &'static [&'static str],
}

impl Script {
    /// Compiles a script and what it imports. `register` adds what the script may use; `known` are the names of it, for
    /// suggestions.
    ///
    /// # Errors
    /// Where a text has a syntax error, or anything but functions, constants and imports at the top level; where a module is
    /// missing or outside of the script's folder.
    pub fn compile(
        file: &Path,
        text: &str,
        limits: &Sandbox,
        known: &'static [&'static str],
        register: impl FnOnce(&mut Engine),
    ) -> Result<Self> {
        let bodies = guard::Bodies::default();
        let mut engine = engine::engine(limits, &bodies);
        register(&mut engine);
        let mut sources = Sources::new(file, text.into());
        let mut loader = modules::Loader::new(&mut engine, limits, bodies, &mut sources);
        let ast = sound(|| loader.main()).map_err(|e| e.at(Place::file(file)))??;
        let modules = loader.modules;
        Ok(Self { engine, ast, sources, modules, limits: limits.clone(), known })
    }

    /// Whether the script defines a function of this name and number of arguments.
    ///
    /// # Errors
    /// Where it defines one of this name with another number of arguments.
    pub fn defines(&self, name: &str, arguments: &[&str]) -> Result<bool> {
        let mut other = None;
        for function in self.ast.iter_functions().filter(|f| f.name == name) {
            if function.params.len() == arguments.len() {
                return Ok(true);
            }
            other = Some(function.params.join(", "));
        }
        match other {
            None => Ok(false),
            Some(found) => Err(Error::new(format!("the function `{name}` takes other arguments"))
                .at(Place::file(self.sources.file(0)))
                .expected(format!("fn {name}({})", arguments.join(", ")))
                .found(format!("fn {name}({found})"))),
        }
    }

    /// The names of the functions that the script defines.
    pub fn functions(&self) -> Vec<String> {
        self.signatures().into_iter().map(|function| function.name).collect()
    }

    /// The functions that the script defines, with their parameters and comments, in the order of their names.
    pub fn signatures(&self) -> Vec<Function> {
        doc::functions(&self.ast)
    }

    /// The script's file.
    pub fn file(&self) -> &Path {
        self.sources.file(0)
    }

    /// What the script says.
    pub fn text(&self) -> &Arc<str> {
        self.sources.text(0)
    }

    /// The comment at the script's head.
    pub fn doc(&self) -> String {
        doc::header(self.sources.text(0))
    }

    /// The scripts that this one imports, and those that they import, each after what it needs itself.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// Calls a function, with `this` bound, within the limits.
    ///
    /// # Errors
    /// What the script runs into, with its place.
    pub fn call(&self, name: &str, mut this: Option<&mut Dynamic>, arguments: impl FuncArgs) -> Result<Dynamic> {
        let bound = this.as_deref_mut();
        let (result, stopped) = within(&self.limits, || {
            sound(|| {
                let mut options = CallFnOptions::new().eval_ast(true).rewind_scope(true);
                if let Some(this) = bound {
                    options = options.bind_this_ptr(this);
                }
                self.engine.call_fn_with_options(options, &mut Scope::new(), &self.ast, name, arguments)
            })
        });
        let context = || format!("calling `{name}`");
        let explain = |error: EvalAltResult| {
            explain::explain(error, stopped, &self.sources, &self.limits, self.known, &self.functions())
        };
        let value: Dynamic = result
            .map_err(|e| e.at(Place::file(self.sources.file(0))))
            .and_then(|result| result.map_err(|e| explain(*e)))
            .map_err(|e| e.context(context()))?;
        for (what, value) in [("what it returned", Some(&value)), ("`this`", this.as_deref())] {
            if value.is_some_and(|value| !guard::fits(value, NESTING)) {
                return Err(self
                    .error(format!("{what} is nested too deeply"))
                    .expected(format!("arrays and maps at most {NESTING} deep"))
                    .context(context()));
            }
        }
        Ok(value)
    }

    /// An error about the script as a whole.
    pub fn error(&self, what: impl Into<String>) -> Error {
        Error::new(what).at(Place::file(self.sources.file(0)))
    }
}

/// Does something that must not panic; where it does, that is an error like others.
fn sound<R>(work: impl FnOnce() -> R) -> Result<R> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        Error::new(format!("the script engine failed: {}", panic_text(&*panic)))
            .help("this is a fault of the program, not of the script: please report it, with the script")
    })
}
