//! A value that roughly fits a JSON schema: enough for tool arguments and structured answers.

use serde_json::{Map, Value, json};

/// Schemas nest at most this deep; below it a value is null.
const DEPTH_MAX: usize = 12;
/// Arrays get at most this many items, whatever `minItems` says.
const ITEMS_MAX: u64 = 16;

/// The smallest honest value for a schema; optional properties are filled in as well.
pub(super) fn fitting(schema: &Value) -> Value {
    fit(schema, schema, 0)
}

fn fit(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(first) = schema
        .get("enum")
        .and_then(Value::as_array)
        .and_then(|all| all.first())
    {
        return first.clone();
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, |target| fit(target, root, depth + 1));
    }
    for any in ["anyOf", "oneOf"] {
        if let Some(first) = schema
            .get(any)
            .and_then(Value::as_array)
            .and_then(|all| all.first())
        {
            return fit(first, root, depth + 1);
        }
    }
    if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
        return fit_all(all, root, depth);
    }
    match kind_of(schema) {
        "object" => fit_object(schema, root, depth),
        "array" => fit_array(schema, root, depth),
        "string" => fit_string(schema),
        "integer" => json!(fit_integer(schema)),
        "number" => schema
            .get("minimum")
            .cloned()
            .unwrap_or_else(|| json!(fit_integer(schema))),
        "boolean" => Value::Bool(true),
        _ => Value::Null,
    }
}

/// The first type a schema names; one without a type is what its other words suggest.
fn kind_of(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str).unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "string",
    }
}

fn fit_all(all: &[Value], root: &Value, depth: usize) -> Value {
    let mut merged = Map::new();
    for part in all {
        match fit(part, root, depth + 1) {
            Value::Object(fields) => merged.extend(fields),
            other => return other,
        }
    }
    Value::Object(merged)
}

/// Every property near the top; further down only the required ones, so that recursion ends.
fn fit_object(schema: &Value, root: &Value, depth: usize) -> Value {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut fields = Map::new();
    for (name, inner) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if depth < 3 || required.contains(&name.as_str()) {
            fields.insert(name.clone(), fit(inner, root, depth + 1));
        }
    }
    Value::Object(fields)
}

fn fit_array(schema: &Value, root: &Value, depth: usize) -> Value {
    if let Some(prefix) = schema.get("prefixItems").and_then(Value::as_array) {
        return prefix
            .iter()
            .map(|item| fit(item, root, depth + 1))
            .collect();
    }
    let least = schema.get("minItems").and_then(Value::as_u64);
    let most = schema
        .get("maxItems")
        .and_then(Value::as_u64)
        .unwrap_or(ITEMS_MAX);
    // Recursive schemas would grow for ever if every array had an item.
    let wanted = least
        .unwrap_or(u64::from(depth < 4))
        .min(most)
        .min(ITEMS_MAX);
    let item = schema
        .get("items")
        .cloned()
        .unwrap_or_else(|| json!({"type": "string"}));
    (0..wanted).map(|_| fit(&item, root, depth + 1)).collect()
}

fn fit_string(schema: &Value) -> Value {
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("date") => "2026-01-01",
        Some("time") => "12:00:00Z",
        Some("date-time") => "2026-01-01T12:00:00Z",
        Some("email") => "simulated@example.com",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        Some("uri" | "url") => "https://example.com/simulated",
        _ => "simulated",
    };
    let least = schema
        .get("minLength")
        .and_then(Value::as_u64)
        .unwrap_or(0)
        .min(4096);
    let most = schema
        .get("maxLength")
        .and_then(Value::as_u64)
        .unwrap_or(u64::MAX);
    let wanted = (text.len() as u64).max(least).min(most);
    let text: String = text
        .chars()
        .chain(std::iter::repeat('x'))
        .take(usize::try_from(wanted).unwrap_or(0))
        .collect();
    Value::from(text)
}

fn fit_integer(schema: &Value) -> i64 {
    let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|n| n.saturating_add(1)));
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|n| n.saturating_sub(1)));
    1.max(least.unwrap_or(1)).min(most.unwrap_or(i64::MAX))
}
