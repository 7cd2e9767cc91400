//! Range checks from the JSON schema: the one definition that editors, docs and this check share.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value as Json;

use super::edit::join;
use super::tree::{Node, Value, count, float_text};
use crate::error::{Error, Result};

/// Checks every number, text and list in the tree against the bounds in the schema of `T`; says nothing
/// about types and keys, which decoding checks.
///
/// # Errors
/// For the first value out of bounds, with its place, the bounds and what was found.
pub fn check_ranges<T: JsonSchema>(node: &Node) -> Result<()> {
    let schema = SchemaGenerator::from(SchemaSettings::draft2020_12()).into_root_schema_for::<T>();
    let root = schema.as_value();
    Walker { root }.check(root, node, "")
}

struct Walker<'s> {
    root: &'s Json,
}

impl<'s> Walker<'s> {
    fn check(&self, schema: &'s Json, node: &Node, path: &str) -> Result<()> {
        if let Some(target) = self.target(schema) {
            self.check(target, node, path)?;
        }
        for part in list(schema, "allOf") {
            self.check(part, node, path)?;
        }
        for key in ["anyOf", "oneOf"] {
            self.check_choice(list(schema, key), node, path)?;
        }
        match &node.value {
            Value::Integer(_) | Value::Float(_) if is_number(schema) => check_number(schema, node, path),
            Value::String(text) => {
                let length = text.chars().count();
                check_length(
                    schema,
                    ("minLength", "maxLength"),
                    ("text of", "character", "characters"),
                    length,
                    node,
                    path,
                )
            }
            Value::Sequence(items) => {
                check_length(
                    schema,
                    ("minItems", "maxItems"),
                    ("a list of", "entry", "entries"),
                    items.len(),
                    node,
                    path,
                )?;
                let Some(schema) = schema.get("items") else { return Ok(()) };
                let mut numbered = items.iter().enumerate();
                numbered.try_for_each(|(i, item)| self.check(schema, item, &join(path, &i.to_string())))
            }
            Value::Mapping(entries) => {
                for entry in entries {
                    let property = schema.get("properties").and_then(|properties| properties.get(&entry.key));
                    if let Some(schema) = property.or_else(|| schema.get("additionalProperties")) {
                        self.check(schema, &entry.node, &join(path, &entry.key))?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Where a `$ref` leads.
    fn target(&self, schema: &Json) -> Option<&'s Json> {
        let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    /// Passes if one alternative of the right shape does; reports the first of them otherwise.
    fn check_choice(&self, alternatives: &'s [Json], node: &Node, path: &str) -> Result<()> {
        let mut first = None;
        for alternative in alternatives.iter().filter(|schema| self.fits(schema, node)) {
            match self.check(alternative, node, path) {
                Ok(()) => return Ok(()),
                Err(error) => first = first.or(Some(error)),
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// Whether a value has the shape of a schema, bounds aside.
    fn fits(&self, schema: &'s Json, node: &Node) -> bool {
        if let Some(target) = self.target(schema)
            && !self.fits(target, node)
        {
            return false;
        }
        let wanted = list(schema, "required").iter().filter_map(Json::as_str);
        let fixed = schema.get("const").is_none_or(|value| *value == node.to_json());
        let listed = schema.get("enum").is_none_or(|_| list(schema, "enum").contains(&node.to_json()));
        fixed && listed && has_type(schema, node) && wanted.into_iter().all(|key| node.entry(key).is_some())
    }
}

fn list<'s>(schema: &'s Json, key: &str) -> &'s [Json] {
    schema.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// The types that a schema allows; none if it allows every type.
fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_number(schema: &Json) -> bool {
    types(schema).iter().any(|name| matches!(*name, "integer" | "number"))
}

fn has_type(schema: &Json, node: &Node) -> bool {
    let types = types(schema);
    let has = |name: &str| types.contains(&name);
    types.is_empty()
        || match node.value {
            Value::Null => has("null"),
            Value::Bool(_) => has("boolean"),
            Value::Integer(_) => has("integer") || has("number"),
            Value::Float(_) => has("number"),
            Value::String(_) => has("string"),
            Value::Sequence(_) => has("array"),
            Value::Mapping(_) => has("object"),
        }
}

fn check_number(schema: &Json, node: &Node, path: &str) -> Result<()> {
    let whole = types(schema).contains(&"integer");
    if whole && matches!(node.value, Value::Float(_)) {
        return Ok(()); // a wrong type, which decoding reports
    }
    let value = node.as_f64().unwrap_or(f64::NAN);
    let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
    let (low, high) = (bound("minimum"), bound("maximum"));
    let (above, below) = (bound("exclusiveMinimum"), bound("exclusiveMaximum"));
    let inside = value.is_finite()
        && low.is_none_or(|bound| value >= bound)
        && high.is_none_or(|bound| value <= bound)
        && above.is_none_or(|bound| value > bound)
        && below.is_none_or(|bound| value < bound);
    if inside {
        return Ok(());
    }
    let written = |bound: f64| if whole { format!("{bound:.0}") } else { short(bound) };
    // Of two lower bounds, the exclusive one is the narrower: that is how the types use them.
    let lower = match (above, low) {
        (Some(bound), _) => Some(format!("above {}", written(bound))),
        (_, Some(bound)) => Some(format!("of at least {}", written(bound))),
        _ => None,
    };
    let upper = match (below, high) {
        (Some(bound), _) => Some(format!("below {}", written(bound))),
        (_, Some(bound)) => Some(format!("at most {}", written(bound))),
        _ => None,
    };
    let bounds = match (above.or(below), low, high) {
        (None, Some(low), Some(high)) => format!("from {} to {}", written(low), written(high)),
        _ => match (lower, upper) {
            (Some(lower), Some(upper)) => format!("{lower} and {upper}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => "that is finite".into(),
        },
    };
    let expected = format!("{} {bounds}", if whole { "a whole number" } else { "a number" });
    Err(out_of_range(node, path).expected(expected).found(node.describe()))
}

fn check_length(
    schema: &Json,
    (min, max): (&str, &str),
    (noun, one, many): (&str, &str, &str),
    length: usize,
    node: &Node,
    path: &str,
) -> Result<()> {
    let bound = |key: &str| schema.get(key).and_then(Json::as_u64).map(|bound| bound as usize);
    let (low, high) = (bound(min), bound(max));
    if low.is_none_or(|low| length >= low) && high.is_none_or(|high| length <= high) {
        return Ok(());
    }
    let wanted = match (low, high) {
        (Some(low), Some(high)) if low == high => count(low, one, many),
        (Some(low), Some(high)) => format!("{low} to {}", count(high, one, many)),
        (Some(low), None) => format!("at least {}", count(low, one, many)),
        (None, high) => format!("at most {}", count(high.unwrap_or(usize::MAX), one, many)),
    };
    let error = node.error(format!("`{path}` has the wrong length"));
    Err(error.expected(format!("{noun} {wanted}")).found(node.describe()))
}

fn out_of_range(node: &Node, path: &str) -> Error {
    node.error(format!("`{path}` is out of range"))
}

/// A bound without a needless `.0`.
fn short(bound: f64) -> String {
    let text = float_text(bound);
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}
