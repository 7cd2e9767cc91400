//! The policy's memory as plain data: what can be saved in a checkpoint and put back.

use crate::error::{Error, Result};
use rhai::{Array, Dynamic, FLOAT, INT, Map};
use serde_json::{Number, Value, json};

/// What JSON has no value for is an object of one of these keys: a number that is not finite (`{"float": "NaN"}`), a
/// single character (`{"char": "a"}`), and a map that would look like one of the three (`{"map": {"float": …}}`).
const TAGS: [&str; 3] = ["float", "char", "map"];

/// The only key of a map, if it is a tag.
fn tag<'a>(mut keys: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let first = keys.next().filter(|_| keys.next().is_none())?;
    TAGS.into_iter().find(|tag| *tag == first)
}

/// A script's value as JSON, from which [`from_json`] makes the same value again.
///
/// # Errors
/// Where the value holds anything but texts, numbers, truth values, `()`, arrays and maps.
pub(super) fn to_json(value: &Dynamic, what: &str) -> Result<Value> {
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(v) = value.as_bool() {
        return Ok(Value::Bool(v));
    }
    if let Ok(v) = value.as_int() {
        return Ok(Value::from(v));
    }
    if let Ok(v) = value.as_float() {
        return Ok(Number::from_f64(v).map_or_else(|| json!({ "float": v.to_string() }), Value::Number));
    }
    if let Ok(v) = value.as_char() {
        return Ok(json!({ "char": v }));
    }
    if value.is_string() {
        return Ok(Value::String(value.to_string()));
    }
    if let Some(array) = value.read_lock::<Array>() {
        return array.iter().map(|v| to_json(v, what)).collect();
    }
    if let Some(map) = value.read_lock::<Map>() {
        let entries = map.iter().map(|(key, v)| Ok((key.to_string(), to_json(v, what)?)));
        let object = Value::Object(entries.collect::<Result<_>>()?);
        return Ok(if tag(map.keys().map(|key| key.as_str())).is_some() { json!({ "map": object }) } else { object });
    }
    Err(Error::new(format!("{what} holds something that cannot be saved"))
        .expected("texts, numbers, truth values, (), arrays and maps of them")
        .found(format!("a value of type {}", super::type_name(value)))
        .help("keep an edge's `index`, not the edge itself"))
}

/// The value that [`to_json`] wrote.
pub(super) fn from_json(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(v) => Dynamic::from(*v),
        Value::Number(n) => match n.as_i64() {
            Some(v) => Dynamic::from_int(v as INT),
            None => Dynamic::from_float(n.as_f64().unwrap_or(FLOAT::NAN)),
        },
        Value::String(v) => Dynamic::from(v.clone()),
        Value::Array(list) => Dynamic::from_array(list.iter().map(from_json).collect()),
        Value::Object(map) => match (tag(map.keys().map(String::as_str)), map.values().next()) {
            (Some("float"), Some(Value::String(text))) => Dynamic::from_float(text.parse().unwrap_or(FLOAT::NAN)),
            (Some("char"), Some(Value::String(text))) => text.chars().next().map_or(Dynamic::UNIT, Dynamic::from_char),
            (Some("map"), Some(Value::Object(inner))) => from_entries(inner),
            _ => from_entries(map),
        },
    }
}

fn from_entries(map: &serde_json::Map<String, Value>) -> Dynamic {
    Dynamic::from_map(map.iter().map(|(key, v)| (key.as_str().into(), from_json(v))).collect())
}
