//! Reads blocks into parts of the vocabulary.

use chat::opaque::{Format, Seal};
use chat::request::{CacheMark, Content, Part};
use chat::{Error, Opaque};
use serde_json::Value;

use super::parse::lifetime;
use super::seal::{Carried, carried};
use super::{citations, sources};
use crate::seal::TAG;
use crate::tree::Cursor;

/// The mark for caching of whatever holds it.
pub(super) fn mark(holder: &Cursor<'_>) -> Result<Option<CacheMark>, Error> {
    match holder.object("cache_control")? {
        Some(control) => Ok(Some(lifetime(control.string("ttl")?))),
        None => Ok(None),
    }
}

/// The parts under a name: a string, or an array of blocks.
pub(super) fn blocks(
    holder: &Cursor<'_>,
    name: &str,
    unsaid: &mut Vec<String>,
) -> Result<Vec<Part>, Error> {
    let Some(content) = holder.get(name) else {
        return Ok(Vec::new());
    };
    if let Value::String(text) = content.value {
        return Ok(match text.is_empty() {
            true => Vec::new(),
            false => vec![Part::text(text.as_str())],
        });
    }
    if !content.value.is_array() {
        return Err(content.expected("a string or an array"));
    }
    let mut parts = Vec::new();
    for block in content.elements() {
        read(&block, &mut parts, unsaid)?;
    }
    Ok(parts)
}

fn read(block: &Cursor<'_>, parts: &mut Vec<Part>, unsaid: &mut Vec<String>) -> Result<(), Error> {
    let mut opaque = None;
    let mut citations = Vec::new();
    let content = match block.need("type")? {
        "text" => {
            block.unknown(&["type", "text", "cache_control", "citations"], unsaid);
            citations = citations::of_text(block, unsaid);
            Content::Text(block.need("text")?.to_owned())
        }
        "image" => {
            block.unknown(&["type", "source", "cache_control"], unsaid);
            Content::Image {
                source: sources::source(&sources::of(block)?)?,
                detail: None,
            }
        }
        "document" => return sources::document(block, parts, unsaid),
        "search_result" => Content::SearchResult(sources::search_result(block, unsaid)?),
        "tool_use" => call(block, unsaid)?,
        "tool_result" => result(block, unsaid)?,
        "thinking" => {
            let signature = block.string("signature")?.unwrap_or_default();
            opaque = sealed(carried(signature, Seal::Signature));
            Content::Reasoning {
                text: block.string("thinking")?.unwrap_or_default().to_owned(),
                is_summary: opaque.as_ref().is_some_and(is_of_summaries),
            }
        }
        "redacted_thinking" => {
            let data = block.need("data")?;
            let value = sealed(carried(data, Seal::Encrypted));
            if data.starts_with(TAG)
                && let Some(value) = value
            {
                return return_seal(value, parts);
            }
            opaque = value;
            Content::Reasoning {
                text: String::new(),
                is_summary: false,
            }
        }
        _ => {
            // Routing knows of these, and lets nobody come here with one.
            unsaid.push(block.to_string());
            return Ok(());
        }
    };
    let cache = mark(block)?;
    parts.push(Part {
        content,
        cache,
        opaque,
        citations,
    });
    Ok(())
}

fn call(block: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Content, Error> {
    block.unknown(&["type", "id", "name", "input", "cache_control"], unsaid);
    let input = block.get("input");
    Ok(Content::ToolCall {
        id: block.need("id")?.to_owned(),
        name: block.need("name")?.to_owned(),
        arguments: input.map_or_else(|| "{}".to_owned(), |input| input.value.to_string()),
    })
}

fn result(block: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Content, Error> {
    block.unknown(
        &[
            "type",
            "tool_use_id",
            "content",
            "is_error",
            "cache_control",
        ],
        unsaid,
    );
    Ok(Content::ToolResult {
        call_id: block.need("tool_use_id")?.to_owned(),
        name: None,
        parts: blocks(block, "content", unsaid)?,
        is_error: block.boolean("is_error")?.unwrap_or(false),
    })
}

fn sealed(carried: Carried) -> Option<Opaque> {
    match carried {
        Carried::Opaque(opaque) => Some(opaque),
        Carried::Nothing => None,
    }
}

/// Whether a family shows summaries instead of its thoughts.
fn is_of_summaries(opaque: &Opaque) -> bool {
    matches!(
        opaque.format,
        Format::OpenaiResponses | Format::XaiResponses
    )
}

/// A value that we carried for another family: it belongs to the call or text before it where it is
/// a signature, and is reasoning of its own where it is ciphertext.
fn return_seal(opaque: Opaque, parts: &mut Vec<Part>) -> Result<(), Error> {
    if opaque.seal == Seal::Signature
        && let Some(last) = parts.last_mut()
        && last.opaque.is_none()
    {
        last.opaque = Some(opaque);
        return Ok(());
    }
    let is_summary = is_of_summaries(&opaque);
    let mut part = Part::from(Content::Reasoning {
        text: String::new(),
        is_summary,
    });
    part.opaque = Some(opaque);
    parts.push(part);
    Ok(())
}
