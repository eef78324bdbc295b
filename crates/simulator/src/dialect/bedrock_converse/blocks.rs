//! The form and the order of converse messages.

use serde_json::Value;

use super::cited;
use crate::dialect::Problem;
use crate::dialect::ask::unknown_key;
use crate::encoding::from_base64;
use crate::seal::Seal;

/// Members of a content block: exactly one of these.
const MEMBERS: [&str; 12] = [
    "text",
    "image",
    "document",
    "video",
    "audio",
    "toolUse",
    "toolResult",
    "guardContent",
    "cachePoint",
    "reasoningContent",
    "citationsContent",
    "searchResult",
];
const RESULT_MEMBERS: [&str; 6] = ["json", "text", "image", "document", "video", "searchResult"];
const IMAGE_FORMATS: [&str; 4] = ["png", "jpeg", "gif", "webp"];
/// Longest name of a tool and longest id of a call.
const NAME_MAX: usize = 64;

/// Checks every message and their order.
pub(super) fn check(messages: &[Value], has_tools: bool) -> Result<(), Problem> {
    for (index, message) in messages.iter().enumerate() {
        check_message(message, index, has_tools)?;
        let before = index.checked_sub(1).map(|before| &messages[before]);
        if before.is_none_or(|before| before["role"] == "assistant") != (message["role"] == "user")
        {
            return Err(Problem::bad(match before {
                None => {
                    "A conversation must start with a user message. Try again with a conversation that starts with a user message."
                }
                Some(_) => {
                    "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again."
                }
            }));
        }
        check_results(message, before, index)?;
    }
    match messages.last() {
        None => Err(Problem::bad(
            "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
        )),
        Some(last) if !ids(last, "toolUse").is_empty() => {
            Err(expected(messages.len(), &ids(last, "toolUse")))
        }
        Some(_) => Ok(()),
    }
}

/// The error for a member that the message does not have.
pub(super) fn extraneous(at: &str, key: &str) -> Problem {
    Problem::bad(format!(
        "Malformed input request: {at}: extraneous key [{key}] is not permitted, please reformat your input and try again."
    ))
}

/// An error that the model's own interface gave.
pub(super) fn from_model(message: &str) -> Problem {
    Problem::bad(format!(
        "The model returned the following errors: {message}"
    ))
}

/// Whether a text may be the name of a tool or the id of a call.
pub(super) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=NAME_MAX).contains(&text.len()) && text.chars().all(fits)
}

fn blocks(message: &Value) -> impl Iterator<Item = &Value> {
    message["content"].as_array().into_iter().flatten()
}

fn ids<'a>(message: &'a Value, member: &str) -> Vec<&'a str> {
    let of = blocks(message).filter_map(|block| block.get(member));
    of.filter_map(|it| it["toolUseId"].as_str()).collect()
}

fn check_message(message: &Value, index: usize, has_tools: bool) -> Result<(), Problem> {
    if let Some(key) = unknown_key(message, &["role", "content"]) {
        return Err(extraneous(&format!("#/messages/{index}"), key));
    }
    if !matches!(message["role"].as_str(), Some("user" | "assistant")) {
        return Err(Problem::bad(format!(
            "1 validation error detected: Value '{}' at 'messages.{}.member.role' failed to satisfy constraint: Member must satisfy enum value set: [user, assistant]",
            message["role"].as_str().unwrap_or_default(),
            index + 1
        )));
    }
    if blocks(message).next().is_none() {
        return Err(Problem::bad(format!(
            "The content field in the Message object at messages.{index} is empty. Add a ContentBlock object to the content field and try again."
        )));
    }
    for (number, block) in blocks(message).enumerate() {
        let is_tool = block.get("toolUse").is_some() || block.get("toolResult").is_some();
        if is_tool && !has_tools {
            return Err(Problem::bad(
                "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
            ));
        }
        check_block(block, index, number)?;
    }
    Ok(())
}

fn check_block(block: &Value, index: usize, number: usize) -> Result<(), Problem> {
    let at = format!("messages.{index}.content.{number}");
    let path = format!("#/messages/{index}/content/{number}");
    if let Some(key) = unknown_key(block, &MEMBERS) {
        return Err(extraneous(&path, key));
    }
    if MEMBERS
        .iter()
        .filter(|member| block.get(**member).is_some())
        .count()
        != 1
    {
        return Err(Problem::bad(format!(
            "The ContentBlock object at {at} must set one of the following keys: {}.",
            MEMBERS.join(", ")
        )));
    }
    if block["text"]
        .as_str()
        .is_some_and(|text| text.trim().is_empty())
    {
        return Err(Problem::bad(format!(
            "The text field in the ContentBlock object at {at} is blank. Add text to the text field, and try again."
        )));
    }
    if let Some(call) = block.get("toolUse") {
        let known = ["toolUseId", "name", "input", "type"];
        if let Some(key) = unknown_key(call, &known) {
            return Err(extraneous(&format!("{path}/toolUse"), key));
        }
        let name = |field: &str| call[field].as_str().is_some_and(is_name);
        if !name("toolUseId") || !name("name") {
            return Err(Problem::bad(format!(
                "1 validation error detected: Value at '{at}.toolUse' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+"
            )));
        }
        if !call["input"].is_object() {
            return Err(Problem::bad(format!(
                "The format of the value at {at}.toolUse.input is invalid. Provide a json object for the field and try again."
            )));
        }
    }
    if let Some(result) = block.get("toolResult") {
        let known = ["toolUseId", "content", "status", "type"];
        if let Some(key) = unknown_key(result, &known) {
            return Err(extraneous(&format!("{path}/toolResult"), key));
        }
        for inner in blocks(result) {
            if let Some(key) = unknown_key(inner, &RESULT_MEMBERS) {
                return Err(extraneous(&format!("{path}/toolResult/content"), key));
            }
            cited::check(inner, &format!("{path}/toolResult/content"), true)?;
        }
    }
    cited::check(block, &path, false)?;
    if let Some(image) = block.get("image")
        && !image["format"]
            .as_str()
            .is_some_and(|f| IMAGE_FORMATS.contains(&f))
    {
        return Err(Problem::bad(format!(
            "1 validation error detected: Value at '{at}.image.format' failed to satisfy constraint: Member must satisfy enum value set: [png, jpeg, gif, webp]"
        )));
    }
    check_reasoning(block, &at)
}

fn check_reasoning(block: &Value, at: &str) -> Result<(), Problem> {
    let Some(reasoning) = block.get("reasoningContent") else {
        return Ok(());
    };
    if let Some(data) = reasoning["redactedContent"].as_str() {
        let data = from_base64(data).and_then(|data| String::from_utf8(data).ok());
        return match data.and_then(|data| Seal::Redacted.unwrap(&data)) {
            Some(_) => Ok(()),
            None => Err(from_model(&format!(
                "{at}: Invalid `data` in `redacted_thinking` block"
            ))),
        };
    }
    let text = |field: &str| {
        let text = reasoning.pointer(&format!("/reasoningText/{field}"));
        text.and_then(Value::as_str).unwrap_or_default()
    };
    if Seal::Thinking.is_signature_of(text("signature"), text("text")) {
        return Ok(());
    }
    Err(from_model(&format!(
        "{at}: Invalid `signature` in `thinking` block"
    )))
}

fn check_results(message: &Value, before: Option<&Value>, index: usize) -> Result<(), Problem> {
    let called = before.map_or_else(Vec::new, |before| ids(before, "toolUse"));
    let answered = ids(message, "toolResult");
    let open: Vec<&str> = called
        .iter()
        .copied()
        .filter(|id| !answered.contains(id))
        .collect();
    if !open.is_empty() {
        return Err(expected(index, &open));
    }
    if answered.len() > called.len() {
        return Err(Problem::bad(format!(
            "The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse blocks of previous turn."
        )));
    }
    Ok(())
}

fn expected(index: usize, open: &[&str]) -> Problem {
    Problem::bad(format!(
        "Expected toolResult blocks at messages.{index}.content for the following Ids: {}",
        open.join(", ")
    ))
}
