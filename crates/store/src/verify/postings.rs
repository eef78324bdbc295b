//! The budget windows of calls against the books: each reservation closed once, each overage booked.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Amount, GenerationId};

use super::{Difference, Found, PAGE, compare};
use crate::database::{Row, Statement, Transaction};
use crate::{Posting, PostingLine, StoreError, entries};

/// What calls have posted to each budget window.
#[derive(Default)]
pub(super) struct Posted(BTreeMap<String, i64>);

impl Posted {
    /// Takes in a call; what is wrong with what it did in its budget windows.
    pub(super) async fn add(&mut self, transaction: &mut Transaction, row: &Row) -> Found {
        let Some((id, posting, cost)) = read(row)? else {
            return Ok(None);
        };
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
            let sum = self.0.entry(window).or_default();
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

    /// Compares with what the windows say.
    pub(super) async fn compare(&self, transaction: &mut Transaction) -> Found {
        let told = "SELECT budget_id || '@' || window_kind || ':' \
                    || CAST(window_start AS TEXT) AS id, posted_nanos AS told FROM budget_windows";
        compare(
            transaction,
            (told, &self.0),
            "what is posted to a budget window",
        )
        .await
    }
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
fn read(row: &Row) -> Result<Option<(GenerationId, Posting, Amount)>, StoreError> {
    let Some(text) = row.maybe_text("postings")? else {
        return Ok(None);
    };
    let id = GenerationId::from_text(row.text("id")?);
    let cost = Amount::from_nanos(row.maybe_int("cost_nanos")?.unwrap_or(0));
    Ok(Some((id, Posting::from_text(&text)?, cost)))
}

/// An overage entry whose call has no such overage.
pub(super) async fn overages(transaction: &mut Transaction) -> Found {
    let mut after = String::new();
    loop {
        let page = Statement::new(
            "SELECT e.id AS entry, e.amount_nanos AS booked, g.id AS id, g.cost_nanos AS cost_nanos, \
             g.postings AS postings FROM entries e LEFT JOIN generations g ON g.id = e.generation_id \
             WHERE e.kind = 'overage' AND e.id > $1 ORDER BY e.id LIMIT $2",
        )
        .text(&after)
        .int(PAGE)
        .rows_unhurried(transaction)
        .await?;
        for row in &page {
            let entry = row.text("entry")?;
            let due = match read(row)? {
                Some((id, posting, cost)) => entries::overages(&id, &posting, cost, 0),
                None => Vec::new(),
            };
            if due.iter().all(|due| due.id != entry) {
                return Ok(Some(Difference(format!(
                    "{entry}: an overage of {} nano-USD, and the generation that it is about has none",
                    row.int("booked")?
                ))));
            }
        }
        match page.last() {
            Some(last) => after = last.text("entry")?,
            None => return Ok(None),
        }
    }
}
