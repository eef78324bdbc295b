//! The decoder of AWS event streams: any split gives the same messages, forged lengths are errors,
//! and what is written reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::frame::eventstream::{Decoder, Malformed, Message};

const LIMIT: usize = 4096;

fn read(pieces: &[&[u8]]) -> Vec<Result<Message, Malformed>> {
    let mut decoder = Decoder::with_limit(LIMIT);
    let mut messages = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(message) = decoder.next() {
            messages.push(message);
        }
    }
    decoder.finish();
    while let Some(message) = decoder.next() {
        messages.push(message);
    }
    messages
}

fuzz_target!(|input: (u8, &[u8], &[u8])| {
    let (split, bytes, payload) = input;
    let whole = read(&[bytes]);
    let at = usize::from(split).min(bytes.len());
    let (head, tail) = bytes.split_at(at);
    assert_eq!(whole, read(&[head, tail]), "a split changes the messages");
    for message in whole.into_iter().flatten() {
        let again = read(&[&message.encode()]);
        assert_eq!(again, [Ok(message)], "a message does not read back");
    }
    let made = Message {
        headers: Vec::new(),
        payload: bytes::Bytes::copy_from_slice(payload),
    };
    if payload.len() < LIMIT - 16 {
        assert_eq!(read(&[&made.encode()]), [Ok(made)]);
    }
});
