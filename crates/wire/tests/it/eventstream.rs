//! AWS event streams: any split gives the same messages, and nothing broken is believed.

use bytes::Bytes;
use proptest::prelude::*;
use wire::frame::eventstream::{Decoder, HEADER_BYTES_MAX, Header, Malformed, Message, Value};

use crate::recorded::recordings;

fn decode(pieces: &[&[u8]]) -> Result<Vec<Message>, Malformed> {
    let mut decoder = Decoder::new();
    let mut messages = Vec::new();
    let mut take = |decoder: &mut Decoder| {
        while let Some(message) = decoder.next() {
            messages.push(message?);
        }
        Ok(())
    };
    for piece in pieces {
        decoder.push(piece);
        take(&mut decoder)?;
    }
    decoder.finish();
    take(&mut decoder)?;
    Ok(messages)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(char::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hex"))
        .collect()
}

fn header(name: &str, value: Value) -> Header {
    let name = name.into();
    Header { name, value }
}

/// One header of every type.
fn all_types() -> Message {
    Message {
        headers: vec![
            header(":message-type", Value::Text("event".into())),
            header(":event-type", Value::Text("ünïcode".into())),
            header("true", Value::Bool(true)),
            header("false", Value::Bool(false)),
            header("byte", Value::Byte(-1)),
            header("short", Value::Short(i16::MIN)),
            header("int", Value::Int(i32::MIN)),
            header("long", Value::Long(i64::MIN)),
            header("bytes", Value::Bytes(Bytes::from_static(b"\0\xff"))),
            header("time", Value::Timestamp(1_700_000_000_123)),
            header("uuid", Value::Uuid([7; 16])),
            header("", Value::Text("".into())),
        ],
        payload: Bytes::from_static(b"{\"p\":1}"),
    }
}

#[test]
fn the_specifications_messages_are_read_and_written() {
    let payload = Bytes::from_static(b"{'foo':'bar'}");
    let kind = header("content-type", Value::Text("application/json".into()));
    let number = header("event-type", Value::Int(40972));
    let check = |hex: &str, headers: Vec<Header>, payload: Bytes| {
        let encoded = bytes(hex);
        let message = Message { headers, payload };
        assert_eq!(message.encode(), encoded);
        assert_eq!(decode(&[&encoded]), Ok(vec![message]));
    };
    check("00000010 00000000 05c248eb 7d98c8ff", vec![], Bytes::new());
    check(
        "0000001d 00000000 fd528c5a 7b27666f6f273a27626172277d c3653936",
        vec![],
        payload.clone(),
    );
    check(
        "0000003d 00000020 07fd8396 0c636f6e74656e742d74797065 07 0010 6170706c69636174696f6e2f6a736f6e
         7b27666f6f273a27626172277d 8d9c08b1",
        vec![kind],
        payload.clone(),
    );
    check(
        "0000002d 00000010 41c424b8 0a6576656e742d74797065 04 0000a00c 7b27666f6f273a27626172277d 36f480a0",
        vec![number],
        payload,
    );
}

#[test]
fn every_type_of_header_is_read_at_every_split() {
    let messages = vec![
        all_types(),
        Message {
            headers: vec![header(":message-type", Value::Text("exception".into()))],
            payload: Bytes::new(),
        },
    ];
    let encoded: Vec<u8> = messages.iter().flat_map(|m| m.encode().to_vec()).collect();
    for at in 0..=encoded.len() {
        let (before, after) = encoded.split_at(at);
        assert_eq!(
            decode(&[before, after]).as_ref(),
            Ok(&messages),
            "split at {at}"
        );
    }
    let single: Vec<&[u8]> = encoded.chunks(1).collect();
    assert_eq!(decode(&single).as_ref(), Ok(&messages));
    assert_eq!(messages[0].kind(), Some("ünïcode"));
    assert_eq!(messages[0].text("int"), None);
    assert!(!messages[0].is_failure() && messages[1].is_failure());
}

#[test]
fn one_flipped_bit_anywhere_is_noticed() {
    let encoded = all_types().encode();
    for at in 0..encoded.len() {
        for bit in 0..8 {
            let mut broken = encoded.to_vec();
            broken[at] ^= 1 << bit;
            let error = decode(&[&broken]).expect_err("a checksum does not fit");
            let expected = match at {
                0..12 => Malformed::PreludeChecksum,
                _ => Malformed::Checksum,
            };
            assert_eq!(error, expected, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn a_cut_anywhere_is_noticed() {
    let encoded = all_types().encode();
    assert_eq!(decode(&[]), Ok(vec![]));
    for at in 1..encoded.len() {
        assert_eq!(
            decode(&[&encoded[..at]]),
            Err(Malformed::Truncated),
            "cut at {at}"
        );
    }
}

/// A message with any lengths and any bytes for headers, its checksums right.
fn forged(total: u32, header_bytes: u32, body: &[u8]) -> Vec<u8> {
    let mut forged = Vec::new();
    forged.extend(total.to_be_bytes());
    forged.extend(header_bytes.to_be_bytes());
    forged.extend(crc32(&forged).to_be_bytes());
    forged.extend(body);
    forged.extend(crc32(&forged).to_be_bytes());
    forged
}

/// The checksum bit by bit, apart from the table in `wire`.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| match crc & 1 {
            1 => (crc >> 1) ^ 0xedb8_8320,
            _ => crc >> 1,
        })
    })
}

#[test]
fn lengths_that_cannot_be_are_refused_before_anything_is_held() {
    let check = |total: u32, header_bytes: u32, expected: Malformed| {
        let mut decoder = Decoder::new();
        decoder.push(&forged(total, header_bytes, b""));
        assert_eq!(
            decoder.next(),
            Some(Err(expected)),
            "{total} {header_bytes}"
        );
        decoder.push(&all_types().encode());
        assert_eq!(decoder.next(), None, "it has given up");
    };
    check(u32::MAX, 0, Malformed::TooLong(24 * 1024 * 1024));
    check(0, 0, Malformed::Lengths);
    check(15, 0, Malformed::Lengths);
    check(16, 1, Malformed::Lengths);
    check(16, u32::MAX, Malformed::Lengths);
    let too_many = u32::try_from(HEADER_BYTES_MAX + 1).expect("small");
    check(1_000_000, too_many, Malformed::Lengths);
}

#[test]
fn a_message_beyond_the_limit_ends_the_stream() {
    let encoded = all_types().encode();
    let mut decoder = Decoder::with_limit(encoded.len());
    decoder.push(&encoded);
    assert!(decoder.next().is_some_and(|message| message.is_ok()));
    let mut decoder = Decoder::with_limit(encoded.len() - 1);
    decoder.push(&encoded[..12]);
    assert_eq!(
        decoder.next(),
        Some(Err(Malformed::TooLong(encoded.len() - 1)))
    );
}

#[test]
fn headers_that_cannot_be_are_refused() {
    for headers in [
        &b"\x01"[..],           // a name that is not there
        b"\x01n",               // no type
        b"\x01n\x0a",           // a type that does not exist
        b"\x01n\x04\0\0\0",     // a number cut short
        b"\x01n\x07\0\x05ab",   // a text cut short
        b"\x01n\x07\0\x01\xff", // no UTF-8
        b"\x01\xff\x00",        // nor here
        b"\x01n\x09\0",         // an identifier cut short
    ] {
        let total = u32::try_from(16 + headers.len()).expect("small");
        let forged = forged(total, total - 16, headers);
        assert_eq!(decode(&[&forged]), Err(Malformed::Headers), "{headers:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_headers_make_the_reader_panic(body in prop::collection::vec(0..12_u8, 0..64)) {
        let total = u32::try_from(16 + body.len()).expect("small");
        let read = decode(&[&forged(total, total - 16, &body)]);
        prop_assert!(matches!(read, Ok(_) | Err(Malformed::Headers)));
    }
}

/// Base64 as it stands in the recordings.
fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = |byte: u8| DIGITS.iter().position(|digit| *digit == byte);
    let digits: Vec<usize> = text.bytes().filter_map(value).collect();
    digits
        .chunks(4)
        .flat_map(|group| {
            let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit);
            let bits = bits << (6 * (4 - group.len()));
            let bytes = [bits >> 16, bits >> 8, bits].map(|byte| (byte & 0xff) as u8);
            bytes.into_iter().take(group.len() - 1)
        })
        .collect()
}

#[test]
fn recorded_streams_are_read_and_written_back_byte_for_byte() {
    let mut seen = 0;
    for folder in ["exchanges/bedrock-converse", "exchanges/bedrock-invoke"] {
        for (name, exchange) in recordings(folder) {
            let Some(text) = exchange["response"]["base64"].as_str() else {
                continue;
            };
            let recorded = from_base64(text);
            let messages = decode(&[&recorded]).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!messages.is_empty(), "{name}");
            let written: Vec<u8> = messages.iter().flat_map(|m| m.encode().to_vec()).collect();
            assert!(written == recorded, "{name} differs when written back");
            for message in &messages {
                assert!(message.kind().is_some(), "{name}: {message:?}");
                crate::cases::tree(&message.payload);
            }
            let pieces: Vec<&[u8]> = recorded.chunks(7).collect();
            assert_eq!(decode(&pieces), Ok(messages), "{name}");
            seen += 1;
        }
    }
    assert!(seen == 0 || seen > 30, "only {seen} streams");
}
