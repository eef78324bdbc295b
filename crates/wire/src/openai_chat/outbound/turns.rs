//! Writes the turns of a conversation as messages.
//!
//! Pictures and documents that a tool answered with follow in a message of the user's, since tool
//! messages here hold text alone; they are named as moved. Reasoning goes back only where it came
//! from: sealed or not to OpenRouter-like providers, plain text to those that want it back, and
//! nowhere else.

use chat::opaque::Format;
use chat::request::{Content, Message, Part, Role, Tool};
use chat::{Error, Request};

use super::parts::{CITATIONS, Marks, PartsWriter};
use crate::cited::{annotations_of, name_untold};
use crate::continuation::Mark;
use crate::free_text;
use crate::openai_chat::details;
use crate::outgoing::Outgoing;
use crate::quirks::{self, Form, Recall};
use crate::splice::{push_member, quoted};

struct Turns<'t> {
    writer: PartsWriter,
    recall: Recall,
    /// The tools that are offered, where those called with free text have words of their own.
    free: &'t [Tool],
    out: String,
    /// What tools answered besides text, until a user can show it.
    moved: Vec<Part>,
    /// The member that says of the assistant's next message that it is to be gone on with.
    goes_on: Option<&'static str>,
}

/// Writes the array of messages, the last one marked; the names of what was lost.
///
/// # Errors
/// What cannot be said and must not be dropped.
pub(super) fn write(
    request: &Request,
    mark: Option<Mark>,
    to: &Outgoing<'_>,
) -> Result<(String, Vec<String>), Error> {
    let is_router = quirks::reasoning_form(to.quirks) == Form::Keep;
    let recall = quirks::recall(to.quirks);
    let messages = &request.messages;
    let mut turns = Turns {
        writer: PartsWriter {
            marks: Marks::of(to),
            is_router,
            dropped: Vec::new(),
        },
        recall,
        free: match quirks::knows_free_text(to) {
            true => &request.tools,
            false => &[],
        },
        out: String::new(),
        moved: Vec::new(),
        goes_on: None,
    };
    name_untold(
        messages,
        |role| is_router && role == Role::Assistant,
        &mut turns.writer.dropped,
    );
    for (left, message) in messages.iter().rev().enumerate().rev() {
        turns.goes_on = mark.filter(|_| left == 0).and_then(Mark::member);
        turns.message(message)?;
    }
    turns.show_moved()?;
    Ok((format!("[{}]", turns.out), turns.writer.dropped))
}

impl Turns<'_> {
    fn message(&mut self, message: &Message) -> Result<(), Error> {
        let (results, rest): (Vec<_>, Vec<_>) = message
            .parts
            .iter()
            .partition(|part| matches!(part.content, Content::ToolResult { .. }));
        for result in &results {
            self.result(result)?;
        }
        if rest.is_empty() && (!results.is_empty() || message.role == Role::Tool) {
            return Ok(());
        }
        let role = match message.role {
            Role::Assistant => return self.assistant(message, &rest),
            Role::System => "system",
            Role::Developer => "developer",
            Role::User | Role::Tool => "user",
        };
        if role != "user" {
            self.show_moved()?;
        }
        let moved = std::mem::take(&mut self.moved);
        let parts: Vec<&Part> = moved.iter().chain(rest).collect();
        let mut members = self.members(role, message.name.as_deref());
        let content = self.content(&parts)?;
        push_member(&mut members, "content", &content);
        self.push(&members);
        Ok(())
    }

    /// One string where that loses nothing, else parts.
    fn content(&mut self, parts: &[&Part]) -> Result<String, Error> {
        if self.writer.is_plain(parts) {
            let text = parts.first().map(|part| &part.content);
            return Ok(match text {
                Some(Content::Text(text)) => quoted(text),
                _ => "\"\"".to_owned(),
            });
        }
        self.writer.array(parts)
    }

    fn members(&self, role: &str, name: Option<&str>) -> String {
        let mut members = String::new();
        push_member(&mut members, "role", &quoted(role));
        if let Some(name) = name {
            push_member(&mut members, "name", &quoted(name));
        }
        members
    }

    fn push(&mut self, members: &str) {
        if !self.out.is_empty() {
            self.out.push(',');
        }
        self.out.push('{');
        self.out.push_str(members);
        self.out.push('}');
    }

    /// What tools answered besides text, as the user's own message.
    fn show_moved(&mut self) -> Result<(), Error> {
        let moved = std::mem::take(&mut self.moved);
        if moved.is_empty() {
            return Ok(());
        }
        let mut members = self.members("user", None);
        let parts: Vec<&Part> = moved.iter().collect();
        let content = self.writer.array(&parts)?;
        push_member(&mut members, "content", &content);
        self.push(&members);
        Ok(())
    }

    fn result(&mut self, part: &Part) -> Result<(), Error> {
        let Content::ToolResult {
            call_id,
            name,
            parts,
            is_error,
        } = &part.content
        else {
            return Ok(());
        };
        if *is_error {
            quirks::name_once(&mut self.writer.dropped, "messages[].content[].is_error");
        }
        let (mut texts, others): (Vec<Part>, Vec<Part>) = parts
            .iter()
            .map(|part| self.writer.spoken(part))
            .partition(|part| matches!(part.content, Content::Text(_)));
        if !others.is_empty() {
            quirks::name_once(&mut self.writer.dropped, "messages[].content[].content");
            let tool = name.as_deref().unwrap_or("a tool");
            let intro = format!("What {tool} answered besides text (call {call_id}):");
            self.moved.push(Part::text(intro));
            self.moved.extend(others);
            if texts.is_empty() {
                texts.push(Part::text("The answer is in the next message of the user."));
            }
        }
        let mut members = self.members("tool", None);
        push_member(&mut members, "tool_call_id", &quoted(call_id));
        // A mark of the whole stands with its last part.
        match texts.last_mut() {
            Some(last) => last.cache = last.cache.or(part.cache),
            None if part.cache.is_some() => self.name_unmarked(),
            None => {}
        }
        let content = if texts.iter().any(|part| self.writer.marks.shows(part)) {
            self.writer.array(&texts.iter().collect::<Vec<_>>())?
        } else {
            if texts.iter().any(|part| part.cache.is_some()) {
                self.name_unmarked();
            }
            quoted(&joined(texts.iter(), "\n"))
        };
        push_member(&mut members, "content", &content);
        self.push(&members);
        Ok(())
    }

    fn assistant(&mut self, message: &Message, parts: &[&Part]) -> Result<(), Error> {
        self.show_moved()?;
        let mut members = self.members("assistant", message.name.as_deref());
        let calls = calls(parts, self.recall, self.free);
        let texts: Vec<&Part> = parts
            .iter()
            .copied()
            .filter(|part| matches!(&part.content, Content::Text(text) if !text.is_empty()))
            .collect();
        let marked = |parts: &[&Part]| parts.iter().filter(|part| part.cache.is_some()).count();
        let shows_marks = texts.iter().any(|part| self.writer.marks.shows(part));
        // Texts alone can be marked.
        if marked(parts) > marked(&texts) || (marked(&texts) > 0 && !shows_marks) {
            self.name_unmarked();
        }
        let content = if shows_marks {
            self.writer.array(&texts)?
        } else if texts.is_empty() && !calls.is_empty() {
            "null".to_owned()
        } else {
            quoted(&joined(texts.iter().copied(), ""))
        };
        push_member(&mut members, "content", &content);
        self.reasoning(parts, &mut members);
        self.others(parts, &mut members)?;
        if self.writer.is_router {
            let (list, is_lost) = annotations_of(&message.parts);
            if is_lost {
                quirks::name_once(&mut self.writer.dropped, CITATIONS);
            }
            if !list.is_empty() {
                push_member(&mut members, "annotations", &format!("[{list}]"));
            }
        }
        if !calls.is_empty() {
            push_member(&mut members, "tool_calls", &format!("[{calls}]"));
        }
        if let Some(mark) = self.goes_on {
            push_member(&mut members, mark, "true");
        }
        self.push(&members);
        Ok(())
    }

    /// Names a mark that has no place.
    fn name_unmarked(&mut self) {
        let name = "messages[].content[].cache_control";
        quirks::name_once(&mut self.writer.dropped, name);
    }

    fn others(&mut self, parts: &[&Part], members: &mut String) -> Result<(), Error> {
        let refusal: String = parts
            .iter()
            .filter_map(|part| match &part.content {
                Content::Refusal(words) => Some(words.as_str()),
                _ => None,
            })
            .collect();
        if !refusal.is_empty() {
            push_member(members, "refusal", &quoted(&refusal));
        }
        let images: Vec<&Part> = parts
            .iter()
            .copied()
            .filter(|part| matches!(part.content, Content::Image { .. }))
            .collect();
        if !images.is_empty() && self.writer.is_router {
            let images = self.writer.array(&images)?;
            push_member(members, "images", &images);
        } else if !images.is_empty() {
            quirks::name_once(&mut self.writer.dropped, "messages[].images");
        }
        let is_lost = |content: &Content| {
            matches!(
                content,
                Content::Audio { .. }
                    | Content::Video(_)
                    | Content::File { .. }
                    | Content::SearchResult(_)
            )
        };
        if parts.iter().any(|part| is_lost(&part.content)) {
            quirks::name_once(&mut self.writer.dropped, "messages[].audio");
        }
        Ok(())
    }

    fn reasoning(&mut self, parts: &[&Part], members: &mut String) {
        let mut thoughts = String::new();
        let mut signature = None;
        let mut is_lost = false;
        for part in parts {
            let is_call = matches!(part.content, Content::ToolCall { .. });
            let seal = part.opaque.as_ref();
            let seal = seal.filter(|seal| seal.format != Format::Unknown);
            let is_google = seal.is_some_and(|seal| seal.format == Format::GoogleGemini);
            match (&part.content, self.recall) {
                (Content::Reasoning { text, .. }, Recall::Details) => thoughts.push_str(text),
                (Content::Reasoning { text, .. }, Recall::Text) if seal.is_none() => {
                    thoughts.push_str(text);
                }
                // Signatures of calls stand beside them.
                (_, Recall::Signatures) if is_google && is_call => {}
                (_, Recall::Signatures) if is_google => signature = seal,
                (Content::Reasoning { .. }, _) => is_lost = true,
                (_, recall) => is_lost |= seal.is_some() && recall != Recall::Details,
            }
        }
        if is_lost {
            let name = "messages[].reasoning_details";
            quirks::name_once(&mut self.writer.dropped, name);
        }
        match self.recall {
            Recall::Nothing => {}
            // Where the member may not be missing, the provider's habit adds it.
            Recall::Text if thoughts.is_empty() => {}
            Recall::Text => push_member(members, "reasoning_content", &quoted(&thoughts)),
            Recall::Signatures => {
                if let Some(seal) = signature {
                    push_member(
                        members,
                        "extra_content",
                        &quirks::extra_content(&seal.value),
                    );
                }
            }
            Recall::Details => {
                if !thoughts.is_empty() {
                    push_member(members, "reasoning", &quoted(&thoughts));
                }
                let details = details::of_parts(parts);
                if !details.is_empty() {
                    push_member(members, "reasoning_details", &format!("[{details}]"));
                }
            }
        }
    }
}

fn joined<'p>(parts: impl Iterator<Item = &'p Part>, between: &str) -> String {
    let texts: Vec<&str> = parts
        .filter_map(|part| match &part.content {
            Content::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    texts.join(between)
}

/// The tool calls of a turn, as the elements of an array; `free` are tools of which those called with
/// free text are told so.
fn calls(parts: &[&Part], recall: Recall, free: &[Tool]) -> String {
    let mut calls = String::new();
    for part in parts {
        let Content::ToolCall {
            id,
            name,
            arguments,
        } = &part.content
        else {
            continue;
        };
        let mut called = String::new();
        push_member(&mut called, "name", &quoted(name));
        let kind = match free_text::is_called(free, name) {
            true => {
                let input = free_text::input(arguments);
                push_member(&mut called, "input", &quoted(&input));
                "custom"
            }
            false => {
                // No arguments are an empty object: some providers refuse an empty text.
                let arguments = match arguments.as_str() {
                    "" => "{}",
                    arguments => arguments,
                };
                push_member(&mut called, "arguments", &quoted(arguments));
                "function"
            }
        };
        let mut call = String::new();
        push_member(&mut call, "id", &quoted(id));
        push_member(&mut call, "type", &quoted(kind));
        push_member(&mut call, kind, &format!("{{{called}}}"));
        let signature = part
            .opaque
            .as_ref()
            .filter(|seal| recall == Recall::Signatures && seal.format == Format::GoogleGemini);
        if let Some(seal) = signature {
            push_member(
                &mut call,
                "extra_content",
                &quirks::extra_content(&seal.value),
            );
        }
        if !calls.is_empty() {
            calls.push(',');
        }
        calls.push_str(&format!("{{{call}}}"));
    }
    calls
}
