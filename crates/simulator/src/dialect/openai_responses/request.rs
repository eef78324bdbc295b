//! Reads a responses request, and refuses what OpenAI would refuse.

use serde_json::{Map, Value, json};

use super::input;
use crate::dialect::ask::{
    REASONING_TOKENS, positive, required_items, schema_or_object, truth, unknown_key,
};
use crate::dialect::openai_chat::strict_schema;
use crate::dialect::weight::{tools_weight, weigh_all};
use crate::dialect::{Ask, Format, Problem, Received, Tool, ToolRule};

/// Fields of a request that the response repeats, with what stands there when they are absent.
fn echoed() -> [(&'static str, Value); 19] {
    [
        ("instructions", Value::Null),
        ("max_output_tokens", Value::Null),
        ("max_tool_calls", Value::Null),
        ("metadata", json!({})),
        ("parallel_tool_calls", json!(true)),
        ("prompt_cache_key", Value::Null),
        ("prompt_cache_retention", Value::Null),
        ("reasoning", json!({"effort": null, "summary": null})),
        ("safety_identifier", Value::Null),
        ("service_tier", json!("default")),
        ("store", json!(true)),
        ("temperature", json!(1.0)),
        (
            "text",
            json!({"format": {"type": "text"}, "verbosity": "medium"}),
        ),
        ("tool_choice", json!("auto")),
        ("tools", json!([])),
        ("top_logprobs", json!(0)),
        ("top_p", json!(1.0)),
        ("truncation", json!("disabled")),
        ("user", Value::Null),
    ]
}

/// Fields of a request that the response does not repeat.
const OTHER_FIELDS: [&str; 11] = [
    "model",
    "input",
    "stream",
    "stream_options",
    "include",
    "previous_response_id",
    "background",
    "conversation",
    "context_management",
    "prompt",
    // Codex says here which of its sessions and turns is speaking.
    "client_metadata",
];

pub(super) fn read(received: &Received<'_>) -> Result<Ask, Problem> {
    let body = received.body;
    let echoed = echoed();
    let known: Vec<&str> = echoed.iter().map(|(name, _)| *name).collect();
    if let Some(key) = unknown_key(body, &[&known[..], &OTHER_FIELDS[..]].concat()) {
        let problem = Problem::bad_field(key.to_owned(), format!("Unknown parameter: '{key}'."));
        return Err(problem.with_code("unknown_parameter"));
    }
    let model = received.model()?;
    if let Some(id) = body["previous_response_id"].as_str() {
        let text = format!("Previous response with id '{id}' not found.");
        let problem = Problem::bad_field("previous_response_id", text);
        return Err(problem.with_code("previous_response_not_found"));
    }
    let tools = tools(body)?;
    let input = input::read(body)?;
    let reasoning = &body["reasoning"];
    let thinks = !matches!(reasoning["effort"].as_str(), None | Some("none"));
    let include = body["include"].as_array().into_iter().flatten();
    let instructions = body.get("instructions").filter(|text| text.is_string());
    Ok(Ask {
        model,
        stream: received.stream()?,
        messages: input.items,
        last_role: input.last_role,
        last_bytes: input.last_bytes,
        prompt_tokens: input.tokens
            + instructions.map_or(0, |text| weigh_all(text).tokens)
            + tools_weight(body.get("tools")),
        tool_rule: tool_rule(body, &tools)?,
        tools,
        allows_parallel_tools: body.get("parallel_tool_calls") != Some(&Value::Bool(false)),
        format: format(body)?,
        tokens_max: positive(body, "max_output_tokens")?,
        reasoning: thinks.then_some(REASONING_TOKENS),
        shows_reasoning: reasoning["summary"].is_string(),
        wants_opaque: include
            .into_iter()
            .any(|i| i == "reasoning.encrypted_content"),
        echo: echo(body, echoed),
        ..Ask::default()
    })
}

fn echo(body: &Value, echoed: [(&'static str, Value); 19]) -> Map<String, Value> {
    let given = |name: &str| body.get(name).filter(|value| !value.is_null()).cloned();
    echoed
        .into_iter()
        .map(|(name, absent)| (name.to_owned(), given(name).unwrap_or(absent)))
        .collect()
}

fn tools(body: &Value) -> Result<Vec<Tool>, Problem> {
    if body.get("tools").is_none_or(Value::is_null) {
        return Ok(Vec::new());
    }
    let listed = match body["tools"].as_array() {
        Some(listed) if listed.is_empty() => return Ok(Vec::new()),
        _ => required_items(body, "tools")?,
    };
    let mut tools = Vec::new();
    for (index, tool) in listed.iter().enumerate() {
        let at = format!("tools[{index}]");
        let is_free = match tool["type"].as_str() {
            Some("function") => false,
            Some("custom") => true,
            Some(_) => continue, // Hosted tools are never called here.
            None => return Err(missing(format!("{at}.type"))),
        };
        let Some(name) = tool["name"].as_str() else {
            return Err(missing(format!("{at}.name")));
        };
        if truth(tool, "strict")? {
            strict_schema(name, &tool["parameters"], format!("{at}.parameters"))?;
        }
        tools.push(Tool {
            name: name.to_owned(),
            schema: match is_free {
                true => json!({"type": "object", "properties": {"input": {"type": "string"}}}),
                false => schema_or_object(tool.get("parameters")),
            },
            is_free,
        });
    }
    Ok(tools)
}

fn tool_rule(body: &Value, tools: &[Tool]) -> Result<ToolRule, Problem> {
    let choice = match body.get("tool_choice") {
        None | Some(Value::Null) => return Ok(ToolRule::Free),
        Some(choice) => choice,
    };
    match choice.as_str() {
        Some("none") => return Ok(ToolRule::Never),
        Some("auto") => return Ok(ToolRule::Free),
        Some("required") if tools.is_empty() => {
            return Err(Problem::bad_field(
                "tool_choice",
                "Tool choice 'required' must be specified with 'tools' parameter.",
            ));
        }
        Some("required") => return Ok(ToolRule::Must),
        _ => {}
    }
    match (choice["type"].as_str(), choice["name"].as_str()) {
        (Some("function" | "custom"), Some(name)) if tools.iter().any(|tool| tool.name == name) => {
            Ok(ToolRule::Named(name.to_owned()))
        }
        (Some("function" | "custom"), Some(name)) => Err(Problem::bad_field(
            "tool_choice",
            format!("Tool choice '{name}' not found in 'tools' parameter."),
        )),
        (Some("function" | "custom"), None) => Err(missing("tool_choice.name".to_owned())),
        (Some("allowed_tools"), _) if choice["mode"] == "required" => Ok(ToolRule::Must),
        (Some(_), _) => Ok(ToolRule::Free),
        (None, _) => Err(Problem::bad_field(
            "tool_choice",
            "Invalid value for 'tool_choice'.",
        )),
    }
}

fn format(body: &Value) -> Result<Format, Problem> {
    let Some(format) = body.pointer("/text/format").filter(|f| !f.is_null()) else {
        return Ok(Format::Text);
    };
    match format["type"].as_str() {
        Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::JsonObject),
        Some("json_schema") => {
            if !format["name"].is_string() {
                return Err(missing("text.format.name".to_owned()));
            }
            let Some(schema) = format.get("schema") else {
                return Err(missing("text.format.schema".to_owned()));
            };
            Ok(Format::JsonSchema(schema.clone()))
        }
        _ => Err(Problem::bad_field(
            "text.format",
            "Invalid value for 'text.format.type': expected text, json_object or json_schema.",
        )),
    }
}

fn missing(field: String) -> Problem {
    let text = format!("Missing required parameter: '{field}'.");
    Problem::bad_field(field, text).with_code("missing_required_parameter")
}
