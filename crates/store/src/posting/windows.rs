//! Posting: what calls cost moves into their budget windows, and out of the leases it was held from, for
//! many windows at a time.

use std::collections::{BTreeMap, HashSet};

use ledger::BudgetWindow;

use super::{Settled, saturating_sum};
use crate::database::{Engine, Statement, Transaction, in_powers_of_two};
use crate::{StoreError, budgets};

/// Windows or leases moved by one statement, at most: a power of two.
const ROWS_PER_STATEMENT: usize = 32;

/// Posts calls that have just been inserted in this transaction: their costs to their budget windows,
/// out of their node's leases.
pub(crate) async fn post(
    transaction: &mut Transaction,
    inserted: &[&Settled],
) -> Result<(), StoreError> {
    // Sorted, so that two nodes lock rows in the same order and never each other.
    let mut windows: BTreeMap<&BudgetWindow, Sums> = BTreeMap::new();
    let mut leases: BTreeMap<(&BudgetWindow, &str), i64> = BTreeMap::new();
    for settled in inserted {
        let node = settled.posting.as_ref().map_or("", |posting| &posting.node);
        for line in settled.lines() {
            let drawn = line.drawn.nanos();
            let sums = windows.entry(&line.window).or_default();
            sums.cost = sums.cost.saturating_add(settled.cost().nanos());
            sums.drawn = sums.drawn.saturating_add(drawn);
            if drawn > 0 {
                let used = leases.entry((&line.window, node)).or_default();
                *used = used.saturating_add(drawn);
            }
        }
    }
    let windows: Vec<(&BudgetWindow, Sums)> = windows.into_iter().collect();
    for some in in_powers_of_two(&windows, ROWS_PER_STATEMENT) {
        add_posted(transaction, some).await?;
    }
    let leases: Vec<(&BudgetWindow, &str, i64)> = leases
        .into_iter()
        .map(|((window, node), drawn)| (window, node, drawn))
        .collect();
    for some in in_powers_of_two(&leases, ROWS_PER_STATEMENT) {
        use_leases(transaction, some).await?;
    }
    Ok(())
}

/// What some calls move in a window.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// Posted, nano-USD.
    cost: i64,
    /// How much of it comes out of leases, nano-USD.
    drawn: i64,
}

/// Moves what windows say: so much more was posted, and so much less of it is leased. Those that are not
/// there yet are opened.
async fn add_posted(
    transaction: &mut Transaction,
    some: &[(&BudgetWindow, Sums)],
) -> Result<(), StoreError> {
    if transaction.engine() == Engine::Postgres && some.len() > 1 {
        lock_in_order(transaction, some).await?;
    }
    if move_windows(transaction, some).await? == some.len() {
        return Ok(());
    }
    for (window, sums) in some {
        if !budgets::is_open(transaction, window).await? {
            budgets::open_window(transaction, window, None).await?;
            move_windows(transaction, &[(*window, *sums)]).await?;
        }
    }
    Ok(())
}

/// PostgreSQL may lock the rows of one statement in any order, which two nodes must not do.
async fn lock_in_order(
    transaction: &mut Transaction,
    some: &[(&BudgetWindow, Sums)],
) -> Result<(), StoreError> {
    let mut statement = Statement::assembled(format!(
        "SELECT w.window_start FROM budget_windows w JOIN (VALUES {}) AS v ON w.budget_id = v.column2 \
         AND w.window_kind = v.column3 AND w.window_start = v.column4 ORDER BY v.column1 FOR UPDATE OF w",
        transaction.values(some.len(), 4)
    ));
    for (place, (window, _)) in (0..).zip(some) {
        statement = bind(statement.int(place), window);
    }
    statement.rows(transaction).await.map(drop)
}

/// How many of them were there.
async fn move_windows(
    transaction: &mut Transaction,
    some: &[(&BudgetWindow, Sums)],
) -> Result<usize, StoreError> {
    let mut statement = Statement::assembled(format!(
        "UPDATE budget_windows SET posted_nanos = {}, leased_nanos = leased_nanos - v.column5 \
         FROM (VALUES {}) AS v \
         WHERE budget_id = v.column1 AND window_kind = v.column2 AND window_start = v.column3",
        saturating_sum("posted_nanos", "v.column4"),
        transaction.values(some.len(), 5)
    ));
    for (window, sums) in some {
        statement = bind(statement, window).int(sums.cost).int(sums.drawn);
    }
    let touched = statement.run(transaction).await?;
    Ok(usize::try_from(touched).unwrap_or(usize::MAX))
}

fn bind(statement: Statement, window: &BudgetWindow) -> Statement {
    statement
        .text(window.budget.as_str())
        .text(window.window.kind.name())
        .int(window.window.start)
}

/// Takes out of nodes' leases what their windows no longer count as leased. In the steady state
/// there is more in a lease than that; where there is not, an operator may have settled it
/// meanwhile, and what was not there to be taken is put right in the window.
async fn use_leases(
    transaction: &mut Transaction,
    some: &[(&BudgetWindow, &str, i64)],
) -> Result<(), StoreError> {
    let mut statement = Statement::assembled(format!(
        "UPDATE leases SET amount_nanos = amount_nanos - v.column5 FROM (VALUES {}) AS v \
         WHERE budget_id = v.column1 AND window_kind = v.column2 AND window_start = v.column3 \
         AND node_id = v.column4 AND amount_nanos > v.column5 \
         RETURNING budget_id, window_kind, window_start, node_id",
        transaction.values(some.len(), 5)
    ));
    for (window, node, drawn) in some {
        statement = bind(statement, window).text(node).int(*drawn);
    }
    let rows = statement.rows(transaction).await?;
    if rows.len() == some.len() {
        return Ok(());
    }
    let mut used = HashSet::with_capacity(rows.len());
    for row in &rows {
        let window = (row.text("budget_id")?, row.text("window_kind")?);
        used.insert((window, row.int("window_start")?, row.text("node_id")?));
    }
    for (window, node, drawn) in some {
        let BudgetWindow { budget, window: at } = *window;
        let names = (budget.as_str().to_owned(), at.kind.name().to_owned());
        if !used.contains(&(names, at.start, (*node).to_owned())) {
            change_leased(transaction, window, *drawn).await?;
            take_from_lease(transaction, node, window, *drawn).await?;
        }
    }
    Ok(())
}

/// Adds to what a window counts as leased.
async fn change_leased(
    transaction: &mut Transaction,
    window: &BudgetWindow,
    amount: i64,
) -> Result<(), StoreError> {
    Statement::new(
        "UPDATE budget_windows SET leased_nanos = leased_nanos + $1 \
         WHERE budget_id = $2 AND window_kind = $3 AND window_start = $4",
    )
    .int(amount)
    .text(window.budget.as_str())
    .text(window.window.kind.name())
    .int(window.window.start)
    .run(transaction)
    .await
    .map(drop)
}

/// Takes what was spent out of a node's lease; the row of the window is locked. A lease that an
/// operator has settled meanwhile is no longer there, and nothing is taken.
pub(crate) async fn take_from_lease(
    transaction: &mut Transaction,
    node: &str,
    window: &BudgetWindow,
    amount: i64,
) -> Result<(), StoreError> {
    let rows = Statement::new(
        "SELECT amount_nanos FROM leases WHERE node_id = $1 AND budget_id = $2 \
         AND window_kind = $3 AND window_start = $4",
    )
    .text(node)
    .text(window.budget.as_str())
    .text(window.window.kind.name())
    .int(window.window.start)
    .rows(transaction)
    .await?;
    let there = rows.first().map_or(Ok(0), |row| row.int("amount_nanos"))?;
    let taken = amount.min(there);
    if taken <= 0 {
        return Ok(());
    }
    let change = if taken == there {
        "DELETE FROM leases WHERE amount_nanos = $1"
    } else {
        "UPDATE leases SET amount_nanos = amount_nanos - $1 WHERE 1 = 1"
    };
    Statement::assembled(format!(
        "{change} AND node_id = $2 AND budget_id = $3 AND window_kind = $4 AND window_start = $5"
    ))
    .int(taken)
    .text(node)
    .text(window.budget.as_str())
    .text(window.window.kind.name())
    .int(window.window.start)
    .run(transaction)
    .await?;
    change_leased(transaction, window, -taken).await
}
