//! What an answer has said so far: its blocks, and whether its tool calls are whole.

use std::borrow::Cow;

use chat::event::BlockIndex;
use chat::opaque::Seal;
use chat::{Block, Error, Event, FinishReason, Reason};

use super::citations;
use super::seal::{Carried, carried};
use crate::finish::unify;
use crate::members::Members;
use crate::track::{Arguments, Listen, broken, object_of, too_many};

/// Far above what any model says at once; it bounds what a stream can make us remember.
const OPEN_MAX: usize = 1_024;

/// The longest seal that is remembered, bytes.
const SEAL_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The name of the tool through which older models give answers that follow a schema: what it is
/// called with is the answer.
pub(crate) const ANSWER_TOOL: &str = "waybill_answer";

/// The blocks of one answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Blocks {
    open: Vec<Open>,
    next: u32,
    has_calls: bool,
    has_answer: bool,
    /// A tool call that ended inside its arguments.
    unclosed: Option<Open>,
    finish: Option<Reason>,
}

/// A block that is being said.
#[derive(Debug, Clone)]
struct Open {
    native: u64,
    block: u32,
    voice: Voice,
    arguments: Arguments,
    seal: String,
}

/// What a block is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Text,
    Reasoning(Seal),
    Call,
    /// Something that the vocabulary cannot hold.
    Other,
}

/// Whether the end of a block may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It is whole.
    Whole,
    /// It is a tool call that is not: whether that is fine shows when the answer ends.
    Unclosed,
}

const fn at(block: u32) -> BlockIndex {
    BlockIndex { choice: 0, block }
}

impl Blocks {
    /// A block begins, with what it already says. `is_whole` tells an answer that says all of it at
    /// once from a stream, where an empty input is one that is still to come.
    pub(super) fn start(
        &mut self,
        native: u64,
        block: &Members<'_>,
        is_whole: bool,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        // A block that begins where another is still open ends that one.
        self.end(native, listen)?;
        self.refuse_unclosed()?;
        if self.open.len() == OPEN_MAX {
            return Err(broken(
                "the provider sent more blocks than can be kept apart",
            ));
        }
        let (voice, started) = self.kind_of(block, listen)?;
        let number = self.next;
        if let Some(started) = started {
            self.next = self.next.saturating_add(1);
            listen(Event::BlockStart(at(number), started));
        }
        let mut open = Open {
            native,
            block: number,
            voice,
            arguments: Arguments::default(),
            seal: String::new(),
        };
        open.read(block, is_whole, listen)?;
        self.open.push(open);
        Ok(())
    }

    /// What a block is to us, and how its beginning is told.
    fn kind_of<'b>(
        &mut self,
        block: &Members<'b>,
        listen: &mut Listen<'_>,
    ) -> Result<(Voice, Option<Block<'b>>), Error> {
        let kind = block.string("type").map(|kind| kind.decode());
        let said = |name: &str| block.filled(name).map(|said| said.decode());
        Ok(match kind.as_deref().unwrap_or_default() {
            "text" => (Voice::Text, Some(Block::Text)),
            "thinking" => (
                Voice::Reasoning(Seal::Signature),
                Some(Block::Reasoning { is_summary: false }),
            ),
            "redacted_thinking" => (
                Voice::Reasoning(Seal::Encrypted),
                Some(Block::Reasoning { is_summary: false }),
            ),
            "tool_use" if said("name").as_deref() == Some(ANSWER_TOOL) => {
                self.has_answer = true;
                (Voice::Call, Some(Block::Text))
            }
            "tool_use" => {
                // Code that the provider runs calls tools as well; those calls are over by now, or
                // the reason says that they are not.
                let caller = object_of(block, "caller")?;
                let is_of_code = caller
                    .and_then(|caller| caller.string("type"))
                    .is_some_and(|kind| !kind.is("direct"));
                self.has_calls |= !is_of_code;
                let (id, name) = (
                    said("id").unwrap_or_default(),
                    said("name").unwrap_or_default(),
                );
                (Voice::Call, Some(Block::ToolCall { id, name }))
            }
            other => {
                listen(Event::Unsaid(format!("content.{other}").into()));
                (Voice::Other, None)
            }
        })
    }

    /// More of a block.
    pub(super) fn delta(
        &mut self,
        native: u64,
        delta: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let Some(open) = self.open.iter_mut().find(|open| open.native == native) else {
            return Err(broken("the provider spoke on in a block that is not open"));
        };
        let said = |name: &str| delta.filled(name).map(|said| said.decode());
        match (
            &*delta
                .string("type")
                .map(|kind| kind.decode())
                .unwrap_or_default(),
            open.voice,
        ) {
            ("text_delta", Voice::Text) => open.say(said("text"), listen),
            ("thinking_delta", Voice::Reasoning(_)) => open.say(said("thinking"), listen),
            ("signature_delta", Voice::Reasoning(_)) => open.add_seal(said("signature"))?,
            ("input_json_delta", Voice::Call) => open.say(said("partial_json"), listen),
            ("citations_delta", Voice::Text) => {
                if let Some(citation) = object_of(delta, "citation")? {
                    listen(Event::Cited(at(open.block), citations::read(&citation)));
                }
            }
            // Deltas of what the vocabulary cannot hold, named when their block began.
            _ => {}
        }
        Ok(())
    }

    /// A block ends.
    pub(super) fn end(&mut self, native: u64, listen: &mut Listen<'_>) -> Result<Ended, Error> {
        let Some(position) = self.open.iter().position(|open| open.native == native) else {
            return Ok(Ended::Whole);
        };
        let open = self.open.swap_remove(position);
        if open.voice == Voice::Call && !open.arguments.is_whole() {
            self.refuse_unclosed()?;
            self.unclosed = Some(open);
            return Ok(Ended::Unclosed);
        }
        open.end(listen);
        Ok(Ended::Whole)
    }

    /// The answer ends, for a reason in the provider's word. What it contains decides where the word
    /// contradicts it: an answer that calls tools did not merely end its turn.
    pub(super) fn finish(
        &mut self,
        native: &str,
        listen: &mut Listen<'_>,
    ) -> Result<Reason, Error> {
        let reason = match unify(native) {
            Reason::Stop if self.has_calls && native != "pause_turn" => Reason::ToolCalls,
            // The schema of the answer was a tool; nobody else's tool was called.
            Reason::ToolCalls if self.has_answer && !self.has_calls => Reason::Stop,
            reason => reason,
        };
        if let Some(told) = self.finish {
            return Ok(told);
        }
        self.finish = Some(reason);
        if reason != Reason::Length {
            self.refuse_unclosed()?;
            if self.open.iter().any(|open| !open.arguments.is_whole()) {
                return Err(broken("the provider's answer ended inside a tool call"));
            }
        }
        for open in self.unclosed.take().into_iter().chain(self.open.drain(..)) {
            open.end(listen);
        }
        let native = Some(native.to_owned());
        listen(Event::Finish(0, FinishReason { reason, native }));
        Ok(reason)
    }

    /// Whether the answer has ended.
    pub(super) const fn has_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Nothing may follow a tool call that is not whole.
    fn refuse_unclosed(&self) -> Result<(), Error> {
        match self.unclosed {
            Some(_) => Err(broken("the provider's answer ended inside a tool call")),
            None => Ok(()),
        }
    }
}

impl Open {
    /// Reads what a block says at its beginning.
    fn read(
        &mut self,
        block: &Members<'_>,
        is_whole: bool,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let said = |name: &str| block.filled(name).map(|said| said.decode());
        match self.voice {
            Voice::Text => {
                self.say(said("text"), listen);
                for citation in block.objects("citations").map_err(too_many)? {
                    listen(Event::Cited(at(self.block), citations::read(&citation)));
                }
            }
            Voice::Reasoning(Seal::Signature) => {
                self.say(said("thinking"), listen);
                self.add_seal(said("signature"))?;
            }
            Voice::Reasoning(Seal::Encrypted) => self.add_seal(said("data"))?,
            Voice::Call => {
                if let Some(input) = block.present("input") {
                    let json = input.value.of(block.text);
                    let is_empty = json.bytes().all(|byte| !matches!(byte, b'"' | b'['));
                    if is_whole || !is_empty {
                        self.say(Some(Cow::Borrowed(json)), listen);
                    }
                }
            }
            Voice::Other => {}
        }
        Ok(())
    }

    fn say(&mut self, said: Option<Cow<'_, str>>, listen: &mut Listen<'_>) {
        if let Some(said) = said.filter(|said| !said.is_empty()) {
            if self.voice == Voice::Call {
                self.arguments.feed(&said);
            }
            listen(Event::BlockDelta(at(self.block), said));
        }
    }

    fn add_seal(&mut self, part: Option<Cow<'_, str>>) -> Result<(), Error> {
        let part = part.unwrap_or_default();
        if self.seal.len() + part.len() > SEAL_BYTES_MAX {
            return Err(broken("the provider sent a signature that is too long"));
        }
        self.seal.push_str(&part);
        Ok(())
    }

    fn end(self, listen: &mut Listen<'_>) {
        let at = at(self.block);
        if let Voice::Reasoning(seal) = self.voice
            && let Carried::Opaque(opaque) = carried(&self.seal, seal)
        {
            listen(Event::Sealed(at, opaque));
        }
        if self.voice != Voice::Other {
            listen(Event::BlockEnd(at));
        }
    }
}
