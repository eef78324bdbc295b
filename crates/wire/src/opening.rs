//! The opening of a conversation: what stays the same while it grows, whatever the dialect.
//!
//! Source: the conversation id of OpenRouter's sticky routing: the first system or developer message
//! and the first message that is neither.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _};

use foldhash::quality::FixedState;

use crate::members::Members;
use crate::scan::{Malformed, Scanner, Span, ValueKind};

/// Fields that hold instructions apart from the messages.
const INSTRUCTIONS: [&str; 4] = [
    "system",
    "instructions",
    "system_instruction",
    "systemInstruction",
];

/// Fields that hold the messages.
const MESSAGES: [&str; 3] = ["messages", "input", "contents"];

/// So much is read at each end of a long message.
const END_BYTES: usize = 2048;

/// A number that is the same for every request of a conversation, of which these are the fields; `None`
/// where there are no messages. Only the first messages are read, however long the conversation is.
pub(crate) fn opening(members: &Members<'_>) -> Option<u64> {
    let text = members.text;
    let mut hasher = FixedState::with_seed(0).build_hasher();
    for name in INSTRUCTIONS {
        if let Some(member) = members.present(name) {
            gist(member.value.of(text)).hash(&mut hasher);
        }
    }
    let messages = MESSAGES
        .into_iter()
        .find_map(|name| members.present(name))?;
    if messages.kind != ValueKind::Array {
        gist(messages.value.of(text)).hash(&mut hasher);
        return Some(hasher.finish());
    }
    let mut is_whole = false;
    let mut has_system = false;
    // The way out of the loop is an error: nothing after the opening is read.
    let _ = Scanner::within(text, messages.value).array(|scanner, _| {
        let (span, is_system) = message(text, scanner)?;
        if !(is_system && has_system) {
            gist(span.of(text)).hash(&mut hasher);
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

/// Where a message stands, and whether it instructs; in one walk, for it may be megabytes long.
fn message<'a>(text: &'a str, scanner: &mut Scanner<'a>) -> Result<(Span, bool), Malformed> {
    if scanner.peek()? != ValueKind::Object {
        return Ok((scanner.skip()?, false));
    }
    let message = Members::read(text, scanner)?;
    let role = message.string("role");
    let is_system = role.is_some_and(|role| role.is("system") || role.is("developer"));
    Ok((message.span, is_system))
}

/// What tells a message from others: all of a short one; of a long one its two ends and its length,
/// so that a prompt of megabytes is not read once more.
fn gist(message: &str) -> (&[u8], &[u8], usize) {
    let bytes = message.as_bytes();
    match bytes.split_at_checked(END_BYTES) {
        Some((first, rest)) => {
            let last = rest.len().saturating_sub(END_BYTES);
            (first, rest.get(last..).unwrap_or_default(), bytes.len())
        }
        None => (bytes, &[], bytes.len()),
    }
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
    use crate::openai_chat;

    fn of(messages: &str) -> Option<u64> {
        let body = format!(r#"{{"model":"m","messages":[{messages}]}}"#);
        let request = openai_chat::read_request(body.as_bytes()).expect("the test's own text");
        request.opening
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

    #[test]
    fn long_messages_are_told_apart_by_their_ends_and_their_length() {
        let user = |text: &str| of(&format!(r#"{{"role":"user","content":"{text}"}}"#));
        let long = "x".repeat(10_000);
        assert_eq!(user(&long), user(&long.clone()));
        assert_ne!(user(&long), user(&format!("{long}x")));
        assert_ne!(user(&format!("a{long}")), user(&format!("b{long}")));
        assert_ne!(user(&format!("{long}a")), user(&format!("{long}b")));
    }
}
