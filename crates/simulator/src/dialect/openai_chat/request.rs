//! Reads a chat-completions request, and refuses what OpenAI would refuse.

use serde_json::Value;

use crate::dialect::ask::{positive, required_items, required_text, truth, weigh};
use crate::dialect::{Ask, Format, Problem, Tool, ToolRule};
use crate::tokens::count_tokens;

/// Most answers side by side.
const CHOICES_MAX: u64 = 128;

pub(super) fn read(body: &Value) -> Result<Ask, Problem> {
    let model = required_text(body, "model")?;
    let messages = required_items(body, "messages")?;
    let stream = truth(body, "stream")?;
    let tools = tools(body)?;
    let tool_rule = tool_rule(body, &tools)?;
    let (mut prompt_tokens, mut last_bytes) = (tools_weight(body), 0);
    for message in messages {
        if message.get("role").and_then(Value::as_str).is_none() {
            return Err(Problem::bad_field(
                "messages",
                "Missing required parameter: 'messages[].role'.",
            ));
        }
        let weight = weigh(message);
        prompt_tokens += weight.tokens;
        last_bytes = weight.bytes;
    }
    let last_role = messages
        .last()
        .and_then(|message| message.get("role"))
        .and_then(Value::as_str);
    let tokens_max = match positive(body, "max_completion_tokens")? {
        Some(tokens) => Some(tokens),
        None => positive(body, "max_tokens")?,
    };
    let choices = positive(body, "n")?.unwrap_or(1);
    if choices > CHOICES_MAX {
        return Err(Problem::bad_field(
            "n",
            format!("Invalid 'n': at most {CHOICES_MAX}."),
        ));
    }
    Ok(Ask {
        model,
        stream,
        wants_usage: wants_usage(body, stream)?,
        messages: messages.len(),
        last_role: last_role.unwrap_or_default().to_owned(),
        last_bytes,
        prompt_tokens,
        tools,
        tool_rule,
        allows_parallel_tools: body.get("parallel_tool_calls") != Some(&Value::Bool(false)),
        format: format(body)?,
        choices: usize::try_from(choices).unwrap_or(1),
        tokens_max,
        stops: stops(body),
        wants_logprobs: truth(body, "logprobs")?,
    })
}

fn wants_usage(body: &Value, stream: bool) -> Result<bool, Problem> {
    match body.get("stream_options") {
        None | Some(Value::Null) => Ok(false),
        Some(_) if !stream => Err(Problem::bad_field(
            "stream_options",
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        )),
        Some(options) => truth(options, "include_usage"),
    }
}

fn tools(body: &Value) -> Result<Vec<Tool>, Problem> {
    let listed = match body.get("tools") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(_) => required_items(body, "tools")?,
    };
    let mut tools = Vec::with_capacity(listed.len());
    for tool in listed {
        let Some(name) = tool.pointer("/function/name").and_then(Value::as_str) else {
            return Err(Problem::bad_field(
                "tools",
                "Missing required parameter: 'tools[].function.name'.",
            ));
        };
        let schema = tool
            .pointer("/function/parameters")
            .cloned()
            .unwrap_or_else(|| Value::Object(serde_json::Map::default()));
        let schema = if schema.as_object().is_some_and(serde_json::Map::is_empty) {
            serde_json::json!({"type": "object"})
        } else {
            schema
        };
        tools.push(Tool {
            name: name.to_owned(),
            schema,
        });
    }
    Ok(tools)
}

fn tools_weight(body: &Value) -> u64 {
    match body.get("tools") {
        None | Some(Value::Null) => 0,
        Some(tools) => count_tokens(&tools.to_string()),
    }
}

fn tool_rule(body: &Value, tools: &[Tool]) -> Result<ToolRule, Problem> {
    let choice = match body.get("tool_choice") {
        None | Some(Value::Null) => return Ok(ToolRule::Free),
        Some(choice) => choice,
    };
    if tools.is_empty() {
        return Err(Problem::bad_field(
            "tool_choice",
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
        ));
    }
    match choice.as_str() {
        Some("none") => return Ok(ToolRule::Never),
        Some("auto") => return Ok(ToolRule::Free),
        Some("required") => return Ok(ToolRule::Must),
        _ => {}
    }
    match choice.pointer("/function/name").and_then(Value::as_str) {
        Some(name) if tools.iter().any(|tool| tool.name == name) => {
            Ok(ToolRule::Named(name.to_owned()))
        }
        Some(name) => Err(Problem::bad_field(
            "tool_choice",
            format!("Tool choice '{name}' not found in 'tools' parameter."),
        )),
        None if choice.get("type").and_then(Value::as_str) == Some("allowed_tools") => {
            Ok(ToolRule::Free)
        }
        None => Err(Problem::bad_field(
            "tool_choice",
            "Invalid value for 'tool_choice'.",
        )),
    }
}

fn format(body: &Value) -> Result<Format, Problem> {
    let Some(format) = body
        .get("response_format")
        .filter(|format| !format.is_null())
    else {
        return Ok(Format::Text);
    };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::JsonObject),
        Some("json_schema") => match format.pointer("/json_schema/schema") {
            Some(schema) => Ok(Format::JsonSchema(schema.clone())),
            None => Err(Problem::bad_field(
                "response_format",
                "Missing required parameter: 'response_format.json_schema.schema'.",
            )),
        },
        _ => Err(Problem::bad_field(
            "response_format",
            "Invalid value for 'response_format.type': expected text, json_object or json_schema.",
        )),
    }
}

fn stops(body: &Value) -> Vec<String> {
    match body.get("stop") {
        Some(Value::String(stop)) => vec![stop.clone()],
        Some(Value::Array(stops)) => stops
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}
