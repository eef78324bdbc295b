//! Writes the conversation: turns that alternate, each with its blocks, and cache points between.
//!
//! The operator's words before the conversation become `system`; those in the middle stay where they
//! are, inside the user's turn: were they moved to the front, every one of them would undo the cache
//! of all that was said before. Results of tools come first in a turn, as Claude demands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chat::opaque::{Format, Seal};
use chat::request::{CacheMark, Content, Message, Part, Role};
use chat::{Error, Opaque, Request};
use serde_json::{Value, json};

use super::family::Family;
use super::marks::Marks;
use super::media::{self, Names, Shown};
use super::sources;
use crate::call_id;

/// The longest id of a tool call.
const ID_CHARS_MAX: usize = 64;

/// What a result says that says nothing: a blank one is refused.
const NOTHING: &str = "(nothing)";

/// The conversation as this dialect says it.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub(super) system: Vec<Value>,
    pub(super) messages: Vec<Value>,
    /// Tools that were called, each once.
    pub(super) called: Vec<String>,
    /// Whether the last tool calls were made without a thought of Claude's.
    pub(super) is_unthought: bool,
    said: Vec<Turn>,
}

/// The turn of one role.
#[derive(Debug)]
struct Turn {
    role: &'static str,
    blocks: Vec<Block>,
}

/// A block, and the cache point after it.
#[derive(Debug)]
struct Block {
    value: Value,
    point: Option<Value>,
}

impl Block {
    fn is(&self, member: &str) -> bool {
        self.value.get(member).is_some()
    }
}

/// Writes the conversation.
///
/// # Errors
/// Pictures and the like that cannot be shown here.
pub(super) fn turns(
    request: &Request,
    family: &Family,
    marks: &mut Marks,
    dropped: &mut Vec<String>,
) -> Result<Turns, Error> {
    let mut turns = Turns::default();
    let mut scribe = Scribe {
        family,
        marks,
        dropped,
        names: Names::default(),
    };
    let mut system = Vec::new();
    for (at, message) in request.messages.iter().enumerate() {
        let path = format!("messages[{at}]");
        if message.name.is_some() {
            scribe.lose(format!("{path}.name"));
        }
        let blocks = scribe.blocks(message, &path)?;
        match message.role {
            Role::System | Role::Developer if turns.said.is_empty() => {
                let (texts, others) = blocks.into_iter().partition(|block| block.is("text"));
                system.extend::<Vec<Block>>(texts);
                turns.say("user", others);
            }
            Role::System | Role::Developer => {
                turns.say("user", blocks.into_iter().map(of_operator).collect());
            }
            Role::User | Role::Tool => turns.say("user", blocks),
            Role::Assistant => turns.answer(message, blocks),
        }
    }
    if turns.said.is_empty()
        && let Some(last) = system.pop()
    {
        turns.say("user", vec![last]);
    }
    turns.complete();
    if scribe.marks.marks_prompt() {
        let point = scribe.marks.trailing();
        turns.trail(point, scribe.dropped);
    }
    turns.system = flat(system);
    turns.messages = std::mem::take(&mut turns.said)
        .into_iter()
        .map(|turn| json!({"role": turn.role, "content": flat(turn.blocks)}))
        .collect();
    Ok(turns)
}

fn flat(blocks: Vec<Block>) -> Vec<Value> {
    let both = |block: Block| std::iter::once(block.value).chain(block.point);
    blocks.into_iter().flat_map(both).collect()
}

/// Words of the operator in a turn of the user's.
fn of_operator(mut block: Block) -> Block {
    if let Some(text) = block.value["text"].as_str() {
        block.value["text"] = json!(format!("<system>\n{text}\n</system>"));
    }
    block
}

impl Turns {
    /// Adds blocks to the turn of a role, a new one if need be.
    fn say(&mut self, role: &'static str, blocks: Vec<Block>) {
        if blocks.is_empty() {
            return;
        }
        match self.said.last_mut().filter(|last| last.role == role) {
            Some(last) => last.blocks.extend(blocks),
            None => self.said.push(Turn { role, blocks }),
        }
        if let Some(last) = self.said.last_mut().filter(|last| last.role == "user") {
            // Stable: results stay in their order, and so does the rest.
            last.blocks.sort_by_key(|block| !block.is("toolResult"));
        }
    }

    fn answer(&mut self, message: &Message, blocks: Vec<Block>) {
        for part in &message.parts {
            if let Content::ToolCall { name, .. } = &part.content
                && !self.called.contains(name)
            {
                self.called.push(name.clone());
            }
        }
        let calls = blocks.iter().any(|block| block.is("toolUse"));
        let thought = blocks.iter().any(|block| block.is("reasoningContent"));
        self.is_unthought = calls && !thought;
        self.say("assistant", blocks);
    }

    /// A conversation begins with the user, a document is asked something of, and an answer that is
    /// to be continued ends in a letter.
    fn complete(&mut self) {
        let text = |text: &str| Block {
            value: json!({"text": text}),
            point: None,
        };
        if self.said.first().is_some_and(|first| first.role != "user") {
            let blocks = vec![text("Go on.")];
            let turn = Turn {
                role: "user",
                blocks,
            };
            self.said.insert(0, turn);
        }
        for turn in &mut self.said {
            let has_document = turn.blocks.iter().any(|block| block.is("document"));
            if has_document && !turn.blocks.iter().any(|block| block.is("text")) {
                turn.blocks.push(text("See the document."));
            }
        }
        let last = self
            .said
            .last_mut()
            .filter(|last| last.role == "assistant")
            .and_then(|last| last.blocks.last_mut());
        if let Some(block) = last
            && let Some(said) = block.value["text"].as_str().map(str::trim_end)
        {
            block.value["text"] = json!(said);
        }
    }

    /// Sets the cache point at the end, where the whole prompt is marked.
    fn trail(&mut self, point: Option<Value>, dropped: &mut Vec<String>) {
        let blocks = self.said.last_mut().map(|last| &mut last.blocks);
        let last = blocks
            .into_iter()
            .flatten()
            .rfind(|block| !block.is("reasoningContent"));
        match (last, point) {
            (Some(last), _) if last.point.is_some() => {}
            (Some(last), Some(point)) => last.point = Some(point),
            _ => dropped.push("cache_control".to_owned()),
        }
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
struct Scribe<'s> {
    family: &'s Family,
    marks: &'s mut Marks,
    dropped: &'s mut Vec<String>,
    names: Names,
}

impl Scribe<'_> {
    fn lose(&mut self, path: String) {
        if !self.dropped.contains(&path) {
            self.dropped.push(path);
        }
    }

    fn blocks(&mut self, message: &Message, path: &str) -> Result<Vec<Block>, Error> {
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
                    self.block(content, place, &here)?
                }
            };
            if let Some(value) = value {
                let point = self.point(part, &here);
                blocks.push(Block { value, point });
            }
        }
        Ok(blocks)
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
            // Blank texts are refused.
            Content::Text(text) | Content::Refusal(text) => {
                (!text.trim().is_empty()).then(|| json!({"text": text}))
            }
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
            Content::Image { source, .. } => Some(media::shown(Shown::Image, source, path)?),
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
