//! The journal on disks that fail: what was promised is there, and nothing half is taken for whole.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::crc::crc32c;
use super::disk::{Disk, RealDisk, SegmentFile};
use super::keeper::Pause;
use super::open::{Journal, JournalOptions, Outside, Place};
use super::segment::{HEADER_BYTES, Header, frame, scan};
use super::tally::path;
use crate::NodeId;

mod gathering;
mod prepared;
mod reading;
mod writing;

// === A disk that fails ===

/// What goes wrong next, and what is durable.
#[derive(Default)]
struct Trouble {
    /// The next write leaves so many of its bytes and fails.
    write_after: Option<usize>,
    sync: bool,
    cut: bool,
    create: bool,
    rename: bool,
    /// No segment can be written beforehand.
    no_spare: bool,
    /// Which file has which name; each is known by when it was made.
    names: HashMap<PathBuf, usize>,
    /// How much of each has been synced, up to the end of what was written last.
    durable: Vec<u64>,
    syncs: u64,
}

#[derive(Clone, Default)]
struct FailingDisk(Arc<Mutex<Trouble>>);

struct FailingFile {
    disk: FailingDisk,
    id: usize,
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

    /// How much of the file that has this name is durable.
    fn durable(&self, path: &Path) -> u64 {
        self.with(|trouble| {
            let mut names = trouble.names.iter();
            let (_, id) = names.find(|(name, _)| name.ends_with(path)).unwrap();
            trouble.durable[*id]
        })
    }
}

impl Disk for FailingDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let is_spare = path.ends_with("spare");
        let fails = self
            .with(|trouble| is_spare && trouble.no_spare || std::mem::take(&mut trouble.create));
        if fails {
            return Err(full());
        }
        let file = RealDisk.create(path)?;
        let id = self.with(|trouble| {
            let id = trouble.durable.len();
            trouble.durable.push(0);
            trouble.names.insert(path.to_owned(), id);
            id
        });
        Ok(Box::new(FailingFile {
            disk: self.clone(),
            id,
            file,
            length: 0,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.with(|trouble| std::mem::take(&mut trouble.rename)) {
            return Err(io::Error::other("input/output error"));
        }
        RealDisk.rename(from, to)?;
        self.with(|trouble| {
            let id = trouble.names.remove(from).unwrap();
            trouble.names.insert(to.to_owned(), id);
        });
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
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
        self.disk.with(|trouble| {
            if std::mem::take(&mut trouble.sync) {
                return Err(io::Error::other("input/output error"));
            }
            trouble.syncs += 1;
            trouble.durable[self.id] = self.length;
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

    fn spare(&self) -> PathBuf {
        self.0.join("journal/spare")
    }

    /// The segments that hold records; the one that was written beforehand has none.
    fn segments(&self) -> Vec<PathBuf> {
        let has_records = |path: &PathBuf| {
            let bytes = std::fs::read(path).unwrap_or_default();
            bytes.iter().skip(HEADER_BYTES).any(|byte| *byte != 0)
        };
        self.files().into_iter().filter(has_records).collect()
    }

    /// All that a start would read.
    fn files(&self) -> Vec<PathBuf> {
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
    open_with(scratch, disk, Box::new(|_| ()), (bytes_max, segment_bytes))
}

fn open_with(
    scratch: &Scratch,
    disk: &FailingDisk,
    pause: Pause,
    (bytes_max, segment_bytes): (u64, u64),
) -> Journal {
    let outside = Outside {
        disk: Arc::new(disk.clone()),
        pause,
    };
    let options = scratch.options(bytes_max, segment_bytes);
    Journal::open_in(outside, options, &mut |_, _| Ok(true)).unwrap()
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
        let durable = disk.durable(&path(Path::new(""), place.segment));
        assert!(durable >= place.at + place.framed, "told too early");
        sender.send(place).unwrap();
    };
    journal
        .append(payload(number).into_bytes(), deliver)
        .await?;
    Ok(place.recv().unwrap())
}

/// A segment with that many records, each of them written when all before it were durable.
fn segment(records: usize) -> Vec<u8> {
    let header = Header {
        number: 1,
        node: [7; 16],
    };
    let mut bytes = header.write().to_vec();
    for number in 0..records {
        let durable = bytes.len() as u64;
        frame(payload(number).as_bytes(), (1, durable), &mut bytes);
    }
    bytes
}

/// The same in the form of an earlier Waybill.
fn plain_segment(records: usize) -> Vec<u8> {
    let mut bytes = segment(0);
    bytes[8] = 1;
    seal_header(&mut bytes);
    for number in 0..records {
        let payload = payload(number).into_bytes();
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        bytes.extend(length);
        bytes.extend(crc32c(&[&length, &payload]).to_le_bytes());
        bytes.extend(payload);
    }
    bytes
}

fn seal_header(bytes: &mut [u8]) {
    let crc = crc32c(&[&bytes[..HEADER_BYTES - 4]]);
    bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
}

fn texts(bytes: &[u8]) -> Vec<String> {
    let found = scan(bytes, 1).records.into_iter();
    found
        .map(|found| String::from_utf8(bytes[found.payload].to_vec()).unwrap())
        .collect()
}
