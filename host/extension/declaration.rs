//! The parameters that a script declares with `param(…)`: of a policy, of a space, of the operations of an op set.

use super::interface::Interface;
use super::script::raise;
use super::{Parameter, ParameterKind, Setting};
use crate::error::{Error, Result, nearest};
use rhai::{Array, Dynamic, Engine, EvalAltResult, FLOAT, INT, ImmutableString, Map};

/// What `param(…)` returns: a declaration that has no name yet.
#[derive(Debug, Clone)]
pub(crate) struct Declaration {
    doc: String,
    kind: ParameterKind,
}

/// What a declaration looks like.
pub(crate) const FORMS: &str =
    "param(default, lowest, highest, \"doc\"), param(true, \"doc\") or param(\"word\", [\"word\", …], \"doc\")";

/// The name of a value's type as scripts know it.
pub(crate) fn type_name(value: &Dynamic) -> &str {
    let name = value.type_name().rsplit("::").next().unwrap_or_default();
    // Types of the host's are called after what they are to scripts: `TurnValue` is a `Turn`.
    match name.strip_suffix("Value") {
        None | Some("") => name,
        Some(name) => name,
    }
}

type Raised<T> = Result<T, Box<EvalAltResult>>;

pub(crate) fn register(engine: &mut Engine) {
    declare(&mut Interface::new(engine));
}

/// The forms of `param(…)`.
pub(crate) fn declare(api: &mut Interface) {
    api.subject("Parameters")
        .named::<Declaration>("Parameter")
        .function(
            "param(default: int, lowest: int, highest: int, doc: String) -> Parameter",
            "Declares a parameter in what `params()` returns: a whole number, a number, a truth value, or one of several words.",
            |default: INT, least: INT, most: INT, doc: &str| -> Raised<Declaration> {
                ranged(least <= default && default <= most)?;
                Ok(Declaration { doc: doc.to_owned(), kind: ParameterKind::Integer(default, least, most) })
            },
        )
        .function(
            "param(default: float, lowest: float, highest: float, doc: String) -> Parameter",
            "",
            |default: FLOAT, least: FLOAT, most: FLOAT, doc: &str| number(default, least, most, doc),
        )
        .function("param(default: bool, doc: String) -> Parameter", "", |default: bool, doc: &str| Declaration {
            doc: doc.to_owned(),
            kind: ParameterKind::Boolean(default),
        })
        .function(
            "param(default: String, words: Array, doc: String) -> Parameter",
            "",
            |default: &str, words: Array, doc: &str| -> Raised<Declaration> {
                let words: Vec<String> = words.into_iter().map(|w| w.to_string()).collect();
                ranged(words.iter().any(|w| w == default))?;
                Ok(Declaration { doc: doc.to_owned(), kind: ParameterKind::Word(default.to_owned(), words) })
            },
        );
    // Whole numbers among others, and whatever else is given: tried after the exact forms.
    api.engine().register_fn(
        "param",
        |default: Dynamic, least: Dynamic, most: Dynamic, doc: &str| -> Raised<Declaration> {
            let float = |v: &Dynamic| v.as_float().or_else(|_| v.as_int().map(|i| i as FLOAT)).ok();
            match (float(&default), float(&least), float(&most)) {
                (Some(default), Some(least), Some(most)) => number(default, least, most, doc),
                _ => Err(raise(Error::new("a parameter's default and its range are numbers").expected(FORMS).found(
                    format!("values of type {}, {} and {}", type_name(&default), type_name(&least), type_name(&most)),
                ))),
            }
        },
    );
}

fn number(default: FLOAT, least: FLOAT, most: FLOAT, doc: &str) -> Raised<Declaration> {
    ranged(least <= default && default <= most)?;
    Ok(Declaration { doc: doc.to_owned(), kind: ParameterKind::Number(default, least, most) })
}

fn ranged(fits: bool) -> Raised<()> {
    if fits {
        return Ok(());
    }
    Err(raise(Error::new("a parameter's default is outside its own range").expected(FORMS)))
}

/// The declarations that `params()` returned.
pub(crate) fn declared(returned: Dynamic) -> Result<Vec<Parameter>> {
    let wrong = |found: &str| {
        Error::new("`params()` returned something else")
            .expected("a map of parameters: #{ name: param(default, lowest, highest, \"doc\") }")
            .found(found.to_owned())
    };
    let found = returned.type_name();
    let map = returned.try_cast::<Map>().ok_or_else(|| wrong(found))?;
    map.into_iter()
        .map(|(name, value)| {
            let found = value.type_name();
            let Declaration { doc, kind } =
                value.try_cast::<Declaration>().ok_or_else(|| wrong(&format!("`{name}` is of type {found}")))?;
            let parameter = Parameter { name: name.to_string(), doc, kind };
            parameter.check()?;
            Ok(parameter)
        })
        .collect()
}

/// The value of every declared parameter, as scripts see them.
pub(crate) fn values(declared: &[Parameter], values: &[Setting]) -> Map {
    let value = |setting: &Setting| match setting {
        Setting::Integer(v) => Dynamic::from_int(*v),
        Setting::Number(v) => Dynamic::from_float(*v),
        Setting::Boolean(v) => Dynamic::from_bool(*v),
        Setting::Word(v) => Dynamic::from(ImmutableString::from(v.as_str())),
    };
    declared.iter().zip(values).map(|(p, v)| (p.name.as_str().into(), value(v))).collect()
}

/// The error of a call, with help where a parameter that is not declared was asked for (`params.kernl`).
pub(crate) fn explain(error: Error, declared: &[Parameter]) -> Error {
    let asked = |what: &str| Some(what.strip_prefix("there is no property `")?.strip_suffix('`')?.to_owned());
    match asked(&error.fields().what) {
        Some(name) => error.help_if(nearest(&name, declared.iter().map(|p| p.name.as_str()))),
        None => error,
    }
}
