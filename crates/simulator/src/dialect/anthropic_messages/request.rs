//! Reads a messages request, and refuses what Anthropic would refuse.

use serde_json::{Value, json};

use super::{AnthropicMessages, blocks, cited, prompt, turns};
use crate::dialect::ask::{REASONING_TOKENS, positive, schema_or_object, texts, unknown_key};
use crate::dialect::weight::{tools_weight, weigh};
use crate::dialect::{Ask, Format, Problem, Received, Tool, ToolRule};

/// Fields of a request.
const FIELDS: [&str; 22] = [
    "model",
    "messages",
    "max_tokens",
    "system",
    "metadata",
    "stop_sequences",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "tools",
    "tool_choice",
    "thinking",
    "service_tier",
    "container",
    "mcp_servers",
    "context_management",
    "output_config",
    "output_format",
    "cache_control",
    "inference_geo",
    "speed",
];
/// Least budget for thinking.
const BUDGET_MIN: u64 = 1024;

pub(super) fn read(host: AnthropicMessages, received: &Received<'_>) -> Result<Ask, Problem> {
    let body = received.body;
    envelope(host, received)?;
    let model = received.model().map_err(|_| required("model"))?;
    let tokens_max = match body.get("max_tokens") {
        None | Some(Value::Null) => return Err(required("max_tokens")),
        Some(_) => positive(body, "max_tokens")
            .map_err(|_| Problem::bad("max_tokens: Input should be greater than or equal to 1"))?,
    };
    let thinks = thinks(body, tokens_max)?;
    let tools = tools(body)?;
    let rule = tool_rule(body, &tools)?;
    if thinks && matches!(rule, ToolRule::Must | ToolRule::Named(_)) {
        return Err(Problem::bad(
            "Thinking may not be enabled when tool_choice forces tool use.",
        ));
    }
    let messages = conversation(body)?;
    let last = messages.last().map(weigh);
    let is_single = body.pointer("/tool_choice/disable_parallel_tool_use");
    Ok(Ask {
        model,
        stream: received.stream()?,
        messages: messages.len(),
        last_role: messages
            .last()
            .and_then(|message| message["role"].as_str())
            .unwrap_or_default()
            .to_owned(),
        last_bytes: last.map_or(0, |weight| weight.bytes),
        prompt_tokens: tokens(body, messages),
        tool_rule: rule,
        tools,
        allows_parallel_tools: is_single != Some(&Value::Bool(true)),
        format: format(body)?,
        tokens_max,
        stops: texts(body.get("stop_sequences")),
        reasoning: thinks.then_some(REASONING_TOKENS),
        cited: cited::first(messages),
        ..Ask::default()
    })
}

/// Checks a request whose tokens are to be counted, and counts them.
pub(super) fn count(host: AnthropicMessages, received: &Received<'_>) -> Result<u64, Problem> {
    let body = received.body;
    envelope(host, received)?;
    received.model().map_err(|_| required("model"))?;
    if body.get("max_tokens").is_some() {
        return Err(extra("max_tokens"));
    }
    let tools = tools(body)?;
    tool_rule(body, &tools)?;
    thinks(body, None)?;
    Ok(tokens(body, conversation(body)?))
}

fn required(field: &str) -> Problem {
    Problem::bad(format!("{field}: Field required"))
}

fn extra(field: &str) -> Problem {
    Problem::bad(format!("{field}: Extra inputs are not permitted"))
}

/// The version, and the fields that may be there.
fn envelope(host: AnthropicMessages, received: &Received<'_>) -> Result<(), Problem> {
    let body = received.body;
    let mut known = FIELDS.to_vec();
    let version = match host {
        AnthropicMessages::Direct => {
            if received.header("anthropic-version").is_none() {
                return Err(Problem::bad("anthropic-version: header is required"));
            }
            None
        }
        AnthropicMessages::Vertex => Some("vertex-2023-10-16"),
        AnthropicMessages::Bedrock => Some("bedrock-2023-05-31"),
    };
    if let Some(version) = version {
        let is_counting = received.model.is_none();
        if body.get("anthropic_version").is_none() && !is_counting {
            return Err(required("anthropic_version"));
        }
        if body
            .get("anthropic_version")
            .is_some_and(|given| given != version)
        {
            return Err(Problem::bad(format!(
                "anthropic_version: Input should be '{version}'"
            )));
        }
        known.extend(["anthropic_version", "anthropic_beta"]);
        known.retain(|field| *field != "model" || received.model.is_none());
    }
    if host == AnthropicMessages::Bedrock {
        known.retain(|field| !["stream", "service_tier"].contains(field));
        known.extend(guardrail(received)?);
    }
    if host == AnthropicMessages::Vertex
        && received.streams == Some(true)
        && body.get("stream") != Some(&Value::Bool(true))
    {
        return Err(Problem::bad("stream: Input should be true"));
    }
    match unknown_key(body, &known) {
        Some(field) => Err(extra(field)),
        None => Ok(()),
    }
}

/// The field of the body that may stand there beside a guardrail, which has a version.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html> (2026)
fn guardrail(received: &Received<'_>) -> Result<Option<&'static str>, Problem> {
    const CONFIG: &str = "amazon-bedrock-guardrailConfig";
    let said = |name: &str| received.header(&format!("x-amzn-bedrock-{name}"));
    let guardrail = said("guardrailidentifier");
    if guardrail.is_some() && said("guardrailversion").is_none() {
        return Err(Problem::bad(
            "A guardrail identifier was given without a guardrail version.",
        ));
    }
    if guardrail.is_none() && received.body.get(CONFIG).is_some() {
        return Err(Problem::bad(format!(
            "{CONFIG} was given without a guardrail identifier."
        )));
    }
    let known = |name: &str, words: &[&str]| said(name).is_none_or(|word| words.contains(&word));
    let is_sound = known("trace", &["ENABLED", "DISABLED", "ENABLED_FULL"])
        && known("performanceconfig-latency", &["standard", "optimized"])
        && known("service-tier", &["priority", "default", "flex", "reserved"]);
    match is_sound {
        true => Ok(guardrail.map(|_| CONFIG)),
        false => Err(Problem::bad(
            "1 validation error detected: a header failed to satisfy constraint: Member must satisfy enum value set",
        )),
    }
}

/// The messages, after every rule about them and what stands around them.
fn conversation(body: &Value) -> Result<&[Value], Problem> {
    let messages = match body.get("messages") {
        None | Some(Value::Null) => return Err(required("messages")),
        Some(Value::Array(messages)) => messages,
        Some(_) => return Err(Problem::bad("messages: Input should be a valid list")),
    };
    if messages.is_empty() {
        return Err(Problem::bad("messages: at least one message is required"));
    }
    if let Some(Value::Array(system)) = body.get("system") {
        for (index, block) in system.iter().enumerate() {
            if block["type"] != "text" {
                return Err(Problem::bad(format!(
                    "system.{index}.type: Input should be 'text'"
                )));
            }
            if block["text"].as_str().is_none_or(str::is_empty) {
                return Err(Problem::bad(
                    "system: text content blocks must be non-empty",
                ));
            }
        }
    }
    blocks::check(messages)?;
    // Adaptive thinking asks for no thinking blocks of earlier turns.
    let is_strict = body.pointer("/thinking/type") == Some(&json!("enabled"));
    turns::check(messages, is_strict)?;
    prompt::check(body)?;
    Ok(messages)
}

fn tokens(body: &Value, messages: &[Value]) -> u64 {
    let system = body.get("system").filter(|system| !system.is_null());
    let system = system.map_or(0, |system| weigh(&json!({"content": system})).tokens);
    let messages: u64 = messages.iter().map(|message| weigh(message).tokens).sum();
    tools_weight(body.get("tools")) + system + messages
}

fn thinks(body: &Value, tokens_max: Option<u64>) -> Result<bool, Problem> {
    let Some(thinking) = body.get("thinking").filter(|thinking| !thinking.is_null()) else {
        return check_temperature(body).map(|()| false);
    };
    let thinks = match thinking["type"].as_str() {
        Some("disabled") => false,
        Some("adaptive") => true,
        Some("enabled") => {
            let Some(budget) = thinking["budget_tokens"].as_u64() else {
                return Err(required("thinking.enabled.budget_tokens"));
            };
            if budget < BUDGET_MIN {
                return Err(Problem::bad(format!(
                    "thinking.enabled.budget_tokens: Input should be greater than or equal to {BUDGET_MIN}"
                )));
            }
            if tokens_max.is_some_and(|most| most <= budget) {
                return Err(Problem::bad(
                    "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
                ));
            }
            true
        }
        other => {
            return Err(Problem::bad(format!(
                "thinking: Input tag '{}' found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'",
                other.unwrap_or_default()
            )));
        }
    };
    let temperature = body.get("temperature").and_then(Value::as_f64);
    if thinks && temperature.is_some_and(|t| (t - 1.0).abs() > f64::EPSILON) {
        return Err(Problem::bad(
            "`temperature` may only be set to 1 when thinking is enabled.",
        ));
    }
    check_temperature(body).map(|()| thinks)
}

fn check_temperature(body: &Value) -> Result<(), Problem> {
    match body.get("temperature").and_then(Value::as_f64) {
        Some(t) if t > 1.0 => Err(Problem::bad("temperature: range: 0..1")),
        Some(t) if t < 0.0 => Err(Problem::bad("temperature: range: 0..1")),
        Some(_) | None => Ok(()),
    }
}

fn tools(body: &Value) -> Result<Vec<Tool>, Problem> {
    let mut tools: Vec<Tool> = Vec::new();
    let listed = body.get("tools").and_then(Value::as_array);
    for (index, tool) in listed.into_iter().flatten().enumerate() {
        let name = tool["name"].as_str().unwrap_or_default();
        let is_custom = matches!(tool["type"].as_str(), None | Some("custom"));
        if name.is_empty() {
            return Err(required(&format!("tools.{index}.custom.name")));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.len() > 128 || !name.chars().all(fits) {
            return Err(Problem::bad(format!(
                "tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )));
        }
        if tools.iter().any(|tool| tool.name == name) {
            return Err(Problem::bad("tools: Tool names must be unique."));
        }
        if is_custom && tool.get("input_schema").is_none() {
            return Err(required(&format!("tools.{index}.custom.input_schema")));
        }
        if is_custom && tool["input_schema"]["type"] != "object" {
            return Err(Problem::bad(format!(
                "tools.{index}.custom.input_schema.type: Input should be 'object'"
            )));
        }
        if is_custom && tool.get("function").is_some() {
            return Err(extra(&format!("tools.{index}.custom.function")));
        }
        tools.push(Tool {
            name: name.to_owned(),
            schema: schema_or_object(tool.get("input_schema")),
            is_free: false,
        });
    }
    Ok(tools)
}

fn tool_rule(body: &Value, tools: &[Tool]) -> Result<ToolRule, Problem> {
    let choice = body.get("tool_choice");
    let Some(choice) = choice.filter(|choice| !choice.is_null()) else {
        return Ok(ToolRule::Free);
    };
    if tools.is_empty() {
        return Err(Problem::bad(
            "tool_choice may only be specified while providing tools.",
        ));
    }
    match choice["type"].as_str() {
        Some("none") => Ok(ToolRule::Never),
        Some("auto") => Ok(ToolRule::Free),
        Some("any") => Ok(ToolRule::Must),
        Some("tool") => match choice["name"].as_str() {
            Some(name) if tools.iter().any(|tool| tool.name == name) => {
                Ok(ToolRule::Named(name.to_owned()))
            }
            name => Err(Problem::bad(format!(
                "Tool '{}' not found in provided tools",
                name.unwrap_or_default()
            ))),
        },
        other => Err(Problem::bad(format!(
            "tool_choice: Input tag '{}' found using 'type' does not match any of the expected tags: 'any', 'auto', 'none', 'tool'",
            other.unwrap_or_default()
        ))),
    }
}

fn format(body: &Value) -> Result<Format, Problem> {
    let format = body.pointer("/output_config/format");
    let format = format.or_else(|| body.get("output_format"));
    let Some(format) = format.filter(|format| !format.is_null()) else {
        return Ok(Format::Text);
    };
    match (format["type"].as_str(), format.get("schema")) {
        (Some("json_schema"), Some(schema)) => Ok(Format::JsonSchema(schema.clone())),
        (Some("json_schema"), None) => Err(required("output_config.format.schema")),
        _ => Err(Problem::bad(
            "output_config.format.type: Input should be 'json_schema'",
        )),
    }
}
