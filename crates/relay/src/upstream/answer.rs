//! The body of an answer, read from its connection by whoever waits for it: no task, and no buffer while
//! nothing comes.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use tokio::io::ReadBuf;

use super::BoxError;
use super::coding::Coding;
use super::exchange::{READ_BYTES, Sending};
use super::line::Line;
use super::pool::{Place, Pool};

/// A body under way. Dropped before its end, it closes the connection, which is the cancellation that
/// every provider understands.
pub(super) struct Body {
    /// Absent once the body has ended.
    line: Option<Line>,
    /// The rest of the request, where the answer came before the provider had all of it.
    sending: Option<Box<Sending>>,
    coding: Coding,
    /// What came with the head.
    come: Bytes,
    /// Where the connection waits afterwards, if it may be used again.
    home: Option<(Arc<Pool>, Place)>,
}

impl Body {
    /// The body that follows a head.
    pub(super) fn new(
        (line, sending): (Line, Sending),
        (coding, come): (Coding, Bytes),
        home: Option<(Arc<Pool>, Place)>,
    ) -> Self {
        let sending = (!sending.is_done()).then(|| Box::new(sending));
        let mut body = Self {
            line: Some(line),
            sending,
            coding,
            come: Bytes::new(),
            home,
        };
        body.after(come);
        body
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BoxError>> {
        loop {
            if !self.come.is_empty() {
                let come = std::mem::take(&mut self.come);
                let (payload, own) = self.coding.read(&come)?;
                self.after(come.slice(own..));
                if !payload.is_empty() {
                    return Poll::Ready(Ok(Some(come.slice(payload))));
                }
            }
            let Some(line) = &mut self.line else {
                return Poll::Ready(Ok(None));
            };
            if let Some(sending) = &mut self.sending {
                match sending.poll(line, context) {
                    Poll::Ready(Ok(())) => self.sending = None,
                    // It has answered without the rest; whether all of that comes, its coding says.
                    Poll::Ready(Err(_)) => (self.sending, self.home) = (None, None),
                    Poll::Pending => {}
                }
            }
            let mut room = [const { MaybeUninit::uninit() }; READ_BYTES];
            let mut room = ReadBuf::uninit(&mut room);
            ready!(line.poll_read(context, &mut room))?;
            if room.filled().is_empty() {
                self.line = None;
                return Poll::Ready(match self.coding {
                    Coding::UntilClose => Ok(None),
                    Coding::Length(_) | Coding::Chunked(_) => {
                        Err("the connection was closed in the middle of its answer".into())
                    }
                });
            }
            let come = room.filled();
            let (payload, own) = self.coding.read(come)?;
            self.after(Bytes::copy_from_slice(&come[own..]));
            if !payload.is_empty() {
                let piece = Bytes::copy_from_slice(&come[payload]);
                return Poll::Ready(Ok(Some(piece)));
            }
        }
    }

    /// Keeps what came behind what was read; when the body is complete, the connection is free.
    fn after(&mut self, rest: Bytes) {
        if !self.coding.is_done() {
            self.come = rest;
            return;
        }
        if !rest.is_empty() {
            // It says more than it was asked for.
            self.home = None;
        }
        if let (Some(line), Some((pool, place))) = (self.line.take(), self.home.take())
            && self.sending.is_none()
        {
            pool.keep(place, line);
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let piece = ready!(this.poll_piece(context));
        if piece.is_err() {
            // Nothing that comes after it could be trusted.
            this.line = None;
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.line.is_none() && self.come.is_empty()
    }
}
