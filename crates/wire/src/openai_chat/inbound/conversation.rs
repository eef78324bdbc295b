//! Reads the messages of a request into turns.

use chat::request::{Content, Message, Part, Role, Source};
use chat::{Error, Opaque};
use serde_json::Value;

use super::{parts, thoughts};
use crate::cited::{annotations, spread};
use crate::free_text;
use crate::tree::Cursor;

/// What is read of a message, or means nothing to any provider. `model` says who wrote it.
const KNOWN: &[&str] = &[
    "role",
    "content",
    "name",
    "tool_call_id",
    "tool_calls",
    "function_call",
    "refusal",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "extra_content",
    "images",
    "audio",
    "model",
];

/// Reads the conversation.
pub(super) fn read(top: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Vec<Message>, Error> {
    let messages = top
        .array("messages")?
        .ok_or_else(|| top.missing("messages", "an array"))?;
    let mut read = Vec::new();
    let mut called: Vec<(String, String)> = Vec::new();
    for message in messages.elements() {
        let role = match message.need("role")? {
            "system" => Role::System,
            "developer" => Role::Developer,
            "assistant" => Role::Assistant,
            "tool" | "function" => Role::Tool,
            _ => Role::User,
        };
        match role {
            Role::Assistant => message.unknown(&[KNOWN, &["annotations"]].concat(), unsaid),
            _ => message.unknown(KNOWN, unsaid),
        }
        let name = message.string("name")?.map(str::to_owned);
        let (parts, name) = match role {
            Role::Assistant => (said(&message, &mut called, unsaid)?, name),
            Role::Tool => (vec![result(&message, name, &called, unsaid)?], None),
            Role::System | Role::Developer | Role::User => (parts::read(&message, unsaid)?, name),
        };
        read.push(Message { role, parts, name });
    }
    Ok(read)
}

/// What a tool answered. A mark at its end is a mark of the whole.
fn result(
    message: &Cursor<'_>,
    name: Option<String>,
    called: &[(String, String)],
    unsaid: &mut Vec<String>,
) -> Result<Part, Error> {
    let id = match (message.string("tool_call_id")?, &name) {
        (Some(id), _) => id.to_owned(),
        // OpenAI's older form has names only.
        (None, Some(name)) => old_id(name),
        (None, None) => return Err(message.missing("tool_call_id", "a string")),
    };
    let call = called.iter().rev().find(|(known, _)| *known == id);
    let mut parts = parts::read(message, unsaid)?;
    let cache = parts.last_mut().and_then(|last| last.cache.take());
    let content = Content::ToolResult {
        call_id: id,
        name: name.or_else(|| call.map(|(_, name)| name.clone())),
        parts,
        is_error: false,
    };
    Ok(Part {
        content,
        cache,
        opaque: None,
        citations: Vec::new(),
    })
}

/// What the model said: first what it thought, last which tools it called.
fn said(
    message: &Cursor<'_>,
    called: &mut Vec<(String, String)>,
    unsaid: &mut Vec<String>,
) -> Result<Vec<Part>, Error> {
    let thoughts::Thoughts {
        mut parts, seals, ..
    } = thoughts::read(message, unsaid)?;
    let mut content = parts::read(message, unsaid)?;
    content.retain(|part| !matches!(&part.content, Content::Text(text) if text.is_empty()));
    if !spread(annotations(message, unsaid), &mut content).is_empty() {
        unsaid.push(message.path_of("annotations"));
    }
    if let Some(refusal) = message.string("refusal")?.filter(|it| !it.is_empty()) {
        content.push(Content::Refusal(refusal.to_owned()).into());
    }
    media(message, &mut content, unsaid)?;
    let of_text = seals.iter().find(|(id, _)| id.is_none());
    if let Some((_, seal)) = of_text {
        seal_text(&mut content, seal.clone());
    }
    parts.append(&mut content);
    if let Some(calls) = message.array("tool_calls")? {
        for call in calls.elements() {
            let mut part = tool_call(&call)?;
            if let Content::ToolCall { id, name, .. } = &part.content {
                let seal = seals.iter().find(|(of, _)| of.as_ref() == Some(id));
                part.opaque = seal.map(|(_, seal)| seal.clone());
                called.push((id.clone(), name.clone()));
            }
            parts.push(part);
        }
    }
    if let Some(function) = message.object("function_call")? {
        let name = function.need("name")?;
        parts.push(call(old_id(name), &function)?);
        called.push((old_id(name), name.to_owned()));
    }
    Ok(parts)
}

/// The seal of an answer's text stands with its last text; without text it stands alone.
fn seal_text(content: &mut Vec<Part>, seal: Opaque) {
    let text = content
        .iter_mut()
        .rev()
        .find(|part| matches!(part.content, Content::Text(_)));
    if let Some(text) = text {
        text.opaque = Some(seal);
        return;
    }
    content.push(Part {
        content: Content::Reasoning {
            text: String::new(),
            is_summary: false,
        },
        cache: None,
        opaque: Some(seal),
        citations: Vec::new(),
    });
}

/// Pictures and sound that the model made.
fn media(
    message: &Cursor<'_>,
    content: &mut Vec<Part>,
    unsaid: &mut Vec<String>,
) -> Result<(), Error> {
    if let Some(images) = message.array("images")? {
        for image in images.elements() {
            let inner = image.object("image_url")?;
            let url = match &inner {
                Some(inner) => inner.need("url")?,
                None => image.need("url")?,
            };
            let image = Content::Image {
                source: Source::of_url(url),
                detail: None,
            };
            content.push(image.into());
        }
    }
    let Some(audio) = message.object("audio")? else {
        return Ok(());
    };
    match (audio.string("data")?, audio.string("transcript")?) {
        (Some(data), _) => {
            let format = audio.string("format")?.unwrap_or("wav").to_owned();
            let data = data.to_owned();
            content.push(Content::Audio { data, format }.into());
        }
        (None, Some(words)) => content.push(Part::text(words)),
        // Sound that only its maker still has: `Feature::StoredFiles`.
        (None, None) => unsaid.push(message.path_of("audio")),
    }
    Ok(())
}

fn tool_call(entry: &Cursor<'_>) -> Result<Part, Error> {
    let id = entry.string("id")?.unwrap_or_default().to_owned();
    if let Some(custom) = entry.object("custom")? {
        let call = Content::ToolCall {
            id,
            name: custom.need("name")?.to_owned(),
            arguments: free_text::arguments(custom.string("input")?.unwrap_or_default()),
        };
        return Ok(call.into());
    }
    let function = entry
        .object("function")?
        .ok_or_else(|| entry.missing("function", "an object"))?;
    call(id, &function)
}

/// Arguments are text that holds JSON; some clients send the JSON itself.
fn call(id: String, function: &Cursor<'_>) -> Result<Part, Error> {
    let arguments = match function.get("arguments") {
        Some(arguments) => match arguments.value {
            Value::String(text) => text.clone(),
            json => json.to_string(),
        },
        None => String::new(),
    };
    let name = function.need("name")?.to_owned();
    let call = Content::ToolCall {
        id,
        name,
        arguments,
    };
    Ok(call.into())
}

/// An id for a call of OpenAI's older form, which has none.
fn old_id(name: &str) -> String {
    format!("call_{name}")
}
