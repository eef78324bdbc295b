//! Writes the conversation: turns that alternate, each with its blocks.
//!
//! The operator's words before the conversation become `system`; those in the middle stay where they
//! are, as a turn of their own where the model knows such, else inside the user's: were they moved to
//! the front, every one of them would undo the cache of all that was said before. Results of tools
//! come first in a turn, as this dialect demands.

use chat::opaque::{Format, Seal};
use chat::request::{Content, Message, Part, Role, SearchResult, Source};
use chat::{Citation, Opaque, Request};
use serde_json::{Map, Value, json};

use super::citations;
use super::family::Family;
use super::marks::Marks;
use crate::call_id;

/// The conversation as this dialect says it.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub(super) system: Vec<Value>,
    pub(super) messages: Vec<Value>,
    /// Tools that were called, each once.
    pub(super) called: Vec<String>,
    /// Whether the last tool calls were made without a thought of Claude's.
    pub(super) is_unthought: bool,
}

/// Writes the conversation.
pub(super) fn turns(
    request: &Request,
    family: Family,
    marks: &mut Marks,
    dropped: &mut Vec<String>,
) -> Turns {
    let mut turns = Turns::default();
    let mut scribe = Scribe { marks, dropped };
    for (at, message) in request.messages.iter().enumerate() {
        let path = format!("messages[{at}]");
        if message.name.is_some() {
            scribe.dropped.push(format!("{path}.name"));
        }
        let blocks = scribe.blocks(message, &path);
        match message.role {
            Role::System | Role::Developer if turns.messages.is_empty() => {
                turns.system.extend(blocks);
            }
            Role::System | Role::Developer if family.takes_system_turns => {
                turns.say("system", blocks);
            }
            Role::System | Role::Developer => {
                turns.say("user", blocks.into_iter().map(of_operator).collect())
            }
            Role::User | Role::Tool => turns.say("user", blocks),
            Role::Assistant => turns.answer(message, blocks),
        }
    }
    turns.complete();
    turns
}

/// Words of the operator in a turn of the user's.
fn of_operator(mut block: Value) -> Value {
    if let Some(text) = block["text"].as_str() {
        block["text"] = json!(format!("<system>\n{text}\n</system>"));
    }
    block
}

impl Turns {
    /// Adds blocks to the turn of a role, a new one if need be.
    fn say(&mut self, role: &str, blocks: Vec<Value>) {
        if blocks.is_empty() {
            return;
        }
        let last = self.messages.last_mut().filter(|last| last["role"] == role);
        match last.and_then(|last| last["content"].as_array_mut()) {
            Some(content) => content.extend(blocks),
            None => self.messages.push(json!({"role": role, "content": blocks})),
        }
        if role == "user"
            && let Some(content) = self
                .messages
                .last_mut()
                .and_then(|last| last["content"].as_array_mut())
        {
            // Stable: results stay in their order, and so does the rest.
            content.sort_by_key(|block| block["type"] != "tool_result");
        }
    }

    fn answer(&mut self, message: &Message, blocks: Vec<Value>) {
        for part in &message.parts {
            if let Content::ToolCall { name, .. } = &part.content
                && !self.called.contains(name)
            {
                self.called.push(name.clone());
            }
        }
        let calls = blocks.iter().any(|block| block["type"] == "tool_use");
        let thought = blocks
            .iter()
            .any(|block| block["type"] == "thinking" || block["type"] == "redacted_thinking");
        self.is_unthought = calls && !thought;
        self.say("assistant", blocks);
    }

    /// A conversation begins with the user, and an answer that is to be continued ends in a letter.
    fn complete(&mut self) {
        if self.messages.is_empty() && !self.system.is_empty() {
            let asked = self.system.pop().into_iter().collect();
            self.say("user", asked);
        }
        if self
            .messages
            .first()
            .is_some_and(|first| first["role"] != "user")
        {
            let begun = json!({"role": "user", "content": [{"type": "text", "text": "Go on."}]});
            self.messages.insert(0, begun);
        }
        let last = self
            .messages
            .last_mut()
            .filter(|last| last["role"] == "assistant");
        let block = last
            .and_then(|last| last["content"].as_array_mut())
            .and_then(|content| content.last_mut());
        if let Some(block) = block
            && let Some(text) = block["text"]
                .as_str()
                .map(str::trim_end)
                .map(ToOwned::to_owned)
            && !text.is_empty()
        {
            block["text"] = json!(text);
        }
    }
}

/// Writes blocks, and names what cannot be written.
struct Scribe<'s> {
    marks: &'s mut Marks,
    dropped: &'s mut Vec<String>,
}

impl Scribe<'_> {
    fn blocks(&mut self, message: &Message, path: &str) -> Vec<Value> {
        let parts = message.parts.iter().enumerate();
        parts
            .filter_map(|(at, part)| self.marked(part, &format!("{path}.content[{at}]"), path))
            .collect()
    }

    fn marked(&mut self, part: &Part, path: &str, message: &str) -> Option<Value> {
        let block = match &part.content {
            Content::Reasoning { text, .. } => {
                let thought = thought(text, part.opaque.as_ref());
                if thought.is_none() {
                    self.lose(format!("{message}.reasoning_details"));
                }
                return thought;
            }
            _ => self.block(part, path),
        };
        // Signatures on anything else are another family's.
        if part.opaque.is_some() {
            self.lose(format!("{message}.reasoning_details"));
        }
        let mark = self.marks.take(part.cache);
        if part.cache.is_some() && (mark.is_none() || block.is_none()) {
            self.lose(format!("{path}.cache_control"));
        }
        if block.is_none() && !part.citations.is_empty() {
            self.lose(format!("{path}.citations"));
        }
        let mut block = block?;
        if let Some(mark) = mark {
            block["cache_control"] = mark;
        }
        self.cite(&part.citations, &mut block, path);
        Some(block)
    }

    /// Writes what a text of an earlier answer cites.
    fn cite(&mut self, citations: &[Citation], block: &mut Value, path: &str) {
        let mut told = Vec::with_capacity(citations.len());
        for (at, citation) in citations.iter().enumerate() {
            match citations::write_again(citation) {
                Some(citation) => told.push(citation),
                None => self.lose(format!("{path}.citations[{at}]")),
            }
        }
        if !told.is_empty() {
            block["citations"] = Value::Array(told);
        }
    }

    fn lose(&mut self, path: String) {
        if !self.dropped.contains(&path) {
            self.dropped.push(path);
        }
    }

    fn block(&mut self, part: &Part, path: &str) -> Option<Value> {
        match &part.content {
            // Empty texts are refused.
            Content::Text(text) | Content::Refusal(text) => {
                (!text.is_empty()).then(|| json!({"type": "text", "text": text}))
            }
            Content::Image { source, detail } => {
                if detail.as_ref().is_some_and(|detail| detail != "auto") {
                    self.lose(format!("{path}.image_url.detail"));
                }
                let source = self.source(source, path)?;
                // A text is no picture.
                if source["type"] == "text" || source["type"] == "content" {
                    self.lose(path.to_owned());
                    return None;
                }
                Some(json!({"type": "image", "source": source}))
            }
            Content::File {
                source,
                filename,
                is_cited,
            } => {
                let source = self.source(source, path)?;
                let mut block = json!({"type": "document", "source": source});
                if let Some(name) = filename.as_ref().filter(|name| !name.is_empty()) {
                    block["title"] = json!(name);
                }
                if *is_cited {
                    block["citations"] = json!({"enabled": true});
                }
                Some(block)
            }
            Content::SearchResult(found) => Some(search_result(found)),
            Content::ToolCall {
                id,
                name,
                arguments,
            } => Some(json!({
                "type": "tool_use",
                "id": call_id::of_words(id),
                "name": name,
                "input": input(arguments),
            })),
            Content::ToolResult {
                call_id,
                parts,
                is_error,
                ..
            } => Some(self.result((call_id, *is_error), parts, path)),
            Content::Audio { .. } | Content::Video(_) => {
                self.lose(path.to_owned());
                None
            }
            Content::Reasoning { .. } => None,
        }
    }

    fn result(&mut self, (id, is_error): (&str, bool), parts: &[Part], path: &str) -> Value {
        let content: Vec<Value> = parts
            .iter()
            .enumerate()
            .filter_map(|(at, part)| self.marked(part, &format!("{path}[{at}]"), path))
            .collect();
        let mut block = Map::new();
        block.insert("type".to_owned(), json!("tool_result"));
        block.insert("tool_use_id".to_owned(), json!(call_id::of_words(id)));
        if !content.is_empty() {
            block.insert("content".to_owned(), Value::Array(content));
        }
        if is_error {
            block.insert("is_error".to_owned(), Value::Bool(true));
        }
        Value::Object(block)
    }

    fn source(&mut self, source: &Source, path: &str) -> Option<Value> {
        match source {
            Source::Url(url) => Some(json!({"type": "url", "url": url})),
            Source::Base64 { media_type, data } if media_type.starts_with("text/") => {
                Some(plain(data).map_or_else(
                    || json!({"type": "base64", "media_type": media_type, "data": data}),
                    |text| json!({"type": "text", "media_type": "text/plain", "data": text}),
                ))
            }
            Source::Base64 { media_type, data } => {
                // A name that people use and the standard does not know.
                let media_type = match media_type.as_str() {
                    "image/jpg" => "image/jpeg",
                    other => other,
                };
                Some(json!({"type": "base64", "media_type": media_type, "data": data}))
            }
            Source::Text(text) => {
                Some(json!({"type": "text", "media_type": "text/plain", "data": text}))
            }
            Source::Texts(texts) => Some(json!({"type": "content", "content": blocks_of(texts)})),
            // The id is another provider's: routing knows, and nobody comes here with one.
            Source::Id(_) => {
                self.lose(path.to_owned());
                None
            }
        }
    }
}

/// Texts that are cited one by one.
fn blocks_of(texts: &[String]) -> Value {
    let block = |text: &String| json!({"type": "text", "text": text});
    texts.iter().map(block).collect()
}

fn search_result(found: &SearchResult) -> Value {
    let mut block = json!({
        "type": "search_result",
        "source": found.source,
        "title": found.title,
        "content": blocks_of(&found.texts),
    });
    if found.is_cited {
        block["citations"] = json!({"enabled": true});
    }
    block
}

/// The text of a document that is one.
fn plain(base64: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64);
    String::from_utf8(bytes.ok()?).ok()
}

/// A thought, if it is Claude's own: only those can be shown to it.
fn thought(text: &str, opaque: Option<&Opaque>) -> Option<Value> {
    let opaque = opaque.filter(|opaque| opaque.format == Format::AnthropicClaude)?;
    Some(match opaque.seal {
        Seal::Signature => {
            json!({"type": "thinking", "thinking": text, "signature": opaque.value})
        }
        Seal::Encrypted => json!({"type": "redacted_thinking", "data": opaque.value}),
    })
}

/// Arguments as the object that they must be here.
fn input(arguments: &str) -> Value {
    match serde_json::from_str(arguments) {
        Ok(object @ Value::Object(_)) => object,
        _ if arguments.trim().is_empty() => json!({}),
        // A model wrote something else; it is shown what it wrote.
        Ok(other) => json!({"arguments": other}),
        Err(_) => json!({"arguments": arguments}),
    }
}
