//! The counters of budgets: what is spent and lent out in each window.
//!
//! A budget that is made late does not begin at zero: the first time a counter is opened, what its subject
//! has spent in that piece of time goes into `opening_nanos`, to the day.

use ledger::{Amount, Budget, BudgetWindow, Subject, Window};

use super::row;
use crate::StoreError;
use crate::database::{Row, Statement, Transaction};

const SECONDS_PER_DAY: i64 = 86_400;

/// Where a budget stands in one window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BudgetState {
    /// Spent and in the database, with what was spent before the budget was made.
    pub posted: Amount,
    /// In the hands of nodes: free, held for calls under way, or spent and not in the database yet.
    pub leased: Amount,
}

/// The counters that count against a budget in a window.
pub(crate) fn counters(budget: &Budget, window: &BudgetWindow) -> Statement {
    bind_counter(Statement::assembled(counters_sql(1)), budget, window)
}

/// Asks for the counters of so many budgets, each bound by [`bind_counter`].
pub(super) fn counters_sql(budgets: usize) -> String {
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

pub(super) fn bind_counter(
    statement: Statement,
    budget: &Budget,
    window: &BudgetWindow,
) -> Statement {
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
            let found = row::of(&window.budget).rows(transaction).await?;
            found.first().map(row::from_row).transpose()?
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
