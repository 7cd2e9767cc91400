//! The JSON schema of the spec file, for editors and for the range checks.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::{Value as Json, json};

use super::Spec;
use super::load::transfer_defaults;

/// The JSON schema (draft 2020-12) of a spec file, with every key, default, range and description.
pub fn schema() -> Json {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Spec>().to_value();
    add_transfer(&mut schema);
    schema
}

/// `transfer` has the keys of `evaluate` with other defaults: a definition of its own, for editors.
fn add_transfer(schema: &mut Json) {
    let (Ok(defaults), Some(mut own)) = (transfer_defaults(), schema.pointer("/$defs/Evaluate").cloned()) else {
        return;
    };
    if let Some(properties) = own.pointer_mut("/properties").and_then(Json::as_object_mut) {
        for (key, property) in properties {
            if let (Some(property), Some(default)) = (property.as_object_mut(), defaults.get(key)) {
                property.insert("default".into(), default.clone());
            }
        }
    }
    schema["$defs"]["Transfer"] = own;
    if let Some(choices) = schema.pointer_mut("/properties/transfer/anyOf").and_then(Json::as_array_mut) {
        choices.iter_mut().filter(|choice| choice.get("$ref").is_some()).for_each(|choice| {
            choice["$ref"] = json!("#/$defs/Transfer");
        });
    }
}

/// Adds what the type of a resolved spec does not say about the file.
pub(super) fn complete(schema: &mut Schema) {
    schema.insert("$id".into(), json!("urn:edas:spec:1"));
    if let Some(extends) = schema.pointer_mut("/properties/extends").and_then(Json::as_object_mut) {
        extends.remove("writeOnly");
        extends.insert("default".into(), Json::Null);
    }
    // Whatever `extends` provides need not be written again.
    if let Some(required) = schema.remove("required") {
        let with = |more: &[&str]| {
            let written = required.as_array().into_iter().flatten().filter_map(Json::as_str);
            json!({ "required": written.chain(more.iter().copied()).collect::<Vec<_>>() })
        };
        let (search, evaluation, transfer) = (with(&["space", "policy"]), with(&["evaluate"]), with(&["transfer"]));
        let extending = json!({ "required": ["extends"], "properties": { "extends": { "type": "string" } } });
        schema.insert("anyOf".into(), json!([search, evaluation, transfer, extending]));
    }
}
