//! What sessions cost, by the app that ran them and the model that served most of their calls: a
//! sample of the newest.

use std::collections::BTreeMap;

use super::month::{Month, start_of};
use super::partitions::months;
use crate::database::{Statement, Transaction, placeholders};
use crate::{Store, StoreError};

/// Sessions asked about by one statement.
const SESSIONS_PER_STATEMENT: usize = 64;

/// One session of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampledSession {
    /// Name of the app that made most of its calls; empty when they named none.
    pub app: String,
    /// The model that most of these calls were to.
    pub model: String,
    /// Its calls.
    pub calls: i64,
    /// What they cost, nano-USD.
    pub cost_nanos: i64,
}

/// A session's id in its workspace.
type Name = (String, String);

struct Sums {
    first_ms: i64,
    calls: i64,
    cost_nanos: i64,
}

impl Store {
    /// The newest sessions whose last call was in a time (Unix milliseconds, from and until before),
    /// of one workspace or of all, but at most so many. Sessions with calls that nobody could price
    /// are not among them, nor is what batches have added within the last seconds.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn sample_sessions(
        &self,
        (from_ms, to_ms): (i64, i64),
        workspace_id: Option<&str>,
        count: usize,
    ) -> Result<Vec<SampledSession>, StoreError> {
        let mut transaction = self.database.snapshot().await?;
        let mut sql = "SELECT workspace_id, session_id, first_ms, calls, cost_nanos FROM sessions \
                       WHERE last_ms >= $1 AND last_ms < $2 AND unpriced = 0"
            .to_owned();
        if workspace_id.is_some() {
            sql.push_str(" AND workspace_id = $4");
        }
        sql.push_str(" ORDER BY last_ms DESC, workspace_id, session_id LIMIT $3");
        let mut statement = Statement::assembled(sql)
            .int(from_ms)
            .int(to_ms)
            .int(i64::try_from(count).unwrap_or(i64::MAX));
        if let Some(workspace_id) = workspace_id {
            statement = statement.text(workspace_id);
        }
        let mut sessions = BTreeMap::new();
        for row in statement.rows(&mut transaction).await? {
            let name = (row.text("workspace_id")?, row.text("session_id")?);
            let sums = Sums {
                first_ms: row.int("first_ms")?,
                calls: row.int("calls")?,
                cost_nanos: row.int("cost_nanos")?,
            };
            sessions.insert(name, sums);
        }
        described(&mut transaction, sessions, to_ms).await
    }
}

/// Finds out whose sessions they are.
async fn described(
    transaction: &mut Transaction,
    sessions: BTreeMap<Name, Sums>,
    to_ms: i64,
) -> Result<Vec<SampledSession>, StoreError> {
    let first_ms = sessions.values().map(|sums| sums.first_ms).min();
    let from = start_of(first_ms.unwrap_or(to_ms));
    let mut all = months(transaction).await?;
    all.retain(|month| {
        let (begins, ends) = month.positions();
        ends > from && begins < start_of(to_ms)
    });
    let names: Vec<&Name> = sessions.keys().collect();
    let mut calls: BTreeMap<Name, BTreeMap<(String, String), i64>> = BTreeMap::new();
    for some in names.chunks(SESSIONS_PER_STATEMENT) {
        for month in &all {
            for (name, kind, count) in kinds(transaction, *month, some).await? {
                *calls.entry(name).or_default().entry(kind).or_default() += count;
            }
        }
    }
    let sampled = sessions.into_iter().filter_map(|(name, sums)| {
        let kinds = calls.remove(&name)?;
        // Of equals the last by name, so that it is always the same one.
        let (app, model) = kinds.into_iter().max_by_key(|(_, count)| *count)?.0;
        Some(SampledSession {
            app,
            model,
            calls: sums.calls,
            cost_nanos: sums.cost_nanos,
        })
    });
    Ok(sampled.collect())
}

/// How many calls of which app to which model sessions have in a month.
async fn kinds(
    transaction: &mut Transaction,
    month: Month,
    names: &[&Name],
) -> Result<Vec<(Name, (String, String), i64)>, StoreError> {
    let mut statement = Statement::assembled(format!(
        "SELECT f.workspace_id AS workspace_id, r.session_id AS session_id, f.app AS app, \
         f.model AS model, COUNT(*) AS calls FROM {} r JOIN facets f ON f.id = r.facet \
         WHERE r.session_id IN ({}) GROUP BY f.workspace_id, r.session_id, f.app, f.model",
        month.table(),
        placeholders(1, names.len())
    ));
    for (_, session_id) in names {
        statement = statement.text(session_id);
    }
    let rows = statement.rows(transaction).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let name = (row.text("workspace_id")?, row.text("session_id")?);
        let kind = (row.text("app")?, row.text("model")?);
        found.push((name, kind, row.int("calls")?));
    }
    Ok(found)
}
