//! Reads one chunk, or one whole answer: events for who listens, edits for who forwards.
//!
//! One scan takes the top level apart, and smaller ones the few objects inside that matter. What
//! nobody here knows is not looked at and stays as it is.
//!
//! What is edited, because OpenRouter's clients rely on it: `id`, `model`, `provider` are ours;
//! `finish_reason` is the unified word with `native_finish_reason` beside it; reasoning under any
//! of its names appears as `reasoning` and in `reasoning_details` as well; `usage` is taken out;
//! members that strict schemas require are added, and nulls that they do not allow are removed.

use std::borrow::Cow;

use chat::{Error, Event, FinishReason, Reason, ServiceTier, Usage};

use super::telling::{self, Telling};
use super::{message, usage};
use crate::error::read_error;
use crate::finish::unify;
use crate::members::Members;
pub(crate) use crate::members::elements;
use crate::scan::{Span, ValueKind};
use crate::splice::{Edits, ObjectEdits, quoted};
use crate::stamp::Stamp;
use crate::track::{Listen, Tracker, Voice, all_of_object, broken, object_of, too_many};

/// Which of the two an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One frame of a stream.
    Chunk,
    /// A whole answer.
    Whole,
}

impl Form {
    const fn object(self) -> &'static str {
        match self {
            Self::Chunk => "chat.completion.chunk",
            Self::Whole => "chat.completion",
        }
    }
}

/// One walk over a chunk or an answer.
pub(super) struct Walk<'w, 'a> {
    pub(super) text: &'a str,
    pub(super) form: Form,
    pub(super) tracker: &'w mut Tracker,
    pub(super) listen: &'w mut Listen<'w>,
    pub(super) edits: Edits<'a>,
    /// Where everything is to be told, for who writes the answer in another dialect; who merely
    /// forwards it needs no more than what is counted.
    pub(super) telling: Option<&'w mut Telling>,
    /// Where the text of the last delta or message stands, if it is a string that says something.
    pub(super) word: Option<Span>,
}

/// Whether there is anything in a chunk for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Choices, or something else worth sending.
    Content,
    /// Nothing but usage and housekeeping.
    Housekeeping,
}

/// Top-level members that say nothing by themselves.
const HOUSEKEEPING: &[&str] = &[
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
    "system_fingerprint",
    "service_tier",
    "provider",
    "obfuscation",
    "x_groq",
    "error",
];

impl<'a> Walk<'_, 'a> {
    /// Walks a chunk or an answer, and stamps it.
    ///
    /// # Errors
    /// An error inside the answer, or an answer that makes no sense.
    pub(super) fn walk(&mut self, top: &Members<'a>, stamp: &Stamp) -> Result<Seen, Error> {
        refuse_errors(top, self.form)?;
        self.start(top);
        if let Some(telling) = &mut self.telling {
            telling.find_sources(top)?;
        }
        let mut stamped = ObjectEdits::new(top);
        let choices = top
            .get("choices")
            .filter(|member| member.kind == ValueKind::Array);
        let mut count = 0;
        if let Some(choices) = choices {
            let choices = Members::all_of(self.text, choices.value).map_err(too_many)?;
            for (position, choice) in choices.iter().enumerate() {
                self.choice(choice, position)?;
                count += 1;
            }
        }
        self.usage(top)?;
        if self.telling.is_none() {
            self.stamp(top, &mut stamped, stamp);
            stamped.commit(&mut self.edits);
        }
        let has_more = choices.is_some()
            && top.list.iter().any(|member| {
                member.kind != ValueKind::Null
                    && !HOUSEKEEPING.iter().any(|known| member.name.is(known))
            });
        Ok(if count > 0 || has_more {
            Seen::Content
        } else {
            Seen::Housekeeping
        })
    }

    fn start(&mut self, top: &Members<'a>) {
        let native_id = top.filled("id").map(|id| id.decode());
        if !self.tracker.is_started && (native_id.is_some() || top.present("choices").is_some()) {
            self.tracker.is_started = true;
            let native_model = top.filled("model").map(|model| model.decode());
            (self.listen)(Event::Start {
                native_id,
                native_model,
            });
        }
    }

    fn choice(&mut self, choice: &Members<'a>, position: usize) -> Result<(), Error> {
        if choice.present("error").is_some() {
            return Err(read_error(200, choice.span.of(self.text).as_bytes()));
        }
        let mut edited = ObjectEdits::new(choice);
        let index = match choice.count("index") {
            Some(index) => u32::try_from(index).unwrap_or(u32::MAX),
            None => {
                edited.set("index", position.to_string());
                u32::try_from(position).unwrap_or(u32::MAX)
            }
        };
        let body = match self.form {
            Form::Chunk => "delta",
            Form::Whole => "message",
        };
        match object_of(choice, body)? {
            Some(members) => message::read(self, index, &members)?,
            // Azure withholds the whole message when its filter strikes.
            None if self.form == Form::Whole && choice.filled("finish_reason").is_some() => {
                self.tracker.choice(index)?;
                edited.set("message", "{\"role\":\"assistant\",\"content\":null}");
            }
            None if self.form == Form::Whole => {
                return Err(broken(
                    "the provider answered with a choice that has no message",
                ));
            }
            None => {
                self.tracker.choice(index)?;
                edited.set("delta", "{}");
            }
        }
        telling::logprobs(self, index, choice)?;
        // Moonshot puts the usage of a stream inside its last choice.
        if let Some(usage) = all_of_object(choice, "usage")? {
            (self.listen)(Event::Usage(usage::read(&usage)));
            edited.remove("usage");
        }
        self.finish(index, choice, &mut edited)?;
        edited.commit(&mut self.edits);
        Ok(())
    }

    fn finish(
        &mut self,
        index: u32,
        choice: &Members<'a>,
        edited: &mut ObjectEdits<'_, 'a>,
    ) -> Result<(), Error> {
        let tracked = self.tracker.choice(index)?;
        let said = choice.filled("finish_reason");
        let own = choice.filled("native_finish_reason").or(said);
        let native = own.map(|word| word.decode().into_owned());
        let reason = match said {
            Some(word) => unify(&word.decode()),
            None if self.form == Form::Whole && tracked.is_empty() => {
                return Err(broken("the provider sent an empty answer"));
            }
            None if self.form == Form::Whole => Reason::Stop,
            None => {
                edited.set("finish_reason", "null");
                edited.set("native_finish_reason", "null");
                return Ok(());
            }
        };
        if reason == Reason::Error {
            let said = native.as_deref().unwrap_or_default();
            let error = broken(&format!("the provider broke its answer off: {said}"));
            // Whoever counts what is to be paid tells this from a connection that broke.
            (self.listen)(Event::Finish(index, FinishReason { reason, native }));
            return Err(error);
        }
        if let Some(telling) = &mut self.telling {
            telling.let_go(index, tracked, self.listen);
        }
        let reason = tracked.finish(reason, native.clone(), self.listen)?;
        edited.set("finish_reason", quoted(reason.name()));
        edited.set(
            "native_finish_reason",
            native.map_or("null".to_owned(), |word| quoted(&word)),
        );
        Ok(())
    }

    fn usage(&mut self, top: &Members<'a>) -> Result<(), Error> {
        let counts = match (all_of_object(top, "usage")?, object_of(top, "x_groq")?) {
            (None, Some(groq)) => all_of_object(&groq, "usage")?,
            (counts, _) => counts,
        };
        if let Some(members) = counts {
            let mut counted = usage::read(&members);
            // Perplexity counts its searches in the usage, xAI its sources; the rest say nothing.
            counted.native_cost_nanos = counted.native_cost_nanos.filter(|nanos| *nanos >= 0);
            (self.listen)(Event::Usage(counted));
        }
        // Some name the tier in every chunk, some only where nothing is counted.
        let tier = top.filled("service_tier").map(|tier| tier.decode());
        let service_tier = tier.and_then(|tier| ServiceTier::from_name(&tier));
        if service_tier.is_some() && self.tracker.service_tier != service_tier {
            self.tracker.service_tier = service_tier;
            let mut usage = Usage::default();
            usage.service_tier = service_tier;
            (self.listen)(Event::Usage(usage));
        }
        Ok(())
    }

    fn stamp(&self, top: &Members<'a>, stamped: &mut ObjectEdits<'_, 'a>, stamp: &Stamp) {
        stamped.set("id", quoted(&stamp.id));
        if !top
            .string("object")
            .is_some_and(|object| object.is(self.form.object()))
        {
            stamped.set("object", quoted(self.form.object()));
        }
        if created(top).is_none() {
            let whole = top.count("created").map(|created| created.to_string());
            stamped.set(
                "created",
                whole.unwrap_or_else(|| stamp.created.to_string()),
            );
        }
        stamped.set("model", quoted(&stamp.model));
        stamped.set("provider", quoted(&stamp.provider));
        let has_fingerprint = top.string("system_fingerprint").is_some();
        match self.form {
            Form::Chunk => {
                stamped.remove("usage");
                if !has_fingerprint {
                    stamped.remove("system_fingerprint");
                }
            }
            Form::Whole if !has_fingerprint => stamped.set("system_fingerprint", "null"),
            Form::Whole => {}
        }
        if top.get("error").is_some() {
            stamped.remove("error");
        }
    }
}

/// When the provider says the answer was made, if it says so in whole seconds.
pub(super) fn created(top: &Members<'_>) -> Option<i64> {
    top.number("created")
        .and_then(|seconds| seconds.parse().ok())
}

/// Providers put errors into 200 answers and streams, in the shapes of their error bodies.
fn refuse_errors(top: &Members<'_>, form: Form) -> Result<(), Error> {
    let error = top.present("error").is_some_and(|error| match error.kind {
        ValueKind::Object => error.value.of(top.text).len() > 2,
        ValueKind::String => top.filled("error").is_some(),
        ValueKind::Array | ValueKind::Number | ValueKind::Bool | ValueKind::Null => false,
    });
    let has_choices = top
        .get("choices")
        .is_some_and(|member| member.kind == ValueKind::Array);
    let looks_like_one = !has_choices
        && (top
            .string("object")
            .is_some_and(|object| object.is("error"))
            || top.string("type").is_some_and(|kind| kind.is("error"))
            || ["message", "detail", "errors"]
                .iter()
                .any(|name| top.present(name).is_some()));
    if error || looks_like_one {
        return Err(read_error(200, top.span.of(top.text).as_bytes()));
    }
    if form == Form::Whole && !has_choices {
        return Err(broken("the provider answered without choices"));
    }
    Ok(())
}

/// Takes an object inside a checked text apart.
pub(super) fn read<'a>(text: &'a str, span: Span) -> Result<Members<'a>, Error> {
    Members::of_span(text, span).map_err(too_many)
}

/// A JSON string out of text that already stands between quotes somewhere.
pub(super) fn requoted(raw: &str) -> String {
    format!("\"{raw}\"")
}

/// Says something to who listens, if it says anything.
pub(super) fn say<'a>(
    walk: &mut Walk<'_, 'a>,
    index: u32,
    voice: Voice,
    said: Cow<'a, str>,
) -> Result<(), Error> {
    let choice = walk.tracker.choice(index)?;
    if walk.telling.is_some() && !said.is_empty() {
        choice.hush(Some(voice), walk.listen);
    }
    choice.say(voice, said, walk.listen);
    Ok(())
}
