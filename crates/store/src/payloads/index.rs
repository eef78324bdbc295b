//! The rows: which segment holds a payload, and the keys that open it.

use super::archive::NewPayload;
use crate::StoreError;
use crate::database::{Database, Row, Statement, Transaction, placeholders};

/// Rows of one statement.
const ROWS_MAX: usize = 500;

/// Written first, so that no object is ever forgotten.
pub(super) const WRITING: &str = "writing";
/// Whole and readable.
pub(super) const READY: &str = "ready";
/// Unreadable; the object is still to be removed.
pub(super) const GONE: &str = "gone";

/// A segment, as its row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) id: String,
    pub(super) workspace_id: String,
    /// UTC day, days since 1970.
    pub(super) day: i64,
    pub(super) node_id: String,
    /// Wrapped by the master key.
    pub(super) data_key: String,
    /// Of the whole object, and of what in it nobody can read any more.
    pub(super) length_bytes: i64,
    pub(super) dead_bytes: i64,
}

impl Segment {
    /// The name of its object: in the folder of its workspace and day, so that people find it.
    pub(super) fn object(&self) -> String {
        let workspace: String = self
            .workspace_id
            .chars()
            .map(|c| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => c,
                _ => '_',
            })
            .collect();
        format!("{workspace}/{}/{}.seg", self.day, self.id)
    }
}

/// Where a payload lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) generation_id: String,
    pub(super) start: i64,
    pub(super) length: i64,
    /// Wrapped by the key of the segment.
    pub(super) data_key: String,
}

/// A payload of which the place is known.
pub(super) struct Placed<'p> {
    pub(super) payload: &'p NewPayload,
    pub(super) start: i64,
    pub(super) length: i64,
    pub(super) data_key: String,
}

/// What is kept of a workspace's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentTotals {
    /// The workspace.
    pub workspace_id: String,
    /// Segments that can be read.
    pub segments: u64,
    /// What they take, in bytes.
    pub bytes: u64,
    /// What of that is deleted and waits to be removed, in bytes.
    pub dead_bytes: u64,
    /// The oldest UTC day, days since 1970.
    pub oldest_day: i64,
}

/// Announces a segment.
pub(super) async fn announce(
    transaction: &mut Transaction,
    segment: &Segment,
    now_ms: i64,
) -> Result<(), StoreError> {
    Statement::assembled(format!(
        "INSERT INTO payload_segments (id, workspace_id, day, node_id, state, data_key, \
         length_bytes, dead_bytes, claimed_to_ms, created_at_ms) VALUES ({})",
        placeholders(1, 10)
    ))
    .text(&segment.id)
    .text(&segment.workspace_id)
    .int(segment.day)
    .text(&segment.node_id)
    .text(WRITING)
    .text(&segment.data_key)
    .int(segment.length_bytes)
    .int(segment.dead_bytes)
    .int(0)
    .int(now_ms)
    .run(transaction)
    .await
    .map(drop)
}

/// Says that a segment can be read; `dead_bytes` of it cannot.
pub(super) async fn ready(
    transaction: &mut Transaction,
    id: &str,
    dead_bytes: i64,
) -> Result<(), StoreError> {
    Statement::new("UPDATE payload_segments SET state = $2, dead_bytes = $3 WHERE id = $1")
        .text(id)
        .text(READY)
        .int(dead_bytes)
        .run(transaction)
        .await
        .map(drop)
}

/// Inserts the rows of new payloads. One that is there already stays as it is.
pub(super) async fn insert(
    transaction: &mut Transaction,
    segment: &str,
    payloads: &[Placed<'_>],
) -> Result<(), StoreError> {
    for rows in payloads.chunks(ROWS_MAX) {
        let mut statement = Statement::assembled(format!(
            "INSERT INTO payloads (generation_id, segment_id, start_byte, length_bytes, data_key, \
             key_hash, created_at_ms) VALUES {} ON CONFLICT (generation_id) DO NOTHING",
            transaction.values(rows.len(), 7)
        ));
        for row in rows {
            statement = statement
                .text(row.payload.generation.as_str())
                .text(segment)
                .int(row.start)
                .int(row.length)
                .text(&row.data_key)
                .text(&row.payload.key_hash)
                .int(row.payload.created_at_ms);
        }
        statement.run(transaction).await?;
    }
    Ok(())
}

/// The payload of a call and the segment that it is in.
pub(super) async fn find(
    database: &Database,
    generation: &str,
) -> Result<Option<(Place, Segment)>, StoreError> {
    let rows = Statement::new(
        "SELECT s.id, s.workspace_id, s.day, s.node_id, s.data_key AS segment_key, \
         s.length_bytes AS segment_bytes, s.dead_bytes, p.generation_id, p.start_byte, \
         p.length_bytes, p.data_key \
         FROM payloads p JOIN payload_segments s ON s.id = p.segment_id \
         WHERE p.generation_id = $1 AND s.state = $2",
    )
    .text(generation)
    .text(READY)
    .read(database)
    .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let segment = Segment {
        id: row.text("id")?,
        workspace_id: row.text("workspace_id")?,
        day: row.int("day")?,
        node_id: row.text("node_id")?,
        data_key: row.text("segment_key")?,
        length_bytes: row.int("segment_bytes")?,
        dead_bytes: row.int("dead_bytes")?,
    };
    Ok(Some((place_of(row)?, segment)))
}

/// The payloads of a segment, in their order.
pub(super) async fn places(
    transaction: &mut Transaction,
    segment: &str,
) -> Result<Vec<Place>, StoreError> {
    let rows = Statement::new(
        "SELECT generation_id, start_byte, length_bytes, data_key FROM payloads \
         WHERE segment_id = $1 ORDER BY start_byte",
    )
    .text(segment)
    .rows(transaction)
    .await?;
    rows.iter().map(place_of).collect()
}

fn place_of(row: &Row) -> Result<Place, StoreError> {
    Ok(Place {
        generation_id: row.text("generation_id")?,
        start: row.int("start_byte")?,
        length: row.int("length_bytes")?,
        data_key: row.text("data_key")?,
    })
}

/// Moves a payload into another segment, if it is still where it was; whether it was.
pub(super) async fn relocate(
    transaction: &mut Transaction,
    (from, to): (&str, &str),
    place: &Place,
) -> Result<bool, StoreError> {
    let moved = Statement::new(
        "UPDATE payloads SET segment_id = $3, start_byte = $4, data_key = $5 \
         WHERE generation_id = $1 AND segment_id = $2",
    )
    .text(&place.generation_id)
    .text(from)
    .text(to)
    .int(place.start)
    .text(&place.data_key)
    .run(transaction)
    .await?;
    Ok(moved > 0)
}

/// Segments by a condition of ours on `payload_segments`.
pub(super) fn select(rest: &'static str) -> Statement {
    Statement::assembled(format!(
        "SELECT id, workspace_id, day, node_id, data_key, length_bytes, dead_bytes \
         FROM payload_segments {rest}"
    ))
}

/// The segment of a row of [`select`].
pub(super) fn segment_of(row: &Row) -> Result<Segment, StoreError> {
    Ok(Segment {
        id: row.text("id")?,
        workspace_id: row.text("workspace_id")?,
        day: row.int("day")?,
        node_id: row.text("node_id")?,
        data_key: row.text("data_key")?,
        length_bytes: row.int("length_bytes")?,
        dead_bytes: row.int("dead_bytes")?,
    })
}

/// Makes a segment unreadable: its key goes, and with it the rows of what is in it.
pub(super) async fn bury(transaction: &mut Transaction, id: &str) -> Result<u64, StoreError> {
    Statement::new("UPDATE payload_segments SET state = $2, data_key = '' WHERE id = $1")
        .text(id)
        .text(GONE)
        .run(transaction)
        .await?;
    Statement::new("DELETE FROM payloads WHERE segment_id = $1")
        .text(id)
        .run(transaction)
        .await
}

/// Forgets a segment whose object is removed.
pub(super) async fn forget(transaction: &mut Transaction, id: &str) -> Result<(), StoreError> {
    Statement::new("DELETE FROM payload_segments WHERE id = $1")
        .text(id)
        .run(transaction)
        .await
        .map(drop)
}

/// What is kept, by workspace.
pub(super) async fn totals(database: &Database) -> Result<Vec<ContentTotals>, StoreError> {
    let rows = Statement::new(
        "SELECT workspace_id, COUNT(*) AS segments, CAST(SUM(length_bytes) AS BIGINT) AS bytes, \
         CAST(SUM(dead_bytes) AS BIGINT) AS dead_bytes, MIN(day) AS oldest_day \
         FROM payload_segments WHERE state = $1 GROUP BY workspace_id ORDER BY workspace_id",
    )
    .text(READY)
    .read(database)
    .await?;
    let count = |row: &Row, name: &str| Ok(u64::try_from(row.int(name)?).unwrap_or(0));
    rows.iter()
        .map(|row| {
            Ok(ContentTotals {
                workspace_id: row.text("workspace_id")?,
                segments: count(row, "segments")?,
                bytes: count(row, "bytes")?,
                dead_bytes: count(row, "dead_bytes")?,
                oldest_day: row.int("oldest_day")?,
            })
        })
        .collect()
}
