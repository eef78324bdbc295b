//! What a request asks for, independent of the dialect it came in.

use serde_json::Value;

use crate::tokens::{TOKENS_PER_MEDIA, TOKENS_PER_MESSAGE, count_tokens};

/// A request, reduced to what the simulator acts on.
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// Whether a stream should report usage (dialects that always do say `true`).
    pub(crate) wants_usage: bool,
    pub(crate) messages: usize,
    pub(crate) last_role: String,
    /// Bytes of text in the last message.
    pub(crate) last_bytes: u64,
    pub(crate) prompt_tokens: u64,
    pub(crate) tools: Vec<Tool>,
    pub(crate) tool_rule: ToolRule,
    /// Whether more than one tool may be called at once.
    pub(crate) allows_parallel_tools: bool,
    pub(crate) format: Format,
    /// How many answers side by side, at least 1.
    pub(crate) choices: usize,
    pub(crate) tokens_max: Option<u64>,
    pub(crate) stops: Vec<String>,
    pub(crate) wants_logprobs: bool,
}

/// A tool that may be called.
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

/// Whether a tool has to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ToolRule {
    Never,
    Free,
    Must,
    Named(String),
}

/// The form the text must have.
pub(crate) enum Format {
    Text,
    JsonObject,
    JsonSchema(Value),
}

/// Why a request gets an error instead of an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) param: Option<&'static str>,
    pub(crate) code: Option<String>,
}

impl Problem {
    /// A request that cannot be answered because of this field.
    pub(crate) fn bad_field(param: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            message: message.into(),
            param: Some(param),
            code: None,
        }
    }

    /// A problem without a field.
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            param: None,
            code: None,
        }
    }

    pub(crate) fn with_code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }
}

/// What one message weighs.
pub(crate) struct Weight {
    /// Bytes of its text.
    pub(crate) bytes: u64,
    /// Tokens, with the fixed part.
    pub(crate) tokens: u64,
}

/// Weighs a message: its text (all strings named `text`, `content`, `arguments`, … under it) and its media.
pub(crate) fn weigh(message: &Value) -> Weight {
    let mut text = String::new();
    let mut media = 0;
    for field in ["content", "tool_calls", "reasoning_content"] {
        gather(
            message.get(field).unwrap_or(&Value::Null),
            &mut text,
            &mut media,
        );
    }
    Weight {
        bytes: text.len() as u64,
        tokens: TOKENS_PER_MESSAGE + count_tokens(&text) + media * TOKENS_PER_MEDIA,
    }
}

/// Gathers the text of a content value; parts that are media are counted instead of read.
fn gather(value: &Value, text: &mut String, media: &mut u64) {
    const MEDIA: [&str; 7] = [
        "image_url",
        "input_audio",
        "file",
        "video_url",
        "image",
        "document",
        "audio",
    ];
    match value {
        Value::String(words) => text.push_str(words),
        Value::Array(parts) => parts.iter().for_each(|part| gather(part, text, media)),
        Value::Object(fields) => {
            let kind = fields
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if MEDIA.contains(&kind) {
                *media += 1;
                return;
            }
            for field in [
                "text",
                "content",
                "function",
                "name",
                "arguments",
                "thinking",
                "input",
            ] {
                match fields.get(field) {
                    Some(Value::Object(object)) if field == "input" => {
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

/// A whole number above zero, or the problem with it; absent and null are `None`.
pub(crate) fn positive(body: &Value, field: &'static str) -> Result<Option<u64>, Problem> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number @ 1..) => Ok(Some(number)),
            _ => Err(Problem::bad_field(
                field,
                format!("Invalid value for '{field}': expected an integer of at least 1."),
            )),
        },
    }
}

/// A yes or no, or the problem with it; absent and null are no.
pub(crate) fn truth(body: &Value, field: &'static str) -> Result<bool, Problem> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(truth)) => Ok(*truth),
        Some(_) => Err(Problem::bad_field(
            field,
            format!("Invalid type for '{field}': expected a boolean."),
        )),
    }
}

/// The text of a required field.
pub(crate) fn required_text(body: &Value, field: &'static str) -> Result<String, Problem> {
    match body.get(field).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(Problem::bad_field(
            field,
            format!("Missing required parameter: '{field}'."),
        )),
    }
}

/// The items of a required, non-empty array.
pub(crate) fn required_items<'a>(
    body: &'a Value,
    field: &'static str,
) -> Result<&'a [Value], Problem> {
    match body.get(field) {
        None | Some(Value::Null) => Err(Problem::bad_field(
            field,
            format!("Missing required parameter: '{field}'."),
        )),
        Some(Value::Array(items)) if items.is_empty() => Err(Problem::bad_field(
            field,
            format!("Invalid '{field}': empty array. Expected an array with minimum length 1."),
        )),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Problem::bad_field(
            field,
            format!("Invalid type for '{field}': expected an array."),
        )),
    }
}
