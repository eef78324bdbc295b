//! What deleting leaves behind: segments that nobody can read are removed, those with dead bytes in
//! them are written anew without, and small ones of a day are joined.

use super::archive::{Archive, ArchiveError, MAGIC, int, range};
use super::index::{self, GONE, Place, READY, Segment, WRITING};
use super::sealed;
use crate::StoreError;
use crate::database::Statement;

/// A segment that was announced this long ago and is not there yet will never be.
const WRITING_MAX_MS: i64 = 60 * 60 * 1000;

/// For so long a node has a segment to itself while it writes it anew.
const CLAIM_MS: i64 = 10 * 60 * 1000;

/// Segments below this size are joined once there are [`SMALL_MANY`] of them for one day.
const SMALL_BYTES: i64 = 1 << 20;
const SMALL_MANY: usize = 16;

/// The most that goes into one segment when others are joined.
const JOINED_BYTES_MAX: i64 = 32 << 20;

/// Segments that are looked at in one round.
const ROUND_MAX: i64 = 256;

impl Archive {
    /// Removes the objects of segments that nobody can read any more, and of those that were never
    /// finished; how many. Replicas without a shared store remove their own.
    ///
    /// # Errors
    /// [`ArchiveError`]; the next round tries again.
    pub async fn sweep(&self, now_ms: i64) -> Result<u64, ArchiveError> {
        let rows = index::select(
            "WHERE (state = $1 OR (state = $2 AND created_at_ms < $3)) AND (node_id = $4 OR $5 = 1) \
             ORDER BY created_at_ms LIMIT $6",
        )
        .text(GONE)
        .text(WRITING)
        .int(now_ms.saturating_sub(WRITING_MAX_MS))
        .text(&self.node)
        .flag(self.is_shared())
        .int(ROUND_MAX)
        .read(&self.store.database)
        .await?;
        let mut count = 0;
        for row in &rows {
            let segment = index::segment_of(row)?;
            self.objects.remove(&segment.object()).await?;
            let mut transaction = self.store.database.begin().await?;
            index::forget(&mut transaction, &segment.id).await?;
            transaction.commit().await?;
            count += 1;
        }
        Ok(count)
    }

    /// Writes segments anew that have dead bytes in them or that are too small to be many; how many
    /// were replaced. One that is not where it should be stays as it is: it may be there again.
    ///
    /// # Errors
    /// The first [`ArchiveError`], after all were tried; a later round tries those again.
    pub async fn compact(&self, now_ms: i64) -> Result<u64, ArchiveError> {
        let rows = index::select(
            "WHERE state = $1 AND (dead_bytes > 0 OR length_bytes < $2) \
             AND (node_id = $3 OR $4 = 1) AND claimed_to_ms < $5 \
             ORDER BY workspace_id, day, node_id, id LIMIT $6",
        )
        .text(READY)
        .int(SMALL_BYTES)
        .text(&self.node)
        .flag(self.is_shared())
        .int(now_ms)
        .int(ROUND_MAX)
        .read(&self.store.database)
        .await?;
        let found: Result<Vec<Segment>, StoreError> = rows.iter().map(index::segment_of).collect();
        let (mut count, mut trouble) = (0, None);
        for group in worth_it(found?) {
            match self.join(&group, now_ms).await {
                Ok(joined) => count += joined,
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        trouble.map_or(Ok(count), Err)
    }

    /// Wraps the keys of segments anew that an old master key has wrapped; how many.
    ///
    /// # Errors
    /// [`ArchiveError::Key`] when one was wrapped by a master key that is not here.
    pub async fn renew_keys(&self) -> Result<u64, ArchiveError> {
        let rows = index::select("WHERE state = $1 ORDER BY id")
            .text(READY)
            .read(&self.store.database)
            .await?;
        let mut count = 0;
        for row in &rows {
            let segment = index::segment_of(row)?;
            let Some(wrapped) = self.vault.rewrapped(&segment.data_key)? else {
                continue;
            };
            let mut transaction = self.store.database.begin().await?;
            count += Statement::new(
                "UPDATE payload_segments SET data_key = $3 WHERE id = $1 AND data_key = $2",
            )
            .text(&segment.id)
            .text(&segment.data_key)
            .text(&wrapped)
            .run(&mut transaction)
            .await?;
            transaction.commit().await?;
        }
        Ok(count)
    }

    /// Writes what is alive in some segments of one workspace and day as one, and drops them.
    async fn join(&self, segments: &[Segment], now_ms: i64) -> Result<u64, ArchiveError> {
        let mut claimed = Vec::new();
        for segment in segments {
            if self.claim(&segment.id, now_ms).await? {
                claimed.push(segment);
            }
        }
        let Some(first) = claimed.first() else {
            return Ok(0);
        };
        let mut alive = Vec::new();
        let mut bytes = MAGIC.to_vec();
        for segment in &claimed {
            let places = self.take_alive(segment, &mut bytes).await?;
            alive.push((*segment, places));
        }
        if alive.iter().any(|(_, places)| !places.is_empty()) {
            let (day, length) = ((&*first.workspace_id, first.day), bytes.len());
            let (key, joined) = self.announce(day, length, now_ms).await?;
            for (segment, places) in &mut alive {
                let old = self.vault.data_key(&segment.data_key)?;
                for place in places {
                    let own = sealed::unwrap(&old, &place.data_key, &place.generation_id)?;
                    place.data_key = sealed::wrap(&key, &own, &place.generation_id)?;
                }
            }
            self.objects.put(&joined.object(), bytes).await?;
            self.move_to(&joined, &alive).await?;
        }
        for segment in &claimed {
            let mut transaction = self.store.database.begin().await?;
            index::bury(&mut transaction, &segment.id).await?;
            transaction.commit().await?;
        }
        Ok(u64::try_from(claimed.len()).unwrap_or(u64::MAX))
    }

    async fn claim(&self, id: &str, now_ms: i64) -> Result<bool, StoreError> {
        let mut transaction = self.store.database.begin().await?;
        let claimed = Statement::new(
            "UPDATE payload_segments SET claimed_to_ms = $3 \
             WHERE id = $1 AND claimed_to_ms < $2 AND state = $4",
        )
        .text(id)
        .int(now_ms)
        .int(now_ms.saturating_add(CLAIM_MS))
        .text(READY)
        .run(&mut transaction)
        .await?;
        transaction.commit().await?;
        Ok(claimed > 0)
    }

    /// Appends what is alive in a segment to `bytes`; where each payload lies there.
    async fn take_alive(
        &self,
        segment: &Segment,
        bytes: &mut Vec<u8>,
    ) -> Result<Vec<Place>, ArchiveError> {
        let mut transaction = self.store.database.begin().await?;
        let mut places = index::places(&mut transaction, &segment.id).await?;
        drop(transaction);
        if places.is_empty() {
            return Ok(places);
        }
        let whole = self.objects.get(&segment.object(), None).await?;
        for place in &mut places {
            let at = range(place);
            let part = usize::try_from(at.start)
                .ok()
                .zip(usize::try_from(at.end).ok())
                .and_then(|(start, end)| whole.get(start..end))
                .ok_or_else(|| ArchiveError::Damaged(segment.object()))?;
            place.start = int(bytes.len());
            bytes.extend_from_slice(part);
        }
        Ok(places)
    }

    /// Points the rows to the new segment. What was deleted meanwhile is dead in it.
    async fn move_to(
        &self,
        joined: &Segment,
        alive: &[(&Segment, Vec<Place>)],
    ) -> Result<(), StoreError> {
        let mut transaction = self.store.database.begin().await?;
        let mut dead_bytes = 0_i64;
        for (segment, places) in alive {
            for place in places {
                let from_to = (&*segment.id, &*joined.id);
                if !index::relocate(&mut transaction, from_to, place).await? {
                    dead_bytes = dead_bytes.saturating_add(place.length);
                }
            }
        }
        index::ready(&mut transaction, &joined.id, dead_bytes).await?;
        transaction.commit().await
    }
}

/// Groups of segments of one workspace, day and node that are worth writing anew: those with dead
/// bytes, together with small ones, and small ones where there are many. `segments` are in order.
fn worth_it(segments: Vec<Segment>) -> Vec<Vec<Segment>> {
    let mut groups: Vec<Vec<Segment>> = Vec::new();
    for segment in segments {
        let fits = groups.last().is_some_and(|group| {
            let bytes: i64 = group.iter().map(|other| other.length_bytes).sum();
            let is_like = |other: &Segment| {
                other.workspace_id == segment.workspace_id
                    && other.day == segment.day
                    && other.node_id == segment.node_id
            };
            group.first().is_some_and(is_like)
                && bytes.saturating_add(segment.length_bytes) <= JOINED_BYTES_MAX
        });
        match groups.last_mut() {
            Some(group) if fits => group.push(segment),
            _ => groups.push(vec![segment]),
        }
    }
    groups.retain(|group| {
        group.len() >= SMALL_MANY || group.iter().any(|segment| segment.dead_bytes > 0)
    });
    groups
}
