//! Reads the contents of a request into turns.

use chat::Error;
use chat::request::{Content, Message, Part, Role};
use serde_json::Value;

use super::super::seal;
use super::media;
use crate::tree::Cursor;

/// What is read of a part. `partMetadata` is the caller's own note.
const PART: &[&str] = &[
    "text",
    "thought",
    "thoughtSignature",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "mediaResolution",
    "partMetadata",
];

/// Calls that have not been answered: id, name.
struct Calls {
    open: Vec<(String, String)>,
    count: usize,
}

/// Reads the conversation: the system instruction first.
pub(super) fn read(top: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Vec<Message>, Error> {
    let mut messages = Vec::new();
    let mut calls = Calls {
        open: Vec::new(),
        count: 0,
    };
    if let Some(system) = top.object("systemInstruction")? {
        let parts = content(&system, &mut calls, unsaid)?;
        if !parts.is_empty() {
            messages.push(Message::new(Role::System, parts));
        }
    }
    let Some(contents) = top.get("contents") else {
        return Err(top.missing("contents", "an array"));
    };
    if contents.value.is_object() {
        turn(&contents, &mut calls, &mut messages, unsaid)?;
    }
    for one in contents.elements() {
        turn(&one, &mut calls, &mut messages, unsaid)?;
    }
    Ok(messages)
}

fn turn(
    one: &Cursor<'_>,
    calls: &mut Calls,
    messages: &mut Vec<Message>,
    unsaid: &mut Vec<String>,
) -> Result<(), Error> {
    let role = match one.string("role")? {
        Some("model") => Role::Assistant,
        Some("system") => Role::System,
        _ => Role::User,
    };
    let parts = content(one, calls, unsaid)?;
    let (results, others): (Vec<Part>, Vec<Part>) = parts
        .into_iter()
        .partition(|part| matches!(part.content, Content::ToolResult { .. }));
    // Results follow their calls, whatever the user says beside them.
    if !results.is_empty() {
        messages.push(Message::new(Role::Tool, results));
    }
    if !others.is_empty() {
        messages.push(Message::new(role, others));
    }
    Ok(())
}

fn content(
    content: &Cursor<'_>,
    calls: &mut Calls,
    unsaid: &mut Vec<String>,
) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    let Some(list) = content.get("parts") else {
        return Ok(parts);
    };
    if list.value.is_object() {
        parts.extend(part(&list, calls, unsaid)?);
    }
    for one in list.elements() {
        parts.extend(part(&one, calls, unsaid)?);
    }
    Ok(parts)
}

fn part(
    one: &Cursor<'_>,
    calls: &mut Calls,
    unsaid: &mut Vec<String>,
) -> Result<Option<Part>, Error> {
    one.unknown(PART, unsaid);
    let carried = one.string("thoughtSignature")?.map(seal::carried);
    let is_thought = one.boolean("thought")? == Some(true);
    let detail = detail(one);
    let content = if let Some(text) = one.string("text")? {
        let kept = carried.as_ref().and_then(|it| it.thoughts.clone());
        match (kept, is_thought, text.is_empty()) {
            (Some((text, is_summary)), _, _) => Content::Reasoning { text, is_summary },
            (None, false, false) => Content::Text(text.to_owned()),
            // What seals nothing and says nothing is nothing.
            (None, _, true) if carried.is_none() => return Ok(None),
            (None, _, _) => Content::Reasoning {
                text: text.to_owned(),
                is_summary: false,
            },
        }
    } else if let Some(call) = one.object("functionCall")? {
        calls.call(&call)?
    } else if let Some(result) = one.object("functionResponse")? {
        calls.result(&result, unsaid)?
    } else if let Some(blob) = one.object("inlineData")? {
        media::inline(&blob, detail)?
    } else if let Some(file) = one.object("fileData")? {
        media::file(&file, detail)?
    } else if carried.is_some() {
        Content::Reasoning {
            text: String::new(),
            is_summary: false,
        }
    } else {
        return Ok(None);
    };
    if one.get("mediaResolution").is_some() && !matches!(content, Content::Image { .. }) {
        unsaid.push(one.path_of("mediaResolution"));
    }
    Ok(Some(Part {
        content,
        cache: None,
        opaque: carried.map(|it| it.opaque),
        citations: Vec::new(),
    }))
}

/// How closely a picture is to be looked at.
fn detail(part: &Cursor<'_>) -> Option<String> {
    let level = part.value.pointer("/mediaResolution/level")?.as_str()?;
    let word = match level {
        "MEDIA_RESOLUTION_LOW" => "low",
        "MEDIA_RESOLUTION_HIGH" | "MEDIA_RESOLUTION_ULTRA_HIGH" => "high",
        _ => "auto",
    };
    Some(word.to_owned())
}

impl Calls {
    /// A call without an id gets one that no other has.
    fn call(&mut self, call: &Cursor<'_>) -> Result<Content, Error> {
        let name = call.need("name")?.to_owned();
        let id = match call.string("id")?.filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => format!("call_{}", self.count),
        };
        self.count += 1;
        self.open.push((id.clone(), name.clone()));
        let arguments = call.object("args")?;
        Ok(Content::ToolCall {
            id,
            name,
            arguments: arguments.map_or_else(|| "{}".to_owned(), |args| args.value.to_string()),
        })
    }

    /// A result belongs to the call with its id; else to the first open one with its name.
    fn result(&mut self, result: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Content, Error> {
        let name = result.need("name")?.to_owned();
        let id = result.string("id")?.filter(|id| !id.is_empty());
        let position = match id {
            Some(id) => self.open.iter().position(|(open, _)| open == id),
            None => self.open.iter().position(|(_, called)| *called == name),
        };
        let call_id = match (id, position) {
            (Some(id), _) => id.to_owned(),
            (None, Some(position)) => self.open[position].0.clone(),
            (None, None) => format!("call_{name}"),
        };
        if let Some(position) = position {
            self.open.remove(position);
        }
        let known = ["id", "name", "response", "parts"];
        result.unknown(&known, unsaid);
        let response = result
            .object("response")?
            .ok_or_else(|| result.missing("response", "an object"))?;
        let (text, is_error) = said(response.value);
        let mut parts = vec![Part::text(text)];
        if let Some(list) = result.array("parts")? {
            for one in list.elements() {
                if let Some(blob) = one.object("inlineData")? {
                    parts.push(media::inline(&blob, None)?.into());
                } else if let Some(file) = one.object("fileData")? {
                    parts.push(media::file(&file, None)?.into());
                } else {
                    unsaid.push(one.to_string());
                }
            }
        }
        Ok(Content::ToolResult {
            call_id,
            name: Some(name),
            parts,
            is_error,
        })
    }
}

/// What a function answered, as text; `output` and `error` are Google's words for what it says.
fn said(response: &Value) -> (String, bool) {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let only = response.as_object().filter(|members| members.len() == 1);
    match only.and_then(|members| members.iter().next()) {
        Some((name, value)) if name == "error" => (text(value), true),
        Some((name, value)) if name == "output" || name == "result" => (text(value), false),
        _ => (response.to_string(), false),
    }
}
