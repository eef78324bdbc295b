//! Reads a provider's answer, streamed or whole: one dispatch on the type of an event.

use chat::event::BlockIndex;
use chat::{Error, Event, Reason};
use serde_json::Value;

use super::{citations, logprobs, usage};
use crate::codec::{Listen, Reader};
use crate::error::read_error;
use crate::finish::unify;
use crate::frame::Frame;
use crate::members::Members;
use crate::scan::{self, Malformed};
use crate::track::{Choice, Tracker, Voice, all_of_object, broken, object_of, too_many};

/// Reads one answer.
#[derive(Debug, Default)]
pub(super) struct ChatReader {
    tracker: Tracker,
    /// The text that citations are about, once there is one.
    text: Option<BlockIndex>,
    /// The content or plan that is being said: another one begins a block of its own.
    speaking: Option<Speaking>,
    is_done: bool,
}

/// What is being said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaking {
    Plan,
    Content(u64),
}

impl Reader for ChatReader {
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<bool, Error> {
        let data = frame.data.trim_ascii();
        if data.is_empty() || data == b"[DONE]" {
            return Ok(self.is_done);
        }
        let text = scan::text(data).map_err(malformed)?;
        let top = Members::of_text(text).map_err(malformed)?;
        self.event(&top, listen)?;
        Ok(self.is_done)
    }

    fn end(&mut self, _listen: &mut Listen<'_>) -> Result<(), Error> {
        self.tracker.check_whole(self.is_done)
    }

    fn whole(&mut self, body: &[u8], listen: &mut Listen<'_>) -> Result<(), Error> {
        let text = scan::text(body).map_err(malformed)?;
        let top = Members::of_text(text).map_err(malformed)?;
        let Some(message) = object_of(&top, "message")? else {
            return Err(match top.present("message") {
                Some(_) => read_error(200, body),
                None => broken("the provider answered without a message"),
            });
        };
        self.start(&top, listen)?;
        self.message(&message, logprobs::read(&top, ""), listen)?;
        if let Some(counted) = all_of_object(&top, "usage")? {
            listen(Event::Usage(usage::read(&counted)));
        }
        if self.choice()?.is_empty() && top.filled("finish_reason").is_none() {
            return Err(broken("the provider sent an empty answer"));
        }
        self.finish(&top, listen)?;
        self.tracker.check_whole(true)
    }
}

impl ChatReader {
    fn choice(&mut self) -> Result<&mut Choice, Error> {
        self.tracker.choice(0)
    }

    fn event(&mut self, top: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        let delta = object_of(top, "delta")?;
        let message = within(delta.as_ref(), "message")?;
        let part = |name: &str| within(message.as_ref(), name);
        let index = top.count("index").unwrap_or(0);
        let kind = top.string("type").map(|kind| kind.decode());
        match kind.as_deref() {
            Some("content-start" | "content-delta") => {
                if let Some(content) = part("content")? {
                    self.content(Speaking::Content(index), &content, listen)?;
                    let said = content.string("text").map(|said| said.decode());
                    let tokens = logprobs::read(top, said.as_deref().unwrap_or_default());
                    self.rate(tokens, said.is_some(), listen);
                }
            }
            Some("tool-call-start") => {
                if let Some(call) = part("tool_calls")? {
                    self.call(index, &call, listen)?;
                }
            }
            Some("tool-call-delta") => {
                let function = within(part("tool_calls")?.as_ref(), "function")?;
                if let Some(said) = function.as_ref().and_then(|it| it.filled("arguments")) {
                    let choice = self.choice()?;
                    if !choice.knows_call(Some(index), "") {
                        return Err(broken("the provider spoke on in a call that is not open"));
                    }
                    let call = choice.call(Some(index), "", "", listen)?;
                    choice.add_arguments(call, said.decode(), listen);
                }
            }
            Some("tool-plan-delta") => {
                if let Some(said) = message.as_ref().and_then(|it| it.filled("tool_plan")) {
                    self.say(Speaking::Plan, Voice::Text, said.decode(), listen)?;
                }
            }
            Some("citation-start") => {
                if let (Some(citation), Some(text)) = (part("citations")?, self.text) {
                    citations::tell(text, &citation, listen).map_err(too_many)?;
                }
            }
            Some("message-start") => {
                self.start(top, listen)?;
                if let Some(message) = &message {
                    self.message(message, None, listen)?;
                }
            }
            Some("message-end") => self.end_of_message(delta.as_ref(), listen)?,
            Some("content-end" | "tool-call-end" | "citation-end") => {}
            Some(other) => {
                let name = format!("event.{other}");
                listen(Event::Unsaid(name.into()));
            }
            // What is no event is an error that took the place of one.
            None => return Err(read_error(200, top.span.of(top.text).as_bytes())),
        }
        Ok(())
    }

    fn start(&mut self, top: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        self.choice()?;
        if !self.tracker.is_started {
            self.tracker.is_started = true;
            listen(Event::Start {
                native_id: top.filled("id").map(|id| id.decode()),
                native_model: None,
            });
        }
        Ok(())
    }

    /// Says more of what is being said; something else ends it.
    fn say(
        &mut self,
        speaking: Speaking,
        voice: Voice,
        said: std::borrow::Cow<'_, str>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        if said.is_empty() {
            return Ok(());
        }
        let goes_on = self.speaking == Some(speaking);
        self.speaking = Some(speaking);
        let choice = self.tracker.choice(0)?;
        choice.hush(Some(voice).filter(|_| goes_on), listen);
        choice.say(voice, said, listen);
        if matches!(voice, Voice::Text) {
            self.text = choice.block_of(Voice::Text);
        }
        Ok(())
    }

    fn content(
        &mut self,
        speaking: Speaking,
        content: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        for (name, voice) in [("thinking", Voice::Reasoning), ("text", Voice::Text)] {
            if let Some(said) = content.filled(name) {
                self.say(speaking, voice, said.decode(), listen)?;
            }
        }
        Ok(())
    }

    /// Tells the probabilities of the text that is being said; those of anything else have no place.
    fn rate(&self, tokens: Option<Value>, is_text: bool, listen: &mut Listen<'_>) {
        match (tokens, self.text.filter(|_| is_text)) {
            (Some(tokens), Some(text)) => listen(Event::Logprobs(text, tokens)),
            (Some(_), None) => listen(Event::Unsaid("logprobs".into())),
            (None, _) => {}
        }
    }

    /// A tool is called, with what is known of its arguments.
    fn call(
        &mut self,
        index: u64,
        call: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let function = object_of(call, "function")?;
        let said = |name: &str| {
            let function = function.as_ref()?;
            function.filled(name).map(|said| said.decode())
        };
        let id = call.filled("id").map(|id| id.decode()).unwrap_or_default();
        let name = said("name").unwrap_or_default();
        self.speaking = None;
        let choice = self.choice()?;
        choice.hush(None, listen);
        // Results are tied to calls by ids alone.
        let ours = format!("call_{}", choice.call_count());
        let id = if id.is_empty() { &ours } else { &*id };
        let position = choice.call(Some(index), id, &name, listen)?;
        if let Some(arguments) = said("arguments") {
            choice.add_arguments(position, arguments, listen);
        }
        Ok(())
    }

    /// Reads all that a message says at once.
    fn message(
        &mut self,
        message: &Members<'_>,
        tokens: Option<Value>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        if let Some(plan) = message.filled("tool_plan") {
            self.say(Speaking::Plan, Voice::Text, plan.decode(), listen)?;
        }
        let mut texts = Vec::new();
        if let Some(said) = message.filled("content") {
            self.say(Speaking::Content(0), Voice::Text, said.decode(), listen)?;
            texts.push(self.text);
        }
        let contents = message.objects("content").map_err(too_many)?;
        for (index, content) in (0..).zip(contents) {
            self.content(Speaking::Content(index), &content, listen)?;
            let has_text = content.filled("text").is_some();
            texts.push(self.text.filter(|_| has_text));
        }
        self.rate(tokens, true, listen);
        for citation in message.objects("citations").map_err(too_many)? {
            let at = citation.count("content_index").unwrap_or(0);
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            // Where no content is named, the text is meant.
            let block = texts.get(at).copied().flatten().or(self.text);
            if let Some(block) = block {
                citations::tell(block, &citation, listen).map_err(too_many)?;
            }
        }
        let calls = message.objects("tool_calls").map_err(too_many)?;
        for (index, call) in (0..).zip(calls) {
            self.call(index, &call, listen)?;
        }
        Ok(())
    }

    fn end_of_message(
        &mut self,
        delta: Option<&Members<'_>>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        self.is_done = true;
        let Some(delta) = delta else {
            return Ok(());
        };
        if let Some(counted) = all_of_object(delta, "usage")? {
            listen(Event::Usage(usage::read(&counted)));
        }
        if let Some(error) = delta.filled("error") {
            return Err(broken(&format!("the provider failed: {}", error.decode())));
        }
        if delta.filled("finish_reason").is_some() {
            self.finish(delta, listen)?;
        }
        Ok(())
    }

    fn finish(&mut self, holder: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        let word = holder.filled("finish_reason").map(|word| word.decode());
        let reason = word.as_deref().map_or(Reason::Stop, unify);
        let native = word.map(std::borrow::Cow::into_owned);
        self.choice()?.finish(reason, native, listen).map(drop)
    }
}

fn malformed(error: Malformed) -> Error {
    broken("the provider sent malformed JSON").with_detail(error.to_string())
}

/// An object within one that may be absent.
fn within<'a>(holder: Option<&Members<'a>>, name: &str) -> Result<Option<Members<'a>>, Error> {
    holder.map_or(Ok(None), |holder| object_of(holder, name))
}
