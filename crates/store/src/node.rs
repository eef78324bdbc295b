//! `NodeId`: who this machine is, over restarts.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// The name of a running server's data directory: 16 random bytes, kept in the file `node` there as
/// 32 hexadecimal digits. It is in the header of each journal segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId([u8; 16]);

impl NodeId {
    /// A node of that name.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The name.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The name in that data directory; `fresh` becomes it, durably, when there is none.
    ///
    /// # Errors
    /// When the directory or the file cannot be read or made, or the file holds something else.
    pub fn in_data_dir(data_dir: &Path, fresh: [u8; 16]) -> io::Result<Self> {
        let path = data_dir.join("node");
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::from_text(text.trim()).ok_or_else(|| {
                let what = format!("{} does not hold 32 hexadecimal digits", path.display());
                io::Error::new(io::ErrorKind::InvalidData, what)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(data_dir)?;
                Self(fresh).keep(data_dir, &path)?;
                Ok(Self(fresh))
            }
            Err(error) => Err(error),
        }
    }

    /// Under another name first, so that a crash leaves the whole file or none.
    fn keep(self, data_dir: &Path, path: &Path) -> io::Result<()> {
        let unfinished = path.with_extension("new");
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .open(&unfinished)?;
        writeln!(file, "{self}")?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)?;
        File::open(data_dir)?.sync_all()
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
