//! Reads one `delta` or `message`: what it says, and what must be edited in it.

use std::borrow::Cow;

use chat::Error;

use super::events::{Form, Walk, elements, read as members_at, requoted, say};
use super::{signature, telling};
use crate::members::Members;
use crate::scan::{Span, Text, ValueKind};
use crate::splice::{ObjectEdits, quoted};
use crate::track::{Voice, object_of};

/// The names under which providers send reasoning; the caller's name first. `reasoning_content` is
/// DeepSeek's, Alibaba's and xAI's, `thinking` that of some local servers.
const REASONING: [&str; 3] = ["reasoning", "reasoning_content", "thinking"];

/// Members that are null at some providers and may not be in OpenRouter's schemas.
const NEVER_NULL: [&str; 4] = ["tool_calls", "audio", "images", "reasoning_details"];

/// Reads a `delta` or a `message`.
pub(super) fn read<'a>(
    walk: &mut Walk<'_, 'a>,
    index: u32,
    body: &Members<'a>,
) -> Result<(), Error> {
    let mut edited = ObjectEdits::new(body);
    walk.tracker.choice(index)?;
    for name in NEVER_NULL {
        if body
            .get(name)
            .is_some_and(|member| member.kind == ValueKind::Null)
        {
            edited.remove(name);
        }
    }
    let is_assistant = body.string("role").is_some_and(|role| role.is("assistant"));
    match walk.form {
        Form::Whole if !is_assistant => edited.set("role", "\"assistant\""),
        Form::Chunk if body.filled("role").is_none() => drop(edited.remove("role")),
        Form::Chunk if !is_assistant => edited.set("role", "\"assistant\""),
        Form::Chunk | Form::Whole => {}
    }
    let parts = content_parts(walk, body, &mut edited)?;
    let (said, thought) = match parts {
        Some((said, thought)) => (Some(Cow::Owned(said)), thought),
        None => {
            let said = body.filled("content");
            walk.word = said.map(|said| said.span);
            (said.map(|said| said.decode()), None)
        }
    };
    // What is told in `reasoning_details`, where the provider has none.
    let mut details: Vec<String> = Vec::new();
    let has_told = telling::details(walk, index, body)?;
    if !has_told {
        let detail = reasoning(walk, index, body, &mut edited, thought.as_deref())?;
        details.extend(detail);
    }
    let has_words = said.is_some();
    if let Some(said) = said {
        say(walk, index, Voice::Text, said)?;
        telling::seal_text(walk, index)?;
    }
    telling::citations(walk, index, body)?;
    if let Some(refusal) = body.filled("refusal") {
        say(walk, index, Voice::Refusal, refusal.decode())?;
    }
    if let Some(audio) = object_of(body, "audio")? {
        self::audio(walk, index, &audio, has_words)?;
    }
    if let Some(images) = body
        .get("images")
        .filter(|member| member.kind == ValueKind::Array)
    {
        for span in elements(walk.text, images.value) {
            image(walk, index, span)?;
        }
    }
    details.extend(signature::of_message(walk, index, body)?);
    tool_calls(walk, index, body, &mut details)?;
    if !details.is_empty() && body.present("reasoning_details").is_none() {
        edited.set("reasoning_details", format!("[{}]", details.join(",")));
    }
    edited.commit(&mut walk.edits);
    Ok(())
}

/// Sound: who forwards it counts its words; who writes it anew is told both, the words only where
/// they are not the message's content as well.
fn audio<'a>(
    walk: &mut Walk<'_, 'a>,
    index: u32,
    audio: &Members<'a>,
    has_words: bool,
) -> Result<(), Error> {
    let transcript = audio.filled("transcript").map(|said| said.decode());
    if walk.telling.is_none() {
        let said = transcript.unwrap_or(Cow::Borrowed(" "));
        return say(walk, index, Voice::Audio, said);
    }
    if let Some(words) = transcript.filter(|_| !has_words) {
        say(walk, index, Voice::Text, words)?;
    }
    match audio.filled("data") {
        Some(data) => say(walk, index, Voice::Audio, data.decode()),
        None => Ok(()),
    }
}

fn image<'a>(walk: &mut Walk<'_, 'a>, index: u32, span: Span) -> Result<(), Error> {
    let image = members_at(walk.text, span)?;
    let inner = object_of(&image, "image_url")?;
    let url = inner
        .and_then(|inner| inner.string("url"))
        .or_else(|| image.string("url"))
        .map(|url| url.decode())
        .unwrap_or_default();
    let (media_type, data) = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"))
        .unwrap_or(("", &url));
    let choice = walk.tracker.choice(index)?;
    if walk.telling.is_some() {
        choice.hush(None, walk.listen);
    }
    choice.show_image(media_type.into(), data.into(), walk.listen);
    Ok(())
}

/// Reads `content` that is parts (Mistral's reasoning models): they become one string, as callers
/// expect; its text and the reasoning among it are given back, the latter as it is written.
fn content_parts<'a>(
    walk: &Walk<'_, 'a>,
    body: &Members<'a>,
    edited: &mut ObjectEdits<'_, 'a>,
) -> Result<Option<(String, Option<String>)>, Error> {
    let Some(member) = body
        .present("content")
        .filter(|member| member.kind == ValueKind::Array)
    else {
        return Ok(None);
    };
    let (mut text, mut thought) = (String::new(), String::new());
    for span in elements(walk.text, member.value) {
        let part = members_at(walk.text, span)?;
        if part.string("type").is_some_and(|kind| kind.is("thinking")) {
            match part.get("thinking").map(|inner| (inner.kind, inner.value)) {
                Some((ValueKind::Array, value)) => {
                    for span in elements(walk.text, value) {
                        let said = members_at(walk.text, span)?.string("text");
                        thought.push_str(said.map_or("", |said| said.raw));
                    }
                }
                _ => thought.push_str(part.string("thinking").map_or("", |said| said.raw)),
            }
        } else {
            text.push_str(part.string("text").map_or("", |said| said.raw));
        }
    }
    edited.set("content", requoted(&text));
    let said = Text {
        span: Span::default(),
        raw: &text,
        has_escapes: true,
    }
    .decode()
    .into_owned();
    Ok(Some((said, Some(thought).filter(|it| !it.is_empty()))))
}

/// Reads reasoning under any of its names, and repeats it where OpenRouter's clients look for it: as
/// `reasoning`, and as the entry of `reasoning_details` that is given back.
fn reasoning<'a>(
    walk: &mut Walk<'_, 'a>,
    index: u32,
    body: &Members<'a>,
    edited: &mut ObjectEdits<'_, 'a>,
    thought: Option<&str>,
) -> Result<Option<String>, Error> {
    let found = REASONING
        .iter()
        .find_map(|name| body.filled(name).map(|said| (*name, said)));
    let (name, raw) = match (&found, thought) {
        (Some((name, said)), _) => (*name, said.raw),
        (None, Some(thought)) => ("content", thought),
        (None, None) => return Ok(None),
    };
    let said = Text {
        span: Span::default(),
        raw,
        has_escapes: raw.contains('\\'),
    };
    say(
        walk,
        index,
        Voice::Reasoning,
        Cow::Owned(said.decode().into_owned()),
    )?;
    if name != "reasoning" {
        edited.set("reasoning", requoted(raw));
    }
    Ok(Some(format!(
        "{{\"type\":\"reasoning.text\",\"text\":\"{raw}\",\"format\":\"unknown\",\"index\":0}}"
    )))
}

fn tool_calls<'a>(
    walk: &mut Walk<'_, 'a>,
    index: u32,
    body: &Members<'a>,
    details: &mut Vec<String>,
) -> Result<(), Error> {
    if let Some(calls) = body
        .get("tool_calls")
        .filter(|member| member.kind == ValueKind::Array)
    {
        for (position, span) in elements(walk.text, calls.value).into_iter().enumerate() {
            details.extend(tool_call(walk, index, span, position)?);
        }
    }
    // OpenAI's own older form of a single call.
    if let Some(function) = object_of(body, "function_call")? {
        let said = |name: &str| function.filled(name).map(|said| said.decode());
        let (name, arguments) = (said("name"), said("arguments"));
        // Some servers fill the member in even when nothing is called.
        if name.is_none() && arguments.is_none() {
            return Ok(());
        }
        let name = name.unwrap_or_default();
        let call = telling::start_call(walk, index, (Some(u64::MAX), ""), &name)?;
        if let Some(arguments) = arguments {
            let choice = walk.tracker.choice(index)?;
            choice.add_arguments(call, arguments, walk.listen);
        }
    }
    Ok(())
}

fn tool_call<'a>(
    walk: &mut Walk<'_, 'a>,
    index: u32,
    span: Span,
    position: usize,
) -> Result<Option<String>, Error> {
    let entry = members_at(walk.text, span)?;
    let mut edited = ObjectEdits::new(&entry);
    let function = object_of(&entry, "function")?;
    let custom = object_of(&entry, "custom")?;
    let id = entry.filled("id").map(|id| id.decode()).unwrap_or_default();
    let called = function.as_ref().or(custom.as_ref());
    let name = called.and_then(|called| called.filled("name"));
    let name = name.map(|name| name.decode()).unwrap_or_default();
    let native_index = match walk.form {
        Form::Chunk => entry.count("index"),
        // In a whole answer every entry is a call of its own.
        Form::Whole => Some(u64::try_from(position).unwrap_or(u64::MAX)),
    };
    let call = telling::start_call(walk, index, (native_index, &id), &name)?;
    match walk.form {
        Form::Chunk => {
            if native_index != u64::try_from(call).ok() {
                edited.set("index", call.to_string());
            }
            for member in ["id", "type"] {
                if entry.present(member).is_none() {
                    edited.remove(member);
                }
            }
        }
        Form::Whole => {
            if entry.string("id").is_none() {
                edited.set("id", quoted(&format!("call_{index}_{call}")));
            }
            if entry.filled("type").is_none() {
                edited.set("type", "\"function\"");
            }
        }
    }
    if let Some(function) = &function {
        arguments(walk, index, call, function)?;
    } else if let Some(text) = custom.as_ref().and_then(|custom| custom.string("input")) {
        let choice = walk.tracker.choice(index)?;
        choice.add_free_text(call, &text.decode(), walk.listen)?;
    }
    edited.commit(&mut walk.edits);
    signature::of_call(walk, index, &entry)
}

/// Arguments are text that holds JSON; some local servers send the JSON itself.
fn arguments<'a>(
    walk: &mut Walk<'_, 'a>,
    index: u32,
    call: usize,
    function: &Members<'a>,
) -> Result<(), Error> {
    let mut edited = ObjectEdits::new(function);
    let choice = walk.tracker.choice(index)?;
    match function
        .get("arguments")
        .map(|member| (member.kind, member.value))
    {
        Some((ValueKind::String, _)) => {
            if let Some(fragment) = function.filled("arguments") {
                choice.add_arguments(call, fragment.decode(), walk.listen);
            }
        }
        Some((ValueKind::Object | ValueKind::Array, span)) => {
            let json = span.of(walk.text);
            choice.add_arguments(call, Cow::Borrowed(json), walk.listen);
            edited.set("arguments", quoted(json));
        }
        Some(_) | None if walk.form == Form::Whole => edited.set("arguments", "\"\""),
        Some(_) => drop(edited.remove("arguments")),
        None => {}
    }
    if walk.form == Form::Chunk && function.present("name").is_none() {
        edited.remove("name");
    }
    edited.commit(&mut walk.edits);
    Ok(())
}
