//! What a call was asked and what it answered, as destinations are told who ask for it.
//!
//! Both are lists of messages in OpenTelemetry's form for generative AI (`gen_ai.input.messages`,
//! `gen_ai.output.messages`): words, thoughts, tool calls and their results. Pictures, sounds and
//! documents are named and left out.

use chat::event::Block;
use chat::request::{Content, Message, Part, Role};
use chat::response::{Choice, Response, Said};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The longest content of one call that is told, question and answer together, bytes.
pub const CONTENT_BYTES_MAX: usize = 1 << 20;

/// What a call was asked.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// A conversation.
    Messages(&'a [Message]),
    /// A text, or what else stands in the place of one.
    Prompt(&'a str),
}

/// The content of one call. Not printable.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    input: String,
    output: String,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[content]")
    }
}

impl Conversation {
    /// What was asked and what was answered; an answer that nobody gave is empty.
    #[must_use]
    pub fn new(asked: Asked<'_>, answered: &Response) -> Self {
        let input = match asked {
            Asked::Messages(messages) => messages.iter().map(message).collect(),
            Asked::Prompt(text) => vec![json!({"role": "user", "parts": [words(text)]})],
        };
        let output = answered.choices.iter().map(choice).collect();
        Self {
            input: Value::Array(input).to_string(),
            output: Value::Array(output).to_string(),
        }
    }

    /// The same with something done to both texts of JSON: what must not be told is taken out.
    #[must_use]
    pub fn rewritten(self, rewrite: impl Fn(Vec<u8>) -> Vec<u8>) -> Self {
        let text = |text: String| {
            let bytes = rewrite(text.into_bytes());
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Self {
            input: text(self.input),
            output: text(self.output),
        }
    }

    /// What was asked: a list of messages, as JSON.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.input
    }

    /// What was answered: a list of messages, one for each choice, as JSON.
    #[must_use]
    pub fn output(&self) -> &str {
        &self.output
    }

    /// The words of what was asked, a line for each part.
    #[must_use]
    pub fn input_text(&self) -> String {
        all_words(&self.input)
    }

    /// The words of what was answered, likewise.
    #[must_use]
    pub fn output_text(&self) -> String {
        all_words(&self.output)
    }

    /// What it takes, bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.input.len().saturating_add(self.output.len())
    }
}

/// Messages in the form that has a role and a text (`{"role", "content"}`): for destinations that know
/// no parts.
#[must_use]
pub fn plain_messages(messages: &str) -> Vec<Value> {
    let plain = |message: &Value| {
        let words: Vec<String> = parts(message).filter_map(words_of).collect();
        json!({"role": message["role"], "content": words.join("\n")})
    };
    list(messages).iter().map(plain).collect()
}

fn list(messages: &str) -> Vec<Value> {
    serde_json::from_str(messages).unwrap_or_default()
}

fn parts(message: &Value) -> impl Iterator<Item = &Value> {
    let parts = message.get("parts").and_then(Value::as_array);
    parts.into_iter().flatten()
}

fn all_words(messages: &str) -> String {
    let messages = list(messages);
    let words = messages.iter().flat_map(parts).filter_map(words_of);
    words.collect::<Vec<_>>().join("\n")
}

/// What a part says in words.
fn words_of(part: &Value) -> Option<String> {
    let text = |name: &str| match part.get(name)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    match (text("name"), text("arguments")) {
        (Some(name), Some(arguments)) => Some(format!("{name}({arguments})")),
        _ => text("content").or_else(|| text("response")),
    }
}

// === In OpenTelemetry's form ===

const fn role(role: Role) -> &'static str {
    match role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

fn message(message: &Message) -> Value {
    let parts: Vec<Value> = message.parts.iter().map(part).collect();
    let mut written = json!({"role": role(message.role), "parts": parts});
    if let Some(name) = &message.name {
        written["name"] = name.as_str().into();
    }
    written
}

fn words(text: &str) -> Value {
    json!({"type": "text", "content": text})
}

fn left_out(kind: &'static str) -> Value {
    json!({"type": kind, "left_out": true})
}

fn tool_call(id: Option<&str>, name: &str, arguments: &str) -> Value {
    let read = serde_json::from_str::<Value>(arguments);
    let arguments = read.unwrap_or_else(|_| arguments.into());
    json!({"type": "tool_call", "id": id, "name": name, "arguments": arguments})
}

fn part(part: &Part) -> Value {
    match &part.content {
        Content::Text(text) | Content::Refusal(text) => words(text),
        Content::SearchResult(found) => words(&found.to_text()),
        Content::Reasoning { text, .. } => json!({"type": "reasoning", "content": text}),
        Content::ToolCall {
            id,
            name,
            arguments,
        } => tool_call(Some(id), name, arguments),
        Content::ToolResult { call_id, parts, .. } => {
            let said: Vec<String> = parts
                .iter()
                .map(self::part)
                .filter_map(|part| words_of(&part))
                .collect();
            json!({"type": "tool_call_response", "id": call_id, "response": said.join("\n")})
        }
        Content::Image { .. } => left_out("image"),
        Content::Audio { .. } => left_out("audio"),
        Content::Video(_) => left_out("video"),
        Content::File { .. } => left_out("file"),
    }
}

fn choice(choice: &Choice) -> Value {
    let parts: Vec<Value> = choice.blocks.iter().map(said).collect();
    let finish = choice.finish.as_ref().map(|finish| finish.reason.name());
    json!({"role": "assistant", "parts": parts, "finish_reason": finish})
}

fn said(said: &Said) -> Value {
    match &said.block {
        Block::Text | Block::Refusal => words(&said.text),
        Block::Reasoning { .. } => json!({"type": "reasoning", "content": said.text}),
        Block::ToolCall { id, name } => tool_call(Some(id), name, &said.text),
        Block::Image { .. } => left_out("image"),
        Block::Audio => left_out("audio"),
    }
}

#[cfg(test)]
mod tests {
    use chat::request::Source;
    use chat::{FinishReason, Reason};

    use super::*;

    fn asked() -> Vec<Message> {
        let picture = Content::Image {
            source: Source::of_url("data:image/png;base64,c2VjcmV0"),
            detail: None,
        };
        let call = Content::ToolCall {
            id: "c1".to_owned(),
            name: "look".to_owned(),
            arguments: "{\"at\":1}".to_owned(),
        };
        let result = Content::ToolResult {
            call_id: "c1".to_owned(),
            name: None,
            parts: vec![Part::text("a door")],
            is_error: false,
        };
        vec![
            Message::new(Role::Developer, vec![Part::text("be brief")]),
            Message::new(Role::User, vec![Part::text("see"), picture.into()]),
            Message::new(Role::Assistant, vec![call.into()]),
            Message::new(Role::Tool, vec![result.into()]),
        ]
    }

    fn answered() -> Response {
        let said = |block, text: &str| Said {
            block,
            text: text.to_owned(),
            opaque: None,
            citations: Vec::new(),
            logprobs: Vec::new(),
        };
        Response {
            choices: vec![Choice {
                index: 0,
                blocks: vec![
                    said(Block::Reasoning { is_summary: false }, "hm"),
                    said(Block::Text, "a \"door\""),
                ],
                finish: Some(FinishReason {
                    reason: Reason::Stop,
                    native: None,
                }),
            }],
            ..Response::default()
        }
    }

    #[test]
    fn a_conversation_is_told_in_the_words_of_the_conventions_and_without_pictures() {
        let asked = asked();
        let told = Conversation::new(Asked::Messages(&asked), &answered());
        let input: Value = serde_json::from_str(told.input()).unwrap();
        assert_eq!(
            input,
            json!([
                {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
                {"role": "user", "parts": [{"type": "text", "content": "see"}, {"type": "image", "left_out": true}]},
                {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": 1}}]},
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "a door"}]},
            ])
        );
        let output: Value = serde_json::from_str(told.output()).unwrap();
        assert_eq!(
            output,
            json!([{"role": "assistant", "finish_reason": "stop", "parts": [
                {"type": "reasoning", "content": "hm"}, {"type": "text", "content": "a \"door\""},
            ]}])
        );
        assert_eq!(told.output_text(), "hm\na \"door\"");
        assert_eq!(told.input_text(), "be brief\nsee\nlook({\"at\":1})\na door");
        assert_eq!(
            plain_messages(told.input())[1],
            json!({"role": "user", "content": "see"})
        );
        assert!(!format!("{told:?}").contains("door"));
    }

    #[test]
    fn a_prompt_is_one_message_and_what_is_taken_out_is_gone() {
        let told = Conversation::new(Asked::Prompt("a secret"), &Response::default());
        let told = told.rewritten(|json| {
            let text = String::from_utf8(json).unwrap();
            text.replace("secret", "[taken]").into_bytes()
        });
        assert_eq!(told.input_text(), "a [taken]");
        assert_eq!(told.output(), "[]");
    }
}
