//! Reads `messages`: checks every documented field, and learns what they contain and how long they are.
//!
//! # The estimate
//! No tokenizer fits every model, so prompt tokens are estimated from bytes, in the same pass:
//! one token per 4 ASCII bytes; per 2 letters of other alphabets (Cyrillic, Greek, accents); per
//! Chinese, Japanese or Korean letter; 2 per letter beyond those (emoji); and 4 per message, 3 per
//! prompt. Tools and schemas count as text. An image counts 1,000, a video 10,000, a file 1,000 or
//! one per 32 bytes, sound 100 or one per 3,200 bytes. The estimate only filters endpoints by room
//! and stands in where a provider never counts.

use chat::{Modalities, Modality};

use super::fields::{MESSAGE, PARTS};
use crate::members::Members;
use crate::scan::{Scanner, Span, Text, ValueKind};
use crate::shape::{FILLED, Fault, Field, Shape, TEXT, check, must, required};

/// What a prompt contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Prompt {
    /// How many tokens it probably is.
    pub(super) tokens: u64,
    /// What kinds of content it has.
    pub(super) input: Modalities,
}

const PER_MESSAGE: u64 = 4;
const PER_PROMPT: u64 = 3;
const IMAGE: u64 = 1_000;
const VIDEO: u64 = 10_000;
const FILE_LEAST: u64 = 1_000;
const FILE_BYTES_PER_TOKEN: usize = 32;
const AUDIO_LEAST: u64 = 100;
const AUDIO_BYTES_PER_TOKEN: usize = 3_200;

/// How many tokens a text probably is; escapes count as the bytes they are written with.
pub(super) fn estimate(text: &str) -> u64 {
    let (mut ascii, mut alphabets, mut east_asian, mut beyond) = (0_u64, 0_u64, 0_u64, 0_u64);
    for byte in text.as_bytes() {
        ascii += u64::from(*byte < 0x80);
        alphabets += u64::from((0xC2..=0xDF).contains(byte));
        east_asian += u64::from((0xE0..=0xEF).contains(byte));
        beyond += u64::from(*byte >= 0xF0);
    }
    ascii.div_ceil(4) + alphabets.div_ceil(2) + east_asian + 2 * beyond
}

/// Reads the array of messages at the scanner.
pub(super) fn read(scanner: &mut Scanner<'_>, text: &str) -> Result<Prompt, Fault> {
    let kind = scanner.peek()?;
    if kind != ValueKind::Array {
        return Err(Fault::wrong(format!(
            "expected an array, found {}",
            kind.name()
        )));
    }
    let mut prompt = Prompt {
        tokens: PER_PROMPT,
        input: Modalities::TEXT,
    };
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
    let kind = scanner.peek()?;
    if kind != ValueKind::Object {
        return Err(Fault::wrong(format!(
            "expected an object, found {}",
            kind.name()
        )));
    }
    let mut role: Option<Text<'_>> = None;
    let (mut has_content, mut has_call_id) = (false, false);
    prompt.tokens += PER_MESSAGE;
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
                prompt.tokens += estimate(value.string()?.raw);
            }
            ("tool_calls" | "function_call", ValueKind::Array | ValueKind::Object) => {
                prompt.tokens += estimate(value.skip()?.of(text));
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

fn read_content(scanner: &mut Scanner<'_>, text: &str, prompt: &mut Prompt) -> Result<(), Fault> {
    match scanner.peek()? {
        ValueKind::Null => drop(scanner.skip()?),
        ValueKind::String => prompt.tokens += estimate(scanner.string()?.raw),
        ValueKind::Array => {
            scanner.array(|scanner, position| {
                read_part(scanner, text, prompt).map_err(|fault| fault.at(position))
            })?;
        }
        // Some SDKs send a single part without its array, and some providers take it.
        ValueKind::Object => read_part(scanner, text, prompt)?,
        kind => {
            let found = kind.name();
            return Err(Fault::wrong(format!(
                "expected a string or an array, found {found}"
            )));
        }
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

fn check_member(members: &Members<'_>, field: &Field) -> Result<(), Fault> {
    match members.present(field.name) {
        Some(member) => {
            let mut scanner = Scanner::within(members.text, member.value);
            check(&mut scanner, members.text, &field.shape)
                .map_err(|fault| fault.inside(field.name))
        }
        None if field.is_required => Err(required(field)),
        None => Ok(()),
    }
}

fn count_part(kind: &str, members: &Members<'_>, prompt: &mut Prompt) {
    let length = |object: &str, name: &str| {
        members
            .object(object)
            .and_then(|inner| inner.string(name))
            .map_or(0, |data| data.raw.len())
    };
    let per = |bytes: usize, divisor: usize| u64::try_from(bytes / divisor).unwrap_or(u64::MAX);
    match kind {
        "text" => {
            prompt.tokens += members.string("text").map_or(0, |said| estimate(said.raw));
        }
        "image_url" => {
            prompt.input.insert(Modality::Image);
            prompt.tokens += IMAGE;
        }
        "input_audio" => {
            prompt.input.insert(Modality::Audio);
            prompt.tokens +=
                per(length("input_audio", "data"), AUDIO_BYTES_PER_TOKEN).max(AUDIO_LEAST);
        }
        "video_url" | "input_video" => {
            prompt.input.insert(Modality::Video);
            prompt.tokens += VIDEO;
        }
        "file" => {
            prompt.input.insert(Modality::File);
            prompt.tokens += per(length("file", "file_data"), FILE_BYTES_PER_TOKEN).max(FILE_LEAST);
        }
        _ => prompt.tokens += estimate(members.span.of(members.text)).min(IMAGE),
    }
}

/// What a span of text counts, for tools and schemas.
pub(super) fn estimate_span(text: &str, span: Span) -> u64 {
    estimate(span.of(text))
}
