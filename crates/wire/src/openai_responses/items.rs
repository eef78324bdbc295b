//! Reads `input` into messages: what one turn of the model said in several items becomes one message.

use std::collections::BTreeMap;

use chat::opaque::{Format, Opaque, Seal};
use chat::request::{CacheMark, Content, Message, Part, Role, Source};
use chat::{Error, Request};
use serde_json::Value;

use super::names::Names;
use crate::cited::annotations;
use crate::free_text;
use crate::seal::{TAG, untagged};
use crate::tree::Cursor;

/// Reads the input behind what messages there are already.
pub(super) fn read(top: &Cursor<'_>, names: &Names, request: &mut Request) -> Result<(), Error> {
    let Some(input) = top.get("input") else {
        return Ok(());
    };
    if let Value::String(text) = input.value {
        let part = Part::text(text);
        request.messages.push(Message::new(Role::User, vec![part]));
        return Ok(());
    }
    let mut turns = Turns {
        request,
        names,
        called: BTreeMap::new(),
        ids: BTreeMap::new(),
    };
    for item in input.elements() {
        turns.item(&item)?;
    }
    Ok(())
}

struct Turns<'r> {
    request: &'r mut Request,
    names: &'r Names,
    /// The tools' names by the ids of their calls.
    called: BTreeMap<String, String>,
    /// Where the parts stand that have an id: message, then part in it.
    ids: BTreeMap<String, (usize, usize)>,
}

impl Turns<'_> {
    fn item(&mut self, item: &Cursor<'_>) -> Result<(), Error> {
        match item.string("type")? {
            None | Some("message") => self.message(item),
            Some("function_call") => {
                let arguments = item.need("arguments")?.to_owned();
                self.call(item, "arguments", arguments)
            }
            Some("custom_tool_call") => {
                let arguments = free_text::arguments(item.need("input")?);
                self.call(item, "input", arguments)
            }
            Some("function_call_output" | "custom_tool_call_output") => self.output(item),
            Some("reasoning") => self.reasoning(item),
            Some(_) => {
                self.request.unsaid.push(item.to_string());
                Ok(())
            }
        }
    }

    fn call(&mut self, item: &Cursor<'_>, said: &str, arguments: String) -> Result<(), Error> {
        let (id, name) = (item.need("call_id")?, item.need("name")?);
        let name = self
            .names
            .told(item.string("namespace")?, name)
            .into_owned();
        self.called.insert(id.to_owned(), name.clone());
        let call = Content::ToolCall {
            id: id.to_owned(),
            name,
            arguments,
        };
        self.push(Role::Assistant, call.into());
        self.know(id);
        let known = ["type", "id", "call_id", "name", "namespace", "status", said];
        item.unknown(&known, &mut self.request.unsaid);
        Ok(())
    }

    /// Adds a part to the turn of a role, or begins one. Only the model and its tools say one turn
    /// in several items.
    fn push(&mut self, role: Role, part: Part) {
        match self.request.messages.last_mut() {
            Some(last) if last.role == role => last.parts.push(part),
            _ => self.request.messages.push(Message::new(role, vec![part])),
        }
    }

    /// Remembers the last part under an id.
    fn know(&mut self, id: &str) {
        let message = self.request.messages.len().saturating_sub(1);
        let parts = self
            .request
            .messages
            .last()
            .map_or(0, |last| last.parts.len());
        self.ids
            .insert(id.to_owned(), (message, parts.saturating_sub(1)));
    }

    fn message(&mut self, item: &Cursor<'_>) -> Result<(), Error> {
        let role = match item.need("role")? {
            "system" => Role::System,
            "developer" => Role::Developer,
            "assistant" => Role::Assistant,
            _ => Role::User,
        };
        let known = ["type", "id", "role", "status", "content"];
        item.unknown(&known, &mut self.request.unsaid);
        let parts = content(item, "content", &mut self.request.unsaid)?;
        if role != Role::Assistant {
            self.request.messages.push(Message::new(role, parts));
            return Ok(());
        }
        // Empty words stand before a call in some histories; other dialects refuse them.
        let says = |part: &Part| !matches!(&part.content, Content::Text(text) if text.is_empty());
        let mut is_empty = true;
        for part in parts.into_iter().filter(says) {
            is_empty = false;
            self.push(role, part);
        }
        if let (Some(id), false) = (item.string("id")?, is_empty) {
            self.know(id);
        }
        Ok(())
    }

    fn output(&mut self, item: &Cursor<'_>) -> Result<(), Error> {
        let call_id = item.need("call_id")?;
        let known = ["type", "id", "call_id", "output", "status"];
        item.unknown(&known, &mut self.request.unsaid);
        let result = Content::ToolResult {
            call_id: call_id.to_owned(),
            name: self.called.get(call_id).cloned(),
            parts: content(item, "output", &mut self.request.unsaid)?,
            is_error: false,
        };
        self.push(Role::Tool, result.into());
        Ok(())
    }

    fn reasoning(&mut self, item: &Cursor<'_>) -> Result<(), Error> {
        let opaque = opaque(item)?;
        // What belongs to a call or a text stands beside it, under its id (see `writer.rs`), which
        // not every client gives back as that of the item.
        let sealed_id = opaque.as_ref().and_then(|opaque| opaque.id.as_deref());
        let ids = [item.string("id")?, sealed_id];
        let owner = ids.into_iter().flatten().find_map(|id| self.ids.get(id));
        let owner = owner.copied();
        if let (Some((message, part)), Some(_)) = (owner, &opaque) {
            let message = self.request.messages.get_mut(message);
            if let Some(part) = message.and_then(|message| message.parts.get_mut(part)) {
                part.opaque = opaque;
            }
            return Ok(());
        }
        let thoughts = texts(item, "content");
        let (text, is_summary) = match thoughts.is_empty() {
            true => (
                texts(item, "summary"),
                is_of_summaries(item, opaque.as_ref())?,
            ),
            false => (thoughts, false),
        };
        if text.is_empty() && opaque.is_none() {
            return Ok(());
        }
        self.push(
            Role::Assistant,
            Part {
                content: Content::Reasoning { text, is_summary },
                cache: None,
                opaque,
                citations: Vec::new(),
            },
        );
        Ok(())
    }
}

/// Whether what an item calls a summary is one: others' thoughts travel as such, with their format.
fn is_of_summaries(item: &Cursor<'_>, opaque: Option<&Opaque>) -> Result<bool, Error> {
    let format = item.string("format")?.map(Format::from_name);
    let format = opaque.map(|opaque| opaque.format).or(format);
    Ok(
        format
            .is_none_or(|format| matches!(format, Format::OpenaiResponses | Format::XaiResponses)),
    )
}

/// What must go back to whoever made it. OpenAI's own items do not say whose they are; signatures
/// are Anthropic's invention.
fn opaque(item: &Cursor<'_>) -> Result<Option<Opaque>, Error> {
    let format = item.string("format")?.map(Format::from_name);
    for (seal, name, own) in [
        (
            Seal::Encrypted,
            "encrypted_content",
            Format::OpenaiResponses,
        ),
        (Seal::Signature, "signature", Format::AnthropicClaude),
    ] {
        if let Some(value) = item.string(name)?.filter(|value| !value.is_empty()) {
            if value.starts_with(TAG) {
                return Ok(untagged(value));
            }
            return Ok(Some(Opaque {
                format: format.unwrap_or(own),
                seal,
                value: value.to_owned(),
                id: item.string("id")?.map(str::to_owned),
            }));
        }
    }
    Ok(None)
}

/// The texts of a list of parts, each a paragraph.
fn texts(item: &Cursor<'_>, name: &str) -> String {
    let parts = item.value[name].as_array().into_iter().flatten();
    let texts: Vec<_> = parts.filter_map(|part| part["text"].as_str()).collect();
    texts.join("\n\n")
}

fn content(item: &Cursor<'_>, name: &str, unsaid: &mut Vec<String>) -> Result<Vec<Part>, Error> {
    let Some(content) = item.get(name) else {
        return Ok(Vec::new());
    };
    if let Value::String(text) = content.value {
        return Ok(vec![Part::text(text)]);
    }
    let mut parts = Vec::new();
    for part in content.elements() {
        match part_content(&part)? {
            Some((content, known)) => {
                part.unknown(&[known, COMMON].concat(), unsaid);
                let citations = annotations(&part, unsaid);
                let is_marked = part.get("prompt_cache_breakpoint").is_some();
                parts.push(Part {
                    content,
                    cache: is_marked.then_some(CacheMark::Default),
                    opaque: None,
                    citations,
                });
            }
            None => unsaid.push(part.to_string()),
        }
    }
    Ok(parts)
}

/// Members that parts of every kind may have, or that say nothing to a model.
const COMMON: &[&str] = &["type", "prompt_cache_breakpoint", "annotations", "logprobs"];

/// What a part is, and which of its members that took.
fn part_content(part: &Cursor<'_>) -> Result<Option<(Content, &'static [&'static str])>, Error> {
    Ok(Some(match part.need("type")? {
        "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => {
            (Content::Text(part.need("text")?.to_owned()), &["text"])
        }
        "refusal" => (
            Content::Refusal(part.need("refusal")?.to_owned()),
            &["refusal"],
        ),
        "input_image" => {
            let detail = part.string("detail")?.filter(|detail| *detail != "auto");
            let source = match (part.string("image_url")?, part.string("file_id")?) {
                (Some(url), _) => Source::of_url(url),
                (None, Some(id)) => Source::Id(id.to_owned()),
                (None, None) => return Err(part.missing("image_url", "a URL")),
            };
            let detail = detail.map(str::to_owned);
            (
                Content::Image { source, detail },
                &["image_url", "file_id", "detail"],
            )
        }
        "input_file" => (
            Content::File {
                source: file(part)?,
                filename: part.string("filename")?.map(str::to_owned),
                is_cited: false,
            },
            &["file_data", "file_url", "file_id", "filename"],
        ),
        "input_audio" => {
            let inner = part.object("input_audio")?;
            let from = inner.as_ref().unwrap_or(part);
            (
                Content::Audio {
                    data: from.need("data")?.to_owned(),
                    format: from.string("format")?.unwrap_or("wav").to_owned(),
                },
                &["input_audio", "data", "format"],
            )
        }
        "input_video" => (
            Content::Video(Source::of_url(part.need("video_url")?)),
            &["video_url"],
        ),
        _ => return Ok(None),
    }))
}

/// Files come as data URLs, or as bare base64 with a name that tells the type.
fn file(part: &Cursor<'_>) -> Result<Source, Error> {
    if let Some(data) = part.string("file_data")? {
        if data.starts_with("data:") || data.starts_with("http") {
            return Ok(Source::of_url(data));
        }
        let name = part.string("filename")?.unwrap_or_default();
        return Ok(Source::Base64 {
            media_type: media_type(name).to_owned(),
            data: data.to_owned(),
        });
    }
    match (part.string("file_url")?, part.string("file_id")?) {
        (Some(url), _) => Ok(Source::of_url(url)),
        (None, Some(id)) => Ok(Source::Id(id.to_owned())),
        (None, None) => Err(part.missing("file_data", "a file")),
    }
}

/// The type of a file by the end of its name; PDF, the only one that all take, where that says
/// nothing.
fn media_type(filename: &str) -> &'static str {
    let end = filename.rsplit('.').next().unwrap_or_default();
    match end.to_ascii_lowercase().as_str() {
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        _ => "application/pdf",
    }
}
