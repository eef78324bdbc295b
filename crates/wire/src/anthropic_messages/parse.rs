//! Reads a caller's request into the vocabulary.

use chat::request::{
    CacheMark, Effort, Format, Message, Part, Reasoning, Role, Sampling, Tool, ToolChoice,
};
use chat::{Error, Request};
use serde_json::Value;

use super::content::{blocks, mark};
use super::host::betas;
use crate::incoming::Incoming;
use crate::shape::Fault;
use crate::tree::Cursor;

/// Fields that are read here, or speak to us alone.
const KNOWN: &[&str] = &[
    "model",
    "models",
    "fallbacks",
    "route",
    "provider",
    "preset",
    "plugins",
    "session_id",
    "user",
    "trace",
    "debug",
    "stop_server_tools_when",
    "system",
    "messages",
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "stream",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
    "metadata",
    "service_tier",
    "cache_control",
];

/// Reads a request into the vocabulary.
pub(super) fn parse(body: &[u8], incoming: &Incoming) -> Result<Request, Error> {
    let tree: Value = serde_json::from_slice(body)
        .map_err(|error| Fault::wrong(error.to_string()).into_error())?;
    let top = Cursor::new(&tree);
    let mut unsaid = Vec::new();
    top.unknown(KNOWN, &mut unsaid);
    let mut request = Request {
        messages: messages(&top, &mut unsaid)?,
        tools: tools(&top, &mut unsaid)?,
        sampling: sampling(&top)?,
        max_output_tokens: top.count("max_tokens")?,
        format: format(&top)?,
        reasoning: reasoning(&top)?,
        service_tier: top.string("service_tier")?.map(tier),
        user: incoming.user.clone(),
        cache: mark(&top)?,
        stream: incoming.needs.stream,
        ..Request::default()
    };
    tool_choice(&top, &mut request)?;
    if let Some(config) = top.object("output_config")? {
        config.unknown(&["effort", "format"], &mut unsaid);
    }
    for beta in incoming.beside.betas.as_deref().into_iter().flat_map(betas) {
        unsaid.push(format!("anthropic-beta:{beta}"));
    }
    request.unsaid = unsaid;
    Ok(request)
}

/// The tiers of this dialect in the words of the vocabulary.
fn tier(word: &str) -> String {
    match word {
        "standard_only" => "default".to_owned(),
        other => other.to_owned(),
    }
}

fn messages(top: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Vec<Message>, Error> {
    let mut messages = Vec::new();
    let system = blocks(top, "system", unsaid)?;
    if !system.is_empty() {
        messages.push(Message::new(Role::System, system));
    }
    let Some(list) = top.array("messages")? else {
        return Err(top.missing("messages", "an array"));
    };
    for message in list.elements() {
        message.unknown(&["role", "content"], unsaid);
        let parts = blocks(&message, "content", unsaid)?;
        match message.need("role")? {
            "assistant" => messages.push(Message::new(Role::Assistant, parts)),
            "system" => messages.push(Message::new(Role::System, parts)),
            _ => of_user(parts, &mut messages),
        }
    }
    name_results(&mut messages);
    Ok(messages)
}

/// What the user says may begin with results of tools, which have a role of their own.
fn of_user(parts: Vec<Part>, messages: &mut Vec<Message>) {
    let is_result = |part: &Part| matches!(part.content, chat::request::Content::ToolResult { .. });
    let (results, rest): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_result);
    let has_results = !results.is_empty();
    if has_results {
        messages.push(Message::new(Role::Tool, results));
    }
    if !rest.is_empty() || !has_results {
        messages.push(Message::new(Role::User, rest));
    }
}

/// A result names only its call; other dialects want to know the tool.
fn name_results(messages: &mut [Message]) {
    use chat::request::Content;
    let mut called: Vec<(String, String)> = Vec::new();
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        match &mut part.content {
            Content::ToolCall { id, name, .. } => called.push((id.clone(), name.clone())),
            Content::ToolResult { call_id, name, .. } => {
                let call = called.iter().rev().find(|(id, _)| id == call_id);
                *name = call.map(|(_, name)| name.clone());
            }
            Content::Text(_)
            | Content::Image { .. }
            | Content::Audio { .. }
            | Content::Video(_)
            | Content::File { .. }
            | Content::SearchResult(_)
            | Content::Reasoning { .. }
            | Content::Refusal(_) => {}
        }
    }
}

fn tools(top: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Vec<Tool>, Error> {
    let mut tools = Vec::new();
    let Some(list) = top.array("tools")? else {
        return Ok(tools);
    };
    for tool in list.elements() {
        if tool.string("type")?.is_some_and(|kind| kind != "custom") {
            // Routing knows of these, and lets nobody come here with one.
            unsaid.push(tool.to_string());
            continue;
        }
        tool.unknown(
            &[
                "type",
                "name",
                "description",
                "input_schema",
                "strict",
                "cache_control",
            ],
            unsaid,
        );
        tools.push(Tool {
            name: tool.need("name")?.to_owned(),
            description: tool.string("description")?.map(ToOwned::to_owned),
            parameters: tool
                .object("input_schema")?
                .map(|schema| schema.value.clone()),
            free_text: None,
            strict: tool.boolean("strict")?,
            cache: mark(&tool)?,
        });
    }
    Ok(tools)
}

fn tool_choice(top: &Cursor<'_>, request: &mut Request) -> Result<(), Error> {
    let Some(choice) = top.object("tool_choice")? else {
        return Ok(());
    };
    request.tool_choice = match choice.need("type")? {
        "auto" => Some(ToolChoice::Auto),
        "any" => Some(ToolChoice::Required),
        "none" => Some(ToolChoice::None),
        "tool" => Some(ToolChoice::Tool(choice.need("name")?.to_owned())),
        other => return Err(choice.wrong(&format!("unknown type \"{other}\""))),
    };
    let is_single = choice.boolean("disable_parallel_tool_use")?;
    request.parallel_tool_calls = is_single.map(|is_single| !is_single);
    Ok(())
}

fn sampling(top: &Cursor<'_>) -> Result<Sampling, Error> {
    let mut stop = Vec::new();
    if let Some(list) = top.array("stop_sequences")? {
        for text in list.elements() {
            let said = text
                .value
                .as_str()
                .ok_or_else(|| text.expected("a string"))?;
            stop.push(said.to_owned());
        }
    }
    Ok(Sampling {
        temperature: top.number("temperature")?,
        top_p: top.number("top_p")?,
        top_k: top.number("top_k")?,
        stop,
        ..Sampling::default()
    })
}

/// The form of the answer, in its newer and its older place.
fn format(top: &Cursor<'_>) -> Result<Option<Format>, Error> {
    let config = top.object("output_config")?;
    let newer = match &config {
        Some(config) => config.object("format")?,
        None => None,
    };
    let older = top.object("output_format")?;
    let Some(format) = newer.or(older) else {
        return Ok(None);
    };
    match format.need("type")? {
        "json_schema" => {}
        other => return Err(format.wrong(&format!("unknown type \"{other}\""))),
    }
    let schema = format
        .object("schema")?
        .ok_or_else(|| format.missing("schema", "an object"))?;
    Ok(Some(Format::JsonSchema {
        name: "answer".to_owned(),
        description: None,
        schema: schema.value.clone(),
        strict: Some(true),
    }))
}

fn reasoning(top: &Cursor<'_>) -> Result<Option<Reasoning>, Error> {
    let config = top.object("output_config")?;
    let effort = match &config {
        Some(config) => config.string("effort")?.and_then(Effort::from_name),
        None => None,
    };
    let Some(thinking) = top.object("thinking")? else {
        let effort = effort.map(|effort| Reasoning {
            effort: Some(effort),
            ..Reasoning::default()
        });
        return Ok(effort);
    };
    let exclude = thinking.string("display")? == Some("omitted");
    Ok(Some(match thinking.need("type")? {
        "disabled" => Reasoning {
            enabled: Some(false),
            ..Reasoning::default()
        },
        "adaptive" => Reasoning {
            effort,
            adaptive: true,
            enabled: Some(true),
            exclude,
            show: !exclude,
            ..Reasoning::default()
        },
        _ => Reasoning {
            max_tokens: thinking.count("budget_tokens")?,
            enabled: Some(true),
            exclude,
            show: !exclude,
            ..Reasoning::default()
        },
    }))
}

/// The mark of a `cache_control`.
pub(super) fn lifetime(ttl: Option<&str>) -> CacheMark {
    match ttl {
        Some("1h") => CacheMark::OneHour,
        _ => CacheMark::Default,
    }
}
