//! The parameters that a script declares with `param(…)`, against those that a spec sets.

use crate::error::{Error, Result, nearest};
use crate::extension::script::raise;
use crate::spec::{self, Node};
use rhai::{Array, Dynamic, Engine, EvalAltResult, FLOAT, INT, ImmutableString, Map};

/// A parameter that a script declares.
#[derive(Debug, Clone)]
pub struct ParamSpec {
    /// The name.
    pub name: String,
    /// What it means, for people.
    pub doc: String,
    /// Its kind, default and range.
    pub kind: ParamKind,
}

/// Kind, default and range of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamKind {
    /// A whole number: default, lowest, highest.
    Integer(i64, i64, i64),
    /// A number: default, lowest, highest.
    Number(f64, f64, f64),
    /// A truth value: default.
    Boolean(bool),
    /// One of several words: default, words.
    Choice(String, Vec<String>),
}

/// What `param(…)` returns: a declaration that has no name yet.
#[derive(Debug, Clone)]
pub(super) struct Declaration {
    doc: String,
    kind: ParamKind,
}

/// What a declaration looks like.
pub(super) const FORMS: &str =
    "param(default, lowest, highest, \"doc\"), param(true, \"doc\") or param(\"word\", [\"word\", …], \"doc\")";

type Raised<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Declaration>("Parameter");
    engine.register_fn("param", |default: INT, least: INT, most: INT, doc: &str| -> Raised<Declaration> {
        ranged(least <= default && default <= most)?;
        Ok(Declaration { doc: doc.to_owned(), kind: ParamKind::Integer(default, least, most) })
    });
    engine.register_fn("param", |default: FLOAT, least: FLOAT, most: FLOAT, doc: &str| -> Raised<Declaration> {
        ranged(least <= default && default <= most)?;
        Ok(Declaration { doc: doc.to_owned(), kind: ParamKind::Number(default, least, most) })
    });
    // Whole numbers among others, and whatever else is given: tried after the exact forms.
    engine.register_fn("param", |default: Dynamic, least: Dynamic, most: Dynamic, doc: &str| -> Raised<Declaration> {
        let number = |v: &Dynamic| v.as_float().or_else(|_| v.as_int().map(|i| i as FLOAT)).ok();
        match (number(&default), number(&least), number(&most)) {
            (Some(default), Some(least), Some(most)) => {
                ranged(least <= default && default <= most)?;
                Ok(Declaration { doc: doc.to_owned(), kind: ParamKind::Number(default, least, most) })
            }
            _ => Err(raise(Error::new("a parameter's default and its range are numbers").expected(FORMS).found(
                format!(
                    "values of type {}, {} and {}",
                    super::type_name(&default),
                    super::type_name(&least),
                    super::type_name(&most)
                ),
            ))),
        }
    });
    engine.register_fn("param", |default: bool, doc: &str| Declaration {
        doc: doc.to_owned(),
        kind: ParamKind::Boolean(default),
    });
    engine.register_fn("param", |default: &str, words: Array, doc: &str| -> Raised<Declaration> {
        let words: Vec<String> = words.into_iter().map(|w| w.to_string()).collect();
        ranged(words.iter().any(|w| w == default))?;
        Ok(Declaration { doc: doc.to_owned(), kind: ParamKind::Choice(default.to_owned(), words) })
    });
}

fn ranged(fits: bool) -> Raised<()> {
    if fits {
        return Ok(());
    }
    Err(raise(Error::new("a parameter's default is outside its own range").expected(FORMS)))
}

/// The declarations that `params()` returned.
pub(super) fn declared(returned: Dynamic) -> Result<Vec<ParamSpec>> {
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
            Ok(ParamSpec { name: name.to_string(), doc, kind })
        })
        .collect()
}

/// The value of every declared parameter: the spec's where it sets one, the default elsewhere.
pub(super) fn check(declared: &[ParamSpec], given: &Node) -> Result<Map> {
    let mut values = Map::new();
    for spec in declared {
        values.insert(spec.name.as_str().into(), spec.kind.default());
    }
    for entry in given.entries() {
        let Some(spec) = declared.iter().find(|s| s.name == entry.key) else {
            let names: Vec<&str> = declared.iter().map(|s| s.name.as_str()).collect();
            return Err(Error::new(format!("the policy has no parameter `{}`", entry.key))
                .at(entry.place())
                .expected(if names.is_empty() { "no parameters".to_owned() } else { names.join(", ") })
                .help_if(nearest(&entry.key, names)));
        };
        let value = spec.kind.accept(&entry.node).ok_or_else(|| {
            Error::new(format!("the policy's parameter `{}` is out of range", spec.name))
                .at(entry.node.place())
                .expected(spec.kind.describe())
                .found(entry.node.describe())
        })?;
        values.insert(spec.name.as_str().into(), value);
    }
    Ok(values)
}

impl ParamKind {
    fn default(&self) -> Dynamic {
        match self {
            ParamKind::Integer(default, ..) => Dynamic::from_int(*default),
            ParamKind::Number(default, ..) => Dynamic::from_float(*default),
            ParamKind::Boolean(default) => Dynamic::from_bool(*default),
            ParamKind::Choice(default, _) => Dynamic::from(ImmutableString::from(default.as_str())),
        }
    }

    fn accept(&self, node: &Node) -> Option<Dynamic> {
        match (self, &node.value) {
            (ParamKind::Integer(_, least, most), spec::Value::Integer(v)) => {
                let v = i64::try_from(*v).ok()?;
                (least..=most).contains(&&v).then(|| Dynamic::from_int(v))
            }
            (ParamKind::Number(_, least, most), spec::Value::Integer(_) | spec::Value::Float(_)) => {
                let v = node.as_f64()?;
                (*least..=*most).contains(&v).then(|| Dynamic::from_float(v))
            }
            (ParamKind::Boolean(_), spec::Value::Bool(v)) => Some(Dynamic::from_bool(*v)),
            (ParamKind::Choice(_, words), spec::Value::String(v)) => {
                words.contains(v).then(|| Dynamic::from(ImmutableString::from(v.as_str())))
            }
            _ => None,
        }
    }

    /// What is accepted, for people.
    pub fn describe(&self) -> String {
        match self {
            ParamKind::Integer(_, least, most) => format!("a whole number from {least} to {most}"),
            ParamKind::Number(_, least, most) => format!("a number from {least} to {most}"),
            ParamKind::Boolean(_) => "true or false".to_owned(),
            ParamKind::Choice(_, words) => format!("one of {}", words.join(", ")),
        }
    }
}
