//! One whole answer that is no conversation, on its way through.

use bytes::Bytes;
use chat::{Error, Event, FinishReason, Reason, Usage};

use crate::codec::{Listen, Passed, Tap};
use crate::error::read_error;
use crate::frame::Frame;
use crate::members::Members;
use crate::scan::{self, ValueKind};
use crate::stamp::CostText;
use crate::track::{broken, object_of};

/// What was read of an answer.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The provider's own id of it.
    pub(super) native_id: Option<String>,
    /// What was counted; empty where the provider does not count.
    pub(super) usage: Usage,
}

/// An answer that can be read, and written for the caller.
pub(super) trait Answer: Send {
    /// Reads the provider's answer.
    fn read(&mut self, body: &Bytes) -> Result<Read, Error>;

    /// Writes the answer that was read last.
    fn write(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error>;
}

/// Passes such an answer on. There are no streams of them.
pub(super) struct PlainTap<A>(pub(super) A);

fn no_stream() -> Error {
    broken("the provider streams what cannot be streamed")
}

impl<A: Answer> Tap for PlainTap<A> {
    fn frame(&mut self, _frame: &Frame, _listen: &mut Listen<'_>) -> Result<Passed, Error> {
        Err(no_stream())
    }

    fn end(&mut self, _listen: &mut Listen<'_>) -> Result<Bytes, Error> {
        Err(no_stream())
    }

    fn last_frames(&mut self, _usage: &Usage, _cost: &CostText) -> Bytes {
        Bytes::new()
    }

    fn error_frame(&mut self, _error: &Error) -> Bytes {
        Bytes::new()
    }

    fn read_whole(&mut self, body: &Bytes, listen: &mut Listen<'_>) -> Result<(), Error> {
        let read = self.0.read(body)?;
        listen(Event::Start {
            native_id: read.native_id.map(Into::into),
            native_model: None,
        });
        if !read.usage.is_empty() {
            listen(Event::Usage(read.usage));
        }
        // The answer is whole, which is worth its price though it has no tokens of its own.
        let reason = FinishReason {
            reason: Reason::Stop,
            native: None,
        };
        listen(Event::Finish(0, reason));
        Ok(())
    }

    fn write_whole(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error> {
        self.0.write(usage, cost)
    }
}

/// Takes an answer apart; errors in a 200 body are errors.
pub(super) fn members(body: &[u8]) -> Result<Members<'_>, Error> {
    let malformed = |error: scan::Malformed| {
        broken("the provider sent an answer that is not JSON").with_detail(error.to_string())
    };
    let text = scan::text(body).map_err(malformed)?;
    let top = Members::of_text(text).map_err(malformed)?;
    if top.present("error").is_some() {
        return Err(read_error(200, body));
    }
    Ok(top)
}

/// The spans of the objects in the list under a name, where there is one.
pub(super) fn list(top: &Members<'_>, name: &str) -> Option<Vec<scan::Span>> {
    let list = top.get(name)?;
    (list.kind == ValueKind::Array).then(|| crate::openai_chat::elements(top.text, list.value))
}

/// What Cohere counts.
///
/// # Errors
/// It cannot be taken apart.
pub(super) fn billed_units<'a>(top: &Members<'a>) -> Result<Option<Members<'a>>, Error> {
    match object_of(top, "meta")? {
        Some(meta) => object_of(&meta, "billed_units"),
        None => Ok(None),
    }
}

/// An answer that lacks what it is for.
pub(super) fn without(what: &str) -> Error {
    broken(&format!("the provider answered without {what}"))
}
