//! What decoding a tree can run into, in words for users: serde's error calls become fields of [`Error`].

use std::cell::RefCell;
use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use super::tree::{Node, count, float_text, quoted};
use crate::error::{Error, Place, nearest};

thread_local! {
    /// An [`Error`] on its way through a serde error type that only takes text.
    static RAISED: RefCell<Option<Error>> = const { RefCell::new(None) };
}

/// Turns a finished error into whatever error type a `Deserialize` implementation must return; decoding
/// gives it back unchanged, place and all.
pub fn raise<E: de::Error>(error: Error) -> E {
    let text = error.fields().what.clone();
    RAISED.set(Some(error));
    let raised = E::custom(text);
    // Another deserialiser keeps the text alone.
    RAISED.take();
    raised
}

/// An error in the making: what is wrong is known where it is found, path and place further out.
#[derive(Debug)]
pub(super) struct DecodeError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    problem: Problem,
    /// Dotted path and node, once known.
    whereabouts: Option<(String, Place)>,
}

#[derive(Debug)]
enum Problem {
    UnknownKey { key: String, known: &'static [&'static str] },
    MissingKey(&'static str),
    Type { expected: String, found: String, help: Option<String> },
    Value { expected: String, found: String },
    Variant { found: String, known: &'static [&'static str] },
    Other(String),
    Finished(Error),
}

impl DecodeError {
    fn new(problem: Problem) -> Self {
        Self(Box::new(Inner { problem, whereabouts: None }))
    }

    /// A value of the wrong type.
    pub(super) fn wrong_type(expected: impl Into<String>, node: &Node, help: Option<String>) -> Self {
        Self::new(Problem::Type { expected: expected.into(), found: node.describe(), help })
    }

    /// Adds path and place, unless an inner value has added its own.
    pub(super) fn locate(mut self, path: &str, place: impl FnOnce() -> Place) -> Self {
        if self.0.whereabouts.is_none() {
            self.0.whereabouts = Some((path.to_owned(), place()));
        }
        self
    }

    /// The finished error; `what` names the whole that was decoded.
    pub(super) fn finish(self, what: &str) -> Error {
        let Inner { problem, whereabouts } = *self.0;
        let (path, place) = whereabouts.unzip();
        let path = path.unwrap_or_default();
        let name = if path.is_empty() { what.to_owned() } else { format!("`{path}`") };
        let within = if path.is_empty() { what } else { &path };
        let error = match problem {
            Problem::UnknownKey { key, known } => Error::new(format!("unknown key `{key}` in {within}"))
                .expected(one_of(known))
                .help_if(nearest(&key, known.iter().copied())),
            Problem::MissingKey(key) => Error::new(format!("missing key `{key}` in {within}"))
                .expected(format!("the key `{key}`"))
                .found(format!("{within} without it")),
            Problem::Type { expected, found, help } => {
                Error::new(format!("{name} is of the wrong type")).expected(expected).found(found).help_if(help)
            }
            Problem::Value { expected, found } => {
                Error::new(format!("{name} has a wrong value")).expected(expected).found(found)
            }
            Problem::Variant { found, known } => Error::new(format!("{name} has an unknown value"))
                .expected(one_of(known))
                .help_if(nearest(&found, known.iter().copied()))
                .found(quoted(&found)),
            Problem::Other(text) => Error::new(format!("{name}: {text}")),
            Problem::Finished(error) => error,
        };
        match place {
            Some(place) => error.at(place),
            None => error,
        }
    }
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.problem)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: Display>(text: T) -> Self {
        let problem = match RAISED.take() {
            Some(error) => Problem::Finished(error),
            None => Problem::Other(text.to_string()),
        };
        Self::new(problem)
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Problem::Type { expected: expected.to_string(), found: found(unexpected), help: None })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Problem::Value { expected: expected.to_string(), found: found(unexpected) })
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(Problem::Type {
            expected: expected.to_string(),
            found: format!("a list of {}", count(length, "entry", "entries")),
            help: None,
        })
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::Variant { found: variant.to_owned(), known })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownKey { key: key.to_owned(), known })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Problem::MissingKey(key))
    }
}

/// What a visitor found, in words.
fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => float_text(value),
        Unexpected::Str(text) => quoted(text),
        Unexpected::Unit | Unexpected::Option => "nothing (null)".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a mapping".into(),
        other => other.to_string(),
    }
}

/// "`a`, `b` or `c`".
pub(super) fn one_of(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "no keys at all".into(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} or {last}", some.join(", ")),
    }
}
