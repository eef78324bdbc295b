//! The entries against the calls: each is about a call that is there, and is its due.

use std::collections::HashMap;

use ledger::GenerationId;

use super::{Difference, Found, PAGE, postings};
use crate::database::{Row, Statement, Transaction, placeholders};
use crate::records::{PROBES, position_of};
use crate::{StoreError, entries};

/// Walks through the charges and overages of calls from a moment on; the first that is about
/// nothing, or not due.
pub(super) async fn compare(transaction: &mut Transaction, from_ms: i64) -> Found {
    let mut after = String::new();
    loop {
        let page = Statement::new(
            "SELECT id, generation_id, kind, amount_nanos FROM entries \
             WHERE kind IN ('charge', 'overage') AND at_ms >= $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .int(from_ms)
        .text(&after)
        .int(PAGE)
        .rows_unhurried(transaction)
        .await?;
        let calls = calls(transaction, &page).await?;
        for entry in &page {
            let about = entry.maybe_text("generation_id")?.unwrap_or_default();
            if let Some(wrong) = wrong_with(entry, &about, calls.get(&about))? {
                return Ok(Some(Difference(format!("{}: {wrong}", entry.text("id")?))));
            }
        }
        match page.last() {
            Some(last) => after = last.text("id")?,
            None => return Ok(None),
        }
    }
}

fn wrong_with(entry: &Row, about: &str, call: Option<&Row>) -> Result<Option<String>, StoreError> {
    let (id, amount) = (entry.text("id")?, entry.int("amount_nanos")?);
    let cost = call.map_or(Ok(None), |call| call.maybe_int("cost_nanos"))?;
    if entry.text("kind")? == "charge" {
        if cost.unwrap_or(0) == 0 {
            return Ok(Some(format!(
                "a charge of {amount} nano-USD, and the generation that it is about cost nothing"
            )));
        }
        let is_second = id != format!("{about}:charge:usage");
        return Ok(is_second.then(|| format!("a second charge of {amount} nano-USD")));
    }
    let due = match call.map(postings::read).transpose()?.flatten() {
        Some((id, posting, cost)) => entries::overages(&id, &posting, cost, 0),
        None => Vec::new(),
    };
    let is_due = due.iter().any(|due| due.id == id);
    Ok((!is_due).then(|| {
        format!("an overage of {amount} nano-USD, and the generation that it is about has none")
    }))
}

/// The calls that entries are about, by id.
async fn calls(
    transaction: &mut Transaction,
    page: &[Row],
) -> Result<HashMap<String, Row>, StoreError> {
    let mut ids = Vec::with_capacity(page.len());
    for row in page {
        ids.extend(
            row.maybe_text("generation_id")?
                .map(GenerationId::from_text),
        );
    }
    ids.dedup();
    let mut found = HashMap::with_capacity(ids.len());
    if ids.is_empty() {
        return Ok(found);
    }
    let mut statement = Statement::assembled(format!(
        "SELECT id, cost_nanos, postings FROM generations WHERE position IN ({})",
        placeholders(1, ids.len())
    ));
    for id in &ids {
        statement = statement.int(position_of(id.as_str()));
    }
    for row in statement.rows_unhurried(transaction).await? {
        found.insert(row.text("id")?, row);
    }
    // Those whose position was taken stand on one of the next.
    for id in &ids {
        if found.contains_key(id.as_str()) {
            continue;
        }
        let position = position_of(id.as_str());
        let rows = Statement::new(
            "SELECT id, cost_nanos, postings FROM generations \
             WHERE position >= $1 AND position < $2 AND id = $3",
        )
        .int(position)
        .int(position.saturating_add(PROBES))
        .text(id.as_str())
        .rows_unhurried(transaction)
        .await?;
        for row in rows {
            found.insert(row.text("id")?, row);
        }
    }
    Ok(found)
}
