//! The form of a segment, and what can be read of a damaged one.
//!
//! ```text
//! header   magic (8) version (u32) number (u64) node (16) crc32c of these (u32)
//! record   length of the payload (u32) crc32c (u32) durable (u32) payload
//! ```
//!
//! Little-endian. `durable` is how much of the segment was safe when the record was written: what is
//! broken before it was damaged later, what is broken behind it may have been cut short by a crash.
//! The checksum goes over the segment's number, length, `durable` and payload, so that a record of another segment,
//! which a crash may bring back into this one's blocks, is none of this one's.
//! A segment ends where nothing but zeros follows, if it does not end before: its length may have been
//! written beforehand.
//!
//! Version 1 had no `durable`, and a checksum over length and payload alone. It is read, not written.
//!
//! A payload is a JSON object, so it begins and ends with braces and has no byte 0 in it; and since no
//! record is as long as 2²⁴ bytes, the fourth byte of each length is 0. So nothing that a caller can send
//! looks like the beginning of a record, and after damage the next whole record can be found by
//! looking for it.

use std::ops::Range;

use super::crc::crc32c;

const MAGIC: &[u8; 8] = b"waybill\n";
const VERSION: u32 = 2;

/// How long the header of a segment is.
pub(super) const HEADER_BYTES: usize = 40;
/// What a record takes besides its payload.
pub(super) const FRAME_BYTES: usize = 12;
/// The same in version 1.
const PLAIN_FRAME_BYTES: usize = 8;
/// The longest payload.
pub(super) const PAYLOAD_BYTES_MAX: usize = (1 << 24) - 1;

/// Whose segment it is, and which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u64,
    pub(super) node: [u8; 16],
}

/// How records are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Version 1.
    Plain,
    /// Version 2, in the segment of this number.
    Numbered(u64),
}

/// What the beginning of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// Ours, its records in this form.
    Whole(Header, Form),
    /// Written by a newer Waybill, in this version of the form.
    Newer(u32),
    /// Too short, or nothing behind it: the crash came before the header was durable, and so before any record was.
    Cut,
    /// Damaged, or that of another segment than the file's name says.
    Bad,
}

/// Where a whole record lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where its frame begins.
    pub(super) at: usize,
    pub(super) payload: Range<usize>,
    /// How much of the segment was safe when it was written.
    durable: usize,
}

/// What can be read of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) beginning: Beginning,
    /// The whole records, in order.
    pub(super) records: Vec<Found>,
    /// What is no whole record and was one: something was damaged after it was durable.
    pub(super) damage: Vec<Range<usize>>,
    /// What is no whole record and need not have been one: the crash came while it was being written.
    pub(super) torn: Vec<Range<usize>>,
    /// Where the zeros begin that nothing follows, or the end.
    pub(super) end: usize,
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

    /// The beginning of the file that is named by this number.
    fn read(bytes: &[u8], file: u64) -> Beginning {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Beginning::Cut;
        };
        if header[..8] != *MAGIC || word(header, 36) != Some(crc32c(&[&header[..36]])) {
            return match written(rest) {
                0 => Beginning::Cut,
                _ => Beginning::Bad,
            };
        }
        let (mut number, mut node) = ([0; 8], [0; 16]);
        number.copy_from_slice(&header[12..20]);
        node.copy_from_slice(&header[20..36]);
        let number = u64::from_le_bytes(number);
        let form = match word(header, 8) {
            Some(1) => Form::Plain,
            Some(VERSION) if number == file => Form::Numbered(number),
            Some(VERSION) | None => return Beginning::Bad,
            Some(newer) => return Beginning::Newer(newer),
        };
        Beginning::Whole(Self { number, node }, form)
    }
}

/// Adds a record to what will be written to the segment of that number, of which so many bytes are
/// durable. The payload is at most [`PAYLOAD_BYTES_MAX`] long.
pub(super) fn frame(payload: &[u8], (number, durable): (u64, u64), into: &mut Vec<u8>) {
    let word = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let (length, durable) = (word(payload.len() as u64), word(durable));
    let crc = crc32c(&[&number.to_le_bytes(), &length, &durable, payload]);
    into.extend_from_slice(&length);
    into.extend_from_slice(&crc.to_le_bytes());
    into.extend_from_slice(&durable);
    into.extend_from_slice(payload);
}

/// The record that begins there in one of these forms, if a whole one does.
fn record_at(bytes: &[u8], at: usize, forms: &[Form]) -> Option<Found> {
    let (length, crc) = (word(bytes, at)?, word(bytes, at.checked_add(4)?)?);
    let length_bytes = usize::try_from(length).ok()?;
    if length_bytes > PAYLOAD_BYTES_MAX {
        return None;
    }
    forms.iter().find_map(|form| {
        let frame = match form {
            Form::Plain => PLAIN_FRAME_BYTES,
            Form::Numbered(_) => FRAME_BYTES,
        };
        let start = at.checked_add(frame)?;
        let payload = bytes.get(start..start.checked_add(length_bytes)?)?;
        if payload.first() != Some(&b'{') || payload.last() != Some(&b'}') {
            return None;
        }
        let length = length.to_le_bytes();
        let (found, durable) = match form {
            Form::Plain => (crc32c(&[&length, payload]), 0),
            Form::Numbered(number) => {
                let durable = word(bytes, at + PLAIN_FRAME_BYTES)?;
                let pieces = [
                    &number.to_le_bytes()[..],
                    &length,
                    &durable.to_le_bytes(),
                    payload,
                ];
                (crc32c(&pieces), usize::try_from(durable).ok()?)
            }
        };
        (found == crc).then(|| Found {
            at,
            payload: start..start + payload.len(),
            durable,
        })
    })
}

/// The payload of the one record that these bytes of the segment of that number are, in whatever form.
pub(super) fn only_record(bytes: &[u8], number: u64) -> Option<Range<usize>> {
    let found = record_at(bytes, 0, &[Form::Numbered(number), Form::Plain])?;
    (found.payload.end == bytes.len()).then_some(found.payload)
}

/// Finds every whole record of the segment of that number, past any damage.
pub(super) fn scan(bytes: &[u8], number: u64) -> Scan {
    let beginning = Header::read(bytes, number);
    let mut scan = Scan {
        beginning,
        records: Vec::new(),
        damage: Vec::new(),
        torn: Vec::new(),
        end: written(bytes),
    };
    // Without its header, records of either form are looked for.
    let (forms, mut at) = match beginning {
        Beginning::Whole(_, form) => (vec![form], HEADER_BYTES),
        Beginning::Bad => (vec![Form::Numbered(number), Form::Plain], 0),
        Beginning::Newer(_) | Beginning::Cut => return scan,
    };
    let mut gaps = Vec::new();
    while at < scan.end {
        if let Some(found) = record_at(bytes, at, &forms) {
            at = found.payload.end;
            scan.records.push(found);
            continue;
        }
        let mut further = at + 1..scan.end;
        let next = further.find(|next| record_at(bytes, *next, &forms).is_some());
        let next = next.unwrap_or(scan.end);
        gaps.push(at..next);
        at = next;
    }
    let durable = scan.records.iter().map(|found| found.durable).max();
    let is_torn = |gap: &Range<usize>| match beginning {
        Beginning::Whole(_, Form::Plain) => gap.end == scan.end && is_unfinished(bytes, gap.start),
        Beginning::Whole(_, Form::Numbered(_)) => gap.start >= durable.unwrap_or(0),
        Beginning::Newer(_) | Beginning::Cut | Beginning::Bad => false,
    };
    (scan.torn, scan.damage) = gaps.into_iter().partition(is_torn);
    scan
}

/// Whether what lies there to the end of a file of version 1 may be a record that was being written.
fn is_unfinished(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    let length = word(bytes, at).and_then(|length| usize::try_from(length).ok());
    rest.len() < PLAIN_FRAME_BYTES
        || length.is_some_and(|length| {
            (1..=PAYLOAD_BYTES_MAX).contains(&length) && rest.len() < PLAIN_FRAME_BYTES + length
        })
}

/// How much of these bytes is left without the zeros at their end.
fn written(bytes: &[u8]) -> usize {
    static ZEROS: [u8; 4096] = [0; 4096];
    let is_blank = |block: &&[u8]| ZEROS.starts_with(block);
    let blocks = bytes.rchunks(ZEROS.len()).take_while(is_blank);
    let rest = &bytes[..bytes.len() - blocks.map(<[u8]>::len).sum::<usize>()];
    rest.iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let (word, _) = bytes.get(at..)?.split_first_chunk::<4>()?;
    Some(u32::from_le_bytes(*word))
}
