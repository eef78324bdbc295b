//! Budgets as rows, and the counters of their windows.
//!
//! A key's limit is a budget too: the row `key:<hash>` is written together with the key. A budget
//! that is made late does not begin at zero: the first time a counter is opened, what its subject
//! has spent in that piece of time goes into `opening_nanos`, to the day.

use std::collections::HashMap;

use ledger::{Amount, Budget, BudgetId, BudgetWindow, Enforcement, Subject, Window};

use crate::changes::{self, Noun};
use crate::database::{Row, Statement, Transaction, placeholders, rows_named};
use crate::{Store, StoreError, StoredKey};

const COLUMNS: &str = "id, subject_kind, subject_value, workspace_id, limit_nanos, time_window, \
    enforcement, counts_byok, enabled, grants, created_at_ms, updated_at_ms";

const SECONDS_PER_DAY: i64 = 86_400;

/// The most budgets one page of a list holds, as of keys.
const PAGE_MAX: i64 = 100;

/// The counters of so many budgets are asked for in one statement.
const COUNTERS_PER_STATEMENT: usize = 32;

/// A budget with its row's own fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBudget {
    /// The budget.
    pub budget: Budget,
    /// Whether it holds; one that does not is as good as none.
    pub enabled: bool,
    /// When it was made, Unix milliseconds.
    pub created_at_ms: i64,
    /// When it was last changed, Unix milliseconds.
    pub updated_at_ms: Option<i64>,
}

/// Where a budget stands in one window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BudgetState {
    /// Spent and in the database, with what was spent before the budget was made.
    pub posted: Amount,
    /// In the hands of nodes: free, held for calls under way, or spent and not in the database yet.
    pub leased: Amount,
}

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
        let rows = Statement::assembled(format!("SELECT {COLUMNS} FROM budgets WHERE id = $1"))
            .text(id.as_str())
            .read(&self.0.database)
            .await?;
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

/// Counts what was spent while there was no such budget, if its counter is there from earlier.
pub(crate) async fn catch_up(
    transaction: &mut Transaction,
    budget: &Budget,
    window: &BudgetWindow,
) -> Result<(), StoreError> {
    let spent = spent_before(transaction, budget, window).await?;
    Statement::new(
        "UPDATE budget_windows SET opening_nanos = $1 - posted_nanos WHERE budget_id = $2 \
         AND window_kind = $3 AND window_start = $4 AND opening_nanos < $1 - posted_nanos",
    )
    .int(spent)
    .text(window.budget.as_str())
    .text(window.window.kind.name())
    .int(window.window.start)
    .run(transaction)
    .await
    .map(drop)
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

// === Counters ===

/// The counters that count against a budget in a window.
pub(crate) fn counters(budget: &Budget, window: &BudgetWindow) -> Statement {
    bind_counter(Statement::assembled(counters_sql(1)), budget, window)
}

/// Asks for the counters of so many budgets, each bound by [`bind_counter`].
fn counters_sql(budgets: usize) -> String {
    let of_one = |number: usize| {
        let first = number * 4 + 1;
        format!(
            "(budget_id = ${first} AND window_kind = ${} AND window_start BETWEEN ${} AND ${})",
            first + 1,
            first + 2,
            first + 3
        )
    };
    let of_each: Vec<String> = (0..budgets).map(of_one).collect();
    format!(
        "SELECT budget_id, window_start, opening_nanos, posted_nanos, leased_nanos \
         FROM budget_windows WHERE {}",
        of_each.join(" OR ")
    )
}

fn bind_counter(statement: Statement, budget: &Budget, window: &BudgetWindow) -> Statement {
    statement
        .text(window.budget.as_str())
        .text(window.window.kind.name())
        .int(budget.window.counted_from(window.window))
        .int(window.window.start)
}

/// The sum of counters.
pub(crate) fn sum(rows: &[Row]) -> Result<BudgetState, StoreError> {
    let (mut posted, mut leased) = (0_i64, 0_i64);
    for row in rows {
        posted = posted
            .saturating_add(row.int("posted_nanos")?)
            .saturating_add(row.int("opening_nanos")?);
        leased = leased.saturating_add(row.int("leased_nanos")?);
    }
    Ok(BudgetState {
        posted: Amount::from_nanos(posted),
        leased: Amount::from_nanos(leased),
    })
}

/// Makes a counter unless it is there, with what its subject has spent in it so far.
pub(crate) async fn open_window(
    transaction: &mut Transaction,
    window: &BudgetWindow,
    budget: Option<&Budget>,
) -> Result<(), StoreError> {
    if is_open(transaction, window).await? {
        return Ok(());
    }
    let stored = match budget {
        Some(_) => None,
        None => {
            let row = Statement::assembled(format!("SELECT {COLUMNS} FROM budgets WHERE id = $1"))
                .text(window.budget.as_str())
                .rows(transaction)
                .await?;
            row.first().map(from_row).transpose()?
        }
    };
    let opening = match budget.or(stored.as_ref().map(|stored| &stored.budget)) {
        Some(budget) => spent_before(transaction, budget, window).await?,
        None => 0,
    };
    Statement::new(
        "INSERT INTO budget_windows (budget_id, window_kind, window_start, opening_nanos, \
         posted_nanos, leased_nanos) VALUES ($1, $2, $3, $4, 0, 0) ON CONFLICT DO NOTHING",
    )
    .text(window.budget.as_str())
    .text(window.window.kind.name())
    .int(window.window.start)
    .int(opening)
    .run(transaction)
    .await
    .map(drop)
}

/// Whether there is a row of a window.
pub(crate) async fn is_open(
    transaction: &mut Transaction,
    window: &BudgetWindow,
) -> Result<bool, StoreError> {
    let found = Statement::new(
        "SELECT window_start FROM budget_windows \
         WHERE budget_id = $1 AND window_kind = $2 AND window_start = $3",
    )
    .text(window.budget.as_str())
    .text(window.window.kind.name())
    .int(window.window.start)
    .rows(transaction)
    .await?;
    Ok(!found.is_empty())
}

/// What the subject of a budget has spent since a window began, to the day. Rolling windows and
/// subjects that are not counted by the day begin at zero.
async fn spent_before(
    transaction: &mut Transaction,
    budget: &Budget,
    window: &BudgetWindow,
) -> Result<i64, StoreError> {
    let (column, value) = match &budget.subject {
        Subject::Key(hash) => ("key_hash", hash.as_str()),
        Subject::Workspace(id) => ("workspace_id", id.as_str()),
        Subject::Organization => ("''", ""),
        Subject::Member(_) | Subject::App(_) | Subject::EndUser(_) | Subject::Metadata(_) => {
            return Ok(0);
        }
    };
    if matches!(budget.window, Window::Rolling { .. }) {
        return Ok(0);
    }
    let start = window.window.start;
    let first_day = start.div_euclid(SECONDS_PER_DAY);
    let rows = Statement::assembled(format!(
        "SELECT CAST(SUM(usage_nanos / 1000000000) AS BIGINT) AS whole, \
         CAST(SUM(usage_nanos % 1000000000) AS BIGINT) AS rest \
         FROM key_usage WHERE {column} = $1 AND day >= $2"
    ))
    .text(value)
    .int(first_day)
    .rows(transaction)
    .await?;
    let Some(row) = rows.first() else {
        return Ok(0);
    };
    let whole = row.maybe_int("whole")?.unwrap_or(0);
    let rest = row.maybe_int("rest")?.unwrap_or(0);
    Ok(whole.saturating_mul(1_000_000_000).saturating_add(rest))
}

pub(crate) fn from_row(row: &Row) -> Result<StoredBudget, StoreError> {
    let wrong = |what: &str| StoreError::Unreadable(format!("the {what} of a budget"));
    let subject = Subject::from_parts(
        row.borrowed_text("subject_kind")?,
        row.borrowed_text("subject_value")?,
    );
    let enforcement = Enforcement::from_name(row.borrowed_text("enforcement")?);
    Ok(StoredBudget {
        budget: Budget {
            id: BudgetId::from_text(row.text("id")?),
            subject: subject.ok_or_else(|| wrong("subject"))?,
            workspace_id: row.maybe_text("workspace_id")?,
            limit: Amount::from_nanos(row.int("limit_nanos")?),
            window: Window::from_text(row.borrowed_text("time_window")?)
                .map_err(|_| wrong("window"))?,
            enforcement: enforcement.ok_or_else(|| wrong("enforcement"))?,
            counts_byok: row.flag("counts_byok")?,
        },
        enabled: row.flag("enabled")?,
        created_at_ms: row.int("created_at_ms")?,
        updated_at_ms: row.maybe_int("updated_at_ms")?,
    })
}

/// Locks a budget until the end of the transaction and reads it.
pub(crate) async fn lock(
    transaction: &mut Transaction,
    id: &BudgetId,
) -> Result<Option<StoredBudget>, StoreError> {
    let rows = Statement::assembled(format!(
        "UPDATE budgets SET grants = grants + 1 WHERE id = $1 RETURNING {COLUMNS}"
    ))
    .text(id.as_str())
    .rows(transaction)
    .await?;
    rows.first().map(from_row).transpose()
}
