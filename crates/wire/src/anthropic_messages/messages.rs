//! Reads `messages`: checks every documented field, and learns what they contain and how long they are.

use chat::{Feature, Features};

use super::fields::{BLOCKS, ROLES};
use crate::estimate::Prompt;
use crate::members::Members;
use crate::scan::{Scanner, ValueKind};
use crate::shape::{FILLED, Fault, Shape, check, check_member, demand, must};

/// What was learnt of the messages.
#[derive(Debug, Clone, Default)]
pub(super) struct Learnt {
    pub(super) prompt: Prompt,
    pub(super) features: Features,
}

/// Blocks that can be said in any dialect, or dropped and named.
const PLAIN: &[&str] = &[
    "text",
    "image",
    "document",
    "tool_use",
    "tool_result",
    "thinking",
    "redacted_thinking",
    "search_result",
];

/// Reads the array of messages at the scanner.
pub(super) fn read(scanner: &mut Scanner<'_>, text: &str) -> Result<Learnt, Fault> {
    demand(scanner, ValueKind::Array)?;
    let mut learnt = Learnt::default();
    let mut count = 0;
    scanner.array(|scanner, position| {
        count = position + 1;
        read_message(scanner, text, &mut learnt).map_err(|fault| fault.at(position))
    })?;
    if count == 0 {
        return Err(Fault::wrong("expected at least one message"));
    }
    Ok(learnt)
}

fn read_message(scanner: &mut Scanner<'_>, text: &str, learnt: &mut Learnt) -> Result<(), Fault> {
    demand(scanner, ValueKind::Object)?;
    let (mut has_role, mut has_content) = (false, false);
    learnt.prompt.add_message();
    scanner.object(|scanner, name| {
        if name.is("content") {
            has_content = scanner.peek()? != ValueKind::Null;
            return content(scanner, text, learnt).map_err(|fault| fault.inside("content"));
        }
        if name.is("role") {
            has_role = scanner.peek()? != ValueKind::Null;
            return check(scanner, text, &ROLES).map_err(|fault| fault.inside("role"));
        }
        Ok(())
    })?;
    if !has_role {
        return Err(Fault::wrong("required: expected who speaks, such as \"user\"").inside("role"));
    }
    if !has_content {
        return Err(Fault::wrong("required: expected a string or an array").inside("content"));
    }
    Ok(())
}

/// Reads what a message, or the result of a tool, contains.
fn content(scanner: &mut Scanner<'_>, text: &str, learnt: &mut Learnt) -> Result<(), Fault> {
    match scanner.peek()? {
        ValueKind::Null => drop(scanner.skip()?),
        ValueKind::String => learnt.prompt.add_text(scanner.string()?.raw),
        ValueKind::Array => {
            scanner.array(|scanner, position| {
                block(scanner, text, learnt).map_err(|fault| fault.at(position))
            })?;
        }
        kind => return Err(Fault::unexpected("a string or an array", kind)),
    }
    Ok(())
}

fn block(scanner: &mut Scanner<'_>, text: &str, learnt: &mut Learnt) -> Result<(), Fault> {
    const BLOCK: Shape = Shape::Object(&[must("type", FILLED)]);
    let mut value = scanner.clone();
    check(scanner, text, &BLOCK)?;
    let members = Members::read(text, &mut value)?;
    let Some(kind) = members.string("type").map(|kind| kind.decode()) else {
        return Ok(());
    };
    if let Some((_, fields)) = BLOCKS.iter().find(|(name, _)| kind == *name) {
        for field in *fields {
            check_member(&members, field)?;
        }
    }
    if !PLAIN.contains(&&*kind) {
        learnt.features.insert(Feature::NativeContent);
    }
    count(&kind, &members, learnt)
}

fn count(kind: &str, members: &Members<'_>, learnt: &mut Learnt) -> Result<(), Fault> {
    let whole = members.span.of(members.text);
    let said = |name: &str| members.string(name).map_or("", |said| said.raw);
    match kind {
        "text" => learnt.prompt.add_text(said("text")),
        "thinking" => learnt.prompt.add_text(said("thinking")),
        // What it says is sealed, and about as long as its ciphertext.
        "redacted_thinking" => learnt.prompt.add_text(said("data")),
        "image" => {
            source(members, learnt);
            learnt.prompt.add_image();
        }
        "document" => document(members, learnt),
        "tool_use" => {
            learnt.prompt.add_text(said("name"));
            if let Some(input) = members.present("input") {
                learnt.prompt.add_text(input.value.of(members.text));
            }
        }
        "tool_result" => {
            if let Some(member) = members.present("content") {
                let mut scanner = Scanner::within(members.text, member.value);
                content(&mut scanner, members.text, learnt)
                    .map_err(|fault| fault.inside("content"))?;
            }
        }
        "search_result" => learnt.prompt.add_text(whole),
        "container_upload" => {
            learnt.features.insert(Feature::StoredFiles);
            learnt.prompt.add_file(0);
        }
        _ => learnt.prompt.add_unknown(whole),
    }
    Ok(())
}

/// Learns where the bytes of a block are; gives how many they are in base64.
fn source(members: &Members<'_>, learnt: &mut Learnt) -> usize {
    let Some(source) = members.object("source") else {
        return 0;
    };
    if source.string("type").is_some_and(|kind| kind.is("file")) {
        learnt.features.insert(Feature::StoredFiles);
    }
    let url = source.string("url").map_or("", |url| url.raw);
    learnt.prompt.add_place(url);
    source.string("data").map_or(0, |data| data.raw.len())
}

fn document(members: &Members<'_>, learnt: &mut Learnt) {
    let inner = members.object("source");
    let kind = inner.as_ref().and_then(|source| source.string("type"));
    let is_text = kind.is_some_and(|kind| kind.is("text") || kind.is("content"));
    let bytes = source(members, learnt);
    match inner {
        // Plain text is text to every model, whatever it is called.
        Some(source) if is_text => learnt.prompt.add_text(source.span.of(members.text)),
        _ => learnt.prompt.add_file(bytes),
    }
}
