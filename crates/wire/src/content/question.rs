//! What was asked, as messages or as a prompt, whatever the dialect.

use chat::{Dialect, Request};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::codec::Outbound as _;
use crate::incoming::Beside;
use crate::lane::inbound;
use crate::openai_chat::OpenaiChat;
use crate::outgoing::Outgoing;

/// What a request asks: `{"messages": […]}` for conversations, in the form of `openai-chat`, and
/// `{"prompt": …}` for the rest. A request that this dialect does not read is its own prompt, as text.
#[must_use]
pub fn input(dialect: Dialect, body: &[u8]) -> Value {
    let read = match dialect {
        Dialect::OpenaiChat => field(body, "messages").map(|found| json!({"messages": found})),
        Dialect::OpenaiCompletions => prompt(body, "prompt"),
        Dialect::OpenaiEmbeddings => prompt(body, "input"),
        Dialect::Rerank => prompt(body, "query"),
        _ => translated(dialect, body).map(|messages| json!({"messages": messages})),
    };
    read.unwrap_or_else(|| json!({"prompt": String::from_utf8_lossy(body)}))
}

fn prompt(body: &[u8], name: &str) -> Option<Value> {
    field(body, name).map(|found| json!({"prompt": found}))
}

/// One field of an object, and the rest of it not even looked at.
fn field(body: &[u8], name: &str) -> Option<Value> {
    let fields: std::collections::HashMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    serde_json::from_str(fields.get(name)?.get()).ok()
}

/// A conversation as the vocabulary has it; `None` for what is none, or does not read.
#[must_use]
pub fn conversation(dialect: Dialect, body: &[u8]) -> Option<Request> {
    let door = inbound(dialect)?;
    let beside = Beside {
        model: Some(String::new()),
        ..Beside::default()
    };
    let request = door.read_request(body, beside).ok()?;
    door.parse(body, &request).ok()
}

/// The messages of another dialect's conversation.
fn translated(dialect: Dialect, body: &[u8]) -> Option<Value> {
    let parsed = conversation(dialect, body)?;
    let to = Outgoing {
        dialect: Dialect::OpenaiChat,
        native_model: "",
        quirks: &[],
        supported: None,
        output_limit: None,
        output_most: None,
    };
    let written = OpenaiChat.write(&parsed, &to).ok()?;
    field(&written.body, "messages")
}
