//! A budget's row.

use ledger::{Amount, Budget, BudgetId, Enforcement, Subject, Window};

use crate::StoreError;
use crate::database::{Row, Statement, Transaction};

pub(super) const COLUMNS: &str = "id, subject_kind, subject_value, workspace_id, limit_nanos, time_window, \
    enforcement, counts_byok, enabled, grants, created_at_ms, updated_at_ms";

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

/// The budget of that id, as somebody asks who changes nothing of it.
pub(super) fn of(id: &BudgetId) -> Statement {
    Statement::assembled(format!("SELECT {COLUMNS} FROM budgets WHERE id = $1")).text(id.as_str())
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

pub(super) fn from_row(row: &Row) -> Result<StoredBudget, StoreError> {
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
