//! Reads YAML text into a [`Node`] tree: one pass, one document, nothing that could surprise.
//!
//! Aliases are expanded, within a limit on the size of the result; tags, merge keys, several
//! documents, duplicate keys and control characters are refused.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::tree::{Entry, Mark, Node, Source, Value};
use crate::error::{Error, Place, Result};

/// How deeply lists and mappings may be nested.
pub(super) const MAX_DEPTH: usize = 64;
/// How many values a text may hold once its aliases are expanded.
const MAX_NODES: usize = 200_000;
/// How long a text may be, in bytes.
const MAX_BYTES: usize = 8 << 20;

impl Node {
    /// Reads one YAML document. `file` is only named in places; nothing is read from disk.
    ///
    /// # Errors
    /// For whatever is not YAML, or is a part of YAML that is refused here, with its place.
    pub fn parse(text: &str, file: impl AsRef<Path>) -> Result<Node> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source { file: file.as_ref().to_owned(), text: Some(Arc::from(text)), keys: None };
        parse_from(text, Arc::new(source), 0)
    }
}

/// Reads `text`, which stands in the first line of `source`, `shift` characters to the right.
pub(super) fn parse_from(text: &str, source: Arc<Source>, shift: usize) -> Result<Node> {
    let mut builder = Builder {
        source,
        shift,
        end: end_of(text),
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        anchored: 0,
        documents: 0,
        root: None,
    };
    if text.len() > MAX_BYTES {
        let file = Place::file(&builder.source.file);
        return Err(Error::new("the text is too long")
            .at(file)
            .expected(format!("at most {MAX_BYTES} bytes"))
            .found(format!("{} bytes", text.len())));
    }
    builder.refuse_control_characters(text)?;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            Error::new(format!("not valid YAML: {}", error.info())).at(builder.mark(error.marker()).place())
        })?;
        builder.event(event, span)?;
    }
    let end = Mark { source: builder.source, line: 1, column: shift + 1 };
    Ok(builder.root.unwrap_or(Node::new(Value::Null, end)))
}

/// The last line of a text, and the column after its last character; both from 1.
fn end_of(text: &str) -> (usize, usize) {
    let last = text.lines().enumerate().last();
    last.map_or((1, 1), |(index, line)| (index + 1, line.chars().count() + 1))
}

/// Builds the tree from the parser's events.
struct Builder {
    source: Arc<Source>,
    shift: usize,
    /// Where the text ends.
    end: (usize, usize),
    stack: Vec<Frame>,
    /// The anchored values by the parser's number, with their size and nesting.
    anchors: HashMap<usize, (Node, usize, usize)>,
    nodes: usize,
    /// The sum of the anchored values' sizes.
    anchored: usize,
    documents: usize,
    root: Option<Node>,
}

/// A list or mapping that is still open.
struct Frame {
    mark: Mark,
    anchor: usize,
    /// The count of nodes when it was opened.
    before: usize,
    /// How deeply its contents are nested.
    height: usize,
    items: Items,
}

enum Items {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, index: HashMap<String, Mark>, key: Option<(String, Mark)> },
}

impl Builder {
    fn mark(&self, marker: &Marker) -> Mark {
        // The parser notices what is missing at the end on the line after the last.
        let place = (marker.line().max(1), marker.col() + 1);
        let (line, column) = if place.0 > self.end.0 { self.end } else { place };
        let shift = if line == 1 { self.shift } else { 0 };
        Mark { source: self.source.clone(), line, column: column + shift }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<()> {
        let mark = self.mark(&span.start);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Error::new("a second document begins here")
                        .at(mark.place())
                        .expected("one YAML document")
                        .help("remove the line `---` and what follows, or put it into a file of its own"));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.is_some(), &mark)?;
                if text.contains(is_ambiguous) {
                    return Err(Error::new("a Unicode line separator or byte order mark in a text").at(mark.place()));
                }
                if self.wants_key() {
                    return self.key(text.into_owned(), style, mark);
                }
                let before = self.nodes;
                let empty = style == ScalarStyle::Plain && span.start.index() == span.end.index();
                let value = if empty { Value::Null } else { scalar(&text, style, &mark)? };
                // An absent value has no place of its own; its key has.
                let mark = if empty { self.key_mark().unwrap_or(mark) } else { mark };
                self.add(Node::new(value, mark), anchor, before, 0)?;
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_tag(tag.is_some(), &mark)?;
                self.open(Items::Sequence(Vec::new()), mark, anchor)?;
            }
            Event::MappingStart(anchor, tag) => {
                refuse_tag(tag.is_some(), &mark)?;
                let items = Items::Mapping { entries: Vec::new(), index: HashMap::new(), key: None };
                self.open(items, mark, anchor)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(frame) = self.stack.pop() {
                    let value = match frame.items {
                        Items::Sequence(items) => Value::Sequence(items),
                        Items::Mapping { entries, .. } => Value::Mapping(entries),
                    };
                    self.add(Node::new(value, frame.mark), frame.anchor, frame.before, frame.height + 1)?;
                }
            }
            Event::Alias(anchor) => {
                self.refuse_as_key(&mark)?;
                let Some((node, nodes, height)) = self.anchors.get(&anchor) else {
                    return Err(Error::new("an alias within the value that it stands for").at(mark.place()));
                };
                let (nodes, height, before) = (*nodes, *height, self.nodes);
                // Counted before the copy is made: ten nested lists of ten aliases are ten billion values.
                if before + nodes > MAX_NODES {
                    return Err(too_many(&mark));
                }
                self.check_depth(height, &mark)?;
                let node = node.clone();
                self.nodes += nodes - 1;
                self.add(node, 0, before, height)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn open(&mut self, items: Items, mark: Mark, anchor: usize) -> Result<()> {
        self.refuse_as_key(&mark)?;
        self.check_depth(1, &mark)?;
        self.stack.push(Frame { mark, anchor, before: self.nodes, height: 0, items });
        Ok(())
    }

    /// Puts a finished value into the list or mapping that is open.
    fn add(&mut self, node: Node, anchor: usize, before: usize, height: usize) -> Result<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(too_many(node.mark()));
        }
        if anchor != 0 {
            // Anchors within anchors are kept several times.
            self.anchored += self.nodes - before;
            if self.anchored > MAX_NODES {
                return Err(too_many(node.mark()));
            }
            self.anchors.insert(anchor, (node.clone(), self.nodes - before, height));
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.height = frame.height.max(height);
        match &mut frame.items {
            Items::Sequence(items) => items.push(node),
            Items::Mapping { entries, key, .. } => {
                if let Some((key, mark)) = key.take() {
                    entries.push(Entry::new(key, node, mark));
                }
            }
        }
        Ok(())
    }

    fn key(&mut self, text: String, style: ScalarStyle, mark: Mark) -> Result<()> {
        if text == "<<" && style == ScalarStyle::Plain {
            return Err(Error::new("merge keys (`<<`) are not supported")
                .at(mark.place())
                .help("write the keys out, or let a spec extend another one (`extends`)"));
        }
        let Some(Frame { items: Items::Mapping { index, key, .. }, .. }) = self.stack.last_mut() else {
            return Ok(());
        };
        if let Some(first) = index.insert(text.clone(), mark.clone()) {
            return Err(Error::new(format!("duplicate key `{text}`"))
                .at(mark.place())
                .found(format!("`{text}` already at {}", first.place()))
                .help("remove one of the two"));
        }
        *key = Some((text, mark));
        Ok(())
    }

    fn wants_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { items: Items::Mapping { key: None, .. }, .. }))
    }

    fn key_mark(&self) -> Option<Mark> {
        match self.stack.last() {
            Some(Frame { items: Items::Mapping { key: Some((_, mark)), .. }, .. }) => Some(mark.clone()),
            _ => None,
        }
    }

    fn refuse_as_key(&self, mark: &Mark) -> Result<()> {
        if self.wants_key() {
            return Err(Error::new("this cannot be a key")
                .at(mark.place())
                .expected("text as a key")
                .found("a list, a mapping or an alias"));
        }
        Ok(())
    }

    fn check_depth(&self, height: usize, mark: &Mark) -> Result<()> {
        if self.stack.len() + height > MAX_DEPTH {
            return Err(Error::new("nested too deeply")
                .at(mark.place())
                .expected(format!("at most {MAX_DEPTH} lists or mappings within each other")));
        }
        Ok(())
    }

    /// The parser takes a NUL for the end of the text: what follows would vanish silently. A carriage return alone ends a line for
    /// the parser, but not for whoever shows or counts lines.
    fn refuse_control_characters(&self, text: &str) -> Result<()> {
        let wrong = |(at, c): (usize, char)| match c {
            '\t' | '\n' => false,
            '\r' => !text[at + 1..].starts_with('\n'),
            _ => c.is_control() || is_ambiguous(c),
        };
        let Some((position, _)) = text.char_indices().find(|found| wrong(*found)) else { return Ok(()) };
        let (before, after) = text.split_at(position);
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let code = after.chars().next().map_or(0, u32::from);
        Err(Error::new(format!("a control character (U+{code:04X}) in the text"))
            .at(self.mark(&Marker::new(position, line + 1, column)).place())
            .help("is this a text file in UTF-8?"))
    }
}

/// Line ends (or nothing) to some YAML libraries and text to others: it would not read back the same.
fn is_ambiguous(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Whether a text can be written as YAML and reads back the same.
pub(crate) fn can_be_written(text: &str) -> bool {
    !text.contains(is_ambiguous)
}

fn too_many(mark: &Mark) -> Error {
    Error::new("the text holds too many values")
        .at(mark.place())
        .expected(format!("at most {MAX_NODES} values, aliases expanded"))
}

fn refuse_tag(tagged: bool, mark: &Mark) -> Result<()> {
    if tagged {
        return Err(Error::new("YAML tags (`!…`) are not supported")
            .at(mark.place())
            .help("remove the tag, or put text that begins with `!` into quotes"));
    }
    Ok(())
}

/// A scalar's value. One library decides which plain text is a number, a boolean or null: the one that
/// also writes specs.
fn scalar(text: &str, style: ScalarStyle, mark: &Mark) -> Result<Value> {
    let string = Value::String(text.to_owned());
    // Nothing but text has other characters, and some mean something else at the start of a document.
    let plausible = text.len() <= 400
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.~_".contains(c))
        && !matches!(text, "---" | "...");
    if style != ScalarStyle::Plain || !plausible {
        return Ok(string);
    }
    let too_large = || {
        Error::new("the number is too large")
            .at(mark.place())
            .expected(format!("a whole number from {} to {}", i64::MIN, u64::MAX))
            .found(text.to_owned())
    };
    Ok(match serde_yaml::from_str::<serde_yaml::Value>(text) {
        Ok(serde_yaml::Value::Null) => Value::Null,
        Ok(serde_yaml::Value::Bool(value)) => Value::Bool(value),
        Ok(serde_yaml::Value::Number(number)) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(value), ..) => Value::Integer(value.into()),
            (_, Some(value), _) => Value::Integer(value.into()),
            (_, _, Some(value)) => Value::Float(value),
            _ => return Err(too_large()),
        },
        Ok(_) => string,
        // The library has no value for whole numbers beyond 64 bits.
        Err(_) => return Err(too_large()),
    })
}
