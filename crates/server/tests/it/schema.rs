//! A small checker of JSON against the schemas of our OpenAPI document.
//!
//! It knows the keywords that the document uses and refuses to run past any other, and it is
//! stricter than JSON Schema in one way: an object is closed unless its schema says
//! `additionalProperties`, so that an answer cannot carry a field that is not documented.

use serde_json::{Map, Value};

/// What is wrong with `value`, by path; empty when it fits the named schema.
pub(crate) fn problems(document: &Value, name: &str, value: &Value) -> Vec<String> {
    let schema = &document["components"]["schemas"][name];
    assert!(schema.is_object(), "no schema {name}");
    problems_with(document, schema, value)
}

/// The same with a schema in place of its name.
pub(crate) fn problems_with(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut checker = Checker {
        document,
        problems: Vec::new(),
    };
    checker.check(schema, value, "$");
    checker.problems
}

/// Panics with all problems unless `value` fits the named schema.
#[track_caller]
pub(crate) fn assert_fits(document: &Value, name: &str, value: &Value) {
    let problems = problems(document, name, value);
    assert!(problems.is_empty(), "{name}: {problems:#?}\nin {value:#}");
}

struct Checker<'a> {
    document: &'a Value,
    problems: Vec<String>,
}

impl Checker<'_> {
    fn say(&mut self, path: &str, problem: impl std::fmt::Display) {
        self.problems.push(format!("{path}: {problem}"));
    }

    fn check(&mut self, schema: &Value, value: &Value, path: &str) {
        let Some(schema) = schema.as_object() else {
            return self.say(path, "the schema is no object");
        };
        for (keyword, rule) in schema {
            match keyword.as_str() {
                "description"
                | "examples"
                | "format"
                | "required"
                | "properties"
                | "additionalProperties" => {}
                "$ref" => {
                    let pointer = rule.as_str().and_then(|target| target.strip_prefix('#'));
                    match pointer.and_then(|pointer| self.document.pointer(pointer)) {
                        Some(target) => {
                            let target = target.clone();
                            self.check(&target, value, path);
                        }
                        None => self.say(path, format!("{rule} leads nowhere")),
                    }
                }
                "type" => {
                    if !has_type(rule, value) {
                        self.say(path, format!("expected {rule}, found {value}"));
                    }
                }
                "enum" => {
                    if !rule.as_array().is_some_and(|known| known.contains(value)) {
                        self.say(path, format!("{value} is none of {rule}"));
                    }
                }
                "const" => {
                    if rule != value {
                        self.say(path, format!("{value} is not {rule}"));
                    }
                }
                "anyOf" => self.alternatives(rule, value, path, |fitting| fitting >= 1),
                "oneOf" => self.alternatives(rule, value, path, |fitting| fitting == 1),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, item, &format!("{path}[{index}]"));
                    }
                }
                "minimum" => self.bound(value, path, rule, |value, bound| value >= bound),
                "exclusiveMinimum" => self.bound(value, path, rule, |value, bound| value > bound),
                "maximum" => self.bound(value, path, rule, |value, bound| value <= bound),
                "minItems" => self.length(value.as_array().map(Vec::len), path, rule, usize::ge),
                "maxItems" => self.length(value.as_array().map(Vec::len), path, rule, usize::le),
                "minLength" => self.length(characters(value), path, rule, usize::ge),
                "maxLength" => self.length(characters(value), path, rule, usize::le),
                unknown => self.say(path, format!("the checker does not know {unknown}")),
            }
        }
        if let Some(object) = value.as_object() {
            self.object(schema, object, path);
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, object: &Map<String, Value>, path: &str) {
        for name in schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = name.as_str().unwrap_or("");
            if !object.contains_key(name) {
                self.say(path, format!("{name} is missing"));
            }
        }
        let (properties, rest) = (schema.get("properties"), schema.get("additionalProperties"));
        if properties.is_none() && rest.is_none() {
            return; // says nothing about objects: a reference or a choice does
        }
        for (name, value) in object {
            let path = format!("{path}.{name}");
            match (properties.and_then(|known| known.get(name)), rest) {
                (Some(property), _) => self.check(property, value, &path),
                (None, Some(Value::Bool(true))) => {}
                (None, Some(Value::Bool(false)) | None) => self.say(&path, "is not documented"),
                (None, Some(rest)) => self.check(rest, value, &path),
            }
        }
    }

    fn alternatives(
        &mut self,
        rule: &Value,
        value: &Value,
        path: &str,
        is_enough: impl Fn(usize) -> bool,
    ) {
        let outcomes: Vec<Vec<String>> = rule
            .as_array()
            .into_iter()
            .flatten()
            .map(|schema| problems_with(self.document, schema, value))
            .collect();
        let fitting = outcomes
            .iter()
            .filter(|problems| problems.is_empty())
            .count();
        if !is_enough(fitting) {
            self.say(path, format!("{fitting} alternatives fit: {outcomes:?}"));
        }
    }

    fn bound(&mut self, value: &Value, path: &str, rule: &Value, holds: fn(f64, f64) -> bool) {
        if let (Some(number), Some(bound)) = (value.as_f64(), rule.as_f64())
            && !holds(number, bound)
        {
            self.say(path, format!("{number} breaks the bound {bound}"));
        }
    }

    fn length(
        &mut self,
        length: Option<usize>,
        path: &str,
        rule: &Value,
        holds: fn(&usize, &usize) -> bool,
    ) {
        let bound = rule.as_u64().and_then(|bound| usize::try_from(bound).ok());
        if let (Some(length), Some(bound)) = (length, bound)
            && !holds(&length, &bound)
        {
            self.say(path, format!("length {length} breaks the bound {bound}"));
        }
    }
}

fn characters(value: &Value) -> Option<usize> {
    value.as_str().map(|text| text.chars().count())
}

fn has_type(rule: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    };
    match rule {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_checker_finds_what_does_not_fit() {
        let schema = json!({
            "type": "object", "required": ["a"],
            "properties": {
                "a": {"type": ["integer", "null"], "minimum": 1},
                "b": {"type": "array", "maxItems": 1, "items": {"enum": ["x"]}},
                "c": {"anyOf": [{"type": "string", "maxLength": 1}, {"type": "null"}]},
            },
        });
        for (value, count) in [
            (json!({"a": 1}), 0),
            (json!({"a": null, "b": ["x"], "c": "y"}), 0),
            (json!({}), 1),
            (json!({"a": 0}), 1),
            (json!({"a": 1.5}), 1),
            (json!({"a": 1, "b": ["x", "y"]}), 2),
            (json!({"a": 1, "c": "yz"}), 1),
            (json!({"a": 1, "d": 1}), 1),
            (json!([]), 1),
        ] {
            let found = problems_with(&json!({}), &schema, &value);
            assert_eq!(found.len(), count, "{value}: {found:?}");
        }
    }
}
