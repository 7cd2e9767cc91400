//! Rhai scripts: an engine without access to anything, and calls of a script's functions within limits.
//!
//! The engine starts raw: no module files, no clock, no `eval`, nothing printed to stdout. Mathematics comes
//! from the `libm` crate, so that a script computes the same on every machine.

use crate::error::{Error, Place, Result, nearest};
use crate::spec::Sandbox;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage, BasicStringPackage,
    LogicPackage, MoreStringPackage, Package,
};
use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, FLOAT, FuncArgs, INT, Position, Scope};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// An error that a host function hands through a script: it comes out as it went in, with a place added.
#[derive(Debug, Clone)]
struct HostError(Error);

/// Wraps an error for a host function's result.
pub fn raise(error: Error) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(Dynamic::from(HostError(error)), Position::NONE).into()
}

/// A compiled script, with the engine that it was compiled for.
pub struct Script {
    engine: Engine,
    ast: AST,
    file: PathBuf,
    text: Arc<str>,
    deadline: Deadline,
    limits: Sandbox,
    /// Names that host objects understand, for suggestions.
    known: &'static [&'static str],
}

/// When the running call must be over, in milliseconds since `start`.
#[derive(Clone)]
struct Deadline {
    start: Instant,
    at: Arc<AtomicU64>,
}

impl Deadline {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// An engine that can compute, and nothing else.
fn engine(limits: &Sandbox, deadline: Deadline) -> Engine {
    let mut engine = Engine::new_raw();
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    register_mathematics(&mut engine);
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    // Every limit is set: the defaults differ between debug and release builds.
    engine
        .set_max_operations(limits.operations)
        .set_max_call_levels(limits.depth as usize)
        .set_max_expr_depths(64, 64)
        .set_max_string_size(size(limits.string))
        .set_max_array_size(size(limits.array))
        .set_max_map_size(size(limits.map))
        .set_max_variables(1000)
        .set_max_functions(1000)
        .set_max_modules(0)
        // A misspelt key would otherwise read as (), and a comparison with () is false.
        .set_fail_on_invalid_map_property(true)
        .set_strict_variables(true)
        // `Full` would call host functions, random generators too, while compiling.
        .set_optimization_level(rhai::OptimizationLevel::Simple)
        .disable_symbol("eval");
    engine.on_print(|text| tracing::info!(target: "edas::script", "{text}"));
    engine.on_debug(|text, _, position| tracing::debug!(target: "edas::script", "{position:?}: {text}"));
    engine.on_progress(move |_| (deadline.now() > deadline.at.load(Ordering::Relaxed)).then(|| Dynamic::from("time")));
    engine
}

fn register_mathematics(engine: &mut Engine) {
    macro_rules! float {
        ($($name:literal => $f:path),* $(,)?) => { $( engine.register_fn($name, |x: FLOAT| $f(x)); )* };
    }
    float!("sin" => libm::sin, "cos" => libm::cos, "tan" => libm::tan, "tanh" => libm::tanh, "exp" => libm::exp,
        "ln" => libm::log, "log2" => libm::log2, "log10" => libm::log10, "sqrt" => libm::sqrt, "floor" => libm::floor,
        "ceiling" => libm::ceil, "round" => libm::round);
    engine.register_fn("pow", libm::pow).register_fn("hypot", libm::hypot);
    engine.register_fn("**", libm::pow);
    engine.register_fn("**", |x: FLOAT, n: INT| libm::pow(x, n as FLOAT));
    engine.register_fn("PI", || std::f64::consts::PI).register_fn("E", || std::f64::consts::E);
    engine.register_fn("to_float", |n: INT| n as FLOAT).register_fn("to_float", |x: FLOAT| x);
    engine.register_fn("to_int", |n: INT| n).register_fn("to_int", |x: FLOAT| {
        let cut = libm::trunc(x);
        if cut.abs() < 9.2e18 {
            Ok(cut as INT)
        } else {
            Err(raise(Error::new("this number does not fit a whole number").found(x.to_string())))
        }
    });
    engine.register_fn("is_nan", |x: FLOAT| x.is_nan()).register_fn("is_finite", |x: FLOAT| x.is_finite());
    // The built-in `**` of two floats is the platform's: without fast operators the one above is found first.
    engine.set_fast_operators(false);
}

impl Script {
    /// Compiles a script. `register` adds what the script may use; `known` are the names of it, for suggestions.
    ///
    /// # Errors
    /// Where the text has a syntax error, or anything but functions and constants at the top level.
    pub fn compile(
        file: &Path,
        text: &str,
        limits: &Sandbox,
        known: &'static [&'static str],
        register: impl FnOnce(&mut Engine),
    ) -> Result<Self> {
        let deadline = Deadline { start: Instant::now(), at: Arc::new(AtomicU64::new(u64::MAX)) };
        let mut engine = engine(limits, deadline.clone());
        register(&mut engine);
        let text: Arc<str> = text.into();
        let place = |position: Position| place(file, &text, position);
        let mut ast = engine
            .compile(&*text)
            .map_err(|e| Error::new(format!("the script cannot be read: {}", e.err_type())).at(place(e.position())))?;
        ast.set_source(file.to_string_lossy().as_ref());
        let constant = |s: &rhai::Stmt| match s {
            rhai::Stmt::Var(_, flags, _) => flags.contains(rhai::ASTFlags::CONSTANT),
            rhai::Stmt::Noop(_) => true,
            _ => false,
        };
        if let Some(statement) = ast.statements().iter().find(|s| !constant(s)) {
            return Err(Error::new("a script holds functions and constants only")
                .at(place(statement.position()))
                .expected("`fn …` or `const …`")
                .help("what stands here would run on every call: move it into a function"));
        }
        Ok(Self { engine, ast, file: file.to_owned(), text, deadline, limits: limits.clone(), known })
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
                .at(Place::file(&self.file))
                .expected(format!("fn {name}({})", arguments.join(", ")))
                .found(format!("fn {name}({found})"))),
        }
    }

    /// The names of the functions that the script defines.
    pub fn functions(&self) -> Vec<String> {
        self.ast.iter_functions().map(|f| f.name.to_owned()).collect()
    }

    /// What the functions that the script defines look like: names, arguments, documentation.
    pub fn signatures(&self) -> impl Iterator<Item = rhai::ScriptFnMetadata<'_>> {
        self.ast.iter_functions()
    }

    /// Calls a function, with `this` bound, within the limits.
    ///
    /// # Errors
    /// What the script runs into, with its place.
    pub fn call(&self, name: &str, this: Option<&mut Dynamic>, arguments: impl FuncArgs) -> Result<Dynamic> {
        self.deadline.at.store(self.deadline.now().saturating_add(self.limits.milliseconds), Ordering::Relaxed);
        let mut options = CallFnOptions::new().eval_ast(true).rewind_scope(true);
        if let Some(this) = this {
            options = options.bind_this_ptr(this);
        }
        let result = self.engine.call_fn_with_options(options, &mut Scope::new(), &self.ast, name, arguments);
        self.deadline.at.store(u64::MAX, Ordering::Relaxed);
        result.map_err(|e| self.explain(*e).context(format!("calling `{name}`")))
    }

    /// An error about the script as a whole.
    pub fn error(&self, what: impl Into<String>) -> Error {
        Error::new(what).at(Place::file(&self.file))
    }

    fn explain(&self, error: EvalAltResult) -> Error {
        // The innermost error says what happened and where; the calls around it only how it came there.
        let (mut inner, mut outer) = (error, Position::NONE);
        loop {
            inner = match inner {
                EvalAltResult::ErrorInFunctionCall(_, _, next, position) => {
                    if !position.is_none() {
                        outer = position;
                    }
                    *next
                }
                other => {
                    inner = other;
                    break;
                }
            }
        }
        let position = if inner.position().is_none() { outer } else { inner.position() };
        let place = place(&self.file, &self.text, position);
        let limit = |name: &str, value: u64| {
            Error::new(format!("the script was stopped: it uses more than it may (`sandbox.{name}: {value}`)"))
                .help(format!("look for a loop that does not end, or raise `sandbox.{name}` in the spec"))
        };
        match inner {
            EvalAltResult::ErrorRuntime(value, _) => match value.clone().try_cast::<HostError>() {
                Some(HostError(error)) => error,
                None => Error::new(format!("the script threw an error: {value}")),
            },
            EvalAltResult::ErrorTooManyOperations(_) => limit("operations", self.limits.operations),
            EvalAltResult::ErrorTerminated(..) => limit("milliseconds", self.limits.milliseconds),
            EvalAltResult::ErrorStackOverflow(_) => limit("depth", u64::from(self.limits.depth)),
            EvalAltResult::ErrorDataTooLarge(what, _) => {
                let (name, value) = match what.to_ascii_lowercase() {
                    w if w.contains("string") => ("string", self.limits.string),
                    w if w.contains("map") => ("map", self.limits.map),
                    _ => ("array", self.limits.array),
                };
                limit(name, value)
            }
            EvalAltResult::ErrorDataRace(name, _) => {
                Error::new(format!("`{name}` is used while it is being changed or called")).help(
                    "a closure may not capture the object on which it is called: take what you need into a local \
                     variable first (let edges = turn.space.edges; edges.filter(…))",
                )
            }
            EvalAltResult::ErrorUnboundThis(_) => Error::new("`this` is not bound here")
                .help("`this` is the policy's state in hooks, and in functions called as `this.helper()`"),
            EvalAltResult::ErrorPropertyNotFound(name, _) => {
                Error::new(format!("there is no property `{name}`")).help_if(nearest(&name, self.known.iter().copied()))
            }
            EvalAltResult::ErrorFunctionNotFound(signature, _) => {
                let name = signature.split(" (").next().unwrap_or(&signature);
                let names = self.functions();
                let known = self.known.iter().copied().chain(names.iter().map(String::as_str));
                Error::new(format!("there is no function {signature}")).help_if(nearest(name.trim(), known))
            }
            EvalAltResult::ErrorDotExpr(what, _) => {
                let name = what.split('\'').nth(1).unwrap_or("");
                Error::new(what.clone()).help_if(nearest(name, self.known.iter().copied()))
            }
            mut other => {
                other.clear_position();
                Error::new(other.to_string())
            }
        }
        .at(place)
    }
}

fn place(file: &Path, text: &Arc<str>, position: Position) -> Place {
    Place::at(file, position.line().unwrap_or(0), position.position().unwrap_or(0)).with_text(text.clone())
}
