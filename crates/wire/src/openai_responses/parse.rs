//! Reads a request into the vocabulary: everything but its items and tools.

use chat::request::{CacheMark, Effort, Format, Message, Part, Reasoning, Role, Sampling};
use chat::{Error, Kind, Request};
use serde_json::Value;

use super::names::Names;
use super::request::LOGPROBS;
use super::{family, items, tools};
use crate::incoming::Incoming;
use crate::tree::Cursor;

/// Fields that are read here or mean nothing to a provider; all others are named as not said.
const KNOWN: &[&str] = &[
    "model",
    "models",
    "route",
    "provider",
    "preset",
    "plugins",
    "session_id",
    "trace",
    "debug",
    "usage",
    "transforms",
    "input",
    "instructions",
    "include",
    "max_output_tokens",
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "top_logprobs",
    "text",
    "modalities",
    "image_config",
    "stream",
    "stream_options",
    "reasoning",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "cache_control",
    "prompt_cache_key",
    "service_tier",
    "user",
    "safety_identifier",
    "metadata",
    "store",
    "background",
    "previous_response_id",
    "conversation",
];

/// Reads a request into the vocabulary. `body` is the one that `incoming` was read from.
pub(super) fn parse(body: &[u8], incoming: &Incoming) -> Result<Request, Error> {
    let tree: Value = serde_json::from_slice(body).map_err(|error| {
        Error::caller(
            Kind::InvalidRequest,
            format!("the request body is no JSON: {error}"),
        )
    })?;
    let top = Cursor::new(&tree);
    let mut request = Request {
        stream: incoming.needs.stream,
        max_output_tokens: top.count("max_output_tokens")?,
        parallel_tool_calls: top.boolean("parallel_tool_calls")?,
        service_tier: top.string("service_tier")?.map(str::to_owned),
        user: incoming.user.clone(),
        metadata: incoming.metadata.clone(),
        prompt_cache_key: incoming.prompt_cache_key.clone(),
        image_config: top.get("image_config").map(|config| config.value.clone()),
        ..Request::default()
    };
    if let Some(instructions) = top.string("instructions")? {
        let part = Part::text(instructions);
        request
            .messages
            .push(Message::new(Role::System, vec![part]));
    }
    let names = Names::of(&tree["tools"]);
    items::read(&top, &names, &mut request)?;
    tools::read(&top, &names, &mut request)?;
    request.sampling = sampling(&top)?;
    request.reasoning = reasoning(&top, &mut request.unsaid)?;
    text(&top, &mut request)?;
    include(&top, &mut request);
    request.cache = cache(&top)?;
    if let Some(newer) = top.string("safety_identifier")? {
        let user = request.user.get_or_insert_with(|| newer.to_owned());
        if user != newer {
            request.unsaid.push("safety_identifier".to_owned());
        }
    }
    if let Some(modalities) = top.array("modalities")? {
        let words = modalities.value.as_array().into_iter().flatten();
        let words = words
            .filter_map(Value::as_str)
            .filter(|word| *word != "text");
        request.modalities = words.map(str::to_owned).collect();
    }
    let mut unsaid = Vec::new();
    top.unknown(KNOWN, &mut unsaid);
    // What is there already, unless somebody wants more.
    unsaid.retain(|name| name != "truncation" || tree["truncation"] != "disabled");
    request.unsaid.append(&mut unsaid);
    Ok(request)
}

fn sampling(top: &Cursor<'_>) -> Result<Sampling, Error> {
    let top_logprobs = top.count("top_logprobs")?;
    Ok(Sampling {
        temperature: top.number("temperature")?,
        top_p: top.number("top_p")?,
        top_k: top.number("top_k")?,
        frequency_penalty: top.number("frequency_penalty")?,
        presence_penalty: top.number("presence_penalty")?,
        logprobs: top_logprobs.filter(|most| *most > 0).map(|_| true),
        top_logprobs,
        ..Sampling::default()
    })
}

fn reasoning(top: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Option<Reasoning>, Error> {
    let Some(asked) = top.object("reasoning")? else {
        return Ok(None);
    };
    let effort = asked.string("effort")?;
    let effort = effort.map(|word| {
        Effort::from_name(word).ok_or_else(|| asked.wrong(&format!("unknown effort \"{word}\"")))
    });
    asked.unknown(
        &[
            "effort",
            "max_tokens",
            "enabled",
            "summary",
            "generate_summary",
        ],
        unsaid,
    );
    let summary = asked.string("summary")?;
    let summary = summary.or(asked.string("generate_summary")?);
    let reasoning = Reasoning {
        effort: effort.transpose()?,
        max_tokens: asked.count("max_tokens")?,
        enabled: asked.boolean("enabled")?,
        summary: summary.map(str::to_owned),
        ..Reasoning::default()
    };
    Ok(Some(reasoning).filter(|reasoning| *reasoning != Reasoning::default()))
}

fn text(top: &Cursor<'_>, request: &mut Request) -> Result<(), Error> {
    let Some(config) = top.object("text")? else {
        return Ok(());
    };
    request.verbosity = config.string("verbosity")?.map(str::to_owned);
    config.unknown(&["verbosity", "format"], &mut request.unsaid);
    let Some(format) = config.object("format")? else {
        return Ok(());
    };
    request.format = match format.need("type")? {
        "text" => None,
        "json_object" => Some(Format::JsonObject),
        "json_schema" => Some(Format::JsonSchema {
            name: format.need("name")?.to_owned(),
            description: format.string("description")?.map(str::to_owned),
            schema: match format.get("schema") {
                Some(schema) => schema.value.clone(),
                None => return Err(format.missing("schema", "an object")),
            },
            strict: format.boolean("strict")?,
        }),
        other => return Err(format.wrong(&format!("unknown format \"{other}\""))),
    };
    Ok(())
}

fn include(top: &Cursor<'_>, request: &mut Request) {
    let Some(include) = top.get("include") else {
        return;
    };
    for wanted in include.elements() {
        match wanted.value.as_str() {
            Some(LOGPROBS) => request.sampling.logprobs = Some(true),
            // Ciphertext always travels, whoever made it.
            Some(family::CIPHERTEXT) => {}
            _ => request.unsaid.push(wanted.to_string()),
        }
    }
}

fn cache(top: &Cursor<'_>) -> Result<Option<CacheMark>, Error> {
    let Some(control) = top.object("cache_control")? else {
        return Ok(None);
    };
    Ok(Some(match control.string("ttl")? {
        Some("1h") => CacheMark::OneHour,
        _ => CacheMark::Default,
    }))
}
