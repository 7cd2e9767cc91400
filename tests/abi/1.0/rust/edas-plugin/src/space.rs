//! Search spaces that a plugin offers.

use crate::parameter::{Arguments, Parameter};

/// A search space: a text in the YAML form in which a file would hold it.
#[derive(Clone, Copy)]
pub struct Space {
    /// The name, as specs write it.
    pub name: &'static str,
    /// What it is, for people.
    pub doc: &'static str,
    /// What a spec may set.
    pub parameters: &'static [Parameter],
    /// Where the text comes from.
    pub text: SpaceText,
}

/// Where the text of a space comes from.
#[derive(Clone, Copy)]
pub enum SpaceText {
    /// It is always the same.
    Fixed(&'static str),
    /// It follows from the space's parameters.
    Written(fn(&Arguments) -> Result<String, String>),
}

impl Space {
    /// A space of one text: `include_str!("my_space.yaml")`.
    pub const fn fixed(name: &'static str, doc: &'static str, text: &'static str) -> Self {
        Self { name, doc, parameters: &[], text: SpaceText::Fixed(text) }
    }

    /// A space whose text follows from its parameters.
    pub const fn written(
        name: &'static str,
        doc: &'static str,
        write: fn(&Arguments) -> Result<String, String>,
    ) -> Self {
        Self { name, doc, parameters: &[], text: SpaceText::Written(write) }
    }

    /// The text under these parameters.
    pub(crate) fn write(&self, arguments: &Arguments) -> Result<String, String> {
        match self.text {
            SpaceText::Fixed(text) => Ok(text.to_owned()),
            SpaceText::Written(write) => write(arguments),
        }
    }

    /// The same space with parameters.
    pub const fn with_parameters(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }
}
