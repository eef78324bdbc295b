//! Reads a chat-completions request, and refuses what OpenAI would refuse.

use serde_json::Value;

use super::{messages, tools};
use crate::dialect::ask::{positive, required_items, truth};
use crate::dialect::weight::{tools_weight, weigh};
use crate::dialect::{Ask, Format, Problem, Received};

/// Most answers side by side.
const CHOICES_MAX: u64 = 128;

pub(super) fn read(received: &Received<'_>) -> Result<Ask, Problem> {
    let body = received.body;
    let model = received.model()?;
    let items = required_items(body, "messages")?;
    let stream = received.stream()?;
    let kinds = tools::kinds(&model);
    let tools = tools::read(body, kinds)?;
    let tool_rule = tools::rule(body, &tools)?;
    messages::check(items, kinds)?;
    let (mut prompt_tokens, mut last_bytes) = (tools_weight(body.get("tools")), 0);
    for message in items {
        let weight = weigh(message);
        prompt_tokens += weight.tokens;
        last_bytes = weight.bytes;
    }
    let last_role = items
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
        messages: items.len(),
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
        ..Ask::default()
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

/// The stop texts of a request.
pub(in crate::dialect) fn stops(body: &Value) -> Vec<String> {
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
