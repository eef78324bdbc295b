//! The ways from a caller's dialect to a provider's, as one table.

use chat::request::{Message, Part, Role};
use chat::{Dialect, Error, Kind, Request};

use crate::anthropic_messages::AnthropicMessages;
use crate::bedrock::BedrockConverse;
use crate::codec::{Asked, Door, Inbound, Outbound, Plain, Reader, Tap, Transparent};
use crate::cohere::Cohere;
use crate::continuation::{GoesOn, Telling, Told};
use crate::frame::Framing;
use crate::gemini::Gemini;
use crate::incoming::{Beside, Incoming};
use crate::openai_chat::OpenaiChat;
use crate::openai_completions::OpenaiCompletions;
use crate::openai_responses::OpenaiResponses;
use crate::outgoing::{Outgoing, Written};
use crate::plain::{embeddings, rerank};
use crate::translation::Translation;

/// The dialects in which a provider can be asked.
pub const SENDABLE: &[Dialect] = &[
    Dialect::OpenaiChat,
    Dialect::OpenaiResponses,
    Dialect::AnthropicMessages,
    Dialect::BedrockConverse,
    Dialect::AzureOpenai,
    Dialect::Gemini,
    Dialect::Vertex,
    Dialect::Cohere,
];

/// Where callers are heard.
const DOORS: &[(Dialect, &dyn Door)] = &[
    (Dialect::OpenaiChat, &OpenaiChat),
    (Dialect::OpenaiResponses, &OpenaiResponses),
    (Dialect::OpenaiEmbeddings, &embeddings::OpenaiEmbeddings),
    (Dialect::Rerank, &rerank::Rerank),
    (Dialect::OpenaiCompletions, &OpenaiCompletions),
    (Dialect::AnthropicMessages, &AnthropicMessages),
    (Dialect::Gemini, &Gemini::EVENTS),
];

/// What callers' conversations are read from, and written in.
const INBOUND: &[(Dialect, &dyn Inbound)] = &[
    (Dialect::OpenaiChat, &OpenaiChat),
    (Dialect::OpenaiResponses, &OpenaiResponses),
    (Dialect::OpenaiCompletions, &OpenaiCompletions),
    (Dialect::AnthropicMessages, &AnthropicMessages),
    (Dialect::Gemini, &Gemini::EVENTS),
];

/// What providers are asked in.
const OUTBOUND: &[(Dialect, &dyn Outbound)] = &[
    (Dialect::OpenaiChat, &OpenaiChat),
    (Dialect::OpenaiResponses, &OpenaiResponses),
    (Dialect::AnthropicMessages, &AnthropicMessages),
    (Dialect::Gemini, &Gemini::EVENTS),
    (Dialect::BedrockConverse, &BedrockConverse),
    (Dialect::Cohere, &Cohere),
];

/// What is passed on as it is.
const TRANSPARENT: &[(Dialect, &dyn Transparent)] = &[
    (Dialect::OpenaiChat, &OpenaiChat),
    (Dialect::OpenaiResponses, &OpenaiResponses),
    (Dialect::AnthropicMessages, &AnthropicMessages),
    (Dialect::Gemini, &Gemini::EVENTS),
];

/// What is no conversation: from a caller's dialect to a provider's.
const PLAIN: &[((Dialect, Dialect), &dyn Plain)] = &[
    (
        (Dialect::OpenaiEmbeddings, Dialect::OpenaiChat),
        &embeddings::Host,
    ),
    (
        (Dialect::OpenaiEmbeddings, Dialect::Cohere),
        &embeddings::Cohere,
    ),
    (
        (Dialect::OpenaiEmbeddings, Dialect::Gemini),
        &embeddings::Gemini,
    ),
    ((Dialect::Rerank, Dialect::OpenaiChat), &rerank::Rerank),
    ((Dialect::Rerank, Dialect::Cohere), &rerank::Rerank),
];

/// The row of a table.
fn row<K: PartialEq, T: ?Sized>(table: &[(K, &'static T)], key: &K) -> Option<&'static T> {
    let row = table.iter().find(|(known, _)| known == key);
    row.map(|(_, found)| *found)
}

/// The door where a dialect is spoken; `None` for dialects that only providers speak.
#[must_use]
pub fn door(dialect: Dialect) -> Option<&'static dyn Door> {
    row(DOORS, &dialect)
}

/// What a conversation of callers is read from; `None` where there are none.
pub(crate) fn inbound(dialect: Dialect) -> Option<&'static dyn Inbound> {
    row(INBOUND, &dialect)
}

/// Reads a provider's answer in a dialect, for someone who only listens; `None` where nobody can.
#[must_use]
pub fn reader(body: Dialect) -> Option<Box<dyn Reader>> {
    row(OUTBOUND, &body).map(Outbound::reader)
}

/// The door for one request: a dialect may have another one for another form of streams.
#[must_use]
pub fn door_beside(dialect: Dialect, beside: &Beside) -> Option<&'static dyn Door> {
    match (dialect, beside.as_array) {
        (Dialect::Gemini, true) => Some(&Gemini::ARRAY),
        _ => door(dialect),
    }
}

/// How a call gets from its caller's dialect to a provider's, and its answer back.
#[derive(Clone, Copy)]
pub enum Lane {
    /// The bytes travel; what frames them may differ.
    Same(&'static dyn Transparent, Framing),
    /// Read into the vocabulary and written out of it, both ways.
    Translated(&'static dyn Inbound, &'static dyn Outbound, Framing),
    /// Neither is a conversation.
    Plain(&'static dyn Plain),
}

/// How a provider frames its streams.
#[must_use]
pub const fn framing(to: Dialect, body: Dialect) -> Framing {
    match (to, body) {
        (Dialect::BedrockConverse, Dialect::BedrockConverse) => Framing::EventStream,
        (Dialect::BedrockConverse, _) => Framing::EventStreamOfBytes,
        _ => Framing::Sse,
    }
}

/// The lane from a caller's dialect to a provider's, which is sent a body of perhaps another (see
/// [`Dialect::body_for`]); `None` where there is none.
#[must_use]
pub fn lane(from: Dialect, to: Dialect, body: Dialect) -> Option<Lane> {
    if let Some(plain) = row(PLAIN, &(from, body)) {
        return Some(Lane::Plain(plain));
    }
    let framing = framing(to, body);
    if from == body {
        return row(TRANSPARENT, &from).map(|same| Lane::Same(same, framing));
    }
    translation(from, to, body)
}

/// The lane in which everything is read and written anew, even where the bytes could travel: the one
/// of answers that another provider may go on with.
#[must_use]
pub fn translation(from: Dialect, to: Dialect, body: Dialect) -> Option<Lane> {
    Some(Lane::Translated(
        row(INBOUND, &from)?,
        row(OUTBOUND, &body)?,
        framing(to, body),
    ))
}

impl Lane {
    /// The request for one endpoint.
    ///
    /// # Errors
    /// What cannot be said in its dialect and must not be dropped.
    pub fn write(
        &self,
        (body, request): (&[u8], &Incoming),
        to: &Outgoing<'_>,
    ) -> Result<Written, Error> {
        match self {
            Self::Same(dialect, _) => dialect.splice((body, request), to),
            Self::Plain(plain) => plain.write((body, request), to),
            Self::Translated(from, into, _) => {
                let mut parsed = from.parse(body, request)?;
                take_native((body, request), *into, &mut parsed);
                say(*into, parsed, to)
            }
        }
    }

    /// The request to go on with a text that was said of the answer so far; the same as ever where
    /// that is nothing but blanks.
    ///
    /// # Errors
    /// As for [`Lane::write`], and where nothing can be gone on with: outside translation, and where
    /// the caller itself has begun the answer.
    pub fn write_on(
        &self,
        (body, request): (&[u8], &Incoming),
        said: &str,
        to: &Outgoing<'_>,
    ) -> Result<Written, Error> {
        let cannot = || Error::gateway(Kind::Server, "this answer cannot be gone on with");
        let Self::Translated(from, into, _) = self else {
            return Err(cannot());
        };
        let mut parsed = from.parse(body, request)?;
        take_native((body, request), *into, &mut parsed);
        let said = said.trim_end();
        if said.is_empty() {
            return say(*into, parsed, to);
        }
        let last = parsed.messages.last().map(|message| message.role);
        if last == Some(Role::Assistant) {
            return Err(cannot());
        }
        let text = Part::text(said);
        let begun = Message::new(Role::Assistant, vec![text]);
        parsed.messages.push(begun);
        parsed.goes_on = true;
        say(*into, parsed, to)
    }

    /// Listens to an answer that another provider may go on with; `None` outside translation.
    #[must_use]
    pub fn tap_told(&self, asked: &Asked<'_>) -> Option<(Box<dyn Tap>, Told)> {
        let Self::Translated(from, into, _) = self else {
            return None;
        };
        let told = Told::new(from.writer(asked));
        let tap = Telling::first(into.reader(), told.clone());
        Some((Box::new(tap), told))
    }

    /// Listens to an answer that goes on with what was told; `None` outside translation.
    #[must_use]
    pub fn tap_on(&self, told: &Told, how: GoesOn) -> Option<Box<dyn Tap>> {
        let Self::Translated(_, into, _) = self else {
            return None;
        };
        Some(Box::new(Telling::next(into.reader(), told, how)))
    }

    /// The question how many tokens a prompt is, where it can be put to one endpoint in this lane.
    ///
    /// # Errors
    /// What cannot be said in its dialect and must not be dropped.
    pub fn write_count(
        &self,
        asked: (&[u8], &Incoming),
        to: &Outgoing<'_>,
    ) -> Result<Option<Written>, Error> {
        match self {
            Self::Same(dialect, _) => dialect.splice_count(asked, to),
            Self::Translated(from, into, _) => {
                let mut parsed = from.parse(asked.0, asked.1)?;
                take_native(asked, *into, &mut parsed);
                into.write_count(&parsed, to)
            }
            Self::Plain(_) => Ok(None),
        }
    }

    /// The answer to that question; `None` when it is none.
    #[must_use]
    pub fn read_count(&self, body: &[u8]) -> Option<u64> {
        match self {
            Self::Same(dialect, _) => dialect.read_count(body),
            Self::Translated(_, into, _) => into.read_count(body),
            Self::Plain(_) => None,
        }
    }

    /// Listens to one answer, and makes it into what the caller is to see.
    #[must_use]
    pub fn tap(&self, asked: &Asked<'_>) -> Box<dyn Tap> {
        match self {
            Self::Same(dialect, _) => dialect.tap(asked),
            Self::Plain(plain) => plain.tap(asked),
            Self::Translated(from, into, _) => {
                Box::new(Translation::new(into.reader(), from.writer(asked)))
            }
        }
    }

    /// How the provider's stream is framed.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        match self {
            Self::Same(_, framing) | Self::Translated(_, _, framing) => *framing,
            Self::Plain(_) => Framing::Sse,
        }
    }
}

/// Takes what the caller said in words of the dialect that is written, which the caller's own reader
/// has named as unsaid.
fn take_native((body, request): (&[u8], &Incoming), into: &dyn Outbound, parsed: &mut Request) {
    let names = into.own_fields();
    let is_own = |name: &String| names.contains(&name.as_str());
    let Ok(text) = std::str::from_utf8(body) else {
        return;
    };
    if !parsed.unsaid.iter().any(is_own) {
        return;
    }
    let members = request.members(text);
    let (own, unsaid) = std::mem::take(&mut parsed.unsaid)
        .into_iter()
        .partition(is_own);
    parsed.unsaid = unsaid;
    for name in own {
        let value = members.present(&name).map(|member| member.value.of(text));
        match value.map(serde_json::from_str) {
            Some(Ok(value)) => parsed.native.push((name, value)),
            _ => parsed.unsaid.push(name),
        }
    }
}

/// Writes a request, and names what its caller said and the vocabulary could not.
fn say(into: &dyn Outbound, mut request: Request, to: &Outgoing<'_>) -> Result<Written, Error> {
    let unsaid = std::mem::take(&mut request.unsaid);
    let mut written = into.write(&request, to)?;
    for name in unsaid {
        if !written.dropped.contains(&name) {
            written.dropped.push(name);
        }
    }
    Ok(written)
}
