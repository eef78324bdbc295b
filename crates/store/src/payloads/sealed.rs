//! `SealedPayload`: one payload, compressed and sealed under a key of its own; `Sealer`: who does so.

use ledger::GenerationId;
use zstd::bulk::Compressor;

use super::archive::ArchiveError;
use crate::secrets::{DataKey, VaultError};

/// How hard zstd tries. Level 3 is its default: most of what higher levels save, at a fraction of their time.
const LEVEL: i32 = 3;

/// The longest payload, unpacked: a bound on what a damaged one could make us allocate.
const BYTES_MAX: usize = 1 << 30;

/// One payload, ready to be written anywhere. Bound to the call that it is of.
#[derive(Debug)]
pub struct SealedPayload {
    pub(super) key: DataKey,
    pub(super) bytes: Vec<u8>,
}

/// Compresses and seals payloads, one after the other. What zstd works with is kept between them: to make it costs
/// as much as compressing a small payload does.
pub struct Sealer(Compressor<'static>);

impl Sealer {
    /// A sealer that has seen nothing.
    ///
    /// # Errors
    /// When zstd has no memory.
    pub fn new() -> Result<Self, ArchiveError> {
        Compressor::new(LEVEL).map(Self).map_err(damaged)
    }

    /// Compresses and seals a payload of a call.
    ///
    /// # Errors
    /// When the system has no randomness, or zstd no memory.
    pub fn seal(
        &mut self,
        plain: &[u8],
        generation: &GenerationId,
    ) -> Result<SealedPayload, ArchiveError> {
        let packed = self.0.compress(plain).map_err(damaged)?;
        let key = DataKey::fresh()?;
        let bytes = key.seal(&packed, &place(generation))?;
        Ok(SealedPayload { key, bytes })
    }
}

impl SealedPayload {
    /// The payload.
    ///
    /// # Errors
    /// When it is damaged, or of another call.
    pub fn open(&self, generation: &GenerationId) -> Result<Vec<u8>, ArchiveError> {
        open(&self.key, &self.bytes, generation)
    }

    /// What it takes, in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing in it, which never happens.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// The payload of sealed bytes.
pub(super) fn open(
    key: &DataKey,
    sealed: &[u8],
    generation: &GenerationId,
) -> Result<Vec<u8>, ArchiveError> {
    let packed = key.open(sealed, &place(generation))?;
    let length = zstd::zstd_safe::get_frame_content_size(&packed)
        .ok()
        .flatten();
    let length = length.and_then(|length| usize::try_from(length).ok());
    let length = length.filter(|length| *length <= BYTES_MAX);
    let length = length.ok_or_else(|| ArchiveError::Damaged("no length".to_owned()))?;
    zstd::bulk::decompress(&packed, length).map_err(damaged)
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` wants it")]
fn damaged(error: std::io::Error) -> ArchiveError {
    ArchiveError::Damaged(error.to_string())
}

/// What a payload is bound to.
fn place(generation: &GenerationId) -> String {
    format!("payload/{generation}")
}

/// The key of a payload, for its row.
pub(super) fn wrap(
    segment: &DataKey,
    payload: &DataKey,
    generation: &str,
) -> Result<String, VaultError> {
    segment.wrap(payload, &format!("payload-key/{generation}"))
}

/// The key in a row.
pub(super) fn unwrap(
    segment: &DataKey,
    wrapped: &str,
    generation: &str,
) -> Result<DataKey, VaultError> {
    segment.unwrapped(wrapped, &format!("payload-key/{generation}"))
}
