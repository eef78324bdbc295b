//! What can be read of segments that were cut short or damaged, of either form.

use std::path::PathBuf;

use super::super::open::{Journal, JournalError};
use super::super::segment::{Beginning, HEADER_BYTES, frame, scan};
use super::{Scratch, payload, plain_segment, seal_header, segment, texts};

/// Segments of both forms, with that many records.
fn both(records: usize) -> [Vec<u8>; 2] {
    [segment(records), plain_segment(records)]
}

#[test]
fn a_torn_end_costs_only_the_record_that_was_never_finished() {
    for (all, whole) in both(4).into_iter().zip(both(3)) {
        for end in whole.len()..all.len() {
            let bytes = &all[..end];
            let begins = scan(bytes, 1).torn.first().map(|torn| torn.start);
            assert_eq!(begins, (end > whole.len()).then_some(whole.len()), "{end}");
            assert_eq!(scan(bytes, 1).damage, [], "{end}");
            let scratch = Scratch::with_segment(bytes);
            let (_journal, records) = scratch.replay();
            assert_eq!(
                records,
                [payload(0), payload(1), payload(2)],
                "cut at {end}"
            );
            let left = std::fs::read(&scratch.segments()[0]).unwrap();
            assert_eq!(left, whole, "the torn end is cut off");
        }
    }
}

#[test]
fn what_was_written_beforehand_changes_nothing() {
    let (all, whole) = (segment(4), segment(3).len());
    for end in whole..=all.len() {
        let mut bytes = all[..end].to_vec();
        bytes.resize(20_000, 0);
        let found = scan(&bytes, 1);
        let is_whole = end == all.len();
        assert_eq!(found.damage, [], "{end}");
        assert_eq!(found.records.len(), 3 + usize::from(is_whole), "{end}");
        // Zeros of what was to be written are like those that were there.
        assert_eq!(found.torn.is_empty(), is_whole || end == whole, "{end}");
        assert!(found.end <= end, "{end}");
    }
}

/// A batch of records over several sectors, of which any may be on the disk and any not.
#[test]
fn whichever_sectors_of_the_last_batch_a_power_cut_left_nothing_is_called_damaged() {
    const SECTOR: usize = 512;
    const SECTORS: usize = 8;
    let mut before = segment(9);
    before.resize(SECTORS * SECTOR, 0);
    let durable = segment(9).len();
    let mut after = segment(9);
    let mut number = 9;
    while after.len() + 2 * SECTOR < before.len() {
        let long = format!("{{\"id\":\"{}\"}}", "x".repeat(40 * (number - 8)));
        frame(long.as_bytes(), (1, durable as u64), &mut after);
        number += 1;
    }
    let records = scan(&after, 1).records.len();
    after.resize(SECTORS * SECTOR, 0);
    let promised: Vec<String> = (0..9).map(payload).collect();
    for there in 0..1_u32 << SECTORS {
        let sector = |n: usize| n * SECTOR..(n + 1) * SECTOR;
        let mut bytes = before.clone();
        for n in (0..SECTORS).filter(|n| there >> n & 1 == 1) {
            bytes[sector(n)].copy_from_slice(&after[sector(n)]);
        }
        let found = scan(&bytes, 1);
        assert_eq!(found.damage, [], "{there:b}");
        assert_eq!(texts(&bytes)[..9], promised, "{there:b}");
        assert!(
            texts(&bytes)
                .iter()
                .all(|text| texts(&after).contains(text))
        );
        let is_whole = found.records.len() == records;
        assert!(
            is_whole || !found.torn.is_empty() || found.records.len() == 9 && found.end == durable,
            "{there:b}"
        );
    }
}

#[test]
fn records_of_another_segment_are_none_of_this_one() {
    let mut bytes = segment(2);
    let end = bytes.len();
    for number in 2..6 {
        frame(payload(number).as_bytes(), (7, end as u64), &mut bytes);
    }
    assert_eq!(texts(&bytes), [payload(0), payload(1)]);
    assert_eq!(scan(&bytes, 1).torn, vec![end..bytes.len()]);
    // A whole file under the name of another is damaged: it is put aside, and nothing of it counts.
    let found = scan(&segment(2), 2);
    assert_eq!((found.beginning, found.records.len()), (Beginning::Bad, 0));
}

#[test]
fn a_segment_without_a_whole_header_held_nothing_and_goes() {
    for end in 0..HEADER_BYTES {
        for length in [end, HEADER_BYTES, 10_000] {
            let mut bytes = segment(1)[..end].to_vec();
            bytes.resize(length.max(end), 0);
            let scratch = Scratch::with_segment(&bytes);
            let (_journal, records) = scratch.replay();
            assert_eq!(records, Vec::<String>::new());
            assert_eq!(scratch.segments(), Vec::<PathBuf>::new());
        }
    }
}

#[test]
fn any_flipped_bit_is_noticed_and_costs_at_most_its_own_record() {
    for whole in both(3) {
        let record = (whole.len() - HEADER_BYTES) / 3;
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let found = scan(&bytes, 1);
            let survivors: Vec<String> = match (bit / 8).checked_sub(HEADER_BYTES) {
                None => (0..3).map(payload).collect(),
                Some(at) => (0..3).filter(|n| *n != at / record).map(payload).collect(),
            };
            assert_eq!(texts(&bytes), survivors, "bit {bit}");
            // The last one may have been cut short, for all that can be known.
            let last = HEADER_BYTES + 2 * record;
            let is_noticed = found.beginning == Beginning::Bad
                || !found.damage.is_empty()
                || found.torn.first().is_some_and(|torn| torn.start == last);
            assert!(is_noticed, "bit {bit}");
        }
    }
}

#[test]
fn noise_is_never_taken_for_a_record() {
    let mut state = 1_u64;
    let mut noise = Vec::new();
    for _ in 0..60_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        noise.push(state.to_be_bytes()[0]);
    }
    let mut bytes = segment(2);
    let end = bytes.len();
    bytes.extend(&noise);
    let durable = bytes.len() as u64;
    frame(payload(2).as_bytes(), (1, durable), &mut bytes);
    assert_eq!(texts(&bytes), [payload(0), payload(1), payload(2)]);
    assert_eq!(scan(&bytes, 1).damage, vec![end..end + noise.len()]);
    assert_eq!(texts(&noise), Vec::<String>::new());
}

#[tokio::test]
async fn segments_of_an_earlier_waybill_are_taken_up_and_read_back() {
    let scratch = Scratch::with_segment(&plain_segment(3));
    let mut places = Vec::new();
    let journal = Journal::open(scratch.options(1 << 30, 1 << 20), &mut |_, place| {
        places.push(place);
        Ok(true)
    });
    let journal = journal.unwrap();
    for (number, place) in places.iter().enumerate() {
        assert_eq!(journal.read(*place).unwrap(), payload(number).as_bytes());
    }
    journal.release(places);
    journal.close().await;
    assert_eq!(scratch.segments(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_damaged_segment_is_kept_aside_when_its_records_are_safe() {
    let mut bytes = segment(3);
    let middle = HEADER_BYTES + (bytes.len() - HEADER_BYTES) / 2;
    bytes[middle] ^= 1;
    let scratch = Scratch::with_segment(&bytes);
    let mut places = Vec::new();
    let options = scratch.options(1 << 30, 1 << 20);
    let journal = Journal::open(options, &mut |_, place| {
        places.push(place);
        Ok(true)
    });
    let journal = journal.unwrap();
    assert_eq!(places.len(), 2);
    assert_eq!(journal.read(places[1]).unwrap(), payload(2).as_bytes());
    journal.release(places);
    journal.close().await;
    assert_eq!(scratch.segments(), Vec::<PathBuf>::new());
    let aside = scratch.0.join("journal/0000000001.wal.corrupt");
    assert_eq!(std::fs::read(aside).unwrap(), bytes);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let mut newer = segment(1);
    newer[8] = 3;
    seal_header(&mut newer);
    let scratch = Scratch::with_segment(&newer);
    let opened = Journal::open(scratch.options(1 << 30, 1 << 20), &mut |_, _| Ok(true));
    assert!(matches!(
        opened,
        Err(JournalError::Newer { version: 3, .. })
    ));

    let scratch = Scratch::with_segment(&segment(1));
    let (_first, _) = scratch.replay();
    let second = Journal::open(scratch.options(1 << 30, 1 << 20), &mut |_, _| Ok(true));
    assert!(matches!(second, Err(JournalError::InUse(_))));
}
