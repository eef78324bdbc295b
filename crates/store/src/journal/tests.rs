//! The journal on disks that fail: what was promised is there, and nothing half is taken for whole.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::disk::{Disk, RealDisk, SegmentFile};
use super::open::{Journal, JournalError, JournalOptions, Place};
use super::segment::{Beginning, FRAME_BYTES, HEADER_BYTES, Header, frame, scan};
use crate::NodeId;

// === A disk that fails ===

/// What goes wrong next, and what is durable.
#[derive(Default)]
struct Trouble {
    /// The next write leaves so many of its bytes and fails.
    write_after: Option<usize>,
    sync: bool,
    cut: bool,
    create: bool,
    /// How much of each file has been synced.
    durable: HashMap<PathBuf, u64>,
    syncs: u64,
}

#[derive(Clone, Default)]
struct FailingDisk(Arc<Mutex<Trouble>>);

struct FailingFile {
    disk: FailingDisk,
    path: PathBuf,
    file: Box<dyn SegmentFile>,
    length: u64,
}

fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

impl FailingDisk {
    fn with<T>(&self, change: impl FnOnce(&mut Trouble) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }
}

impl Disk for FailingDisk {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        if self.with(|trouble| std::mem::take(&mut trouble.create)) {
            return Err(full());
        }
        Ok(Box::new(FailingFile {
            disk: self.clone(),
            path: path.to_owned(),
            file: RealDisk.create(path)?,
            length: 0,
        }))
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        RealDisk.sync_folder(folder)
    }
}

impl SegmentFile for FailingFile {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let short = self.disk.with(|trouble| trouble.write_after.take());
        let bytes = &bytes[..short.unwrap_or(bytes.len()).min(bytes.len())];
        self.file.write_at(at, bytes)?;
        self.length = at + bytes.len() as u64;
        short.map_or(Ok(()), |_| Err(full()))
    }

    fn sync(&mut self) -> io::Result<()> {
        let (path, length) = (self.path.clone(), self.length);
        self.disk.with(|trouble| {
            if std::mem::take(&mut trouble.sync) {
                return Err(io::Error::other("input/output error"));
            }
            trouble.syncs += 1;
            trouble.durable.insert(path, length);
            Ok(())
        })
    }

    fn cut(&mut self, at: u64) -> io::Result<()> {
        if self.disk.with(|trouble| std::mem::take(&mut trouble.cut)) {
            return Err(io::Error::other("input/output error"));
        }
        self.length = at;
        self.file.cut(at)
    }
}

// === A place to work ===

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn scratch() -> Scratch {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = format!("journal_{}_{number}", std::process::id());
    Scratch(std::env::temp_dir().join(name))
}

impl Scratch {
    fn options(&self, bytes_max: u64, segment_bytes: u64) -> JournalOptions {
        JournalOptions {
            dir: self.0.join("journal"),
            node: NodeId::from_bytes([7; 16]),
            bytes_max,
            segment_bytes,
        }
    }

    fn segments(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = std::fs::read_dir(self.0.join("journal"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "wal"))
            .collect();
        found.sort();
        found
    }

    /// Opens what is there; the records, all of them still needed.
    fn replay(&self) -> (Journal, Vec<String>) {
        let mut records = Vec::new();
        let journal = Journal::open(self.options(1 << 30, 1 << 20), &mut |payload, _| {
            records.push(String::from_utf8(payload.to_vec()).unwrap());
            Ok(true)
        });
        (journal.unwrap(), records)
    }

    /// A folder with one segment that holds these bytes.
    fn with_segment(bytes: &[u8]) -> Self {
        let scratch = scratch();
        std::fs::create_dir_all(scratch.0.join("journal")).unwrap();
        std::fs::write(scratch.0.join("journal/0000000001.wal"), bytes).unwrap();
        scratch
    }
}

fn open(scratch: &Scratch, disk: &FailingDisk, bytes_max: u64, segment_bytes: u64) -> Journal {
    let options = scratch.options(bytes_max, segment_bytes);
    Journal::open_on(Box::new(disk.clone()), options, &mut |_, _| Ok(true)).unwrap()
}

fn payload(number: usize) -> String {
    format!("{{\"id\":\"gen-{number:04}\"}}")
}

/// Appends, and checks that the record is durable by the time it is delivered.
async fn append(
    journal: &Journal,
    disk: &FailingDisk,
    number: usize,
) -> Result<Place, ledger::BooksUnavailable> {
    let (sender, place) = std::sync::mpsc::sync_channel(1);
    let disk = disk.clone();
    let deliver = move |place: Place| {
        let name = format!("{:010}.wal", place.segment);
        let durable = disk.with(|trouble| {
            let mut found = trouble.durable.iter();
            found.find_map(|(path, length)| path.ends_with(&name).then_some(*length))
        });
        assert!(durable >= Some(place.at + place.framed), "told too early");
        sender.send(place).unwrap();
    };
    journal
        .append(payload(number).into_bytes(), deliver)
        .await?;
    Ok(place.recv().unwrap())
}

fn segment(records: usize) -> Vec<u8> {
    let header = Header {
        number: 1,
        node: [7; 16],
    };
    let mut bytes = header.write().to_vec();
    for number in 0..records {
        frame(payload(number).as_bytes(), &mut bytes);
    }
    bytes
}

fn texts(bytes: &[u8]) -> Vec<String> {
    let found = scan(bytes).payloads.into_iter();
    found
        .map(|range| String::from_utf8(bytes[range].to_vec()).unwrap())
        .collect()
}

// === What can be read ===

#[test]
fn a_torn_end_costs_only_the_record_that_was_never_finished() {
    let (all, before) = (segment(4), segment(3).len());
    for end in before..all.len() {
        let bytes = &all[..end];
        assert_eq!(scan(bytes).torn, (end > before).then_some(before), "{end}");
        assert_eq!(scan(bytes).damage, [], "{end}");
        let scratch = Scratch::with_segment(bytes);
        let (_journal, records) = scratch.replay();
        assert_eq!(
            records,
            [payload(0), payload(1), payload(2)],
            "cut at {end}"
        );
        let left = std::fs::read(&scratch.segments()[0]).unwrap();
        assert_eq!(left, segment(3), "the torn end is cut off");
    }
}

#[test]
fn a_segment_without_a_whole_header_held_nothing_and_goes() {
    for end in 0..HEADER_BYTES {
        let scratch = Scratch::with_segment(&segment(1)[..end]);
        let (_journal, records) = scratch.replay();
        assert_eq!(records, Vec::<String>::new());
        assert_eq!(scratch.segments(), Vec::<PathBuf>::new());
    }
}

#[test]
fn zeros_after_the_last_record_are_a_torn_end() {
    let mut bytes = segment(2);
    let end = bytes.len();
    bytes.extend([0; 5000]);
    assert_eq!(scan(&bytes).torn, Some(end));
    assert_eq!(texts(&bytes), [payload(0), payload(1)]);
}

#[test]
fn any_flipped_bit_is_noticed_and_costs_at_most_its_own_record() {
    let whole = segment(3);
    let record = (whole.len() - HEADER_BYTES) / 3;
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let found = scan(&bytes);
        let survivors: Vec<String> = match (bit / 8).checked_sub(HEADER_BYTES) {
            None => (0..3).map(payload).collect(),
            Some(at) => (0..3).filter(|n| *n != at / record).map(payload).collect(),
        };
        assert_eq!(texts(&bytes), survivors, "bit {bit}");
        let is_noticed = found.beginning == Beginning::Bad
            || !found.damage.is_empty()
            || found.torn == Some(HEADER_BYTES + 2 * record);
        assert!(is_noticed, "bit {bit}");
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
    frame(payload(2).as_bytes(), &mut bytes);
    assert_eq!(texts(&bytes), [payload(0), payload(1), payload(2)]);
    assert_eq!(scan(&bytes).damage, vec![end..end + noise.len()]);
    assert_eq!(texts(&noise), Vec::<String>::new());
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
    newer[8] = 2;
    let crc = super::crc::crc32c(&[&newer[..36]]);
    newer[36..40].copy_from_slice(&crc.to_le_bytes());
    let scratch = Scratch::with_segment(&newer);
    let opened = Journal::open(scratch.options(1 << 30, 1 << 20), &mut |_, _| Ok(true));
    assert!(matches!(
        opened,
        Err(JournalError::Newer { version: 2, .. })
    ));

    let scratch = Scratch::with_segment(&segment(1));
    let (_first, _) = scratch.replay();
    let second = Journal::open(scratch.options(1 << 30, 1 << 20), &mut |_, _| Ok(true));
    assert!(matches!(second, Err(JournalError::InUse(_))));
}

// === Writing ===

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
    let length = |path: &PathBuf| std::fs::metadata(path).unwrap().len();
    assert!(scratch.segments().iter().map(length).sum::<u64>() <= 2000);
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
                _ => {}
            });
            match append(&journal, &disk, number).await {
                Ok(_) => promised.push(payload(number)),
                Err(error) => assert!(error.to_string().contains("cannot be written"), "{error}"),
            }
        }
        assert!(promised.len() > 30, "it works again after each failure");
        journal.close().await;
        // The power is cut: what was not synced is gone.
        let is_cut = seed % 2 == 0;
        for path in scratch.segments().iter().filter(|_| is_cut) {
            let durable = disk.with(|trouble| trouble.durable[path]);
            let file = File::options().write(true).open(path).unwrap();
            file.set_len(durable.min(file.metadata().unwrap().len()))
                .unwrap();
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
