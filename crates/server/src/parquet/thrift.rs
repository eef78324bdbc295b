//! Thrift's compact protocol, as far as Parquet's heads and footer need it.

/// The types of fields and elements, by their numbers on the wire.
const TRUE: u8 = 1;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// A structure that is being written. Fields are given in ascending order of their ids.
#[derive(Debug, Default)]
pub(super) struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

impl Struct {
    fn field(&mut self, id: u8, kind: u8) {
        // Ids of the structures in question ascend by less than sixteen.
        self.bytes.push((id - self.last) << 4 | kind);
        self.last = id;
    }

    /// A flag that holds.
    pub(super) fn set(mut self, id: u8) -> Self {
        self.field(id, TRUE);
        self
    }

    /// A number of 32 bits.
    pub(super) fn i32(mut self, id: u8, value: i32) -> Self {
        self.field(id, I32);
        varint(&mut self.bytes, zigzag(i64::from(value)));
        self
    }

    /// A number of 64 bits.
    pub(super) fn i64(mut self, id: u8, value: i64) -> Self {
        self.field(id, I64);
        varint(&mut self.bytes, zigzag(value));
        self
    }

    /// A text.
    pub(super) fn text(mut self, id: u8, value: &str) -> Self {
        self.field(id, BINARY);
        binary(&mut self.bytes, value);
        self
    }

    /// A structure.
    pub(super) fn inner(mut self, id: u8, value: Self) -> Self {
        self.field(id, STRUCT);
        self.bytes.extend(value.finish());
        self
    }

    /// Structures.
    pub(super) fn inners(mut self, id: u8, values: Vec<Self>) -> Self {
        self.field(id, LIST);
        list(&mut self.bytes, values.len(), STRUCT);
        for value in values {
            self.bytes.extend(value.finish());
        }
        self
    }

    /// Numbers.
    pub(super) fn i32s(mut self, id: u8, values: &[i32]) -> Self {
        self.field(id, LIST);
        list(&mut self.bytes, values.len(), I32);
        for value in values {
            varint(&mut self.bytes, zigzag(i64::from(*value)));
        }
        self
    }

    /// Texts.
    pub(super) fn texts(mut self, id: u8, values: &[&str]) -> Self {
        self.field(id, LIST);
        list(&mut self.bytes, values.len(), BINARY);
        for value in values {
            binary(&mut self.bytes, value);
        }
        self
    }

    /// All of it, with its end.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

const fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

/// Seven bits a byte, the lowest first.
pub(super) fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return bytes.push(low & 0x7f);
        }
        bytes.push(low | 0x80);
    }
}

fn binary(bytes: &mut Vec<u8>, text: &str) {
    varint(bytes, text.len() as u64);
    bytes.extend(text.as_bytes());
}

fn list(bytes: &mut Vec<u8>, count: usize, kind: u8) {
    match u8::try_from(count) {
        Ok(count @ 0..15) => bytes.push(count << 4 | kind),
        _ => {
            bytes.push(0xf0 | kind);
            varint(bytes, count as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_the_protocol_has_them() {
        let written = Struct::default()
            .i32(1, -1)
            .text(4, "é")
            .set(5)
            .inner(8, Struct::default().i64(1, 300))
            .i32s(9, &[3, 0])
            .texts(10, &["a"; 15])
            .inners(11, Vec::new())
            .finish();
        let expected = [
            &[0x15, 1][..],               // 1: i32 -1
            &[0x38, 2, 0xc3, 0xa9],       // 4: binary
            &[0x11],                      // 5: true
            &[0x3c, 0x16, 0xd8, 0x04, 0], // 8: struct of i64 300
            &[0x19, 0x25, 6, 0],          // 9: list of two i32
            &[0x19, 0xf8, 15],            // 10: list of fifteen binaries
            &[1, b'a'].repeat(15),
            &[0x19, 0x0c], // 11: list of no structs
            &[0],
        ];
        assert_eq!(written, expected.concat());
    }
}
