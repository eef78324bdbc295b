//! How events are put on the wire: server-sent events, and AWS's binary event stream with its two checksums.

use serde_json::Value;

use super::Event;

/// A server-sent event with a name.
pub(super) fn named_event(name: &str, value: &Value) -> Event {
    Event::bare(format!("event: {name}\ndata: {value}\n\n"))
}

/// A server-sent event without a name.
pub(super) fn data_event(value: &Value) -> Event {
    Event::bare(format!("data: {value}\n\n"))
}

/// A message of an AWS event stream with text headers.
pub(super) fn binary_message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    const TEXT: u8 = 7;
    let mut named = Vec::new();
    for (name, value) in headers {
        named.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        named.extend_from_slice(name.as_bytes());
        named.push(TEXT);
        named.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        named.extend_from_slice(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let mut message = Vec::with_capacity(16 + named.len() + payload.len());
    message.extend_from_slice(&length(16 + named.len() + payload.len()));
    message.extend_from_slice(&length(named.len()));
    message.extend_from_slice(&crc32(&message).to_be_bytes());
    message.extend_from_slice(&named);
    message.extend_from_slice(payload);
    message.extend_from_slice(&crc32(&message).to_be_bytes());
    message
}

/// A JSON event of an AWS event stream.
pub(super) fn binary_event(kind: &str, payload: &[u8]) -> Event {
    Event::bare(binary_message(
        &[
            (":event-type", kind),
            (":content-type", "application/json"),
            (":message-type", "event"),
        ],
        payload,
    ))
}

/// An exception inside an AWS event stream.
pub(super) fn binary_exception(kind: &str, payload: &[u8]) -> Event {
    Event::bare(binary_message(
        &[
            (":exception-type", kind),
            (":content-type", "application/json"),
            (":message-type", "exception"),
        ],
        payload,
    ))
}

/// The checksum of IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let step = |crc: u32, byte: &u8| (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize];
    !bytes.iter().fold(u32::MAX, step)
}

const fn table() -> [u32; 256] {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "it is below 256")]
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ (POLYNOMIAL * (value & 1));
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}
