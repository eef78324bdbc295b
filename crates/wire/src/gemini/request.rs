//! Reads a caller's request: one pass that checks it and keeps spans; the bytes stay as they are.

use chat::{Dialect, Error, Feature, Modality, Needs, Parameter};

use super::contents;
use super::names::{camel, get};
use crate::estimate::{Prompt, estimate};
use crate::incoming::{Beside, Incoming};
use crate::members::{Members, count, elements};
use crate::scan::{Scanner, Span, ValueKind, text};
use crate::shape::{FILLED, Fault, Field, OBJECT, Shape, TEXT, check, may};

const INFINITE: f64 = f64::INFINITY;
const WHOLE: Shape = Shape::Whole(f64::NEG_INFINITY, INFINITE);
const OBJECTS: Shape = Shape::List(0, usize::MAX, &OBJECT);
const WORDS: Shape = Shape::List(0, usize::MAX, &TEXT);

/// The fields of a request that are checked as they are passed. Source:
/// <https://ai.google.dev/api/generate-content> (2026), and our own fields as in `openai-chat`.
const FIELDS: &[Field] = &[
    may("tools", OBJECTS),
    may("toolConfig", OBJECT),
    may("generationConfig", OBJECT),
    may("safetySettings", OBJECTS),
    may("cachedContent", TEXT),
    may("serviceTier", TEXT),
    may("labels", Shape::Map(64, 64, &TEXT)),
    may("model", FILLED),
    may("models", Shape::List(0, 32, &FILLED)),
    may("provider", OBJECT),
    may("route", TEXT),
    may("preset", TEXT),
    may("session_id", Shape::Text(256)),
    may("user", TEXT),
    may("metadata", Shape::Map(16, 64, &Shape::Text(512))),
    may("prompt_cache_key", TEXT),
];

/// The members of `generationConfig` that are checked.
const CONFIG: &[Field] = &[
    may("temperature", Shape::Number(0.0, INFINITE)),
    may("topP", Shape::Number(0.0, 1.0)),
    may("topK", Shape::Number(0.0, INFINITE)),
    may("candidateCount", Shape::Whole(1.0, 128.0)),
    may("maxOutputTokens", Shape::Whole(1.0, INFINITE)),
    may("stopSequences", WORDS),
    may("presencePenalty", Shape::Number(-INFINITE, INFINITE)),
    may("frequencyPenalty", Shape::Number(-INFINITE, INFINITE)),
    may("seed", WHOLE),
    may("responseMimeType", TEXT),
    may("responseLogprobs", Shape::Bool),
    may("logprobs", Shape::Whole(0.0, 20.0)),
    may("responseModalities", WORDS),
    may("thinkingConfig", OBJECT),
    may("speechConfig", OBJECT),
];

/// What a member of `generationConfig` asks of an endpoint.
pub(super) const PARAMETERS: &[(&str, Parameter)] = &[
    ("temperature", Parameter::Temperature),
    ("topP", Parameter::TopP),
    ("topK", Parameter::TopK),
    ("maxOutputTokens", Parameter::MaxTokens),
    ("stopSequences", Parameter::Stop),
    ("presencePenalty", Parameter::PresencePenalty),
    ("frequencyPenalty", Parameter::FrequencyPenalty),
    ("seed", Parameter::Seed),
    ("responseLogprobs", Parameter::Logprobs),
    ("logprobs", Parameter::TopLogprobs),
    ("responseMimeType", Parameter::ResponseFormat),
    ("responseSchema", Parameter::StructuredOutputs),
    ("responseJsonSchema", Parameter::StructuredOutputs),
    ("thinkingConfig", Parameter::Reasoning),
];

/// Reads and checks a caller's request in one pass.
///
/// # Errors
/// `InvalidRequest` (or `StringTooLong`) with the field at fault in `metadata.field`, or with the
/// byte where the JSON breaks.
pub(super) fn read_request(body: &[u8], beside: Beside) -> Result<Incoming, Error> {
    read(body, beside).map_err(Fault::into_error)
}

fn read(body: &[u8], beside: Beside) -> Result<Incoming, Fault> {
    let text = text(body)?;
    let mut prompt = Prompt::default();
    let mut has_contents = false;
    let mut incoming = Incoming::walk(text, |scanner, name, kind| {
        let said = name.decode();
        let known = camel(&said);
        let is_there = kind != ValueKind::Null;
        let field = FIELDS
            .iter()
            .find(|field| said == field.name || known == field.name);
        match (&*known, field) {
            ("contents", _) if is_there => {
                has_contents |= contents::read(scanner, text, &mut prompt)
                    .map_err(|fault| fault.inside("contents"))?;
                Ok(())
            }
            ("systemInstruction", _) if is_there => {
                contents::read_content(scanner, text, &mut prompt)
                    .map_err(|fault| fault.inside("systemInstruction"))
            }
            (_, Some(field)) => {
                check(scanner, text, &field.shape).map_err(|fault| fault.inside(field.name))
            }
            _ => scanner.skip().map(|_| ()).map_err(Fault::from),
        }
    })?;
    if !has_contents {
        let problem = "required: expected at least one content";
        return Err(Fault::wrong(problem).inside("contents"));
    }
    let members = incoming.members(text);
    incoming.needs = needs(&members, prompt, &beside)?;
    read_small_fields(&mut incoming, &members, beside)?;
    Ok(incoming)
}

fn needs(members: &Members<'_>, prompt: Prompt, beside: &Beside) -> Result<Needs, Fault> {
    let mut needs = Needs {
        dialect: Dialect::Gemini,
        stream: beside.stream,
        prompt_tokens: prompt.tokens,
        input: prompt.input,
        features: prompt.features,
        ..Needs::default()
    };
    if let Some(tools) = get(members, "tools") {
        needs.prompt_tokens += estimate(tools.value.of(members.text));
        read_tools(members, tools.value, &mut needs);
    }
    if get(members, "toolConfig").is_some() {
        needs.parameters.insert(Parameter::ToolChoice);
    }
    if get(members, "cachedContent").is_some() {
        needs.features.insert(Feature::StoredState);
    }
    if let Some(config) = get(members, "generationConfig") {
        let config = Members::of_span(members.text, config.value)?;
        read_config(&config, &mut needs).map_err(|fault| fault.inside("generationConfig"))?;
    }
    Ok(needs)
}

/// Functions are the caller's to run; all other tools are the provider's.
fn read_tools(members: &Members<'_>, tools: Span, needs: &mut Needs) {
    for span in elements(members.text, tools) {
        let Ok(tool) = Members::of_span(members.text, span) else {
            continue;
        };
        for member in tool.list.iter().filter(|it| it.kind != ValueKind::Null) {
            let is_functions = camel(&member.name.decode()) == "functionDeclarations";
            if !is_functions {
                needs.features.insert(Feature::ServerTools);
            } else if !elements(tool.text, member.value).is_empty() {
                needs.parameters.insert(Parameter::Tools);
            }
        }
    }
}

fn read_config(config: &Members<'_>, needs: &mut Needs) -> Result<(), Fault> {
    for field in CONFIG {
        if let Some(member) = get(config, field.name) {
            let mut scanner = Scanner::within(config.text, member.value);
            check(&mut scanner, config.text, &field.shape)
                .map_err(|fault| fault.inside(field.name))?;
        }
    }
    for (name, parameter) in PARAMETERS {
        if let Some(member) = get(config, name) {
            // Plain text is what everybody answers.
            let is_plain = member.value.of(config.text) == "\"text/plain\"";
            if !(*name == "responseMimeType" && is_plain) {
                needs.parameters.insert(*parameter);
            }
        }
    }
    let number = |name: &str| get(config, name).map(|it| count(it.value.of(config.text)));
    needs.max_output_tokens = number("maxOutputTokens");
    needs.choices = number("candidateCount")
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or(1);
    let is = |name: &str, json: &str| {
        get(config, name).is_some_and(|member| member.value.of(config.text) == json)
    };
    let found = [
        (Feature::Choices, needs.choices > 1),
        (Feature::Logprobs, is("responseLogprobs", "true")),
        (Feature::Grammar, is("responseMimeType", "\"text/x.enum\"")),
    ];
    for (feature, _) in found.into_iter().filter(|(_, is_asked)| *is_asked) {
        needs.features.insert(feature);
    }
    if let Some(list) = get(config, "responseModalities") {
        read_modalities(config.text, list.value, needs);
    }
    for name in ["responseSchema", "responseJsonSchema"] {
        if let Some(schema) = get(config, name) {
            needs.prompt_tokens += estimate(schema.value.of(config.text));
        }
    }
    Ok(())
}

fn read_modalities(text: &str, list: Span, needs: &mut Needs) {
    let mut output = chat::Modalities::default();
    // Checked before: an array of strings; so nothing can go wrong here.
    let _ = Scanner::within(text, list).array(|scanner, _| {
        let word = scanner.string()?.decode().to_ascii_lowercase();
        if let Some(modality) = Modality::from_name(&word) {
            output.insert(modality);
        }
        Ok::<(), Fault>(())
    });
    if output == chat::Modalities::default() {
        return;
    }
    for (modality, feature) in [
        (Modality::Audio, Feature::AudioOutput),
        (Modality::Image, Feature::ImageOutput),
    ] {
        if output.contains(modality) {
            needs.features.insert(feature);
        }
    }
    needs.output = output;
}

fn read_small_fields(
    incoming: &mut Incoming,
    members: &Members<'_>,
    beside: Beside,
) -> Result<(), Fault> {
    let text = members.text;
    incoming.read_trace(members);
    let said = |name: &str| {
        let member = get(members, name)?;
        let said = Scanner::within(text, member.value).string().ok()?;
        Some(said.decode().into_owned())
    };
    // The path names the model; a body that names one as well says the same.
    let model = beside.model.clone().or_else(|| said("model"));
    incoming.model = model.map(|model| model.trim_start_matches("models/").to_owned());
    incoming.service_tier = said("serviceTier");
    let said = |name: &str| members.string(name).map(|said| said.decode().into_owned());
    incoming.route = said("route");
    incoming.session_id = said("session_id").filter(|id| !id.is_empty());
    incoming.user = said("user");
    incoming.prompt_cache_key = said("prompt_cache_key");
    incoming.preset = said("preset");
    incoming.beside = beside;
    if let Some(member) = members.present("provider") {
        let provider = serde_json::from_str(member.value.of(text));
        incoming.provider =
            Some(provider.map_err(|error| Fault::wrong(error.to_string()).inside("provider"))?);
    }
    // Vertex's word for the same.
    if let Some(pairs) = ["metadata", "labels"]
        .iter()
        .find_map(|name| members.object(name))
    {
        let pairs = pairs.list.iter().filter_map(|member| {
            let value = Scanner::within(text, member.value).string().ok()?;
            let name = member.name.decode().into_owned();
            Some((name, value.decode().into_owned()))
        });
        incoming.metadata = pairs.take(METADATA_MAX).collect();
    }
    if let Some(member) = members.present("models") {
        let mut models = Vec::new();
        // Checked before: an array of strings; so nothing can go wrong here.
        let _ = Scanner::within(text, member.value).array(|scanner, _| {
            models.push(scanner.string()?.decode().into_owned());
            Ok::<(), Fault>(())
        });
        incoming.models = models;
    }
    Ok(())
}

/// The most labels of a call that are kept.
const METADATA_MAX: usize = 16;
