//! Writes the turns of a conversation as contents.
//!
//! Turns of one role that follow each other become one, since results of functions that were called
//! together must stand together. System messages at the beginning are the system instruction; later
//! ones are said by the user, and named. Reasoning goes back only where Google made it.

use chat::Error;
use chat::opaque::Format;
use chat::request::{Content, Message, Part, Role, Source};
use serde_json::{Value, json};

use super::super::family::Family;
use super::parts::{audio_type, media, named};
use crate::cited::name_untold;
use crate::outgoing::nothing_left;
use crate::quirks::name_once;
use crate::splice::{push_member, quoted};

/// The word for a signature that is not there: Google then does not look for one.
/// <https://ai.google.dev/gemini-api/docs/thought-signatures> ("skip validation", 2026)
const SKIP: &str = "skip_thought_signature_validator";

/// What is named where the cache was to begin.
const CACHE_CONTROL: &str = "messages[].content[].cache_control";

/// What is named where a speaker has a name.
const NAME: &str = "messages[].name";

/// What is named where an answer was to say what it takes from something.
const CITATIONS: &str = "messages[].content[].citations";

/// Who is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host {
    /// What its model can do.
    pub(super) family: Family,
    /// Whether files may have a name (`displayName`): at Vertex they may, AI Studio knows no such
    /// member. <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/Content>
    /// (2026)
    pub(super) names_files: bool,
}

/// A conversation as it is written.
#[derive(Default)]
pub(super) struct Turns {
    /// The content of the system instruction, where there is one.
    pub(super) system: Option<String>,
    /// The array of contents.
    pub(super) contents: String,
}

/// One content: whose it is, and its parts.
struct Turn {
    is_model: bool,
    parts: Vec<Piece>,
}

/// A part, and what must be known of it when all are there.
struct Piece {
    /// The members of the part's object.
    members: String,
    is_call: bool,
    is_sealed: bool,
}

struct Writing<'w> {
    host: Host,
    dropped: &'w mut Vec<String>,
    contents: Vec<Turn>,
    /// Names of the functions by the ids of their calls.
    called: Vec<(String, String)>,
}

/// Writes a conversation; names what was lost.
///
/// # Errors
/// What cannot be said and must not be dropped.
pub(super) fn write(
    messages: &[Message],
    host: Host,
    dropped: &mut Vec<String>,
) -> Result<Turns, Error> {
    name_untold(messages, |_| false, dropped);
    let is_system = |message: &&Message| matches!(message.role, Role::System | Role::Developer);
    let count = messages.iter().take_while(is_system).count();
    let (first, rest) = messages.split_at(count);
    let mut writing = Writing {
        host,
        dropped,
        contents: Vec::new(),
        called: Vec::new(),
    };
    let mut system = Vec::new();
    for message in first {
        if message.name.is_some() {
            writing.lose(NAME);
        }
        system.extend(writing.pieces(&message.parts)?);
    }
    // Without a conversation, and with models that know no system, the user says it.
    let is_said_by_user = rest.is_empty() || !host.family.has_system;
    if is_said_by_user && !system.is_empty() {
        writing.push(false, std::mem::take(&mut system));
    }
    for (at, message) in rest.iter().enumerate() {
        writing.message(message, at + count)?;
    }
    if writing.contents.first().is_some_and(|first| first.is_model) {
        // A conversation begins with the user.
        let blank = Piece::text("(continued)");
        writing.contents.insert(
            0,
            Turn {
                is_model: false,
                parts: vec![blank],
            },
        );
    }
    if writing.contents.is_empty() {
        return Err(nothing_left());
    }
    writing.mark_unsealed();
    let contents: Vec<String> = writing.contents.iter().map(Turn::write).collect();
    let system = (!system.is_empty()).then(|| format!("{{\"parts\":[{}]}}", joined(&system)));
    Ok(Turns {
        system,
        contents: format!("[{}]", contents.join(",")),
    })
}

fn joined(pieces: &[Piece]) -> String {
    let parts: Vec<String> = pieces
        .iter()
        .map(|piece| format!("{{{}}}", piece.members))
        .collect();
    parts.join(",")
}

impl Turn {
    fn write(&self) -> String {
        let role = if self.is_model { "model" } else { "user" };
        format!(
            "{{\"role\":\"{role}\",\"parts\":[{}]}}",
            joined(&self.parts)
        )
    }
}

impl Piece {
    /// A part out of its JSON object.
    fn of(json: &str) -> Self {
        let inner = json.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
        Self {
            members: inner.unwrap_or_default().to_owned(),
            is_call: false,
            is_sealed: false,
        }
    }

    fn text(text: &str) -> Self {
        Self::of(&format!("{{\"text\":{}}}", quoted(text)))
    }

    fn seal(&mut self, signature: &str) {
        push_member(&mut self.members, "thoughtSignature", &quoted(signature));
        self.is_sealed = true;
    }
}

impl Writing<'_> {
    fn lose(&mut self, name: &str) {
        name_once(self.dropped, name);
    }

    /// Adds to the last content where it is of the same role.
    fn push(&mut self, is_model: bool, mut pieces: Vec<Piece>) {
        if pieces.is_empty() {
            return;
        }
        match self.contents.last_mut() {
            Some(last) if last.is_model == is_model => last.parts.append(&mut pieces),
            _ => self.contents.push(Turn {
                is_model,
                parts: pieces,
            }),
        }
    }

    /// Names what a part of a result says beside its content.
    fn name_lost(&mut self, part: &Part) {
        if part.cache.is_some() {
            self.lose(CACHE_CONTROL);
        }
        if matches!(&part.content, Content::SearchResult(found) if found.is_cited) {
            self.lose(CITATIONS);
        }
    }

    fn message(&mut self, message: &Message, at: usize) -> Result<(), Error> {
        if message.name.is_some() {
            self.lose(NAME);
        }
        if matches!(message.role, Role::System | Role::Developer) {
            self.lose(&format!("messages[{at}].role"));
        }
        let pieces = self.pieces(&message.parts)?;
        self.push(message.role == Role::Assistant, pieces);
        Ok(())
    }

    fn pieces(&mut self, parts: &[Part]) -> Result<Vec<Piece>, Error> {
        let mut pieces = Vec::new();
        for part in parts {
            if part.cache.is_some() {
                self.lose(CACHE_CONTROL);
            }
            self.part(part, &mut pieces)?;
        }
        Ok(pieces)
    }

    fn part(&mut self, part: &Part, out: &mut Vec<Piece>) -> Result<(), Error> {
        let seal = part.opaque.as_ref();
        let ours = seal.filter(|seal| seal.format == Format::GoogleGemini);
        if seal.is_some() && ours.is_none() {
            self.lose("messages[].reasoning_details");
        }
        let mut piece = match &part.content {
            // An empty text is refused, unless it carries a seal.
            Content::Text(text) if text.is_empty() && ours.is_none() => return Ok(()),
            Content::Text(text) | Content::Refusal(text) => Piece::text(text),
            Content::Reasoning { text, .. } => {
                if ours.is_none() {
                    self.lose("messages[].reasoning_details");
                    return Ok(());
                }
                let mut piece = Piece::text(text);
                if !text.is_empty() {
                    push_member(&mut piece.members, "thought", "true");
                }
                piece
            }
            Content::ToolCall {
                id,
                name,
                arguments,
            } => self.call(id, name, arguments),
            Content::ToolResult { .. } => return self.result(&part.content, out),
            Content::Image { source, detail } => {
                if detail.as_ref().is_some_and(|detail| detail != "auto") {
                    self.lose("messages[].content[].image_url.detail");
                }
                Piece::of(&media(source, "image/jpeg")?)
            }
            Content::Audio { data, format } => {
                let source = Source::Base64 {
                    media_type: audio_type(format),
                    data: data.clone(),
                };
                Piece::of(&media(&source, "audio/wav")?)
            }
            Content::Video(source) => Piece::of(&media(source, "video/mp4")?),
            Content::File {
                source,
                filename,
                is_cited,
            } => {
                if *is_cited {
                    self.lose(CITATIONS);
                }
                self.file(source, filename.as_deref())?
            }
            Content::SearchResult(found) => {
                if found.is_cited {
                    self.lose(CITATIONS);
                }
                Piece::text(&found.to_text())
            }
        };
        if let Some(seal) = ours {
            piece.seal(&seal.value);
        }
        out.push(piece);
        Ok(())
    }

    /// A document, with its name where that can be said.
    fn file(&mut self, source: &Source, name: Option<&str>) -> Result<Piece, Error> {
        let otherwise = "application/pdf";
        let json = match (source.to_text(), name) {
            (Some(text), Some(name)) => return Ok(Piece::text(&format!("{name}:\n\n{text}"))),
            (_, Some(name)) if self.host.names_files => named(source, otherwise, name)?,
            (_, name) => {
                if name.is_some() {
                    self.lose("messages[].content[].file.filename");
                }
                media(source, otherwise)?
            }
        };
        Ok(Piece::of(&json))
    }

    fn call(&mut self, id: &str, name: &str, arguments: &str) -> Piece {
        self.called.push((id.to_owned(), name.to_owned()));
        let mut call = String::new();
        if !id.is_empty() {
            push_member(&mut call, "id", &quoted(id));
        }
        push_member(&mut call, "name", &quoted(name));
        let args = match serde_json::from_str::<Value>(arguments) {
            Ok(Value::Object(_)) => arguments.to_owned(),
            _ if arguments.trim().is_empty() => "{}".to_owned(),
            _ => {
                self.lose("messages[].tool_calls[].function.arguments");
                json!({ "arguments": arguments }).to_string()
            }
        };
        push_member(&mut call, "args", &args);
        let mut piece = Piece::of(&format!("{{\"functionCall\":{{{call}}}}}"));
        piece.is_call = true;
        piece
    }

    fn result(&mut self, content: &Content, out: &mut Vec<Piece>) -> Result<(), Error> {
        let Content::ToolResult {
            call_id,
            name,
            parts,
            is_error,
        } = content
        else {
            return Ok(());
        };
        let called = self.called.iter().rev().find(|(id, _)| id == call_id);
        let name = called.map(|(_, name)| name.as_str()).or(name.as_deref());
        let mut result = String::new();
        if !call_id.is_empty() {
            push_member(&mut result, "id", &quoted(call_id));
        }
        push_member(&mut result, "name", &quoted(name.unwrap_or("function")));
        let (texts, others): (Vec<&Part>, Vec<&Part>) = parts
            .iter()
            .partition(|part| part.content.words().is_some());
        for part in parts {
            self.name_lost(part);
        }
        push_member(&mut result, "response", &response(&texts, *is_error));
        let mut shown = Vec::new();
        for part in others {
            self.part(part, &mut shown)?;
        }
        if self.host.family.shows_results() && !shown.is_empty() {
            let shown = joined(&std::mem::take(&mut shown));
            push_member(&mut result, "parts", &format!("[{shown}]"));
        }
        out.push(Piece::of(&format!("{{\"functionResponse\":{{{result}}}}}")));
        // Older models see pictures only beside the result.
        out.append(&mut shown);
        Ok(())
    }

    /// The first call of each step must be sealed. Google looks only at the turn that is under way;
    /// earlier ones keep the word all the same, since what was said before must stay the beginning of
    /// what is said next: its caches go by that.
    fn mark_unsealed(&mut self) {
        if !self.host.family.demands_signatures() {
            return;
        }
        for content in &mut self.contents {
            let first = content.parts.iter_mut().find(|part| part.is_call);
            if let Some(first) = first.filter(|first| !first.is_sealed) {
                first.seal(SKIP);
            }
        }
    }
}

/// What a function answered, as an object.
fn response(texts: &[&Part], is_error: bool) -> String {
    let texts: Vec<_> = texts
        .iter()
        .filter_map(|part| part.content.words())
        .collect();
    let text = texts.join("\n");
    if is_error {
        return json!({ "error": text }).to_string();
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(_)) => text,
        _ => json!({ "output": text }).to_string(),
    }
}
