//! One pass through a schema: keeps what the rules know, names the rest.

use serde_json::{Map, Value, json};

use super::openapi;
use super::rules::{Fate, Language, Objects, Rules};

/// How deep a schema may nest where references are followed; what is deeper may be anything. Where
/// they are not, a schema is no deeper than the body that was read.
const DEPTH_MAX: usize = 32;
/// How many schemas one schema may become when its references are followed.
const NODES_MAX: usize = 5_000;

/// A schema as the rules know it, and JSON pointers to what was taken out or changed its meaning.
pub(crate) fn lower(schema: &Value, rules: &Rules) -> (Value, Vec<String>) {
    let mut walk = Walk {
        root: schema,
        rules,
        removed: Vec::new(),
        nodes: 0,
        depth: 0,
    };
    let lowered = walk.schema(schema, "");
    (lowered, walk.removed)
}

/// A schema as the rules know it, where nothing of it is lost; `None` where it cannot be followed
/// exactly.
pub(crate) fn exactly(schema: &Value, rules: &Rules) -> Option<Value> {
    let (lowered, removed) = lower(schema, rules);
    removed.is_empty().then_some(lowered)
}

/// A pass under way.
pub(super) struct Walk<'s> {
    root: &'s Value,
    rules: &'s Rules,
    removed: Vec<String>,
    nodes: usize,
    depth: usize,
}

impl<'s> Walk<'s> {
    /// Names a member that is not said as the caller said it.
    pub(super) fn lose(&mut self, path: &str, name: &str) {
        self.lose_at(join(path, name));
    }

    fn lose_at(&mut self, pointer: String) {
        if !self.removed.contains(&pointer) {
            self.removed.push(pointer);
        }
    }

    fn follows_references(&self) -> bool {
        self.rules.language == Language::OpenApi
    }

    /// One schema.
    pub(super) fn schema(&mut self, schema: &Value, path: &str) -> Value {
        let Value::Object(members) = schema else {
            return match (self.rules.language, schema) {
                (Language::JsonSchema, _) => schema.clone(),
                // `true` is anything, and so is what cannot be said.
                (Language::OpenApi, Value::Bool(false)) => self.anything(path),
                (Language::OpenApi, _) => json!({}),
            };
        };
        self.nodes += 1;
        let is_endless = self.depth >= DEPTH_MAX || self.nodes > NODES_MAX;
        if is_endless && self.follows_references() {
            return self.anything(path);
        }
        self.depth += 1;
        let lowered = match self.target(members, path) {
            Some(target) => self.referred(members, target, path),
            None => Value::Object(self.members(members, path)),
        };
        self.depth -= 1;
        lowered
    }

    /// What stands for a schema that cannot be said.
    fn anything(&mut self, path: &str) -> Value {
        self.lose_at(path.to_owned());
        json!({})
    }

    /// What a reference means, where it must be put in its own place; references to elsewhere mean
    /// anything.
    fn target(&mut self, members: &Map<String, Value>, path: &str) -> Option<&'s Value> {
        if !self.follows_references() {
            return None;
        }
        let reference = members.get("$ref")?.as_str()?;
        let found = match reference.strip_prefix('#') {
            Some(pointer) => self.root.pointer(pointer),
            None => None,
        };
        if found.is_none() {
            self.lose(path, "$ref");
        }
        found
    }

    /// What stands beside a reference is said of it.
    fn referred(&mut self, members: &Map<String, Value>, target: &Value, path: &str) -> Value {
        let mut lowered = self.schema(target, path);
        if let Value::Object(out) = &mut lowered {
            for name in ["title", "description", "default"] {
                if let Some(said) = members.get(name) {
                    out.insert(name.to_owned(), said.clone());
                }
            }
        }
        lowered
    }

    fn members(&mut self, members: &Map<String, Value>, path: &str) -> Map<String, Value> {
        let mut out = Map::with_capacity(members.len());
        for (name, value) in members {
            match self.rules.fate(name, value) {
                Fate::Mute => {}
                Fate::Kept => {
                    let value = self.member(name, value, &join(path, name));
                    out.insert(name.clone(), value);
                }
                Fate::Named => {
                    self.lose(path, name);
                    // Where exactly one of several is meant and only any of them can be said, that
                    // is said.
                    if name == "oneOf" && !members.contains_key("anyOf") {
                        let value = self.member(name, value, &join(path, name));
                        out.insert("anyOf".to_owned(), value);
                    }
                }
            }
        }
        match self.rules.language {
            Language::JsonSchema => self.close(&mut out, path),
            Language::OpenApi => openapi::say(self, members, path, &mut out),
        }
        out
    }

    /// The value of a member, with the schemas in it.
    fn member(&mut self, name: &str, value: &Value, path: &str) -> Value {
        match (name, value) {
            ("properties" | "$defs" | "definitions" | "dependentSchemas", Value::Object(named)) => {
                let lowered = named
                    .iter()
                    .map(|(key, schema)| (key.clone(), self.schema(schema, &join(path, key))));
                Value::Object(lowered.collect())
            }
            ("items" | "additionalProperties", schema) => self.schema(schema, path),
            ("anyOf" | "allOf" | "oneOf", Value::Array(list)) => {
                let lowered = list
                    .iter()
                    .enumerate()
                    .map(|(at, schema)| self.schema(schema, &format!("{path}/{at}")));
                Value::Array(lowered.collect())
            }
            _ => value.clone(),
        }
    }

    /// Says of an object what must be said of it.
    fn close(&mut self, out: &mut Map<String, Value>, path: &str) {
        if self.rules.objects == Objects::AsTheyAre || !is_object(out) {
            return;
        }
        match out.insert("additionalProperties".to_owned(), json!(false)) {
            None | Some(Value::Bool(false)) => {}
            Some(_) => self.lose(path, "additionalProperties"),
        }
        if self.rules.objects == Objects::ClosedAndWhole && !is_whole(out) {
            self.lose(path, "required");
        }
    }
}

/// A pointer one step further.
fn join(path: &str, name: &str) -> String {
    let name = name.replace('~', "~0").replace('/', "~1");
    format!("{path}/{name}")
}

fn is_object(members: &Map<String, Value>) -> bool {
    let is_said = match members.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(kind) => kind == "object",
        None => false,
    };
    is_said || members.contains_key("properties")
}

/// Whether all properties are required.
fn is_whole(members: &Map<String, Value>) -> bool {
    let required = members.get("required").and_then(Value::as_array);
    let is_required = |name: &String| {
        required.is_some_and(|names| names.iter().any(|known| known.as_str() == Some(name)))
    };
    let named = members.get("properties").and_then(Value::as_object);
    named.is_none_or(|named| named.keys().all(is_required))
}

#[cfg(test)]
mod tests {
    use super::super::{ANTHROPIC_STRICT, OPENAI_STRICT};
    use super::*;

    #[test]
    fn what_is_not_known_is_taken_out_and_named() {
        let schema = json!({
            "type": "object",
            "properties": {
                "age": {"type": "integer", "minimum": 0},
                "a/b": {"type": "string", "format": "regex", "maxLength": 5},
                "minimum": {"type": "array", "minItems": 3, "items": {"type": "object", "additionalProperties": true}},
                "either": {"oneOf": [{"type": "string", "minLength": 1}, {"type": "null"}]}
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
                "/properties/either/oneOf/0/minLength",
                "/properties/minimum/items/additionalProperties",
                "/properties/minimum/minItems",
            ]
        );
        assert_eq!(lowered["additionalProperties"], false);
        assert!(lowered["properties"]["minimum"].is_object());
        assert!(lowered["properties"]["either"]["anyOf"].is_array());
        assert_eq!(lower(&lowered, &ANTHROPIC_STRICT), (lowered, vec![]));
    }

    #[test]
    fn an_object_is_closed_but_its_members_are_not_made_required() {
        let whole = json!({"type": "object", "properties": {"a": {"type": ["object", "null"]}},
            "required": ["a"]});
        let closed = exactly(&whole, &OPENAI_STRICT).expect("can be followed");
        assert_eq!(closed["additionalProperties"], false);
        assert_eq!(closed["properties"]["a"]["additionalProperties"], false);
        for hint in [
            json!({"type": "object", "properties": {"a": {}}}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"anyOf": [{"allOf": [{"type": "string"}]}]}),
            json!({"oneOf": [{"type": "string"}]}),
            json!({"$defs": {"A": {"patternProperties": {}}}}),
        ] {
            assert_eq!(exactly(&hint, &OPENAI_STRICT), None, "{hint}");
        }
    }
}
