//! Parameters of operations, spaces and policies: what a spec may set, and what holds when it does not.

use crate::abi;

/// The value of a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Argument {
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A truth value.
    Boolean(bool),
    /// One of the declared words.
    Word(&'static str),
}

/// A parameter: what a spec may set, and what holds when it does not.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// The name.
    pub name: &'static str,
    /// What it means, for people.
    pub doc: &'static str,
    /// The value where the spec gives none; its kind is the parameter's kind.
    pub default: Argument,
    /// The lowest value of a number (included).
    pub minimum: f64,
    /// The highest value of a number (included).
    pub maximum: f64,
    /// The lowest value of a whole number (included).
    pub least: i64,
    /// The highest value of a whole number (included).
    pub most: i64,
    /// The words that it may be.
    pub words: &'static [&'static str],
    texts: &'static [abi::Text],
}

impl Parameter {
    const fn new(name: &'static str, doc: &'static str, default: Argument, minimum: f64, maximum: f64) -> Self {
        Self { name, doc, default, minimum, maximum, least: 0, most: 0, words: &[], texts: &[] }
    }

    /// A whole number between two others, both included.
    pub const fn integer(name: &'static str, doc: &'static str, default: i64, minimum: i64, maximum: i64) -> Self {
        Self { least: minimum, most: maximum, ..Self::new(name, doc, Argument::Integer(default), 0.0, 0.0) }
    }

    /// A number between two others, both included.
    pub const fn number(name: &'static str, doc: &'static str, default: f64, minimum: f64, maximum: f64) -> Self {
        Self::new(name, doc, Argument::Number(default), minimum, maximum)
    }

    /// Yes or no.
    pub const fn boolean(name: &'static str, doc: &'static str, default: bool) -> Self {
        Self::new(name, doc, Argument::Boolean(default), 0.0, 1.0)
    }

    /// One of several words; the first is the default.
    pub const fn word<const N: usize>(name: &'static str, doc: &'static str, words: &'static Words<N>) -> Self {
        Self {
            words: &words.words,
            texts: &words.texts,
            ..Self::new(name, doc, Argument::Word(words.words[0]), 0.0, 0.0)
        }
    }

    pub(crate) fn describe(&self, info: &mut abi::ParameterInfo) {
        let mut value = abi::Attribute { name: abi::Text::new(self.name), ..abi::Attribute::EMPTY };
        match self.default {
            Argument::Integer(v) => value.integer = v,
            Argument::Number(v) => (value.kind, value.number) = (abi::KIND_NUMBER, v),
            Argument::Boolean(v) => (value.kind, value.integer) = (abi::KIND_BOOLEAN, i64::from(v)),
            Argument::Word(v) => (value.kind, value.text) = (abi::KIND_TEXT, abi::Text::new(v)),
        }
        info.default_value = value;
        info.doc = abi::Text::new(self.doc);
        (info.minimum, info.maximum) = (self.minimum, self.maximum);
        (info.least, info.most) = (self.least, self.most);
        (info.words, info.word_count) = (self.texts.as_ptr(), self.texts.len());
    }
}

/// The words that a parameter may be, for [`Parameter::word`].
pub struct Words<const N: usize> {
    words: [&'static str; N],
    texts: [abi::Text; N],
}

impl<const N: usize> Words<N> {
    /// These words; the first is the default.
    pub const fn new(words: [&'static str; N]) -> Self {
        let mut texts = [abi::Text::EMPTY; N];
        let mut i = 0;
        while i < N {
            texts[i] = abi::Text::new(words[i]);
            i += 1;
        }
        Self { words, texts }
    }
}

/// The values of all declared parameters, defaults filled in. A question for one that was not declared, or is of another
/// kind, panics: the host reports it as the plugin's mistake.
#[derive(Debug, Clone, Default)]
pub struct Arguments(Vec<(&'static str, Argument)>);

impl Arguments {
    /// # Safety
    /// `values` points to `count` attributes, valid for the time of the call.
    pub(crate) unsafe fn read(
        declared: &'static [Parameter],
        values: *const abi::Attribute,
        count: usize,
    ) -> Result<Self, String> {
        if count != declared.len() || (values.is_null() && count > 0) {
            return Err(format!("{count} parameters were passed, {} are declared", declared.len()));
        }
        let read = |(i, parameter): (usize, &'static Parameter)| {
            // SAFETY: the caller vouches for `count` attributes.
            let value = unsafe { &*values.add(i) };
            let value = match parameter.default {
                Argument::Integer(_) => Argument::Integer(value.integer),
                Argument::Number(_) => Argument::Number(value.number),
                Argument::Boolean(_) => Argument::Boolean(value.integer != 0),
                Argument::Word(_) => {
                    // SAFETY: the host's text lives until the call returns.
                    let word = unsafe { value.text.as_str() }.unwrap_or_default();
                    let known = parameter.words.iter().find(|w| **w == word);
                    Argument::Word(known.ok_or_else(|| format!("`{}` cannot be `{word}`", parameter.name))?)
                }
            };
            Ok((parameter.name, value))
        };
        declared.iter().enumerate().map(read).collect::<Result<_, String>>().map(Self)
    }

    fn find(&self, name: &str) -> Argument {
        match self.0.iter().find(|(n, _)| *n == name) {
            Some((_, argument)) => *argument,
            None => panic!("no parameter named `{name}` is declared"),
        }
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> i64 {
        match self.find(name) {
            Argument::Integer(value) => value,
            other => panic!("the parameter `{name}` is no whole number but {other:?}"),
        }
    }

    /// A number.
    pub fn number(&self, name: &str) -> f64 {
        match self.find(name) {
            Argument::Number(value) => value,
            Argument::Integer(value) => value as f64,
            other => panic!("the parameter `{name}` is no number but {other:?}"),
        }
    }

    /// A truth value.
    pub fn boolean(&self, name: &str) -> bool {
        match self.find(name) {
            Argument::Boolean(value) => value,
            other => panic!("the parameter `{name}` is no truth value but {other:?}"),
        }
    }

    /// A word.
    pub fn word(&self, name: &str) -> &'static str {
        match self.find(name) {
            Argument::Word(value) => value,
            other => panic!("the parameter `{name}` is no word but {other:?}"),
        }
    }
}
