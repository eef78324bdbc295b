//! An answer that several providers give one after another: when one breaks off, another goes on with
//! its text, and the caller reads one stream.
//!
//! Such an answer is written anew from its beginning, even where the bytes could travel, by one writer
//! that outlives the attempts: so ids, indexes and sequence numbers go on. Only plain text is gone on
//! with; once anything else was said (a tool call, a thought, a seal, an end), it is not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chat::event::BlockIndex;
use chat::{Block, Error, Event, Reason, Usage};

use crate::codec::{Listen, Passed, Reader, Tap, Writer};
use crate::frame::Frame;
use crate::stamp::CostText;
use crate::stitch::Stitch;
use crate::track::{broken, failed_answer};
use crate::translation::failure;

/// A longer text is not gone on with; it bounds what is remembered of an answer.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// How a provider is asked to go on with a text. Others would begin a new answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoesOn {
    /// How the text is marked that stands last in the conversation.
    pub(crate) mark: Mark,
    /// Whether the answer repeats the text first.
    pub(crate) repeats: bool,
}

impl GoesOn {
    /// Nothing but blanks was said: any provider may say it all.
    pub const FROM_THE_START: Self = Self {
        mark: Mark::None,
        repeats: false,
    };
}

/// How the text is marked that is to be gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Not at all: the assistant's message stands last.
    None,
    /// `prefix: true` on that message.
    Prefix,
    /// `partial: true` on that message.
    Partial,
    /// `continue_final_message: true` and `add_generation_prompt: false` beside the messages.
    FinalMessage,
}

impl Mark {
    /// The member of the message that says so.
    pub(crate) const fn member(self) -> Option<&'static str> {
        match self {
            Self::Prefix => Some("prefix"),
            Self::Partial => Some("partial"),
            Self::None | Self::FinalMessage => None,
        }
    }
}

/// What a caller was told of an answer so far, whoever said it. Clones share it.
#[derive(Clone)]
pub struct Told(Arc<Mutex<State>>);

struct State {
    writer: Box<dyn Writer>,
    said: Said,
    /// Written, but not sent: the frame that it came from broke half-way.
    unsent: String,
}

/// What was said.
enum Said {
    Nothing,
    /// Text, in a block that is still open.
    Text(BlockIndex, String),
    /// Something else, or an end.
    More,
}

impl Said {
    fn hear(&mut self, event: &Event<'_>) {
        match (&mut *self, event) {
            // What the caller's dialect cannot hold was not told.
            (_, Event::Start { .. } | Event::Usage(_) | Event::Unsaid(_)) => {}
            (Self::Nothing, Event::BlockStart(index, Block::Text)) => {
                *self = Self::Text(*index, String::new());
            }
            (Self::Text(open, text), Event::BlockDelta(index, more))
                if open == index && text.len().saturating_add(more.len()) <= TEXT_BYTES_MAX =>
            {
                text.push_str(more);
            }
            _ => *self = Self::More,
        }
    }
}

impl State {
    /// Tells the caller; gives the failure of an answer that its provider ends with a word for it, which
    /// is an error in every dialect.
    fn tell(&mut self, event: &Event<'_>, out: &mut String) -> Option<Error> {
        self.said.hear(event);
        match event {
            Event::Finish(_, finish) if finish.reason == Reason::Error => Some(failure(finish)),
            event => {
                self.writer.event(event, out);
                None
            }
        }
    }
}

impl Told {
    pub(crate) fn new(writer: Box<dyn Writer>) -> Self {
        Self(Arc::new(Mutex::new(State {
            writer,
            said: Said::Nothing,
            unsent: String::new(),
        })))
    }

    /// A panic elsewhere has ended the call that it belongs to.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text so far, where it is all that was said and may be gone on with; empty where its block has
    /// only begun.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match &self.lock().said {
            Said::Text(_, text) => Some(text.clone()),
            Said::Nothing | Said::More => None,
        }
    }

    fn stitch(&self, how: GoesOn) -> Option<Stitch> {
        match &self.lock().said {
            Said::Text(open, text) => Some(Stitch::new(*open, text, how.repeats)),
            Said::Nothing | Said::More => None,
        }
    }
}

/// An answer that is read in one dialect and written in another, or the same, so that another may go
/// on with it.
pub(crate) struct Telling {
    reader: Box<dyn Reader>,
    told: Told,
    /// Where it goes on with the answer of another.
    stitch: Option<Stitch>,
}

impl Telling {
    /// The first to speak.
    pub(crate) fn first(reader: Box<dyn Reader>, told: Told) -> Self {
        Self {
            reader,
            told,
            stitch: None,
        }
    }

    /// One that goes on with what was told.
    pub(crate) fn next(reader: Box<dyn Reader>, told: &Told, how: GoesOn) -> Self {
        Self {
            reader,
            stitch: told.stitch(how),
            told: told.clone(),
        }
    }

    fn writing<T>(
        &mut self,
        listen: &mut Listen<'_>,
        read: impl FnOnce(&mut dyn Reader, &mut Listen<'_>) -> Result<T, Error>,
    ) -> Result<(T, Bytes), Error> {
        let mut state = self.told.lock();
        let mut out = std::mem::take(&mut state.unsent);
        let mut failed = None;
        let stitch = &mut self.stitch;
        let read = read(self.reader.as_mut(), &mut |event| {
            let mut tell = |event: &Event<'_>| {
                let failure = state.tell(event, &mut out);
                failed = failed.take().or(failure);
            };
            match stitch {
                Some(stitch) => stitch.pass(&event, &mut tell),
                None => tell(&event),
            }
            listen(event);
        });
        for name in state.writer.take_unsaid() {
            listen(Event::Unsaid(name.into()));
        }
        if stitch.as_ref().is_some_and(|stitch| stitch.is_foreign) {
            failed = Some(broken("the provider began a new answer"));
        }
        let failed = match read {
            Ok(read) if failed.is_none() => return Ok((read, out.into())),
            Ok(_) => failed.unwrap_or_else(failed_answer),
            Err(error) => error,
        };
        state.unsent = out;
        Err(failed)
    }

    fn finishing(&mut self, write: impl FnOnce(&mut dyn Writer, &mut String)) -> Bytes {
        let mut state = self.told.lock();
        let mut out = std::mem::take(&mut state.unsent);
        write(state.writer.as_mut(), &mut out);
        out.into()
    }
}

impl Tap for Telling {
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<Passed, Error> {
        let (is_done, out) = self.writing(listen, |reader, listen| reader.frame(frame, listen))?;
        Ok(match (is_done, out.is_empty()) {
            (false, true) => Passed::Swallow,
            (false, false) => Passed::Forward(out),
            (true, true) => Passed::Done,
            (true, false) => Passed::Last(out),
        })
    }

    fn end(&mut self, listen: &mut Listen<'_>) -> Result<Bytes, Error> {
        let ((), out) = self.writing(listen, |reader, listen| reader.end(listen))?;
        Ok(out)
    }

    fn last_frames(&mut self, usage: &Usage, cost: &CostText) -> Bytes {
        self.finishing(|writer, out| writer.last(usage, cost, out))
    }

    fn error_frame(&mut self, error: &Error) -> Bytes {
        self.finishing(|writer, out| writer.error(error, out))
    }

    fn read_whole(&mut self, _body: &Bytes, _listen: &mut Listen<'_>) -> Result<(), Error> {
        Err(broken("a whole answer is not gone on with"))
    }

    fn write_whole(&mut self, _usage: &Usage, _cost: &CostText) -> Result<Bytes, Error> {
        Err(broken("a whole answer is not gone on with"))
    }
}
