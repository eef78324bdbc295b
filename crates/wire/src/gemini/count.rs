//! `countTokens`: what is to be counted, and the count.

use bytes::Bytes;
use chat::Dialect;
use serde_json::json;

use super::names::get;
use super::splice;
use crate::incoming::Incoming;
use crate::members::Members;
use crate::outgoing::{Outgoing, Written};
use crate::splice::{push_member, quoted};

/// The request whose prompt is to be counted: the body itself, or what it holds in
/// `generateContentRequest`. What is no JSON stays as it is, for the door to refuse.
#[must_use]
pub fn counted_request(body: &Bytes) -> Bytes {
    let inner = std::str::from_utf8(body).ok().and_then(|text| {
        let top = Members::of_text(text).ok()?;
        let request = get(&top, "generateContentRequest")?;
        Some(body.slice(request.value.start..request.value.end))
    });
    inner.unwrap_or_else(|| body.clone())
}

/// A count as Google tells it.
pub(super) fn write(tokens: u64) -> Bytes {
    json!({ "totalTokens": tokens }).to_string().into()
}

/// The number in an answer.
pub(super) fn read(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    Members::of_text(text).ok()?.count("totalTokens")
}

/// What Vertex counts stands at the top of its question.
const COUNTED: &[&str] = &["contents", "systemInstruction", "tools", "generationConfig"];

/// The question for one endpoint. AI Studio wants everything but contents wrapped, with the model.
pub(super) fn splice(asked: (&[u8], &Incoming), to: &Outgoing<'_>) -> Option<Written> {
    let written = splice::write_request(asked.0, asked.1, to);
    let text = std::str::from_utf8(&written.body).ok()?;
    let top = Members::of_text(text).ok()?;
    let mut out = String::with_capacity(text.len() + 96);
    if to.dialect == Dialect::Gemini {
        let model = match to.native_model.contains('/') {
            true => to.native_model.to_owned(),
            false => format!("models/{}", to.native_model),
        };
        push_member(&mut out, "model", &quoted(&model));
        for member in &top.list {
            push_member(&mut out, &member.name.decode(), member.value.of(text));
        }
        out = format!("\"generateContentRequest\":{{{out}}}");
    } else {
        for name in COUNTED {
            if let Some(member) = get(&top, name) {
                push_member(&mut out, name, member.value.of(text));
            }
        }
    }
    let body = Bytes::from(format!("{{{out}}}"));
    Some(Written { body, ..written })
}
