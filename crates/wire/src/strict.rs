//! Which schemas OpenAI's providers can be made to follow exactly.
//!
//! There every object names all of its members as required and allows no others. An object that
//! merely does not say so is closed; one that has optional members cannot be followed exactly, and
//! its schema is then a hint. <https://platform.openai.com/docs/guides/structured-outputs>, 2026-08.

use serde_json::{Map, Value, json};

/// Members of a schema that are schemas by name.
const BY_NAME: [&str; 3] = ["properties", "$defs", "definitions"];

/// Keywords that are refused beside `strict`.
const REFUSED: [&str; 9] = [
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
];

/// The schema with every object closed; `None` where it cannot be followed exactly.
pub(crate) fn closed(schema: &Value) -> Option<Value> {
    let mut schema = schema.clone();
    close(&mut schema).then_some(schema)
}

fn close(schema: &mut Value) -> bool {
    let Value::Object(members) = schema else {
        return true;
    };
    if REFUSED.iter().any(|keyword| members.contains_key(*keyword)) {
        return false;
    }
    if !close_object(members) {
        return false;
    }
    for name in BY_NAME {
        if let Some(Value::Object(inner)) = members.get_mut(name)
            && !inner.values_mut().all(close)
        {
            return false;
        }
    }
    if members.get_mut("items").is_some_and(|items| !close(items)) {
        return false;
    }
    match members.get_mut("anyOf") {
        Some(Value::Array(cases)) => cases.iter_mut().all(close),
        _ => true,
    }
}

/// Closes one object, if the schema is of one.
fn close_object(members: &mut Map<String, Value>) -> bool {
    let is_object = members.contains_key("properties")
        || match members.get("type") {
            Some(Value::String(kind)) => kind == "object",
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
            _ => false,
        };
    if !is_object {
        return true;
    }
    let required = members.get("required").and_then(Value::as_array);
    let is_required = |name: &String| {
        required.is_some_and(|names| names.iter().any(|known| known.as_str() == Some(name)))
    };
    let names = members.get("properties").and_then(Value::as_object);
    if !names.is_none_or(|names| names.keys().all(is_required)) {
        return false;
    }
    match members.get("additionalProperties") {
        None => {
            members.insert("additionalProperties".to_owned(), json!(false));
            true
        }
        Some(more) => *more == json!(false),
    }
}
