//! From the engine's errors to the host's: what happened, in which file and line, and what may help.

use super::budget::Stop;
use crate::error::{Error, nearest};
use crate::spec::Sandbox;
use rhai::{Dynamic, EvalAltResult, FnPtr, ImmutableString, Position};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much of a thrown value a message shows, in characters.
const SHOWN: usize = 200;

/// An error that a host function hands through a script: it comes out as it went in, with a place added.
#[derive(Debug, Clone)]
pub(super) struct HostError(pub Error);

/// Wraps an error for a host function's result.
pub fn raise(error: Error) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(Dynamic::from(HostError(error)), Position::NONE).into()
}

/// The texts of a script and of what it imports, by number; the script itself is the first.
#[derive(Debug)]
pub(super) struct Sources(Vec<(PathBuf, Arc<str>)>);

impl Sources {
    pub(super) fn new(file: &Path, text: Arc<str>) -> Self {
        Self(vec![(file.to_owned(), text)])
    }

    pub(super) fn add(&mut self, file: &Path, text: Arc<str>) -> usize {
        self.0.push((file.to_owned(), text));
        self.0.len() - 1
    }

    pub(super) fn file(&self, number: usize) -> &Path {
        &self.0[number].0
    }

    pub(super) fn text(&self, number: usize) -> &Arc<str> {
        &self.0[number].1
    }

    /// What the engine calls a source.
    pub(super) fn key(&self, number: usize) -> String {
        self.0[number].0.to_string_lossy().into_owned()
    }

    fn number(&self, key: &str) -> Option<usize> {
        (0..self.0.len()).find(|number| self.key(*number) == key)
    }
}

/// What a script ran into. `stopped` is where it was stopped, if it was; `known` and `functions` are names for suggestions.
pub(super) fn explain(
    error: EvalAltResult,
    stopped: Option<(usize, Position)>,
    sources: &Sources,
    limits: &Sandbox,
    known: &[&str],
    functions: &[String],
) -> Error {
    let system = error.is_system_exception();
    let (inner, place) = innermost(error, sources);
    let (file, position) = stopped.filter(|_| system || inner.is_system_exception()).unwrap_or(place);
    let place = sources.place(file, position);
    match inner {
        EvalAltResult::ErrorRuntime(value, _) => thrown(value),
        EvalAltResult::ErrorTerminated(stop, _) => match stop.try_cast::<Stop>() {
            Some(Stop::Memory) => limit("memory", limits.memory),
            Some(Stop::Time) => limit("milliseconds", limits.milliseconds),
            Some(Stop::Stack) => Error::new("the script was stopped: its functions call each other too deeply")
                .help("look for a function that calls itself without an end; a loop can go on for longer"),
            _ => limit("operations", limits.operations),
        },
        EvalAltResult::ErrorStackOverflow(_) => limit("depth", u64::from(limits.depth)),
        EvalAltResult::ErrorDataTooLarge(what, _) => match what.to_ascii_lowercase() {
            w if w.contains("string") => limit("string", limits.string),
            w if w.contains("map") => limit("map", limits.map),
            _ => limit("array", limits.array),
        },
        EvalAltResult::ErrorDataRace(name, _) => {
            Error::new(format!("`{name}` is used while it is being changed or called")).help(
                "a closure may not capture the object on which it is called: take what you need into a local \
                 variable first (let edges = turn.space.edges; edges.filter(…))",
            )
        }
        EvalAltResult::ErrorUnboundThis(_) => Error::new("`this` is not bound here")
            .help("`this` is the policy's state in hooks, and in functions called as `this.helper()`"),
        EvalAltResult::ErrorPropertyNotFound(name, _) => {
            Error::new(format!("there is no property `{name}`")).help_if(nearest(&name, known.iter().copied()))
        }
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let name = signature.split(" (").next().unwrap_or(&signature).trim();
            let names = known.iter().copied().chain(functions.iter().map(String::as_str));
            let other = functions.iter().any(|own| own == name);
            let help = other.then(|| format!("the script's own `{name}` takes other arguments"));
            Error::new(format!("there is no function {signature}")).help_if(help.or_else(|| nearest(name, names)))
        }
        EvalAltResult::ErrorDotExpr(what, _) => {
            let name = what.split('\'').nth(1).unwrap_or("");
            Error::new(what.clone()).help_if(nearest(name, known.iter().copied()))
        }
        mut other => {
            other.clear_position();
            Error::new(cut(&other.to_string()))
        }
    }
    .at(place)
}

/// The innermost error, which says what happened, and the innermost place that is known.
fn innermost(error: EvalAltResult, sources: &Sources) -> (EvalAltResult, (usize, Position)) {
    let (mut inner, mut file, mut place) = (error, 0, (0, Position::NONE));
    loop {
        let position = inner.position();
        if !position.is_none() {
            place = (file, position);
        }
        inner = match inner {
            // The call lies in the file where we are, what went wrong within it in the function's own.
            EvalAltResult::ErrorInFunctionCall(_, source, next, _) => {
                file = sources.number(&source).unwrap_or(file);
                *next
            }
            EvalAltResult::ErrorInModule(_, next, _) => *next,
            other => return (other, place),
        };
    }
}

fn limit(name: &str, value: u64) -> Error {
    Error::new(format!("the script was stopped: it uses more than it may (`sandbox.{name}: {value}`)"))
        .help(format!("look for a loop that does not end, or raise `sandbox.{name}` in the spec"))
}

fn thrown(value: Dynamic) -> Error {
    let value = match value.try_cast_result::<HostError>() {
        Ok(HostError(error)) => return error,
        Err(value) => value,
    };
    if value.is_unit() {
        return Error::new("the script threw an error without a message").help("throw a text that says what is wrong");
    }
    if value.read_lock::<FnPtr>().is_some() {
        return Error::new("the script threw a closure as an error").help("throw a text that says what is wrong");
    }
    let text = value.read_lock::<ImmutableString>().map(|text| text.to_string());
    Error::new(format!("the script threw an error: {}", cut(&text.unwrap_or_else(|| value.to_string()))))
}

/// As much of a text as a message shows, on one line.
fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
