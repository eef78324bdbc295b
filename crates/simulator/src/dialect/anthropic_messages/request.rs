//! Reads a messages request, and refuses what Anthropic would refuse.

use serde_json::{Value, json};

use crate::dialect::ask::{positive, required_items, required_text, truth, weigh};
use crate::dialect::{Ask, Format, Problem, Tool, ToolRule};
use crate::tokens::count_tokens;

pub(super) fn read(body: &Value) -> Result<Ask, Problem> {
    let model = required_text(body, "model")?;
    let messages = required_items(body, "messages")?;
    let Some(tokens_max) = positive(body, "max_tokens")? else {
        return Err(Problem::bad_field(
            "max_tokens",
            "max_tokens: Field required",
        ));
    };
    let tools = tools(body)?;
    let mut prompt_tokens = match body.get("tools") {
        None | Some(Value::Null) => 0,
        Some(tools) => count_tokens(&tools.to_string()),
    };
    if let Some(system) = body.get("system").filter(|system| !system.is_null()) {
        prompt_tokens += weigh(&json!({"content": system})).tokens;
    }
    let mut last_bytes = 0;
    for (index, message) in messages.iter().enumerate() {
        match message.get("role").and_then(Value::as_str) {
            Some("user" | "assistant") => {}
            _ => {
                let text = format!("messages.{index}.role: expected 'user' or 'assistant'");
                return Err(Problem::bad_field("messages", text));
            }
        }
        let weight = weigh(message);
        prompt_tokens += weight.tokens;
        last_bytes = weight.bytes;
    }
    let last_role = messages
        .last()
        .and_then(|message| message.get("role"))
        .and_then(Value::as_str);
    let choice = body.get("tool_choice");
    let is_single = choice.and_then(|choice| choice.get("disable_parallel_tool_use"));
    Ok(Ask {
        model,
        stream: truth(body, "stream")?,
        wants_usage: true,
        messages: messages.len(),
        last_role: last_role.unwrap_or_default().to_owned(),
        last_bytes,
        prompt_tokens,
        tool_rule: tool_rule(choice, &tools)?,
        tools,
        allows_parallel_tools: is_single != Some(&Value::Bool(true)),
        format: Format::Text,
        choices: 1,
        tokens_max: Some(tokens_max),
        stops: body
            .get("stop_sequences")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|stop| stop.as_str().map(str::to_owned))
            .collect(),
        wants_logprobs: false,
    })
}

fn tools(body: &Value) -> Result<Vec<Tool>, Problem> {
    let mut tools = Vec::new();
    for tool in body
        .get("tools")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let Some(name) = tool.get("name").and_then(Value::as_str) else {
            return Err(Problem::bad_field("tools", "tools.0.name: Field required"));
        };
        let schema = tool
            .get("input_schema")
            .cloned()
            .unwrap_or_else(|| json!({"type": "object"}));
        tools.push(Tool {
            name: name.to_owned(),
            schema,
        });
    }
    Ok(tools)
}

fn tool_rule(choice: Option<&Value>, tools: &[Tool]) -> Result<ToolRule, Problem> {
    let Some(choice) = choice.filter(|choice| !choice.is_null()) else {
        return Ok(ToolRule::Free);
    };
    match choice.get("type").and_then(Value::as_str) {
        Some("none") => Ok(ToolRule::Never),
        Some("auto") => Ok(ToolRule::Free),
        Some("any") => Ok(ToolRule::Must),
        Some("tool") => match choice.get("name").and_then(Value::as_str) {
            Some(name) if tools.iter().any(|tool| tool.name == name) => {
                Ok(ToolRule::Named(name.to_owned()))
            }
            _ => Err(Problem::bad_field(
                "tool_choice",
                "tool_choice.name: no such tool",
            )),
        },
        _ => Err(Problem::bad_field(
            "tool_choice",
            "tool_choice.type: unknown type",
        )),
    }
}
