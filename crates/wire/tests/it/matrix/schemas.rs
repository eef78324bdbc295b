//! Schemas as tools of the real world have them, lowered for each provider: what is written keeps to
//! the provider's rules, and what was taken out is named by where it stood.

use std::fs;
use std::path::PathBuf;

use chat::Dialect;
use serde_json::{Value, json};
use wire::lane;

use super::leaves::says;
use super::requests::normal;
use super::{beside, endpoint, inbound};
use crate::cases::tree;

/// What Google's schema has. <https://ai.google.dev/api/caching#Schema> (2026)
const GOOGLE: &[&str] = &[
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
    "propertyOrdering",
    "default",
    "items",
    "minimum",
    "maximum",
];

/// What Anthropic refuses beside `strict`.
/// <https://platform.claude.com/docs/en/build-with-claude/structured-outputs> (2026)
const NOT_ANTHROPIC: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "patternProperties",
    "prefixItems",
    "not",
    "if",
    "then",
    "else",
    "oneOf",
];

/// What OpenAI refuses beside `strict`.
/// <https://platform.openai.com/docs/guides/structured-outputs> (2026)
const NOT_OPENAI: &[&str] = &[
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

/// What Cohere refuses beside `strict_tools`.
/// <https://docs.cohere.com/docs/structured-outputs#unsupported-schema-features> (2026)
const NOT_COHERE: &[&str] = &[
    "allOf",
    "oneOf",
    "not",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "uniqueItems",
];

fn tools() -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/matrix/tools.json");
    let tools = tree(&fs::read(path).expect("the list of tools"));
    tools.as_array().expect("a list").clone()
}

/// A tool as a provider is told of it, and what was named.
fn written(to: Dialect, tool: &Value, strict: bool) -> (Value, Vec<String>) {
    let from = match to {
        Dialect::OpenaiChat => Dialect::AnthropicMessages,
        _ => Dialect::OpenaiChat,
    };
    let (name, schema) = (&tool["name"], &tool["parameters"]);
    let tool = match from {
        Dialect::OpenaiChat => json!({"type": "function", "function": {
            "name": name, "parameters": schema, "strict": strict}}),
        _ => json!({"name": name, "input_schema": schema, "strict": strict}),
    };
    let body = json!({"model": "author/model", "max_tokens": 900, "tools": [tool],
        "messages": [{"role": "user", "content": "Hello"}]});
    let text = body.to_string();
    let read = inbound(from).read_request(text.as_bytes(), beside(from, false));
    let request = read.expect("a request");
    let lane = lane(from, to, to).expect("a lane");
    let written = lane
        .write((text.as_bytes(), &request), &endpoint(to))
        .unwrap_or_else(|error| panic!("{name} for {to}: {error}"));
    (tree(&written.body), written.dropped)
}

/// Every schema in a schema, with where it stands.
fn each(schema: &Value, place: &str, check: &mut dyn FnMut(&str, &Value)) {
    let Value::Object(members) = schema else {
        return;
    };
    check(place, schema);
    for (name, value) in members {
        let place = format!("{place}/{name}");
        match (name.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(named)) => {
                for (name, schema) in named {
                    each(schema, &format!("{place}/{name}"), check);
                }
            }
            ("anyOf" | "allOf" | "oneOf", Value::Array(list)) => {
                list.iter().for_each(|schema| each(schema, &place, check));
            }
            ("items" | "additionalProperties", schema) => each(schema, &place, check),
            _ => {}
        }
    }
}

fn is_object(schema: &Value) -> bool {
    schema["type"] == "object" || schema["properties"].is_object()
}

/// That all named members stand, or may not stand, in every schema.
fn check_words(schema: &Value, place: &str, is_fine: impl Fn(&str) -> bool) {
    each(schema, "", &mut |path, schema| {
        for name in schema.as_object().expect("a schema").keys() {
            assert!(is_fine(name), "{place}{path}: {name}");
        }
    });
}

/// What was not named is still said.
fn check_named(tool: &Value, lowered: &Value, dropped: &[String], place: &str) {
    let mut left = tool["parameters"].clone();
    for name in dropped {
        let Some(pointer) = name.strip_prefix("tools[0].parameters#") else {
            continue;
        };
        // References are followed: what stands behind one is named where it is used.
        let (holder, last) = pointer.rsplit_once('/').expect("a pointer");
        let last = last.replace("~1", "/").replace("~0", "~");
        if let Some(Value::Object(members)) = left.pointer_mut(holder) {
            assert!(
                members.shift_remove(&last).is_some(),
                "{place}: no {pointer}"
            );
        }
    }
    let (left, lowered) = (normal(&left), normal(lowered));
    assert!(
        says(&lowered, &left),
        "{place}: not all of {left} is in {lowered}; named: {dropped:?}"
    );
}

#[test]
fn google_is_told_what_it_knows_and_the_rest_is_named() {
    for tool in tools() {
        let place = format!("{}", tool["name"]);
        let (body, dropped) = written(Dialect::Gemini, &tool, false);
        let function = &body["tools"][0]["functionDeclarations"][0];
        let Some(lowered) = function.get("parameters") else {
            assert!(tool["parameters"]["properties"] == json!({}), "{place}");
            continue;
        };
        check_words(lowered, &place, |name| GOOGLE.contains(&name));
        each(lowered, "", &mut |path, schema| {
            let texts = schema["enum"].as_array().into_iter().flatten();
            assert!(texts.clone().all(Value::is_string), "{place}{path}: enum");
            assert!(
                schema["type"].is_string() || schema["type"].is_null(),
                "{place}{path}: type"
            );
            assert!(
                schema["type"] != "array" || schema["items"].is_object(),
                "{place}{path}: items"
            );
            for name in schema["required"].as_array().into_iter().flatten() {
                let name = name.as_str().expect("a name");
                assert!(
                    schema["properties"].get(name).is_some(),
                    "{place}{path}: {name}"
                );
            }
        });
        // A schema that holds itself ends somewhere, and one of two at once is one.
        if !["file_tree", "run_query"].contains(&tool["name"].as_str().expect("a name")) {
            check_named(&tool, lowered, &dropped, &place);
        }
    }
}

#[test]
fn anthropic_is_strict_only_about_what_it_can_follow() {
    for tool in tools() {
        let place = format!("{}", tool["name"]);
        let (body, dropped) = written(Dialect::AnthropicMessages, &tool, true);
        let lowered = &body["tools"][0]["input_schema"];
        if body["tools"][0]["strict"] == true {
            check_words(lowered, &place, |name| !NOT_ANTHROPIC.contains(&name));
            each(lowered, "", &mut |path, schema| {
                let is_closed = schema["additionalProperties"] == false;
                assert!(!is_object(schema) || is_closed, "{place}{path}: open");
            });
            assert!(!is_recursive(lowered), "{place}: holds itself");
            check_named(&tool, lowered, &dropped, &place);
        } else {
            assert!(dropped.contains(&"tools[0].strict".to_owned()), "{place}");
            assert_eq!(lowered, &tool["parameters"], "{place}");
        }
        // Where the caller is not strict, neither is Anthropic, and the schema is the caller's own.
        let (body, dropped) = written(Dialect::AnthropicMessages, &tool, false);
        assert_eq!(
            body["tools"][0]["input_schema"], tool["parameters"],
            "{place}"
        );
        assert_eq!(dropped, Vec::<String>::new(), "{place}");
    }
}

/// Whether a definition refers to itself.
fn is_recursive(schema: &Value) -> bool {
    let defined = schema["$defs"].as_object().into_iter().flatten();
    defined.into_iter().any(|(name, definition)| {
        let reference = format!("#/$defs/{name}");
        definition.to_string().contains(&format!("\"{reference}\""))
    })
}

#[test]
fn openai_is_strict_only_where_every_member_is_required() {
    let mut strict = 0;
    for tool in tools() {
        let place = format!("{}", tool["name"]);
        for to in [Dialect::OpenaiChat, Dialect::OpenaiResponses] {
            let (body, dropped) = written(to, &tool, true);
            let written = &body["tools"][0];
            let function = written.get("function").unwrap_or(written);
            if function["strict"] != true {
                let is_named = dropped.iter().any(|name| name.ends_with(".strict"));
                assert!(is_named, "{place} for {to}: {dropped:?}");
                continue;
            }
            strict += 1;
            let lowered = &function["parameters"];
            check_words(lowered, &place, |name| !NOT_OPENAI.contains(&name));
            each(lowered, "", &mut |path, schema| {
                if is_object(schema) {
                    assert_eq!(schema["additionalProperties"], false, "{place}{path}");
                    let names = schema["properties"]
                        .as_object()
                        .map_or(0, serde_json::Map::len);
                    let required = schema["required"].as_array().map_or(0, Vec::len);
                    assert_eq!(names, required, "{place}{path}");
                }
            });
            check_named(&tool, lowered, &dropped, &place);
        }
    }
    assert!(strict > 0, "some are strict");
}

#[test]
fn cohere_and_converse_keep_to_their_rules() {
    for tool in tools() {
        let place = format!("{}", tool["name"]);
        let (body, dropped) = written(Dialect::Cohere, &tool, true);
        let lowered = &body["tools"][0]["function"]["parameters"];
        if body["strict_tools"] == true {
            check_words(lowered, &place, |name| !NOT_COHERE.contains(&name));
        }
        check_named(&tool, lowered, &dropped, &place);
        let (body, dropped) = written(Dialect::BedrockConverse, &tool, false);
        let lowered = &body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"];
        assert_eq!(lowered["type"], "object", "{place}");
        check_named(&tool, lowered, &dropped, &place);
    }
}
