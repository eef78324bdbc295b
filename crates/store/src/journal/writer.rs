//! The segment that is being written: when it ends, what becomes of it after an error, what comes next.

use std::io;
use std::sync::Arc;

use super::disk::{Disk, SegmentFile};
use super::keeper::{Append, framed};
use super::open::JournalOptions;
use super::segment::{HEADER_BYTES, Header, frame};
use super::spare::{Numbers, Plan, Spare};
use super::tally::{Live, Tally, path};

/// What writes records to segments.
pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    pub(super) options: JournalOptions,
    pub(super) tally: Tally,
    numbers: Numbers,
    /// The number of the segment that was begun last.
    newest: u64,
    current: Option<Current>,
    pub(super) spare: Spare,
}

/// The segment that is being written.
struct Current {
    file: Box<dyn SegmentFile>,
    number: u64,
    /// How much of it is durable.
    bytes: u64,
    /// How long it is, where that was written beforehand; else 0, and it grows with each write.
    prepared: u64,
}

/// Where records lie now.
#[derive(Clone, Copy)]
pub(super) struct Written {
    pub(super) segment: u64,
    pub(super) at: u64,
}

impl Current {
    /// What it takes of the disk beyond what was written.
    fn slack(&self) -> u64 {
        self.prepared.saturating_sub(self.bytes)
    }
}

impl Writer {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        options: JournalOptions,
        tally: Tally,
        next_number: u64,
    ) -> Self {
        let numbers = Numbers::from(next_number);
        let spare = Spare::new(Plan {
            disk: disk.clone(),
            folder: options.dir.clone(),
            node: options.node.bytes(),
            whole: options.segment_bytes,
            numbers: numbers.clone(),
        });
        Self {
            disk,
            options,
            tally,
            numbers,
            newest: next_number.saturating_sub(1),
            current: None,
            spare,
        }
    }

    /// Writes and syncs. After an error nothing of the records is left in the segment, or the segment
    /// is used no more.
    pub(super) fn write(&mut self, batch: &[Append]) -> io::Result<Written> {
        let length: u64 = batch.iter().map(framed).sum();
        if self.is_over(length) {
            self.seal();
        }
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.create()?,
        };
        let (segment, at) = (current.number, current.bytes);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        for append in batch {
            frame(&append.payload, (segment, at), &mut bytes);
        }
        if let Err(error) = current.file.write_at(at, &bytes) {
            if current.file.cut(at).is_ok() {
                current.prepared = 0;
                self.current = Some(current);
            } else {
                self.seal_number(segment);
            }
            return Err(error);
        }
        if let Err(error) = current.file.sync() {
            // What a failed sync has left on the disk is unknown, and a second one may lie
            // (lwn.net/Articles/752063): this segment takes no more records.
            let _ = current.file.cut(at);
            self.seal_number(segment);
            return Err(error);
        }
        current.bytes = at + length;
        let needed = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        self.tally.change(segment, |live| {
            live.needed += needed;
            live.bytes = current.bytes;
        });
        self.current = Some(current);
        Ok(Written { segment, at })
    }

    /// Whether the next records belong into the next segment: they do not fit, or this one grows and
    /// one is ready that need not.
    fn is_over(&mut self, length: u64) -> bool {
        let Some(current) = &self.current else {
            return false;
        };
        let is_begun = current.bytes > HEADER_BYTES as u64;
        let is_full = current.bytes + length > self.options.segment_bytes;
        let grows = current.prepared == 0;
        is_begun && (is_full || grows && self.spare.is_ready())
    }

    /// Has the next segment written, as far as it should be by now: at once where this one grows,
    /// else in step with the records, so that it is done when this one is half full.
    pub(super) fn prepare(&mut self) {
        let Some(current) = &self.current else {
            return;
        };
        let whole = self.options.segment_bytes;
        if self.tally.bytes() + current.slack() + whole > self.options.bytes_max {
            self.spare.abandon();
            return;
        }
        match current.prepared {
            0 => self.spare.write_to(whole),
            _ => self.spare.write_to(current.bytes.saturating_mul(2)),
        }
    }

    /// Begins another segment, for whoever wants to know whether the disk takes something: one that was written
    /// beforehand has its header written once more.
    pub(super) fn begin_anew(&mut self) -> io::Result<()> {
        self.seal();
        let mut current = self.create()?;
        let number = current.number;
        if let Err(error) = self.begin(number, &mut *current.file) {
            self.seal_number(number);
            return Err(error);
        }
        self.current = Some(current);
        Ok(())
    }

    fn create(&mut self) -> io::Result<Current> {
        let (number, file, prepared) = match self.spare.take(self.newest) {
            Some(made) => (made.number, made.file, self.options.segment_bytes),
            None => {
                let number = self.numbers.next();
                (number, self.begin_empty(number)?, 0)
            }
        };
        self.newest = number;
        let bytes = HEADER_BYTES as u64;
        let live = Live {
            bytes,
            ..Live::default()
        };
        self.tally.add(number, live);
        Ok(Current {
            file,
            number,
            bytes,
            prepared,
        })
    }

    /// Makes a segment of that number which grows.
    fn begin_empty(&self, number: u64) -> io::Result<Box<dyn SegmentFile>> {
        let path = path(&self.options.dir, number);
        let mut file = self.disk.create(&path)?;
        let begun = self.begin(number, &mut *file);
        let made = begun.and_then(|()| self.disk.sync_folder(&self.options.dir));
        if let Err(error) = made {
            // Without records it means nothing; if it stays, the next start removes it.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(file)
    }

    /// Writes the header of the segment of that number.
    fn begin(&self, number: u64, file: &mut dyn SegmentFile) -> io::Result<()> {
        let header = Header {
            number,
            node: self.options.node.bytes(),
        };
        file.write_at(0, &header.write())?;
        file.sync()
    }

    // === Endings ===

    /// No more records for this segment. What of it was written beforehand and is not needed goes
    /// back to the disk.
    pub(super) fn seal(&mut self) {
        if let Some(mut current) = self.current.take() {
            if current.slack() > 0 {
                // If it stays, it is zeros that nobody reads.
                let _ = current.file.cut(current.bytes);
            }
            self.seal_number(current.number);
        }
    }

    fn seal_number(&self, number: u64) {
        self.tally.change(number, |live| live.is_sealed = true);
        self.tidy();
    }

    /// Removes the segments that nobody needs.
    pub(super) fn tidy(&self) {
        self.tally.tidy(&self.options.dir);
    }
}
