//! Writes the parts of a message as blocks, with the cache points after them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chat::opaque::{Format, Seal};
use chat::request::{CacheMark, Content, Message, Part, Role};
use chat::{Citation, Error, Opaque};
use serde_json::{Value, json};

use super::family::Family;
use super::marks::Marks;
use super::media::{self, Names, Shown};
use super::{citations, sources};
use crate::call_id;

/// The longest id of a tool call.
const ID_CHARS_MAX: usize = 64;

/// What a result says that says nothing: a blank one is refused.
const NOTHING: &str = "(nothing)";

/// A block, and the cache point after it.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) value: Value,
    pub(super) point: Option<Value>,
}

impl Block {
    /// Whether it is of a kind.
    pub(super) fn is(&self, member: &str) -> bool {
        self.value.get(member).is_some()
    }

    /// Whether it is a document that its host makes text of: no PDF, and in bytes.
    pub(super) fn becomes_text(&self) -> bool {
        let document = &self.value["document"];
        let is_wrapped = ["bytes", "s3Location"]
            .iter()
            .any(|place| document["source"].get(place).is_some());
        is_wrapped && document["format"] != "pdf"
    }
}

/// Where a block stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Among what the user or the operator says.
    Question,
    /// In a result of a tool.
    Result,
    /// Among what the model has said.
    Answer,
}

/// Writes blocks, and names what cannot be written.
pub(super) struct Scribe<'s> {
    family: &'s Family,
    pub(super) marks: &'s mut Marks,
    pub(super) dropped: &'s mut Vec<String>,
    names: Names,
}

impl<'s> Scribe<'s> {
    /// A scribe for one request.
    pub(super) fn new(
        family: &'s Family,
        marks: &'s mut Marks,
        dropped: &'s mut Vec<String>,
    ) -> Self {
        Self {
            family,
            marks,
            dropped,
            names: Names::default(),
        }
    }

    /// Names what is lost, once.
    pub(super) fn lose(&mut self, path: String) {
        if !self.dropped.contains(&path) {
            self.dropped.push(path);
        }
    }

    /// The blocks of a message.
    ///
    /// # Errors
    /// Pictures and the like that cannot be shown here.
    pub(super) fn blocks(&mut self, message: &Message, path: &str) -> Result<Vec<Block>, Error> {
        let place = match message.role {
            Role::Assistant => Place::Answer,
            Role::System | Role::Developer | Role::User | Role::Tool => Place::Question,
        };
        let mut blocks = Vec::with_capacity(message.parts.len());
        for (at, part) in message.parts.iter().enumerate() {
            let here = format!("{path}.content[{at}]");
            let value = match &part.content {
                Content::Reasoning { text, .. } => {
                    let thought = self.thought(text, part.opaque.as_ref());
                    if thought.is_none() {
                        self.lose(format!("{path}.reasoning_details"));
                    }
                    thought
                }
                content => {
                    // Signatures on anything else are another family's.
                    if part.opaque.is_some() {
                        self.lose(format!("{path}.reasoning_details"));
                    }
                    match (place, content) {
                        (Place::Answer, Content::Text(text)) if !part.citations.is_empty() => {
                            self.cited(text, &part.citations, &here)
                        }
                        _ => self.block(content, place, &here)?,
                    }
                }
            };
            if let Some(value) = value {
                let point = self.point(part, &here);
                blocks.push(Block { value, point });
            } else if part.cache.is_some() {
                self.lose(format!("{here}.cache_control"));
            }
        }
        Ok(blocks)
    }

    /// A text of an earlier answer that cites something.
    fn cited(&mut self, text: &str, citations: &[Citation], path: &str) -> Option<Value> {
        let told = citations::write(text, citations, self.family);
        let Some((block, lost)) = told.filter(|_| !text.trim().is_empty()) else {
            self.lose(format!("{path}.citations"));
            return words(text);
        };
        for at in lost {
            self.lose(format!("{path}.citations[{at}]"));
        }
        Some(block)
    }

    /// The cache point after a part; a result of a tool has one for all that is in it.
    fn point(&mut self, part: &Part, path: &str) -> Option<Value> {
        let inner = match &part.content {
            Content::ToolResult { parts, .. } => parts.iter().rev().find_map(|part| part.cache),
            Content::Reasoning { .. } => return None,
            _ => None,
        };
        let mark: CacheMark = part.cache.or(inner)?;
        let point = self.marks.take(mark);
        if point.is_none() {
            self.lose(format!("{path}.cache_control"));
        }
        point
    }

    fn block(
        &mut self,
        content: &Content,
        place: Place,
        path: &str,
    ) -> Result<Option<Value>, Error> {
        Ok(match content {
            Content::Text(text) | Content::Refusal(text) => words(text),
            Content::ToolCall {
                id,
                name,
                arguments,
            } => Some(json!({"toolUse": {
                "toolUseId": tool_id(id),
                "name": name,
                "input": object(arguments, "arguments"),
            }})),
            Content::ToolResult {
                call_id,
                parts,
                is_error,
                ..
            } => Some(self.result((call_id, *is_error), parts, path)?),
            Content::Reasoning { .. } => None,
            // Answers are texts and calls.
            Content::Image { .. }
            | Content::Video(_)
            | Content::File { .. }
            | Content::SearchResult(_)
            | Content::Audio { .. }
                if place == Place::Answer =>
            {
                self.lose(path.to_owned());
                None
            }
            Content::Image { source, detail } => {
                if detail.as_ref().is_some_and(|detail| detail != "auto") {
                    self.lose(format!("{path}.image_url.detail"));
                }
                Some(media::shown(Shown::Image, source, path)?)
            }
            Content::Video(source) => Some(media::shown(Shown::Video, source, path)?),
            Content::File {
                source,
                filename,
                is_cited,
            } => {
                let filename = filename.as_deref();
                if *is_cited && place == Place::Question && self.family.cites {
                    return sources::cited(&mut self.names, (source, filename), path).map(Some);
                }
                if *is_cited {
                    self.lose(format!("{path}.citations"));
                }
                Some(self.names.document(source, filename, path)?)
            }
            Content::SearchResult(found) if self.family.takes_search_results => {
                Some(sources::search_result(found))
            }
            Content::SearchResult(found) => {
                if found.is_cited {
                    self.lose(format!("{path}.citations"));
                }
                Some(json!({"text": found.to_text()}))
            }
            Content::Audio { data, format } => Some(media::sound(format, data, path)?),
        })
    }

    fn result(
        &mut self,
        (id, is_error): (&str, bool),
        parts: &[Part],
        path: &str,
    ) -> Result<Value, Error> {
        let mut content = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            let path = format!("{path}.content[{at}]");
            match &part.content {
                Content::Audio { .. } => return Err(media::unfit(&path)),
                inner => {
                    let said = self.block(inner, Place::Result, &path)?;
                    content.extend(said.map(|said| self.of_result(said)));
                }
            }
        }
        if content.is_empty() {
            content.push(match self.family.wants_objects {
                true => json!({"json": {}}),
                false => json!({"text": NOTHING}),
            });
        }
        let mut result = json!({"toolUseId": tool_id(id), "content": content});
        if is_error && self.family.takes_status {
            result["status"] = json!("error");
        } else if is_error {
            self.lose(format!("{path}.is_error"));
        }
        Ok(json!({"toolResult": result}))
    }

    /// A block of a result in the form that the family wants: some want an object for a text.
    fn of_result(&self, block: Value) -> Value {
        match block["text"].as_str() {
            Some(text) if self.family.wants_objects => json!({"json": object(text, "output")}),
            _ => block,
        }
    }

    /// A thought, if the model is Claude and the thought its own: only those can be shown to it.
    fn thought(&self, text: &str, opaque: Option<&Opaque>) -> Option<Value> {
        let opaque = opaque.filter(|opaque| opaque.format == Format::AnthropicClaude)?;
        self.family.claude?;
        Some(match opaque.seal {
            Seal::Signature => json!({"reasoningContent": {"reasoningText": {
                "text": text,
                "signature": opaque.value,
            }}}),
            // What Claude gives out as text is bytes here, and bytes are base64.
            Seal::Encrypted => json!({"reasoningContent": {
                "redactedContent": STANDARD.encode(&opaque.value),
            }}),
        })
    }
}

/// A text; blank ones are refused.
fn words(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({"text": text}))
}

/// The id of a tool call in the letters and the length that are allowed here.
fn tool_id(id: &str) -> String {
    call_id::shortened(&call_id::of_words(id), ID_CHARS_MAX)
}

/// JSON as the object that it must be here; anything else under a name.
fn object(json: &str, name: &str) -> Value {
    match serde_json::from_str(json) {
        Ok(object @ Value::Object(_)) => object,
        _ if json.trim().is_empty() => json!({}),
        Ok(other) => json!({name: other}),
        Err(_) => json!({name: json}),
    }
}
