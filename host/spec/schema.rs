//! The JSON schema of the spec file, for editors and for the range checks.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::{Value as Json, json};

use super::Spec;

/// The JSON schema (draft 2020-12) of a spec file, with every key, default, range and description.
pub fn schema() -> Json {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Spec>().to_value()
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
        let (search, evaluation) = (with(&["space", "policy"]), with(&["evaluate"]));
        let extending = json!({ "required": ["extends"], "properties": { "extends": { "type": "string" } } });
        schema.insert("anyOf".into(), json!([search, evaluation, extending]));
    }
}
