//! Chat Completions on both sides, for whoever relays.

use bytes::Bytes;
use chat::{Error, Usage};

use super::stream::{DONE, KEEP_ALIVE, StreamTap};
use super::{Whole, read_request, write_error, write_request};
use crate::codec::{Asked, Door, Listen, Passed, Tap, Transparent};
use crate::frame::Frame;
use crate::incoming::{Beside, Incoming};
use crate::outgoing::{Outgoing, Written};
use crate::stamp::{CostText, Stamp};

/// The dialect `openai-chat`.
#[derive(Debug, Clone, Copy)]
pub struct OpenaiChat;

impl Door for OpenaiChat {
    fn read_request(&self, body: &[u8], beside: Beside) -> Result<Incoming, Error> {
        let mut request = read_request(body)?;
        request.beside = beside;
        Ok(request)
    }

    fn sign_of_life(&self, _stamp: &Stamp) -> Bytes {
        Bytes::from_static(KEEP_ALIVE)
    }

    fn error_frame(&self, stamp: &Stamp, error: &Error) -> Bytes {
        StreamTap::new(stamp.clone()).error_frame(error)
    }

    fn write_error(&self, error: &Error, generation: Option<&str>) -> (u16, Bytes) {
        write_error(error, generation)
    }
}

impl Transparent for OpenaiChat {
    fn splice(
        &self,
        (body, request): (&[u8], &Incoming),
        to: &Outgoing<'_>,
    ) -> Result<Written, Error> {
        Ok(write_request(body, request, to))
    }

    fn tap(&self, asked: &Asked<'_>) -> Box<dyn Tap> {
        Box::new(Same {
            stream: StreamTap::new(asked.stamp.clone()),
            stamp: asked.stamp.clone(),
            whole: Whole::default(),
        })
    }
}

/// An answer that stays in its dialect.
struct Same {
    stream: StreamTap,
    stamp: Stamp,
    whole: Whole,
}

impl Tap for Same {
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<Passed, Error> {
        self.stream.frame(&frame.data, listen)
    }

    fn end(&mut self, _listen: &mut Listen<'_>) -> Result<Bytes, Error> {
        self.stream.end().map(|()| Bytes::new())
    }

    fn last_frames(&mut self, usage: &Usage, cost: &CostText) -> Bytes {
        let mut last = Vec::from(self.stream.usage_frame(usage, cost));
        last.extend_from_slice(DONE);
        last.into()
    }

    fn error_frame(&mut self, error: &Error) -> Bytes {
        self.stream.error_frame(error)
    }

    fn read_whole(&mut self, body: &Bytes, listen: &mut Listen<'_>) -> Result<(), Error> {
        self.whole = Whole::read(body.clone(), &self.stamp, listen)?;
        Ok(())
    }

    fn write_whole(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error> {
        self.whole.write(usage, cost)
    }
}
