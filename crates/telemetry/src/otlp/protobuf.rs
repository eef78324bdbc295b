//! Protobuf's wire types, as far as OTLP needs them: varint, fixed64, and bytes with a length.
//!
//! Source: protobuf.dev, "Encoding". Fields with their default are left out, as proto3 has it, but
//! for those of a `oneof`, whose presence is what they say.

use crate::span::{Attributes, Value};

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;

/// One message in the making.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A number, left out when it is nothing.
    pub(super) fn number(self, field: u64, value: u64) -> Self {
        if value == 0 {
            return self;
        }
        self.present_number(field, value)
    }

    /// A number, present even when it is nothing.
    pub(super) fn present_number(mut self, field: u64, value: u64) -> Self {
        self.key(field, VARINT);
        self.varint(value);
        self
    }

    pub(super) fn fixed64(self, field: u64, value: u64) -> Self {
        if value == 0 {
            return self;
        }
        self.present_fixed64(field, value)
    }

    pub(super) fn present_fixed64(mut self, field: u64, value: u64) -> Self {
        self.key(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return self;
        }
        self.present_bytes(field, bytes)
    }

    pub(super) fn present_bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.key(field, BYTES);
        self.varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    /// A message within this one; present even when it is empty.
    pub(super) fn message(self, field: u64, inner: &Self) -> Self {
        self.present_bytes(field, &inner.0)
    }

    /// One message of a field for each of them.
    pub(super) fn messages(self, field: u64, inner: impl IntoIterator<Item = Self>) -> Self {
        let all = inner.into_iter();
        all.fold(self, |outer, inner| outer.message(field, &inner))
    }

    /// Packed numbers of eight bytes.
    pub(super) fn packed64(self, field: u64, values: impl IntoIterator<Item = u64>) -> Self {
        let bytes: Vec<u8> = values.into_iter().flat_map(u64::to_le_bytes).collect();
        self.bytes(field, &bytes)
    }

    /// `repeated KeyValue`.
    pub(super) fn attributes(self, field: u64, attributes: &Attributes) -> Self {
        let pairs = attributes.0.iter();
        self.messages(
            field,
            pairs.map(|(name, value)| Self::default().text(1, name).message(2, &any(value))),
        )
    }

    fn key(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            let [low, ..] = value.to_le_bytes();
            self.0.push(low | 0x80);
            value >>= 7;
        }
        let [low, ..] = value.to_le_bytes();
        self.0.push(low);
    }
}

/// `AnyValue`.
fn any(value: &Value) -> Message {
    let message = Message::default();
    match value {
        Value::Text(text) => message.present_bytes(1, text.as_bytes()),
        Value::Flag(flag) => message.present_number(2, u64::from(*flag)),
        Value::Int(number) => message.present_number(3, number.cast_unsigned()),
        Value::Float(number) => message.present_fixed64(4, number.to_bits()),
        Value::Texts(texts) => {
            let texts = texts
                .iter()
                .map(|text| Message::default().present_bytes(1, text.as_bytes()));
            message.message(5, &Message::default().messages(1, texts))
        }
    }
}
