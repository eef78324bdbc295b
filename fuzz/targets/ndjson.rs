//! The decoder of JSON objects in lines or in one array: any split gives the same objects.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use wire::frame::ndjson::{Decoder, Malformed};

const LIMIT: usize = 512;

fn read(pieces: &[&[u8]]) -> Vec<Result<Bytes, Malformed>> {
    let mut decoder = Decoder::with_limit(LIMIT);
    let mut objects = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(object) = decoder.next() {
            objects.push(object);
        }
    }
    decoder.finish();
    while let Some(object) = decoder.next() {
        objects.push(object);
    }
    objects
}

fuzz_target!(|input: (u8, &[u8])| {
    let (split, bytes) = input;
    let whole = read(&[bytes]);
    let at = usize::from(split).min(bytes.len());
    let (head, tail) = bytes.split_at(at);
    assert_eq!(whole, read(&[head, tail]), "a split changes the objects");
    for object in whole.into_iter().flatten() {
        assert!(object.len() <= LIMIT, "an object is longer than the limit");
    }
});
