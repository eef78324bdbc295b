//! Server-sent events: any split of the bytes gives the same frames.

use bytes::Bytes;
use wire::frame::sse::{Decoder, Frame, TooLong};

/// The frames of a stream that comes in these pieces.
pub(crate) fn decode(pieces: &[&[u8]]) -> Vec<Frame> {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    let mut take = |decoder: &mut Decoder| {
        while let Some(frame) = decoder.next() {
            frames.push(frame.expect("short frames"));
        }
    };
    for piece in pieces {
        decoder.push(piece);
        take(&mut decoder);
    }
    decoder.finish();
    take(&mut decoder);
    frames
}

fn frame(event: Option<&'static str>, data: &'static str) -> Frame {
    Frame {
        event: event.map(Bytes::from),
        data: Bytes::from(data),
    }
}

#[test]
fn every_way_to_write_a_frame_is_read_at_every_split() {
    let text = "\u{feff}: comment\n\ndata: one\n\ndata:two\r\n\r\nevent: named\rdata: a\rdata:  b\r\r\
                id: 7\nretry: 10\ndata\n\n: ping\n\nevent: lonely\n\ndata: ünïcode\n\ndata: last";
    let expected = [
        frame(None, "one"),
        frame(None, "two"),
        frame(Some("named"), "a\n b"),
        frame(None, ""),
        frame(None, "ünïcode"),
        frame(None, "last"),
    ];
    let bytes = text.as_bytes();
    assert_eq!(decode(&[bytes]), expected);
    for at in 0..=bytes.len() {
        let (before, after) = bytes.split_at(at);
        assert_eq!(decode(&[before, after]), expected, "split at {at}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(decode(&single), expected);
}

#[test]
fn a_name_without_data_is_forgotten_at_the_blank_line() {
    let frames = decode(&[b"event: lonely\n\ndata: x\n\n"]);
    assert_eq!(frames, [frame(None, "x")]);
}

#[test]
fn a_frame_beyond_the_limit_ends_the_stream() {
    for text in [
        "data: 0123456789\n\n",
        "data: 01234\ndata: 56789\n\n",
        "data: 0123456789",
    ] {
        let mut decoder = Decoder::with_limit(11);
        decoder.push(text.as_bytes());
        assert_eq!(decoder.next(), Some(Err(TooLong(11))), "{text}");
        decoder.push(b"data: x\n\n");
        assert_eq!(decoder.next(), None);
    }
    let mut decoder = Decoder::with_limit(11);
    decoder.push(b"data: 01234\n\ndata: 56789\n\n");
    assert!(decoder.next().is_some_and(|frame| frame.is_ok()));
    assert!(decoder.next().is_some_and(|frame| frame.is_ok()));
}

#[test]
fn a_long_frame_in_many_pieces_is_searched_once() {
    // Quadratic search would look at 4 MiB 4,096 times; this test would then take minutes.
    let piece = [b'x'; 1024];
    let mut decoder = Decoder::new();
    decoder.push(b"data: ");
    for _ in 0..4_096 {
        decoder.push(&piece);
        assert_eq!(decoder.next(), None);
    }
    decoder.push(b"\n\n");
    let frame = decoder.next().expect("a frame").expect("below the limit");
    assert_eq!(frame.data.len(), 4_096 * 1024);
}
