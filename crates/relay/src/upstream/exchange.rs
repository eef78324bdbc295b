//! One request on one connection, until the head of its answer.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::Method;
use tokio::io::ReadBuf;

use super::BoxError;
use super::decoder::{BodyDecoder, Head, HeadDecoder};
use super::line::Line;

/// Octets that are read at once. They stand on the stack while they are read, so that a stream that
/// waits has no buffer.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// What of a request is still to be written.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    head: Bytes,
    body: Bytes,
    has_begun: bool,
    is_done: bool,
}

/// Why no answer began.
pub(super) enum Failed {
    /// The connection took nothing of the request: it was closed while it was idle.
    Untaken(BoxError),
    /// The provider may have begun to work.
    Broken(BoxError),
}

impl Sending {
    pub(super) fn new(head: Bytes, body: Bytes) -> Self {
        Self {
            head,
            body,
            has_begun: false,
            is_done: false,
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.is_done
    }

    /// Writes what the connection takes.
    pub(super) fn poll(
        &mut self,
        line: &mut Line,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.head.has_remaining() || self.body.has_remaining() {
            let pieces = [IoSlice::new(&self.head), IoSlice::new(&self.body)];
            // TLS takes the first piece that it is shown, which must not be an empty one.
            let first = usize::from(!self.head.has_remaining());
            let taken = ready!(line.poll_write(context, &pieces[first..]))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.has_begun = true;
            let of_head = taken.min(self.head.len());
            self.head.advance(of_head);
            self.body.advance(taken - of_head);
        }
        ready!(line.poll_flush(context))?;
        self.is_done = true;
        // Nobody needs it any more, and a stream may last.
        (self.head, self.body) = (Bytes::new(), Bytes::new());
        Poll::Ready(Ok(()))
    }
}

/// Sends a request and waits for the head of its answer; gives it with who reads the body. A provider may
/// answer before it has read all of the request: the rest is written while its answer is read.
pub(super) async fn exchange(
    line: &mut Line,
    sending: &mut Sending,
    method: &Method,
) -> Result<(Head, BodyDecoder), Failed> {
    let mut decoder = HeadDecoder::new(method.clone());
    let mut unwritten: Option<io::Error> = None;
    poll_fn(|context| {
        if !sending.is_done
            && unwritten.is_none()
            && let Poll::Ready(Err(error)) = sending.poll(line, context)
        {
            if !sending.has_begun {
                return Poll::Ready(Err(Failed::Untaken(error.into())));
            }
            // It takes no more, and may have said why.
            unwritten = Some(error);
        }
        let head = ready!(poll_head(line, &mut decoder, context));
        Poll::Ready(head.map_err(|error| {
            let cause = unwritten.take();
            Failed::Broken(cause.map_or(error, BoxError::from))
        }))
    })
    .await
}

fn poll_head(
    line: &mut Line,
    decoder: &mut HeadDecoder,
    context: &mut Context<'_>,
) -> Poll<Result<(Head, BodyDecoder), BoxError>> {
    loop {
        let mut room = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut room = ReadBuf::uninit(&mut room);
        ready!(line.poll_read(context, &mut room))?;
        if room.filled().is_empty() {
            let closed = "the connection was closed before an answer came";
            return Poll::Ready(Err(closed.into()));
        }
        if let Some(answer) = decoder.take(room.filled())? {
            return Poll::Ready(Ok(answer));
        }
    }
}
