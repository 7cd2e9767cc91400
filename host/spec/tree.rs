//! The tree of a YAML text: values, each with the place where it was written.
//!
//! Specs, spaces and whatever else a user writes in YAML are read into this tree first; merging,
//! `--set`, range checks and decoding work on it, so that every message can name a place.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Place};

/// A value and the place where it was written.
///
/// Two nodes are equal when their values are: places don't count, the order of keys does.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    mark: Mark,
}

/// What a [`Node`] holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing: `null`, `~` or an empty place.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number; what is read from text fits an `i64` or a `u64`.
    Integer(i128),
    /// A number with a decimal point or an exponent, `.inf` or `.nan`.
    Float(f64),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order in which they were written; no key occurs twice.
    Mapping(Vec<Entry>),
}

/// A key of a mapping, and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value.
    pub node: Node,
    mark: Mark,
}

/// A position in a source. Cheap to clone: nodes of one text share the source.
#[derive(Debug, Clone)]
pub struct Mark {
    pub(super) source: Arc<Source>,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A text that nodes were read from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) file: std::path::PathBuf,
    pub(super) text: Option<Arc<str>>,
    pub(super) keys: Option<Arc<str>>,
}

impl Mark {
    /// The whole of a file, or of something that has a name in angle brackets instead.
    pub fn file(file: impl AsRef<Path>) -> Self {
        let source = Source { file: file.as_ref().to_owned(), text: None, keys: None };
        Self { source: Arc::new(source), line: 0, column: 0 }
    }

    /// A value within what a script returned, by its dotted path of keys.
    pub fn keys(file: impl AsRef<Path>, keys: &str) -> Self {
        let source =
            Source { file: file.as_ref().to_owned(), text: None, keys: (!keys.is_empty()).then(|| keys.into()) };
        Self { source: Arc::new(source), line: 0, column: 0 }
    }

    /// The place, for a message.
    pub fn place(&self) -> Place {
        let mut place = Place::at(&self.source.file, self.line, self.column);
        place.text = self.source.text.clone();
        place.keys = self.source.keys.clone();
        place
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.node == other.node
    }
}

impl Entry {
    /// A key and its value; `mark` says where the key stands.
    pub fn new(key: impl Into<String>, node: Node, mark: Mark) -> Self {
        Self { key: key.into(), node, mark }
    }

    /// Where the key stands.
    pub fn place(&self) -> Place {
        self.mark.place()
    }

    /// Where the key stands.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }
}

impl Node {
    /// A value that stands at `mark`.
    pub fn new(value: Value, mark: Mark) -> Self {
        Self { value, mark }
    }

    /// An empty mapping for code that builds a tree; `file` stands for its place in messages.
    pub fn empty(file: impl AsRef<Path>) -> Self {
        Self::new(Value::Mapping(Vec::new()), Mark::file(file))
    }

    /// Where the value stands; of an aliased value, where its anchor stands.
    pub fn place(&self) -> Place {
        self.mark.place()
    }

    /// Where the value stands.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// An error at this node's place.
    pub fn error(&self, what: impl Into<String>) -> Error {
        Error::new(what).at(self.place())
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// The boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self.value { Some(value) } else { None }
    }

    /// The whole number, if this is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        if let Value::Integer(value) = self.value { value.try_into().ok() } else { None }
    }

    /// The whole number of at least 0, if this is one that fits.
    pub fn as_u64(&self) -> Option<u64> {
        if let Value::Integer(value) = self.value { value.try_into().ok() } else { None }
    }

    /// The number, if this is one; whole numbers are numbers.
    pub fn as_f64(&self) -> Option<f64> {
        match self.value {
            Value::Integer(value) => Some(value as f64),
            Value::Float(value) => Some(value),
            _ => None,
        }
    }

    /// The text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(value) = &self.value { Some(value) } else { None }
    }

    /// The list, if this is one.
    pub fn as_sequence(&self) -> Option<&[Node]> {
        if let Value::Sequence(items) = &self.value { Some(items) } else { None }
    }

    /// The mapping's keys and values, if this is one.
    pub fn as_mapping(&self) -> Option<&[Entry]> {
        if let Value::Mapping(entries) = &self.value { Some(entries) } else { None }
    }

    /// The keys and values; none if this is no mapping.
    pub fn entries(&self) -> &[Entry] {
        self.as_mapping().unwrap_or_default()
    }

    /// The entry with this key, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value at a dotted path (`data.augment.crop`, `plugins.0`); the empty path is this node.
    pub fn get(&self, path: &str) -> Option<&Node> {
        let (node, rest) = self.deepest(path);
        rest.is_empty().then_some(node)
    }

    /// The place of the value at a dotted path, or of the nearest value around it that was written.
    pub fn place_of(&self, path: &str) -> Place {
        self.deepest(path).0.place()
    }

    /// Follows a path as far as it goes; also gives what is left of it.
    fn deepest<'p>(&self, path: &'p str) -> (&Node, &'p str) {
        let (mut node, mut rest) = (self, path);
        while !rest.is_empty() {
            let (segment, after) = rest.split_once('.').unwrap_or((rest, ""));
            let next = match &node.value {
                Value::Mapping(_) => node.entry(segment).map(|entry| &entry.node),
                Value::Sequence(items) => segment.parse().ok().and_then(|index: usize| items.get(index)),
                _ => None,
            };
            let Some(next) = next else { break };
            (node, rest) = (next, after);
        }
        (node, rest)
    }

    /// The value in a few words, for the `found` of a message.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing (null)".into(),
            Value::Bool(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => float_text(*value),
            Value::String(value) => quoted(value),
            Value::Sequence(items) if items.is_empty() => "an empty list".into(),
            Value::Sequence(items) => format!("a list of {}", count(items.len(), "entry", "entries")),
            Value::Mapping(entries) if entries.is_empty() => "an empty mapping".into(),
            Value::Mapping(entries) => {
                let keys: Vec<_> = entries.iter().take(4).map(|entry| format!("`{}`", entry.key)).collect();
                let noun = if entries.len() == 1 { "key" } else { "keys" };
                let more = if entries.len() > 4 { ", …" } else { "" };
                format!("a mapping with the {noun} {}{more}", keys.join(", "))
            }
        }
    }
}

/// A number with its noun.
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// A float as it is written in YAML.
pub(super) fn float_text(value: f64) -> String {
    if value.is_nan() {
        ".nan".into()
    } else if value.is_infinite() {
        if value > 0.0 { ".inf".into() } else { "-.inf".into() }
    } else {
        format!("{value:?}")
    }
}

/// Text in quotes on one line, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    let cut = short.len() < text.len();
    format!("{short:?}{}", if cut { "…" } else { "" })
}
