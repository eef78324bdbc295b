//! The form and the order of chat messages, as OpenAI checks them.

use serde_json::Value;

use crate::dialect::Problem;

const ROLES: [&str; 6] = [
    "system",
    "assistant",
    "user",
    "function",
    "tool",
    "developer",
];
/// Types of content parts; the last one is other hosts'.
const PARTS: [&str; 7] = [
    "text",
    "image_url",
    "input_audio",
    "refusal",
    "audio",
    "file",
    "video_url",
];

/// Checks every message, and that tool calls and their results belong together; `kinds` are the kinds
/// of tools that may have been called.
pub(super) fn check(messages: &[Value], kinds: &[&str]) -> Result<(), Problem> {
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages[{index}]");
        let Some(role) = message["role"].as_str() else {
            return Err(Problem::bad_field(
                format!("{at}.role"),
                "Missing required parameter: 'messages[].role'.",
            ));
        };
        if !ROLES.contains(&role) {
            return Err(invalid(format!("{at}.role"), role, &ROLES));
        }
        check_content(message, role, &at)?;
        check_kinds(message, kinds, &at)?;
        check_calls(messages, index)?;
    }
    Ok(())
}

fn check_content(message: &Value, role: &str, at: &str) -> Result<(), Problem> {
    match &message["content"] {
        Value::Array(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let kind = part["type"].as_str().unwrap_or_default();
                if !PARTS.contains(&kind) {
                    return Err(invalid(format!("{at}.content[{index}]"), kind, &PARTS[..6]));
                }
            }
            Ok(())
        }
        Value::String(_) => Ok(()),
        Value::Null if role == "assistant" || role == "function" => Ok(()),
        other => {
            let found = if other.is_object() {
                "an object"
            } else {
                "null"
            };
            Err(Problem::bad_field(
                format!("{at}.content"),
                format!("Invalid value for 'content': expected a string, got {found}."),
            ))
        }
    }
}

fn check_kinds(message: &Value, kinds: &[&str], at: &str) -> Result<(), Problem> {
    for (index, call) in message["tool_calls"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let kind = call["type"].as_str().unwrap_or("function");
        let at = format!("{at}.tool_calls[{index}]");
        if !kinds.contains(&kind) {
            return Err(invalid(format!("{at}.type"), kind, kinds));
        }
        let member = if kind == "custom" {
            "input"
        } else {
            "arguments"
        };
        if let Some(lacking) = ["name", member]
            .into_iter()
            .find(|name| !call[kind][*name].is_string())
        {
            let field = format!("{at}.{kind}.{lacking}");
            let text = format!("Missing required parameter: '{field}'.");
            return Err(Problem::bad_field(field, text));
        }
    }
    Ok(())
}

fn check_calls(messages: &[Value], index: usize) -> Result<(), Problem> {
    let message = &messages[index];
    if message["role"] == "tool" {
        let id = message["tool_call_id"].as_str();
        let Some(id) = id else {
            return Err(Problem::bad_field(
                format!("messages[{index}].tool_call_id"),
                format!("Missing required parameter: 'messages[{index}].tool_call_id'."),
            ));
        };
        let before = messages[..index].iter().rev().find(|m| m["role"] != "tool");
        if !before.is_some_and(|before| ids(before).contains(&id)) {
            return Err(Problem::bad_field(
                format!("messages[{index}].role"),
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
            ));
        }
    }
    let after = messages[index + 1..].iter();
    let answered: Vec<&str> = after
        .take_while(|m| m["role"] == "tool")
        .filter_map(|m| m["tool_call_id"].as_str())
        .collect();
    let open: Vec<&str> = ids(message)
        .into_iter()
        .filter(|id| !answered.contains(id))
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(Problem::bad_field(
        "messages",
        format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
            open.join(", ")
        ),
    ))
}

fn ids(message: &Value) -> Vec<&str> {
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    calls.filter_map(|call| call["id"].as_str()).collect()
}

pub(super) fn invalid(param: String, given: &str, known: &[&str]) -> Problem {
    let known: Vec<String> = known.iter().map(|name| format!("'{name}'")).collect();
    let text = format!(
        "Invalid value: '{given}'. Supported values are: {}.",
        known.join(", ")
    );
    Problem::bad_field(param, text).with_code("invalid_value")
}

/// Refuses a schema of a strict tool that leaves anything open.
pub(in crate::dialect) fn strict_schema(
    tool: &str,
    schema: &Value,
    param: String,
) -> Result<(), Problem> {
    let Some(fault) = fault(schema, "()") else {
        return Ok(());
    };
    let text = format!("Invalid schema for function '{tool}': {fault}");
    Err(Problem::bad_field(param, text).with_code("invalid_function_parameters"))
}

fn fault(schema: &Value, context: &str) -> Option<String> {
    let properties = schema["properties"].as_object();
    if schema["type"] == "object" || properties.is_some() {
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Some(format!(
                "In context={context}, 'additionalProperties' is required to be supplied and to be false."
            ));
        }
        let required = schema["required"].as_array();
        let is_required = |name: &str| {
            let mut named = required.into_iter().flatten();
            named.any(|given| given == name)
        };
        for (name, inner) in properties.into_iter().flatten() {
            if !is_required(name) {
                return Some(format!(
                    "In context={context}, 'required' is required to be supplied and to be an array including every key in properties. Missing '{name}'."
                ));
            }
            if let Some(fault) = fault(inner, &format!("('properties', '{name}')")) {
                return Some(fault);
            }
        }
    }
    schema
        .get("items")
        .and_then(|items| fault(items, "('items',)"))
}
