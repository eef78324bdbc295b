//! Reads a converse request, and refuses what Bedrock would refuse.

use serde_json::{Value, json};

use super::{blocks, cited};
use crate::cache::{Life, Span};
use crate::dialect::ask::{REASONING_TOKENS, positive, schema_or_object, texts, unknown_key};
use crate::dialect::weight::{tools_weight, weigh, weigh_all};
use crate::dialect::{Ask, Format, Problem, Received, Tool, ToolRule};
use crate::tokens::{TOKENS_PER_MESSAGE, count_tokens};

const FIELDS: [&str; 12] = [
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "guardrailConfig",
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "requestMetadata",
    "performanceConfig",
    "promptVariables",
    "serviceTier",
    "outputConfig",
];
/// Most cache points in one request.
const MARKERS_MAX: usize = 4;

pub(super) fn read(received: &Received<'_>) -> Result<Ask, Problem> {
    let body = received.body;
    let messages = check(body)?;
    let inference = &body["inferenceConfig"];
    let known = ["maxTokens", "temperature", "topP", "stopSequences"];
    if let Some(key) = unknown_key(inference, &known) {
        return Err(blocks::extraneous("#/inferenceConfig", key));
    }
    let tools = tools(body)?;
    let more = &body["additionalModelRequestFields"];
    let thinking = more
        .get("thinking")
        .or_else(|| more.get("reasoning_config"));
    let thinking = thinking.unwrap_or(&Value::Null);
    let budget = thinking["budget_tokens"].as_u64();
    let tokens_max = positive(inference, "maxTokens")?;
    if let (Some(budget), Some(most)) = (budget, tokens_max)
        && most <= budget
    {
        return Err(blocks::from_model(
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ));
    }
    let thinks = matches!(thinking["type"].as_str(), Some("enabled" | "adaptive"));
    let last = messages.last().unwrap_or(&Value::Null);
    let model = received.model()?;
    let cited = cited::first(messages);
    // Claude does, and so may whatever stands behind a name of the account's own.
    if cited.is_some() && !model.contains("claude") && !model.starts_with("arn:") {
        return Err(Problem::bad("This model doesn't support citations."));
    }
    Ok(Ask {
        model,
        stream: received.stream()?,
        messages: messages.len(),
        last_role: last["role"].as_str().unwrap_or_default().to_owned(),
        last_bytes: weigh(last).bytes,
        prompt_tokens: tokens(body, messages),
        tool_rule: tool_rule(body, &tools)?,
        tools,
        format: format(body)?,
        tokens_max,
        stops: texts(inference.get("stopSequences")),
        reasoning: thinks.then_some(REASONING_TOKENS),
        cited,
        ..Ask::default()
    })
}

/// Checks a request whose tokens are to be counted, and counts them.
pub(super) fn count(body: &Value) -> Result<u64, Problem> {
    let messages = check(body)?;
    Ok(tokens(body, messages))
}

/// The pieces of a prompt, with the cache points between them.
pub(super) fn spans(body: &Value) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut add = |role: &str, block: &Value, extra: u64| {
        if let Some(point) = block.get("cachePoint") {
            if let Some(last) = spans.last_mut() {
                last.marker = Some(life(point));
            }
            return;
        }
        spans.push(Span {
            text: format!("{role} {block}"),
            tokens: weigh_all(block).tokens - TOKENS_PER_MESSAGE + extra,
            marker: None,
        });
    };
    for tool in items(&body["toolConfig"], "tools") {
        let weight = count_tokens(&tool.to_string());
        let text = weigh_all(tool).tokens - TOKENS_PER_MESSAGE;
        add("tool", tool, weight.saturating_sub(text));
    }
    for block in items(body, "system") {
        add("system", block, 0);
    }
    for message in items(body, "messages") {
        let role = message["role"].as_str().unwrap_or_default();
        for (index, block) in items(message, "content").enumerate() {
            let extra = if index == 0 { TOKENS_PER_MESSAGE } else { 0 };
            add(role, block, extra);
        }
    }
    spans
}

fn life(point: &Value) -> Life {
    match point["ttl"].as_str() {
        Some("1h") => Life::OneHour,
        _ => Life::FiveMinutes,
    }
}

fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Every rule about the messages and the cache points.
fn check(body: &Value) -> Result<&[Value], Problem> {
    if let Some(key) = unknown_key(body, &FIELDS) {
        return Err(blocks::extraneous("#", key));
    }
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    for (index, block) in items(body, "system").enumerate() {
        let at = format!("#/system/{index}");
        if let Some(key) = unknown_key(block, &["text", "cachePoint", "guardContent"]) {
            return Err(blocks::extraneous(&at, key));
        }
        if block["text"].as_str().is_some_and(str::is_empty) {
            return Err(Problem::bad(format!(
                "The text field in the SystemContentBlock object at system.{index} is blank. Add text to the text field, and try again."
            )));
        }
    }
    blocks::check(messages, body.get("toolConfig").is_some())?;
    let all = items(&body["toolConfig"], "tools")
        .chain(items(body, "system"))
        .chain(
            messages
                .iter()
                .flat_map(|message| items(message, "content")),
        );
    let points: Vec<&Value> = all.filter_map(|block| block.get("cachePoint")).collect();
    if points.iter().any(|point| point["type"] != "default") {
        return Err(Problem::bad(
            "1 validation error detected: Value at 'cachePoint.type' failed to satisfy constraint: Member must satisfy enum value set: [default]",
        ));
    }
    if points.len() > MARKERS_MAX {
        return Err(blocks::from_model(&format!(
            "A maximum of {MARKERS_MAX} blocks with cache_control may be provided. Found {}.",
            points.len()
        )));
    }
    Ok(messages)
}

fn tokens(body: &Value, messages: &[Value]) -> u64 {
    let system = body.get("system").filter(|system| !system.is_null());
    let system = system.map_or(0, |system| weigh(&json!({"content": system})).tokens);
    let messages: u64 = messages.iter().map(|message| weigh(message).tokens).sum();
    tools_weight(body.pointer("/toolConfig/tools")) + system + messages
}

fn tools(body: &Value) -> Result<Vec<Tool>, Problem> {
    let mut tools = Vec::new();
    let Some(config) = body.get("toolConfig").filter(|config| !config.is_null()) else {
        return Ok(tools);
    };
    if items(config, "tools").next().is_none() {
        return Err(Problem::bad(
            "1 validation error detected: Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ));
    }
    for (index, tool) in items(config, "tools").enumerate() {
        let at = format!("#/toolConfig/tools/{index}");
        if let Some(key) = unknown_key(tool, &["toolSpec", "cachePoint", "systemTool"]) {
            return Err(blocks::extraneous(&at, key));
        }
        let Some(spec) = tool.get("toolSpec") else {
            continue;
        };
        let known = ["name", "description", "inputSchema", "strict"];
        if let Some(key) = unknown_key(spec, &known) {
            return Err(blocks::extraneous(&format!("{at}/toolSpec"), key));
        }
        let name = spec["name"].as_str().unwrap_or_default();
        if !blocks::is_name(name) {
            return Err(Problem::bad(format!(
                "1 validation error detected: Value '{name}' at 'toolConfig.tools.{}.member.toolSpec.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+",
                index + 1
            )));
        }
        let schema = spec.pointer("/inputSchema/json");
        if schema.is_none_or(|schema| schema["type"] != "object") {
            return Err(Problem::bad(format!(
                "The value at toolConfig.tools.{index}.toolSpec.inputSchema.json.type must be one of the following: object."
            )));
        }
        tools.push(Tool {
            name: name.to_owned(),
            schema: schema_or_object(schema),
            is_free: false,
        });
    }
    Ok(tools)
}

fn tool_rule(body: &Value, tools: &[Tool]) -> Result<ToolRule, Problem> {
    let Some(choice) = body.pointer("/toolConfig/toolChoice") else {
        return Ok(ToolRule::Free);
    };
    if let Some(key) = unknown_key(choice, &["auto", "any", "tool"]) {
        return Err(blocks::extraneous("#/toolConfig/toolChoice", key));
    }
    if choice.get("any").is_some() {
        return Ok(ToolRule::Must);
    }
    match choice.pointer("/tool/name").and_then(Value::as_str) {
        None => Ok(ToolRule::Free),
        Some(name) if tools.iter().any(|tool| tool.name == name) => {
            Ok(ToolRule::Named(name.to_owned()))
        }
        Some(name) => Err(Problem::bad(format!(
            "The value at toolConfig.toolChoice.tool.name, {name}, is not one of the tools."
        ))),
    }
}

/// A structured answer: the schema is JSON inside a text.
fn format(body: &Value) -> Result<Format, Problem> {
    let Some(format) = body.pointer("/outputConfig/textFormat") else {
        return Ok(Format::Text);
    };
    let schema = format.pointer("/structure/jsonSchema/schema");
    let schema = schema.and_then(Value::as_str).map(serde_json::from_str);
    match schema {
        Some(Ok(schema)) => Ok(Format::JsonSchema(schema)),
        _ => Err(Problem::bad(
            "The value at outputConfig.textFormat.structure.jsonSchema.schema is not valid JSON.",
        )),
    }
}
