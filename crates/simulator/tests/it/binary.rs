//! Reads AWS's binary event stream, and insists on both checksums.

use serde_json::Value;

/// One message: its headers, and its payload as JSON.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: Value,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, value)| value)
    }
}

/// Every message of a body.
pub(crate) fn messages(mut body: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while !body.is_empty() {
        let total = number(&body[..4]) as usize;
        let named = number(&body[4..8]) as usize;
        assert_eq!(
            number(&body[8..12]),
            crc32(&body[..8]),
            "the prelude's checksum"
        );
        let end = total - 4;
        assert_eq!(
            number(&body[end..total]),
            crc32(&body[..end]),
            "the checksum"
        );
        messages.push(Message {
            headers: headers(&body[12..12 + named]),
            payload: serde_json::from_slice(&body[12 + named..end]).unwrap_or(Value::Null),
        });
        body = &body[total..];
    }
    messages
}

fn headers(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (name, rest) = rest.split_at(usize::from(*length));
        assert_eq!(rest[0], 7, "a text header");
        let size = usize::from(u16::from_be_bytes([rest[1], rest[2]]));
        let (value, rest) = rest[3..].split_at(size);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        headers.push((text(name), text(value)));
        bytes = rest;
    }
    headers
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}

/// Bit by bit, unlike the simulator's own.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

#[test]
fn the_checksum_is_the_published_one() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}
