//! Conversations whose cache at a provider broke, as the records of their calls say: in a table of their
//! own, so that all replicas and all restarts are seen.

use ledger::{Amount, Generation};

use super::horizons::RECORDS;
use crate::database::{Row, Statement, Transaction, placeholders};
use crate::{Store, StoreError};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheBreak {
    /// The call.
    pub generation_id: String,
    /// The workspace that pays.
    pub workspace_id: String,
    /// When it had arrived, Unix milliseconds.
    pub at_ms: i64,
    /// Its session, where it has one.
    pub session_id: Option<String>,
    /// The model that served.
    pub model: String,
    /// The endpoint that served.
    pub endpoint: String,
    /// What its record says of it: one JSON object.
    pub said: String,
    /// What it cost more than with the cache.
    pub lost: Amount,
}

/// What was lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheLosses {
    /// Because another endpoint served.
    pub to_switches: Amount,
    /// Because the prompt had changed, or the cache forgot.
    pub to_changes: Amount,
}

const COLUMNS: &str =
    "generation_id, workspace_id, at_ms, session_id, model, endpoint, said, lost_nanos";

/// Puts the breaks of records beside them, in their transaction; those whose records are gone go.
pub(crate) async fn note_breaks(
    transaction: &mut Transaction,
    records: impl Iterator<Item = &Generation>,
) -> Result<(), StoreError> {
    let mut is_any = false;
    for record in records {
        let Some(broken) = &record.noticed.prefix_break else {
            continue;
        };
        is_any = true;
        Statement::assembled(format!(
            "INSERT INTO cache_breaks ({COLUMNS}, is_switch) VALUES ({}) \
             ON CONFLICT (generation_id) DO NOTHING",
            placeholders(1, 9)
        ))
        .text(record.id.as_str())
        .text(&record.caller.workspace_id)
        .int(record.created_at_ms)
        .maybe_text(record.caller.session_id.as_deref())
        .text(&record.model)
        .text(record.endpoint.as_deref().unwrap_or_default())
        .text(&broken.said)
        .int(broken.lost.nanos())
        .int(i64::from(broken.is_switch))
        .run(transaction)
        .await?;
    }
    if is_any {
        Statement::new(
            "DELETE FROM cache_breaks WHERE at_ms < \
             (SELECT COALESCE(MAX(at_ms), 0) FROM record_horizons WHERE name = $1)",
        )
        .text(RECORDS)
        .run(transaction)
        .await?;
    }
    Ok(())
}

impl Store {
    /// The breaks of a time, of one workspace or of all: the newest of them, at most so many, and what
    /// all of them lost.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn cache_breaks(
        &self,
        workspace_id: Option<&str>,
        (from_ms, to_ms): (i64, i64),
        count: usize,
    ) -> Result<(Vec<CacheBreak>, CacheLosses), StoreError> {
        let mut transaction = self.database.snapshot().await?;
        let mut of_time = "WHERE at_ms >= $1 AND at_ms < $2".to_owned();
        if workspace_id.is_some() {
            of_time.push_str(" AND workspace_id = $3");
        }
        let bound = |sql: String| {
            let statement = Statement::assembled(sql).int(from_ms).int(to_ms);
            match workspace_id {
                Some(id) => statement.text(id),
                None => statement,
            }
        };
        let newest = format!(
            "SELECT {COLUMNS} FROM cache_breaks {of_time} ORDER BY at_ms DESC, generation_id LIMIT {count}"
        );
        let rows = bound(newest).rows(&mut transaction).await?;
        let breaks: Result<Vec<CacheBreak>, StoreError> = rows.iter().map(from_row).collect();
        let sums = format!(
            "SELECT is_switch, CAST(SUM(lost_nanos) AS BIGINT) AS lost FROM cache_breaks {of_time} \
             GROUP BY is_switch"
        );
        let mut losses = CacheLosses::default();
        for row in bound(sums).rows(&mut transaction).await? {
            let lost = Amount::from_nanos(row.int("lost")?);
            match row.int("is_switch")? {
                0 => losses.to_changes = lost,
                _ => losses.to_switches = lost,
            }
        }
        Ok((breaks?, losses))
    }
}

fn from_row(row: &Row) -> Result<CacheBreak, StoreError> {
    Ok(CacheBreak {
        generation_id: row.text("generation_id")?,
        workspace_id: row.text("workspace_id")?,
        at_ms: row.int("at_ms")?,
        session_id: row.maybe_text("session_id")?,
        model: row.text("model")?,
        endpoint: row.text("endpoint")?,
        said: row.text("said")?,
        lost: Amount::from_nanos(row.int("lost_nanos")?),
    })
}
