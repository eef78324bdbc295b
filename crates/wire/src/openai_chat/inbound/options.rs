//! Reads everything of a request but its messages.

use chat::request::{CacheMark, Effort, Format, Reasoning, Sampling, Tool, ToolChoice};
use chat::{Error, Request};
use serde_json::{Number, Value};

use super::super::write::OURS;
use crate::free_text;
use crate::incoming::Incoming;
use crate::tree::Cursor;

/// Fields that are read here, or elsewhere; what is in neither this list nor in `OURS` is named.
const KNOWN: &[&str] = &[
    "model",
    "messages",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "top_a",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "stop",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "reasoning_effort",
    "include_reasoning",
    "verbosity",
    "service_tier",
    "speed",
    "user",
    "safety_identifier",
    "metadata",
    "cache_control",
    "prompt_cache_key",
    "modalities",
    "audio",
    "image_config",
];

/// Reads the options of a request.
pub(crate) fn read(top: &Cursor<'_>, incoming: &Incoming) -> Result<Request, Error> {
    let mut unsaid = Vec::new();
    let mut request = Request {
        tools: tools(top, &mut unsaid)?,
        tool_choice: tool_choice(top)?,
        parallel_tool_calls: top.boolean("parallel_tool_calls")?,
        sampling: sampling(top)?,
        max_output_tokens: incoming.needs.max_output_tokens,
        choices: incoming.choices(),
        format: format(top, &mut unsaid)?,
        reasoning: reasoning(top, &mut unsaid)?,
        verbosity: top.string("verbosity")?.map(str::to_owned),
        service_tier: service_tier(top)?,
        user: end_user(top, incoming, &mut unsaid)?,
        metadata: incoming.metadata.clone(),
        cache: cache_mark(top)?,
        prompt_cache_key: incoming.prompt_cache_key.clone(),
        audio: top.object("audio")?.map(|audio| audio.value.clone()),
        image_config: top.object("image_config")?.map(|it| it.value.clone()),
        stream: incoming.needs.stream,
        ..Request::default()
    };
    if let Some(modalities) = top.array("modalities")? {
        let words = modalities
            .elements()
            .filter_map(|word| word.value.as_str().map(str::to_owned));
        // Text comes with every answer.
        request.modalities = words.filter(|word| word != "text").collect();
    }
    name_the_rest(top, &mut unsaid);
    request.unsaid = unsaid;
    Ok(request)
}

/// Names what the vocabulary has no word for.
fn name_the_rest(top: &Cursor<'_>, unsaid: &mut Vec<String>) {
    for (name, value) in top.members() {
        let says_nothing = match value {
            Value::Null => true,
            // As a flag it is a hint for routing.
            Value::Bool(_) => name == "structured_outputs",
            Value::Object(members) => members.is_empty(),
            Value::Array(elements) => elements.is_empty(),
            Value::String(_) | Value::Number(_) => false,
        };
        let name = name.as_str();
        if !says_nothing && !KNOWN.contains(&name) && !OURS.contains(&name) {
            unsaid.push(name.to_owned());
        }
    }
}

fn sampling(top: &Cursor<'_>) -> Result<Sampling, Error> {
    Ok(Sampling {
        temperature: top.number("temperature")?,
        top_p: top.number("top_p")?,
        top_k: top.number("top_k")?,
        min_p: top.number("min_p")?,
        top_a: top.number("top_a")?,
        frequency_penalty: top.number("frequency_penalty")?,
        presence_penalty: top.number("presence_penalty")?,
        repetition_penalty: top.number("repetition_penalty")?,
        seed: top.number("seed")?,
        stop: match top.get("stop") {
            Some(stop) => match stop.value {
                Value::String(one) => vec![one.clone()],
                _ => stop
                    .elements()
                    .filter_map(|one| one.value.as_str().map(str::to_owned))
                    .collect(),
            },
            None => Vec::new(),
        },
        logprobs: top.boolean("logprobs")?,
        top_logprobs: top.count("top_logprobs")?,
        logit_bias: logit_bias(top)?,
    })
}

fn logit_bias(top: &Cursor<'_>) -> Result<Vec<(String, Number)>, Error> {
    let Some(object) = top.object("logit_bias")? else {
        return Ok(Vec::new());
    };
    let biases = object.members().filter_map(|(token, bias)| match bias {
        Value::Number(bias) => Some((token.clone(), bias.clone())),
        // Checked before.
        _ => None,
    });
    Ok(biases.collect())
}

/// OpenAI's newer name for the caller's end user counts where the older one is not there.
fn end_user(
    top: &Cursor<'_>,
    incoming: &Incoming,
    unsaid: &mut Vec<String>,
) -> Result<Option<String>, Error> {
    let newer = top.string("safety_identifier")?;
    let user = incoming.user.as_deref().or(newer);
    if newer.is_some_and(|newer| user != Some(newer)) {
        unsaid.push("safety_identifier".to_owned());
    }
    Ok(user.map(str::to_owned))
}

/// `speed` is Anthropic's spelling of the fast tier.
fn service_tier(top: &Cursor<'_>) -> Result<Option<String>, Error> {
    if let Some(tier) = top.string("service_tier")? {
        return Ok(Some(tier.to_owned()));
    }
    let speed = top.string("speed")?.filter(|speed| *speed == "fast");
    Ok(speed.map(|_| "priority".to_owned()))
}

fn reasoning(top: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Option<Reasoning>, Error> {
    let object = top.object("reasoning")?;
    let shorthand = top.string("reasoning_effort")?;
    let is_included = top.boolean("include_reasoning")?;
    if object.is_none() && shorthand.is_none() && is_included.is_none() {
        return Ok(None);
    }
    let mut reasoning = Reasoning::default();
    if let Some(object) = &object {
        reasoning.effort = object.string("effort")?.and_then(Effort::from_name);
        reasoning.max_tokens = object.count("max_tokens")?;
        reasoning.enabled = object.boolean("enabled")?;
        reasoning.exclude = object.boolean("exclude")?.unwrap_or(false);
        reasoning.summary = object.string("summary")?.map(str::to_owned);
        let known = ["effort", "max_tokens", "enabled", "exclude", "summary"];
        object.unknown(&known, unsaid);
    }
    let shorthand = shorthand.and_then(Effort::from_name);
    reasoning.effort = reasoning.effort.or(shorthand);
    reasoning.exclude |= is_included == Some(false);
    // Who says no more than how hard to think (OpenAI's own field) has not asked for thoughts.
    reasoning.show = (object.is_some() || is_included == Some(true)) && !reasoning.exclude;
    Ok(Some(reasoning))
}

fn format(top: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Option<Format>, Error> {
    let Some(format) = top.object("response_format")? else {
        return Ok(None);
    };
    Ok(match format.need("type")? {
        "text" => Some(Format::Text),
        "json_object" => Some(Format::JsonObject),
        "json_schema" => {
            let schema = format
                .object("json_schema")?
                .ok_or_else(|| format.missing("json_schema", "an object"))?;
            // Without a schema only the form is asked for.
            let Some(of) = schema.get("schema") else {
                return Ok(Some(Format::JsonObject));
            };
            schema.unknown(&["name", "description", "schema", "strict"], unsaid);
            Some(Format::JsonSchema {
                name: schema.need("name")?.to_owned(),
                description: schema.string("description")?.map(str::to_owned),
                schema: of.value.clone(),
                strict: schema.boolean("strict")?,
            })
        }
        // Grammars: no endpoint of another dialect is asked for them (`Feature::Grammar`).
        _ => {
            unsaid.push("response_format".to_owned());
            None
        }
    })
}

fn tools(top: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Vec<Tool>, Error> {
    let mut tools = Vec::new();
    let Some(list) = top.array("tools")? else {
        return Ok(tools);
    };
    for tool in list.elements() {
        if tool.string("type")? == Some("custom") {
            tools.push(free(&tool, unsaid)?);
            continue;
        }
        if tool.string("type")? != Some("function") {
            // Tools of the provider's: `Feature::ServerTools`.
            unsaid.push(tool.to_string());
            continue;
        }
        let function = tool
            .object("function")?
            .ok_or_else(|| tool.missing("function", "an object"))?;
        let known = ["name", "description", "parameters", "strict"];
        function.unknown(&known, unsaid);
        tool.unknown(&["type", "function", "cache_control"], unsaid);
        tools.push(Tool {
            name: function.need("name")?.to_owned(),
            description: function.string("description")?.map(str::to_owned),
            parameters: function.get("parameters").map(|it| it.value.clone()),
            free_text: None,
            strict: function.boolean("strict")?,
            cache: cache_mark(&tool)?,
        });
    }
    Ok(tools)
}

/// A tool that is called with free text.
fn free(tool: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Tool, Error> {
    let custom = tool
        .object("custom")?
        .ok_or_else(|| tool.missing("custom", "an object"))?;
    custom.unknown(&["name", "description", "format"], unsaid);
    tool.unknown(&["type", "custom", "cache_control"], unsaid);
    let name = custom.need("name")?.to_owned();
    let description = custom.string("description")?.map(str::to_owned);
    let grammar = free_text::grammar(&custom, |format| &format["grammar"], unsaid)?;
    Ok(Tool {
        cache: cache_mark(tool)?,
        ..free_text::tool(name, description, grammar)
    })
}

fn tool_choice(top: &Cursor<'_>) -> Result<Option<ToolChoice>, Error> {
    let Some(choice) = top.get("tool_choice") else {
        return Ok(None);
    };
    if let Value::String(word) = choice.value {
        return Ok(match word.as_str() {
            "none" => Some(ToolChoice::None),
            "required" => Some(ToolChoice::Required),
            _ => Some(ToolChoice::Auto),
        });
    }
    if let Some(function) = called(&choice)? {
        return Ok(Some(ToolChoice::Tool(function.need("name")?.to_owned())));
    }
    let Some(allowed) = choice.object("allowed_tools")? else {
        return Ok(None);
    };
    let is_required = allowed.string("mode")? == Some("required");
    let mut names = Vec::new();
    if let Some(list) = allowed.array("tools")? {
        for tool in list.elements() {
            if let Some(function) = called(&tool)? {
                names.push(function.need("name")?.to_owned());
            }
        }
    }
    Ok(Some(ToolChoice::Allowed(is_required, names)))
}

/// What names a tool: a function, or one that is called with free text.
pub(super) fn called<'c>(holder: &'c Cursor<'c>) -> Result<Option<Cursor<'c>>, Error> {
    match holder.object("function")? {
        Some(function) => Ok(Some(function)),
        None => holder.object("custom"),
    }
}

/// The mark beside a part, a tool or at the top: Anthropic's `cache_control`, or OpenAI's
/// `prompt_cache_breakpoint`, which has no lifetime.
pub(super) fn cache_mark(of: &Cursor<'_>) -> Result<Option<CacheMark>, Error> {
    if let Some(mark) = of.object("cache_control")? {
        return Ok(Some(match mark.string("ttl")? {
            Some("1h") => CacheMark::OneHour,
            _ => CacheMark::Default,
        }));
    }
    let breakpoint = of.get("prompt_cache_breakpoint");
    Ok(breakpoint.map(|_| CacheMark::Default))
}
