//! The lines of a log that may still be written, was cut off, or is damaged.

use crate::run::record::not_finite;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

/// A longer line is none of a log.
const LONGEST: u64 = 1 << 26;

/// Reads the lines of a file, one after the other, in little memory. Returns what is missing: that there is no such file, lines that `take`
/// refuses, and a last one that was cut off.
pub(super) fn each_line(file: &Path, mut take: impl FnMut(&[u8]) -> bool) -> Vec<String> {
    let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut reader = match File::open(file) {
        Ok(opened) => BufReader::with_capacity(1 << 18, opened),
        Err(e) if e.kind() == ErrorKind::NotFound => return vec![format!("there is no {name}")],
        Err(e) => return vec![format!("{name} cannot be read: {e}")],
    };
    let (mut line, mut missing) = (Vec::new(), Vec::new());
    let (mut number, mut first, mut damaged) = (0_u64, 0, 0_u64);
    loop {
        line.clear();
        match reader.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) if line.last() != Some(&b'\n') => {
                missing
                    .push(format!("the last line of {name} is not whole: it is still being written, or was cut off"));
                break;
            }
            Ok(_) => {}
            Err(e) => {
                missing.push(format!("{name} cannot be read beyond line {number}: {e}"));
                break;
            }
        }
        number += 1;
        if !take(&line[..line.len() - 1]) {
            first = if damaged == 0 { number } else { first };
            damaged += 1;
        }
    }
    match damaged {
        0 => {}
        1 => missing.push(format!("line {first} of {name} is damaged and left out")),
        more => {
            missing.push(format!("{more} lines of {name} are damaged and left out, the first of them line {first}"))
        }
    }
    missing
}

/// A number as logs write it: one that is not finite is a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number(pub(super) f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                not_finite(text).map(Number).ok_or_else(|| E::custom("no number"))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A line of `metrics.jsonl`, of whichever kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metrics<'a> {
    #[serde(borrow)]
    pub(super) kind: Cow<'a, str>,
    pub(super) iteration: Option<u64>,
    pub(super) epoch: Option<u64>,
    pub(super) search_loss: Option<Number>,
    pub(super) train_loss: Option<Number>,
    pub(super) search_accuracy: Option<Number>,
    pub(super) train_accuracy: Option<Number>,
    pub(super) supernet_accuracy: Option<Number>,
    pub(super) derived_accuracy: Option<Number>,
    pub(super) test_loss: Option<Number>,
    pub(super) test_accuracy: Option<Number>,
    pub(super) learning_rate: Option<Number>,
    pub(super) seconds: Option<Number>,
}

/// A line of `trace.jsonl`.
#[derive(Debug, Deserialize)]
pub(super) struct Trace<'a> {
    pub(super) epoch: u64,
    pub(super) inverted: bool,
    #[serde(borrow)]
    pub(super) relaxed: Vec<Drawn<'a>>,
    #[serde(borrow)]
    pub(super) gates: Vec<Gate<'a>>,
}

/// A drawn edge.
#[derive(Debug, Deserialize)]
pub(super) struct Drawn<'a> {
    #[serde(borrow)]
    pub(super) cell: Cow<'a, str>,
    pub(super) edge: usize,
    pub(super) index: usize,
}

/// What an edge ran.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Gate<'a> {
    /// Nothing.
    Off,
    /// One candidate.
    Alone(Cow<'a, str>),
    /// Several, in a softmax.
    Softmax(Vec<Cow<'a, str>>),
}

/// A text that is borrowed where that is possible.
struct Word<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Word<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Word<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Word<'de>, E> {
                Ok(Word(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Word<'de>, E> {
                Ok(Word(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Any)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Gate<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Gate<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a gate")
            }
            fn visit_unit<E>(self) -> Result<Gate<'de>, E> {
                Ok(Gate::Off)
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Gate<'de>, E> {
                Ok(Gate::Alone(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Gate<'de>, E> {
                Ok(Gate::Alone(Cow::Owned(text.to_owned())))
            }
            fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Gate<'de>, M::Error> {
                let mut gate = None;
                while let Some(Word(key)) = map.next_key()? {
                    match key.as_ref() {
                        "relaxed" | "straight_through" => {
                            let names: Vec<Word<'de>> = map.next_value()?;
                            gate = Some(Gate::Softmax(names.into_iter().map(|Word(name)| name).collect()));
                        }
                        "only" => gate = Some(Gate::Alone(map.next_value::<Word<'de>>()?.0)),
                        _ => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                gate.ok_or_else(|| M::Error::custom("no gate"))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
