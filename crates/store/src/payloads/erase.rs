//! Deleting content: one payload, many, and what has been kept for long enough.
//!
//! What is deleted is unreadable when these return, for its key is gone. Its bytes go with the next
//! rounds of `sweep.rs`.

use ledger::GenerationId;

use super::archive::{Archive, DAY_MS};
use super::index::{self, READY, Segment};
use crate::StoreError;
use crate::database::{Statement, Transaction};

/// Which content of a workspace is to be deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erase {
    /// Only calls of this key.
    pub key_hash: Option<String>,
    /// Only calls from this moment on, Unix milliseconds.
    pub from_ms: Option<i64>,
    /// Only calls before this moment, Unix milliseconds.
    pub to_ms: Option<i64>,
}

impl Erase {
    /// Whether it takes everything of a day.
    fn takes_day(&self, day: i64) -> bool {
        let (begin, end) = (day * DAY_MS, (day + 1) * DAY_MS);
        self.key_hash.is_none()
            && self.from_ms.is_none_or(|from| from <= begin)
            && self.to_ms.is_none_or(|to| to >= end)
    }

    /// Whether it may take something of a day.
    fn touches_day(&self, day: i64) -> bool {
        let (begin, end) = (day * DAY_MS, (day + 1) * DAY_MS);
        self.from_ms.is_none_or(|from| from < end) && self.to_ms.is_none_or(|to| to > begin)
    }
}

impl Archive {
    /// Deletes the payload of a call; whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn erase(&self, generation: &GenerationId) -> Result<bool, StoreError> {
        let mut transaction = self.store.database.begin().await?;
        let deleted = Statement::new(
            "DELETE FROM payloads WHERE generation_id = $1 RETURNING segment_id, length_bytes",
        )
        .text(generation.as_str())
        .rows(&mut transaction)
        .await?;
        let Some(row) = deleted.first() else {
            return Ok(false);
        };
        let (segment, bytes) = (row.text("segment_id")?, row.int("length_bytes")?);
        note_dead(&mut transaction, &segment, bytes).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Deletes content of a workspace; how many payloads that were. One transaction for each segment,
    /// so that a great deal can be deleted beside everything else; asked again, it goes on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; what was deleted until then is deleted.
    pub async fn erase_many(&self, workspace_id: &str, which: &Erase) -> Result<u64, StoreError> {
        let mut count = 0;
        for segment in self.segments_of(workspace_id).await? {
            if !which.touches_day(segment.day) {
                continue;
            }
            let mut transaction = self.store.database.begin().await?;
            count += if which.takes_day(segment.day) {
                index::bury(&mut transaction, &segment.id).await?
            } else {
                erase_some(&mut transaction, &segment.id, which).await?
            };
            transaction.commit().await?;
        }
        Ok(count)
    }

    /// Drops every segment of a workspace whose day is before `day`; how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn expire(&self, workspace_id: &str, day: i64) -> Result<u64, StoreError> {
        let mut count = 0;
        for segment in self.segments_of(workspace_id).await? {
            if segment.day < day {
                let mut transaction = self.store.database.begin().await?;
                index::bury(&mut transaction, &segment.id).await?;
                transaction.commit().await?;
                count += 1;
            }
        }
        Ok(count)
    }

    async fn segments_of(&self, workspace_id: &str) -> Result<Vec<Segment>, StoreError> {
        let rows = index::select("WHERE workspace_id = $1 AND state = $2 ORDER BY day, id")
            .text(workspace_id)
            .text(READY)
            .read(&self.store.database)
            .await?;
        rows.iter().map(index::segment_of).collect()
    }
}

/// Deletes some of the payloads of a segment.
async fn erase_some(
    transaction: &mut Transaction,
    segment: &str,
    which: &Erase,
) -> Result<u64, StoreError> {
    let deleted = Statement::new(
        "DELETE FROM payloads WHERE segment_id = $1 AND (key_hash = $2 OR $3 = 1) \
         AND created_at_ms >= $4 AND created_at_ms < $5 RETURNING length_bytes",
    )
    .text(segment)
    .text(which.key_hash.as_deref().unwrap_or_default())
    .flag(which.key_hash.is_none())
    .int(which.from_ms.unwrap_or(i64::MIN))
    .int(which.to_ms.unwrap_or(i64::MAX))
    .rows(transaction)
    .await?;
    let mut bytes = 0_i64;
    for row in &deleted {
        bytes = bytes.saturating_add(row.int("length_bytes")?);
    }
    if bytes > 0 {
        note_dead(transaction, segment, bytes).await?;
    }
    Ok(u64::try_from(deleted.len()).unwrap_or(u64::MAX))
}

async fn note_dead(
    transaction: &mut Transaction,
    segment: &str,
    bytes: i64,
) -> Result<(), StoreError> {
    Statement::new("UPDATE payload_segments SET dead_bytes = dead_bytes + $2 WHERE id = $1")
        .text(segment)
        .int(bytes)
        .run(transaction)
        .await
        .map(drop)
}
