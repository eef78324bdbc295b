//! What the messages of a prompt weigh, whatever the dialect calls their parts.

use serde_json::Value;

use crate::tokens::{TOKENS_PER_MEDIA, TOKENS_PER_MESSAGE, count_tokens};

/// What one message weighs.
pub(crate) struct Weight {
    /// Bytes of its text.
    pub(crate) bytes: u64,
    /// Tokens, with the fixed part.
    pub(crate) tokens: u64,
}

/// Weighs a message: its text (all strings named `text`, `content`, `arguments`, … under it) and its media.
pub(crate) fn weigh(message: &Value) -> Weight {
    let fields = ["content", "tool_calls", "reasoning_content", "parts"];
    weighed(fields.iter().filter_map(|field| message.get(*field)))
}

/// Weighs a value that is a message, a part or an item as a whole.
pub(crate) fn weigh_all(value: &Value) -> Weight {
    weighed(std::iter::once(value))
}

/// Tokens of the tools of a request, as compact JSON.
pub(crate) fn tools_weight(tools: Option<&Value>) -> u64 {
    match tools {
        None | Some(Value::Null) => 0,
        Some(tools) => count_tokens(&tools.to_string()),
    }
}

fn weighed<'a>(values: impl Iterator<Item = &'a Value>) -> Weight {
    let (mut text, mut media) = (String::new(), 0);
    values.for_each(|value| gather(value, &mut text, &mut media));
    Weight {
        bytes: text.len() as u64,
        tokens: TOKENS_PER_MESSAGE + count_tokens(&text) + media * TOKENS_PER_MEDIA,
    }
}

/// Parts that are media by their `type`.
const MEDIA_TYPES: [&str; 9] = [
    "image_url",
    "input_audio",
    "input_image",
    "input_file",
    "file",
    "video_url",
    "image",
    "document",
    "audio",
];
/// Parts that are media by the name of their only field.
const MEDIA_FIELDS: [&str; 8] = [
    "inlineData",
    "inline_data",
    "fileData",
    "file_data",
    "image",
    "document",
    "video",
    "audio",
];
/// Fields with text, or with parts that have some.
const TEXT_FIELDS: [&str; 19] = [
    "text",
    "content",
    "function",
    "name",
    "arguments",
    "thinking",
    "input",
    "parts",
    "functionCall",
    "args",
    "functionResponse",
    "response",
    "toolUse",
    "toolResult",
    "searchResult",
    "json",
    "reasoningContent",
    "reasoningText",
    "output",
];
/// Fields whose objects are read as compact JSON.
const JSON_FIELDS: [&str; 4] = ["input", "args", "response", "json"];

/// Gathers the text of a content value; parts that are media are counted instead of read.
fn gather(value: &Value, text: &mut String, media: &mut u64) {
    match value {
        Value::String(words) => text.push_str(words),
        Value::Array(parts) => parts.iter().for_each(|part| gather(part, text, media)),
        Value::Object(fields) => {
            let kind = fields.get("type").and_then(Value::as_str);
            let is_media = match kind {
                Some(kind) => MEDIA_TYPES.contains(&kind),
                None => MEDIA_FIELDS.iter().any(|field| fields.contains_key(*field)),
            };
            if is_media {
                *media += 1;
                return;
            }
            for field in TEXT_FIELDS {
                match fields.get(field) {
                    Some(Value::Object(object)) if JSON_FIELDS.contains(&field) => {
                        text.push_str(&Value::Object(object.clone()).to_string());
                    }
                    Some(inner) => gather(inner, text, media),
                    None => {}
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
