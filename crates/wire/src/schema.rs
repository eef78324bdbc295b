//! JSON Schemas made fit for those who know only a part of JSON Schema.
//!
//! What a dialect knows is data: [`Rules`]. What is taken out of a schema is told as JSON pointers,
//! so that nothing is lost in silence.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// What a dialect knows of JSON Schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Keywords that it refuses.
    pub(crate) unknown: &'static [&'static str],
    /// The words it knows for `format`; absent where it knows any.
    pub(crate) formats: Option<&'static [&'static str]>,
    /// The largest `minItems` that it knows; absent where it knows any.
    pub(crate) min_items_max: Option<u64>,
    /// Whether every object must say that it has no other properties.
    pub(crate) is_closed: bool,
}

/// What Anthropic knows where a schema must be followed exactly.
/// <https://platform.claude.com/docs/en/build-with-claude/structured-outputs> (2026)
pub(crate) const ANTHROPIC_STRICT: Rules = Rules {
    unknown: &[
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
        "unevaluatedProperties",
        "contains",
        "prefixItems",
        "not",
        "if",
        "then",
        "else",
        "oneOf",
    ],
    formats: Some(&[
        "date-time",
        "time",
        "date",
        "duration",
        "email",
        "hostname",
        "uri",
        "ipv4",
        "ipv6",
        "uuid",
    ]),
    min_items_max: Some(1),
    is_closed: true,
};

/// What Cohere knows, of a schema for an answer or for arguments that follow it exactly.
/// <https://docs.cohere.com/docs/structured-outputs#unsupported-schema-features> (2026)
pub(crate) const COHERE_STRICT: Rules = Rules {
    unknown: &[
        "allOf",
        "oneOf",
        "not",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minLength",
        "maxLength",
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
        "contains",
        "prefixItems",
        "if",
        "then",
        "else",
    ],
    formats: Some(&["date-time", "uuid", "date", "time"]),
    min_items_max: None,
    is_closed: false,
};

/// The deepest schema that is looked into; deeper parts stay as they are.
const DEPTH_MAX: usize = 64;

/// Members whose members are schemas.
const NAMED: &[&str] = &["properties", "$defs", "definitions", "dependentSchemas"];

/// Members that are schemas.
const SINGLE: &[&str] = &["items", "additionalProperties"];

/// Members that are lists of schemas.
const LISTS: &[&str] = &["anyOf", "allOf", "oneOf"];

/// Takes out of a schema what the rules do not know; names it by JSON pointers into the schema.
pub(crate) fn lower(schema: &Value, rules: &Rules) -> (Value, Vec<String>) {
    let mut lowered = schema.clone();
    let mut removed = Vec::new();
    walk(&mut lowered, rules, &mut Path::default(), &mut removed);
    (lowered, removed)
}

/// Whether a schema holds itself, by its references.
pub(crate) fn is_recursive(schema: &Value) -> bool {
    let mut following = Following {
        root: schema,
        open: Vec::new(),
        done: BTreeSet::new(),
    };
    following.holds_itself(schema)
}

/// References on their way to what they mean; each is followed once.
struct Following<'s> {
    root: &'s Value,
    open: Vec<&'s str>,
    done: BTreeSet<&'s str>,
}

impl<'s> Following<'s> {
    fn holds_itself(&mut self, value: &'s Value) -> bool {
        let members = match value {
            Value::Array(list) => return list.iter().any(|value| self.holds_itself(value)),
            Value::Object(members) => members,
            _ => return false,
        };
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            return self.leads_back(reference);
        }
        // What is only defined is looked at where it is used.
        let mut used = members
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "$defs" | "definitions"));
        used.any(|(_, value)| self.holds_itself(value))
    }

    fn leads_back(&mut self, reference: &'s str) -> bool {
        if self.open.contains(&reference) || self.open.len() > DEPTH_MAX {
            return true;
        }
        if !self.done.insert(reference) {
            return false;
        }
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| self.root.pointer(pointer));
        self.open.push(reference);
        let leads_back = target.is_some_and(|target| self.holds_itself(target));
        self.open.pop();
        leads_back
    }
}

/// Where a schema stands in the one that holds it.
#[derive(Default)]
struct Path(Vec<String>);

impl Path {
    fn of(&self, name: &str) -> String {
        let mut pointer = String::new();
        for step in self.0.iter().map(String::as_str).chain([name]) {
            pointer.push('/');
            pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        }
        pointer
    }
}

fn walk(schema: &mut Value, rules: &Rules, path: &mut Path, removed: &mut Vec<String>) {
    let Value::Object(members) = schema else {
        return;
    };
    if path.0.len() > DEPTH_MAX {
        return;
    }
    choices(members, rules, path, removed);
    let unknown: Vec<String> = members
        .iter()
        .filter(|(name, value)| is_unknown(name, value, rules))
        .map(|(name, _)| name.clone())
        .collect();
    for name in unknown {
        members.shift_remove(&name);
        removed.push(path.of(&name));
    }
    close(members, rules, path, removed);
    let mut inside = |name: &str, key: Option<&str>, schema: &mut Value| {
        path.0.push(name.to_owned());
        path.0.extend(key.map(ToOwned::to_owned));
        walk(schema, rules, path, removed);
        let depth = path.0.len() - 1 - usize::from(key.is_some());
        path.0.truncate(depth);
    };
    for name in NAMED {
        if let Some(Value::Object(schemas)) = members.get_mut(*name) {
            for (key, schema) in schemas {
                inside(name, Some(key), schema);
            }
        }
    }
    for name in SINGLE {
        if let Some(schema) = members.get_mut(*name) {
            inside(name, None, schema);
        }
    }
    for name in LISTS {
        if let Some(Value::Array(schemas)) = members.get_mut(*name) {
            for (at, schema) in schemas.iter_mut().enumerate() {
                inside(name, Some(&at.to_string()), schema);
            }
        }
    }
}

/// Where exactly one of several is meant and only "any of them" can be said, that is said.
fn choices(
    members: &mut Map<String, Value>,
    rules: &Rules,
    path: &Path,
    removed: &mut Vec<String>,
) {
    if rules.unknown.contains(&"oneOf")
        && !members.contains_key("anyOf")
        && let Some(list) = members.shift_remove("oneOf")
    {
        members.insert("anyOf".to_owned(), list);
        removed.push(path.of("oneOf"));
    }
}

fn is_unknown(name: &str, value: &Value, rules: &Rules) -> bool {
    let word = value.as_str().unwrap_or_default();
    match name {
        "format" => rules.formats.is_some_and(|known| !known.contains(&word)),
        "minItems" if rules.min_items_max.is_some() => rules
            .min_items_max
            .is_some_and(|most| value.as_u64().is_none_or(|least| least > most)),
        _ => rules.unknown.contains(&name),
    }
}

/// Says that an object has no other properties, where that must be said.
fn close(members: &mut Map<String, Value>, rules: &Rules, path: &Path, removed: &mut Vec<String>) {
    let is_object = members.get("type").is_some_and(|kind| match kind {
        Value::Array(kinds) => kinds.contains(&json!("object")),
        kind => kind == "object",
    }) || members.contains_key("properties");
    if !rules.is_closed || !is_object {
        return;
    }
    match members.insert("additionalProperties".to_owned(), Value::Bool(false)) {
        None | Some(Value::Bool(false)) => {}
        Some(_) => removed.push(path.of("additionalProperties")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_holds_itself_is_known() {
        let list = json!({"$ref": "#/$defs/List"});
        let inner = json!({"type": "object", "properties": {"rest": list}});
        let twice = json!({"$defs": {"List": {"type": "string"}}, "anyOf": [list, list]});
        assert!(is_recursive(
            &json!({"$defs": {"List": inner}, "items": list})
        ));
        assert!(is_recursive(
            &json!({"properties": {"self": {"$ref": "#"}}})
        ));
        assert!(!is_recursive(&twice));
    }

    #[test]
    fn what_is_not_known_is_taken_out_and_named() {
        let schema = json!({
            "type": "object",
            "properties": {
                "age": {"type": "integer", "minimum": 0},
                "a/b": {"type": "string", "format": "regex", "maxLength": 5},
                "minimum": {"type": "array", "minItems": 3, "items": {"type": "object", "additionalProperties": true}},
                "either": {"oneOf": [{"type": "string"}, {"type": "null"}]}
            },
            "required": ["age"]
        });
        let (lowered, mut removed) = lower(&schema, &ANTHROPIC_STRICT);
        removed.sort();
        assert_eq!(
            removed,
            [
                "/properties/age/minimum",
                "/properties/a~1b/format",
                "/properties/a~1b/maxLength",
                "/properties/either/oneOf",
                "/properties/minimum/items/additionalProperties",
                "/properties/minimum/minItems",
            ]
        );
        assert_eq!(lowered["additionalProperties"], false);
        assert!(lowered["properties"]["minimum"].is_object());
        assert!(lowered["properties"]["either"]["anyOf"].is_array());
        assert_eq!(lower(&lowered, &ANTHROPIC_STRICT), (lowered, vec![]));
    }
}
