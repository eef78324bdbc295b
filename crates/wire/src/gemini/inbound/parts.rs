//! Writes the parts of an answer.

use chat::event::Block;
use chat::opaque::Format;
use chat::{Citation, Opaque};
use serde_json::{Value, json};

use super::super::{grounding, logprobs, seal};
use crate::splice::{push_member, push_quoted, quoted};

/// Text, or a thought.
pub(super) fn text(said: &str, is_thought: bool) -> String {
    let mut out = String::with_capacity(said.len() + 32);
    out.push_str("{\"text\":");
    push_quoted(&mut out, said);
    if is_thought {
        out.push_str(",\"thought\":true");
    }
    out.push('}');
    out
}

/// A block that is written in one piece when it has ended: `None` where its text went before it and
/// nothing is left to say.
pub(super) fn ended(
    block: &Block<'_>,
    said: &str,
    opaque: Option<&Opaque>,
    shows_thoughts: bool,
) -> Option<String> {
    let mut out = String::new();
    match block {
        Block::ToolCall { id, name } => {
            let mut call = String::new();
            if !id.is_empty() {
                push_member(&mut call, "id", &quoted(id));
            }
            push_member(&mut call, "name", &quoted(name));
            push_member(&mut call, "args", &arguments(said));
            push_member(&mut out, "functionCall", &format!("{{{call}}}"));
        }
        Block::Image { media_type } => blob(&mut out, media_type, said),
        Block::Audio => blob(&mut out, "audio/wav", said),
        Block::Text | Block::Refusal => {
            push_member(&mut out, "text", "\"\"");
            opaque?;
        }
        Block::Reasoning { is_summary } => {
            let opaque = opaque?;
            // Google's own stand with empty text; others bring what they vouch for.
            push_member(&mut out, "text", "\"\"");
            if opaque.format != Format::GoogleGemini || shows_thoughts {
                push_member(&mut out, "thought", "true");
            }
            let signature = seal::carry(opaque, Some((said, *is_summary)));
            push_member(&mut out, "thoughtSignature", &quoted(&signature));
            return Some(format!("{{{out}}}"));
        }
    }
    if let Some(opaque) = opaque {
        let signature = seal::carry(opaque, None);
        push_member(&mut out, "thoughtSignature", &quoted(&signature));
    }
    Some(format!("{{{out}}}"))
}

fn blob(out: &mut String, media_type: &str, data: &str) {
    let mut inner = String::with_capacity(data.len() + 64);
    push_member(&mut inner, "mimeType", &quoted(media_type));
    push_member(&mut inner, "data", &quoted(data));
    push_member(out, "inlineData", &format!("{{{inner}}}"));
}

/// Arguments are an object here; text that is none stands in one. A frame of a stream is one line, and
/// models may have written several.
fn arguments(said: &str) -> String {
    match serde_json::from_str::<Value>(said) {
        Ok(object @ Value::Object(_)) if said.contains(['\n', '\r']) => object.to_string(),
        Ok(Value::Object(_)) => said.to_owned(),
        Ok(Value::Null) => "{}".to_owned(),
        _ if said.trim().is_empty() => "{}".to_owned(),
        _ => json!({ "arguments": said }).to_string(),
    }
}

/// One candidate.
pub(super) struct Candidate<'c> {
    pub(super) index: u32,
    pub(super) parts: &'c str,
    pub(super) finish: Option<&'c str>,
    pub(super) text: &'c str,
    pub(super) citations: &'c [Citation],
    pub(super) logprobs: &'c [Value],
}

impl Candidate<'_> {
    /// The candidate as JSON.
    pub(super) fn write(&self) -> String {
        let mut out = String::with_capacity(self.parts.len() + 96);
        out.push_str("{\"content\":{\"parts\":[");
        out.push_str(self.parts);
        out.push_str("],\"role\":\"model\"}");
        if let Some(word) = self.finish {
            push_member(&mut out, "finishReason", &quoted(word));
        }
        push_member(&mut out, "index", &self.index.to_string());
        if !self.citations.is_empty() {
            let grounding = grounding::write(self.text, self.citations);
            push_member(&mut out, "groundingMetadata", &grounding);
        }
        if !self.logprobs.is_empty() {
            if let Some(mean) = logprobs::mean(self.logprobs) {
                push_member(&mut out, "avgLogprobs", &mean.to_string());
            }
            push_member(&mut out, "logprobsResult", &logprobs::write(self.logprobs));
        }
        out.push('}');
        out
    }
}
