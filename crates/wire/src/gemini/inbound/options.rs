//! Reads everything of a request but its contents.

use chat::request::{Effort, Format, Reasoning, Sampling, Tool, ToolChoice};
use chat::{Error, Request};
use serde_json::{Value, json};

use super::super::splice::OURS;
use super::schema::json_schema;
use crate::incoming::Incoming;
use crate::tree::Cursor;

/// Fields that are read here, or elsewhere.
const KNOWN: &[&str] = &[
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "serviceTier",
    "labels",
    "cachedContent",
];

/// Members of `generationConfig` that are read here.
const CONFIG: &[&str] = &[
    "temperature",
    "topP",
    "topK",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "stopSequences",
    "maxOutputTokens",
    "candidateCount",
    "responseLogprobs",
    "logprobs",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseModalities",
    "thinkingConfig",
    "speechConfig",
    "imageConfig",
];

/// Reads the options of a request.
pub(super) fn read(top: &Cursor<'_>, incoming: &Incoming) -> Result<Request, Error> {
    let mut unsaid = Vec::new();
    let calling = calling(top, &mut unsaid)?;
    let mut request = Request {
        tools: tools(top, calling.is_strict, &mut unsaid)?,
        tool_choice: calling.choice,
        max_output_tokens: incoming.needs.max_output_tokens,
        choices: incoming.choices(),
        service_tier: incoming
            .service_tier
            .as_ref()
            .map(|it| it.to_ascii_lowercase()),
        user: incoming.user.clone(),
        metadata: incoming.metadata.clone(),
        prompt_cache_key: incoming.prompt_cache_key.clone(),
        stream: incoming.needs.stream,
        ..Request::default()
    };
    if let Some(config) = top.object("generationConfig")? {
        read_config(&config, &mut request, &mut unsaid)?;
    }
    for (name, value) in top.members() {
        let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let known = KNOWN.contains(&name.as_str());
        if !is_empty && !known && !OURS.iter().any(|ours| name == ours || camel_is(ours, name)) {
            unsaid.push(name.clone());
        }
    }
    request.unsaid = unsaid;
    Ok(request)
}

fn camel_is(ours: &str, name: &str) -> bool {
    super::super::names::camel(ours) == name
}

fn read_config(
    config: &Cursor<'_>,
    request: &mut Request,
    unsaid: &mut Vec<String>,
) -> Result<(), Error> {
    config.unknown(CONFIG, unsaid);
    let strings = |name| -> Result<Vec<String>, Error> {
        let list = config.array(name)?;
        let words = list.iter().flat_map(Cursor::elements);
        Ok(words
            .filter_map(|word| word.value.as_str().map(str::to_owned))
            .collect())
    };
    request.sampling = Sampling {
        temperature: config.number("temperature")?,
        top_p: config.number("topP")?,
        top_k: config.number("topK")?,
        frequency_penalty: config.number("frequencyPenalty")?,
        presence_penalty: config.number("presencePenalty")?,
        seed: config.number("seed")?,
        stop: strings("stopSequences")?,
        logprobs: config.boolean("responseLogprobs")?,
        top_logprobs: config.count("logprobs")?,
        ..Sampling::default()
    };
    // Google counts the likeliest only where the tokens' own are asked for.
    if request.sampling.logprobs != Some(true) && request.sampling.top_logprobs.take().is_some() {
        unsaid.push(config.path_of("logprobs"));
    }
    request.format = format(config)?;
    request.reasoning = reasoning(config, unsaid)?;
    // Text comes with every answer.
    let modalities = strings("responseModalities")?.into_iter();
    request.modalities = modalities
        .map(|word| word.to_ascii_lowercase())
        .filter(|word| word != "text")
        .collect();
    if let Some(image) = config.object("imageConfig")? {
        let mut known = serde_json::Map::new();
        for (theirs, ours) in [("aspectRatio", "aspect_ratio"), ("imageSize", "image_size")] {
            if let Some(value) = image.get(theirs) {
                known.insert(ours.to_owned(), value.value.clone());
            }
        }
        image.unknown(&["aspectRatio", "imageSize"], unsaid);
        request.image_config = Some(Value::Object(known));
    }
    if let Some(speech) = config.object("speechConfig")? {
        let voice = speech
            .value
            .pointer("/voiceConfig/prebuiltVoiceConfig/voiceName")
            .and_then(Value::as_str);
        match voice {
            Some(voice) => request.audio = Some(json!({ "voice": voice, "format": "wav" })),
            None => unsaid.push(config.path_of("speechConfig")),
        }
    }
    Ok(())
}

fn format(config: &Cursor<'_>) -> Result<Option<Format>, Error> {
    let kind = config.string("responseMimeType")?;
    let schema = match (
        config.get("responseJsonSchema"),
        config.get("responseSchema"),
    ) {
        (Some(schema), _) => Some(schema.value.clone()),
        (None, Some(schema)) => Some(json_schema(schema.value)),
        (None, None) => None,
    };
    Ok(match (kind, schema) {
        (Some("application/json"), Some(schema)) => Some(Format::JsonSchema {
            name: "response".to_owned(),
            description: None,
            schema,
            strict: None,
        }),
        (Some("application/json"), None) => Some(Format::JsonObject),
        // Without the type a schema is not followed; `text/x.enum` is `Feature::Grammar`.
        _ => None,
    })
}

/// Thoughts are shown only to who asks for them; the writer of the answer sees to that.
fn reasoning(config: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Option<Reasoning>, Error> {
    let Some(thinking) = config.object("thinkingConfig")? else {
        return Ok(None);
    };
    thinking.unknown(
        &["includeThoughts", "thinkingBudget", "thinkingLevel"],
        unsaid,
    );
    let show = thinking.boolean("includeThoughts")? == Some(true);
    let mut reasoning = Reasoning {
        exclude: !show,
        show,
        ..Reasoning::default()
    };
    if let Some(level) = thinking.string("thinkingLevel")? {
        reasoning.effort = Effort::from_name(&level.to_ascii_lowercase());
    }
    if let Some(budget) = thinking.number("thinkingBudget")? {
        match budget.as_i64() {
            Some(0) => reasoning.enabled = Some(false),
            Some(..0) => reasoning.adaptive = true,
            _ => reasoning.max_tokens = budget.as_u64(),
        }
    }
    if reasoning.effort.is_none() && reasoning.max_tokens.is_none() && !reasoning.exclude {
        reasoning.enabled = reasoning.enabled.or(Some(true));
    }
    Ok(Some(reasoning))
}

/// Functions; all other tools are `Feature::ServerTools`.
fn tools(top: &Cursor<'_>, is_strict: bool, unsaid: &mut Vec<String>) -> Result<Vec<Tool>, Error> {
    let mut tools = Vec::new();
    let Some(list) = top.array("tools")? else {
        return Ok(tools);
    };
    for entry in list.elements() {
        let Some(functions) = entry.array("functionDeclarations")? else {
            continue;
        };
        for function in functions.elements() {
            let parameters = match function.get("parametersJsonSchema") {
                Some(schema) => Some(schema.value.clone()),
                None => function.get("parameters").map(|it| json_schema(it.value)),
            };
            let known = ["name", "description", "parameters", "parametersJsonSchema"];
            function.unknown(&known, unsaid);
            tools.push(Tool {
                name: function.need("name")?.to_owned(),
                description: function.string("description")?.map(str::to_owned),
                parameters,
                free_text: None,
                strict: is_strict.then_some(true),
                cache: None,
            });
        }
    }
    Ok(tools)
}

/// How functions are to be called.
#[derive(Debug, Default)]
struct Calling {
    choice: Option<ToolChoice>,
    /// Whether their schemas must be followed exactly (`VALIDATED`).
    is_strict: bool,
}

fn calling(top: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Calling, Error> {
    let Some(config) = top.object("toolConfig")? else {
        return Ok(Calling::default());
    };
    config.unknown(&["functionCallingConfig"], unsaid);
    let Some(calling) = config.object("functionCallingConfig")? else {
        return Ok(Calling::default());
    };
    calling.unknown(&["mode", "allowedFunctionNames"], unsaid);
    let list = calling.array("allowedFunctionNames")?;
    let names: Vec<String> = list
        .iter()
        .flat_map(Cursor::elements)
        .filter_map(|name| name.value.as_str().map(str::to_owned))
        .collect();
    let mode = calling
        .string("mode")?
        .unwrap_or("AUTO")
        .to_ascii_uppercase();
    let choice = match (mode.as_str(), names.as_slice()) {
        ("NONE", _) => ToolChoice::None,
        ("ANY", []) => ToolChoice::Required,
        ("ANY", [one]) => ToolChoice::Tool(one.clone()),
        ("ANY", _) => ToolChoice::Allowed(true, names),
        (_, []) => ToolChoice::Auto,
        _ => ToolChoice::Allowed(false, names),
    };
    Ok(Calling {
        choice: Some(choice),
        is_strict: mode == "VALIDATED",
    })
}
