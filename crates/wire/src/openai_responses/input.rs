//! Reads `input`: checks its items, and learns what they contain, how long they are, and what of it
//! only this dialect can say.

use chat::{Feature, Features};

use super::fields::{ITEMS, PARTS, ROLES};
use crate::estimate::Prompt;
use crate::members::Members;
use crate::scan::{Scanner, Span, ValueKind};
use crate::shape::{Fault, Field, check_member, demand};

/// What was seen of an input.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) prompt: Prompt,
    pub(super) features: Features,
    /// See [`chat::Needs::preferred`].
    pub(super) preferred: Features,
}

/// Reads the input at the scanner: a text, or a list of items.
pub(super) fn read<'a>(scanner: &mut Scanner<'a>, text: &'a str) -> Result<Seen, Fault> {
    let mut seen = Seen::default();
    match scanner.peek()? {
        ValueKind::String => {
            seen.prompt.add_message();
            seen.prompt.add_text(scanner.string()?.raw);
        }
        ValueKind::Array => {
            scanner.array(|scanner, position| {
                read_item(scanner, text, &mut seen).map_err(|fault| fault.at(position))
            })?;
        }
        kind => return Err(Fault::unexpected("a string or an array", kind)),
    }
    Ok(seen)
}

fn read_item<'a>(scanner: &mut Scanner<'a>, text: &'a str, seen: &mut Seen) -> Result<(), Fault> {
    let item = object(scanner, text)?;
    let kind = item.string("type").map(|kind| kind.decode());
    match kind.as_deref() {
        None if item.present("role").is_some() => read_message(&item, seen),
        None => {
            Err(Fault::wrong("required: expected the type of the item, or a role").inside("type"))
        }
        Some("message") => read_message(&item, seen),
        Some("item_reference") => Err(Fault::wrong(
            "items are not stored here, so none can be referred to; send the item itself",
        )),
        Some(kind) => {
            let Some((_, fields)) = ITEMS.iter().find(|(name, _)| *name == kind) else {
                match kind {
                    // That the provider searched; what it found is in the answer.
                    "web_search_call" => seen.preferred.insert(Feature::NativeContent),
                    _ => seen.features.insert(Feature::NativeContent),
                }
                seen.prompt.add_unknown(item.span.of(text));
                return Ok(());
            };
            fields
                .iter()
                .try_for_each(|field| check_member(&item, field))?;
            if kind.starts_with("custom") {
                seen.preferred.insert(Feature::CustomTools);
            }
            read_plain_item(&item, seen)
        }
    }
}

/// A call, its output, or reasoning.
fn read_plain_item(item: &Members<'_>, seen: &mut Seen) -> Result<(), Fault> {
    seen.prompt.add_message();
    for name in ["name", "arguments", "input", "encrypted_content"] {
        if let Some(said) = item.string(name) {
            seen.prompt.add_text(said.raw);
        }
    }
    for name in ["output", "summary", "content"] {
        if let Some(member) = item.present(name) {
            read_content(item.text, (member.kind, member.value), seen)
                .map_err(|fault| fault.inside(name))?;
        }
    }
    Ok(())
}

fn read_message(item: &Members<'_>, seen: &mut Seen) -> Result<(), Fault> {
    seen.prompt.add_message();
    check_member(
        item,
        &Field {
            name: "role",
            shape: ROLES,
            is_required: true,
        },
    )?;
    let is_assistant = item.string("role").is_some_and(|role| role.is("assistant"));
    match item.present("content") {
        Some(member) => read_content(item.text, (member.kind, member.value), seen)
            .map_err(|fault| fault.inside("content")),
        None if is_assistant => Ok(()),
        None => Err(Fault::wrong("required: expected a string or an array").inside("content")),
    }
}

fn read_content(
    text: &str,
    (kind, value): (ValueKind, Span),
    seen: &mut Seen,
) -> Result<(), Fault> {
    let mut scanner = Scanner::within(text, value);
    match kind {
        ValueKind::String => seen.prompt.add_text(scanner.string()?.raw),
        ValueKind::Array => {
            scanner.array(|scanner, position| {
                read_part(scanner, text, seen).map_err(|fault| fault.at(position))
            })?;
        }
        kind => return Err(Fault::unexpected("a string or an array", kind)),
    }
    Ok(())
}

fn read_part<'a>(scanner: &mut Scanner<'a>, text: &'a str, seen: &mut Seen) -> Result<(), Fault> {
    let part = object(scanner, text)?;
    let Some(kind) = part.string("type").map(|kind| kind.decode()) else {
        return Err(Fault::wrong("required: expected a string").inside("type"));
    };
    let Some((_, fields)) = PARTS.iter().find(|(name, _)| kind == *name) else {
        seen.features.insert(Feature::NativeContent);
        seen.prompt.add_unknown(part.span.of(text));
        return Ok(());
    };
    fields
        .iter()
        .try_for_each(|field| check_member(&part, field))?;
    if part.filled("file_id").is_some() {
        seen.features.insert(Feature::StoredFiles);
    }
    let length = |name: &str| part.string(name).map_or(0, |data| data.raw.len());
    for name in ["image_url", "file_url", "file_data", "video_url"] {
        let url = part.string(name).map_or("", |url| url.raw);
        seen.prompt.add_place(url);
    }
    if seen.prompt.features.contains(Feature::RemoteMedia) {
        seen.features.insert(Feature::RemoteMedia);
    }
    match &*kind {
        "input_image" => seen.prompt.add_image(),
        "input_file" => seen.prompt.add_file(length("file_data")),
        "input_video" => seen.prompt.add_video(),
        "input_audio" => {
            let inner = part.object("input_audio");
            let inner = inner.and_then(|inner| inner.string("data"));
            let bytes = inner.map_or_else(|| length("data"), |data| data.raw.len());
            seen.prompt.add_audio(bytes);
        }
        "refusal" => seen
            .prompt
            .add_text(part.string("refusal").map_or("", |said| said.raw)),
        _ => seen
            .prompt
            .add_text(part.string("text").map_or("", |said| said.raw)),
    }
    Ok(())
}

fn object<'a>(scanner: &mut Scanner<'a>, text: &'a str) -> Result<Members<'a>, Fault> {
    demand(scanner, ValueKind::Object)?;
    Ok(Members::read(text, scanner)?)
}
