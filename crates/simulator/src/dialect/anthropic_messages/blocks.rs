//! The form of messages: their roles, the blocks each may hold, and the fields each block has.

use serde_json::Value;

use super::cited;
use crate::dialect::Problem;
use crate::dialect::ask::unknown_key;
use crate::seal::Seal;

/// Who may say a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Both,
    User,
    Assistant,
}

/// A type of block: who says it, the fields it needs, and the fields it may have beside them.
type Row = (
    &'static str,
    Speaker,
    &'static [&'static str],
    &'static [&'static str],
);

const ROWS: [Row; 16] = [
    (
        "text",
        Speaker::Both,
        &["text"],
        &["cache_control", "citations"],
    ),
    ("image", Speaker::User, &["source"], &["cache_control"]),
    (
        "document",
        Speaker::User,
        &["source"],
        &["cache_control", "citations", "context", "title"],
    ),
    (
        "search_result",
        Speaker::User,
        &["content", "source", "title"],
        &["cache_control", "citations"],
    ),
    (
        "thinking",
        Speaker::Assistant,
        &["thinking", "signature"],
        &[],
    ),
    ("redacted_thinking", Speaker::Assistant, &["data"], &[]),
    (
        "tool_use",
        Speaker::Assistant,
        &["id", "name", "input"],
        &["cache_control", "caller"],
    ),
    (
        "tool_result",
        Speaker::User,
        &["tool_use_id"],
        &["content", "is_error", "cache_control"],
    ),
    (
        "server_tool_use",
        Speaker::Assistant,
        &["id", "name", "input"],
        &["cache_control", "caller"],
    ),
    (
        "web_search_tool_result",
        Speaker::Assistant,
        &["tool_use_id", "content"],
        &["cache_control", "caller"],
    ),
    (
        "web_fetch_tool_result",
        Speaker::Assistant,
        &["tool_use_id", "content"],
        &["cache_control", "caller"],
    ),
    (
        "code_execution_tool_result",
        Speaker::Assistant,
        &["tool_use_id", "content"],
        &["cache_control"],
    ),
    (
        "bash_code_execution_tool_result",
        Speaker::Assistant,
        &["tool_use_id", "content"],
        &["cache_control"],
    ),
    (
        "text_editor_code_execution_tool_result",
        Speaker::Assistant,
        &["tool_use_id", "content"],
        &["cache_control"],
    ),
    (
        "tool_search_tool_result",
        Speaker::Assistant,
        &["tool_use_id", "content"],
        &["cache_control"],
    ),
    (
        "container_upload",
        Speaker::User,
        &["file_id"],
        &["cache_control"],
    ),
];

const IMAGE_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Checks the form of every message.
pub(super) fn check(messages: &[Value]) -> Result<(), Problem> {
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages.{index}");
        if let Some(key) = unknown_key(message, &["role", "content"]) {
            return Err(extra(&format!("{at}.{key}")));
        }
        let speaker = match message["role"].as_str() {
            Some("user") => Speaker::User,
            Some("assistant") => Speaker::Assistant,
            Some(role @ "system") => {
                return Err(Problem::bad(format!(
                    "messages: Unexpected role \"{role}\". The Messages API accepts a top-level `system` parameter, not \"system\" as an input message role."
                )));
            }
            _ => {
                return Err(Problem::bad(format!(
                    "messages: Unexpected role \"{}\". Allowed roles are \"user\" or \"assistant\"",
                    message["role"].as_str().unwrap_or_default()
                )));
            }
        };
        let is_final = index + 1 == messages.len() && speaker == Speaker::Assistant;
        check_content(message.get("content"), &at, speaker, is_final)?;
    }
    Ok(())
}

fn check_content(
    content: Option<&Value>,
    at: &str,
    speaker: Speaker,
    is_final: bool,
) -> Result<(), Problem> {
    let empty = || {
        Problem::bad(format!(
            "{at}: all messages must have non-empty content except for the optional final assistant message"
        ))
    };
    let trailing = |text: &str| is_final && text.ends_with(char::is_whitespace);
    let whitespace =
        || Problem::bad("messages: final assistant content cannot end with trailing whitespace");
    match content {
        Some(Value::String(text)) if text.is_empty() && !is_final => Err(empty()),
        Some(Value::String(text)) if trailing(text) => Err(whitespace()),
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(blocks)) if blocks.is_empty() && !is_final => Err(empty()),
        Some(Value::Array(blocks)) => {
            for (index, block) in blocks.iter().enumerate() {
                check_block(block, &format!("{at}.content.{index}"), speaker)?;
            }
            let last = blocks.last().and_then(|block| block["text"].as_str());
            match last {
                Some(text) if trailing(text) => Err(whitespace()),
                Some(_) | None => Ok(()),
            }
        }
        None | Some(Value::Null) => Err(Problem::bad(format!("{at}.content: Field required"))),
        Some(_) => Err(Problem::bad(format!(
            "{at}.content: Input should be a valid list"
        ))),
    }
}

fn check_block(block: &Value, at: &str, speaker: Speaker) -> Result<(), Problem> {
    let Some(kind) = block["type"].as_str() else {
        return Err(Problem::bad(format!("{at}.type: Field required")));
    };
    let Some((_, said_by, needed, allowed)) = ROWS.iter().find(|(name, ..)| *name == kind) else {
        let tags: Vec<String> = ROWS.iter().map(|(name, ..)| format!("'{name}'")).collect();
        return Err(Problem::bad(format!(
            "{at}: Input tag '{kind}' found using 'type' does not match any of the expected tags: {}",
            tags.join(", ")
        )));
    };
    if *said_by != Speaker::Both && *said_by != speaker {
        let role = match said_by {
            Speaker::Assistant => "assistant",
            Speaker::User | Speaker::Both => "user",
        };
        let message = at.split(".content").next().unwrap_or(at);
        return Err(Problem::bad(format!(
            "{message}: `{kind}` blocks can only be in `{role}` messages"
        )));
    }
    let missing = needed.iter().find(|field| block.get(**field).is_none());
    if let Some(field) = missing {
        return Err(Problem::bad(format!("{at}.{kind}.{field}: Field required")));
    }
    let known = [&["type"], *needed, *allowed].concat();
    if let Some(key) = unknown_key(block, &known) {
        return Err(extra(&format!("{at}.{kind}.{key}")));
    }
    check_inside(block, kind, at)
}

fn check_inside(block: &Value, kind: &str, at: &str) -> Result<(), Problem> {
    let unfit = |text: &str| Err(Problem::bad(format!("{at}{text}")));
    match kind {
        "text" if block["text"].as_str().is_none_or(str::is_empty) => Err(Problem::bad(
            "messages: text content blocks must be non-empty",
        )),
        "text" => cited::check_said(block, at),
        "thinking" => {
            let text = |field: &str| block[field].as_str().unwrap_or_default();
            if Seal::Thinking.is_signature_of(text("signature"), text("thinking")) {
                return Ok(());
            }
            unfit(": Invalid `signature` in `thinking` block")
        }
        "redacted_thinking" => {
            let data = block["data"].as_str().unwrap_or_default();
            if Seal::Redacted.unwrap(data).is_some() {
                return Ok(());
            }
            unfit(": Invalid `data` in `redacted_thinking` block")
        }
        "tool_use" => {
            let id = block["id"].as_str().unwrap_or_default();
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if id.is_empty() || !id.chars().all(fits) {
                return unfit(".tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'");
            }
            if !block["input"].is_object() {
                return unfit(".tool_use.input: Input should be a valid dictionary");
            }
            Ok(())
        }
        "tool_result" => match &block["content"] {
            Value::Null | Value::String(_) => Ok(()),
            Value::Array(inner) => {
                for (index, inner) in inner.iter().enumerate() {
                    let at = format!("{at}.tool_result.content.{index}");
                    check_block(inner, &at, Speaker::User)?;
                }
                Ok(())
            }
            _ => unfit(".tool_result.content: Input should be a valid list"),
        },
        "image" => check_image(&block["source"], at),
        "document" => cited::check_document(&block["source"], at),
        "search_result" => cited::check_search_result(block, at),
        _ => Ok(()),
    }
}

fn check_image(source: &Value, at: &str) -> Result<(), Problem> {
    let at = format!("{at}.image.source");
    match source["type"].as_str() {
        Some("base64") => {
            let media_type = source["media_type"].as_str().unwrap_or_default();
            if !IMAGE_TYPES.contains(&media_type) {
                return Err(Problem::bad(format!(
                    "{at}.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
                )));
            }
            let data = source["data"]
                .as_str()
                .and_then(crate::encoding::from_base64);
            match data {
                Some(_) => Ok(()),
                None => Err(Problem::bad(format!("{at}.base64: invalid base64 data"))),
            }
        }
        Some("url") if source["url"].is_string() => Ok(()),
        Some("file") if source["file_id"].is_string() => Ok(()),
        other => Err(Problem::bad(format!(
            "{at}: Input tag '{}' found using 'type' does not match any of the expected tags: 'base64', 'file', 'url'",
            other.unwrap_or_default()
        ))),
    }
}

fn extra(field: &str) -> Problem {
    Problem::bad(format!("{field}: Extra inputs are not permitted"))
}
