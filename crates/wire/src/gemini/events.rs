//! Reads one chunk, or one whole answer: events for who listens, stamps for who forwards.
//!
//! One scan takes the top level apart, and smaller ones the objects inside that matter. Names of
//! parts in answers are camel case always.

use std::borrow::Cow;

use chat::opaque::Format;
use chat::{Error, Event, FinishReason, Opaque, Reason, Seal};
use serde_json::Value;

use super::grounding::Grounding;
use super::logprobs;
use super::usage::Counts;
use crate::error::read_error;
use crate::finish::unify;
use crate::members::{Members, elements};
use crate::scan::{self, Span, ValueKind};
use crate::track::{Listen, Tracker, Voice, all_of_object, broken, check_all, object_of, too_many};

/// All that is remembered of one answer.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) tracker: Tracker,
    grounding: Grounding,
    counts: Counts,
    native_id: String,
    /// Choices whose open block was sealed: what comes next begins another one.
    sealed: Vec<u32>,
    /// Whether a choice has ended, or the prompt was refused.
    pub(super) has_finish: bool,
    /// Whether all is told, for who writes the answer in another dialect.
    is_told: bool,
}

/// Text of a provider as JSON text.
pub(super) fn text(data: &[u8]) -> Result<&str, Error> {
    scan::text(data).map_err(malformed)
}

fn malformed(error: scan::Malformed) -> Error {
    broken("the provider sent malformed JSON").with_detail(error.to_string())
}

/// The top level of an answer; some gateways wrap it in an array of one.
pub(super) fn top(text: &str) -> Result<Members<'_>, Error> {
    Members::of_text(text).map_err(malformed)
}

fn inner<'a>(text: &'a str, span: Span) -> Result<Members<'a>, Error> {
    Members::of_span(text, span).map_err(too_many)
}

impl Heard {
    /// An answer of which all is told, for who writes it in another dialect.
    pub(super) fn told() -> Self {
        Self {
            is_told: true,
            ..Self::default()
        }
    }

    /// Hears a chunk or an answer.
    ///
    /// # Errors
    /// An error inside the answer, or an answer that makes no sense.
    pub(super) fn hear(&mut self, top: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        if top.present("error").is_some() {
            return Err(read_error(200, top.span.of(top.text).as_bytes()));
        }
        self.start(top, listen);
        let list = top
            .get("candidates")
            .filter(|member| member.kind == ValueKind::Array);
        let spans = list.map_or_else(Vec::new, |list| elements(top.text, list.value));
        for (position, span) in spans.into_iter().enumerate() {
            self.candidate(&inner(top.text, span)?, position, listen)?;
        }
        if let Some(report) = all_of_object(top, "usageMetadata")? {
            let mut usage = self.counts.read(&report);
            let searches = self.grounding.searches();
            if searches > 0 {
                usage.set(chat::Unit::WebSearch, searches);
            }
            listen(Event::Usage(usage));
        }
        self.refused(top, listen)
    }

    fn start(&mut self, top: &Members<'_>, listen: &mut Listen<'_>) {
        let native_id = top.filled("responseId").map(|id| id.decode());
        let native_model = top.filled("modelVersion").map(|model| model.decode());
        if self.tracker.is_started || (native_id.is_none() && top.get("candidates").is_none()) {
            return;
        }
        self.tracker.is_started = true;
        if let Some(id) = &native_id {
            self.native_id = id.chars().filter(|letter| is_plain(*letter)).collect();
        }
        if let Some(model) = &native_model {
            self.grounding.know_model(model);
        }
        listen(Event::Start {
            native_id,
            native_model,
        });
    }

    /// A prompt that was refused has no candidates: the answer is that it was refused.
    fn refused(&mut self, top: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        let Some(feedback) = object_of(top, "promptFeedback")? else {
            return Ok(());
        };
        let reason = feedback.get("blockReason").map(|it| it.value.of(top.text));
        let Some(reason) = reason.filter(|_| self.tracker.choices.is_empty()) else {
            return Ok(());
        };
        let native = Some(reason.trim_matches('"').to_owned());
        self.has_finish = true;
        let choice = self.tracker.choice(0)?;
        choice.finish(Reason::ContentFilter, native, listen)?;
        Ok(())
    }

    fn candidate(
        &mut self,
        candidate: &Members<'_>,
        position: usize,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let index = match candidate.count("index") {
            Some(index) => u32::try_from(index).unwrap_or(u32::MAX),
            None => u32::try_from(position).unwrap_or(u32::MAX),
        };
        self.tracker.choice(index)?;
        let content = object_of(candidate, "content")?;
        let parts = content.as_ref().and_then(|content| {
            let list = content.get("parts")?;
            (list.kind == ValueKind::Array).then(|| elements(content.text, list.value))
        });
        let mut tokens = logprobs::read(candidate)?.filter(|_| self.is_told);
        for span in parts.unwrap_or_default() {
            self.part(index, &inner(candidate.text, span)?, listen)?;
            self.rate(index, &mut tokens, listen)?;
        }
        self.rate(index, &mut tokens, listen)?;
        if tokens.is_some() {
            listen(Event::Unsaid("candidates[].logprobsResult".into()));
        }
        if self.is_told && candidate.present("urlContextMetadata").is_some() {
            listen(Event::Unsaid("urlContextMetadata".into()));
        }
        if let Some(grounding) = object_of(candidate, "groundingMetadata")? {
            self.grounding.read(&grounding);
            if self.is_told {
                check_all(&grounding)?;
                let choice = self.tracker.choice(index)?;
                self.grounding.tell(index, choice, &grounding, listen);
            }
        }
        self.finish(index, candidate, listen)
    }

    /// Tells the probabilities of a candidate's tokens once its text has begun, and while that goes on.
    fn rate(
        &mut self,
        index: u32,
        tokens: &mut Option<Value>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        if let Some(text) = self.tracker.choice(index)?.block_of(Voice::Text)
            && let Some(tokens) = tokens.take()
        {
            listen(Event::Logprobs(text, tokens));
        }
        Ok(())
    }

    fn finish(
        &mut self,
        index: u32,
        candidate: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let Some(said) = candidate.present("finishReason") else {
            return Ok(());
        };
        let word = match said.value.of(candidate.text).trim_matches('"') {
            // Some clients and hosts write the enumeration's numbers.
            "1" => "STOP",
            "2" => "MAX_TOKENS",
            "3" => "SAFETY",
            "4" => "RECITATION",
            other => other,
        };
        if matches!(word, "" | "0" | "FINISH_REASON_UNSPECIFIED") {
            return Ok(());
        }
        self.has_finish = true;
        let choice = self.tracker.choice(index)?;
        choice.finish(unify(word), Some(word.to_owned()), listen)?;
        Ok(())
    }

    fn part(
        &mut self,
        index: u32,
        part: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let is_thought = part
            .get("thought")
            .is_some_and(|thought| thought.value.of(part.text) == "true");
        let seal = part
            .filled("thoughtSignature")
            .filter(|_| self.is_told)
            .map(|it| Opaque {
                format: Format::GoogleGemini,
                seal: Seal::Signature,
                value: it.decode().into_owned(),
                id: None,
            });
        if let Some(said) = part.string("text") {
            let voice = if is_thought {
                Voice::Reasoning
            } else {
                Voice::Text
            };
            return self.say(index, voice, (said.decode(), seal), listen);
        }
        if let Some(call) = object_of(part, "functionCall")? {
            return self.call(index, &call, seal, listen);
        }
        if let Some(inline) = object_of(part, "inlineData")?.filter(|_| !is_thought) {
            return self.media(index, &inline, seal, listen);
        }
        let names = part.list.iter().map(|member| member.name.decode());
        let mut names = names.filter(|name| name != "thought" && name != "thoughtSignature");
        match (names.next(), seal) {
            (Some(name), _) => {
                // Whoever waits for a first word is told that something has come.
                self.tracker.choice(index)?.begin(Voice::Text, listen);
                let name = Cow::Owned(format!("candidates[].content.parts[].{name}"));
                listen(Event::Unsaid(name));
                Ok(())
            }
            (None, seal) => {
                let voice = if is_thought {
                    Voice::Reasoning
                } else {
                    Voice::Text
                };
                self.say(index, voice, ("".into(), seal), listen)
            }
        }
    }

    /// A seal is the last word of its block, so that none covers another.
    fn say(
        &mut self,
        index: u32,
        voice: Voice,
        (said, seal): (Cow<'_, str>, Option<Opaque>),
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        if said.is_empty() && seal.is_none() {
            return Ok(());
        }
        let is_sealed = self.unseal(index);
        let choice = self.tracker.choice(index)?;
        choice.hush(Some(voice).filter(|_| !is_sealed), listen);
        if self.is_told && matches!(voice, Voice::Text) {
            self.grounding.add_text(index, &said);
        }
        choice.say(voice, said, listen);
        if let Some(seal) = seal {
            choice.seal(voice, seal, listen);
            self.sealed.push(index);
        }
        Ok(())
    }

    /// Whether the open block of a choice was sealed.
    fn unseal(&mut self, index: u32) -> bool {
        let before = self.sealed.len();
        self.sealed.retain(|sealed| *sealed != index);
        self.sealed.len() < before
    }

    /// A call comes whole, unless the caller asked for its arguments in pieces; then it is left open
    /// until it does not go on.
    fn call(
        &mut self,
        index: u32,
        call: &Members<'_>,
        seal: Option<Opaque>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let goes_on = call
            .get("willContinue")
            .is_some_and(|it| it.value.of(call.text) == "true");
        let name = call.filled("name").map(|name| name.decode());
        self.unseal(index);
        let choice = self.tracker.choice(index)?;
        let count = choice.call_count();
        let Some(name) = name else {
            // The end of a call, or a piece of it.
            if !goes_on && count > 0 {
                choice.add_arguments(count - 1, "}".into(), listen);
            }
            return Ok(());
        };
        choice.hush(None, listen);
        let id = match call.filled("id") {
            Some(id) => id.decode().into_owned(),
            // Unique in the conversation, since ids of answers are.
            None => format!("call_{}_{index}_{count}", self.native_id),
        };
        let position = u64::try_from(count).ok();
        let call_at = choice.call(position, &id, &name, listen)?;
        let arguments = match call.get("args") {
            Some(args) if args.kind == ValueKind::Object => args.value.of(call.text),
            _ if goes_on => "{",
            _ => "{}",
        };
        choice.add_arguments(call_at, arguments.into(), listen);
        if let (Some(seal), Some(block)) = (seal, choice.block_of_call(&id)) {
            listen(Event::Sealed(block, seal));
        }
        choice.hush(None, listen);
        Ok(())
    }

    fn media(
        &mut self,
        index: u32,
        inline: &Members<'_>,
        seal: Option<Opaque>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let text = |name: &str| {
            inline
                .string(name)
                .map(|it| it.decode())
                .unwrap_or_default()
        };
        let (media_type, data) = (text("mimeType"), text("data"));
        // In the other lane nobody wants the bytes.
        let data = if self.is_told { data } else { "".into() };
        self.unseal(index);
        let choice = self.tracker.choice(index)?;
        if media_type.starts_with("audio/") {
            choice.hush(Some(Voice::Audio), listen);
            choice.begin(Voice::Audio, listen);
            choice.say(Voice::Audio, data, listen);
            return Ok(());
        }
        choice.hush(None, listen);
        choice.show_sealed_image((media_type, data), seal, listen);
        Ok(())
    }
}

const fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

/// Why an answer ended, as a reader of this dialect tells it: used where a writer needs Google's word.
pub(super) fn native_word(finish: &FinishReason) -> &str {
    const WORDS: &[&str] = &[
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "IMAGE_SAFETY",
    ];
    if let Some(word) = finish.native.as_deref().filter(|word| WORDS.contains(word)) {
        return word;
    }
    match finish.reason {
        Reason::Stop | Reason::ToolCalls => "STOP",
        Reason::Length => "MAX_TOKENS",
        Reason::ContentFilter => "SAFETY",
        Reason::Error => "OTHER",
    }
}
