//! Writing to disks that fail: what was promised is there, and nothing is half.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::segment::FRAME_BYTES;
use super::{FailingDisk, append, open, payload, scratch};

#[tokio::test]
async fn one_sync_serves_everybody_who_waits() {
    let (scratch, disk) = (scratch(), FailingDisk::default());
    let journal = Arc::new(open(&scratch, &disk, 1 << 30, 1 << 20));
    append(&journal, &disk, 0).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    let before = {
        // The disk stands still while they come.
        let trouble = disk.0.lock().unwrap();
        for number in 1..=200 {
            let (journal, disk) = (journal.clone(), disk.clone());
            tasks.spawn(async move { append(&journal, &disk, number).await.unwrap() });
        }
        trouble.syncs
    };
    tasks.join_all().await;
    let syncs = disk.with(|trouble| trouble.syncs) - before;
    assert!(syncs < 100, "{syncs} syncs for 200 records");
    journal.close().await;
    let (_journal, mut records) = scratch.replay();
    records.sort();
    assert_eq!(records, (0..=200).map(payload).collect::<Vec<_>>());
}

#[tokio::test]
async fn segments_are_rotated_and_removed_when_nobody_needs_them() {
    let (scratch, disk) = (scratch(), FailingDisk::default());
    let journal = open(&scratch, &disk, 1 << 30, 200);
    let mut places = Vec::new();
    for number in 0..50 {
        places.push(append(&journal, &disk, number).await.unwrap());
    }
    assert!(scratch.segments().len() > 8);
    for (number, place) in places.iter().enumerate() {
        assert_eq!(journal.read(*place).unwrap(), payload(number).as_bytes());
    }
    journal.release(places.drain(..49));
    // The thread tidies before it appends.
    let last = append(&journal, &disk, 50).await.unwrap();
    assert!(scratch.segments().len() <= 2);
    assert!(journal.bytes() < 400);
    journal.release(places.into_iter().chain([last]));
    journal.close().await;
    assert_eq!(scratch.segments(), Vec::<PathBuf>::new());
    let late = journal.append(payload(51).into_bytes(), |_| {}).await;
    assert!(late.unwrap_err().to_string().contains("closed"));
}

#[tokio::test]
async fn at_its_bound_the_journal_refuses_until_records_are_released() {
    let (scratch, disk) = (scratch(), FailingDisk::default());
    let journal = open(&scratch, &disk, 2000, 1 << 20);
    let mut places = Vec::new();
    let refusal = loop {
        match append(&journal, &disk, places.len()).await {
            Ok(place) => places.push(place),
            Err(refusal) => break refusal,
        }
    };
    assert!(refusal.to_string().contains("bound of 2000"), "{refusal}");
    assert!(places.len() > 20, "{}", places.len());
    let all = scratch.files().into_iter().chain([scratch.spare()]);
    let lengths = all.filter_map(|path| Some(std::fs::metadata(path).ok()?.len()));
    assert!(lengths.sum::<u64>() <= 2000);
    assert!(append(&journal, &disk, 99).await.is_err());
    // One who waits for room gets it as soon as there is some.
    let (waited, ()) = tokio::join!(append(&journal, &disk, 100), async {
        tokio::task::yield_now().await;
        journal.release(places);
    });
    waited.unwrap();
    for number in 101..120 {
        append(&journal, &disk, number).await.unwrap();
    }
}

#[tokio::test]
async fn after_any_failure_what_was_promised_is_there_and_nothing_is_half() {
    for seed in 0..40_usize {
        let (scratch, disk) = (scratch(), FailingDisk::default());
        let journal = open(&scratch, &disk, 1 << 30, 300);
        let mut promised = Vec::new();
        for number in 0..60 {
            let dice = (seed * 7919 + number * 104_729) % 23;
            disk.with(|trouble| match dice {
                0 => trouble.write_after = Some(number % 30),
                1 => (trouble.write_after, trouble.cut) = (Some(number % 30), true),
                2 => trouble.sync = true,
                3 => (trouble.sync, trouble.cut) = (true, true),
                4 => trouble.create = true,
                5 => trouble.rename = true,
                _ => {}
            });
            match append(&journal, &disk, number).await {
                Ok(_) => promised.push(payload(number)),
                Err(error) => assert!(error.to_string().contains("cannot be written"), "{error}"),
            }
        }
        assert!(promised.len() > 30, "it works again after each failure");
        journal.close().await;
        // The power is cut: what was not synced is gone, or as it was written beforehand.
        for path in scratch.files().iter().filter(|_| seed % 3 > 0) {
            let file = File::options().write(true).open(path).unwrap();
            let length = file.metadata().unwrap().len();
            file.set_len(disk.durable(path).min(length)).unwrap();
            if seed % 3 == 1 {
                file.set_len(length).unwrap();
            }
        }
        let (_journal, mut records) = scratch.replay();
        let expected: Vec<String> = (0..60).map(payload).collect();
        assert!(records.iter().all(|record| expected.contains(record)));
        records.retain(|record| promised.contains(record));
        assert_eq!(records, promised, "seed {seed}");
    }
}

#[tokio::test]
async fn a_record_too_long_for_the_form_is_refused() {
    let (scratch, disk) = (scratch(), FailingDisk::default());
    let journal = open(&scratch, &disk, 1 << 30, 1 << 20);
    let long = vec![b'x'; 1 << 24];
    let refusal = journal.append(long, |_| {}).await.unwrap_err();
    assert!(refusal.to_string().contains("too long"), "{refusal}");
    let place = append(&journal, &disk, 1).await.unwrap();
    assert_eq!(place.framed, (payload(1).len() + FRAME_BYTES) as u64);
}
