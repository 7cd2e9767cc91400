//! Texts, sinks, attributes and parameters.

use std::ffi::c_void;

/// UTF-8 text with a length.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    /// The first byte; may be null where the length is 0.
    pub data: *const u8,
    /// The number of bytes.
    pub length: usize,
}

impl Text {
    /// No text.
    ///
    /// cbindgen:ignore
    pub const EMPTY: Self = Self::new("");

    /// The text of a string. It must not be used after the string is gone.
    pub const fn new(text: &str) -> Self {
        Self { data: text.as_ptr(), length: text.len() }
    }

    /// The text as a string, or `None` where it is not UTF-8 or null with a length.
    ///
    /// # Safety
    /// `data` and `length` must describe readable memory that lives for `'a`.
    pub unsafe fn as_str<'a>(self) -> Option<&'a str> {
        if self.length == 0 {
            return Some("");
        }
        if self.data.is_null() {
            return None;
        }
        // SAFETY: the caller vouches for the memory; null was excluded.
        std::str::from_utf8(unsafe { std::slice::from_raw_parts(self.data, self.length) }).ok()
    }
}

// SAFETY: a text is a pointer to memory that its owner keeps unchanged; sharing it shares only reads.
unsafe impl Send for Text {}
// SAFETY: as above.
unsafe impl Sync for Text {}

/// A place that takes text or state from the other side. May be written to more than once; the pieces are joined.
#[repr(C)]
pub struct Sink {
    /// Handed back to `write`.
    pub context: *mut c_void,
    /// Takes a piece, valid until it returns: UTF-8 where text is asked for (it may be cut within a character), any bytes
    /// where state is. Thread: the one that was given the sink, before the call that was given it returns.
    pub write: Option<unsafe extern "C-unwind" fn(context: *mut c_void, data: *const u8, length: usize)>,
}

/// The kinds of an [`Attribute`]'s value.
pub mod kind {
    /// `integer` holds the value.
    pub const KIND_INTEGER: u32 = 0;
    /// `number` holds the value.
    pub const KIND_NUMBER: u32 = 1;
    /// `integer` holds the value, 0 or 1.
    pub const KIND_BOOLEAN: u32 = 2;
    /// `text` holds the value.
    pub const KIND_TEXT: u32 = 3;
    /// `integers` and `length` hold the values.
    pub const KIND_INTEGERS: u32 = 4;
    /// `numbers` and `length` hold the values.
    pub const KIND_NUMBERS: u32 = 5;
}
pub use kind::*;

/// A named value: an attribute of a layer, or a parameter of an operation, space or policy.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Attribute {
    /// The name.
    pub name: Text,
    /// One of the kinds: `KIND_INTEGER` and so on.
    pub kind: u32,
    /// The value of a whole number or a truth value.
    pub integer: i64,
    /// The value of a number.
    pub number: f64,
    /// The value of a text.
    pub text: Text,
    /// The values of a list of whole numbers.
    pub integers: *const i64,
    /// The values of a list of numbers.
    pub numbers: *const f64,
    /// The length of the list.
    pub length: usize,
}

impl Attribute {
    /// The whole number 0, without a name: what the other kinds are made of.
    ///
    /// cbindgen:ignore
    pub const EMPTY: Self = Self {
        name: Text::EMPTY,
        kind: KIND_INTEGER,
        integer: 0,
        number: 0.0,
        text: Text::EMPTY,
        integers: std::ptr::null(),
        numbers: std::ptr::null(),
        length: 0,
    };
}

/// What a parameter of an operation, space or policy may be. Filled in by the plugin's `describe_parameter`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ParameterInfo {
    /// The size of this table in bytes, set by the caller.
    pub size: usize,
    /// Name, kind and default value: a whole number, a number, a truth value, or a word (a text).
    pub default_value: Attribute,
    /// What it means, for people. Lives as long as the library.
    pub doc: Text,
    /// The lowest value of a number (included).
    pub minimum: f64,
    /// The highest value of a number (included).
    pub maximum: f64,
    /// The lowest value of a whole number (included).
    pub least: i64,
    /// The highest value of a whole number (included).
    pub most: i64,
    /// The words that a text may be. They live as long as the library.
    pub words: *const Text,
    /// Their number.
    pub word_count: usize,
}

impl ParameterInfo {
    /// A table to be filled in.
    ///
    /// cbindgen:ignore
    pub const EMPTY: Self = Self {
        size: size_of::<Self>(),
        default_value: Attribute::EMPTY,
        doc: Text::EMPTY,
        minimum: 0.0,
        maximum: 0.0,
        least: 0,
        most: 0,
        words: std::ptr::null(),
        word_count: 0,
    };
}

/// What a thing that a plugin offers (a space, a policy) is called. Filled in by the plugin's `describe`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Info {
    /// The size of this table in bytes, set by the caller.
    pub size: usize,
    /// The name, as specs write it. Lives as long as the library.
    pub name: Text,
    /// What it is, for people. Lives as long as the library.
    pub doc: Text,
    /// The number of its parameters.
    pub parameter_count: usize,
}

impl Info {
    /// A table to be filled in.
    ///
    /// cbindgen:ignore
    pub const EMPTY: Self = Self { size: size_of::<Self>(), name: Text::EMPTY, doc: Text::EMPTY, parameter_count: 0 };
}
