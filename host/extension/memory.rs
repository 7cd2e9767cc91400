//! What the other side passes by pointer and length, as slices, texts and attributes.

use crate::error::{Error, Result};
use edas_plugin::abi;
use std::fmt;

/// The most bytes that a list or text of a plugin's may have: far above what is useful.
const MOST_BYTES: usize = 1 << 30;

/// # Errors
/// Where the pointer is null, but a length is given, or no list could lie there.
///
/// # Safety
/// `data` points to `length` elements that live until the caller returns, or `length` is 0.
pub unsafe fn slice<'a, T>(data: *const T, length: usize) -> Result<&'a [T]> {
    match (length, data.is_null()) {
        (0, _) => Ok(&[]),
        (_, true) => Err(Error::new("a null pointer was passed with a length")),
        _ if length > MOST_BYTES / size_of::<T>().max(1) || !data.is_aligned() => {
            Err(Error::new("a pointer was passed with an impossible length, or one that does not lie where it could"))
        }
        // SAFETY: the caller vouches for the memory; null, and what cannot be a list, was excluded.
        _ => Ok(unsafe { std::slice::from_raw_parts(data, length) }),
    }
}

/// # Errors
/// Where the text is not UTF-8.
///
/// # Safety
/// As [`fn@slice`].
pub unsafe fn text<'a>(text: abi::Text) -> Result<&'a str> {
    // SAFETY: as above; where no list could lie there, none is read.
    unsafe { slice(text.data, text.length)? };
    // SAFETY: the caller vouches for the memory.
    unsafe { text.as_str() }.ok_or_else(|| Error::new("a text is not valid UTF-8"))
}

/// Writes text to a sink of the other side's.
///
/// # Safety
/// `sink` is null, or valid for the time of the call.
pub unsafe fn say(sink: *const abi::Sink, text: &str) {
    // SAFETY: the caller vouches for the sink; the text outlives the call.
    unsafe {
        if let Some(sink) = sink.as_ref()
            && let Some(write) = sink.write
        {
            write(sink.context, text.as_ptr(), text.len());
        }
    }
}

/// Whether a name can be written in a spec, and after `op-set:`.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_control() || c.is_whitespace() || c == ':')
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A truth value.
    Boolean(bool),
    /// A text.
    Text(String),
    /// A list of whole numbers.
    Integers(Vec<i64>),
    /// A list of numbers.
    Numbers(Vec<f64>),
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(v) => write!(f, "{v}"),
            Self::Number(v) => write!(f, "{v}"),
            Self::Boolean(v) => write!(f, "{v}"),
            Self::Text(v) => write!(f, "{v}"),
            Self::Integers(v) => write!(f, "{v:?}"),
            Self::Numbers(v) => write!(f, "{v:?}"),
        }
    }
}

impl Attribute {
    /// Name and value of an attribute.
    ///
    /// # Errors
    /// Where its kind is unknown, or it holds no valid text or list.
    ///
    /// # Safety
    /// The attribute's pointers live until the caller returns.
    pub unsafe fn read(a: &abi::Attribute) -> Result<(String, Self)> {
        // SAFETY: the caller vouches for texts and lists.
        unsafe {
            let value = match a.kind {
                abi::KIND_INTEGER => Self::Integer(a.integer),
                abi::KIND_NUMBER => Self::Number(a.number),
                abi::KIND_BOOLEAN => Self::Boolean(a.integer != 0),
                abi::KIND_TEXT => Self::Text(text(a.text)?.to_owned()),
                abi::KIND_INTEGERS => Self::Integers(slice(a.integers, a.length)?.to_vec()),
                abi::KIND_NUMBERS => Self::Numbers(slice(a.numbers, a.length)?.to_vec()),
                kind => return Err(Error::new(format!("an attribute has the unknown kind {kind}"))),
            };
            Ok((text(a.name)?.to_owned(), value))
        }
    }

    /// Names and values of a list of attributes.
    ///
    /// # Errors
    /// As [`Attribute::read`].
    ///
    /// # Safety
    /// As [`fn@slice`], and as [`Attribute::read`] for each.
    pub unsafe fn read_all(list: *const abi::Attribute, count: usize) -> Result<Vec<(String, Self)>> {
        // SAFETY: the caller vouches for all of it.
        unsafe { slice(list, count)?.iter().map(|a| Self::read(a)).collect() }
    }

    /// The attribute for the other side. It must not be used after name and value are gone.
    pub fn to_abi(&self, name: &str) -> abi::Attribute {
        let mut a = abi::Attribute { name: abi::Text::new(name), ..abi::Attribute::EMPTY };
        match self {
            Self::Integer(v) => a.integer = *v,
            Self::Number(v) => (a.kind, a.number) = (abi::KIND_NUMBER, *v),
            Self::Boolean(v) => (a.kind, a.integer) = (abi::KIND_BOOLEAN, i64::from(*v)),
            Self::Text(v) => (a.kind, a.text) = (abi::KIND_TEXT, abi::Text::new(v)),
            Self::Integers(v) => (a.kind, a.integers, a.length) = (abi::KIND_INTEGERS, v.as_ptr(), v.len()),
            Self::Numbers(v) => (a.kind, a.numbers, a.length) = (abi::KIND_NUMBERS, v.as_ptr(), v.len()),
        }
        a
    }
}
