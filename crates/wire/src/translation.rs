//! An answer on its way from one dialect into another.

use bytes::Bytes;
use chat::response::Fold;
use chat::{Error, Event, FinishReason, Reason, Response, Usage};

use crate::codec::{Listen, Passed, Reader, Tap, Writer};
use crate::frame::Frame;
use crate::stamp::CostText;
use crate::track::{broken, failed_answer};

/// An answer that is read in one dialect and written in another.
pub(crate) struct Translation {
    reader: Box<dyn Reader>,
    writer: Box<dyn Writer>,
    response: Option<Response>,
    /// What the answer broke by, while what was said before it is on its way.
    failed: Option<Error>,
}

impl Translation {
    /// An answer of which nothing has been read.
    pub(crate) fn new(reader: Box<dyn Reader>, writer: Box<dyn Writer>) -> Self {
        Self {
            reader,
            writer,
            response: None,
            failed: None,
        }
    }

    /// Lets events be heard, and writes what they mean for the caller.
    ///
    /// An answer that its provider ends as failed is an error in every dialect, as it is where Chat
    /// Completions is read: the next endpoint may be asked while nothing was sent, and a caller who
    /// was sent something is told that it broke off. Who counts hears the reason all the same.
    fn writing<T: Default>(
        &mut self,
        listen: &mut Listen<'_>,
        read: impl FnOnce(&mut dyn Reader, &mut Listen<'_>) -> Result<T, Error>,
    ) -> (T, Bytes) {
        let mut out = String::new();
        let mut failed = None;
        let writer = &mut self.writer;
        let read = read(self.reader.as_mut(), &mut |event| {
            match &event {
                Event::Finish(_, finish) if finish.reason == Reason::Error => {
                    failed = Some(failure(finish));
                }
                event => writer.event(event, &mut out),
            }
            listen(event);
        });
        for name in self.writer.take_unsaid() {
            listen(Event::Unsaid(name.into()));
        }
        let (read, error) = match read {
            Ok(read) => (read, failed),
            Err(error) => (T::default(), Some(error)),
        };
        self.failed = self.failed.take().or(error);
        (read, out.into())
    }
}

/// The failure of an answer that its provider ended with a word for it.
pub(crate) fn failure(finish: &FinishReason) -> Error {
    match &finish.native {
        Some(word) => broken(&format!("the provider broke its answer off: {word}")),
        None => failed_answer(),
    }
}

impl Tap for Translation {
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<Passed, Error> {
        let (is_done, out) = self.writing(listen, |reader, listen| reader.frame(frame, listen));
        if out.is_empty()
            && let Some(error) = self.failed.take()
        {
            return Err(error);
        }
        // What was said before a failure goes down first; `end` tells it.
        let is_last = is_done || self.failed.is_some();
        Ok(match (is_last, out.is_empty()) {
            (false, true) => Passed::Swallow,
            (false, false) => Passed::Forward(out),
            (true, true) => Passed::Done,
            (true, false) => Passed::Last(out),
        })
    }

    fn end(&mut self, listen: &mut Listen<'_>) -> Result<Bytes, Error> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let ((), out) = self.writing(listen, |reader, listen| reader.end(listen));
        self.failed.take().map_or(Ok(out), Err)
    }

    fn last_frames(&mut self, usage: &Usage, cost: &CostText) -> Bytes {
        let mut out = String::new();
        self.writer.last(usage, cost, &mut out);
        out.into()
    }

    fn error_frame(&mut self, error: &Error) -> Bytes {
        let mut out = String::new();
        self.writer.error(error, &mut out);
        out.into()
    }

    fn read_whole(&mut self, body: &Bytes, listen: &mut Listen<'_>) -> Result<(), Error> {
        let mut fold = Fold::default();
        let mut failed = None;
        self.reader.whole(body, &mut |event| {
            if let Event::Finish(_, finish) = &event
                && finish.reason == Reason::Error
            {
                failed = Some(failure(finish));
            }
            fold.hear(event.clone());
            listen(event);
        })?;
        let response = fold.finish();
        for name in self.writer.unsaid_of(&response) {
            listen(Event::Unsaid(name.into()));
        }
        self.response = Some(response);
        failed.map_or(Ok(()), Err)
    }

    fn write_whole(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error> {
        let response = self
            .response
            .take()
            .ok_or_else(|| broken("no answer was read"))?;
        Ok(self.writer.whole(&response, usage, cost).into())
    }
}
