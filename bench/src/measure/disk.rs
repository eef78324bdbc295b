//! How fast the disk makes a few bytes durable: what every settled call waits for.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio::time::Instant;

use super::histogram::{Histogram, Percentiles};

/// How much is appended at a time.
const APPEND_BYTES: usize = 4096;
/// Appends of each kind.
const APPENDS: usize = 400;
/// Appends of one kind before those of the other, so that a drift of the disk hits both.
const TURN: usize = 50;

/// A disk, measured: one write and one `fdatasync` at a time.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Disk {
    pub(crate) append_bytes: usize,
    pub(crate) appends: usize,
    /// To a file that grows with each.
    pub(crate) growing: Percentiles,
    /// To a file that was written to its full length beforehand.
    pub(crate) prepared: Percentiles,
}

/// Measures the disk that this directory is on.
pub(crate) fn disk(directory: &Path) -> Result<Disk> {
    let (mut growing, mut prepared) = (Histogram::default(), Histogram::default());
    let paths = ["growing", "prepared"].map(|name| directory.join(format!("disk-{name}")));
    let files = paths.each_ref().map(|path| {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        options
            .open(path)
            .with_context(|| format!("cannot make {}", path.display()))
    });
    let [grows, is_there] = files;
    let (grows, is_there) = (grows?, is_there?);
    is_there.write_all_at(&vec![0; APPENDS * APPEND_BYTES], 0)?;
    is_there.sync_all()?;
    let bytes = [b'x'; APPEND_BYTES];
    for turn in 0..APPENDS / TURN {
        for (file, histogram) in [(&grows, &mut growing), (&is_there, &mut prepared)] {
            for index in turn * TURN..(turn + 1) * TURN {
                let began = Instant::now();
                file.write_all_at(&bytes, (index * APPEND_BYTES) as u64)?;
                file.sync_data()?;
                histogram.record(began.elapsed());
            }
        }
    }
    for path in paths {
        fs::remove_file(path)?;
    }
    Ok(Disk {
        append_bytes: APPEND_BYTES,
        appends: APPENDS,
        growing: growing.percentiles(),
        prepared: prepared.percentiles(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_measured_and_nothing_is_left() {
        let directory = std::env::temp_dir().join(format!("bench-disk-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let disk = disk(&directory).unwrap();
        assert!(disk.growing.max_us > 0 && disk.prepared.max_us > 0);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
        fs::remove_dir_all(&directory).unwrap();
    }
}
