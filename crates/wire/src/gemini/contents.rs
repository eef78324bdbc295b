//! Reads `contents`: checks them, and learns what they hold and how long they are.

use chat::Feature;

use super::names::{camel, get};
use crate::estimate::Prompt;
use crate::members::{Member, Members};
use crate::scan::{Scanner, ValueKind};
use crate::shape::{FILLED, Fault, Field, OBJECT, Shape, TEXT, check, demand, may, must};

/// Who can speak. `function` is an older word for the user who brings results.
const ROLE: Shape = Shape::Word(&["user", "model", "function", "system", ""]);

const BLOB: &[Field] = &[must("mimeType", FILLED), must("data", TEXT)];
const FILE: &[Field] = &[may("mimeType", TEXT), must("fileUri", FILLED)];
const CALL: &[Field] = &[
    may("id", TEXT),
    must("name", Shape::Name(128)),
    may("args", OBJECT),
];
const RESULT: &[Field] = &[
    may("id", TEXT),
    must("name", Shape::Name(128)),
    must("response", OBJECT),
];

/// Reads contents: a list, or a single one; says whether there was any.
pub(super) fn read<'a>(
    scanner: &mut Scanner<'a>,
    text: &'a str,
    prompt: &mut Prompt,
) -> Result<bool, Fault> {
    let mut count = 0;
    match scanner.peek()? {
        ValueKind::Array => {
            scanner.array(|scanner, position| {
                count += 1;
                read_content(scanner, text, prompt).map_err(|fault| fault.at(position))
            })?;
        }
        ValueKind::Object => {
            count = 1;
            read_content(scanner, text, prompt)?;
        }
        kind => return Err(Fault::unexpected("an array", kind)),
    }
    Ok(count > 0)
}

/// Reads one content.
pub(super) fn read_content<'a>(
    scanner: &mut Scanner<'a>,
    text: &'a str,
    prompt: &mut Prompt,
) -> Result<(), Fault> {
    demand(scanner, ValueKind::Object)?;
    prompt.add_message();
    scanner.object(|scanner, name| {
        if name.is("role") {
            return check(scanner, text, &ROLE).map_err(|fault| fault.inside("role"));
        }
        if !name.is("parts") || scanner.peek()? == ValueKind::Null {
            scanner.skip()?;
            return Ok(());
        }
        match scanner.peek()? {
            // A single part without its list is taken by Google's parser.
            ValueKind::Object => read_part(scanner, text, prompt),
            ValueKind::Array => scanner
                .array(|scanner, position| {
                    read_part(scanner, text, prompt).map_err(|fault| fault.at(position))
                })
                .map(|_| ()),
            kind => Err(Fault::unexpected("an array", kind)),
        }
        .map_err(|fault| fault.inside("parts"))
    })?;
    Ok(())
}

fn read_part<'a>(
    scanner: &mut Scanner<'a>,
    text: &'a str,
    prompt: &mut Prompt,
) -> Result<(), Fault> {
    demand(scanner, ValueKind::Object)?;
    let part = Members::read(text, scanner)?;
    for member in part.list.iter().filter(|it| it.kind != ValueKind::Null) {
        let name = member.name.decode();
        let name = camel(&name);
        read_member(&part, &name, member, prompt).map_err(|fault| fault.inside(&name))?;
    }
    Ok(())
}

fn read_member(
    part: &Members<'_>,
    name: &str,
    member: &Member<'_>,
    prompt: &mut Prompt,
) -> Result<(), Fault> {
    let raw = member.value.of(part.text);
    let inside = |fields: &'static [Field]| -> Result<Members<'_>, Fault> {
        if member.kind != ValueKind::Object {
            return Err(Fault::unexpected("an object", member.kind));
        }
        let inner = Members::of_span(part.text, member.value)?;
        for field in fields {
            check_member(&inner, field)?;
        }
        Ok(inner)
    };
    match name {
        "text" => {
            let mut scanner = Scanner::within(part.text, member.value);
            check(&mut scanner, part.text, &TEXT)?;
            prompt.add_text(raw);
        }
        "inlineData" => add_media(&inside(BLOB)?, raw.len(), prompt),
        "fileData" => {
            let file = inside(FILE)?;
            add_media(&file, 0, prompt);
            let uri = get(&file, "fileUri").map_or("", |uri| uri.value.of(file.text));
            let uri = uri.trim_matches('"');
            match is_stored(uri) {
                true => prompt.features.insert(Feature::StoredFiles),
                false => prompt.add_place(uri),
            }
        }
        "functionCall" => {
            inside(CALL)?;
            prompt.add_text(raw);
        }
        "functionResponse" => {
            let result = inside(RESULT)?;
            match get(&result, "parts") {
                Some(parts) => {
                    let mut scanner = Scanner::within(part.text, parts.value);
                    scanner.array(|scanner, at| {
                        read_part(scanner, part.text, prompt)
                            .map_err(|fault| fault.at(at).inside("parts"))
                    })?;
                }
                None => prompt.add_text(raw),
            }
        }
        "thought" | "thoughtSignature" | "videoMetadata" | "mediaResolution" | "partMetadata" => {}
        _ => prompt.add_unknown(raw),
    }
    Ok(())
}

fn check_member(members: &Members<'_>, field: &Field) -> Result<(), Fault> {
    match get(members, field.name) {
        Some(member) => {
            let mut scanner = Scanner::within(members.text, member.value);
            check(&mut scanner, members.text, &field.shape)
                .map_err(|fault| fault.inside(field.name))
        }
        None if field.is_required => Err(crate::shape::required(field)),
        None => Ok(()),
    }
}

/// Files that Google keeps: only it can read them.
pub(super) fn is_stored(uri: &str) -> bool {
    uri.starts_with("gs://")
        || !uri.contains("://")
        || uri.starts_with("https://generativelanguage.googleapis.com/")
}

fn add_media(media: &Members<'_>, bytes: usize, prompt: &mut Prompt) {
    let kind = get(media, "mimeType").map_or("", |kind| kind.value.of(media.text));
    match kind.trim_matches('"').split('/').next().unwrap_or("") {
        "image" => prompt.add_image(),
        "audio" => prompt.add_audio(bytes),
        "video" => prompt.add_video(),
        "text" => prompt.tokens += u64::try_from(bytes / 5).unwrap_or(u64::MAX),
        _ => prompt.add_file(bytes),
    }
}
