//! Sessions: what the calls of one agent run add up to.

use ledger::{Generation, Outcome};

use super::measures::{Measure, Measures};
use crate::database::{Row, Statement, Transaction};
use crate::{Store, StoreError};

/// Which session: ids are the callers' own, so that two workspaces may use the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey {
    /// The workspace.
    pub workspace_id: String,
    /// What its callers call it.
    pub session_id: String,
}

/// What its calls add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSums {
    /// Hash of the key that called first, as far as is known.
    pub key_hash: String,
    /// When the first call arrived, Unix milliseconds.
    pub first_ms: i64,
    /// When the last one did.
    pub last_ms: i64,
    /// Calls.
    pub calls: i64,
    /// Those that failed.
    pub failed: i64,
    /// Those that nobody could price.
    pub unpriced: i64,
    /// What they cost, nano-USD.
    pub cost_nanos: i64,
    /// What caches of providers saved, nano-USD.
    pub cache_saved_nanos: i64,
    /// Prompt tokens.
    pub prompt_tokens: i64,
    /// Those of them that were read from a cache.
    pub cached_tokens: i64,
    /// Completion tokens.
    pub completion_tokens: i64,
    /// The time that they took, added up, milliseconds.
    pub total_ms: i64,
}

/// The columns behind the key, in the order of [`SessionSums::numbers`].
pub(super) const NUMBERS: [&str; 11] = [
    "first_ms",
    "last_ms",
    "calls",
    "failed",
    "unpriced",
    "cost_nanos",
    "cache_saved_nanos",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "total_ms",
];

impl SessionSums {
    /// One call.
    pub(crate) fn of(call: &Generation, at_ms: i64) -> Self {
        let mut measures = Measures::default();
        measures.count(call);
        Self {
            key_hash: call.caller.key_hash.clone(),
            first_ms: at_ms,
            last_ms: at_ms,
            calls: 1,
            failed: i64::from(matches!(call.outcome, Outcome::Failed { .. })),
            unpriced: measures.get(Measure::Unpriced),
            cost_nanos: measures.get(Measure::Cost),
            cache_saved_nanos: measures.get(Measure::CacheSaved),
            prompt_tokens: measures.prompt_tokens(),
            cached_tokens: measures.get(Measure::CacheRead),
            completion_tokens: measures.completion_tokens(),
            total_ms: measures.get(Measure::TotalTime),
        }
    }

    /// Adds other calls.
    pub(crate) fn merge(&mut self, other: &Self) {
        // Of two at the same moment always the same one, in whichever order they come.
        if (other.first_ms, &other.key_hash) < (self.first_ms, &self.key_hash) {
            self.key_hash.clone_from(&other.key_hash);
        }
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
        for (sum, part) in [
            (&mut self.calls, other.calls),
            (&mut self.failed, other.failed),
            (&mut self.unpriced, other.unpriced),
            (&mut self.cost_nanos, other.cost_nanos),
            (&mut self.cache_saved_nanos, other.cache_saved_nanos),
            (&mut self.prompt_tokens, other.prompt_tokens),
            (&mut self.cached_tokens, other.cached_tokens),
            (&mut self.completion_tokens, other.completion_tokens),
            (&mut self.total_ms, other.total_ms),
        ] {
            *sum = sum.saturating_add(part);
        }
    }

    pub(crate) fn numbers(&self) -> [i64; 11] {
        [
            self.first_ms,
            self.last_ms,
            self.calls,
            self.failed,
            self.unpriced,
            self.cost_nanos,
            self.cache_saved_nanos,
            self.prompt_tokens,
            self.cached_tokens,
            self.completion_tokens,
            self.total_ms,
        ]
    }

    pub(crate) fn from_numbers(key_hash: &str, numbers: &[i64]) -> Option<Self> {
        let [
            first_ms,
            last_ms,
            calls,
            failed,
            unpriced,
            cost_nanos,
            cache_saved_nanos,
            prompt_tokens,
            cached_tokens,
            completion_tokens,
            total_ms,
        ] = *numbers
        else {
            return None;
        };
        Some(Self {
            key_hash: key_hash.to_owned(),
            first_ms,
            last_ms,
            calls,
            failed,
            unpriced,
            cost_nanos,
            cache_saved_nanos,
            prompt_tokens,
            cached_tokens,
            completion_tokens,
            total_ms,
        })
    }
}

impl Store {
    /// What the calls of a session add up to; `None` when there is no such session.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn session(&self, key: &SessionKey) -> Result<Option<SessionSums>, StoreError> {
        let mut transaction = self.database.snapshot().await?;
        let stored = stored(&mut transaction, key).await?;
        let pending = super::gather::deltas(&mut transaction).await?;
        let pending = pending.sessions.get(key).cloned();
        Ok(match (stored, pending) {
            (Some(mut sums), Some(more)) => {
                sums.merge(&more);
                Some(sums)
            }
            (stored, pending) => stored.or(pending),
        })
    }
}

/// What the row of a session says.
pub(crate) async fn stored(
    transaction: &mut Transaction,
    key: &SessionKey,
) -> Result<Option<SessionSums>, StoreError> {
    let rows = Statement::assembled(format!(
        "SELECT key_hash, {} FROM sessions WHERE workspace_id = $1 AND session_id = $2",
        NUMBERS.join(", ")
    ))
    .text(&key.workspace_id)
    .text(&key.session_id)
    .rows(transaction)
    .await?;
    rows.first().map(from_row).transpose()
}

/// Reads a row with all of its columns.
pub(crate) fn from_row(row: &Row) -> Result<SessionSums, StoreError> {
    let numbers = NUMBERS.map(|name| row.int(name));
    let numbers: Vec<i64> = numbers.into_iter().collect::<Result<_, _>>()?;
    SessionSums::from_numbers(row.borrowed_text("key_hash")?, &numbers)
        .ok_or_else(|| StoreError::Unreadable("the row of a session".to_owned()))
}

/// Adds to the row of a session.
pub(crate) async fn merge(
    transaction: &mut Transaction,
    key: &SessionKey,
    more: &SessionSums,
) -> Result<(), StoreError> {
    let sums = match stored(transaction, key).await? {
        Some(mut sums) => {
            sums.merge(more);
            sums
        }
        None => more.clone(),
    };
    let assignments: Vec<String> = NUMBERS
        .iter()
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    let mut statement = Statement::assembled(format!(
        "INSERT INTO sessions (workspace_id, session_id, key_hash, {}) VALUES {} \
         ON CONFLICT (workspace_id, session_id) DO UPDATE SET key_hash = excluded.key_hash, {}",
        NUMBERS.join(", "),
        transaction.values(1, NUMBERS.len() + 3),
        assignments.join(", ")
    ))
    .text(&key.workspace_id)
    .text(&key.session_id)
    .text(&sums.key_hash);
    for number in sums.numbers() {
        statement = statement.int(number);
    }
    statement.run(transaction).await.map(drop)
}
