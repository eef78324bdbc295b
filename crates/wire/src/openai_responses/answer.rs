//! What an answer has said so far: its items and parts, told as blocks, and whether its calls are
//! whole.
//!
//! Deltas are told as they come. When an item is done, its final form tells what the deltas have not:
//! some providers send arguments, annotations or whole texts only there.

use std::borrow::Cow;

use chat::event::BlockIndex;
use chat::opaque::{Format, Opaque, Seal};
use chat::{Block, Error, Event, FinishReason, Reason};
use serde_json::Value;

use crate::cited::citation;
use crate::free_text;
use crate::track::{Arguments, Listen, broken};

/// Far above what any answer has; it bounds what a stream can make us remember.
const PARTS_MAX: usize = 4_096;

/// What speaks in a part of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Text,
    Refusal,
    /// The model's thoughts.
    Thought,
    /// A summary of them.
    Summary,
    /// A call of a tool.
    Call,
}

/// Where something is said: item, then part in the item.
pub(super) type At = (u64, u64);

#[derive(Debug, Clone)]
struct Open {
    voice: Voice,
    at: At,
    block: u32,
    /// Bytes of the current part that were told.
    told: usize,
    citations: usize,
    is_closed: bool,
    arguments: Arguments,
    /// Whether the call is made with free text, which is told as the arguments that others know.
    is_free: bool,
}

/// Everything remembered of one answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    blocks: u32,
    parts: Vec<Open>,
    done: Vec<u64>,
    searches: u64,
    is_xai: bool,
    finish: Option<Reason>,
}

impl Answer {
    /// The model names itself; its family is who can read its ciphertext.
    pub(super) fn name_model(&mut self, native_model: &str) {
        let name = native_model.rsplit('/').next().unwrap_or(native_model);
        self.is_xai = name.starts_with("grok");
    }

    /// How many searches the provider made.
    pub(super) const fn searches(&self) -> u64 {
        self.searches
    }

    /// Whether the final form of an item was read.
    pub(super) fn is_done(&self, item: u64) -> bool {
        self.done.contains(&item)
    }

    /// Whether the answer has ended as one.
    pub(super) const fn has_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// A voice says something more.
    pub(super) fn say(
        &mut self,
        voice: Voice,
        at: At,
        said: Cow<'_, str>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        if said.is_empty() {
            return Ok(());
        }
        let position = self.part(voice, at, listen)?;
        let Some(part) = self.parts.get_mut(position) else {
            return Ok(());
        };
        let index = index(part.block);
        if part.at != at {
            part.at = at;
            part.told = 0;
            listen(Event::BlockDelta(index, Cow::Borrowed("\n\n")));
        }
        let is_first = part.told == 0;
        part.told = part.told.saturating_add(said.len());
        let said = match part.is_free {
            true => Cow::Owned(free_text::piece(&said, is_first)),
            false => said,
        };
        if voice == Voice::Call {
            part.arguments.feed(&said);
        }
        listen(Event::BlockDelta(index, said));
        Ok(())
    }

    /// A call begins, perhaps with free text.
    pub(super) fn call(
        &mut self,
        (item, is_free): (u64, bool),
        (id, name): (&str, &str),
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        if self.find(Voice::Call, (item, 0)).is_some() {
            return Ok(());
        }
        let block = Block::ToolCall {
            id: Cow::Borrowed(id),
            name: Cow::Borrowed(name),
        };
        let position = self.start(Voice::Call, (item, 0), block, listen)?;
        if let Some(part) = self.parts.get_mut(position) {
            part.is_free = is_free;
        }
        Ok(())
    }

    /// The free text of a call is whole.
    fn end_text(&mut self, item: u64, listen: &mut Listen<'_>) {
        let found = self.find(Voice::Call, (item, 0));
        let Some(part) = found.and_then(|at| self.parts.get_mut(at)) else {
            return;
        };
        if part.is_free && !part.is_closed {
            let mut rest = match part.told {
                0 => free_text::piece("", true),
                _ => String::new(),
            };
            rest.push_str(free_text::END);
            part.arguments.feed(&rest);
            listen(Event::BlockDelta(index(part.block), rest.into()));
        }
    }

    /// Log probabilities of what a text has just said.
    pub(super) fn logprobs(&mut self, at: At, tokens: Value, listen: &mut Listen<'_>) {
        if let Some(part) = self.find(Voice::Text, at).and_then(|at| self.parts.get(at)) {
            listen(Event::Logprobs(index(part.block), tokens));
        }
    }

    /// A text cites something.
    pub(super) fn cite(
        &mut self,
        at: At,
        annotation: &Value,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let position = self.part(Voice::Text, at, listen)?;
        if let Some(part) = self.parts.get_mut(position) {
            part.citations = part.citations.saturating_add(1);
            listen(Event::Cited(index(part.block), citation(annotation)));
        }
        Ok(())
    }

    /// The final form of an item: tells what was not told before, and ends it.
    pub(super) fn item(
        &mut self,
        number: u64,
        item: &Value,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let text = |name: &str| item[name].as_str().unwrap_or_default();
        match text("type") {
            "message" => self.message(number, item, listen)?,
            "reasoning" => self.reasoning(number, item, listen)?,
            "function_call" | "custom_tool_call" => {
                let is_free = text("type") == "custom_tool_call";
                self.call((number, is_free), (text("call_id"), text("name")), listen)?;
                let said = text(if is_free { "input" } else { "arguments" });
                self.rest(Voice::Call, (number, 0), said, listen)?;
                self.end_text(number, listen);
            }
            "image_generation_call" => self.image(item, listen),
            "web_search_call" => {
                let kind = item["action"]["type"].as_str();
                self.searches += u64::from(kind.is_none_or(|kind| kind == "search"));
                listen(Event::Unsaid("web_search_call".into()));
            }
            other => listen(Event::Unsaid(other.to_owned().into())),
        }
        if self.done.len() < PARTS_MAX {
            self.done.push(number);
        }
        for part in self.parts.iter_mut().filter(|part| part.at.0 == number) {
            close(part, listen);
        }
        Ok(())
    }

    fn message(&mut self, number: u64, item: &Value, listen: &mut Listen<'_>) -> Result<(), Error> {
        let (mut texts, mut refusals) = (0, 0);
        for (position, part) in (0..).zip(item["content"].as_array().into_iter().flatten()) {
            if let Some(refusal) = part["refusal"].as_str() {
                let at = self.nth(Voice::Refusal, (number, position), refusals);
                self.rest(Voice::Refusal, at, refusal, listen)?;
                refusals += 1;
                continue;
            }
            let at = self.nth(Voice::Text, (number, position), texts);
            texts += 1;
            let is_new = self.find(Voice::Text, at).is_none();
            let text = part["text"].as_str().unwrap_or_default();
            self.rest(Voice::Text, at, text, listen)?;
            let is_rated = part["logprobs"]
                .as_array()
                .is_some_and(|list| !list.is_empty());
            if is_new && is_rated {
                self.logprobs(at, part["logprobs"].clone(), listen);
            }
            let told = self.find(Voice::Text, at).and_then(|at| self.parts.get(at));
            let told = told.map_or(0, |part| part.citations);
            let annotations = part["annotations"].as_array().into_iter().flatten();
            for annotation in annotations.skip(told) {
                self.cite(at, annotation, listen)?;
            }
        }
        Ok(())
    }

    /// Where the deltas of the n-th part of a kind have put it: Bedrock's indices are off by one.
    fn nth(&self, voice: Voice, at: At, nth: usize) -> At {
        let same = |part: &&Open| part.voice == voice && part.at.0 == at.0;
        self.parts
            .iter()
            .filter(same)
            .nth(nth)
            .map_or(at, |part| part.at)
    }

    fn reasoning(
        &mut self,
        number: u64,
        item: &Value,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        for (voice, name) in [(Voice::Thought, "content"), (Voice::Summary, "summary")] {
            let parts = item[name].as_array().map_or(&[][..], Vec::as_slice);
            let told = self
                .find(voice, (number, 0))
                .and_then(|at| self.parts.get(at));
            // Earlier parts were told by their deltas, each of them whole.
            let from = told.map_or(0, |part| part.at.1);
            for (position, part) in (0..).zip(parts).filter(|(position, _)| *position >= from) {
                let text = part["text"].as_str().unwrap_or_default();
                self.rest(voice, (number, position), text, listen)?;
            }
        }
        let own = match self.is_xai {
            true => Format::XaiResponses,
            false => Format::OpenaiResponses,
        };
        // OpenRouter says who made it.
        let format = item["format"].as_str().map_or(own, Format::from_name);
        for (seal, name) in [
            (Seal::Signature, "signature"),
            (Seal::Encrypted, "encrypted_content"),
        ] {
            if let Some(value) = item[name].as_str().filter(|value| !value.is_empty()) {
                let opaque = Opaque {
                    format,
                    seal,
                    value: value.to_owned(),
                    id: item["id"].as_str().map(str::to_owned),
                };
                self.seal(number, opaque, listen)?;
            }
        }
        Ok(())
    }

    /// Ciphertext belongs to the item; where nothing of it is visible, its block is empty.
    fn seal(&mut self, number: u64, opaque: Opaque, listen: &mut Listen<'_>) -> Result<(), Error> {
        let found = [Voice::Thought, Voice::Summary]
            .into_iter()
            .find_map(|voice| self.find(voice, (number, 0)));
        let position = match found {
            Some(position) => position,
            None => self.part(Voice::Summary, (number, 0), listen)?,
        };
        if let Some(part) = self.parts.get(position) {
            listen(Event::Sealed(index(part.block), opaque));
        }
        Ok(())
    }

    fn image(&mut self, item: &Value, listen: &mut Listen<'_>) {
        let Some(data) = item["result"].as_str().filter(|data| !data.is_empty()) else {
            return;
        };
        let form = item["output_format"].as_str().unwrap_or("png");
        let at = index(self.blocks);
        self.blocks = self.blocks.saturating_add(1);
        let media_type = format!("image/{form}").into();
        listen(Event::BlockStart(at, Block::Image { media_type }));
        listen(Event::BlockDelta(at, Cow::Borrowed(data)));
        listen(Event::BlockEnd(at));
    }

    /// The whole of a part; what was told of it before is left out.
    fn rest(
        &mut self,
        voice: Voice,
        at: At,
        whole: &str,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let part = self.find(voice, at).and_then(|at| self.parts.get(at));
        let told = part
            .filter(|part| part.at == at)
            .map_or(0, |part| part.told);
        let rest = whole.get(told..).unwrap_or_default();
        self.say(voice, at, Cow::Borrowed(rest), listen)
    }

    /// The answer ends. The reason is what the content shows: an answer that calls tools did not
    /// merely stop.
    ///
    /// # Errors
    /// When a call is still open, unless the answer was cut at the output limit.
    pub(super) fn finish(
        &mut self,
        reason: Reason,
        native: Option<String>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let mut calls = self
            .parts
            .iter()
            .filter(|part| part.voice == Voice::Call)
            .peekable();
        let reason = match (reason, calls.peek()) {
            (Reason::Stop, Some(_)) => Reason::ToolCalls,
            (reason, _) => reason,
        };
        if reason != Reason::Length && calls.any(|call| !call.arguments.is_whole()) {
            return Err(broken("the provider's answer ended inside a tool call"));
        }
        for part in &mut self.parts {
            close(part, listen);
        }
        self.finish = Some(reason);
        listen(Event::Finish(0, FinishReason { reason, native }));
        Ok(())
    }

    /// Whether nothing was said.
    pub(super) const fn is_empty(&self) -> bool {
        self.blocks == 0 && self.done.is_empty()
    }

    /// Reasoning and calls have one block an item, texts one a part.
    fn find(&self, voice: Voice, at: At) -> Option<usize> {
        self.parts.iter().rposition(|part| {
            let is_here = match voice {
                Voice::Text | Voice::Refusal => part.at == at,
                Voice::Thought | Voice::Summary | Voice::Call => part.at.0 == at.0,
            };
            part.voice == voice && is_here
        })
    }

    fn part(&mut self, voice: Voice, at: At, listen: &mut Listen<'_>) -> Result<usize, Error> {
        if let Some(position) = self.find(voice, at) {
            return Ok(position);
        }
        let block = match voice {
            Voice::Text => Block::Text,
            Voice::Refusal => Block::Refusal,
            Voice::Thought => Block::Reasoning { is_summary: false },
            Voice::Summary => Block::Reasoning { is_summary: true },
            Voice::Call => return Err(broken("the provider sent arguments of no tool call")),
        };
        self.start(voice, at, block, listen)
    }

    fn start(
        &mut self,
        voice: Voice,
        at: At,
        block: Block<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<usize, Error> {
        if self.parts.len() == PARTS_MAX {
            return Err(broken(
                "the provider sent more parts than can be kept apart",
            ));
        }
        listen(Event::BlockStart(index(self.blocks), block));
        self.parts.push(Open {
            voice,
            at,
            block: self.blocks,
            told: 0,
            citations: 0,
            is_closed: false,
            arguments: Arguments::default(),
            is_free: false,
        });
        self.blocks = self.blocks.saturating_add(1);
        Ok(self.parts.len() - 1)
    }
}

fn close(part: &mut Open, listen: &mut Listen<'_>) {
    // A call that is not whole is never told as finished.
    let is_whole = part.voice != Voice::Call || part.arguments.is_whole();
    if is_whole && !std::mem::replace(&mut part.is_closed, true) {
        listen(Event::BlockEnd(index(part.block)));
    }
}

const fn index(block: u32) -> BlockIndex {
    BlockIndex { choice: 0, block }
}
