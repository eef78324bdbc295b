//! An error as the caller sees it: the JSON body, the code inside an answer, or an answer that was cut.
//!
//! Source: sections 7.6 and 7.1 of our digest of OpenRouter's API. A prompt that does not fit is no
//! failure in this dialect: the answer is incomplete, for want of tokens.

use bytes::Bytes;
use chat::{Error, Kind};
use serde_json::{Value, json};

use crate::openai_chat::envelope;

/// The code of an error: four of OpenAI's are used, and everything else is `server_error`.
pub(super) fn code(kind: Kind) -> &'static str {
    match kind.error_type() {
        "rate_limit_exceeded" => "rate_limit_exceeded",
        "context_length_exceeded" | "invalid_request" => "invalid_prompt",
        "content_policy_violation" => "image_content_policy_violation",
        _ => "server_error",
    }
}

/// Whether this is no failure but an answer that was cut at a limit of tokens.
pub(super) const fn is_cut(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::ContextLengthExceeded | Kind::MaxTokensExceeded | Kind::StringTooLong
    )
}

/// What may be said of an error: our own bugs are masked.
pub(super) fn message(error: &Error) -> String {
    let object = envelope::object(error);
    let message = object.get("message").and_then(Value::as_str);
    message.unwrap_or_default().to_owned()
}

/// Writes an error as the caller sees it: status and body.
pub(super) fn write_error(error: &Error, generation: Option<&str>) -> (u16, Bytes) {
    let mut object = envelope::object(error);
    let field = error
        .metadata
        .as_ref()
        .and_then(|facts| facts.field.clone());
    if let (Some(id), Some(Value::Object(metadata))) = (generation, object.get_mut("metadata")) {
        metadata.insert("generation_id".to_owned(), json!(id));
    }
    object.insert("code".to_owned(), json!(code(error.kind)));
    object.insert("type".to_owned(), json!(error.kind.error_type()));
    object.insert("param".to_owned(), json!(field));
    object.insert("error_type".to_owned(), json!(error.kind.error_type()));
    object.insert("http_status".to_owned(), json!(error.kind.status()));
    let body = json!({ "error": object, "metadata": null });
    (error.kind.status(), body.to_string().into())
}
