//! What a dialect must be able to do, by the side on which it is spoken.
//!
//! A caller's dialect is a [`Door`]. Where conversations are held in it, it is [`Inbound`] as well:
//! its requests can be read into the vocabulary, and answers written out of it. A provider's dialect
//! is [`Outbound`]: the other way round. A dialect that is spoken on both sides is [`Transparent`]:
//! between the two nothing is translated, the bytes travel. [`crate::lane`] puts them together.

use bytes::Bytes;
use chat::{Error, Event, Request, Response, Usage};

use crate::frame::Frame;
use crate::incoming::{Beside, Incoming};
use crate::outgoing::{Outgoing, Written};
use crate::stamp::{CostText, Stamp};

/// Who hears the events of an answer.
pub type Listen<'l> = dyn FnMut(Event<'_>) + 'l;

/// A call whose answer is to be written: what its caller asked, and what its answer is stamped with.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The body exactly as it came.
    pub body: &'a [u8],
    /// What was read of it.
    pub request: &'a Incoming,
    /// What its answer is stamped with.
    pub stamp: Stamp,
}

/// What becomes of one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// Send these whole frames.
    Forward(Bytes),
    /// Send nothing: the frame was for us.
    Swallow,
    /// The provider said that its answer is complete; nothing more need be read.
    Done,
    /// Both: send these, and read no more.
    Last(Bytes),
}

/// A dialect that callers speak.
pub trait Door: Sync {
    /// Reads and checks a caller's request in one pass over its bytes.
    ///
    /// # Errors
    /// The caller's mistake, with the path of the field at fault.
    fn read_request(&self, body: &[u8], beside: Beside) -> Result<Incoming, Error>;

    /// What keeps a stream alive while the provider is silent, in the form that clients of this
    /// dialect need: a comment, a ping, or an event with data.
    fn sign_of_life(&self, stamp: &Stamp) -> Bytes;

    /// The frames that tell a caller, whose stream was opened before any provider had spoken, that
    /// its call has failed; nothing follows.
    fn error_frame(&self, stamp: &Stamp, error: &Error) -> Bytes;

    /// An error instead of an answer: status and body.
    fn write_error(&self, error: &Error, generation: Option<&str>) -> (u16, Bytes);

    /// The whole answer that stands for an error of a call, where the dialect calls it no error:
    /// Responses answers a prompt that does not fit as if it had been cut. Its streams end in
    /// [`Door::error_frame`].
    fn instead_of_error(&self, _stamp: &Stamp, _error: &Error) -> Option<Bytes> {
        None
    }

    /// How many tokens a prompt is, as the dialect tells it.
    fn write_count(&self, tokens: u64) -> Bytes {
        format!("{{\"input_tokens\":{tokens}}}").into()
    }

    /// The content type of a stream.
    fn stream_type(&self, _request: &Incoming) -> &'static str {
        "text/event-stream"
    }
}

/// A dialect in which callers hold conversations that can be translated.
pub trait Inbound: Door {
    /// Reads a request into the vocabulary. `body` is the one that `request` was read from.
    ///
    /// # Errors
    /// The caller's mistake, where only the whole request shows it.
    fn parse(&self, body: &[u8], request: &Incoming) -> Result<Request, Error>;

    /// Writes the answer to one call.
    fn writer(&self, asked: &Asked<'_>) -> Box<dyn Writer>;
}

/// A dialect in which providers are asked.
pub trait Outbound: Sync {
    /// Writes a request in this dialect; what it cannot say is named in [`Written::dropped`], beside
    /// [`Request::unsaid`]. An output limit of ours wins over the caller's.
    ///
    /// # Errors
    /// What cannot be said and must not be dropped; routing should have known (see
    /// [`chat::Dialect::expresses`]).
    fn write(&self, request: &Request, to: &Outgoing<'_>) -> Result<Written, Error>;

    /// Top-level fields of this dialect that the vocabulary has no word for. Callers of every other
    /// dialect may set them by these names; they come in [`Request::native`].
    fn own_fields(&self) -> &'static [&'static str] {
        &[]
    }

    /// Reads one answer.
    fn reader(&self) -> Box<dyn Reader>;

    /// The question how many tokens a prompt is, where one endpoint can be asked that.
    ///
    /// # Errors
    /// As for [`Outbound::write`].
    fn write_count(
        &self,
        _request: &Request,
        _to: &Outgoing<'_>,
    ) -> Result<Option<Written>, Error> {
        Ok(None)
    }

    /// The answer to that question; `None` when it is none.
    fn read_count(&self, _body: &[u8]) -> Option<u64> {
        None
    }
}

/// A dialect that is spoken on both sides: the bytes travel.
pub trait Transparent: Sync {
    /// The request for one endpoint: edits between untouched slices.
    ///
    /// # Errors
    /// When the body cannot be edited, which its reading should have found.
    fn splice(&self, asked: (&[u8], &Incoming), to: &Outgoing<'_>) -> Result<Written, Error>;

    /// Listens to one answer and stamps it.
    fn tap(&self, asked: &Asked<'_>) -> Box<dyn Tap>;

    /// The question how many tokens a prompt is, where one endpoint can be asked that.
    ///
    /// # Errors
    /// As for [`Transparent::splice`].
    fn splice_count(
        &self,
        _asked: (&[u8], &Incoming),
        _to: &Outgoing<'_>,
    ) -> Result<Option<Written>, Error> {
        Ok(None)
    }

    /// The answer to that question; `None` when it is none.
    fn read_count(&self, _body: &[u8]) -> Option<u64> {
        None
    }
}

/// What is neither written nor read as a conversation, at one kind of provider: embeddings, reranking.
pub trait Plain: Sync {
    /// The request for one endpoint.
    ///
    /// # Errors
    /// What cannot be said to this provider.
    fn write(&self, asked: (&[u8], &Incoming), to: &Outgoing<'_>) -> Result<Written, Error>;

    /// Reads one answer, and writes it for the caller.
    fn tap(&self, asked: &Asked<'_>) -> Box<dyn Tap>;
}

/// Reads one provider's answer, streamed or whole, and tells its events.
///
/// Usage is told in disjoint buckets. A tool call whose arguments are not whole JSON is never told
/// as finished: that is an error, unless the answer was cut at the output limit.
pub trait Reader: Send {
    /// Takes one frame of a stream; says whether the provider has said all it wanted.
    ///
    /// # Errors
    /// A failure that the provider put into the stream, or a frame that makes no sense.
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<bool, Error>;

    /// The stream has ended: fine only if the answer is whole. Tells what was held back.
    ///
    /// # Errors
    /// [`chat::Kind::ProviderUnavailable`] when it is not.
    fn end(&mut self, listen: &mut Listen<'_>) -> Result<(), Error>;

    /// Takes a whole answer.
    ///
    /// # Errors
    /// An error in a 200 body, a body that is not an answer, or an empty one.
    fn whole(&mut self, body: &[u8], listen: &mut Listen<'_>) -> Result<(), Error>;
}

/// Writes one answer for a caller. Frames are whole, each with its blank line.
pub trait Writer: Send {
    /// Writes what one event means for the caller, if anything.
    fn event(&mut self, event: &Event<'_>, out: &mut String);

    /// Writes the end of a stream: what may only be said when the cost is known, and the terminator.
    fn last(&mut self, usage: &Usage, cost: &CostText, out: &mut String);

    /// Writes that the answer broke off; nothing follows.
    fn error(&mut self, error: &Error, out: &mut String);

    /// Writes a whole answer.
    fn whole(&mut self, response: &Response, usage: &Usage, cost: &CostText) -> String;

    /// Takes the names of what the events since the last question said and this dialect cannot.
    fn take_unsaid(&mut self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The names of what a whole answer says and this dialect cannot.
    fn unsaid_of(&self, _response: &Response) -> Vec<&'static str> {
        Vec::new()
    }
}

/// One answer on its way through: listened to, and made into what the caller is to see.
pub trait Tap: Send {
    /// Takes one frame of the provider's stream, tells its events, returns what to forward.
    ///
    /// Until the first `BlockStart` or `Finish` was told, nothing worth keeping has been said.
    ///
    /// # Errors
    /// As for [`Reader::frame`]. Nothing more should be read then.
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<Passed, Error>;

    /// The provider's stream has ended: fine only if the answer is whole. What was held back is
    /// told, and returned to be forwarded.
    ///
    /// # Errors
    /// As for [`Reader::end`].
    fn end(&mut self, listen: &mut Listen<'_>) -> Result<Bytes, Error>;

    /// The last frames: what waited for the usage and its cost, and the terminator.
    fn last_frames(&mut self, usage: &Usage, cost: &CostText) -> Bytes;

    /// The frames that tell the caller that the answer broke off; nothing follows.
    fn error_frame(&mut self, error: &Error) -> Bytes;

    /// Takes a whole answer and tells its events.
    ///
    /// # Errors
    /// As for [`Reader::whole`].
    fn read_whole(&mut self, body: &Bytes, listen: &mut Listen<'_>) -> Result<(), Error>;

    /// The whole answer that was read last, as the caller is to see it, with our usage and cost.
    ///
    /// # Errors
    /// When nothing readable was read before.
    fn write_whole(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error>;
}
