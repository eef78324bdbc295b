//! Reads a chat request of Cohere's second version, and refuses what Cohere would refuse.

use serde_json::Value;

use crate::dialect::ask::{
    REASONING_TOKENS, positive, required_text, schema_or_object, texts, truth, unknown_key,
};
use crate::dialect::weight::{tools_weight, weigh};
use crate::dialect::{Ask, Format, Problem, Received, Tool, ToolRule};

const FIELDS: [&str; 22] = [
    "model",
    "messages",
    "stream",
    "tools",
    "tool_choice",
    "strict_tools",
    "documents",
    "citation_options",
    "response_format",
    "safety_mode",
    "max_tokens",
    "stop_sequences",
    "temperature",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "k",
    "p",
    "logprobs",
    "thinking",
    "raw_prompting",
    "priority",
];

pub(super) fn read(received: &Received<'_>) -> Result<Ask, Problem> {
    let body = received.body;
    if let Some(key) = unknown_key(body, &FIELDS) {
        return Err(Problem::new(
            422,
            format!("unknown field: parameter '{key}' is not a valid field"),
        ));
    }
    let model = required_text(body, "model")
        .map_err(|_| Problem::bad("invalid request: model is required"))?;
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    if messages.is_empty() {
        return Err(Problem::bad(
            "invalid request: list of messages must not be empty",
        ));
    }
    for (index, message) in messages.iter().enumerate() {
        check_message(messages, message, index)?;
    }
    let tools = tools(body)?;
    let last = messages.last().unwrap_or(&Value::Null);
    let thinking = &body["thinking"];
    Ok(Ask {
        model,
        stream: received.stream()?,
        messages: messages.len(),
        last_role: last["role"].as_str().unwrap_or_default().to_owned(),
        last_bytes: weigh(last).bytes,
        prompt_tokens: messages.iter().map(|m| weigh(m).tokens).sum::<u64>()
            + tools_weight(body.get("tools")),
        tool_rule: tool_rule(body, &tools)?,
        tools,
        format: format(body)?,
        tokens_max: positive(body, "max_tokens")?,
        stops: texts(body.get("stop_sequences")),
        wants_logprobs: truth(body, "logprobs")?,
        reasoning: (thinking["type"] == "enabled").then_some(REASONING_TOKENS),
        ..Ask::default()
    })
}

fn check_message(messages: &[Value], message: &Value, index: usize) -> Result<(), Problem> {
    let role = message["role"].as_str().unwrap_or_default();
    if !["user", "assistant", "system", "tool"].contains(&role) {
        return Err(Problem::bad(format!(
            "invalid request: invalid role '{role}' at messages[{index}]: must be one of 'user', 'assistant', 'system', 'tool'"
        )));
    }
    let has_calls = calls(message).next().is_some();
    let content = &message["content"];
    let is_blank = match content {
        Value::String(text) => text.is_empty(),
        Value::Array(parts) => parts.is_empty(),
        _ => true,
    };
    if is_blank && !has_calls {
        return Err(Problem::bad(format!(
            "invalid request: message at index {index} must have non-empty content or tool calls"
        )));
    }
    let known: &[&str] = match role {
        "tool" => &["text", "document"],
        "assistant" => &["text", "thinking"],
        "user" => &["text", "image_url"],
        _ => &["text"],
    };
    for part in content.as_array().into_iter().flatten() {
        let kind = part["type"].as_str().unwrap_or_default();
        if !known.contains(&kind) {
            return Err(Problem::bad(format!(
                "invalid request: content type '{kind}' is not valid in a message of role '{role}'"
            )));
        }
    }
    if role != "tool" {
        return Ok(());
    }
    let id = message["tool_call_id"].as_str().unwrap_or_default();
    let before = messages[..index].iter().rev().find(|m| m["role"] != "tool");
    let is_known = before.is_some_and(|before| calls(before).any(|call| call["id"] == id));
    if id.is_empty() || !is_known {
        return Err(Problem::bad(format!(
            "invalid request: cannot find tool call with id '{id}' for the tool message at index {index}"
        )));
    }
    Ok(())
}

fn calls(message: &Value) -> impl Iterator<Item = &Value> {
    message["tool_calls"].as_array().into_iter().flatten()
}

fn tools(body: &Value) -> Result<Vec<Tool>, Problem> {
    let mut tools = Vec::new();
    for tool in body["tools"].as_array().into_iter().flatten() {
        let function = &tool["function"];
        let Some(name) = function["name"].as_str() else {
            return Err(Problem::bad(
                "invalid request: tool function name is required",
            ));
        };
        tools.push(Tool {
            name: name.to_owned(),
            schema: schema_or_object(function.get("parameters")),
            is_free: false,
        });
    }
    Ok(tools)
}

fn tool_rule(body: &Value, tools: &[Tool]) -> Result<ToolRule, Problem> {
    match body.get("tool_choice") {
        None | Some(Value::Null) => Ok(ToolRule::Free),
        Some(choice) if choice == "NONE" => Ok(ToolRule::Never),
        Some(choice) if choice == "REQUIRED" && tools.is_empty() => Err(Problem::bad(
            "invalid request: tool_choice cannot be REQUIRED without tools",
        )),
        Some(choice) if choice == "REQUIRED" => Ok(ToolRule::Must),
        Some(_) => Err(Problem::bad(
            "invalid request: tool_choice must be REQUIRED or NONE",
        )),
    }
}

fn format(body: &Value) -> Result<Format, Problem> {
    let Some(format) = body.get("response_format").filter(|f| !f.is_null()) else {
        return Ok(Format::Text);
    };
    let schema = format.get("json_schema").or_else(|| format.get("schema"));
    match (format["type"].as_str(), schema) {
        (Some("text"), _) => Ok(Format::Text),
        (Some("json_object"), Some(schema)) => Ok(Format::JsonSchema(schema.clone())),
        (Some("json_object"), None) => Ok(Format::JsonObject),
        _ => Err(Problem::bad(
            "invalid request: response_format.type must be text or json_object",
        )),
    }
}
