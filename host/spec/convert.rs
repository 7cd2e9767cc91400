//! [`Node`] trees to and from JSON values, and through serde to YAML text.

use std::path::Path;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::tree::{Entry, Mark, Node, Value, float_text};
use crate::error::{Error, Result};

impl Node {
    /// A tree from a JSON value; its places name `file` as a whole.
    pub fn from_json(json: &serde_json::Value, file: impl AsRef<Path>) -> Node {
        from_json(json, &Mark::file(file))
    }

    /// The tree as a JSON value. A number that is not finite becomes the text `NaN`, `inf` or `-inf`.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => value.into(),
                (_, Ok(value)) => value.into(),
                _ => (*value as f64).into(),
            },
            Value::Float(value) if value.is_finite() => (*value).into(),
            Value::Float(value) => float_text(*value).replace(".nan", "NaN").replace('.', "").into(),
            Value::String(value) => value.as_str().into(),
            Value::Sequence(items) => items.iter().map(Node::to_json).collect(),
            Value::Mapping(entries) => {
                Json::Object(entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect())
            }
        }
    }

    /// The tree as YAML text that reads back to an equal tree.
    ///
    /// # Errors
    /// None for a tree that was read from text.
    pub fn to_yaml(&self) -> Result<String> {
        to_yaml(self)
    }
}

/// Any serialisable value as YAML text.
pub(super) fn to_yaml(value: &impl Serialize) -> Result<String> {
    let failed = |error| Error::new(format!("cannot be written as YAML: {error}"));
    let mut bytes = Vec::new();
    // Variants with a value as mappings of one key: the library's own form for them is a tag.
    let mut serializer = serde_yaml::Serializer::new(&mut bytes);
    serde_yaml::with::singleton_map_recursive::serialize(value, &mut serializer).map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| Error::new(format!("cannot be written as YAML: {error}")))
}

fn from_json(json: &serde_json::Value, mark: &Mark) -> Node {
    use serde_json::Value as Json;
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => Value::Integer(value.into()),
            (_, Some(value)) => Value::Integer(value.into()),
            _ => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(value) => Value::String(value.clone()),
        Json::Array(items) => Value::Sequence(items.iter().map(|item| from_json(item, mark)).collect()),
        Json::Object(entries) => Value::Mapping(
            entries.iter().map(|(key, item)| Entry::new(key.clone(), from_json(item, mark), mark.clone())).collect(),
        ),
    };
    Node::new(value, mark.clone())
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => serializer.serialize_u64(value),
                (_, Ok(value)) => serializer.serialize_i64(value),
                _ => serializer.serialize_i128(*value),
            },
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::String(value) => serializer.serialize_str(value),
            Value::Sequence(items) => serializer.collect_seq(items),
            Value::Mapping(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for entry in entries {
                    map.serialize_entry(&entry.key, &entry.node)?;
                }
                map.end()
            }
        }
    }
}
