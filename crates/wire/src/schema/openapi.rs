//! What is said otherwise where a dialect knows OpenAPI's schema: `const` becomes an enumeration of
//! one, a list of types becomes `anyOf`, `null` becomes `nullable`, and all of several become one.

use serde_json::{Map, Value, json};

use super::walk::Walk;

/// Says in `out` what of the members has other words there.
pub(super) fn say(
    walk: &mut Walk<'_>,
    members: &Map<String, Value>,
    path: &str,
    out: &mut Map<String, Value>,
) {
    all_of(walk, members, path, out);
    choices(walk, members, path, out);
    kind(walk, members, path, out);
    values(walk, members, path, out);
    finish(walk, path, out);
}

/// A schema's members.
fn inner(walk: &mut Walk<'_>, schema: &Value, path: &str) -> Map<String, Value> {
    match walk.schema(schema, path) {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// All of several at once: put into one, as far as they go together.
fn all_of(
    walk: &mut Walk<'_>,
    members: &Map<String, Value>,
    path: &str,
    out: &mut Map<String, Value>,
) {
    let Some(Value::Array(list)) = members.get("allOf") else {
        return;
    };
    for (at, schema) in list.iter().enumerate() {
        let part = inner(walk, schema, &format!("{path}/allOf/{at}"));
        for (name, value) in part {
            match (out.get_mut(&name), value) {
                (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                (Some(Value::Array(known)), Value::Array(more)) => {
                    known.extend(more.into_iter().filter(|_| name == "required"));
                }
                (None, value) => drop(out.insert(name, value)),
                (Some(_), _) => {}
            }
        }
    }
}

/// One of several, where `null` among them means that it may be absent.
fn choices(
    walk: &mut Walk<'_>,
    members: &Map<String, Value>,
    path: &str,
    out: &mut Map<String, Value>,
) {
    let (name, list) = match (members.get("anyOf"), members.get("oneOf")) {
        (Some(Value::Array(list)), _) => ("anyOf", list),
        (_, Some(Value::Array(list))) => ("oneOf", list),
        _ => return,
    };
    let is_null = |schema: &Value| schema.get("type") == Some(&json!("null"));
    if list.iter().any(is_null) {
        out.insert("nullable".to_owned(), json!(true));
    }
    let mut lowered: Vec<Map<String, Value>> = Vec::new();
    for (at, schema) in list.iter().enumerate().filter(|(_, it)| !is_null(it)) {
        lowered.push(inner(walk, schema, &format!("{path}/{name}/{at}")));
    }
    if lowered.len() == 1 {
        for (name, value) in lowered.remove(0) {
            out.entry(name).or_insert(value);
        }
        return;
    }
    if !lowered.is_empty() {
        let lowered = lowered.into_iter().map(Value::Object).collect();
        out.insert("anyOf".to_owned(), Value::Array(lowered));
    }
}

/// A type, or several of which one may be `null`.
fn kind(
    walk: &mut Walk<'_>,
    members: &Map<String, Value>,
    path: &str,
    out: &mut Map<String, Value>,
) {
    match members.get("type") {
        Some(Value::String(kind)) if kind == "null" => {
            out.insert("nullable".to_owned(), json!(true));
            out.insert("type".to_owned(), json!("string"));
            walk.lose(path, "type");
        }
        Some(Value::String(kind)) => {
            out.insert("type".to_owned(), json!(kind.to_ascii_lowercase()));
        }
        Some(Value::Array(kinds)) => {
            if kinds.contains(&json!("null")) {
                out.insert("nullable".to_owned(), json!(true));
            }
            let kinds: Vec<&str> = kinds
                .iter()
                .filter_map(Value::as_str)
                .filter(|kind| *kind != "null")
                .collect();
            match kinds.as_slice() {
                [] => {}
                [one] => drop(out.insert("type".to_owned(), json!(one))),
                several => {
                    let list = several.iter().map(|kind| alternative(kind, out)).collect();
                    out.remove("properties");
                    out.remove("required");
                    out.remove("items");
                    out.insert("anyOf".to_owned(), Value::Array(list));
                }
            }
        }
        _ if out.contains_key("properties") => {
            out.insert("type".to_owned(), json!("object"));
        }
        _ => {}
    }
}

/// Enumerations are of texts only.
fn values(
    walk: &mut Walk<'_>,
    members: &Map<String, Value>,
    path: &str,
    out: &mut Map<String, Value>,
) {
    let one;
    let (name, values) = match (members.get("enum"), members.get("const")) {
        (Some(Value::Array(values)), _) => ("enum", values),
        (_, Some(value)) => {
            one = vec![value.clone()];
            ("const", &one)
        }
        _ => return,
    };
    if values.contains(&Value::Null) {
        out.insert("nullable".to_owned(), json!(true));
    }
    let others = values.iter().filter(|value| !value.is_null());
    let texts: Vec<&Value> = others.clone().filter(|value| value.is_string()).collect();
    let is_text = out.get("type").is_none_or(|kind| kind == "string");
    if is_text && !texts.is_empty() && texts.len() == others.clone().count() {
        out.insert("type".to_owned(), json!("string"));
        out.insert("enum".to_owned(), json!(texts));
        return;
    }
    walk.lose(path, name);
    if !out.contains_key("type")
        && let Some(kind) = others.clone().map(kind_of).next()
    {
        out.insert("type".to_owned(), json!(kind));
    }
    // Told in words instead.
    let list: Vec<String> = others.map(Value::to_string).collect();
    let known = out.get("description").and_then(Value::as_str).unwrap_or("");
    let space = if known.is_empty() { "" } else { " " };
    let told = format!("{known}{space}One of: {}.", list.join(", "));
    out.insert("description".to_owned(), json!(told));
}

/// What Google demands: lists say of what, and only named properties are required.
fn finish(walk: &mut Walk<'_>, path: &str, out: &mut Map<String, Value>) {
    if out.get("type") == Some(&json!("array")) && !out.contains_key("items") {
        out.insert("items".to_owned(), json!({ "type": "string" }));
        walk.lose(path, "items");
    }
    let is_empty = out
        .get("properties")
        .and_then(Value::as_object)
        .is_some_and(Map::is_empty);
    if is_empty {
        out.remove("properties");
    }
    let named: Vec<String> = out
        .get("properties")
        .and_then(Value::as_object)
        .map(|named| named.keys().cloned().collect())
        .unwrap_or_default();
    if let Some(Value::Array(required)) = out.get_mut("required") {
        let before = required.len();
        required.retain(|name| {
            let name = name.as_str().unwrap_or_default();
            named.iter().any(|known| known == name)
        });
        let (is_cut, is_none) = (required.len() < before, required.is_empty());
        if is_none {
            out.remove("required");
        }
        if is_cut {
            walk.lose(path, "required");
        }
    }
    // Of a choice nothing else may be said but what it is for.
    if out.contains_key("anyOf") {
        let beside: Vec<String> = out
            .keys()
            .filter(|name| {
                !matches!(
                    name.as_str(),
                    "anyOf" | "nullable" | "description" | "title" | "default"
                )
            })
            .cloned()
            .collect();
        for name in beside {
            out.shift_remove(&name);
            if name != "type" {
                walk.lose(path, &name);
            }
        }
    }
}

/// One of several types, with what belongs to it.
fn alternative(kind: &str, out: &Map<String, Value>) -> Value {
    let mut one = Map::new();
    one.insert("type".to_owned(), json!(kind));
    let own: &[&str] = match kind {
        "object" => &["properties", "required"],
        "array" => &["items"],
        _ => &[],
    };
    for name in own {
        if let Some(value) = out.get(*name) {
            one.insert((*name).to_owned(), value.clone());
        }
    }
    if kind == "array" && !one.contains_key("items") {
        one.insert("items".to_owned(), json!({ "type": "string" }));
    }
    Value::Object(one)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::String(_) | Value::Null => "string",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{GOOGLE, lower};
    use super::*;

    fn check(schema: &Value, expected: &Value, lost: &[&str]) {
        let (lowered, said) = lower(schema, &GOOGLE);
        assert_eq!(&lowered, expected, "{schema}");
        assert_eq!(said, lost, "{schema}");
    }

    #[test]
    fn what_google_does_not_know_is_said_otherwise_or_named() {
        check(
            &json!({"$schema": "x", "type": "object", "additionalProperties": false,
                "properties": {"a": {"$ref": "#/$defs/A", "description": "the a"}},
                "$defs": {"A": {"type": ["string", "null"], "format": "uri"}}, "required": ["a", "b"]}),
            &json!({"type": "object", "properties": {"a": {"type": "string", "nullable": true,
                "description": "the a"}}, "required": ["a"]}),
            &["/properties/a/format", "/required"],
        );
        check(
            &json!({"type": "object", "properties": {
                "kind": {"const": "x"}, "level": {"type": "integer", "enum": [1, 2]},
                "list": {"type": "array"}, "any": {}, "free": {"type": "object", "properties": {}},
                "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "both": {"type": ["string", "number"]},
                "map": {"type": "object", "additionalProperties": {"type": "string"}}}}),
            &json!({"type": "object", "properties": {
                "kind": {"type": "string", "enum": ["x"]},
                "level": {"type": "integer", "description": "One of: 1, 2."},
                "list": {"type": "array", "items": {"type": "string"}}, "any": {},
                "free": {"type": "object"},
                "either": {"nullable": true, "type": "string"},
                "both": {"anyOf": [{"type": "string"}, {"type": "number"}]},
                "map": {"type": "object"}}}),
            &[
                "/properties/level/enum",
                "/properties/list/items",
                "/properties/map/additionalProperties",
            ],
        );
        check(
            &json!({"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}},
                {"properties": {"b": {"type": "number"}}, "required": ["b"]}]}),
            &json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}},
                "required": ["b"]}),
            &[],
        );
    }

    #[test]
    fn a_schema_that_holds_itself_ends() {
        let schema = json!({"$ref": "#/$defs/N", "$defs": {"N": {"type": "object", "properties": {
            "l": {"$ref": "#/$defs/N"}, "r": {"$ref": "#/$defs/N"}}}}});
        let (lowered, lost) = lower(&schema, &GOOGLE);
        assert!(lowered["properties"]["l"].is_object());
        assert!(!lost.is_empty());
    }
}
