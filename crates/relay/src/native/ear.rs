//! Listens to an answer that is passed on as it is.

use bytes::BytesMut;
use chat::{Event, FinishReason, Reason, Unit, Usage};
use http::header::CONTENT_TYPE;
use tokio::time::Instant;
use wire::codec::Reader;
use wire::frame;

use super::{Native, NativeReply};
use crate::attempt::ANSWER_BYTES_MAX;
use crate::meter::Meter;

/// Listens to an answer that is passed on as it is.
pub(super) enum Ear {
    /// Nothing can be understood.
    Deaf,
    /// A stream, frame by frame.
    Stream(frame::Decoder, Box<dyn Reader>),
    /// A whole answer, kept until it is complete.
    Whole(BytesMut, Option<Box<dyn Reader>>),
}

impl Ear {
    pub(super) fn new(native: &Native, reply: &NativeReply) -> Self {
        let kind = reply.headers.get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let Some(body) = native.metered else {
            return Self::Deaf;
        };
        let reader = wire::reader(body);
        let is_stream =
            kind.starts_with("text/event-stream") || kind.contains("vnd.amazon.eventstream");
        match (is_stream && reply.status.is_success(), reader) {
            (true, Some(reader)) => {
                let framing = wire::lane::framing(native.connection.dialect, body);
                Self::Stream(frame::Decoder::new(framing), reader)
            }
            (true, None) => Self::Deaf,
            (false, reader) => Self::Whole(BytesMut::new(), reader),
        }
    }

    /// Hears a piece of the answer. What cannot be understood makes it deaf, not the caller.
    pub(super) fn hear(&mut self, piece: &[u8], meter: &mut Meter) {
        match self {
            Self::Deaf => {}
            Self::Whole(all, _) if all.len() + piece.len() > ANSWER_BYTES_MAX => *self = Self::Deaf,
            Self::Whole(all, _) => all.extend_from_slice(piece),
            Self::Stream(decoder, reader) => {
                decoder.push(piece);
                if !hear_frames(decoder, reader.as_mut(), meter) {
                    *self = Self::Deaf;
                }
            }
        }
    }

    /// The answer has ended.
    pub(super) fn finish(&mut self, meter: &mut Meter) {
        let now = Instant::now();
        match self {
            Self::Deaf => {}
            Self::Stream(decoder, reader) => {
                decoder.finish();
                hear_frames(decoder, reader.as_mut(), meter);
                // An answer that is not whole is the provider's; the caller has seen it as it is.
                let _ = reader.end(&mut |event| meter.hear(event, now));
            }
            Self::Whole(all, reader) => {
                let read = reader
                    .as_mut()
                    .map(|reader| reader.whole(all, &mut |event| meter.hear(event, now)));
                if !matches!(read, Some(Ok(()))) {
                    hear_usage(all, meter, now);
                }
            }
        }
    }

    /// What an error answer said.
    pub(super) fn said(&self) -> &[u8] {
        match self {
            Self::Whole(all, _) => all,
            Self::Deaf | Self::Stream(..) => &[],
        }
    }
}

fn hear_frames(decoder: &mut frame::Decoder, reader: &mut dyn Reader, meter: &mut Meter) -> bool {
    let now = Instant::now();
    while let Some(frame) = decoder.next() {
        let Ok(frame) = frame else { return false };
        let heard = reader.frame(&frame, &mut |event| meter.hear(event, now));
        if heard.is_err() {
            return false;
        }
    }
    true
}

/// The prompt tokens of an answer that is no conversation, such as embeddings: nearly all say them
/// in the way of OpenAI.
fn hear_usage(answer: &[u8], meter: &mut Meter, now: Instant) {
    if let Some(tokens) = wire::native::prompt_tokens(answer) {
        let usage = Usage::default()
            .with(Unit::Input, tokens)
            .with(Unit::Output, 0);
        meter.hear(Event::Usage(usage), now);
        // What counts its prompt has done its work: vectors and rankings have no tokens of output.
        let finish = FinishReason {
            reason: Reason::Stop,
            native: None,
        };
        meter.hear(Event::Finish(0, finish), now);
    }
}
