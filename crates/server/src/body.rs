//! Bodies: requests read whole under a limit and a deadline, answers streamed from a bounded queue.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use chat::{Error, Kind};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt;
use relay::Queue;
use relay::call::PIECES_WAITING_MAX;
use tokio::time::{Instant, timeout_at};

use crate::cache::Keeping;
use crate::content::Taking;

/// How long a caller may go on sending a body that was refused, so that it reads our answer
/// instead of a broken connection.
const LINGER: Duration = Duration::from_secs(2);

/// Bodies up to here are copied out of the connection's buffer; longer ones are most of it anyway.
const OWN_BYTES_MAX: usize = 16 * 1024;

/// Reads a whole request body.
///
/// # Errors
/// When it is longer than `bytes_max`, takes longer than `within`, or breaks off.
pub async fn read(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    within: Duration,
) -> Result<Bytes, Error> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|bytes| bytes > bytes_max) {
        if !headers.contains_key(EXPECT) {
            linger(body, bytes_max).await;
        }
        return Err(too_large(bytes_max));
    }
    let deadline = Instant::now() + within;
    match timeout_at(deadline, collect(body, bytes_max, declared)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(Broken::TooLarge(rest))) => {
            linger(rest, bytes_max).await;
            Err(too_large(bytes_max))
        }
        Ok(Err(Broken::Off)) => Err(Error::caller(
            Kind::InvalidRequest,
            "The request body broke off before its end",
        )),
        Err(_) => Err(Error::caller(
            Kind::RequestTimeout,
            format!(
                "The request body did not arrive within {} ms",
                within.as_millis()
            ),
        )),
    }
}

enum Broken {
    TooLarge(Body),
    Off,
}

async fn collect(
    mut body: Body,
    bytes_max: usize,
    declared: Option<usize>,
) -> Result<Bytes, Broken> {
    let mut first: Option<Bytes> = None;
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Broken::Off)?.into_data() else {
            continue;
        };
        let so_far = first.as_ref().map_or(whole.len(), Bytes::len);
        if so_far + piece.len() > bytes_max {
            return Err(Broken::TooLarge(body));
        }
        match first.take() {
            None if whole.is_empty() => first = Some(piece),
            None => whole.extend_from_slice(&piece),
            Some(begin) => {
                whole.reserve(declared.unwrap_or(0).max(begin.len() + piece.len()));
                whole.extend_from_slice(&begin);
                whole.extend_from_slice(&piece);
            }
        }
    }
    Ok(first.map_or_else(|| whole.freeze(), own))
}

/// A short body in memory of its own: as a part of the connection's buffer it would hold all of that
/// for as long as the call lasts, and the connection would make another one.
fn own(body: Bytes) -> Bytes {
    if body.len() > OWN_BYTES_MAX {
        return body;
    }
    Bytes::copy_from_slice(&body)
}

/// Reads on and forgets, for a bounded time and length.
async fn linger(mut body: Body, bytes_max: usize) {
    let deadline = Instant::now() + LINGER;
    let mut read = 0;
    while read <= bytes_max.saturating_mul(2) {
        match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => read += frame.into_data().map_or(0, |piece| piece.len()),
            Ok(Some(Err(_)) | None) | Err(_) => return,
        }
    }
}

fn too_large(bytes_max: usize) -> Error {
    Error::caller(
        Kind::PayloadTooLarge,
        format!("The request body is larger than {bytes_max} bytes, the limit here"),
    )
}

/// The body of a stream. Dropping it tells the relay that the caller has left.
pub struct Pieces {
    queue: Queue,
    // On the heap, so that the many that nobody takes or keeps do not carry room for it.
    taking: Option<Box<Taking>>,
    /// Who keeps the answer, until it has ended.
    keeping: Option<Box<Keeping>>,
}

impl Pieces {
    /// A body of everything that comes through `queue`.
    #[must_use]
    pub fn new(queue: Queue) -> Self {
        Self::kept(queue, None)
    }

    /// The same of an answer that is to be kept.
    #[must_use]
    pub fn kept(queue: Queue, keeping: Option<Keeping>) -> Self {
        Self {
            queue,
            taking: None,
            keeping: keeping.map(Box::new),
        }
    }

    /// The same, taken for whoever wants content kept.
    #[must_use]
    pub fn taken_by(mut self, taking: Option<Taking>) -> Self {
        self.taking = taking.map(Box::new);
        self
    }

    /// A piece, and all that wait behind it: they become one write.
    fn with_waiting(&mut self, piece: Bytes) -> Bytes {
        let Some(second) = self.queue.take_waiting() else {
            return piece;
        };
        let mut joined = BytesMut::with_capacity(2 * (piece.len() + second.len()));
        joined.extend_from_slice(&piece);
        joined.extend_from_slice(&second);
        // No more than the queue holds: who makes new ones meanwhile is not waited for.
        for _ in 2..PIECES_WAITING_MAX {
            let Some(further) = self.queue.take_waiting() else {
                break;
            };
            joined.extend_from_slice(&further);
        }
        joined.freeze()
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let Some(piece) = std::task::ready!(this.queue.poll_next(cx)) else {
            if let Some(keeping) = this.keeping.take() {
                keeping.complete();
            }
            if let Some(taking) = &mut this.taking {
                taking.complete();
            }
            return Poll::Ready(None);
        };
        let piece = this.with_waiting(piece);
        if let Some(keeping) = &mut this.keeping {
            keeping.piece(&piece);
        }
        if let Some(taking) = &mut this.taking {
            taking.piece(&piece);
        }
        Poll::Ready(Some(Ok(http_body::Frame::data(piece))))
    }
}

/// Many clients hang up at the terminator, before the end of the body: what has been sent by then is the
/// answer, if it is all of it.
impl Drop for Pieces {
    fn drop(&mut self) {
        let Some(mut keeping) = self.keeping.take() else {
            return;
        };
        // Asked first: what is sent until the end is there by then.
        let has_ended = self.queue.has_ended();
        while let Some(piece) = self.queue.take_waiting() {
            keeping.piece(&piece);
        }
        if has_ended {
            keeping.complete();
        }
    }
}
