//! An answer told once more: the answer to another call, with its own id and time, and nothing counted.
//!
//! What a caller was told is kept as it went out; whoever asks the same again is told it again. Of each
//! object only three things change: our id and the time are those of the new call, and everything that
//! was counted is zero, in whatever shape the dialect counts. `openrouter_metadata` is left out: it says
//! how another call was routed. Source: section 15 of our digest of OpenRouter's API.

use bytes::Bytes;
use chat::Dialect;

use crate::members::{Members, elements};
use crate::scan::{Malformed, Scanner, Span, ValueKind, text};
use crate::splice::{Edits, ObjectEdits, quoted};

/// How one dialect writes what is replaced.
struct Shape {
    /// The member of a stream's event that holds the answer; absent where every event is one.
    holder: Option<&'static str>,
    /// Where our id stands.
    id: &'static str,
    /// Where times stand, seconds since 1970.
    times: &'static [&'static str],
    /// What was counted, in tokens and in money.
    counts: &'static [&'static str],
}

const CHAT: Shape = Shape {
    holder: None,
    id: "id",
    times: &["created"],
    counts: &["usage"],
};

const RESPONSES: Shape = Shape {
    holder: Some("response"),
    id: "id",
    times: &["created_at", "completed_at"],
    counts: &["usage"],
};

const MESSAGES: Shape = Shape {
    holder: Some("message"),
    id: "id",
    times: &[],
    counts: &["usage"],
};

const GEMINI: Shape = Shape {
    holder: None,
    id: "responseId",
    times: &[],
    counts: &["usageMetadata", "cost"],
};

/// The member that says how a call was routed.
const ROUTE: &str = "openrouter_metadata";

/// The shape of the answers that are kept; the other doors have no response cache.
const fn shape(dialect: Dialect) -> Option<&'static Shape> {
    match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiEmbeddings => Some(&CHAT),
        Dialect::OpenaiResponses => Some(&RESPONSES),
        Dialect::AnthropicMessages => Some(&MESSAGES),
        Dialect::Gemini => Some(&GEMINI),
        Dialect::Vertex
        | Dialect::BedrockConverse
        | Dialect::AzureOpenai
        | Dialect::Cohere
        | Dialect::OpenaiCompletions
        | Dialect::Rerank => None,
    }
}

/// Whether answers of a dialect can be told again.
#[must_use]
pub const fn can_replay(dialect: Dialect) -> bool {
    shape(dialect).is_some()
}

/// The call that is told an answer once more.
#[derive(Debug, Clone, Copy)]
pub struct Again<'a> {
    /// The dialect of the answer.
    pub dialect: Dialect,
    /// The generation id of the new call.
    pub id: &'a str,
    /// When that began, seconds since 1970 UTC.
    pub created: i64,
}

impl Again<'_> {
    /// A whole answer, told again.
    ///
    /// # Errors
    /// When it is no answer of the dialect; nothing that went out as one is that.
    pub fn whole(&self, answer: &[u8]) -> Result<Bytes, Malformed> {
        let shape = self.shape()?;
        let answer = text(answer)?;
        let top = Members::of_text(answer)?;
        let mut edits = Edits::default();
        forget_route(&top, &mut edits);
        self.stamp(&top, shape, &mut edits)?;
        Ok(edits.apply(answer, "", ""))
    }

    /// A whole stream, told again without the comments that kept it alive: server-sent events, or
    /// (Gemini) one array.
    ///
    /// # Errors
    /// As for [`Again::whole`].
    pub fn stream(&self, answer: &[u8]) -> Result<Bytes, Malformed> {
        let answer = text(answer)?;
        let mut edits = Edits::default();
        if answer.trim_start().starts_with('[') {
            let all = Span {
                start: 0,
                end: answer.len(),
            };
            for event in elements(answer, all) {
                self.event(answer, event, &mut edits)?;
            }
            return Ok(edits.apply(answer, "", ""));
        }
        let mut start = 0;
        let mut was_comment = false;
        for line in answer.split_inclusive('\n') {
            let end = start + line.len();
            let is_blank = line.trim_end().is_empty();
            if line.starts_with(':') || (was_comment && is_blank) {
                edits.remove(Span { start, end });
            } else if let Some(said) = line.strip_prefix("data:")
                && said.trim_start().starts_with('{')
            {
                let object = said.trim();
                let start = start + line.len() - said.trim_start().len();
                let end = start + object.len();
                self.event(answer, Span { start, end }, &mut edits)?;
            }
            was_comment = line.starts_with(':');
            start = end;
        }
        Ok(edits.apply(answer, "", ""))
    }

    fn shape(&self) -> Result<&'static Shape, Malformed> {
        shape(self.dialect).ok_or(Malformed {
            at: 0,
            expected: "a dialect whose answers can be told again",
        })
    }

    /// One event of a stream.
    fn event(&self, answer: &str, at: Span, edits: &mut Edits<'_>) -> Result<(), Malformed> {
        let shape = self.shape()?;
        let top = Members::of_span(answer, at)?;
        forget_route(&top, edits);
        let Some(holder) = shape.holder else {
            return self.stamp(&top, shape, edits);
        };
        count_nothing(&top, shape, edits)?;
        match top.object(holder) {
            Some(held) => self.stamp(&held, shape, edits),
            None => Ok(()),
        }
    }

    /// Puts our id and time into an answer, and takes out what was counted.
    fn stamp(
        &self,
        answer: &Members<'_>,
        shape: &Shape,
        edits: &mut Edits<'_>,
    ) -> Result<(), Malformed> {
        for member in &answer.list {
            if member.name.is(shape.id) {
                edits.replace(member.value, quoted(self.id));
            }
            let is_time = shape.times.iter().any(|name| member.name.is(name));
            if is_time && member.kind == ValueKind::Number {
                edits.replace(member.value, self.created.to_string());
            }
        }
        count_nothing(answer, shape, edits)
    }
}

fn forget_route(top: &Members<'_>, edits: &mut Edits<'_>) {
    if top.get(ROUTE).is_some() {
        let mut object = ObjectEdits::new(top);
        object.remove(ROUTE);
        object.commit(edits);
    }
}

fn count_nothing(
    holder: &Members<'_>,
    shape: &Shape,
    edits: &mut Edits<'_>,
) -> Result<(), Malformed> {
    for member in &holder.list {
        if shape.counts.iter().any(|name| member.name.is(name)) {
            zero(holder.text, member.value, edits)?;
            no_cost(member.name.is("cost"), (member.kind, member.value), edits);
        }
    }
    Ok(())
}

/// Sets every number within a value to 0, and costs that nobody knew as well: this one is known.
fn zero(text: &str, at: Span, edits: &mut Edits<'_>) -> Result<(), Malformed> {
    let mut scanner = Scanner::within(text, at);
    match scanner.peek()? {
        ValueKind::Number => edits.replace(at, "0"),
        ValueKind::Object => {
            scanner.object(|scanner, name| {
                let kind = scanner.peek()?;
                let value = scanner.skip()?;
                no_cost(name.is("cost"), (kind, value), edits);
                zero(text, value, edits)
            })?;
        }
        ValueKind::Array => {
            scanner.array(|scanner, _| {
                let value = scanner.skip()?;
                zero(text, value, edits)
            })?;
        }
        ValueKind::String | ValueKind::Bool | ValueKind::Null => {}
    }
    Ok(())
}

fn no_cost(is_cost: bool, (kind, value): (ValueKind, Span), edits: &mut Edits<'_>) {
    if is_cost && kind == ValueKind::Null {
        edits.replace(value, "0");
    }
}
