//! The directory of a run: below `target/`, so on the disk the tree is on, and gone when the run is over; and one in
//! memory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A directory that is removed when dropped.
pub(crate) struct Room {
    path: PathBuf,
}

impl Room {
    pub(crate) fn new(root: &Path) -> Result<Self> {
        let path = root
            .join("target")
            .join("bench-run")
            .join(std::process::id().to_string());
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path })
    }

    /// One in memory, where there is a file system for that.
    pub(crate) fn in_memory() -> Result<Option<Self>> {
        let memory = Path::new("/dev/shm");
        if !memory.is_dir() {
            return Ok(None);
        }
        let path = memory.join(format!("waybill-bench-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Some(Self { path }))
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What is left over is in `target/` or in memory, and named after this process; nothing depends on its absence.
        let _ = fs::remove_dir_all(&self.path);
    }
}
