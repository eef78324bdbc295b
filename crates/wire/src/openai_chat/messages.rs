//! Reads `messages`: checks every documented field, and learns what they contain and how long they are.

use chat::Feature;

use super::fields::{MESSAGE, PARTS};
use crate::estimate::Prompt;
use crate::members::{Members, elements};
use crate::scan::{Scanner, Span, Text, ValueKind};
use crate::shape::{FILLED, Fault, Shape, TEXT, check, check_member, demand, must, required};

/// Reads the array of messages at the scanner.
pub(super) fn read(scanner: &mut Scanner<'_>, text: &str) -> Result<Prompt, Fault> {
    demand(scanner, ValueKind::Array)?;
    let mut prompt = Prompt::default();
    let mut count = 0;
    scanner.array(|scanner, position| {
        count = position + 1;
        read_message(scanner, text, &mut prompt).map_err(|fault| fault.at(position))
    })?;
    if count == 0 {
        return Err(Fault::wrong("expected at least one message"));
    }
    Ok(prompt)
}

fn read_message(scanner: &mut Scanner<'_>, text: &str, prompt: &mut Prompt) -> Result<(), Fault> {
    demand(scanner, ValueKind::Object)?;
    let mut role: Option<Text<'_>> = None;
    let (mut has_content, mut has_call_id) = (false, false);
    prompt.add_message();
    scanner.object(|scanner, name| {
        if name.is("content") {
            has_content = scanner.peek()? != ValueKind::Null;
            return read_content(scanner, text, prompt).map_err(|fault| fault.inside("content"));
        }
        let Some(field) = MESSAGE.iter().find(|field| name.is(field.name)) else {
            return Ok(());
        };
        let mut value = scanner.clone();
        check(scanner, text, &field.shape).map_err(|fault| fault.inside(field.name))?;
        match (field.name, value.peek()?) {
            ("role", ValueKind::String) => role = Some(value.string()?),
            ("tool_call_id", kind) => has_call_id = kind != ValueKind::Null,
            ("refusal" | "reasoning" | "reasoning_content" | "name", ValueKind::String) => {
                prompt.add_text(value.string()?.raw);
            }
            ("tool_calls" | "function_call", ValueKind::Array | ValueKind::Object) => {
                let calls = value.skip()?;
                prompt.add_text(calls.of(text));
                if has_free_text(text, calls) {
                    prompt.preferred.insert(Feature::CustomTools);
                }
            }
            ("audio", ValueKind::Object) => {
                // Sound of the model's own that only its maker still has.
                let audio = Members::read(text, &mut value)?;
                if ["data", "transcript"]
                    .iter()
                    .all(|name| audio.present(name).is_none())
                {
                    prompt.features.insert(Feature::StoredFiles);
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    let Some(role) = role else {
        return Err(Fault::wrong("required: expected who speaks, such as \"user\"").inside("role"));
    };
    if role.is("tool") && !has_call_id {
        return Err(required(&must("tool_call_id", TEXT)));
    }
    if !has_content && !role.is("assistant") && !role.is("function") {
        return Err(Fault::wrong("required: expected a string or an array").inside("content"));
    }
    Ok(())
}

/// Whether a call among these was made with free text.
fn has_free_text(text: &str, calls: Span) -> bool {
    let is_free = |call: Span| {
        let call = Members::of_span(text, call).ok();
        let kind = call.as_ref().and_then(|call| call.string("type"));
        kind.is_some_and(|kind| kind.is("custom"))
    };
    calls.of(text).contains("\"custom\"") && elements(text, calls).into_iter().any(is_free)
}

fn read_content(scanner: &mut Scanner<'_>, text: &str, prompt: &mut Prompt) -> Result<(), Fault> {
    match scanner.peek()? {
        ValueKind::Null => drop(scanner.skip()?),
        ValueKind::String => prompt.add_text(scanner.string()?.raw),
        ValueKind::Array => {
            scanner.array(|scanner, position| {
                read_part(scanner, text, prompt).map_err(|fault| fault.at(position))
            })?;
        }
        // Some SDKs send a single part without its array, and some providers take it.
        ValueKind::Object => read_part(scanner, text, prompt)?,
        kind => return Err(Fault::unexpected("a string or an array", kind)),
    }
    Ok(())
}

fn read_part(scanner: &mut Scanner<'_>, text: &str, prompt: &mut Prompt) -> Result<(), Fault> {
    const PART: Shape = Shape::Object(&[must("type", FILLED)]);
    let mut value = scanner.clone();
    check(scanner, text, &PART)?;
    let members = Members::read(text, &mut value)?;
    let Some(kind) = members.string("type").map(|kind| kind.decode()) else {
        return Ok(());
    };
    if let Some((_, fields)) = PARTS.iter().find(|(name, _)| kind == *name) {
        for field in *fields {
            check_member(&members, field)?;
        }
    }
    count_part(&kind, &members, prompt);
    Ok(())
}

fn count_part(kind: &str, members: &Members<'_>, prompt: &mut Prompt) {
    let length = |object: &str, name: &str| {
        members
            .object(object)
            .and_then(|inner| inner.string(name))
            .map_or(0, |data| data.raw.len())
    };
    // As an object, or as the text alone.
    let mut place = |object: &str, name: &str| {
        let inner = members.object(object);
        let url = inner.and_then(|inner| inner.string(name));
        prompt.add_place(
            url.or_else(|| members.string(object))
                .map_or("", |url| url.raw),
        );
    };
    match kind {
        "image_url" => place("image_url", "url"),
        "video_url" | "input_video" => place("video_url", "url"),
        "file" => place("file", "file_data"),
        _ => {}
    }
    match kind {
        "text" => {
            prompt.add_text(members.string("text").map_or("", |said| said.raw));
        }
        "image_url" => prompt.add_image(),
        "input_audio" => prompt.add_audio(length("input_audio", "data")),
        "video_url" | "input_video" => prompt.add_video(),
        "file" => {
            prompt.add_file(length("file", "file_data"));
            let file = members.object("file");
            if file.is_some_and(|file| file.present("file_data").is_none()) {
                prompt.features.insert(Feature::StoredFiles);
            }
        }
        // What assistants said, in parts.
        "refusal" | "thinking" | "input_text" | "output_text" => {
            prompt.add_text(members.span.of(members.text));
        }
        _ => prompt.add_unknown(members.span.of(members.text)),
    }
}
