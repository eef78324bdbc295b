//! `Archive`: writes segments and reads single payloads.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use ledger::GenerationId;

use super::index::{self, ContentTotals, Place, Placed, Segment};
use super::objects::{ObjectError, Objects};
use super::sealed::{self, SealedPayload};
use crate::secrets::{DataKey, Vault, VaultError, unique_name};
use crate::{Store, StoreError};

/// What a segment begins with: what it is, and the form of it.
pub(super) const MAGIC: &[u8] = b"waybill segment 1\n";

/// Milliseconds of a UTC day.
pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Why content could not be kept, read or deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk or the bucket.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The keys.
    #[error(transparent)]
    Key(#[from] VaultError),
    /// What was read is not what was written.
    #[error("a payload is damaged: {0}")]
    Damaged(String),
}

impl ArchiveError {
    /// Whether trying the same again later may succeed.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        match self {
            Self::Store(error) => error.is_temporary(),
            Self::Object(error) => matches!(error, ObjectError::Unavailable(_)),
            Self::Key(_) | Self::Damaged(_) => false,
        }
    }
}

/// A payload to be written.
#[derive(Debug, Clone)]
pub struct NewPayload {
    /// The call.
    pub generation: GenerationId,
    /// The workspace whose call it is.
    pub workspace_id: String,
    /// The key that called.
    pub key_hash: String,
    /// When the call had arrived, Unix milliseconds.
    pub created_at_ms: i64,
    /// What is to be written.
    pub sealed: Arc<SealedPayload>,
}

impl NewPayload {
    /// The UTC day of its call, days since 1970.
    #[must_use]
    pub const fn day(&self) -> i64 {
        self.created_at_ms.div_euclid(DAY_MS)
    }
}

/// Keeps the content of calls.
#[derive(Clone)]
pub struct Archive {
    pub(super) store: Store,
    pub(super) vault: Arc<Vault>,
    pub(super) objects: Arc<dyn Objects>,
    pub(super) node: String,
}

impl Archive {
    /// An archive with its rows in a store and its segments in `objects`; `node` is this node's name.
    #[must_use]
    pub fn new(
        store: Store,
        vault: Arc<Vault>,
        objects: Arc<dyn Objects>,
        node: impl Into<String>,
    ) -> Self {
        Self {
            store,
            vault,
            objects,
            node: node.into(),
        }
    }

    /// Writes payloads of one workspace and one day as one segment. They are readable when this
    /// returns; when it fails, none of them is.
    ///
    /// # Errors
    /// [`ArchiveError`]; where that is temporary, the same may be tried again.
    pub async fn write(&self, payloads: &[NewPayload], now_ms: i64) -> Result<(), ArchiveError> {
        let Some(first) = payloads.first() else {
            return Ok(());
        };
        let sealed = payloads.iter().map(|payload| payload.sealed.len());
        let length = MAGIC.len() + sealed.sum::<usize>();
        let (key, segment) = self
            .announce((&first.workspace_id, first.day()), length, now_ms)
            .await?;
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(MAGIC);
        let mut placed = Vec::with_capacity(payloads.len());
        for payload in payloads {
            let SealedPayload {
                key: own,
                bytes: sealed,
            } = &*payload.sealed;
            placed.push(Placed {
                payload,
                start: int(bytes.len()),
                length: int(sealed.len()),
                data_key: sealed::wrap(&key, own, payload.generation.as_str())?,
            });
            bytes.extend_from_slice(sealed);
        }
        self.objects.put(&segment.object(), bytes).await?;
        let mut transaction = self.store.database.begin().await?;
        index::insert(&mut transaction, &segment.id, &placed).await?;
        index::ready(&mut transaction, &segment.id, 0).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The row of a new segment, and its key.
    pub(super) async fn announce(
        &self,
        (workspace_id, day): (&str, i64),
        length: usize,
        now_ms: i64,
    ) -> Result<(DataKey, Segment), ArchiveError> {
        let (key, data_key) = self.vault.new_data_key()?;
        let segment = Segment {
            id: unique_name()?,
            workspace_id: workspace_id.to_owned(),
            day,
            node_id: self.node.clone(),
            data_key,
            length_bytes: int(length),
            dead_bytes: 0,
        };
        let mut transaction = self.store.database.begin().await?;
        index::announce(&mut transaction, &segment, now_ms).await?;
        transaction.commit().await?;
        Ok((key, segment))
    }

    /// The payload of a call; `None` when there is none, or none any more.
    ///
    /// # Errors
    /// [`ObjectError::Missing`] when its segment is not here: it lies in the directory of another
    /// replica, or was removed by hand. Else [`ArchiveError`].
    pub async fn read(&self, generation: &GenerationId) -> Result<Option<Vec<u8>>, ArchiveError> {
        let mut is_second_try = false;
        loop {
            let found = index::find(&self.store.database, generation.as_str()).await?;
            let Some((place, segment)) = found else {
                return Ok(None);
            };
            match self
                .objects
                .get(&segment.object(), Some(range(&place)))
                .await
            {
                Ok(sealed) => {
                    let key = self.vault.data_key(&segment.data_key)?;
                    let key = sealed::unwrap(&key, &place.data_key, generation.as_str())?;
                    return sealed::open(&key, &sealed, generation).map(Some);
                }
                // It may just have been moved.
                Err(ObjectError::Missing(_)) if !is_second_try => is_second_try = true,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether the payload of a call can be read, without reading it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn holds(&self, generation: &GenerationId) -> Result<bool, StoreError> {
        let found = index::find(&self.store.database, generation.as_str()).await?;
        Ok(found.is_some())
    }

    /// What is kept, by workspace.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn totals(&self) -> Result<Vec<ContentTotals>, StoreError> {
        index::totals(&self.store.database).await
    }

    /// Whether every replica reads the same segments.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.objects.is_shared()
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

/// Where in its segment a payload lies.
pub(super) fn range(place: &Place) -> Range<u64> {
    let start = u64::try_from(place.start).unwrap_or(0);
    start..start.saturating_add(u64::try_from(place.length).unwrap_or(0))
}

pub(super) fn int(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
