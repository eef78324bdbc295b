//! Leases: what the database lets each node spend. Granting keeps `limit >= posted + leased`.
//!
//! One transaction serves many budgets. Each budget is locked first (its row counts its grants), in
//! the order of their ids, so that no two nodes wait for each other; then the counters that count are
//! read, and one conditional update leases a slice. A rolling window counts several counters, which
//! only the lock keeps still; posting may lower their sum meanwhile, or raise it by overage alone.

use ledger::entry::{self, Event};
use ledger::lease::{WindowState, slice};
use ledger::{Amount, Budget, BudgetWindow, Hold};

use crate::database::{Engine, Statement, Transaction};
use crate::{Store, StoreError, budgets, entries, posting};

/// What a node wants of a budget window.
#[derive(Debug, Clone)]
pub(crate) struct Want {
    pub(crate) window: BudgetWindow,
    /// What is wanted now, at least.
    pub(crate) amount: Amount,
}

/// What it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    /// So much; what is left in the database after it.
    Granted { amount: Amount, left: Amount },
    /// Nothing, for there is only so much left.
    Short { left: Amount },
    /// The budget is not there, or does not hold: it limits nothing.
    Gone,
}

/// A step with the database that failed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: StoreError,
    /// Whether it may have been done all the same: the connection broke during the commit.
    pub(crate) is_unsure: bool,
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self {
            error,
            is_unsure: false,
        }
    }
}

/// Leases slices to a node, many budgets in one transaction; the answers in the order of the wants.
pub(crate) async fn grant(
    store: &Store,
    node: &str,
    wants: &[Want],
    nodes_hint: u32,
) -> Result<Vec<Grant>, Failed> {
    let mut order: Vec<usize> = (0..wants.len()).collect();
    order.sort_by(|a, b| wants[*a].window.cmp(&wants[*b].window));
    let mut transaction = store.database.begin().await?;
    let mut budgets = Vec::with_capacity(order.len());
    for index in &order {
        budgets.push(budgets::lock(&mut transaction, &wants[*index].window.budget).await?);
    }
    let mut answers = vec![Grant::Gone; wants.len()];
    for (index, stored) in order.iter().zip(budgets) {
        let want = &wants[*index];
        let Some(stored) = stored.filter(|stored| stored.enabled) else {
            continue;
        };
        let all = store.database.engine == Engine::Sqlite;
        let parts = if all { None } else { Some(nodes_hint) };
        answers[*index] = grant_one(&mut transaction, node, (want, &stored.budget), parts).await?;
    }
    commit(transaction).await?;
    Ok(answers)
}

/// `parts` is among how many nodes it is shared; absent, one node has all of it.
async fn grant_one(
    transaction: &mut Transaction,
    node: &str,
    (want, budget): (&Want, &Budget),
    parts: Option<u32>,
) -> Result<Grant, StoreError> {
    budgets::open_window(transaction, &want.window, Some(budget)).await?;
    let rows = budgets::counters(budget, &want.window)
        .rows(transaction)
        .await?;
    let state = budgets::sum(&rows)?;
    let window = WindowState {
        limit: budget.limit,
        posted: state.posted,
        leased: state.leased,
    };
    let available = window.available();
    if available < want.amount || available == Amount::ZERO {
        return Ok(Grant::Short { left: available });
    }
    let amount = parts.map_or(available, |nodes| slice(window, want.amount, nodes));
    let own_limit = budget.limit.nanos().saturating_sub(amount.nanos());
    // Overage may have been posted since the counters were read: then the row says no.
    let leased = Statement::new(
        "UPDATE budget_windows SET leased_nanos = leased_nanos + $1 WHERE budget_id = $2 \
         AND window_kind = $3 AND window_start = $4 \
         AND posted_nanos <= $5 - opening_nanos - leased_nanos",
    )
    .int(amount.nanos())
    .text(want.window.budget.as_str())
    .text(want.window.window.kind.name())
    .int(want.window.window.start)
    .int(own_limit)
    .run(transaction)
    .await?;
    if leased == 0 {
        return Ok(Grant::Short { left: Amount::ZERO });
    }
    Statement::new(
        "INSERT INTO leases (node_id, budget_id, window_kind, window_start, amount_nanos) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (node_id, budget_id, window_kind, window_start) \
         DO UPDATE SET amount_nanos = leases.amount_nanos + excluded.amount_nanos",
    )
    .text(node)
    .text(want.window.budget.as_str())
    .text(want.window.window.kind.name())
    .int(want.window.window.start)
    .int(amount.nanos())
    .run(transaction)
    .await?;
    let left = available.checked_sub(amount).unwrap_or(Amount::ZERO);
    Ok(Grant::Granted { amount, left })
}

/// Takes parts of a node's leases back into their budgets, in one transaction.
pub(crate) async fn give_back(
    store: &Store,
    node: &str,
    parts: &mut [(BudgetWindow, Amount)],
) -> Result<(), Failed> {
    parts.sort_by(|a, b| a.0.cmp(&b.0));
    let mut transaction = store.database.begin().await?;
    for (window, amount) in parts.iter() {
        lock_window(&mut transaction, window).await?;
        posting::take_from_lease(&mut transaction, node, window, amount.nanos()).await?;
    }
    commit(transaction).await
}

/// Everyone who moves a lease holds the row of its window.
async fn lock_window(
    transaction: &mut Transaction,
    window: &BudgetWindow,
) -> Result<(), StoreError> {
    Statement::new(
        "UPDATE budget_windows SET leased_nanos = leased_nanos \
         WHERE budget_id = $1 AND window_kind = $2 AND window_start = $3",
    )
    .text(window.budget.as_str())
    .text(window.window.kind.name())
    .int(window.window.start)
    .run(transaction)
    .await
    .map(drop)
}

async fn commit(transaction: Transaction) -> Result<(), Failed> {
    transaction.commit().await.map_err(|error| Failed {
        error,
        is_unsure: true,
    })
}

impl Store {
    /// Gives back all that a node holds in leases: for a node that has started again and written what
    /// its journal held, or that is gone for good, journal and all. How much it was.
    ///
    /// For a node that still runs this hands money out twice.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn release_node(&self, node: &str) -> Result<Amount, StoreError> {
        let mut released = Amount::ZERO;
        for lease in self.leases(Some(node)).await? {
            let mut transaction = self.database.begin().await?;
            lock_window(&mut transaction, &lease.window).await?;
            posting::take_from_lease(&mut transaction, node, &lease.window, i64::MAX).await?;
            transaction.commit().await?;
            released = released.checked_add(lease.amount).unwrap_or(released);
        }
        Ok(released)
    }

    /// As [`Store::release_node`], for a node that is gone for good: that what it had reserved has
    /// expired is written into the books.
    ///
    /// # Errors
    /// As [`Store::release_node`].
    pub async fn give_up_node(&self, node: &str, now_ms: i64) -> Result<Amount, StoreError> {
        let mut given_up = Amount::ZERO;
        for lease in self.leases(Some(node)).await? {
            let mut transaction = self.database.begin().await?;
            lock_window(&mut transaction, &lease.window).await?;
            posting::take_from_lease(&mut transaction, node, &lease.window, i64::MAX).await?;
            let id = format!("lost:{node}:{now_ms}");
            let event = Event {
                id: &id,
                generation: None,
                at: now_ms.div_euclid(1000),
            };
            let hold = [Hold::new(lease.window.clone(), lease.amount)];
            let lines: Vec<_> = entry::reserve(&event, &hold)
                .into_iter()
                .chain(entry::expire(&event, &hold))
                .map(|line| (line, now_ms))
                .collect();
            entries::insert(&mut transaction, &lines).await?;
            transaction.commit().await?;
            given_up = given_up.saturating_add(lease.amount);
        }
        Ok(given_up)
    }

    /// What nodes hold, of one node or of all.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn leases(&self, node: Option<&str>) -> Result<Vec<Lease>, StoreError> {
        let rows = Statement::new(
            "SELECT node_id, budget_id, window_kind, window_start, amount_nanos FROM leases \
             WHERE node_id = $1 OR $2 = 1 ORDER BY budget_id, window_kind, window_start, node_id",
        )
        .text(node.unwrap_or_default())
        .flag(node.is_none())
        .read(&self.database)
        .await?;
        rows.iter()
            .map(|row| {
                let window = format!("{}:{}", row.text("window_kind")?, row.int("window_start")?);
                let id = ledger::WindowId::from_text(&window)
                    .ok_or_else(|| StoreError::Unreadable(format!("window \"{window}\"")))?;
                Ok(Lease {
                    node: row.text("node_id")?,
                    window: BudgetWindow {
                        budget: ledger::BudgetId::from_text(row.text("budget_id")?),
                        window: id,
                    },
                    amount: Amount::from_nanos(row.int("amount_nanos")?),
                })
            })
            .collect()
    }
}

/// What one node holds of a budget window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who.
    pub node: String,
    /// Of what.
    pub window: BudgetWindow,
    /// How much it may spend, or has spent and not yet written.
    pub amount: Amount,
}

impl Store {
    /// How many nodes hold leases.
    pub(crate) async fn count_nodes(&self) -> Result<u32, StoreError> {
        let rows = Statement::new("SELECT COUNT(DISTINCT node_id) AS found FROM leases")
            .read(&self.database)
            .await?;
        let found = rows.first().map_or(Ok(0), |row| row.int("found"))?;
        Ok(u32::try_from(found).unwrap_or(u32::MAX))
    }
}
