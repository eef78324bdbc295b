//! One try at one endpoint: body, credential, send, and what the answer's beginning means.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use catalog::endpoint::Endpoint;
use chat::{Error, Event, Kind};
use http::Response;
use http::header::{HeaderMap, RETRY_AFTER};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};
use wire::{Passed, Sequence, Tap, Told, frame};

use crate::call::Call;
use crate::failures;
use crate::meter::Meter;
use crate::relay::Relay;
use crate::request;
use crate::routing::Chosen;
use crate::upstream::{SendError, UpstreamBody};

/// A provider's whole answer may be this large; more is an error of the provider.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// An error answer is read up to this many bytes.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// Frames without content that may precede the first content of a stream.
const PRELUDE_BYTES_MAX: usize = 256 * 1024;

/// An endpoint that has begun to answer.
pub(crate) struct Attempted {
    /// Request fields that could not be passed on.
    pub(crate) dropped: Vec<String>,
    /// The provider's status.
    pub(crate) status: u16,
    /// The answer.
    pub(crate) answer: Answer,
}

impl Attempted {
    /// Whether the answer is complete and there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.answer {
            Answer::Whole(answer) => answer.meter.is_empty(),
            Answer::Stream(live) => live.done && live.meter.is_empty(),
        }
    }
}

/// What an endpoint answered with.
pub(crate) enum Answer {
    /// All of it.
    Whole(Box<WholeAnswer>),
    /// A stream that has shown its first content.
    Stream(Box<LiveStream>),
}

/// A whole answer, read and understood.
pub(crate) struct WholeAnswer {
    pub(crate) tap: Box<dyn Tap>,
    pub(crate) meter: Meter,
}

/// A stream that has begun.
pub(crate) struct LiveStream {
    pub(crate) body: UpstreamBody,
    pub(crate) decoder: frame::Decoder,
    pub(crate) tap: Box<dyn Tap>,
    pub(crate) meter: Meter,
    /// Frames read so far, ready to be forwarded.
    pub(crate) pending: VecDeque<Bytes>,
    /// Whether the stream has already said that it is complete.
    pub(crate) done: bool,
    /// Whether the end was checked already.
    pub(crate) has_ended: bool,
    /// What the caller is told of it, where another endpoint may go on with it.
    pub(crate) told: Option<Told>,
    /// Whether it goes on with what another has told.
    pub(crate) goes_on: bool,
    /// What it broke by as it began, after something of it was written down.
    pub(crate) broke: Option<Error>,
    /// When this attempt must be over.
    pub(crate) deadline: Instant,
}

/// What is asked of one endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) call: &'a Call,
    /// Numbers the events of the caller's stream.
    pub(crate) sequence: &'a Sequence,
    /// What is presented to the provider.
    pub(crate) chosen: Option<&'a Chosen>,
    /// The token limit per choice that the provider is told, where it is ours.
    pub(crate) output_limit: Option<u64>,
    /// What the caller was told by another endpoint, to be gone on with.
    pub(crate) told: Option<&'a Told>,
}

/// Sends the call to one endpoint and waits until its answer has begun. With an output limit of
/// ours the provider is told that one, not the caller's. `has_head` is set when the head of the
/// answer has come.
///
/// # Errors
/// Whatever went wrong, classified; nothing has been sent to the caller.
pub(crate) async fn attempt(
    relay: &Relay,
    asking: Asking<'_>,
    endpoint: &Endpoint,
    has_head: &AtomicBool,
) -> Result<Attempted, Error> {
    let timers = &relay.parts.timers;
    let stream = asking.call.request.needs.stream;
    let mut to_send = request::write(relay, &asking, endpoint).await?;
    let request = std::mem::take(&mut to_send.request);
    let sent_at = Instant::now();
    let deadline = sent_at + timers.total;
    // A whole answer's head comes when the provider is done; a stream's must come soon.
    let head_by = if stream {
        sent_at + timers.first_token
    } else {
        deadline
    };
    let waits = &asking.call.waits;
    let sending = timeout_at(head_by, relay.parts.upstream.send(request));
    let response = waits
        .during(sending)
        .await
        .map_err(|_| failures::timeout(endpoint, "did not begin to answer", head_by - sent_at))?
        .map_err(|error| failures::send(endpoint, &error))?;
    relay.report_headroom(endpoint, response.headers(), asking.chosen);
    let status = response.status().as_u16();
    if !response.status().is_success() {
        let reading = refused(endpoint, response, head_by, timers.idle);
        return Err(waits.during(reading).await);
    }
    has_head.store(true, Ordering::Relaxed);
    let (tap, told) = to_send.tap(&asking, endpoint);
    let body = response.into_body();
    let answer = if stream {
        let live = LiveStream {
            body,
            decoder: frame::Decoder::new(to_send.lane.framing()),
            tap,
            meter: Meter::default(),
            pending: VecDeque::new(),
            done: false,
            has_ended: false,
            told,
            goes_on: asking.told.is_some(),
            broke: None,
            deadline,
        };
        Answer::Stream(Box::new(
            begin((asking.call, endpoint), live, head_by, timers.first_token).await?,
        ))
    } else {
        let by = (timers.idle, deadline);
        let reading = read_all(endpoint, body, ANSWER_BYTES_MAX, by);
        let body = waits.during(reading).await?;
        Answer::Whole(Box::new(read_whole(endpoint, tap, &body)?))
    };
    Ok(Attempted {
        dropped: to_send.dropped,
        status,
        answer,
    })
}

/// Reads a whole answer.
fn read_whole(
    endpoint: &Endpoint,
    mut tap: Box<dyn Tap>,
    body: &Bytes,
) -> Result<WholeAnswer, Error> {
    let mut meter = Meter::default();
    let now = Instant::now();
    tap.read_whole(body, &mut |event| meter.hear(event, now))
        .map_err(|error| failures::named(endpoint, error))?;
    Ok(WholeAnswer { tap, meter })
}

/// Reads a stream up to its first content, so that a provider that fails early still lets the next
/// one try, and the caller still gets an honest status.
async fn begin(
    (call, endpoint): (&Call, &Endpoint),
    mut live: LiveStream,
    by: Instant,
    limit: Duration,
) -> Result<LiveStream, Error> {
    let mut held_bytes = 0;
    while !live.meter.has_begun() && !live.done && held_bytes < PRELUDE_BYTES_MAX {
        let reading = timeout_at(by, next_chunk(&mut live.body));
        let chunk = call
            .waits
            .during(reading)
            .await
            .map_err(|_| failures::timeout(endpoint, "sent no content", limit))?
            .map_err(|broken| failures::broken(endpoint, &broken))?;
        let Some(chunk) = chunk else {
            live.done = true;
            if let Err(error) = live.finish_decoding() {
                live.break_off(failures::named(endpoint, error))?;
                return Ok(live);
            }
            break;
        };
        if let Err(error) = live.read(&chunk) {
            live.break_off(failures::named(endpoint, error))?;
            return Ok(live);
        }
        held_bytes = live.pending.iter().map(Bytes::len).sum();
    }
    if live.done {
        // All of it is here, and none of it has gone down: a broken answer may still be replaced.
        match live.end() {
            Ok(held) => live.pending.push_back(held),
            Err(error) => live.break_off(failures::named(endpoint, error))?,
        }
    }
    Ok(live)
}

impl LiveStream {
    /// What went wrong as it began; kept for later where something of it is told already, which must go
    /// down before anybody goes on with it.
    fn break_off(&mut self, error: Error) -> Result<(), Error> {
        if !self.goes_on || self.pending.is_empty() {
            return Err(error);
        }
        self.broke = Some(error);
        Ok(())
    }

    /// Takes in a piece of the provider's stream; what is to be forwarded waits in `pending`.
    pub(crate) fn read(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.decoder.push(chunk);
        self.drain_decoder()
    }

    /// Takes in what the decoder still holds when the stream has ended without a last blank line.
    pub(crate) fn finish_decoding(&mut self) -> Result<(), Error> {
        self.decoder.finish();
        self.drain_decoder()
    }

    fn drain_decoder(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        while let Some(frame) = self.decoder.next() {
            let frame = frame.map_err(|error| {
                Error::provider(
                    Kind::ProviderUnavailable,
                    "the provider sent a malformed stream",
                )
                .with_detail(error.to_string())
            })?;
            let meter = &mut self.meter;
            let mut listen = |event: Event<'_>| meter.hear(event, now);
            match self.tap.frame(&frame, &mut listen)? {
                Passed::Forward(bytes) => self.pending.push_back(bytes),
                Passed::Swallow => {}
                Passed::Done => self.done = true,
                Passed::Last(bytes) => {
                    self.pending.push_back(bytes);
                    self.done = true;
                }
            }
        }
        Ok(())
    }

    /// The provider is done: fine only if its answer is whole. Returns what was held back.
    /// Asked again, it has nothing more to say.
    pub(crate) fn end(&mut self) -> Result<Bytes, Error> {
        if std::mem::replace(&mut self.has_ended, true) {
            return Ok(Bytes::new());
        }
        let (meter, now) = (&mut self.meter, Instant::now());
        self.tap.end(&mut |event| meter.hear(event, now))
    }

    /// Everything that waits to be forwarded, as one piece: one write for all that was ready.
    pub(crate) fn take_pending(&mut self) -> Option<Bytes> {
        let first = self.pending.pop_front()?;
        if self.pending.is_empty() {
            return Some(first);
        }
        let rest: usize = self.pending.iter().map(Bytes::len).sum();
        let mut all = BytesMut::with_capacity(first.len() + rest);
        all.extend_from_slice(&first);
        self.pending
            .drain(..)
            .for_each(|bytes| all.extend_from_slice(&bytes));
        Some(all.freeze())
    }
}

/// The next piece of a body; `None` at its end.
pub(crate) async fn next_chunk(body: &mut UpstreamBody) -> Result<Option<Bytes>, SendError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| SendError::Broken(crate::upstream::chain(&*error)))?;
        if let Ok(chunk) = frame.into_data() {
            return Ok(Some(chunk));
        }
    }
    Ok(None)
}

/// Reads a whole body within a size, an idle gap and a deadline.
pub(crate) async fn read_all(
    endpoint: &Endpoint,
    mut body: UpstreamBody,
    bytes_max: usize,
    (idle, deadline): (Duration, Instant),
) -> Result<Bytes, Error> {
    let mut all = BytesMut::new();
    loop {
        let by = deadline.min(Instant::now() + idle);
        let chunk = timeout_at(by, next_chunk(&mut body))
            .await
            .map_err(|_| failures::timeout(endpoint, "stopped in the middle of its answer", idle))?
            .map_err(|broken| failures::broken(endpoint, &broken))?;
        let Some(chunk) = chunk else {
            return Ok(all.freeze());
        };
        if all.len() + chunk.len() > bytes_max {
            return Err(failures::too_large(endpoint, bytes_max));
        }
        all.extend_from_slice(&chunk);
    }
}

/// Reads an error answer and says what it means.
pub(crate) async fn refused(
    endpoint: &Endpoint,
    response: Response<UpstreamBody>,
    by: Instant,
    idle: Duration,
) -> Error {
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    // A body that cannot be read leaves the status to speak for itself.
    let body = read_all(endpoint, response.into_body(), ERROR_BYTES_MAX, (idle, by))
        .await
        .unwrap_or_default();
    let mut error = wire::read_error(status, &body);
    let metadata = error.metadata_mut();
    metadata.upstream_status = Some(status);
    metadata.retry_after = retry_after.or(metadata.retry_after);
    failures::named(endpoint, error)
}

/// `Retry-After` in seconds (the only form that providers use), or OpenAI's `retry-after-ms`.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let millis = number("retry-after-ms").map(|ms| ms / 1000.0);
    let seconds = millis.or_else(|| number(RETRY_AFTER.as_str()))?;
    // Providers have been seen to ask for days; nothing above an hour is believed.
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(3600.0)))
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms_and_clamped() {
        for (name, value, expected_ms) in [
            ("retry-after", "2", Some(2000)),
            ("retry-after-ms", "250", Some(250)),
            ("retry-after", "999999", Some(3_600_000)),
            ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT", None),
            ("retry-after", "-1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(
                retry_after(&headers),
                expected_ms.map(Duration::from_millis),
                "{value}"
            );
        }
    }
}
