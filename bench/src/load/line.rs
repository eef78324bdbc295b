//! One HTTP/1.1 connection that makes one call at a time, driven by the task that uses it.
//!
//! Hyper's connection is polled beside the call, in the same task: a second task per connection would double the
//! wake-ups of the generator and blur what is measured.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use memchr::memmem;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::frames::Frames;
use super::order::{Form, Order, Speech};

/// Longest answer that is read whole.
const WHOLE_BYTES_MAX: usize = 4 << 20;
/// How much of an unexpected answer an error message shows.
const SHOWN_BYTES: usize = 300;
const CONNECT: Duration = Duration::from_secs(10);

type Wire = Connection<TokioIo<TcpStream>, Full<Bytes>>;

/// A connection.
pub(crate) struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// None once it has ended.
    connection: Option<Pin<Box<Wire>>>,
}

/// What a call that went well looked like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// When the first bytes of a whole body, or the first event of a stream, were there.
    pub(crate) first: Instant,
    /// When the last byte was there.
    pub(crate) ended: Instant,
    /// Events of a stream; 0 for a whole answer.
    pub(crate) chunks: u64,
}

impl Line {
    pub(crate) async fn open(addr: SocketAddr) -> Result<Self> {
        let connecting = tokio::time::timeout(CONNECT, TcpStream::connect(addr));
        let stream = connecting
            .await
            .context("no connection in time")?
            .context("cannot connect")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            sender,
            connection: Some(Box::pin(connection)),
        })
    }

    /// Whether another call can be made.
    pub(crate) fn is_open(&self) -> bool {
        self.connection.is_some() && !self.sender.is_closed()
    }

    /// Makes one call and checks its answer; `on_chunks` is told how many events came with each read of a stream.
    ///
    /// # Errors
    /// Whatever makes the answer wrong: the connection, the status, an error event, too few events, no ending.
    pub(crate) async fn call(&mut self, order: &Order, on_chunks: impl FnMut(u64)) -> Result<Seen> {
        let Self { sender, connection } = self;
        let call = one_call(sender, order, on_chunks);
        beside(connection, call).await
    }

    /// Sends any request and reads the whole answer.
    pub(crate) async fn fetch(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes)> {
        let Self { sender, connection } = self;
        let fetch = async {
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = http_body_util::Limited::new(response.into_body(), WHOLE_BYTES_MAX);
            let body = body.collect().await.map_err(|error| anyhow!(error))?;
            Ok((status, body.to_bytes()))
        };
        beside(connection, fetch).await
    }
}

/// Polls the connection and what waits for it in one task.
async fn beside<T>(connection: &mut Option<Pin<Box<Wire>>>, wanted: impl Future<Output = T>) -> T {
    let mut wanted = pin!(wanted);
    poll_fn(|context| {
        if let Poll::Ready(done) = wanted.as_mut().poll(context) {
            return Poll::Ready(done);
        }
        if let Some(running) = connection {
            let has_ended = running.as_mut().poll(context).is_ready();
            if has_ended {
                *connection = None; // What waits for it learns of the end by itself.
            }
            // The connection may have something for the call now.
            return wanted.as_mut().poll(context);
        }
        Poll::Pending
    })
    .await
}

async fn one_call(
    sender: &mut SendRequest<Full<Bytes>>,
    order: &Order,
    mut on_chunks: impl FnMut(u64),
) -> Result<Seen> {
    sender.ready().await.context("the connection ended")?;
    let response = sender
        .send_request(order.request())
        .await
        .context("no answer")?;
    let status = response.status();
    let mut body = response.into_body();
    if status != StatusCode::OK {
        let shown = http_body_util::Limited::new(body, WHOLE_BYTES_MAX)
            .collect()
            .await;
        let shown = shown.map(|body| body.to_bytes()).unwrap_or_default();
        bail!("status {status}: {}", excerpt(&shown));
    }
    let (mut first, mut frames, mut whole) = (None, Frames::default(), Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame.context("the body broke off")?.into_data() else {
            continue; // Trailers.
        };
        match order.form {
            Form::Whole => {
                first.get_or_insert_with(Instant::now);
                if whole.len() + bytes.len() > WHOLE_BYTES_MAX {
                    bail!("the answer is longer than {WHOLE_BYTES_MAX} bytes");
                }
                whole.extend_from_slice(&bytes);
            }
            Form::Stream { .. } => {
                let count = frames.take(&bytes);
                if count > 0 {
                    first.get_or_insert_with(Instant::now);
                    on_chunks(count);
                }
            }
        }
    }
    let ended = Instant::now();
    match order.form {
        Form::Whole => check_whole(&whole, order.speech)?,
        Form::Stream { chunks } => check_stream(&frames, chunks)?,
    }
    Ok(Seen {
        first: first.unwrap_or(ended),
        ended,
        chunks: frames.count,
    })
}

/// A whole answer has a finish reason and a usage, and is complete JSON as far as its last byte shows.
fn check_whole(body: &[u8], speech: Speech) -> Result<()> {
    let has = |field: &[u8]| memmem::find(body, field).is_some();
    let reason: &[u8] = match speech {
        Speech::Chat => b"\"finish_reason\":",
        Speech::Messages => b"\"stop_reason\":",
    };
    if has(reason) && has(b"\"usage\":") && body.trim_ascii_end().ends_with(b"}") {
        return Ok(());
    }
    bail!("not a whole answer: {}", excerpt(body))
}

fn check_stream(frames: &Frames, chunks: u64) -> Result<()> {
    if frames.has_error {
        bail!("an error event after {} events", frames.count);
    }
    if !frames.is_done {
        bail!(
            "the stream ended without [DONE] after {} events",
            frames.count
        );
    }
    if frames.count < chunks {
        bail!("{} events instead of at least {chunks}", frames.count);
    }
    Ok(())
}

/// The beginning of an answer, for an error message.
pub(crate) fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::canned::{self, Canned};

    async fn call(form: Form, answer: Canned) -> Result<Seen> {
        let server = canned::serve(answer).await;
        let order = server.order(form);
        Line::open(server.addr).await?.call(&order, |_| ()).await
    }

    #[tokio::test]
    async fn a_whole_answer_is_accepted_and_half_of_one_is_not() {
        assert!(
            call(Form::Whole, Canned::whole(canned::WHOLE))
                .await
                .is_ok()
        );
        let error = call(Form::Whole, Canned::whole(r#"{"choices":["#))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("not a whole answer"), "{error}");
    }

    #[tokio::test]
    async fn a_stream_must_have_all_its_chunks_and_its_ending() {
        let seen = call(Form::Stream { chunks: 5 }, Canned::stream(5))
            .await
            .unwrap();
        assert_eq!(seen.chunks, 5);
        let error = call(Form::Stream { chunks: 6 }, Canned::stream(5))
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("5 events instead of at least 6"),
            "{error}"
        );
        let cut = Canned::stream(5).without_done();
        let error = call(Form::Stream { chunks: 5 }, cut).await.unwrap_err();
        assert!(error.to_string().contains("without [DONE]"), "{error}");
    }

    #[tokio::test]
    async fn another_status_is_an_error_that_shows_the_body() {
        let busy = Canned::whole(r#"{"error":{"message":"busy"}}"#).with_status(429);
        let error = call(Form::Whole, busy).await.unwrap_err().to_string();
        assert!(error.contains("429") && error.contains("busy"), "{error}");
    }

    #[tokio::test]
    async fn one_line_makes_many_calls() {
        let server = canned::serve(Canned::stream(3)).await;
        let order = server.order(Form::Stream { chunks: 3 });
        let mut line = Line::open(server.addr).await.unwrap();
        for _ in 0..10 {
            assert!(line.is_open());
            line.call(&order, |_| ()).await.unwrap();
        }
        assert_eq!(server.connections(), 1);
    }
}
