//! The policy's memory as plain data: what can be saved in a checkpoint and put back.

use crate::error::{Error, Result};
use rhai::{Array, Dynamic, FLOAT, INT, Map};
use serde_json::{Number, Value, json};

/// A script's value as JSON. Numbers that are not finite become `{"float": "NaN"}` and the like.
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
    if value.is_string() || value.is_char() {
        return Ok(Value::String(value.to_string()));
    }
    if let Some(array) = value.read_lock::<Array>() {
        return array.iter().map(|v| to_json(v, what)).collect();
    }
    if let Some(map) = value.read_lock::<Map>() {
        let entries = map.iter().map(|(key, v)| Ok((key.to_string(), to_json(v, what)?)));
        return entries.collect::<Result<serde_json::Map<_, _>>>().map(Value::Object);
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
        Value::Object(map) => {
            if let (1, Some(Value::String(text))) = (map.len(), map.get("float"))
                && let Ok(number) = text.parse::<FLOAT>()
            {
                return Dynamic::from_float(number);
            }
            Dynamic::from_map(map.iter().map(|(key, v)| (key.as_str().into(), from_json(v))).collect())
        }
    }
}
