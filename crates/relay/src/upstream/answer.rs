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
use super::decoder::BodyDecoder;
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
    decoder: BodyDecoder,
    /// Where the connection waits afterwards, if it may be used again.
    home: Option<(Arc<Pool>, Place)>,
}

impl Body {
    /// The body that follows a head.
    pub(super) fn new(
        (line, sending): (Line, Sending),
        decoder: BodyDecoder,
        home: Option<(Arc<Pool>, Place)>,
    ) -> Self {
        let sending = (!sending.is_done()).then(|| Box::new(sending));
        let mut body = Self {
            line: Some(line),
            sending,
            decoder,
            home,
        };
        body.free_if_done();
        body
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BoxError>> {
        loop {
            let piece = self.decoder.payload()?;
            self.free_if_done();
            if piece.is_some() {
                return Poll::Ready(Ok(piece));
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
                self.decoder.end()?;
                return Poll::Ready(Ok(None));
            }
            let piece = self.decoder.take(room.filled())?;
            self.free_if_done();
            if piece.is_some() {
                return Poll::Ready(Ok(piece));
            }
        }
    }

    /// When the body is complete, the connection is free for the next request.
    fn free_if_done(&mut self) {
        if !self.decoder.is_done() {
            return;
        }
        if self.decoder.unread() > 0 {
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
        self.line.is_none()
    }
}
