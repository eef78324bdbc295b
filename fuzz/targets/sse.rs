//! The decoder of server-sent events: any split of the bytes gives the same frames, within the limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::frame::Frame;
use wire::frame::sse::{Decoder, TooLong};

const LIMIT: usize = 256;

fn read(pieces: &[&[u8]]) -> Vec<Result<Frame, TooLong>> {
    let mut decoder = Decoder::with_limit(LIMIT);
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(frame) = decoder.next() {
            frames.push(frame);
        }
    }
    decoder.finish();
    while let Some(frame) = decoder.next() {
        frames.push(frame);
    }
    frames
}

fuzz_target!(|input: (u8, &[u8])| {
    let (split, bytes) = input;
    let whole = read(&[bytes]);
    let at = usize::from(split).min(bytes.len());
    let (head, tail) = bytes.split_at(at);
    assert_eq!(whole, read(&[head, tail]), "a split changes the frames");
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(whole, read(&single), "single bytes change the frames");
    for frame in whole.into_iter().flatten() {
        assert!(
            frame.data.len() <= LIMIT,
            "a frame is longer than the limit"
        );
    }
});
