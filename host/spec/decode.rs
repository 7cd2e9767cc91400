//! Decodes a [`Node`] tree into a type that derives `serde::Deserialize`, with a place in every error.
//!
//! Unit variants of enums are written as text, variants with a value as a mapping of one key. Whole
//! numbers serve as numbers; the reverse, and text for numbers, are refused. Untagged enums and
//! `flatten` work but lose places: a type that needs them reads a [`Node`] and looks for itself.

use std::cell::RefCell;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::access::{Choice, Entries, Items};
use super::decode_error::{DecodeError, one_of};
use super::edit::join;
use super::tree::{Node, Value, count};
use crate::error::{Error, Result};

pub use super::decode_error::raise;

/// Decodes a tree; `what` names the whole in messages ("the spec", "the space").
///
/// # Errors
/// For an unknown or missing key, a value of the wrong type, or one that the type itself refuses.
pub fn decode<T: DeserializeOwned>(node: &Node, what: &str) -> Result<T> {
    decode_at(node, "", what)
}

/// Decodes a part of a tree that stands at a dotted path.
pub(super) fn decode_at<T: DeserializeOwned>(node: &Node, path: &str, what: &str) -> Result<T> {
    T::deserialize(Decoder { node, path: path.to_owned() }).map_err(|error| error.finish(what))
}

/// A part of the tree, with its dotted path: what a type takes that decodes itself from a [`Node`].
pub(super) struct Part {
    pub(super) node: Node,
    pub(super) path: String,
}

thread_local! {
    /// A part on its way from the decoder to `Part::deserialize`: serde's data model has no room for it.
    static HANDED: RefCell<Option<Part>> = const { RefCell::new(None) };
}

/// The name under which a part is asked for.
const PART: &str = "edas::spec::Part";

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Taker;
        impl Visitor<'_> for Taker {
            type Value = Part;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a part of a YAML tree")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Part, E> {
                HANDED.take().ok_or_else(|| E::custom("only a YAML tree has places"))
            }
        }
        deserializer.deserialize_newtype_struct(PART, Taker)
    }
}

/// Takes any value, with its places. Only [`decode`] provides it.
impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Part::deserialize(deserializer)?.node)
    }
}

/// A part of the tree on its way into a type.
pub(super) struct Decoder<'a> {
    pub(super) node: &'a Node,
    pub(super) path: String,
}

impl<'a> Decoder<'a> {
    pub(super) fn child(&self, segment: &str, node: &'a Node) -> Decoder<'a> {
        Decoder { node, path: join(&self.path, segment) }
    }

    /// Runs a step of decoding and locates its error here, unless it is located further in.
    fn here<T>(&self, result: Result<T, DecodeError>) -> Result<T, DecodeError> {
        result.map_err(|error| error.locate(&self.path, || self.node.place()))
    }

    pub(super) fn wrong_type<T>(&self, expected: impl Into<String>) -> Result<T, DecodeError> {
        self.here(Err(DecodeError::wrong_type(expected, self.node, self.type_help())))
    }

    fn type_help(&self) -> Option<String> {
        self.node.is_null().then(|| "leave the key out to get its default".to_owned())
    }

    fn whole_number(&self, low: i128, high: i128) -> Result<i128, DecodeError> {
        // The bounds of a wide type say something to a number that is outside of them, and to nothing else.
        let outside = matches!(self.node.value, Value::Integer(_));
        let unbounded = high >= i128::from(i64::MAX) || (!outside && high >= i128::from(i32::MAX));
        let expected = || match low {
            0 if unbounded => "a whole number of at least 0".to_owned(),
            _ if unbounded => "a whole number".to_owned(),
            low => format!("a whole number from {low} to {high}"),
        };
        match &self.node.value {
            Value::Integer(value) if (low..=high).contains(value) => Ok(*value),
            Value::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
                let help = Some(format!("write {value:.0}, without a decimal point or an exponent"));
                self.here(Err(DecodeError::wrong_type(expected(), self.node, help)))
            }
            Value::String(text) if text.parse::<i128>().is_ok() => {
                let help = Some("write the number without quotes".to_owned());
                self.here(Err(DecodeError::wrong_type(expected(), self.node, help)))
            }
            _ => self.wrong_type(expected()),
        }
    }

    fn number<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match (&self.node.value, self.node.as_f64()) {
            (_, Some(value)) => self.here(visitor.visit_f64(value)),
            (Value::String(text), _) if text.parse::<f64>().is_ok() => {
                let help = Some("write the number without quotes, within the range of 64-bit numbers".to_owned());
                self.here(Err(DecodeError::wrong_type("a number", self.node, help)))
            }
            _ => self.wrong_type("a number"),
        }
    }

    fn text<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::String(text) => self.here(visitor.visit_borrowed_str(text)),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
                let help = Some(format!("put it into quotes: \"{}\"", self.node.describe()));
                self.here(Err(DecodeError::wrong_type("text", self.node, help)))
            }
            _ => self.wrong_type("text"),
        }
    }

    pub(super) fn list<V: Visitor<'a>>(self, visitor: V, length: Option<usize>) -> Result<V::Value, DecodeError> {
        let expected = length.map_or("a list".into(), |n| format!("a list of {}", count(n, "entry", "entries")));
        match &self.node.value {
            Value::Sequence(items) if length.is_none_or(|n| n == items.len()) => {
                self.here(visitor.visit_seq(Items { decoder: &self, rest: items.iter().enumerate() }))
            }
            _ => self.wrong_type(expected),
        }
    }

    pub(super) fn mapping<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Mapping(entries) => {
                self.here(visitor.visit_map(Entries { decoder: &self, rest: entries.iter(), current: None }))
            }
            _ => self.wrong_type("a mapping (`key: value`)"),
        }
    }
}

/// `deserialize_…` for the whole numbers: the range is the type's.
macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ident,)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let value = self.whole_number($type::MIN as i128, $type::MAX as i128)?;
            // In range: just checked.
            self.here(visitor.$visit(value as $type))
        }
    )*};
}

impl<'a> Deserializer<'a> for Decoder<'a> {
    type Error = DecodeError;

    whole_numbers! {
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_i128 visit_i128 i128,
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Null => self.here(visitor.visit_unit()),
            Value::Bool(value) => self.here(visitor.visit_bool(*value)),
            Value::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => self.here(visitor.visit_u64(value)),
                (_, Ok(value)) => self.here(visitor.visit_i64(value)),
                _ => self.here(visitor.visit_i128(*value)),
            },
            Value::Float(value) => self.here(visitor.visit_f64(*value)),
            Value::String(value) => self.here(visitor.visit_borrowed_str(value)),
            Value::Sequence(_) => self.list(visitor, None),
            Value::Mapping(_) => self.mapping(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node.value {
            Value::Bool(value) => self.here(visitor.visit_bool(value)),
            _ => self.wrong_type("`true` or `false`"),
        }
    }

    fn deserialize_f32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor)
    }

    fn deserialize_f64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor)
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.text(visitor)
    }

    fn deserialize_char<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.text(visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.node.is_null() { self.here(visitor.visit_none()) } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.node.is_null() { self.here(visitor.visit_unit()) } else { self.wrong_type("nothing (null)") }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name != PART {
            return visitor.visit_newtype_struct(self);
        }
        HANDED.set(Some(Part { node: self.node.clone(), path: self.path.clone() }));
        self.here(visitor.visit_unit())
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.list(visitor, None)
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.list(visitor, Some(length))
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.list(visitor, Some(length))
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.mapping(visitor)
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.mapping(visitor)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let choice = match &self.node.value {
            Value::String(name) => Choice { decoder: &self, name, entry: None },
            Value::Mapping(entries) if entries.len() == 1 => {
                Choice { decoder: &self, name: &entries[0].key, entry: Some(&entries[0]) }
            }
            _ => return self.wrong_type(one_of(variants)),
        };
        self.here(visitor.visit_enum(choice))
    }

    forward_to_deserialize_any! { <V: Visitor<'a>> u128 bytes byte_buf unit_struct identifier ignored_any }
}

/// An error about a value, at its place, with its dotted path.
pub(super) fn refuse(part: &Part, what: &str) -> Error {
    part.node.error(format!("`{}` {what}", part.path)).found(part.node.describe())
}
