//! How events are put on the wire: server-sent events, and AWS's binary event stream with its two checksums.

use crc::{CRC_32_ISO_HDLC, Crc};
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
    static ETHERNET: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
    ETHERNET.checksum(bytes)
}
