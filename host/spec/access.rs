//! How decoding walks through lists, mappings and choices, and where it places what goes wrong there.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::decode::Decoder;
use super::decode_error::DecodeError;
use super::tree::{Entry, Node};

/// The entries of a list.
pub(super) struct Items<'d, 'a> {
    pub(super) decoder: &'d Decoder<'a>,
    pub(super) rest: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
}

impl<'a> de::SeqAccess<'a> for Items<'_, 'a> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        let Some((index, node)) = self.rest.next() else { return Ok(None) };
        let child = self.decoder.child(&index.to_string(), node);
        let (path, node) = (child.path.clone(), child.node);
        seed.deserialize(child).map(Some).map_err(|error| error.locate(&path, || node.place()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The keys and values of a mapping.
pub(super) struct Entries<'d, 'a> {
    pub(super) decoder: &'d Decoder<'a>,
    pub(super) rest: std::slice::Iter<'a, Entry>,
    pub(super) current: Option<&'a Entry>,
}

impl<'a> de::MapAccess<'a> for Entries<'_, 'a> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        self.current = self.rest.next();
        let Some(entry) = self.current else { return Ok(None) };
        let key: StrDeserializer<'a, DecodeError> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|error| error.locate(&self.decoder.path, || entry.place()))
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let Some(entry) = self.current else { return Err(de::Error::custom("a value without its key")) };
        let child = self.decoder.child(&entry.key, &entry.node);
        let path = child.path.clone();
        seed.deserialize(child).map_err(|error| error.locate(&path, || entry.node.place()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A variant of an enum: a name, and the entry that holds its value if it was written with one.
pub(super) struct Choice<'d, 'a> {
    pub(super) decoder: &'d Decoder<'a>,
    pub(super) name: &'a str,
    pub(super) entry: Option<&'a Entry>,
}

impl<'d, 'a> de::EnumAccess<'a> for Choice<'d, 'a> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Self), DecodeError> {
        let name: StrDeserializer<'a, DecodeError> = self.name.into_deserializer();
        let place = || self.entry.map_or_else(|| self.decoder.node.place(), Entry::place);
        let variant = seed.deserialize(name).map_err(|error| error.locate(&self.decoder.path, place))?;
        Ok((variant, self))
    }
}

impl<'a> Choice<'_, 'a> {
    fn value(&self) -> Result<Decoder<'a>, DecodeError> {
        let name = self.name;
        let missing = || self.decoder.wrong_type(format!("`{name}` with its value: {{{name}: …}}"));
        self.entry.map_or_else(missing, |entry| Ok(self.decoder.child(name, &entry.node)))
    }
}

impl<'a> de::VariantAccess<'a> for Choice<'_, 'a> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        match self.entry {
            None => Ok(()),
            Some(_) => self.decoder.wrong_type(format!("`{}` alone, without a value", self.name)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, DecodeError> {
        let value = self.value()?;
        let (path, node) = (value.path.clone(), value.node);
        seed.deserialize(value).map_err(|error| error.locate(&path, || node.place()))
    }

    fn tuple_variant<V: Visitor<'a>>(self, length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.value()?.list(visitor, Some(length))
    }

    fn struct_variant<V: Visitor<'a>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, DecodeError> {
        self.value()?.mapping(visitor)
    }
}
