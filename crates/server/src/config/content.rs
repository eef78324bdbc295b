//! `[content]`: where the content of calls is kept, for workspaces that want it.

use std::path::PathBuf;

use super::reader::Reader;
use super::secret::Written;
use super::sections::{http_url, size};
use crate::content::KeeperLimits;

/// `[content]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// An S3-compatible bucket: its address, and perhaps a prefix in it.
    pub bucket: Option<String>,
    /// Its region.
    pub bucket_region: String,
    /// The keys for it.
    pub bucket_credential: Option<Written>,
    /// Another directory than the one in the data directory.
    pub directory: Option<PathBuf>,
    /// Whether every replica has that directory.
    pub is_directory_shared: bool,
    /// The most of one call, bytes: 1 KiB to 1 GiB.
    pub bytes_per_call_max: usize,
    /// The most of all calls whose content is on its way, bytes: 1 MiB to 64 GiB.
    pub bytes_in_flight_max: usize,
}

impl Content {
    /// The bounds of a keeper.
    #[must_use]
    pub fn limits(&self) -> KeeperLimits {
        KeeperLimits {
            bytes_per_call_max: self.bytes_per_call_max,
            bytes_in_flight_max: self.bytes_in_flight_max,
            ..KeeperLimits::default()
        }
    }
}

/// Reads `[content]`.
pub(super) fn content(reader: &mut Reader<'_>) -> Content {
    let mut section = reader.section("content");
    let content = Content {
        bucket: section.optional_parsed("bucket", http_url),
        bucket_region: section.text("bucket_region", "us-east-1"),
        bucket_credential: section
            .optional_text("bucket_credential")
            .as_deref()
            .map(Written::new),
        directory: section.optional_text("directory").map(PathBuf::from),
        is_directory_shared: section.boolean("directory_is_shared", false),
        bytes_per_call_max: size(section.integer("bytes_per_call_max", 8 << 20, 1024..=1 << 30)),
        bytes_in_flight_max: size(section.integer(
            "bytes_in_flight_max",
            256 << 20,
            1 << 20..=64 << 30,
        )),
    };
    section.finish();
    content
}
