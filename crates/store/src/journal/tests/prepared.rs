//! Segments that are written beforehand: used as soon as they are there, never needed, never replayed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use super::super::keeper::Append;
use super::super::open::{Journal, Place};
use super::super::segment::HEADER_BYTES;
use super::super::tally::Tally;
use super::super::writer::Writer;
use super::{FailingDisk, Scratch, append, open, payload, scratch, segment};

const SEGMENT: u64 = 2000;

fn length(path: &PathBuf) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

/// Appends until the newest segment is one that was written beforehand; all places so far.
async fn fill(journal: &Journal, disk: &FailingDisk, scratch: &Scratch) -> Vec<Place> {
    let mut places = Vec::new();
    loop {
        places.push(append(journal, disk, places.len()).await.unwrap());
        if scratch.segments().last().map(length) == Some(SEGMENT) {
            return places;
        }
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn records_change_no_length_where_it_was_written_beforehand() {
    let (scratch, disk) = (scratch(), FailingDisk::default());
    let journal = open(&scratch, &disk, 1 << 30, SEGMENT);
    let mut places = fill(&journal, &disk, &scratch).await;
    let first = scratch.segments().pop().unwrap();
    loop {
        places.push(append(&journal, &disk, places.len()).await.unwrap());
        let newest = scratch.segments().pop().unwrap();
        if newest != first {
            break;
        }
        assert_eq!(length(&first), SEGMENT);
    }
    // One that takes no more gives back what it did not need.
    assert!(length(&first) < SEGMENT);
    let sealed: u64 = scratch.segments().iter().map(length).sum();
    assert!(sealed - journal.bytes() < SEGMENT);
    for (number, place) in places.iter().enumerate() {
        assert_eq!(journal.read(*place).unwrap(), payload(number).as_bytes());
    }
    journal.close().await;
    assert!(!scratch.spare().exists());
    assert_eq!(scratch.files(), scratch.segments(), "none without records");
    drop(journal);
    let (_journal, records) = scratch.replay();
    let expected: Vec<String> = (0..places.len()).map(payload).collect();
    assert_eq!(records, expected);
}

#[tokio::test]
async fn a_killed_process_leaves_zeros_that_nobody_minds() {
    let (scratch, disk) = (scratch(), FailingDisk::default());
    let journal = open(&scratch, &disk, 1 << 30, SEGMENT);
    let mut places = fill(&journal, &disk, &scratch).await;
    // Until the one after it is made as well.
    while scratch.files().len() == scratch.segments().len() {
        places.push(append(&journal, &disk, places.len()).await.unwrap());
        std::thread::yield_now();
    }
    // What a process that ends now would leave behind.
    let copy = super::scratch();
    std::fs::create_dir_all(copy.0.join("journal")).unwrap();
    for path in scratch.files() {
        std::fs::copy(
            &path,
            copy.0.join("journal").join(path.file_name().unwrap()),
        )
        .unwrap();
    }
    let (again, records) = copy.replay();
    let expected: Vec<String> = (0..places.len()).map(payload).collect();
    assert_eq!(records, expected);
    assert_eq!(again.bytes(), journal.bytes());
    assert_eq!(copy.files().len(), copy.segments().len());
}

/// A writer that has written a record, and has the next segment ready.
fn writer_with_spare(scratch: &Scratch, disk: &FailingDisk) -> Writer {
    std::fs::create_dir_all(scratch.0.join("journal")).unwrap();
    let options = scratch.options(1 << 30, SEGMENT);
    let mut writer = Writer::new(Arc::new(disk.clone()), options, Tally::default(), 1);
    writer.write(&[record(0)]).unwrap();
    prepare(&mut writer);
    writer
}

/// Has the next segment made. All of it is one piece here, whatever the length of the one before.
fn prepare(writer: &mut Writer) {
    writer.prepare();
    while !writer.spare.is_ready() {
        std::thread::yield_now();
    }
}

#[test]
fn to_go_on_with_one_takes_no_sync_but_that_of_the_records() {
    let (scratch, disk) = (scratch(), FailingDisk::default());
    let mut writer = writer_with_spare(&scratch, &disk);
    let mut segments = BTreeSet::new();
    for number in 1.. {
        let before = disk.with(|trouble| trouble.syncs);
        let written = writer.write(&[record(number)]).unwrap();
        let syncs = disk.with(|trouble| trouble.syncs) - before;
        assert_eq!(syncs, 1, "record {number}");
        assert!(segments.insert(written.segment) || written.at > HEADER_BYTES as u64);
        if segments.len() == 5 {
            break;
        }
        prepare(&mut writer);
    }
    assert_eq!(segments.into_iter().collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
}

#[test]
fn one_whose_number_comes_before_that_of_the_newest_segment_is_given_up() {
    let (scratch, disk) = (scratch(), FailingDisk::default());
    let mut writer = writer_with_spare(&scratch, &disk);
    assert_eq!(scratch.files().len(), 2);
    assert!(writer.spare.take(2).is_none());
    assert_eq!(scratch.files().len(), 1);
}

#[test]
fn whether_the_disk_takes_something_is_tried_though_the_next_one_is_there() {
    let (scratch, disk) = (scratch(), FailingDisk::default());
    let mut writer = writer_with_spare(&scratch, &disk);
    disk.with(|trouble| trouble.sync = true);
    assert!(writer.begin_anew().is_err());
    assert!(writer.begin_anew().is_ok());
    prepare(&mut writer);
    disk.with(|trouble| trouble.write_after = Some(7));
    assert!(writer.begin_anew().is_err());
    assert!(writer.begin_anew().is_ok());
    assert_eq!(writer.write(&[record(1)]).unwrap().at, HEADER_BYTES as u64);
}

/// A record on its way, for which nobody waits.
fn record(number: usize) -> Append {
    let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    Append {
        payload: payload(number).into_bytes(),
        deliver: Box::new(|_| ()),
        told: oneshot::channel().0,
        _room: room,
    }
}

#[tokio::test]
async fn where_none_can_be_written_beforehand_records_are_taken_all_the_same() {
    let (scratch, disk) = (scratch(), FailingDisk::default());
    disk.with(|trouble| trouble.no_spare = true);
    let journal = open(&scratch, &disk, 1 << 30, SEGMENT);
    let mut places = Vec::new();
    while scratch.segments().len() < 4 {
        places.push(append(&journal, &disk, places.len()).await.unwrap());
        assert!(journal.has_room());
    }
    assert!(scratch.segments().iter().all(|path| length(path) < SEGMENT));
    // The next segment tries again.
    disk.with(|trouble| trouble.no_spare = false);
    fill(&journal, &disk, &scratch).await;
}

#[tokio::test]
async fn what_was_left_of_one_is_no_record_of_anybody() {
    let scratch = Scratch::with_segment(&segment(1));
    std::fs::write(scratch.spare(), segment(5)).unwrap();
    let (journal, records) = scratch.replay();
    assert_eq!(records, [payload(0)]);
    assert!(!scratch.spare().exists());
    journal.close().await;
}
