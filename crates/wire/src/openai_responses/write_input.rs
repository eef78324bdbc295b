//! Writes the conversation as a list of items.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chat::opaque::{Opaque, Seal};
use chat::request::{Content, Message, Part, Role, Source, Tool};
use chat::{Citation, Error, Request};
use serde_json::{Map, Value, json};

use super::family;
use crate::call_id;
use crate::cited::{name_untold, page, span};
use crate::free_text;

/// The longest id of a call that OpenAI takes, in characters.
const CALL_ID_CHARS_MAX: usize = 64;

/// Writes the items of a request; what they cannot say is named.
pub(super) fn input(
    request: &Request,
    native_model: &str,
    dropped: &mut Vec<String>,
) -> Result<Value, Error> {
    let mut items = Items {
        list: Vec::with_capacity(request.messages.len()),
        native_model,
        tools: &request.tools,
        free: Vec::new(),
        dropped,
    };
    name_untold(
        &request.messages,
        |role| role == Role::Assistant,
        items.dropped,
    );
    for (position, message) in request.messages.iter().enumerate() {
        items.message(position, message);
    }
    Ok(Value::Array(items.list))
}

struct Items<'i> {
    list: Vec<Value>,
    native_model: &'i str,
    tools: &'i [Tool],
    /// The ids of calls with free text.
    free: Vec<&'i str>,
    dropped: &'i mut Vec<String>,
}

impl<'i> Items<'i> {
    fn drop(&mut self, name: String) {
        if !self.dropped.contains(&name) {
            self.dropped.push(name);
        }
    }

    fn message(&mut self, position: usize, message: &'i Message) {
        if message.name.is_some() {
            self.drop(format!("messages[{position}].name"));
        }
        let role = match message.role {
            Role::Assistant => return self.assistant(position, message),
            Role::Tool => return self.results(position, message),
            Role::System => "system",
            Role::Developer => "developer",
            Role::User => "user",
        };
        // Some providers put the results of tools into the turn of the person.
        let (results, said): (Vec<_>, Vec<_>) = message
            .parts
            .iter()
            .partition(|part| matches!(part.content, Content::ToolResult { .. }));
        results
            .into_iter()
            .for_each(|part| self.result(position, part));
        if let [
            Part {
                content: Content::Text(text),
                cache: None,
                ..
            },
        ] = *said.as_slice()
        {
            self.list.push(json!({"role": role, "content": text}));
        } else if !said.is_empty() {
            let content = self.parts(position, said.into_iter());
            self.list.push(json!({"role": role, "content": content}));
        }
    }

    /// What the model said: its words as messages, its calls and sealed reasoning as items, in order.
    fn assistant(&mut self, position: usize, message: &'i Message) {
        for (place, part) in message.parts.iter().enumerate() {
            if part.cache.is_some() {
                self.unmark(position, place);
            }
            match &part.content {
                Content::Text(text) | Content::Refusal(text) => {
                    let path = format!("messages[{position}].content[{place}].citations");
                    self.say(text, &part.citations, &path);
                    if part.opaque.is_some() {
                        self.drop(format!("messages[{position}].reasoning_details"));
                    }
                }
                Content::Reasoning { text, is_summary } => {
                    self.reasoning(position, (text, *is_summary), part.opaque.as_ref());
                }
                Content::ToolCall {
                    id,
                    name,
                    arguments,
                } => {
                    if part.opaque.is_some() {
                        self.drop(format!("messages[{position}].reasoning_details"));
                    }
                    self.call(id, name, arguments);
                }
                Content::Image { .. }
                | Content::Audio { .. }
                | Content::Video(_)
                | Content::File { .. }
                | Content::SearchResult(_)
                | Content::ToolResult { .. } => {
                    self.drop(format!("messages[{position}].content[{place}]"));
                }
            }
        }
    }

    fn call(&mut self, id: &'i str, name: &str, arguments: &str) {
        let mut call = json!({
            "type": "function_call",
            "call_id": call_id(id),
            "name": name,
        });
        if free_text::is_called(self.tools, name) {
            self.free.push(id);
            call["type"] = json!("custom_tool_call");
            call["input"] = json!(free_text::input(arguments));
        } else {
            let arguments = match arguments {
                "" => "{}",
                arguments => arguments,
            };
            call["arguments"] = json!(arguments);
        }
        self.list.push(call);
    }

    /// Names a mark that has no place.
    fn unmark(&mut self, position: usize, place: usize) {
        self.drop(format!(
            "messages[{position}].content[{place}].cache_control"
        ));
    }

    fn say(&mut self, text: &str, citations: &[Citation], path: &str) {
        let mut told = Vec::with_capacity(citations.len());
        for (at, citation) in citations.iter().enumerate() {
            let page = page(citation).filter(|_| !text.is_empty());
            // What is quoted, and a place in a source, have no name here.
            if page.is_none() || citation.quote.is_some() || citation.place.is_some() {
                self.drop(format!("{path}[{at}]"));
            }
            let (start, end) = span(citation, text);
            told.extend(page.map(|url| {
                json!({
                    "type": "url_citation",
                    "url": url,
                    "title": citation.title.as_deref().unwrap_or_default(),
                    "start_index": start,
                    "end_index": end,
                })
            }));
        }
        if text.is_empty() {
            return;
        }
        let item = match told.is_empty() {
            true => json!({"role": "assistant", "content": text}),
            // Only a message that the model has said, which has an id, may have annotations.
            false => json!({
                "type": "message",
                "id": format!("msg_{}", self.list.len()),
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": text, "annotations": told}],
            }),
        };
        self.list.push(item);
    }

    /// Reasoning goes back to those who made it, and to nobody else.
    fn reasoning(
        &mut self,
        position: usize,
        (text, is_summary): (&str, bool),
        opaque: Option<&Opaque>,
    ) {
        let own = family::format(self.native_model);
        let Some(sealed) =
            opaque.filter(|opaque| opaque.format == own && opaque.seal == Seal::Encrypted)
        else {
            return self.drop(format!("messages[{position}].reasoning_details"));
        };
        let mut item = Map::new();
        item.insert("type".to_owned(), json!("reasoning"));
        if let Some(id) = sealed.id.as_ref().filter(|id| id.starts_with("rs_")) {
            item.insert("id".to_owned(), json!(id));
        }
        let summary = match is_summary && !text.is_empty() {
            true => json!([{"type": "summary_text", "text": text}]),
            false => json!([]),
        };
        item.insert("summary".to_owned(), summary);
        item.insert("encrypted_content".to_owned(), json!(sealed.value));
        self.list.push(Value::Object(item));
    }

    fn results(&mut self, position: usize, message: &Message) {
        for part in &message.parts {
            self.result(position, part);
        }
    }

    fn result(&mut self, position: usize, part: &Part) {
        let Content::ToolResult {
            call_id: id,
            parts,
            is_error,
            ..
        } = &part.content
        else {
            return self.drop(format!("messages[{position}].content"));
        };
        if *is_error {
            self.drop(format!("messages[{position}].is_error"));
        }
        // A mark of the whole stands with its last part.
        let mut parts = Cow::from(parts.as_slice());
        if part.cache.is_some()
            && let Some(last) = parts.to_mut().last_mut()
        {
            last.cache = last.cache.or(part.cache);
        }
        let is_text =
            |part: &Part| matches!(part.content, Content::Text(_)) && part.cache.is_none();
        let output = match &*parts {
            [] => {
                if part.cache.is_some() {
                    self.unmark(position, 0);
                }
                json!("")
            }
            [only] if is_text(only) => match &only.content {
                Content::Text(text) => json!(text),
                _ => json!(""),
            },
            many => self.parts(position, many.iter()),
        };
        let kind = match self.free.contains(&id.as_str()) {
            true => "custom_tool_call_output",
            false => "function_call_output",
        };
        self.list.push(json!({
            "type": kind,
            "call_id": call_id(id),
            "output": output,
        }));
    }

    fn parts<'p>(&mut self, position: usize, parts: impl Iterator<Item = &'p Part>) -> Value {
        let mut written = Vec::new();
        for (place, part) in parts.enumerate() {
            let Some(mut json) = part_json(&part.content) else {
                self.drop(format!("messages[{position}].content[{place}]"));
                continue;
            };
            if let Content::File {
                filename, is_cited, ..
            } = &part.content
            {
                if filename.is_some() && json.get("filename").is_none() {
                    self.drop(format!(
                        "messages[{position}].content[{place}].file.filename"
                    ));
                }
                if *is_cited {
                    self.drop(format!("messages[{position}].content[{place}].citations"));
                }
            }
            if let Content::SearchResult(found) = &part.content
                && found.is_cited
            {
                self.drop(format!("messages[{position}].content[{place}].citations"));
            }
            if part.cache.is_some() {
                if family::takes_breakpoints(self.native_model) {
                    json["prompt_cache_breakpoint"] = json!({"mode": "explicit"});
                } else {
                    // The cache is automatic; where it ends cannot be said.
                    self.unmark(position, place);
                }
            }
            written.push(json);
        }
        Value::Array(written)
    }
}

/// The same id for a call and its result.
fn call_id(id: &str) -> String {
    call_id::shortened(id, CALL_ID_CHARS_MAX)
}

fn part_json(content: &Content) -> Option<Value> {
    Some(match content {
        Content::Text(text) | Content::Refusal(text) => {
            json!({"type": "input_text", "text": text})
        }
        Content::SearchResult(found) => json!({"type": "input_text", "text": found.to_text()}),
        Content::Image { source, detail } => {
            let mut image = json!({"type": "input_image"});
            match source {
                Source::Id(id) => image["file_id"] = json!(id),
                source => image["image_url"] = json!(source.to_url()?),
            }
            image["detail"] = json!(detail.as_deref().unwrap_or("auto"));
            image
        }
        Content::File {
            source, filename, ..
        } => file(source, filename.as_deref()),
        Content::Audio { data, format } => json!({
            "type": "input_audio",
            "input_audio": {"data": data, "format": format},
        }),
        Content::Video(source) => json!({"type": "input_video", "video_url": source.to_url()?}),
        Content::ToolCall { .. } | Content::ToolResult { .. } | Content::Reasoning { .. } => {
            return None;
        }
    })
}

/// A file; bytes must come with a name.
fn file(source: &Source, filename: Option<&str>) -> Value {
    let mut file = json!({"type": "input_file"});
    let mut end = "pdf";
    match source {
        Source::Id(id) => file["file_id"] = json!(id),
        Source::Url(url) => file["file_url"] = json!(url),
        Source::Base64 { media_type, data } => {
            file["file_data"] = json!(format!("data:{media_type};base64,{data}"));
            if media_type.starts_with("text/") {
                end = "txt";
            }
        }
        Source::Text(_) | Source::Texts(_) => {
            let data = STANDARD.encode(&*source.to_text().unwrap_or_default());
            file["file_data"] = json!(format!("data:text/plain;base64,{data}"));
            end = "txt";
        }
    }
    let has_bytes = file.get("file_data").is_some();
    match filename {
        Some(name) if has_bytes => file["filename"] = json!(name),
        None if has_bytes => file["filename"] = json!(format!("file.{end}")),
        Some(_) | None => {}
    }
    file
}
