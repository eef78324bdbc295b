//! `openrouter_metadata`: how a call was routed, put into an answer on its way out.
//!
//! Source: the router metadata of OpenRouter's guide; section 29 of the digest.

use bytes::Bytes;
use serde_json::{Value, json};

/// How a call was routed, as its caller may know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouterMetadata {
    /// The model as asked for.
    pub requested: String,
    /// `direct`, `latest`, `alias` or `fallback`.
    pub strategy: &'static str,
    /// Whether the caller's own credential was used.
    pub is_byok: bool,
    /// Region the data stays in, when it is known.
    pub region: Option<String>,
    /// In words.
    pub summary: String,
    /// Who could have been asked: provider, model, and whether it served.
    pub available: Vec<(String, String, bool)>,
    /// How many endpoints could have been asked or were left out.
    pub total: usize,
    /// Who was asked: provider, model, and the status that came of it.
    pub attempts: Vec<(String, String, u16)>,
}

impl RouterMetadata {
    /// The value of `openrouter_metadata`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let available = self.available.iter().map(|(provider, model, selected)| {
            json!({ "provider": provider, "model": model, "selected": selected })
        });
        let attempts = self.attempts.iter().map(|(provider, model, status)| {
            json!({ "provider": provider, "model": model, "status": status })
        });
        json!({
            "requested": self.requested,
            "strategy": self.strategy,
            "region": self.region,
            "summary": self.summary,
            "attempt": self.attempts.len(),
            "is_byok": self.is_byok,
            "endpoints": { "total": self.total, "available": available.collect::<Vec<_>>() },
            "attempts": attempts.collect::<Vec<_>>(),
        })
    }

    /// A whole answer with the metadata as its last member; any other bytes as they are.
    #[must_use]
    pub fn put_into(&self, answer: &Bytes) -> Bytes {
        put_route(&self.to_json().to_string(), answer)
    }

    /// The last frames of a stream with the metadata in the last one that holds an object.
    #[must_use]
    pub fn put_into_last_frame(&self, frames: &Bytes) -> Bytes {
        let starts = memchr::memmem::rfind_iter(frames, b"data: {");
        for start in starts {
            let line = frames.get(start..).unwrap_or_default();
            let end = start + memchr::memchr(b'\n', line).unwrap_or(line.len());
            if let Some(with_it) = before_last_brace(&self.to_json().to_string(), frames, end) {
                return with_it;
            }
        }
        frames.clone()
    }
}

/// An answer, or an error instead of one, with metadata (as text) as its last member; any other bytes
/// as they are.
#[must_use]
pub fn put_route(route: &str, answer: &Bytes) -> Bytes {
    before_last_brace(route, answer, answer.len()).unwrap_or_else(|| answer.clone())
}

/// The bytes with the metadata as the last member of the object that ends at `end`.
fn before_last_brace(route: &str, bytes: &Bytes, end: usize) -> Option<Bytes> {
    let object = bytes.get(..end)?.trim_ascii_end();
    let before = object.strip_suffix(b"}")?;
    let is_empty = before.trim_ascii_end().ends_with(b"{");
    let comma = if is_empty { "" } else { "," };
    let member = format!("{comma}\"openrouter_metadata\":{route}");
    let mut with_it = Vec::with_capacity(bytes.len() + member.len());
    with_it.extend_from_slice(before);
    with_it.extend_from_slice(member.as_bytes());
    with_it.extend_from_slice(bytes.get(before.len()..)?);
    Some(with_it.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_last_member_of_an_answer_and_of_the_last_frame() {
        let metadata = RouterMetadata {
            requested: "a/b".to_owned(),
            strategy: "direct",
            ..RouterMetadata::default()
        };
        let whole = metadata.put_into(&Bytes::from_static(b"{\"id\":1 }\n"));
        let whole: Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(whole["id"], 1);
        assert_eq!(whole["openrouter_metadata"]["requested"], "a/b");
        let frames = Bytes::from_static(b"data: {\"usage\":{}}\n\ndata: [DONE]\n\n");
        let frames = metadata.put_into_last_frame(&frames);
        let text = std::str::from_utf8(&frames).unwrap();
        let (first, rest) = text.split_once("\n\n").unwrap();
        let frame: Value = serde_json::from_str(first.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(frame["openrouter_metadata"]["strategy"], "direct");
        assert_eq!(rest, "data: [DONE]\n\n");
        let other = Bytes::from_static(b": nothing here\n\n");
        assert_eq!(metadata.put_into_last_frame(&other), other);
    }
}
