//! The form of a segment, and what can be read of a damaged one.
//!
//! ```text
//! header   magic (8) version (u32) number (u64) node (16) crc32c of these (u32)
//! record   length of the payload (u32) crc32c of length and payload (u32) payload
//! ```
//!
//! Little-endian. A payload is a JSON object, so it begins and ends with braces and has no byte 0 in
//! it; and since no record is as long as 2²⁴ bytes, the fourth byte of each length is 0. So nothing
//! that a caller can send looks like the beginning of a record, and after damage the next whole
//! record can be found by looking for it.

use std::ops::Range;

use super::crc::crc32c;

const MAGIC: &[u8; 8] = b"waybill\n";
const VERSION: u32 = 1;

/// How long the header of a segment is.
pub(super) const HEADER_BYTES: usize = 40;
/// What a record takes besides its payload.
pub(super) const FRAME_BYTES: usize = 8;
/// The longest payload.
pub(super) const PAYLOAD_BYTES_MAX: usize = (1 << 24) - 1;

/// Whose segment it is, and which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u64,
    pub(super) node: [u8; 16],
}

/// What the beginning of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// Ours.
    Whole(Header),
    /// Written by a newer Waybill, in this version of the form.
    Newer(u32),
    /// Too short: the crash came before the header was durable, and so before any record was.
    Cut,
    /// Damaged.
    Bad,
}

/// What can be read of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) beginning: Beginning,
    /// Where the payloads of the whole records lie, in order.
    pub(super) payloads: Vec<Range<usize>>,
    /// What lies between whole records and is none: something was damaged after it was written.
    pub(super) damage: Vec<Range<usize>>,
    /// Where a record begins that was never finished: the crash came while it was being written.
    pub(super) torn: Option<usize>,
}

impl Header {
    pub(super) fn write(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.number.to_le_bytes());
        bytes[20..36].copy_from_slice(&self.node);
        let crc = crc32c(&[&bytes[..36]]);
        bytes[36..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Beginning {
        let Some((header, _)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Beginning::Cut;
        };
        if header[..8] != *MAGIC || word(header, 36) != Some(crc32c(&[&header[..36]])) {
            return Beginning::Bad;
        }
        match word(header, 8) {
            Some(VERSION) => {}
            Some(newer) => return Beginning::Newer(newer),
            None => return Beginning::Bad,
        }
        let (mut number, mut node) = ([0; 8], [0; 16]);
        number.copy_from_slice(&header[12..20]);
        node.copy_from_slice(&header[20..36]);
        Beginning::Whole(Self {
            number: u64::from_le_bytes(number),
            node,
        })
    }
}

/// Adds a record to what will be written. The payload is at most [`PAYLOAD_BYTES_MAX`] long.
pub(super) fn frame(payload: &[u8], into: &mut Vec<u8>) {
    let length = u32::try_from(payload.len())
        .unwrap_or(u32::MAX)
        .to_le_bytes();
    into.extend_from_slice(&length);
    into.extend_from_slice(&crc32c(&[&length, payload]).to_le_bytes());
    into.extend_from_slice(payload);
}

/// The payload of the record that begins there, if a whole one does.
pub(super) fn payload_at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let (length, crc) = (word(bytes, at)?, word(bytes, at.checked_add(4)?)?);
    let start = at.checked_add(FRAME_BYTES)?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    let payload = bytes.get(start..end)?;
    let is_object = payload.first() == Some(&b'{') && payload.last() == Some(&b'}');
    let is_whole = is_object
        && payload.len() <= PAYLOAD_BYTES_MAX
        && crc == crc32c(&[&length.to_le_bytes(), payload]);
    is_whole.then_some(start..end)
}

/// Finds every whole record of a segment, past any damage.
pub(super) fn scan(bytes: &[u8]) -> Scan {
    let beginning = Header::read(bytes);
    let mut scan = Scan {
        beginning,
        payloads: Vec::new(),
        damage: Vec::new(),
        torn: None,
    };
    let mut at = match beginning {
        Beginning::Whole(_) => HEADER_BYTES,
        Beginning::Bad => 0,
        Beginning::Newer(_) | Beginning::Cut => return scan,
    };
    while at < bytes.len() {
        if let Some(payload) = payload_at(bytes, at) {
            at = payload.end;
            scan.payloads.push(payload);
            continue;
        }
        match (at + 1..bytes.len()).find(|next| payload_at(bytes, *next).is_some()) {
            Some(next) => {
                scan.damage.push(at..next);
                at = next;
            }
            None => {
                if at > 0 && is_unfinished(bytes, at) {
                    scan.torn = Some(at);
                } else {
                    scan.damage.push(at..bytes.len());
                }
                return scan;
            }
        }
    }
    scan
}

/// Whether what lies there to the end of the file may be a record that was being written.
fn is_unfinished(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    let length = word(bytes, at).and_then(|length| usize::try_from(length).ok());
    rest.len() < FRAME_BYTES
        || rest.iter().all(|byte| *byte == 0)
        || length.is_some_and(|length| {
            (1..=PAYLOAD_BYTES_MAX).contains(&length) && rest.len() < FRAME_BYTES + length
        })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let (word, _) = bytes.get(at..)?.split_first_chunk::<4>()?;
    Some(u32::from_le_bytes(*word))
}
