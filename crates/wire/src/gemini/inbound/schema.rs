//! Google's schemas, which are OpenAPI's, as JSON Schema.

use serde_json::{Map, Value, json};

/// Numbers that Google's JSON writes as texts.
const COUNTS: &[&str] = &[
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
];

/// A schema in JSON Schema: types in lower case, `nullable` as a type, counts as numbers.
pub(super) fn json_schema(schema: &Value) -> Value {
    let Value::Object(members) = schema else {
        return schema.clone();
    };
    let mut out = Map::with_capacity(members.len());
    for (name, value) in members {
        let value = match (name.as_str(), value) {
            ("nullable" | "propertyOrdering" | "property_ordering" | "example", _) => continue,
            ("type", Value::String(kind)) => json!(kind.to_ascii_lowercase()),
            ("properties" | "$defs", Value::Object(named)) => Value::Object(
                named
                    .iter()
                    .map(|(name, schema)| (name.clone(), json_schema(schema)))
                    .collect(),
            ),
            ("items" | "additionalProperties", schema) => json_schema(schema),
            ("anyOf" | "any_of" | "oneOf" | "allOf", Value::Array(list)) => {
                Value::Array(list.iter().map(json_schema).collect())
            }
            (name, Value::String(digits)) if COUNTS.contains(&name) => digits
                .parse::<u64>()
                .map_or_else(|_| value.clone(), |count| json!(count)),
            _ => value.clone(),
        };
        let name = if name == "any_of" { "anyOf" } else { name };
        out.insert(name.to_owned(), value);
    }
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        make_nullable(&mut out);
    }
    Value::Object(out)
}

fn make_nullable(schema: &mut Map<String, Value>) {
    match (schema.get("type").cloned(), schema.get_mut("anyOf")) {
        (Some(Value::String(kind)), _) => {
            schema.insert("type".to_owned(), json!([kind, "null"]));
            if let Some(Value::Array(values)) = schema.get_mut("enum") {
                values.push(Value::Null);
            }
        }
        (_, Some(Value::Array(list))) => list.push(json!({ "type": "null" })),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_googles_becomes_json_schema() {
        let google = json!({"type": "OBJECT", "propertyOrdering": ["type"], "properties": {
            "type": {"type": "STRING", "nullable": true, "enum": ["a"]},
            "list": {"type": "ARRAY", "minItems": "2", "items": {"type": "NUMBER"}}}});
        assert_eq!(
            json_schema(&google),
            json!({"type": "object", "properties": {
                "type": {"type": ["string", "null"], "enum": ["a", null]},
                "list": {"type": "array", "minItems": 2, "items": {"type": "number"}}}})
        );
    }
}
