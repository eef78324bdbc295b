//! Segments that are written beforehand: used as soon as they are there, never needed, never replayed.

use std::path::PathBuf;

use super::super::open::{Journal, Place};
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
    drop(journal);
    let (_journal, records) = scratch.replay();
    let expected: Vec<String> = (0..places.len()).map(payload).collect();
    assert_eq!(records, expected);
}

#[tokio::test]
async fn a_killed_process_leaves_zeros_that_nobody_minds() {
    let (scratch, disk) = (scratch(), FailingDisk::default());
    let journal = open(&scratch, &disk, 1 << 30, SEGMENT);
    let places = fill(&journal, &disk, &scratch).await;
    // What a process that ends now would leave behind.
    let copy = super::scratch();
    std::fs::create_dir_all(copy.0.join("journal")).unwrap();
    for path in scratch.segments() {
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
