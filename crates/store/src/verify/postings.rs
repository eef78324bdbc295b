//! The budget windows of calls against the books: each reservation closed once, each overage booked.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Amount, GenerationId};

use super::{Difference, Found, compare};
use crate::database::{Row, Statement, Transaction};
use crate::records::{Delta, Month, deltas};
use crate::{Posting, PostingLine, StoreError, entries};

/// What calls have posted to each budget window, by month.
pub(super) struct Posted {
    since: Month,
    sums: BTreeMap<(i64, String), i64>,
}

impl Posted {
    /// Of calls from that month on; before it there are none.
    pub(super) const fn since(since: Month) -> Self {
        Self {
            since,
            sums: BTreeMap::new(),
        }
    }

    /// Takes in a call; what is wrong with what it did in its budget windows.
    pub(super) async fn add(&mut self, transaction: &mut Transaction, row: &Row) -> Found {
        let Some((id, posting, cost)) = read(row)? else {
            return Ok(None);
        };
        let month = Month::of(row.int("position")?).number();
        let mut windows = BTreeSet::new();
        for line in &posting.lines {
            let window = line.window.to_string();
            if let Some(wrong) = wrong_with(line, cost) {
                return Ok(Some(Difference(format!("{id}: in {window} {wrong}"))));
            }
            if !windows.insert(window.clone()) {
                let text = format!("{id}: in {window} its reservation was closed twice");
                return Ok(Some(Difference(text)));
            }
            let sum = self.sums.entry((month, window)).or_default();
            *sum = sum.saturating_add(cost.nanos());
        }
        for due in entries::overages(&id, &posting, cost, 0) {
            let booked = Statement::new("SELECT amount_nanos FROM entries WHERE id = $1")
                .text(&due.id)
                .rows_unhurried(transaction)
                .await?;
            let booked = booked
                .first()
                .map_or(Ok(0), |row| row.int("amount_nanos"))?;
            if booked != due.amount.nanos() {
                return Ok(Some(Difference(format!(
                    "{}: the cost above what was held and its overage entry differ: \
                     {} nano-USD, {booked} nano-USD",
                    due.id,
                    due.amount.nanos()
                ))));
            }
        }
        Ok(None)
    }

    /// Compares with what is kept of each month, and with what the windows say: what was posted in
    /// months whose calls are gone, and by the calls that are there.
    pub(super) async fn compare(self, transaction: &mut Transaction) -> Found {
        let pending = deltas(transaction).await?;
        let kept = kept(transaction, &pending).await?;
        let since = self.since.number();
        let mut windows: BTreeMap<String, i64> = BTreeMap::new();
        let (mut told, mut found) = (BTreeMap::new(), self.sums);
        for ((month, window), nanos) in kept {
            if month < since {
                let sum = windows.entry(window).or_default();
                *sum = sum.saturating_add(nanos);
            } else {
                told.insert((month, window), nanos);
            }
        }
        told.retain(|_, nanos| *nanos != 0);
        found.retain(|_, nanos| *nanos != 0);
        let mut both = told.keys().chain(found.keys());
        if let Some(key) = both.find(|key| told.get(*key) != found.get(*key)) {
            return Ok(Some(Difference(format!(
                "{}: what is kept of its month {} is {} nano-USD, and the calls of it posted {}",
                key.1,
                Month::from_number(key.0),
                told.get(key).copied().unwrap_or(0),
                found.get(key).copied().unwrap_or(0)
            ))));
        }
        for ((_, window), nanos) in found {
            let sum = windows.entry(window).or_default();
            *sum = sum.saturating_add(nanos);
        }
        let told = "SELECT budget_id || '@' || window_kind || ':' \
                    || CAST(window_start AS TEXT) AS id, posted_nanos AS told FROM budget_windows";
        compare(
            transaction,
            (told.to_owned(), &windows),
            "what is posted to a budget window",
        )
        .await
    }
}

/// What is kept of each month, by number and window.
async fn kept(
    transaction: &mut Transaction,
    pending: &Delta,
) -> Result<BTreeMap<(i64, String), i64>, StoreError> {
    let rows = Statement::new(
        "SELECT month, budget_id || '@' || window_kind || ':' || CAST(window_start AS TEXT) AS id, \
         posted_nanos FROM month_postings",
    )
    .rows_unhurried(transaction)
    .await?;
    let mut kept: BTreeMap<(i64, String), i64> = BTreeMap::new();
    for row in &rows {
        let key = (row.int("month")?, row.text("id")?);
        kept.insert(key, row.int("posted_nanos")?);
    }
    for ((month, window), nanos) in &pending.postings {
        let sum = kept.entry((*month, window.to_string())).or_default();
        *sum = sum.saturating_add(*nanos);
    }
    Ok(kept)
}

fn wrong_with(line: &PostingLine, cost: Amount) -> Option<String> {
    let PostingLine {
        held,
        topped_up,
        drawn,
        ..
    } = line;
    if *drawn > cost || *drawn < Amount::ZERO {
        return Some(format!(
            "{} nano-USD were taken from a lease for it, and it cost {}",
            drawn.nanos(),
            cost.nanos()
        ));
    }
    (*topped_up > *held || *topped_up < Amount::ZERO).then(|| {
        format!(
            "{} nano-USD were held, of which {} by topping up",
            held.nanos(),
            topped_up.nanos()
        )
    })
}

/// A call with budgets: its id, what it did in them, and what it cost.
pub(super) fn read(row: &Row) -> Result<Option<(GenerationId, Posting, Amount)>, StoreError> {
    let Some(text) = row.maybe_text("postings")? else {
        return Ok(None);
    };
    let id = GenerationId::from_text(row.text("id")?);
    let cost = Amount::from_nanos(row.maybe_int("cost_nanos")?.unwrap_or(0));
    Ok(Some((id, Posting::from_text(&text)?, cost)))
}
