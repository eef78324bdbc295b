//! Reads a caller's request: one pass that checks it and keeps spans; the bytes stay as they are.

use chat::{Dialect, Error, Feature, Features, Modalities, Modality, Needs, Parameter};

use super::events::elements;
use super::fields::FIELDS;
use super::messages;
use crate::estimate::{Prompt, estimate};
use crate::incoming::Incoming;
use crate::members::{Members, count};
use crate::scan::{Scanner, ValueKind, text};
use crate::shape::{Fault, check_field};

/// Reads and checks a caller's request in one pass.
///
/// Nothing that is unknown is refused, `null` stands for absent, and of a repeated field the last
/// one counts.
///
/// # Errors
/// `InvalidRequest` (or `StringTooLong`) with the field at fault in
/// `metadata.field`, or with the byte where the JSON breaks.
pub fn read_request(body: &[u8]) -> Result<Incoming, Error> {
    read(body).map_err(Fault::into_error)
}

fn read(body: &[u8]) -> Result<Incoming, Fault> {
    let text = text(body)?;
    let mut prompt: Option<Prompt> = None;
    let mut incoming = Incoming::walk(text, |scanner, name, kind| {
        if !name.is("messages") || kind == ValueKind::Null {
            return check_field(scanner, (text, name), FIELDS);
        }
        prompt = Some(messages::read(scanner, text).map_err(|fault| fault.inside("messages"))?);
        Ok(())
    })?;
    let members = incoming.members(text);
    if prompt.is_none() {
        return Err(without_messages(&members));
    }
    refuse_contradictions(&members)?;
    incoming.needs = needs(&members, prompt.unwrap_or_default());
    incoming.read_small_fields(&members)?;
    Ok(incoming)
}

fn without_messages(members: &Members<'_>) -> Fault {
    let problem = if members.present("prompt").is_some() {
        "required: `prompt` alone is not supported here; send it as \
         `messages: [{\"role\": \"user\", \"content\": …}]`"
    } else {
        "required: expected an array of at least one message"
    };
    Fault::wrong(problem).inside("messages")
}

/// Fields that are fine alone but not together.
fn refuse_contradictions(members: &Members<'_>) -> Result<(), Fault> {
    let reasoning = members.object("reasoning");
    let effort = reasoning
        .as_ref()
        .and_then(|reasoning| reasoning.string("effort"));
    if let Some(reasoning) = &reasoning
        && let (Some(effort), Some(_)) = (effort, reasoning.present("max_tokens"))
        && !effort.is("none")
    {
        return Err(
            Fault::wrong("use either `effort` or `max_tokens`, not both").inside("reasoning"),
        );
    }
    if let (Some(effort), Some(shorthand)) = (effort, members.string("reasoning_effort"))
        && effort.decode() != shorthand.decode()
    {
        return Err(
            Fault::wrong("differs from `reasoning.effort`; send one of them")
                .inside("reasoning_effort"),
        );
    }
    if let Some(metadata) = members.object("metadata")
        && let Some(member) = metadata
            .list
            .iter()
            .find(|member| member.name.raw.contains(['[', ']']))
    {
        return Err(Fault::wrong("square brackets are not allowed in a name")
            .inside(member.name.raw)
            .inside("metadata"));
    }
    Ok(())
}

/// What a request with these fields needs of an endpoint.
pub(crate) fn needs(members: &Members<'_>, prompt: Prompt) -> Needs {
    let mut needs = Needs {
        dialect: Dialect::OpenaiChat,
        stream: members
            .get("stream")
            .is_some_and(|stream| stream.value.of(members.text) == "true"),
        prompt_tokens: prompt.tokens,
        input: prompt.input,
        choices: members
            .count("n")
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(1),
        ..Needs::default()
    };
    let limits =
        ["max_completion_tokens", "max_tokens"].map(|name| members.number(name).map(count));
    needs.max_output_tokens = limits.into_iter().flatten().min();
    for member in members
        .list
        .iter()
        .filter(|member| member.kind != ValueKind::Null)
    {
        let is_empty_list = member.kind == ValueKind::Array
            && member
                .value
                .of(members.text)
                .bytes()
                .all(|byte| !matches!(byte, b'{' | b'"'));
        if let Some(parameter) = Parameter::from_name(&member.name.decode())
            && !(parameter == Parameter::Tools && is_empty_list)
        {
            needs.parameters.insert(parameter);
        }
    }
    for name in ["tools", "response_format"] {
        if let Some(member) = members.present(name) {
            needs.prompt_tokens += estimate(member.value.of(members.text));
        }
    }
    if members
        .object("response_format")
        .and_then(|format| format.string("type"))
        .is_some_and(|kind| kind.is("json_schema"))
    {
        needs.parameters.insert(Parameter::StructuredOutputs);
    }
    if let Some(output) = output(members) {
        needs.output = output;
    }
    let tools = tool_features(members);
    let free = Features::default().with(Feature::CustomTools);
    needs.preferred = tools.minus(tools.minus(free)).union(prompt.preferred);
    let features = features(members, &needs).union(tools.minus(free));
    needs.features = prompt.features.union(features);
    needs
}

/// What only some dialects can say, and must not be dropped, beside tools.
fn features(members: &Members<'_>, needs: &Needs) -> Features {
    let is_word = |object: &str, words: &[&str]| {
        let kind = members.object(object);
        let kind = kind.as_ref().and_then(|object| object.string("type"));
        kind.is_some_and(|kind| words.iter().any(|word| kind.is(word)))
    };
    let is_true = |name: &str| {
        let member = members.present(name);
        member.is_some_and(|member| member.value.of(members.text) == "true")
    };
    let found = [
        (Feature::Choices, needs.choices > 1),
        (Feature::Logprobs, is_true("logprobs")),
        (Feature::AudioOutput, needs.output.contains(Modality::Audio)),
        (Feature::ImageOutput, needs.output.contains(Modality::Image)),
        (
            Feature::Grammar,
            is_word("response_format", &["grammar", "python"]),
        ),
        (
            Feature::ServerTools,
            members.present("web_search_options").is_some(),
        ),
        // OpenAI's older form of tools, which is answered in its own older form.
        (
            Feature::NativeContent,
            members.present("functions").is_some(),
        ),
    ];
    let found = found.into_iter().filter(|(_, is_asked)| *is_asked);
    found.map(|(feature, _)| feature).collect()
}

/// What only some dialects can say of tools. Those that are called with free text are said otherwise
/// where there is no word for them.
fn tool_features(members: &Members<'_>) -> Features {
    let mut features = Features::default();
    let Some(tools) = members
        .present("tools")
        .filter(|member| member.kind == ValueKind::Array)
    else {
        return features;
    };
    for span in elements(members.text, tools.value) {
        let tool = Members::of_span(members.text, span).ok();
        let Some(kind) = tool.as_ref().and_then(|tool| tool.string("type")) else {
            continue;
        };
        if kind.is("custom") {
            features.insert(Feature::CustomTools);
        } else if !kind.is("function") {
            features.insert(Feature::ServerTools);
        }
    }
    features
}

fn output(members: &Members<'_>) -> Option<Modalities> {
    let member = members
        .get("modalities")
        .filter(|member| member.kind == ValueKind::Array)?;
    let mut output = Modalities::default();
    Scanner::within(members.text, member.value)
        .array(|scanner, _| {
            if scanner.peek()? == ValueKind::String
                && let Some(modality) = Modality::from_name(&scanner.string()?.decode())
            {
                output.insert(modality);
            }
            Ok::<(), Fault>(())
        })
        .ok()?;
    Some(output)
}
