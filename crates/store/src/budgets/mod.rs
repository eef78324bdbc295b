//! Budgets: made, found, listed, changed and deleted.
//!
//! A key's limit is a budget too: the row `key:<hash>` is written together with the key. `row`: a budget's
//! row. `counters`: those of its windows.

mod counters;
mod row;

use std::collections::HashMap;

use ledger::{Budget, BudgetId, Enforcement, Subject, Window};

use crate::changes::{self, Noun};
use crate::database::{Row, Statement, Transaction, placeholders, rows_named};
use crate::{Store, StoreError, StoredKey};
pub use counters::BudgetState;
use counters::{bind_counter, counters_sql};
pub(crate) use counters::{catch_up, counters, is_open, open_window, sum};
pub use row::StoredBudget;
pub(crate) use row::lock;
use row::{COLUMNS, from_row};

/// The counters of so many budgets are asked for in one statement.
const COUNTERS_PER_STATEMENT: usize = 32;

/// The most budgets one page of a list holds, as of keys.
const PAGE_MAX: i64 = 100;

/// The budgets of a store.
#[derive(Debug)]
pub struct Budgets<'a>(&'a Store);

impl Store {
    /// The budgets.
    #[must_use]
    pub fn budgets(&self) -> Budgets<'_> {
        Budgets(self)
    }
}

/// The id of the budget that a key's limit is.
#[must_use]
pub fn key_budget_id(key_hash: &str) -> BudgetId {
    BudgetId::from_text(format!("key:{key_hash}"))
}

/// The budget that a key's limit is; absent without a limit.
#[must_use]
pub fn key_budget(key: &StoredKey) -> Option<Budget> {
    Some(Budget {
        id: key_budget_id(key.hash.as_str()),
        subject: Subject::Key(key.hash.as_str().to_owned()),
        workspace_id: None,
        limit: key.limit?,
        window: Window::from_limit_reset(key.limit_reset.map(crate::LimitReset::name)).ok()?,
        enforcement: Enforcement::Hard,
        counts_byok: key.include_byok_in_limit,
    })
}

impl Budgets<'_> {
    /// Makes a budget, or changes the one of that id; every node follows within a second.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn put(&self, budget: &Budget, enabled: bool, now_ms: i64) -> Result<(), StoreError> {
        let mut transaction = self.0.database.begin().await?;
        put(&mut transaction, budget, enabled, now_ms).await?;
        transaction.commit().await
    }

    /// Removes a budget; whether it was there. What was counted stays.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete(&self, id: &BudgetId, now_ms: i64) -> Result<bool, StoreError> {
        let mut transaction = self.0.database.begin().await?;
        changes::record(&mut transaction, Noun::Budget, id.as_str(), now_ms).await?;
        let was_there = delete_row(&mut transaction, id).await?;
        if was_there {
            transaction.commit().await?;
        }
        Ok(was_there)
    }

    /// The budget of that id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn by_id(&self, id: &BudgetId) -> Result<Option<StoredBudget>, StoreError> {
        let rows = row::of(id).read(&self.0.database).await?;
        rows.first().map(from_row).transpose()
    }

    /// Those of these budgets that are there, in no order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn several(&self, ids: &[BudgetId]) -> Result<Vec<StoredBudget>, StoreError> {
        let ids: Vec<&str> = ids.iter().map(BudgetId::as_str).collect();
        let sql = |places: &str| format!("SELECT {COLUMNS} FROM budgets WHERE id IN ({places})");
        let rows = rows_named(&self.0.database, sql, &ids).await?;
        rows.iter().map(from_row).collect()
    }

    /// All of them, key limits and balances included, for the snapshot in memory.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn all(&self) -> Result<Vec<StoredBudget>, StoreError> {
        let rows = Statement::assembled(format!(
            "SELECT {COLUMNS} FROM budgets ORDER BY created_at_ms, id"
        ))
        .read(&self.0.database)
        .await?;
        rows.iter().map(from_row).collect()
    }

    /// A page of them, a hundred at the most, oldest first, after so many that are skipped: what is made
    /// meanwhile comes last, and moves none from one page to another.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn page(&self, offset: u32) -> Result<Vec<StoredBudget>, StoreError> {
        let rows = Statement::assembled(format!(
            "SELECT {COLUMNS} FROM budgets ORDER BY created_at_ms, id LIMIT $1 OFFSET $2"
        ))
        .int(PAGE_MAX)
        .int(i64::from(offset))
        .read(&self.0.database)
        .await?;
        rows.iter().map(from_row).collect()
    }

    /// Where a budget stands at an instant (Unix seconds); of a rolling window the sum of its pieces.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn state(&self, budget: &Budget, at: i64) -> Result<BudgetState, StoreError> {
        let rows = counters(budget, &budget.window_at(at))
            .read(&self.0.database)
            .await?;
        sum(&rows)
    }

    /// Where several budgets stand at an instant (Unix seconds), by their ids.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn states(
        &self,
        budgets: &[&Budget],
        at: i64,
    ) -> Result<HashMap<String, BudgetState>, StoreError> {
        let mut counters: HashMap<String, Vec<Row>> = HashMap::new();
        for some in budgets.chunks(COUNTERS_PER_STATEMENT) {
            // Few sizes, so that few statements are prepared; asked twice, a counter is told once.
            let size = some.len().next_power_of_two();
            let filled = some
                .iter()
                .chain(some.last().into_iter().cycle())
                .take(size);
            let statement = Statement::assembled(counters_sql(size));
            let statement = filled.fold(statement, |statement, budget| {
                let window = budget.window_at(at);
                bind_counter(statement, budget, &window)
            });
            for row in statement.read(&self.0.database).await? {
                counters
                    .entry(row.text("budget_id")?)
                    .or_default()
                    .push(row);
            }
        }
        let summed = counters.into_iter().map(|(id, rows)| Ok((id, sum(&rows)?)));
        summed.collect()
    }
}

/// Writes a budget and its change. Everyone locks the feed of changes first, then the budget, then its
/// counters, and never waits for each other.
pub(crate) async fn put(
    transaction: &mut Transaction,
    budget: &Budget,
    enabled: bool,
    now_ms: i64,
) -> Result<(), StoreError> {
    changes::record(transaction, Noun::Budget, budget.id.as_str(), now_ms).await?;
    let before = lock(transaction, &budget.id).await?;
    Statement::assembled(format!(
        "INSERT INTO budgets ({COLUMNS}) VALUES ({}) ON CONFLICT (id) DO UPDATE SET \
         subject_kind = excluded.subject_kind, subject_value = excluded.subject_value, \
         workspace_id = excluded.workspace_id, limit_nanos = excluded.limit_nanos, \
         time_window = excluded.time_window, enforcement = excluded.enforcement, \
         counts_byok = excluded.counts_byok, enabled = excluded.enabled, \
         updated_at_ms = excluded.created_at_ms",
        placeholders(1, 12)
    ))
    .text(budget.id.as_str())
    .text(budget.subject.kind())
    .text(&budget.subject.value())
    .maybe_text(budget.workspace_id.as_deref())
    .int(budget.limit.nanos())
    .text(&budget.window.to_string())
    .text(budget.enforcement.name())
    .flag(budget.counts_byok)
    .flag(enabled)
    .int(0)
    .int(now_ms)
    .maybe_int(None)
    .run(transaction)
    .await?;
    match before {
        Some(_) => Ok(()),
        None => {
            catch_up(
                transaction,
                budget,
                &budget.window_at(now_ms.div_euclid(1000)),
            )
            .await
        }
    }
}

async fn delete_row(transaction: &mut Transaction, id: &BudgetId) -> Result<bool, StoreError> {
    let deleted = Statement::new("DELETE FROM budgets WHERE id = $1")
        .text(id.as_str())
        .run(transaction)
        .await?;
    Ok(deleted > 0)
}

/// Makes the budget of a key what the key's limit says.
pub(crate) async fn follow_key(
    transaction: &mut Transaction,
    key: &StoredKey,
    now_ms: i64,
) -> Result<(), StoreError> {
    match key_budget(key) {
        Some(budget) => put(transaction, &budget, true, now_ms).await,
        None => forget_key(transaction, key.hash.as_str(), now_ms).await,
    }
}

/// Removes the budget of a key that has no limit any more or is gone. The feed is locked already.
pub(crate) async fn forget_key(
    transaction: &mut Transaction,
    key_hash: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let id = key_budget_id(key_hash);
    if delete_row(transaction, &id).await? {
        changes::record(transaction, Noun::Budget, id.as_str(), now_ms).await?;
    }
    Ok(())
}
