//! The opening of a conversation: what stays the same while it grows, whatever the dialect.
//!
//! Source: the conversation id of OpenRouter's sticky routing: the first system or developer message
//! and the first message that is neither.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::incoming::Incoming;
use crate::members::Members;
use crate::scan::{Malformed, Scanner, ValueKind};

/// Fields that hold instructions apart from the messages.
const INSTRUCTIONS: [&str; 4] = [
    "system",
    "instructions",
    "system_instruction",
    "systemInstruction",
];

/// Fields that hold the messages.
const MESSAGES: [&str; 3] = ["messages", "input", "contents"];

/// A number that is the same for every request of a conversation; `None` where there are no
/// messages. Only the first messages are read, however long the conversation is.
#[must_use]
pub fn opening(body: &[u8], request: &Incoming) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let members = request.members(text);
    let mut hasher = DefaultHasher::new();
    for name in INSTRUCTIONS {
        if let Some(member) = members.present(name) {
            member.value.of(text).hash(&mut hasher);
        }
    }
    let messages = MESSAGES
        .into_iter()
        .find_map(|name| members.present(name))?;
    if messages.kind != ValueKind::Array {
        messages.value.of(text).hash(&mut hasher);
        return Some(hasher.finish());
    }
    let mut is_whole = false;
    let mut has_system = false;
    // The way out of the loop is an error: nothing after the opening is read.
    let _ = Scanner::within(text, messages.value).array(|scanner, _| {
        let span = scanner.skip()?;
        let is_system = Members::of_span(text, span)
            .ok()
            .and_then(|message| message.string("role"))
            .is_some_and(|role| role.is("system") || role.is("developer"));
        if !(is_system && has_system) {
            span.of(text).hash(&mut hasher);
        }
        has_system |= is_system;
        if is_system {
            return Ok::<(), Stopped>(());
        }
        is_whole = true;
        Err(Stopped)
    });
    is_whole.then(|| hasher.finish())
}

/// The opening has been read, or cannot be.
struct Stopped;

impl From<Malformed> for Stopped {
    fn from(_: Malformed) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai_chat;

    fn of(messages: &str) -> Option<u64> {
        let body = format!(r#"{{"model":"m","messages":[{messages}]}}"#);
        let request = openai_chat::read_request(body.as_bytes()).expect("the test's own text");
        opening(body.as_bytes(), &request)
    }

    #[test]
    fn a_conversation_keeps_its_opening_while_it_grows() {
        let (system, other) = (
            r#"{"role":"system","content":"be brief"}"#,
            r#"{"role":"system","content":"be long"}"#,
        );
        let (user, answer) = (
            r#"{"role":"user","content":"hello"}"#,
            r#"{"role":"assistant","content":"hi"}"#,
        );
        let join = |parts: &[&str]| of(&parts.join(","));
        let begun = join(&[system, user]);
        assert!(begun.is_some());
        assert_eq!(begun, join(&[system, user, answer, user]));
        assert_eq!(
            begun,
            join(&[system, other, user]),
            "only the first system message"
        );
        assert_ne!(begun, join(&[other, user]));
        assert_ne!(begun, join(&[user]));
        assert_eq!(join(&[system]), None);
    }
}
