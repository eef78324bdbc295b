//! Writes the conversation: system, user, assistant, and one message for each result of a tool.
//!
//! Only users show pictures here: those in results of tools follow them in a turn of the user's.
//! Documents that are plain text are listed beside the conversation, where they can be cited. Answers
//! cite them, and results of tools, without being asked to.
//! <https://docs.cohere.com/docs/rag-citations> (2026)

use chat::opaque::Format;
use chat::request::{Content, Message, Part, Role, SearchResult, Source};
use chat::{Citation, Error, Kind, Next};
use serde_json::{Map, Value, json};

use super::citations::{Listed, write};
use crate::cited::{chars, name_untold};

/// The conversation as this dialect says it.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub(super) messages: Vec<Value>,
    pub(super) documents: Vec<Value>,
    pub(super) dropped: Vec<String>,
    /// Whether the model takes back what it has thought.
    thinks: bool,
    /// Pictures in results of tools that are still to be shown.
    pictures: Vec<Value>,
    /// Where documents and search results stand.
    listed: Listed,
}

/// Writes the conversation.
///
/// # Errors
/// What this dialect cannot show to a model.
pub(super) fn turns(messages: &[Message], thinks: bool) -> Result<Turns, Error> {
    let mut turns = Turns {
        thinks,
        ..Turns::default()
    };
    name_untold(messages, |role| role == Role::Assistant, &mut turns.dropped);
    for (at, message) in messages.iter().enumerate() {
        let path = format!("messages[{at}]");
        if message.name.is_some() {
            turns.lose(format!("{path}.name"));
        }
        for (at, part) in message.parts.iter().enumerate() {
            if part.cache.is_some() {
                turns.lose(format!("{path}.content[{at}].cache_control"));
            }
        }
        if message.role != Role::Tool {
            turns.show_pictures();
        }
        match message.role {
            Role::System | Role::Developer => turns.spoken("system", message, &path)?,
            Role::User => turns.spoken("user", message, &path)?,
            Role::Tool => turns.results(message, &path)?,
            Role::Assistant => turns.answer(message, &path),
        }
    }
    turns.show_pictures();
    Ok(turns)
}

impl Turns {
    fn lose(&mut self, path: String) {
        if !self.dropped.contains(&path) {
            self.dropped.push(path);
        }
    }

    fn push(&mut self, role: &str, content: Vec<Value>) {
        if content.is_empty() {
            return;
        }
        let content = plain(content);
        self.messages
            .push(json!({"role": role, "content": content}));
    }

    fn show_pictures(&mut self) {
        let pictures = std::mem::take(&mut self.pictures);
        self.push("user", pictures);
    }

    /// A turn of the user's or the operator's.
    fn spoken(&mut self, role: &str, message: &Message, path: &str) -> Result<(), Error> {
        let mut content = Vec::new();
        for (at, part) in message.parts.iter().enumerate() {
            let path = format!("{path}.content[{at}]");
            match &part.content {
                // Anthropic's callers put results among what the user says.
                Content::ToolResult { .. } => self.result(part, &path)?,
                Content::File {
                    source, filename, ..
                } => {
                    let document = document(source, filename.as_deref(), &path)?;
                    self.listed.document(Some(self.documents.len()));
                    self.documents.push(document);
                }
                Content::SearchResult(found) => {
                    self.listed.found(Some(self.documents.len()));
                    self.documents.push(search_result(found));
                }
                content_of => content.extend(block(content_of, &path)?),
            }
        }
        self.show_pictures();
        self.push(role, content);
        Ok(())
    }

    fn results(&mut self, message: &Message, path: &str) -> Result<(), Error> {
        for (at, part) in message.parts.iter().enumerate() {
            self.result(part, &format!("{path}.content[{at}]"))?;
        }
        Ok(())
    }

    fn result(&mut self, part: &Part, path: &str) -> Result<(), Error> {
        let Content::ToolResult {
            call_id,
            parts,
            is_error,
            ..
        } = &part.content
        else {
            return Ok(());
        };
        if *is_error {
            self.lose(format!("{path}.is_error"));
        }
        let mut content = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let path = format!("{path}.content[{at}]");
            if part.cache.is_some() {
                self.lose(format!("{path}.cache_control"));
            }
            match &part.content {
                Content::Image { .. } => self.pictures.extend(block(&part.content, &path)?),
                Content::File {
                    source, filename, ..
                } => {
                    let document = document(source, filename.as_deref(), &path)?;
                    self.listed.document(None);
                    content.push(json!({"type": "document", "document": document}));
                }
                Content::SearchResult(found) => {
                    let document = search_result(found);
                    self.listed.found(None);
                    content.push(json!({"type": "document", "document": document}));
                }
                text => content.extend(block(text, &path)?),
            }
        }
        if content.is_empty() {
            // A result must say something.
            let said = match self.pictures.is_empty() {
                true => "(nothing)",
                false => "(see the picture that follows)",
            };
            content.push(json!({"type": "text", "text": said}));
        }
        self.messages.push(json!({
            "role": "tool",
            "tool_call_id": call_id,
            "content": plain(content),
        }));
        Ok(())
    }

    /// What a text cites, which begins after so many characters.
    fn cited(&mut self, cited: &[Citation], claim: (u64, &str), path: &str) -> Vec<Value> {
        for (number, citation) in cited.iter().enumerate() {
            // Which part of a source is cited has no name here.
            if citation.place.is_some() || citation.sealed_index.is_some() {
                self.lose(format!("{path}.citations[{number}]"));
            }
        }
        let all = cited.iter();
        all.map(|citation| write(citation, claim, &self.listed))
            .collect()
    }

    fn answer(&mut self, message: &Message, path: &str) {
        let mut content = Vec::new();
        let mut said = String::new();
        let mut citations = Vec::new();
        let mut calls = Vec::new();
        for (at, part) in message.parts.iter().enumerate() {
            let is_foreign = part
                .opaque
                .as_ref()
                .is_some_and(|opaque| opaque.format != Format::Unknown);
            match &part.content {
                Content::Text(text) | Content::Refusal(text) => {
                    let claim = (chars(&said), text.as_str());
                    let path = format!("{path}.content[{at}]");
                    citations.extend(self.cited(&part.citations, claim, &path));
                    said.push_str(text);
                }
                Content::Reasoning { text, is_summary }
                    if self.thinks && !is_foreign && !is_summary && !text.is_empty() =>
                {
                    content.push(json!({"type": "thinking", "thinking": text}));
                }
                Content::ToolCall {
                    id,
                    name,
                    arguments,
                } => {
                    calls.push(call(id, name, arguments));
                }
                Content::Reasoning { .. } => self.lose(format!("{path}.reasoning_details")),
                Content::Image { .. }
                | Content::Audio { .. }
                | Content::Video(_)
                | Content::File { .. }
                | Content::SearchResult(_)
                | Content::ToolResult { .. } => self.lose(format!("{path}.content[{at}]")),
            }
            if is_foreign {
                self.lose(format!("{path}.reasoning_details"));
            }
        }
        let mut written = Map::new();
        written.insert("role".to_owned(), json!("assistant"));
        if !said.is_empty() && calls.is_empty() {
            content.push(json!({"type": "text", "text": said}));
        } else if !said.is_empty() {
            written.insert("tool_plan".to_owned(), json!(said));
        }
        // Those of a plan are not told.
        if !citations.is_empty() && (!calls.is_empty() || said.is_empty()) {
            self.lose(format!("{path}.content[].citations"));
            citations.clear();
        }
        if let Some(last) = content.len().checked_sub(1).filter(|last| *last > 0) {
            for citation in &mut citations {
                citation["content_index"] = json!(last);
            }
        }
        if !content.is_empty() {
            written.insert("content".to_owned(), plain(content));
        }
        if !citations.is_empty() {
            written.insert("citations".to_owned(), Value::Array(citations));
        }
        if !calls.is_empty() {
            written.insert("tool_calls".to_owned(), Value::Array(calls));
        }
        if written.len() > 1 {
            self.messages.push(Value::Object(written));
        }
    }
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    let arguments = match arguments.trim() {
        "" => "{}",
        _ => arguments,
    };
    let function = json!({"name": name, "arguments": arguments});
    json!({"id": id, "type": "function", "function": function})
}

/// One text is said as such, everything else as a list.
fn plain(content: Vec<Value>) -> Value {
    match content.as_slice() {
        [only] if only["type"] == "text" => only["text"].clone(),
        _ => Value::Array(content),
    }
}

/// A text or a picture; nothing for an empty text.
fn block(content: &Content, path: &str) -> Result<Option<Value>, Error> {
    match content {
        Content::Text(text) | Content::Refusal(text) if text.is_empty() => Ok(None),
        Content::Text(text) | Content::Refusal(text) => {
            Ok(Some(json!({"type": "text", "text": text})))
        }
        Content::Image { source, detail } => {
            let url = source.to_url().ok_or_else(|| unfit(path))?;
            let mut image = json!({"url": url});
            if let Some(detail) = detail {
                // Cohere knows three words.
                let known = ["auto", "low", "high"].contains(&detail.as_str());
                image["detail"] = json!(if known { detail } else { "high" });
            }
            Ok(Some(json!({"type": "image_url", "image_url": image})))
        }
        Content::Audio { .. } | Content::Video(_) | Content::File { .. } => Err(unfit(path)),
        Content::ToolCall { .. }
        | Content::ToolResult { .. }
        | Content::Reasoning { .. }
        // A document here, which stands elsewhere.
        | Content::SearchResult(_) => Ok(None),
    }
}

/// What a search has found, as a document: answers cite it by its title and its address.
fn search_result(found: &SearchResult) -> Value {
    json!({"data": {
        "title": found.title,
        "url": found.source,
        "text": found.texts.join("\n"),
    }})
}

/// A document that is plain text, by the name that answers cite it with.
fn document(source: &Source, filename: Option<&str>, path: &str) -> Result<Value, Error> {
    let text = match source {
        Source::Text(_) | Source::Texts(_) => source.to_text().unwrap_or_default().into_owned(),
        Source::Base64 { media_type, data } if media_type.starts_with("text/") => {
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::STANDARD.decode(data);
            let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
            text.ok_or_else(|| unfit(path))?
        }
        Source::Base64 { .. } | Source::Url(_) | Source::Id(_) => return Err(unfit(path)),
    };
    let mut data = Map::new();
    if let Some(name) = filename.filter(|name| !name.is_empty()) {
        data.insert("title".to_owned(), json!(name));
    }
    data.insert("text".to_owned(), json!(text));
    Ok(json!({"data": data}))
}

/// Content that must not be dropped and cannot be shown here; it may be elsewhere.
fn unfit(path: &str) -> Error {
    let message =
        format!("{path}: this provider takes texts, pictures and plain-text documents only");
    Error::caller(Kind::InvalidRequest, message)
        .with_next(Next::TryNextEndpoint)
        .with_field(path)
}
