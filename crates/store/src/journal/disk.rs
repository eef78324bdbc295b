//! The few things that are done to files, so that tests can make each of them fail.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Where segments are made.
pub(super) trait Disk: Send + Sync {
    /// Makes a file that must not be there yet.
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;
    /// Gives a file another name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes what was made or renamed in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// A segment that is being written.
pub(super) trait SegmentFile: Send {
    /// Writes all bytes from there on.
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Waits until all that was written is durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts everything off from there on.
    fn cut(&mut self, at: u64) -> io::Result<()>;
}

/// The real one.
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Box::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl SegmentFile for File {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(at))?;
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, at: u64) -> io::Result<()> {
        self.set_len(at)
    }
}
