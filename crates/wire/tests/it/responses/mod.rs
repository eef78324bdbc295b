//! The dialect `openai-responses`, one module per side.

mod door;
mod provider;
mod recorded;
mod requests;
mod streams;

use bytes::Bytes;
use chat::{Dialect, Error, Event, Usage};
use serde_json::Value;
use wire::codec::{Door as _, Listen, Outbound as _, Reader};
use wire::frame::sse::Decoder;
use wire::frame::{Frame, Framing};
use wire::openai_responses::OpenaiResponses;
use wire::{Asked, Beside, CostText, Incoming, Lane, Outgoing, Passed, Stamp};

use crate::cases::{Heard, tree};

const RESPONSES: Dialect = Dialect::OpenaiResponses;

/// The dialect on both sides, with the bytes passed on.
fn same() -> Lane {
    wire::lane(RESPONSES, RESPONSES, RESPONSES).expect("a lane")
}

/// The dialect on both sides, by way of the vocabulary.
fn translated() -> Lane {
    Lane::Translated(&OpenaiResponses, &OpenaiResponses, Framing::Sse)
}

/// An endpoint.
fn to(native_model: &str) -> Outgoing<'_> {
    Outgoing {
        dialect: RESPONSES,
        native_model,
        quirks: &[],
        supported: None,
        output_limit: None,
        output_most: None,
    }
}

fn read(body: &Value) -> Result<Incoming, Error> {
    OpenaiResponses.read_request(body.to_string().as_bytes(), Beside::default())
}

fn cost() -> CostText {
    CostText {
        total: Some("0.00012".to_owned()),
        prompt: Some("0.0001".to_owned()),
        completion: Some("0.00002".to_owned()),
        ..CostText::default()
    }
}

/// What became of an answer on its way through a lane.
#[derive(Debug, Clone)]
struct Seen {
    heard: Heard,
    bytes: Vec<u8>,
    end: Result<(), Error>,
}

impl Seen {
    /// The events that the caller got, with the terminator taken away.
    fn events(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.bytes).expect("UTF-8");
        let frames = text.split_terminator("\n\n");
        let frames = frames.filter(|frame| *frame != "data: [DONE]");
        let read = frames.map(|frame| {
            let (name, data) = frame.split_once("\ndata: ").expect("a name and data");
            let event = tree(data.as_bytes());
            assert_eq!(event["type"], name.strip_prefix("event: ").expect("a name"));
            event
        });
        read.collect()
    }
}

/// Sends a stream through a lane, to its last frames or its error.
fn stream<'p>(
    lane: &Lane,
    (body, stamp): (&str, Stamp),
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Seen {
    let request = OpenaiResponses
        .read_request(body.as_bytes(), Beside::default())
        .expect("a request");
    let mut tap = lane.tap(&Asked {
        body: body.as_bytes(),
        request: &request,
        stamp,
    });
    let mut seen = Seen {
        heard: Heard::default(),
        bytes: Vec::new(),
        end: Ok(()),
    };
    let mut decoder = Decoder::new();
    let mut usage = Usage::default();
    let mut is_done = false;
    let mut take = |decoder: &mut Decoder, seen: &mut Seen| -> Result<(), Error> {
        while let Some(frame) = decoder.next() {
            let frame = frame.expect("a frame of modest size");
            if is_done {
                continue;
            }
            let heard = &mut seen.heard;
            let passed = tap.frame(&frame, &mut |event| {
                if let Event::Usage(counted) = &event {
                    usage.merge(counted.clone());
                }
                heard.hear(event);
            })?;
            match passed {
                Passed::Forward(bytes) => seen.bytes.extend_from_slice(&bytes),
                Passed::Swallow => {}
                Passed::Done => is_done = true,
                Passed::Last(bytes) => {
                    seen.bytes.extend_from_slice(&bytes);
                    is_done = true;
                }
            }
        }
        Ok(())
    };
    let read = || {
        for piece in pieces {
            decoder.push(piece);
            take(&mut decoder, &mut seen)?;
        }
        decoder.finish();
        take(&mut decoder, &mut seen)
    };
    let end = read();
    let heard = &mut seen.heard;
    seen.end = end.and_then(|()| tap.end(&mut |event| heard.hear(event)).map(drop));
    let last = match &seen.end {
        Ok(()) => tap.last_frames(&usage, &cost()),
        Err(error) => tap.error_frame(error),
    };
    seen.bytes.extend_from_slice(&last);
    seen
}

/// Reads a stream as a provider's.
fn hear(pieces: &[&[u8]]) -> (Heard, Result<(), Error>) {
    let mut heard = Heard::default();
    let mut reader = OpenaiResponses.reader();
    let mut decoder = Decoder::new();
    let mut end = Ok(false);
    for piece in pieces {
        decoder.push(piece);
        end = end.and_then(|is_done| drain(&mut decoder, (&mut *reader, is_done), &mut heard));
    }
    decoder.finish();
    end = end.and_then(|is_done| drain(&mut decoder, (&mut *reader, is_done), &mut heard));
    let end = end.and_then(|_| reader.end(&mut |event| heard.hear(event)));
    (heard, end)
}

fn drain(
    decoder: &mut Decoder,
    (reader, mut is_done): (&mut dyn Reader, bool),
    heard: &mut Heard,
) -> Result<bool, Error> {
    while let Some(frame) = decoder.next() {
        let frame: Frame = frame.expect("a frame of modest size");
        if !is_done {
            let listen: &mut Listen<'_> = &mut |event| heard.hear(event);
            is_done = reader.frame(&frame, listen)?;
        }
    }
    Ok(is_done)
}

/// Reads a whole answer as a provider's.
fn hear_whole(body: &Value) -> (Heard, Result<(), Error>) {
    let mut heard = Heard::default();
    let mut reader = OpenaiResponses.reader();
    let end = reader.whole(body.to_string().as_bytes(), &mut |event| heard.hear(event));
    (heard, end)
}

/// A whole answer through a lane.
fn whole(lane: &Lane, (body, stamp): (&str, Stamp), answer: &Value) -> Result<Value, Error> {
    let request = OpenaiResponses.read_request(body.as_bytes(), Beside::default())?;
    let mut tap = lane.tap(&Asked {
        body: body.as_bytes(),
        request: &request,
        stamp,
    });
    let mut usage = Usage::default();
    tap.read_whole(&Bytes::from(answer.to_string()), &mut |event| {
        if let Event::Usage(counted) = event {
            usage.merge(counted);
        }
    })?;
    tap.write_whole(&usage, &cost()).map(|bytes| tree(&bytes))
}
