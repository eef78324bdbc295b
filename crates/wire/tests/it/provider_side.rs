//! What the tests of providers' dialects share: answers read in pieces, requests translated.

use chat::response::{Fold, Response};
use chat::{Dialect, Error, Event};
use serde_json::Value;
use wire::codec::Outbound;
use wire::frame::{Decoder, Framing};
use wire::{Beside, Incoming, Outgoing, Written};

use crate::cases::{Heard, tree};

/// What became of an answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Read {
    pub(crate) heard: Heard,
    pub(crate) response: Response,
    pub(crate) end: Result<(), Error>,
}

/// Reads a stream that comes in these pieces.
pub(crate) fn stream<'p>(
    dialect: &dyn Outbound,
    framing: Framing,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Read {
    let mut reader = dialect.reader();
    let mut decoder = Decoder::new(framing);
    let (mut heard, mut fold) = (Heard::default(), Fold::default());
    let mut hear = |event: Event<'_>| {
        heard.hear(event.clone());
        fold.hear(event);
    };
    let mut drain = |decoder: &mut Decoder| {
        while let Some(frame) = decoder.next() {
            let frame = frame.map_err(|error| {
                Error::provider(chat::Kind::ProviderUnavailable, error.to_string())
            })?;
            reader.frame(&frame, &mut hear)?;
        }
        Ok(())
    };
    let mut end = Ok(());
    for piece in pieces {
        decoder.push(piece);
        end = drain(&mut decoder);
        if end.is_err() {
            break;
        }
    }
    if end.is_ok() {
        decoder.finish();
        end = drain(&mut decoder);
    }
    if end.is_ok() {
        end = reader.end(&mut hear);
    }
    Read {
        heard,
        response: fold.finish(),
        end,
    }
}

/// Reads a whole answer.
pub(crate) fn whole(dialect: &dyn Outbound, body: &str) -> Read {
    let (mut heard, mut fold) = (Heard::default(), Fold::default());
    let end = dialect.reader().whole(body.as_bytes(), &mut |event| {
        heard.hear(event.clone());
        fold.hear(event);
    });
    Read {
        heard,
        response: fold.finish(),
        end,
    }
}

/// Reads a stream whole, at a few places in two, in small pieces and byte by byte: always the same.
pub(crate) fn at_every_split(
    (dialect, framing): (&dyn Outbound, Framing),
    bytes: &[u8],
    name: &str,
) -> Read {
    let at_once = stream(dialect, framing, [bytes]);
    for part in 1..8 {
        let (before, after) = bytes.split_at(bytes.len() * part / 8);
        let split = stream(dialect, framing, [before, after]);
        assert_eq!(split, at_once, "{name}: split at {}", before.len());
    }
    for size in [1, 7, 61] {
        let pieces = stream(dialect, framing, bytes.chunks(size));
        assert_eq!(pieces, at_once, "{name}: pieces of {size}");
    }
    at_once
}

/// Cuts a stream after each byte: an answer that does not end well has finished no tool call.
pub(crate) fn cut_everywhere(dialect: &dyn Outbound, framing: Framing, bytes: &[u8]) {
    let all = stream(dialect, framing, [bytes]);
    all.end.clone().expect("a whole answer");
    for at in 0..bytes.len() {
        let cut = stream(dialect, framing, [&bytes[..at]]);
        if cut.end.is_ok() || !cut.heard.finish.is_empty() {
            // Only what comes after the last word may be missing.
            assert_eq!(cut.heard.called(), all.heard.called(), "cut at {at}");
            assert_eq!(cut.heard.text, all.heard.text, "cut at {at}");
            assert_eq!(cut.heard.finish, all.heard.finish, "cut at {at}");
        }
    }
}

/// A request read at a door, and written for an endpoint of another dialect.
pub(crate) fn translated(
    from: Dialect,
    body: &Value,
    to: &Outgoing<'_>,
) -> Result<(Incoming, Written), Error> {
    let text = body.to_string();
    let door = wire::door(from).expect("a door");
    let incoming = door.read_request(text.as_bytes(), Beside::default())?;
    // Hosts wrap bodies that are not theirs.
    let bodies = to.dialect.bodies(to.native_model);
    let lane = wire::lane(from, to.dialect, bodies[0]).expect("a lane");
    let written = lane.write((text.as_bytes(), &incoming), to)?;
    Ok((incoming, written))
}

/// The same, for a request that can be written.
pub(crate) fn written(from: Dialect, body: &Value, to: &Outgoing<'_>) -> (Value, Vec<String>) {
    let (_, written) = translated(from, body, to).expect("a request that can be written");
    (tree(&written.body), written.dropped)
}

/// An endpoint for a model.
pub(crate) const fn endpoint(dialect: Dialect, native_model: &str) -> Outgoing<'_> {
    Outgoing {
        dialect,
        native_model,
        quirks: &[],
        supported: None,
        output_limit: None,
        output_most: None,
    }
}

/// The status of a recorded answer.
pub(crate) fn status(exchange: &Value) -> u16 {
    let status = exchange["response"]["status"].as_u64().unwrap_or(0);
    u16::try_from(status).unwrap_or(0)
}
