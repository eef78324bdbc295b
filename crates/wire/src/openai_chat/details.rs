//! Writes `reasoning_details`: for callers what a model thought, for providers what it had thought.
//!
//! A block is one entry with its text or summary, and another with what seals it where that is
//! ciphertext; both have its id and index. What seals a tool call is an entry with the call's id,
//! and what seals text (Google's signatures) one without.

use chat::opaque::Format;
use chat::request::{Content, Part};
use chat::{Opaque, Seal};

use crate::splice::{push_member, quoted};

/// An entry that is text, or the beginning or end of one.
pub(super) fn text(said: &str, is_summary: bool, index: u32) -> String {
    let mut entry = String::with_capacity(said.len() + 64);
    let (kind, name) = match is_summary {
        true => ("\"reasoning.summary\"", "summary"),
        false => ("\"reasoning.text\"", "text"),
    };
    push_member(&mut entry, "type", kind);
    push_member(&mut entry, name, &quoted(said));
    push_member(&mut entry, "index", &index.to_string());
    format!("{{{entry}}}")
}

/// An entry that seals a block. Signatures stand with the text of the block; what seals a tool call
/// or a text is told by its id.
pub(super) fn sealed(opaque: &Opaque, of: Sealed<'_>, index: u32) -> String {
    let mut entry = String::with_capacity(opaque.value.len() + 96);
    let value = quoted(&opaque.value);
    match (of, opaque.seal) {
        (Sealed::Reasoning, Seal::Signature) => {
            push_member(&mut entry, "type", "\"reasoning.text\"");
            push_member(&mut entry, "signature", &value);
        }
        (Sealed::Reasoning, Seal::Encrypted) | (Sealed::Call(_) | Sealed::Text, _) => {
            push_member(&mut entry, "type", "\"reasoning.encrypted\"");
            push_member(&mut entry, "data", &value);
        }
    }
    let id = match of {
        Sealed::Reasoning => opaque.id.as_deref(),
        Sealed::Call(id) => Some(id),
        Sealed::Text => None,
    };
    if let Some(id) = id {
        push_member(&mut entry, "id", &quoted(id));
    }
    push_member(&mut entry, "format", &quoted(opaque.format.name()));
    push_member(&mut entry, "index", &index.to_string());
    format!("{{{entry}}}")
}

/// What is sealed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sealed<'s> {
    /// Reasoning.
    Reasoning,
    /// The tool call with this id.
    Call(&'s str),
    /// The text of the answer.
    Text,
}

/// One whole block of reasoning, as one entry or two.
pub(super) fn block(
    said: &str,
    is_summary: bool,
    opaque: Option<&Opaque>,
    index: u32,
) -> Vec<String> {
    let mut entries = Vec::with_capacity(2);
    let is_signed = opaque.is_some_and(|opaque| opaque.seal == Seal::Signature);
    if !said.is_empty() || (is_signed && !is_summary) || opaque.is_none() {
        let mut entry = text(said, is_summary, index);
        entry.truncate(entry.len().saturating_sub(1));
        if let Some(opaque) = opaque.filter(|_| is_signed && !is_summary) {
            push_member(&mut entry, "signature", &quoted(&opaque.value));
        }
        if let Some(id) = opaque.and_then(|opaque| opaque.id.as_deref()) {
            push_member(&mut entry, "id", &quoted(id));
        }
        let format = opaque.map_or(Format::Unknown, |opaque| opaque.format);
        push_member(&mut entry, "format", &quoted(format.name()));
        entry.push('}');
        entries.push(entry);
    }
    if let Some(opaque) = opaque
        && (!is_signed || is_summary)
    {
        entries.push(sealed(opaque, Sealed::Reasoning, index));
    }
    entries
}

/// Everything that must go back with a turn of the model, as the elements of an array.
pub(super) fn of_parts(parts: &[&Part]) -> String {
    let mut entries = Vec::new();
    let mut index = 0;
    for part in parts {
        let opaque = part.opaque.as_ref();
        match (&part.content, opaque) {
            (Content::Reasoning { text, is_summary }, opaque) => {
                entries.extend(block(text, *is_summary, opaque, index));
            }
            (Content::ToolCall { id, .. }, Some(opaque)) => {
                entries.push(sealed(opaque, Sealed::Call(id), index));
            }
            (Content::Text(_), Some(opaque)) => entries.push(sealed(opaque, Sealed::Text, index)),
            _ => continue,
        }
        index += 1;
    }
    entries.join(",")
}
