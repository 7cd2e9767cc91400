//! Changes to a [`Node`] tree: one tree laid over another, and `--set path.to.key=value`.

use std::path::PathBuf;
use std::sync::Arc;

use super::parse::{MAX_DEPTH, parse_from};
use super::tree::{Entry, Mark, Node, Source, Value};
use crate::error::{Error, Result};

/// Decides, from the path of a key and its two mappings, that the upper one replaces the lower whole.
pub type Replaces<'a> = &'a dyn Fn(&str, &Node, &Node) -> bool;

impl Node {
    /// Lays `over` over `base`: mappings are merged key by key, everything else is replaced, lists and
    /// null included. A mapping for which `replaces` says so is replaced whole. Keys keep the order of
    /// `base`; new ones follow.
    pub fn merge(base: Node, over: Node, replaces: Replaces<'_>) -> Node {
        merge_at(base, over, replaces, "")
    }

    /// Applies one assignment `path.to.key=value`, as `--set` takes it. The value is YAML and replaces
    /// what was there; missing mappings on the way are made; an entry of a list is named by its number
    /// from 0, and the number after the last appends.
    ///
    /// # Errors
    /// If it is no assignment, if the value is not YAML, or if the path leads through text, a number or
    /// past the end of a list. The place is `<command line>`, with the assignment as its line.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        let line = format!("--set {assignment}");
        let source = Arc::new(Source {
            file: PathBuf::from("<command line>"),
            text: Some(Arc::from(line.as_str())),
            keys: None,
        });
        let mark = |column: usize| Mark { source: source.clone(), line: 1, column };
        let mut column = "--set ".len() + 1;
        let malformed = |what: &str| {
            Error::new(what).at(mark(column).place()).expected("path.to.key=value").found(assignment.to_owned())
        };
        let (path, text) = assignment.split_once('=').ok_or_else(|| malformed("`--set` without a value"))?;
        if path.contains(char::is_control) || path.split('.').any(|s| s.trim() != s || s.is_empty()) {
            return Err(malformed("`--set` needs the path of a key"));
        }
        if path.split('.').count() > MAX_DEPTH / 2 {
            return Err(malformed("the path is too long"));
        }
        let value = parse_from(text, source.clone(), line.chars().count() - text.chars().count())?;

        let mut node = self;
        let mut done = String::new();
        for segment in path.split('.') {
            node = child(node, &done, segment, mark(column))?;
            done = join(&done, segment);
            column += segment.chars().count() + 1;
        }
        *node = value;
        Ok(())
    }
}

fn merge_at(base: Node, over: Node, replaces: Replaces<'_>, path: &str) -> Node {
    let both = matches!((&base.value, &over.value), (Value::Mapping(_), Value::Mapping(_)));
    if !both || replaces(path, &base, &over) {
        return over;
    }
    let mark = over.mark().clone();
    let (Value::Mapping(mut entries), Value::Mapping(upper)) = (base.value, over.value) else {
        unreachable!("both are mappings");
    };
    for entry in upper {
        let Some(slot) = entries.iter_mut().find(|lower| lower.key == entry.key) else {
            entries.push(entry);
            continue;
        };
        let path = join(path, &entry.key);
        let key_mark = entry.mark().clone();
        let lower = std::mem::replace(&mut slot.node, Node::new(Value::Null, key_mark.clone()));
        *slot = Entry::new(entry.key, merge_at(lower, entry.node, replaces, &path), key_mark);
    }
    Node::new(Value::Mapping(entries), mark)
}

/// The value under `segment`, made if it is missing.
fn child<'n>(node: &'n mut Node, done: &str, segment: &str, mark: Mark) -> Result<&'n mut Node> {
    let name = if done.is_empty() { "the document" } else { done };
    let whole = join(done, segment);
    let number = segment.parse::<usize>().ok();
    if node.is_null() {
        if number.is_some() {
            return Err(Error::new(format!("cannot set `{whole}`: `{name}` is not written in the file"))
                .at(mark.place())
                .help(format!("set the whole list: {name}=[…]")));
        }
        *node = Node::new(Value::Mapping(Vec::new()), mark.clone());
    }
    let described = node.describe();
    let empty = Node::new(Value::Null, mark.clone());
    match &mut node.value {
        Value::Mapping(entries) => {
            let index = entries.iter().position(|entry| entry.key == segment).unwrap_or(entries.len());
            if index == entries.len() {
                entries.push(Entry::new(segment, empty, mark));
            } else {
                // A message about this key from now on means the command line.
                let node = std::mem::replace(&mut entries[index].node, empty);
                entries[index] = Entry::new(segment, node, mark);
            }
            Ok(&mut entries[index].node)
        }
        Value::Sequence(items) => {
            let index = number.filter(|index| *index <= items.len()).ok_or_else(|| {
                Error::new(format!("`{name}` has no entry `{segment}`"))
                    .at(mark.place())
                    .expected(format!("a number from 0 to {}", items.len()))
            })?;
            if index == items.len() {
                items.push(empty);
            }
            Ok(&mut items[index])
        }
        _ => Err(Error::new(format!("cannot set `{whole}`: `{name}` holds no keys"))
            .at(mark.place())
            .expected(format!("a mapping or a list as `{name}`"))
            .found(described)),
    }
}

/// A dotted path and one more segment.
pub(super) fn join(path: &str, segment: &str) -> String {
    if path.is_empty() { segment.to_owned() } else { format!("{path}.{segment}") }
}
