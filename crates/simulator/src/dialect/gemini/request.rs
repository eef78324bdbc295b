//! Reads a generateContent request, and refuses what Google would refuse. Both spellings of a field are read.

use serde_json::Value;

use super::{Gemini, contents, schema};
use crate::dialect::ask::{
    REASONING_TOKENS, positive, schema_or_object, texts, truth, unknown_key,
};
use crate::dialect::weight::{tools_weight, weigh};
use crate::dialect::{Ask, Format, Problem, Received, Tool, ToolRule};

const FIELDS: [&str; 15] = [
    "contents",
    "systemInstruction",
    "system_instruction",
    "tools",
    "toolConfig",
    "tool_config",
    "safetySettings",
    "safety_settings",
    "generationConfig",
    "generation_config",
    "cachedContent",
    "cached_content",
    "labels",
    "model",
    "serviceTier",
];
const GENERATION_FIELDS: [&str; 24] = [
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "_responseJsonSchema",
    "responseModalities",
    "candidateCount",
    "maxOutputTokens",
    "temperature",
    "topP",
    "topK",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
    "enableEnhancedCivicAnswers",
    "speechConfig",
    "thinkingConfig",
    "imageConfig",
    "mediaResolution",
    "audioTimestamp",
    "routingConfig",
    "modelSelectionConfig",
];
const TOOL_FIELDS: [&str; 12] = [
    "functionDeclarations",
    "function_declarations",
    "googleSearch",
    "google_search",
    "googleSearchRetrieval",
    "codeExecution",
    "code_execution",
    "urlContext",
    "computerUse",
    "fileSearch",
    "googleMaps",
    "enterpriseWebSearch",
];
/// Most candidates side by side.
const CANDIDATES_MAX: u64 = 8;
/// Most tokens told at each step.
const LOGPROBS_MAX: usize = 20;

pub(super) fn read(host: Gemini, received: &Received<'_>) -> Result<Ask, Problem> {
    let body = received.body;
    if let Some(key) = unknown_key(body, &FIELDS) {
        return Err(unknown(key, ""));
    }
    let contents = contents::check(host, body)?;
    let model = received.model()?;
    contents::check_signatures(&model, contents)?;
    if either(body, "cachedContent", "cached_content").is_some() {
        let text = "CachedContent not found (or permission denied)";
        return Err(Problem::new(403, text));
    }
    let config = either(body, "generationConfig", "generation_config");
    let config = config.unwrap_or(&Value::Null);
    if let Some(key) = unknown_key(&camel(config), &GENERATION_FIELDS) {
        return Err(unknown(key, " at 'generation_config'"));
    }
    let config = &camel(config);
    let tools = tools(host, body)?;
    let candidates = positive(config, "candidateCount")?.unwrap_or(1);
    if candidates > CANDIDATES_MAX {
        return Err(Problem::bad(
            "* GenerateContentRequest.generation_config.candidate_count: must be between 1 and 8",
        ));
    }
    let thinking = &camel(&config["thinkingConfig"]);
    let level = thinking["thinkingLevel"].as_str();
    let budget = thinking["thinkingBudget"].as_i64();
    if level.is_some() && budget.is_some() {
        return Err(Problem::bad(
            "You can only set only one of thinking budget and thinking level.",
        ));
    }
    let shows = thinking["includeThoughts"] == true;
    let thinks = shows || level.is_some() || budget.is_some_and(|budget| budget != 0);
    let last = contents.last().unwrap_or(&Value::Null);
    Ok(Ask {
        model,
        stream: received.stream()?,
        messages: contents.len(),
        last_role: last["role"].as_str().unwrap_or("user").to_owned(),
        last_bytes: weigh(last).bytes,
        prompt_tokens: tokens(body, contents),
        tool_rule: tool_rule(body, &tools)?,
        tools,
        format: format(host, config)?,
        choices: usize::try_from(candidates).unwrap_or(1),
        tokens_max: positive(config, "maxOutputTokens")?,
        stops: texts(config.get("stopSequences")),
        wants_logprobs: truth(config, "responseLogprobs")?,
        top_logprobs: top_logprobs(config)?,
        reasoning: thinks.then_some(REASONING_TOKENS),
        shows_reasoning: shows,
        ..Ask::default()
    })
}

/// How many of the likeliest tokens are told, which Google tells only beside the tokens' own.
fn top_logprobs(config: &Value) -> Result<usize, Problem> {
    let Some(count) = config.get("logprobs").filter(|count| !count.is_null()) else {
        return Ok(0);
    };
    if config["responseLogprobs"] != true {
        return Err(Problem::bad(
            "Unable to submit request because logprobs is set but response_logprobs is false.",
        ));
    }
    match count.as_u64().and_then(|count| usize::try_from(count).ok()) {
        Some(count @ 0..=LOGPROBS_MAX) => Ok(count),
        _ => Err(Problem::bad(
            "* GenerateContentRequest.generation_config.logprobs: must be between 0 and 20",
        )),
    }
}

/// The tokens of a request that is to be counted.
pub(super) fn count(received: &Received<'_>) -> Result<u64, Problem> {
    let inner = received.body.get("generateContentRequest");
    let body = inner.unwrap_or(received.body);
    let contents = contents::check(Gemini::Studio, body)?;
    Ok(tokens(body, contents))
}

/// A field in either of its spellings, unless it is null.
pub(super) fn either<'a>(value: &'a Value, camel: &str, snake: &str) -> Option<&'a Value> {
    let field = value.get(camel).or_else(|| value.get(snake));
    field.filter(|field| !field.is_null())
}

/// The error for a field that the message does not have.
pub(super) fn unknown(key: &str, place: &str) -> Problem {
    Problem::bad(format!(
        "Invalid JSON payload received. Unknown name \"{key}\"{place}: Cannot find field."
    ))
}

/// An object with every field in its camel-case spelling.
fn camel(value: &Value) -> Value {
    let Some(fields) = value.as_object() else {
        return Value::Null;
    };
    let spelled = |name: &str| {
        let mut parts = name.split('_');
        let mut spelled = parts.next().unwrap_or_default().to_owned();
        if spelled.is_empty() {
            return name.to_owned();
        }
        for part in parts {
            let mut chars = part.chars();
            spelled.extend(chars.next().map(|c| c.to_ascii_uppercase()));
            spelled.extend(chars);
        }
        spelled
    };
    let fields = fields.iter().map(|(name, v)| (spelled(name), v.clone()));
    Value::Object(fields.collect())
}

fn tokens(body: &Value, contents: &[Value]) -> u64 {
    let system = either(body, "systemInstruction", "system_instruction");
    let messages = system.into_iter().chain(contents);
    messages.map(|message| weigh(message).tokens).sum::<u64>() + tools_weight(body.get("tools"))
}

fn tools(host: Gemini, body: &Value) -> Result<Vec<Tool>, Problem> {
    let mut tools = Vec::new();
    let listed = body["tools"].as_array().into_iter().flatten();
    for (index, tool) in listed.enumerate() {
        if let Some(key) = unknown_key(tool, &TOOL_FIELDS) {
            return Err(unknown(key, &format!(" at 'tools[{index}]'")));
        }
        let declared = either(tool, "functionDeclarations", "function_declarations");
        let declared = declared.and_then(Value::as_array).into_iter().flatten();
        for (number, function) in declared.enumerate() {
            let at = format!("tools[{index}].function_declarations[{number}]");
            tools.push(declared_tool(host, function, &at)?);
        }
    }
    Ok(tools)
}

fn declared_tool(host: Gemini, function: &Value, at: &str) -> Result<Tool, Problem> {
    const KNOWN: [&str; 9] = [
        "name",
        "description",
        "behavior",
        "parameters",
        "parametersJsonSchema",
        "parameters_json_schema",
        "response",
        "responseJsonSchema",
        "response_json_schema",
    ];
    if let Some(key) = unknown_key(function, &KNOWN) {
        return Err(unknown(key, &format!(" at '{at}'")));
    }
    let name = function["name"].as_str().unwrap_or_default();
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if !starts_well || !name.chars().all(fits) || name.len() > 64 {
        return Err(Problem::bad(format!(
            "* GenerateContentRequest.{at}.name: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64."
        )));
    }
    let parameters = function.get("parameters");
    let json_schema = either(function, "parametersJsonSchema", "parameters_json_schema");
    if parameters.is_some() && json_schema.is_some() {
        return Err(Problem::bad(format!(
            "* GenerateContentRequest.{at}: parameters and parameters_json_schema are mutually exclusive"
        )));
    }
    if let Some(parameters) = parameters {
        schema::check(host, parameters, &format!("{at}.parameters"))?;
    }
    Ok(Tool {
        name: name.to_owned(),
        schema: schema::lowered(&schema_or_object(parameters.or(json_schema))),
        is_free: false,
    })
}

fn tool_rule(body: &Value, tools: &[Tool]) -> Result<ToolRule, Problem> {
    let config = either(body, "toolConfig", "tool_config").unwrap_or(&Value::Null);
    let calling = either(config, "functionCallingConfig", "function_calling_config");
    let Some(calling) = calling else {
        return Ok(ToolRule::Free);
    };
    let allowed = either(calling, "allowedFunctionNames", "allowed_function_names");
    let allowed = texts(allowed);
    let mode = calling["mode"].as_str().unwrap_or("AUTO").to_uppercase();
    if !allowed.is_empty() && mode != "ANY" && mode != "VALIDATED" {
        return Err(Problem::bad(
            "allowed_function_names should only be set when function calling mode is ANY or VALIDATED.",
        ));
    }
    if let Some(name) = allowed
        .iter()
        .find(|n| !tools.iter().any(|t| t.name == **n))
    {
        return Err(Problem::bad(format!(
            "allowed_function_names contains a function that is not declared: {name}"
        )));
    }
    match (mode.as_str(), &allowed[..]) {
        ("NONE", _) => Ok(ToolRule::Never),
        ("AUTO" | "MODE_UNSPECIFIED" | "VALIDATED", _) => Ok(ToolRule::Free),
        ("ANY", _) if tools.is_empty() => Err(Problem::bad(
            "Function calling config is set without function_declarations.",
        )),
        ("ANY", [name, ..]) => Ok(ToolRule::Named(name.clone())),
        ("ANY", []) => Ok(ToolRule::Must),
        _ => Err(Problem::bad(format!(
            "Invalid value at 'tool_config.function_calling_config.mode' (type.googleapis.com/google.ai.generativelanguage.v1beta.FunctionCallingConfig.Mode), \"{mode}\""
        ))),
    }
}

fn format(host: Gemini, config: &Value) -> Result<Format, Problem> {
    let schema = config.get("responseSchema").filter(|s| !s.is_null());
    let json_schema = either(config, "responseJsonSchema", "_responseJsonSchema");
    let mime = config["responseMimeType"].as_str().unwrap_or("text/plain");
    if let Some(schema) = schema {
        schema::check(host, schema, "generation_config.response_schema")?;
    }
    match (mime, schema.or(json_schema)) {
        ("application/json", Some(schema)) => Ok(Format::JsonSchema(schema::lowered(schema))),
        ("application/json", None) => Ok(Format::JsonObject),
        ("text/plain", None) => Ok(Format::Text),
        ("text/plain", Some(_)) => Err(Problem::bad(
            "* GenerateContentRequest.generation_config.response_mime_type: response_schema is only supported with application/json and text/x.enum",
        )),
        ("text/x.enum", Some(_)) => Ok(Format::Text),
        _ => Err(Problem::bad(format!(
            "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are `text/plain`, `application/json`, `application/xml`, `application/yaml` and `text/x.enum`, not `{mime}`."
        ))),
    }
}
