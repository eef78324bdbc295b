//! The books: immutable entries, and the balances that are their sums.
//!
//! A call is paid by its workspace with a `charge`; what it cost above what was held for it has an
//! `overage` entry in each of its budget windows. What was held, settled and released follows from
//! the lines in the call's own row, and is not written twice: [`lines_of_call`] spells it out.

use std::collections::BTreeMap;

use ledger::entry::{self, Account, Entry, EntryKind, Event};
use ledger::{Amount, GenerationId};

use crate::database::{Row, Statement, Transaction, in_powers_of_two};
use crate::generations::Repeats;
use crate::posting::{Posting, PostingLine, Settled, saturating_sum};
use crate::{Store, StoreError};

/// Rows per statement, at most: a power of two.
const ROWS_PER_STATEMENT: usize = 32;

/// One line of the books, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its id, made of what happened.
    pub id: String,
    /// The call it is about.
    pub generation_id: Option<String>,
    /// The account that grew.
    pub debit: String,
    /// The account that shrank.
    pub credit: String,
    /// How much.
    pub amount: Amount,
    /// What it is about, for example `charge` or `grant`.
    pub kind: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

impl Store {
    /// Entries of an account, oldest first, after a position (`at_ms`, id); at most `count`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn entries(
        &self,
        account: &str,
        after: (i64, &str),
        count: u32,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let rows = Statement::new(
            "SELECT id, generation_id, debit, credit, amount_nanos, kind, at_ms FROM entries \
             WHERE (debit = $1 OR credit = $1) AND (at_ms > $2 OR (at_ms = $2 AND id > $3)) \
             ORDER BY at_ms, id LIMIT $4",
        )
        .text(account)
        .int(after.0)
        .text(after.1)
        .int(i64::from(count))
        .read(&self.database)
        .await?;
        rows.iter().map(from_row).collect()
    }
}

/// A row of `entries`, all of its columns.
pub(crate) fn from_row(row: &Row) -> Result<StoredEntry, StoreError> {
    Ok(StoredEntry {
        id: row.text("id")?,
        generation_id: row.maybe_text("generation_id")?,
        debit: row.text("debit")?,
        credit: row.text("credit")?,
        amount: Amount::from_nanos(row.int("amount_nanos")?),
        kind: row.text("kind")?,
        at_ms: row.int("at_ms")?,
    })
}

/// Writes the entries of calls that have just been inserted; `false` where some are there that may not
/// be, and the transaction is to be undone.
pub(crate) async fn insert_charges(
    transaction: &mut Transaction,
    inserted: &[&Settled],
    repeats: Repeats,
) -> Result<bool, StoreError> {
    let lines: Vec<(Entry, i64)> = inserted.iter().flat_map(|call| lines_of(call)).collect();
    match repeats {
        Repeats::Never => insert_all(transaction, &lines).await,
        Repeats::Maybe => insert(transaction, &lines).await.map(|_| true),
    }
}

/// Inserts entries and moves the balances; `false` where some are there already.
async fn insert_all(
    transaction: &mut Transaction,
    lines: &[(Entry, i64)],
) -> Result<bool, StoreError> {
    let mut sums = Sums::default();
    for now in in_powers_of_two(lines, ROWS_PER_STATEMENT) {
        let inserted = rows_of(transaction, now, "").run(transaction).await?;
        if usize::try_from(inserted) != Ok(now.len()) {
            return Ok(false);
        }
        now.iter().for_each(|(line, _)| sums.add(line));
    }
    sums.write(transaction).await?;
    Ok(true)
}

fn lines_of(settled: &Settled) -> Vec<(Entry, i64)> {
    let generation = &settled.generation;
    let at_ms = generation.created_at_ms;
    let event = Event::of_call(&generation.id, at_ms.div_euclid(1000));
    let cost = settled.cost();
    let posting = settled.posting.as_deref();
    let overage = posting.map(|posting| overages(&generation.id, posting, cost, event.at));
    entry::charge(
        &event,
        &generation.caller.workspace_id,
        settled.owed(),
        Amount::ZERO,
    )
    .into_iter()
    .chain(overage.into_iter().flatten())
    .map(|line| (line, at_ms))
    .collect()
}

/// What a call cost above what was held for it. Nothing is held where a budget only warns, and
/// nothing exceeds that.
pub(crate) fn overages(id: &GenerationId, posting: &Posting, cost: Amount, at: i64) -> Vec<Entry> {
    let event = Event::of_call(id, at);
    let lines = posting.lines.iter();
    lines
        .filter(|line| cost > line.held && !line.only_counts())
        .filter_map(|line| entry::overage(&event, &line.hold(), cost))
        .collect()
}

/// What a call did in its budget windows, as entries: held, topped up, settled and released. Its
/// overage is not among them, for that is stored.
pub(crate) fn lines_of_call(
    id: &GenerationId,
    posting: &Posting,
    (cost, at_ms): (Amount, i64),
) -> Vec<StoredEntry> {
    let event = Event::of_call(id, at_ms.div_euclid(1000));
    let of = |line: &PostingLine| {
        if line.only_counts() {
            return entry::count(&event, &line.window, cost)
                .into_iter()
                .collect();
        }
        entry::history(&event, &line.hold(), cost)
    };
    let entries = posting.lines.iter().flat_map(of);
    entries
        .filter(|entry| entry.kind != EntryKind::Overage)
        .map(|entry| StoredEntry {
            id: entry.id,
            generation_id: Some(id.as_str().to_owned()),
            debit: entry.debit.to_string(),
            credit: entry.credit.to_string(),
            amount: entry.amount,
            kind: entry.kind.name().to_owned(),
            at_ms,
        })
        .collect()
}

/// Inserts entries that are not there yet and moves the balances by those; how many were new.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    lines: &[(Entry, i64)],
) -> Result<usize, StoreError> {
    let (mut new, mut sums) = (0, Sums::default());
    for now in in_powers_of_two(lines, ROWS_PER_STATEMENT) {
        let inserted = rows_of(transaction, now, "RETURNING id");
        for row in inserted.rows(transaction).await? {
            let id = row.text("id")?;
            if let Some((line, _)) = now.iter().find(|(line, _)| line.id == id) {
                new += 1;
                sums.add(line);
            }
        }
    }
    sums.write(transaction).await?;
    Ok(new)
}

/// The statement that inserts entries that are not there yet.
fn rows_of(transaction: &Transaction, lines: &[(Entry, i64)], ending: &str) -> Statement {
    let mut statement = Statement::assembled(format!(
        "INSERT INTO entries (id, generation_id, debit, credit, amount_nanos, kind, at_ms) \
         VALUES {} ON CONFLICT (id) DO NOTHING {ending}",
        transaction.values(lines.len(), 7)
    ));
    for (line, at_ms) in lines {
        statement = statement
            .text(&line.id)
            .maybe_text(line.generation.as_ref().map(GenerationId::as_str))
            .owned_text(line.debit.to_string())
            .owned_text(line.credit.to_string())
            .int(line.amount.nanos())
            .text(line.kind.name())
            .int(*at_ms);
    }
    statement
}

/// What entries add to the balances of their accounts: debited, credited.
#[derive(Default)]
struct Sums<'a>(BTreeMap<&'a Account, (i64, i64)>);

impl<'a> Sums<'a> {
    fn add(&mut self, line: &'a Entry) {
        let nanos = line.amount.nanos();
        let debited = &mut self.0.entry(&line.debit).or_default().0;
        *debited = debited.saturating_add(nanos);
        let credited = &mut self.0.entry(&line.credit).or_default().1;
        *credited = credited.saturating_add(nanos);
    }

    /// In the order of the accounts' names, so that two nodes lock rows in the same order and never
    /// each other.
    async fn write(self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let named = self.0.into_iter();
        let named: BTreeMap<String, _> = named.map(|(of, sums)| (of.to_string(), sums)).collect();
        for (account, (debited, credited)) in named {
            Statement::assembled(format!(
                "INSERT INTO balances (account, debited_nanos, credited_nanos) VALUES ($1, $2, $3) \
                 ON CONFLICT (account) DO UPDATE SET debited_nanos = {}, credited_nanos = {}",
                saturating_sum("balances.debited_nanos", "excluded.debited_nanos"),
                saturating_sum("balances.credited_nanos", "excluded.credited_nanos"),
            ))
            .owned_text(account)
            .int(debited)
            .int(credited)
            .run(transaction)
            .await?;
        }
        Ok(())
    }
}
