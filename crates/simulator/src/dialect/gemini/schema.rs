//! Gemini's own schema form: which words it knows, and how its upper-case types read in JSON schema.

use serde_json::Value;

use super::Gemini;
use super::request::unknown;
use crate::dialect::Problem;

/// Words of a schema. Everything else is refused by name.
const WORDS: [&str; 30] = [
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "items",
    "properties",
    "required",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "propertyOrdering",
    "default",
    "any_of",
    "property_ordering",
    "min_items",
    "max_items",
    "min_length",
    "max_length",
    "min_properties",
    "max_properties",
];
/// Words that the cloud's schema has beside these.
const CLOUD_WORDS: [&str; 5] = [
    "additionalProperties",
    "additional_properties",
    "ref",
    "defs",
    "$ref",
];
const TYPES: [&str; 8] = [
    "TYPE_UNSPECIFIED",
    "STRING",
    "NUMBER",
    "INTEGER",
    "BOOLEAN",
    "ARRAY",
    "OBJECT",
    "NULL",
];

/// Refuses a schema with words or types that Gemini does not know.
pub(super) fn check(host: Gemini, schema: &Value, at: &str) -> Result<(), Problem> {
    let Some(fields) = schema.as_object() else {
        return Err(Problem::bad(format!(
            "Invalid value at '{at}' (type.googleapis.com/google.ai.generativelanguage.v1beta.Schema), {schema}"
        )));
    };
    let is_known =
        |name: &str| WORDS.contains(&name) || (host.is_vertex() && CLOUD_WORDS.contains(&name));
    if let Some(word) = fields.keys().find(|name| !is_known(name)) {
        return Err(unknown(word, &format!(" at '{at}'")));
    }
    let is_type = |kind: &str| TYPES.contains(&kind.to_uppercase().as_str());
    match fields.get("type") {
        None => {}
        Some(Value::String(kind)) if is_type(kind) => {}
        Some(Value::Array(_)) => {
            return Err(Problem::bad(format!(
                "Invalid JSON payload received. Unknown name \"type\" at '{at}': Proto field is not repeating, cannot start list."
            )));
        }
        Some(kind) => {
            return Err(Problem::bad(format!(
                "Invalid value at '{at}.type' (type.googleapis.com/google.ai.generativelanguage.v1beta.Type), {kind}"
            )));
        }
    }
    let values = fields.get("enum").and_then(Value::as_array);
    if values.into_iter().flatten().any(|value| !value.is_string()) {
        return Err(Problem::bad(format!(
            "Invalid value at '{at}.enum[0]' (TYPE_STRING)"
        )));
    }
    let properties = fields.get("properties").and_then(Value::as_object);
    for (index, inner) in properties.into_iter().flatten().map(|(_, v)| v).enumerate() {
        check(host, inner, &format!("{at}.properties[{index}].value"))?;
    }
    if let Some(items) = fields.get("items") {
        check(host, items, &format!("{at}.items"))?;
    }
    let any = fields.get("anyOf").or_else(|| fields.get("any_of"));
    for (index, inner) in any
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        check(host, inner, &format!("{at}.any_of[{index}]"))?;
    }
    Ok(())
}

/// The same schema with its types in JSON schema's spelling.
pub(super) fn lowered(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| match (name.as_str(), value) {
                    ("type", Value::String(kind)) => {
                        (name.clone(), Value::from(kind.to_lowercase()))
                    }
                    _ => (name.clone(), lowered(value)),
                })
                .collect(),
        ),
        Value::Array(items) => items.iter().map(lowered).collect(),
        other => other.clone(),
    }
}
