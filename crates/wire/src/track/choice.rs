//! One choice of an answer: who speaks in it, which tools it calls, and how it ends.

use std::borrow::Cow;

use chat::event::BlockIndex;
use chat::{Block, Error, Event, FinishReason, Opaque, Reason};

use super::{Arguments, Listen, broken};
use crate::free_text;

/// Far above what any model calls at once; it bounds what a stream can make us remember.
const CALLS_MAX: usize = 1_024;

/// One choice of an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    index: u32,
    blocks: u32,
    open: [Option<u32>; Voice::COUNT],
    last: [Option<u32>; Voice::COUNT],
    calls: Vec<Call>,
    finish: Option<Reason>,
}

/// What speaks in a choice; each voice has one block.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Voice {
    Text,
    Refusal,
    Reasoning,
    Audio,
    Summary,
}

impl Voice {
    const COUNT: usize = 5;

    const fn block(self) -> Block<'static> {
        match self {
            Self::Text => Block::Text,
            Self::Refusal => Block::Refusal,
            Self::Reasoning => Block::Reasoning { is_summary: false },
            Self::Audio => Block::Audio,
            Self::Summary => Block::Reasoning { is_summary: true },
        }
    }
}

#[derive(Debug, Clone)]
struct Call {
    native_index: u64,
    id: String,
    block: u32,
    arguments: Arguments,
    /// Whether it is called with free text, of which some was told.
    is_free: bool,
    has_ended: bool,
}

impl Choice {
    /// A choice that has said nothing.
    pub(super) fn at_index(index: u32) -> Self {
        Self {
            index,
            ..Self::default()
        }
    }

    /// Whether it is the one with an index.
    pub(super) const fn is_at(&self, index: u32) -> bool {
        self.index == index
    }

    /// Whether it has ended.
    pub(super) const fn has_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// A voice says something.
    pub(crate) fn say(&mut self, voice: Voice, said: Cow<'_, str>, listen: &mut Listen<'_>) {
        if said.is_empty() {
            return;
        }
        let block = match self.open.get(voice as usize).copied().flatten() {
            Some(block) => block,
            None => self.start_voice(voice, listen),
        };
        listen(Event::BlockDelta(self.at(block), said));
    }

    /// An image is there; `data` is its bytes in base64, where anybody wants them.
    pub(crate) fn show_image(
        &mut self,
        media_type: Cow<'_, str>,
        data: Cow<'_, str>,
        listen: &mut Listen<'_>,
    ) {
        let block = self.start(Block::Image { media_type }, listen);
        if !data.is_empty() {
            listen(Event::BlockDelta(self.at(block), data));
        }
        listen(Event::BlockEnd(self.at(block)));
    }

    /// An image is there that its maker has sealed, perhaps.
    pub(crate) fn show_sealed_image(
        &mut self,
        (media_type, data): (Cow<'_, str>, Cow<'_, str>),
        seal: Option<Opaque>,
        listen: &mut Listen<'_>,
    ) {
        let block = self.start(Block::Image { media_type }, listen);
        if !data.is_empty() {
            listen(Event::BlockDelta(self.at(block), data));
        }
        if let Some(seal) = seal {
            listen(Event::Sealed(self.at(block), seal));
        }
        listen(Event::BlockEnd(self.at(block)));
    }

    /// A voice begins, before its first word.
    pub(crate) fn begin(&mut self, voice: Voice, listen: &mut Listen<'_>) {
        if self.block_of(voice).is_none() {
            self.start_voice(voice, listen);
        }
    }

    /// Finds the tool call that a fragment belongs to, or starts it; gives its index for the caller.
    ///
    /// Providers that forget the index are understood by the id, and those that give every call the
    /// index 0 by a new id once the arguments before it are complete.
    pub(crate) fn call(
        &mut self,
        native_index: Option<u64>,
        id: &str,
        name: &str,
        listen: &mut Listen<'_>,
    ) -> Result<usize, Error> {
        if let Some(position) = self.known_call(native_index, id) {
            return Ok(position);
        }
        if self.calls.len() == CALLS_MAX {
            return Err(broken(
                "the provider sent more tool calls than can be kept apart",
            ));
        }
        let kind = Block::ToolCall {
            id: Cow::Borrowed(id),
            name: Cow::Borrowed(name),
        };
        let block = self.start(kind, listen);
        let position = self.calls.len();
        let native_index = native_index.unwrap_or(u64::try_from(position).unwrap_or(u64::MAX));
        let arguments = Arguments::default();
        self.calls.push(Call {
            native_index,
            id: id.to_owned(),
            block,
            arguments,
            is_free: false,
            has_ended: false,
        });
        Ok(position)
    }

    /// Whether a fragment belongs to a tool call that has begun.
    pub(crate) fn knows_call(&self, native_index: Option<u64>, id: &str) -> bool {
        self.known_call(native_index, id).is_some()
    }

    fn known_call(&self, native_index: Option<u64>, id: &str) -> Option<usize> {
        self.calls.iter().rposition(|call| match native_index {
            Some(index) => {
                let is_another = !id.is_empty() && !call.id.is_empty() && call.id != id;
                // Free text may end anywhere.
                let may_end = call.is_free || call.arguments.is_whole();
                call.native_index == index && !(is_another && may_end)
            }
            None => id.is_empty() || call.id == id,
        })
    }

    /// A fragment of a tool call's arguments.
    pub(crate) fn add_arguments(
        &mut self,
        call: usize,
        fragment: Cow<'_, str>,
        listen: &mut Listen<'_>,
    ) {
        let Some(call) = self.calls.get_mut(call) else {
            return;
        };
        // What follows closed arguments that were told as ended is blank.
        if !fragment.is_empty() && !call.has_ended {
            call.arguments.feed(&fragment);
            let block = call.block;
            listen(Event::BlockDelta(self.at(block), fragment));
        }
    }

    /// More of the free text that a tool is called with. It is told as the arguments that everybody
    /// knows, and ends with what speaks next.
    ///
    /// # Errors
    /// It has ended: what comes now would be lost.
    pub(crate) fn add_free_text(
        &mut self,
        call: usize,
        text: &str,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let known = self.calls.get_mut(call);
        let before = known.map(|call| {
            let was_free = std::mem::replace(&mut call.is_free, true);
            (was_free, call.has_ended)
        });
        if before == Some((true, true)) && !text.is_empty() {
            return Err(broken(
                "the provider went on with the input of a tool call that had ended",
            ));
        }
        let is_first = before.is_some_and(|(was_free, _)| !was_free);
        let piece = free_text::piece(text, is_first);
        self.add_arguments(call, Cow::Owned(piece), listen);
        Ok(())
    }

    fn end_free_texts(&mut self, listen: &mut Listen<'_>) {
        for call in 0..self.calls.len() {
            let is_open = |call: &Call| call.is_free && !call.arguments.is_whole();
            if self.calls.get(call).is_some_and(is_open) {
                self.add_arguments(call, Cow::Borrowed(free_text::END), listen);
            }
        }
    }

    /// The choice ends; told once, however often the provider says it. The reason is what the
    /// content shows where the provider's word contradicts it: a choice that calls tools did not
    /// merely stop.
    ///
    /// # Errors
    /// When a tool call is still open: it must never be shown as finished.
    pub(crate) fn finish(
        &mut self,
        reason: Reason,
        native: Option<String>,
        listen: &mut Listen<'_>,
    ) -> Result<Reason, Error> {
        let reason = if reason == Reason::Stop && self.has_calls() {
            Reason::ToolCalls
        } else {
            reason
        };
        if let Some(told) = self.finish {
            return Ok(told);
        }
        self.finish = Some(reason);
        if reason != Reason::Length {
            self.end_free_texts(listen);
        }
        self.check_calls()?;
        // Some providers speak on after the finish reason; that begins new blocks.
        let open = std::mem::take(&mut self.open);
        for block in open.into_iter().flatten().chain(
            self.calls
                .iter()
                .filter(|call| !call.has_ended)
                .map(|call| call.block),
        ) {
            listen(Event::BlockEnd(self.at(block)));
        }
        listen(Event::Finish(self.index, FinishReason { reason, native }));
        Ok(reason)
    }

    /// Ends what is open, but for one voice and what is heard together with it, and tool calls whose
    /// arguments are not closed: the blocks of a reader that does so follow one another.
    pub(crate) fn hush(&mut self, but: Option<Voice>, listen: &mut Listen<'_>) {
        let (text, audio) = (Voice::Text as usize, Voice::Audio as usize);
        let stays = |at: usize| match but {
            // Sound comes with its words.
            Some(Voice::Text | Voice::Audio) => at == text || at == audio,
            Some(voice) => at == voice as usize,
            None => false,
        };
        for at in (0..Voice::COUNT).filter(|at| !stays(*at)) {
            let open = self.open.get_mut(at).and_then(Option::take);
            if let Some(block) = open {
                listen(Event::BlockEnd(self.at(block)));
            }
        }
        self.end_free_texts(listen);
        let index = self.index;
        for call in &mut self.calls {
            if !call.has_ended && call.arguments.is_closed() {
                call.has_ended = true;
                let choice = index;
                listen(Event::BlockEnd(BlockIndex {
                    choice,
                    block: call.block,
                }));
            }
        }
    }

    /// Seals what a voice says; without a word where it has said nothing.
    pub(crate) fn seal(&mut self, voice: Voice, opaque: Opaque, listen: &mut Listen<'_>) {
        let block = match self.block_of(voice) {
            Some(block) => block,
            None => {
                let block = self.start_voice(voice, listen);
                self.at(block)
            }
        };
        listen(Event::Sealed(block, opaque));
    }

    /// The block that a voice is speaking.
    pub(crate) fn block_of(&self, voice: Voice) -> Option<BlockIndex> {
        let open = self.open.get(voice as usize).copied().flatten();
        open.map(|block| self.at(block))
    }

    /// The block that a voice has spoken last, which may have ended.
    pub(crate) fn last_block_of(&self, voice: Voice) -> Option<BlockIndex> {
        let last = self.last.get(voice as usize).copied().flatten();
        last.map(|block| self.at(block))
    }

    /// The block of the tool call with an id.
    pub(crate) fn block_of_call(&self, id: &str) -> Option<BlockIndex> {
        let call = self.calls.iter().find(|call| call.id == id)?;
        Some(self.at(call.block))
    }

    /// How many tools were called so far.
    pub(crate) const fn call_count(&self) -> usize {
        self.calls.len()
    }

    /// Whether any tool was called.
    pub(crate) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Whether anything was said.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks == 0
    }

    /// Whether its tool calls are whole, as far as they must be.
    pub(super) fn check_calls(&self) -> Result<(), Error> {
        let was_cut = self.finish == Some(Reason::Length);
        if !was_cut && self.calls.iter().any(|call| !call.arguments.is_whole()) {
            return Err(broken("the provider's answer ended inside a tool call"));
        }
        Ok(())
    }

    fn start_voice(&mut self, voice: Voice, listen: &mut Listen<'_>) -> u32 {
        let block = self.start(voice.block(), listen);
        for place in [&mut self.open, &mut self.last] {
            if let Some(known) = place.get_mut(voice as usize) {
                *known = Some(block);
            }
        }
        block
    }

    fn start(&mut self, kind: Block<'_>, listen: &mut Listen<'_>) -> u32 {
        let block = self.blocks;
        self.blocks = self.blocks.saturating_add(1);
        listen(Event::BlockStart(self.at(block), kind));
        block
    }

    const fn at(&self, block: u32) -> BlockIndex {
        BlockIndex {
            choice: self.index,
            block,
        }
    }
}
