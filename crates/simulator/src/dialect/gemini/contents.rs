//! The form and the order of contents: parts, function calls and their responses, thought signatures.

use serde_json::Value;

use super::Gemini;
use super::request::{either, unknown};
use crate::dialect::Problem;
use crate::dialect::ask::unknown_key;
use crate::encoding::from_base64;
use crate::seal::Seal;

/// What a part holds: exactly one of these.
const DATA: [&str; 14] = [
    "text",
    "inlineData",
    "inline_data",
    "fileData",
    "file_data",
    "functionCall",
    "function_call",
    "functionResponse",
    "function_response",
    "executableCode",
    "executable_code",
    "codeExecutionResult",
    "code_execution_result",
    "toolCall",
];
/// What a part may hold beside it.
const BESIDE: [&str; 7] = [
    "thought",
    "thoughtSignature",
    "thought_signature",
    "videoMetadata",
    "video_metadata",
    "partMetadata",
    "mediaResolution",
];
/// Words that Google documents for calls whose signature is not to be had
/// (ai.google.dev/gemini-api/docs/thought-signatures, read in 2026).
const STAND_INS: [&str; 2] = [
    "skip_thought_signature_validator",
    "context_engineering_is_the_way_to_go",
];
/// Families that do not insist on signatures.
const LENIENT: [&str; 3] = ["gemini-1", "gemini-2", "gemma"];

/// Checks the contents of a request, and gives them back.
pub(super) fn check(host: Gemini, body: &Value) -> Result<&[Value], Problem> {
    let contents = match body.get("contents").and_then(Value::as_array) {
        Some(contents) if !contents.is_empty() => contents,
        _ if host.is_vertex() => {
            return Err(Problem::bad(
                "Unable to submit request because at least one contents field is required.",
            ));
        }
        _ => {
            return Err(Problem::bad(
                "* GenerateContentRequest.contents: contents is not specified",
            ));
        }
    };
    for (index, content) in contents.iter().enumerate() {
        check_content(content, &format!("contents[{index}]"))?;
    }
    check_order(contents)?;
    Ok(contents)
}

/// Checks that the calls of the current turn carry their signatures, as the families from the third on do.
pub(super) fn check_signatures(model: &str, contents: &[Value]) -> Result<(), Problem> {
    let model = model.rsplit('/').next().unwrap_or(model);
    if LENIENT.iter().any(|family| model.starts_with(family)) {
        return Ok(());
    }
    let is_words = |content: &&Value| {
        content["role"] != "model" && parts(content).any(|part| part["text"].is_string())
    };
    let words = contents.iter().rposition(|content| is_words(&content));
    let current = words.map_or(0, |at| at + 1);
    let mut position = 0;
    for content in contents {
        position += 1;
        if content["role"] != "model" || position <= current {
            continue;
        }
        let first = parts(content).find(|p| call(p).is_some());
        let Some(part) = first.filter(|part| signature(part).is_none()) else {
            continue;
        };
        let name = call(part).and_then(|call| call["name"].as_str());
        return Err(Problem::bad(format!(
            "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call `default_api:{}` , position {position}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
            name.unwrap_or_default()
        )));
    }
    Ok(())
}

fn parts(content: &Value) -> impl Iterator<Item = &Value> {
    content["parts"].as_array().into_iter().flatten()
}

fn call(part: &Value) -> Option<&Value> {
    either(part, "functionCall", "function_call")
}

fn response(part: &Value) -> Option<&Value> {
    either(part, "functionResponse", "function_response")
}

fn signature(part: &Value) -> Option<&str> {
    either(part, "thoughtSignature", "thought_signature")?.as_str()
}

fn check_content(content: &Value, at: &str) -> Result<(), Problem> {
    if let Some(key) = unknown_key(content, &["role", "parts"]) {
        return Err(unknown(key, &format!(" at '{at}'")));
    }
    if !matches!(
        content["role"].as_str(),
        None | Some("user" | "model" | "function")
    ) {
        return Err(Problem::bad("Please use a valid role: user, model."));
    }
    if parts(content).next().is_none() {
        return Err(Problem::bad(format!(
            "* GenerateContentRequest.{at}.parts: contents.parts must not be empty."
        )));
    }
    for (index, part) in parts(content).enumerate() {
        check_part(part, &format!("{at}.parts[{index}]"))?;
    }
    Ok(())
}

fn check_part(part: &Value, at: &str) -> Result<(), Problem> {
    let known = [&DATA[..], &BESIDE[..]].concat();
    if let Some(key) = unknown_key(part, &known) {
        return Err(unknown(key, &format!(" at '{at}'")));
    }
    if DATA
        .iter()
        .filter(|field| part.get(**field).is_some())
        .count()
        != 1
    {
        return Err(Problem::bad(format!(
            "* GenerateContentRequest.{at}.data: required oneof field 'data' must have one initialized field"
        )));
    }
    if let Some(call) = call(part) {
        if let Some(key) = unknown_key(call, &["id", "name", "args"]) {
            return Err(unknown(key, &format!(" at '{at}.function_call'")));
        }
        if call.get("args").is_some_and(|args| !args.is_object()) {
            return Err(Problem::bad(format!(
                "Invalid value at '{at}.function_call.args' (type.googleapis.com/google.protobuf.Struct)"
            )));
        }
    }
    if let Some(response) = response(part) {
        let known = [
            "id",
            "name",
            "response",
            "parts",
            "willContinue",
            "scheduling",
        ];
        if let Some(key) = unknown_key(response, &known) {
            return Err(unknown(key, &format!(" at '{at}.function_response'")));
        }
        if response["name"].as_str().is_none_or(str::is_empty) {
            return Err(Problem::bad(format!(
                "* GenerateContentRequest.{at}.function_response.name: Name cannot be empty."
            )));
        }
        if !response["response"].is_object() {
            return Err(Problem::bad(format!(
                "Invalid value at '{at}.function_response.response' (type.googleapis.com/google.protobuf.Struct)"
            )));
        }
    }
    match signature(part) {
        None => Ok(()),
        Some(given) if STAND_INS.contains(&given) => Ok(()),
        Some(given) if Seal::Thought.unwrap(given).is_some() => Ok(()),
        Some(given) if from_base64(given).is_none() => Err(Problem::bad(format!(
            "Invalid value at '{at}.thought_signature' (TYPE_BYTES), Base64 decoding failed for \"{given}\""
        ))),
        Some(_) => Err(Problem::bad("Corrupted thought signature.")),
    }
}

/// Calls follow words or responses, and responses follow as many calls.
fn check_order(contents: &[Value]) -> Result<(), Problem> {
    let count = |content: &Value, of: fn(&Value) -> Option<&Value>| {
        parts(content).filter(|part| of(part).is_some()).count()
    };
    for (index, content) in contents.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| &contents[before]);
        let calls_before = before.map_or(0, |before| count(before, call));
        let responses = count(content, response);
        if responses > 0 && calls_before == 0 {
            return Err(Problem::bad(
                "Please ensure that function response turn comes immediately after a function call turn.",
            ));
        }
        if calls_before > 0 && responses != calls_before {
            return Err(Problem::bad(
                "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
            ));
        }
        let is_after_model = before.is_none_or(|before| before["role"] == "model");
        if count(content, call) > 0 && is_after_model {
            return Err(Problem::bad(
                "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
            ));
        }
    }
    Ok(())
}
