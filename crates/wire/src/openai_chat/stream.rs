//! One attempt's stream: listens to each frame, stamps it, and knows whether the answer is whole.

use bytes::Bytes;
use chat::{Error, Event, Usage};

use super::envelope::stream_error;
use super::events::{Form, Seen, Walk, created};
use super::mould::{Foundry, Told, Worked};
use super::usage;
use crate::codec::Passed;
use crate::members::Members;
use crate::scan;
use crate::splice::{Edits, quoted, unfold};
use crate::stamp::{CostText, Stamp};
use crate::track::{Tracker, broken};

/// The terminator of a stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// A comment that keeps the connection alive while the provider is silent. It ends in a blank line,
/// as OpenRouter's does; the parsers of the OpenAI SDKs pass over it.
pub const KEEP_ALIVE: &[u8] = b": WAYBILL PROCESSING\n\n";

/// Listens to one attempt's stream and stamps its frames.
#[derive(Debug, Clone)]
pub struct StreamTap {
    stamp: Stamp,
    tracker: Tracker,
    foundry: Foundry,
    created: Option<i64>,
    is_done: bool,
}

/// What a frame begins and ends with.
const FRAME: (&str, &str) = ("data: ", "\n\n");

impl StreamTap {
    /// A tap for one attempt's stream.
    #[must_use]
    pub fn new(stamp: Stamp) -> Self {
        Self {
            stamp,
            tracker: Tracker::default(),
            foundry: Foundry::default(),
            created: None,
            is_done: false,
        }
    }

    /// Takes one SSE data payload, tells every event, returns what to forward.
    ///
    /// Until the first `BlockStart` or `Finish` was told, nothing worth keeping has been said.
    ///
    /// # Errors
    /// A failure that the provider put into the stream, a frame that is not JSON, or a finish
    /// reason while a tool call is open. Nothing more should be read then.
    pub fn frame(
        &mut self,
        data: &[u8],
        listen: &mut dyn FnMut(Event<'_>),
    ) -> Result<Passed, Error> {
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            self.is_done = true;
            return Ok(Passed::Done);
        }
        if data.is_empty() {
            return Ok(Passed::Swallow);
        }
        let malformed = |error: scan::Malformed| {
            broken("the provider sent malformed JSON in its stream").with_detail(error.to_string())
        };
        let text = scan::text(data).map_err(malformed)?;
        if let Some(frame) = self.foundry.cast(text, listen) {
            return Ok(Passed::Forward(frame));
        }
        let top = Members::of_text(text).map_err(malformed)?;
        self.created = created(&top).or(self.created);
        let mut told = Told::default();
        let mut walk = Walk {
            text,
            form: Form::Chunk,
            tracker: &mut self.tracker,
            listen: &mut |event| {
                told.note(&event);
                listen(event);
            },
            edits: Edits::default(),
            telling: None,
            word: None,
        };
        if walk.walk(&top, &self.stamp)? == Seen::Housekeeping {
            return Ok(Passed::Swallow);
        }
        let Walk {
            mut edits, word, ..
        } = walk;
        unfold(text, &mut edits);
        let (before, after) = FRAME;
        let frame = edits.apply_here(text, before, after);
        self.foundry.take_mould(
            &told,
            &mut Worked {
                text,
                word,
                filler: top.string("obfuscation").map(|filler| filler.span),
                edits: &mut edits,
                before,
                frame: &frame,
            },
        );
        Ok(Passed::Forward(frame))
    }

    /// The upstream body ended: fine only if every choice has its finish reason and no tool call is
    /// open (but where the answer was cut at the output limit, which the caller is told).
    ///
    /// # Errors
    /// [`chat::Kind::ProviderUnavailable`] when the answer is not whole.
    pub fn end(&self) -> Result<(), Error> {
        self.tracker.check_whole(self.is_done)
    }

    /// The last data frame, with usage and cost; the whole `data: {…}` with its blank line.
    #[must_use]
    pub fn usage_frame(&self, usage: &Usage, cost: &CostText) -> Bytes {
        let head = self.head();
        format!(
            "data: {{{head},\"choices\":[],\"usage\":{}}}\n\n",
            usage::write(usage, cost)
        )
        .into()
    }

    /// The frame that tells the caller that the answer broke off; nothing follows it.
    #[must_use]
    pub fn error_frame(&self, error: &Error) -> Bytes {
        let head = self.head();
        let error = stream_error(error);
        format!(
            "data: {{{head},\"error\":{error},\"choices\":[{{\"index\":0,\"delta\":\
             {{\"content\":\"\"}},\"finish_reason\":\"error\",\"native_finish_reason\":null}}]}}\n\n"
        )
        .into()
    }

    /// Forgets what the last chunk was made of.
    #[cfg(test)]
    pub(super) fn without_moulds(&mut self) {
        self.foundry = Foundry::default();
    }

    /// Whether the last chunk has left a mould, or came out of one.
    #[cfg(test)]
    pub(super) const fn has_mould(&self) -> bool {
        self.foundry.has_mould()
    }

    fn head(&self) -> String {
        format!(
            "\"id\":{},\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{},\"provider\":{}",
            quoted(&self.stamp.id),
            self.created.unwrap_or(self.stamp.created),
            quoted(&self.stamp.model),
            quoted(&self.stamp.provider),
        )
    }
}
