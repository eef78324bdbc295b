//! Google's `generateContent`: through untouched, into the vocabulary, and out of it.

mod answers;
mod carried;
mod choices;
mod recorded;
mod requests;

use bytes::Bytes;
use chat::response::{Fold, Response};
use chat::{Dialect, Error, Event, Request, Usage};
use serde_json::Value;
use wire::codec::{Door, Inbound, Outbound};
use wire::frame::{Decoder, Framing};
use wire::gemini::Gemini;
use wire::{Asked, Beside, CostText, Incoming, Lane, Outgoing, Passed, Tap, Written};

use crate::cases::{Heard, stamp};

pub(crate) const GEMINI: Gemini = Gemini::EVENTS;

/// An endpoint of AI Studio.
fn endpoint(native_model: &str) -> Outgoing<'_> {
    Outgoing {
        dialect: Dialect::Gemini,
        native_model,
        quirks: &[],
        supported: None,
        output_limit: None,
        output_most: None,
    }
}

fn beside(stream: bool) -> Beside {
    Beside {
        model: Some("google/gemini-2.5-flash".to_owned()),
        stream,
        ..Beside::default()
    }
}

fn read(body: &Value) -> Incoming {
    let read = GEMINI.read_request(body.to_string().as_bytes(), beside(false));
    read.unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn parse(body: &Value) -> Request {
    let incoming = read(body);
    let parsed = GEMINI.parse(body.to_string().as_bytes(), &incoming);
    parsed.unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn write(request: &Request, native_model: &str) -> Written {
    GEMINI
        .write(request, &endpoint(native_model))
        .expect("a request can be written")
}

fn cost() -> CostText {
    CostText {
        total: Some("0.0125".to_owned()),
        ..CostText::default()
    }
}

fn tap(from: Dialect, body: &[u8], incoming: &Incoming) -> Box<dyn Tap> {
    let lane: Lane = wire::lane(from, Dialect::Gemini, Dialect::Gemini).expect("a lane");
    lane.tap(&Asked {
        body,
        request: incoming,
        stamp: stamp(),
    })
}

/// What became of a whole stream.
struct Streamed {
    heard: Heard,
    response: Response,
    sent: String,
    end: Result<(), Error>,
}

/// Sends a stream through a tap in the given pieces, to its last frames.
fn stream<'p>(mut tap: Box<dyn Tap>, pieces: impl IntoIterator<Item = &'p [u8]>) -> Streamed {
    let mut decoder = Decoder::new(Framing::Sse);
    let (mut heard, mut fold) = (Heard::default(), Fold::default());
    let mut sent = Vec::new();
    let run = || -> Result<(), Error> {
        let mut listen = |event: Event<'_>| {
            heard.hear(event.clone());
            fold.hear(event);
        };
        let mut take = |decoder: &mut Decoder, tap: &mut Box<dyn Tap>| -> Result<(), Error> {
            while let Some(frame) = decoder.next() {
                match tap.frame(&frame.expect("a frame"), &mut listen)? {
                    Passed::Forward(bytes) | Passed::Last(bytes) => sent.extend_from_slice(&bytes),
                    Passed::Swallow | Passed::Done => {}
                }
            }
            Ok(())
        };
        for piece in pieces {
            decoder.push(piece);
            take(&mut decoder, &mut tap)?;
        }
        decoder.finish();
        take(&mut decoder, &mut tap)?;
        sent.extend_from_slice(&tap.end(&mut |_| ())?);
        Ok(())
    };
    let end = run();
    if end.is_ok() {
        let usage = heard.usage.clone();
        sent.extend_from_slice(&tap.last_frames(&usage, &cost()));
    }
    Streamed {
        heard,
        response: fold.finish(),
        sent: String::from_utf8(sent).expect("UTF-8"),
        end,
    }
}

/// A whole answer through a tap: what was heard, and what the caller sees.
fn whole(mut tap: Box<dyn Tap>, body: &Value) -> Result<(Heard, Response, Value), Error> {
    let (mut heard, mut fold) = (Heard::default(), Fold::default());
    let body = Bytes::from(body.to_string());
    tap.read_whole(&body, &mut |event| {
        heard.hear(event.clone());
        fold.hear(event);
    })?;
    let usage: Usage = heard.usage.clone();
    let written = tap.write_whole(&usage, &cost())?;
    let written = serde_json::from_slice(&written).expect("JSON");
    Ok((heard, fold.finish(), written))
}
