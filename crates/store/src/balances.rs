//! Prepaid balances: a workspace's balance is a lifetime budget whose limit is what came to it and did
//! not go by fees.

use ledger::{Account, Amount, Budget, BudgetId, Enforcement, Subject, Window};

use crate::changes::{self, Noun};
use crate::credits::NewCredit;
use crate::database::{Statement, Transaction};
use crate::{Store, StoreError, budgets};

/// The id of the budget that a workspace's balance is.
#[must_use]
pub fn balance_budget_id(workspace_id: &str) -> BudgetId {
    BudgetId::from_text(format!("balance:{workspace_id}"))
}

impl Store {
    /// The budget that a workspace's prepaid balance is, made when it is not there: with `prepaid`
    /// billing every call falls under it. What was spent while billing was otherwise is counted.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn open_balance(
        &self,
        workspace_id: &str,
        now_ms: i64,
    ) -> Result<Budget, StoreError> {
        let id = balance_budget_id(workspace_id);
        let there = self.budgets().by_id(&id).await?;
        let mut transaction = self.database.begin().await?;
        let budget = match there {
            Some(stored) => stored.budget,
            None => {
                // Of several replicas that start at once, the later ones read what the first wrote.
                changes::record(&mut transaction, Noun::Budget, id.as_str(), now_ms).await?;
                match budgets::lock(&mut transaction, &id).await? {
                    Some(stored) => stored.budget,
                    None => {
                        let budget = balance_budget(workspace_id, Amount::ZERO);
                        budgets::put(&mut transaction, &budget, true, now_ms).await?;
                        budget
                    }
                }
            }
        };
        let window = budget.window_at(0);
        budgets::open_window(&mut transaction, &window, Some(&budget)).await?;
        budgets::catch_up(&mut transaction, &budget, &window).await?;
        transaction.commit().await?;
        Ok(budget)
    }
}

impl Store {
    /// What came to a workspace, or with `None` to the whole house, less what was taken back and fees.
    pub(crate) async fn granted(&self, workspace_id: Option<&str>) -> Result<Amount, StoreError> {
        let rows = Statement::new(
            "SELECT debit, credit, amount_nanos FROM entries \
             WHERE kind IN ('grant', 'purchase', 'refund', 'fee')",
        )
        .read(&self.database)
        .await?;
        let own = workspace_id.map(|id| Account::Workspace(id.to_owned()).to_string());
        let is_own = |account: &str| match &own {
            Some(own) => account == own,
            None => account.starts_with("workspace:"),
        };
        let mut sum = 0_i64;
        for row in &rows {
            let nanos = row.int("amount_nanos")?;
            if is_own(row.borrowed_text("debit")?) {
                sum = sum.saturating_add(nanos);
            } else if is_own(row.borrowed_text("credit")?) {
                sum = sum.saturating_sub(nanos);
            }
        }
        Ok(Amount::from_nanos(sum))
    }
}

/// Raises the limit of a workspace's balance by what comes to it, or lowers it. The feed is locked first, as by
/// everyone who changes a budget.
pub(crate) async fn add_credit(
    transaction: &mut Transaction,
    credit: &NewCredit,
) -> Result<(), StoreError> {
    let id = balance_budget_id(&credit.workspace_id);
    changes::record(transaction, Noun::Budget, id.as_str(), credit.at_ms).await?;
    let there = budgets::lock(transaction, &id).await?;
    let before = there.map_or(Amount::ZERO, |stored| stored.budget.limit);
    let limit = before.nanos().saturating_add(credit.change().nanos());
    let budget = balance_budget(&credit.workspace_id, Amount::from_nanos(limit));
    budgets::put(transaction, &budget, true, credit.at_ms).await
}

fn balance_budget(workspace_id: &str, limit: Amount) -> Budget {
    Budget {
        id: balance_budget_id(workspace_id),
        subject: Subject::Workspace(workspace_id.to_owned()),
        workspace_id: Some(workspace_id.to_owned()),
        limit,
        window: Window::Lifetime,
        enforcement: Enforcement::Hard,
        counts_byok: false,
    }
}
