//! `verify`: recomputes everything that is written down twice, and names the first difference.
//!
//! 1. What a call cost is its usage times its price snapshot, and its bill adds up.
//! 2. Each call that cost something has its one charge, and nothing else was charged.
//! 3. Balances are the sums of the entries.
//! 4. Each reservation was closed once, by its call: it took no more from a lease than it cost, and
//!    has an overage entry for what it cost above what was held (`postings.rs`). What a lost node
//!    held was given up once, by an operator.
//! 5. What is posted in a window is the sum of the calls in it, what is leased the sum of the leases.
//! 6. What keys have used is the sum of their calls.
//!
//! All of it is read in one snapshot, so that it may run beside a working server. On SQLite writing
//! waits meanwhile.

mod postings;

use std::collections::BTreeMap;
use std::fmt;

use chat::Usage;
use ledger::settlement::TABLE;
use ledger::{Amount, Attempt, Bill, PriceSheet, Rule};

use crate::database::{Engine, Row, Statement, Transaction};
use crate::{Store, StoreError, rows};
use postings::Posted;

/// Calls read at a time.
const PAGE: i64 = 500;

/// How long after its answer a call may have been priced, seconds: draining takes a while.
const PRICED_WITHIN: i64 = 600;

const SECONDS_PER_MINUTE: i64 = 60;

/// Two places of the books that should agree and do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference(String);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

type Found = Result<Option<Difference>, StoreError>;

impl Store {
    /// Recomputes the books; the first difference, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn verify(&self) -> Result<Option<Difference>, StoreError> {
        let mut transaction = self.database.begin().await?;
        if self.database.engine == Engine::Postgres {
            let snapshot = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
            transaction.run_script(snapshot).await?;
            let unhurried = "SET LOCAL statement_timeout = 0";
            transaction.run_script(unhurried).await?;
        }
        let mut posted = Posted::default();
        if let Some(difference) = calls(&mut transaction, &mut posted).await? {
            return Ok(Some(difference));
        }
        if let Some(difference) = postings::overages(&mut transaction).await? {
            return Ok(Some(difference));
        }
        for (sql, what) in PAIRS {
            if let Some(difference) = pair(&mut transaction, sql, what).await? {
                return Ok(Some(difference));
            }
        }
        for (told, summed, what) in SUMS {
            if let Some(difference) = sums(&mut transaction, told, summed, what).await? {
                return Ok(Some(difference));
            }
        }
        posted.compare(&mut transaction).await
    }
}

// === 1 and 4: calls ===

async fn calls(transaction: &mut Transaction, posted: &mut Posted) -> Found {
    let mut after = String::new();
    loop {
        let page = Statement::new(
            "SELECT id, created_at_ms, total_ms, usage, price_sheet, cost_nanos, bill, dropped, \
             attempts, postings FROM generations WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .text(&after)
        .int(PAGE)
        .rows_unhurried(transaction)
        .await?;
        for row in &page {
            if let Some(wrong) = cost_of(row)? {
                let text = format!("generation {}: {wrong}", row.text("id")?);
                return Ok(Some(Difference(text)));
            }
            if let Some(difference) = posted.add(transaction, row).await? {
                return Ok(Some(difference));
            }
        }
        match page.last() {
            Some(last) => after = last.text("id")?,
            None => return Ok(None),
        }
    }
}

/// What is wrong with the cost of a call.
fn cost_of(row: &Row) -> Result<Option<String>, StoreError> {
    let (Some(nanos), Some(lines)) = (row.maybe_int("cost_nanos")?, row.maybe_text("bill")?) else {
        return Ok(None);
    };
    let bill = Bill {
        total: Amount::from_nanos(nanos),
        lines: rows::read_lines(&lines)?,
    };
    // What does not fit is as wrong as what does not agree.
    let overflow = Amount::from_nanos(i64::MIN);
    let sum = Bill {
        total: overflow,
        lines: bill.lines.clone(),
    }
    .part(|_| true);
    if sum != bill.total {
        return Ok(Some(format!(
            "it cost {nanos} nano-USD, and the lines of its bill add up to {}",
            sum.nanos()
        )));
    }
    let Some(sheet) = row.maybe_text("price_sheet")? else {
        let has_price = bill.total > Amount::ZERO;
        return Ok(has_price.then(|| "it was charged without a price snapshot".to_owned()));
    };
    let sheet = rows::read_sheet(&sheet)?;
    let attempts = rows::read_attempts(&row.text("attempts")?)?;
    let usage = rows::read_counts(&row.text("usage")?)?;
    let Some(bill) = without_shares(bill, &attempts) else {
        let text = "the shares of its attempts are not what its bill ends with";
        return Ok(Some(text.to_owned()));
    };
    let (_, settled) = rows::read_notes(&row.text("dropped")?)?;
    let start = row.int("created_at_ms")?.div_euclid(1000);
    let length = row.int("total_ms")?.div_euclid(1000);
    let mut moments = moments(&sheet, start, length.saturating_add(PRICED_WITHIN));
    let is_right =
        moments.any(|at| is_charge(&bill, settled.rule.as_deref(), (&usage, &sheet, at)));
    Ok((!is_right).then(|| {
        format!(
            "it cost {nanos} nano-USD, and its usage by its price snapshot costs something else"
        )
    }))
}

/// A bill without what attempts that did not serve have added to it; `None` where these are not what
/// it ends with. The total becomes that of the lines.
fn without_shares(mut bill: Bill, attempts: &[Attempt]) -> Option<Bill> {
    let shares = attempts.iter().filter_map(|attempt| attempt.share.as_ref());
    for share in shares.rev() {
        let share = share.charge.as_ref().ok()?;
        let rest = bill.lines.len().checked_sub(share.lines.len())?;
        if bill.lines.split_off(rest) != share.lines {
            return None;
        }
    }
    bill.and(&Bill::default()).ok()
}

/// Whether a bill is what its rule makes of usage and prices; of a call without a known rule, what
/// any rule does.
fn is_charge(
    bill: &Bill,
    rule: Option<&str>,
    (usage, sheet, at): (&Usage, &PriceSheet, i64),
) -> bool {
    let mut known = TABLE
        .iter()
        .map(|row| row.rule)
        .filter(|known| rule == Some(known.name));
    let charges = |rule: Rule| rule.charge(usage, sheet, at).as_ref() == Ok(bill);
    match known.next() {
        Some(rule) => charges(rule),
        None => TABLE.iter().any(|row| charges(row.rule)),
    }
}

/// The seconds at which a call may have been priced; one, when it does not matter.
fn moments(sheet: &PriceSheet, start: i64, length: i64) -> impl Iterator<Item = i64> {
    let matters = sheet
        .overrides
        .iter()
        .any(|over| over.condition.utc_minutes.is_some());
    let minutes = if matters {
        length.div_euclid(SECONDS_PER_MINUTE).clamp(0, 24 * 60)
    } else {
        0
    };
    (0..=minutes).map(move |step| start.saturating_add(step * SECONDS_PER_MINUTE))
}

// === 2: pairs of rows ===

/// Queries of rows that do not agree (`id`, `told`, `found`), and what they are about.
const PAIRS: [(&str, &str); 4] = [
    (
        "SELECT g.id AS id, g.cost_nanos AS told, e.amount_nanos AS found FROM generations g \
         LEFT JOIN entries e ON e.id = g.id || ':charge:usage' WHERE g.cost_nanos > 0 \
         AND (e.amount_nanos IS NULL OR e.amount_nanos <> g.cost_nanos \
              OR e.credit <> 'workspace:' || g.workspace_id) ORDER BY g.id LIMIT 1",
        "the cost of a generation and its charge",
    ),
    (
        "SELECT e.id AS id, e.amount_nanos AS told, g.cost_nanos AS found FROM entries e \
         LEFT JOIN generations g ON g.id = e.generation_id \
         WHERE e.kind IN ('charge', 'overage') AND (g.id IS NULL OR COALESCE(g.cost_nanos, 0) = 0) \
         ORDER BY e.id LIMIT 1",
        "an entry and the generation that it is about",
    ),
    (
        "SELECT e.id AS id, e.amount_nanos AS told, 0 AS found FROM entries e \
         WHERE e.kind = 'charge' AND e.id <> e.generation_id || ':charge:usage' \
         ORDER BY e.id LIMIT 1",
        "a second charge and what is due",
    ),
    (
        "SELECT account AS id, debited_nanos AS told, credited_nanos AS found FROM balances \
         WHERE account LIKE 'reserved:%' AND debited_nanos <> credited_nanos \
         ORDER BY account LIMIT 1",
        "what a lost node had reserved and what of it was given up",
    ),
];

async fn pair(transaction: &mut Transaction, sql: &'static str, what: &str) -> Found {
    let rows = Statement::new(sql).rows_unhurried(transaction).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let amount = |value: Option<i64>| {
        value.map_or_else(|| "nothing".to_owned(), |nanos| format!("{nanos} nano-USD"))
    };
    Ok(Some(Difference(format!(
        "{}: {what} differ: {}, {}",
        row.text("id")?,
        amount(row.maybe_int("told")?),
        amount(row.maybe_int("found")?)
    ))))
}

// === 3, 5 and 6: sums ===

/// A query of counters (`id`, `told`), one of the same sums (`id`, `whole`, `rest`), and what they
/// are about. Sums are taken in two parts, as in `spending.rs`.
const SUMS: [(&str, &str, &str); 4] = [
    (
        "SELECT account AS id, debited_nanos AS told FROM balances",
        "SELECT debit AS id, CAST(SUM(amount_nanos / 1000000000) AS BIGINT) AS whole, \
         CAST(SUM(amount_nanos % 1000000000) AS BIGINT) AS rest FROM entries GROUP BY debit",
        "the debits of an account",
    ),
    (
        "SELECT account AS id, credited_nanos AS told FROM balances",
        "SELECT credit AS id, CAST(SUM(amount_nanos / 1000000000) AS BIGINT) AS whole, \
         CAST(SUM(amount_nanos % 1000000000) AS BIGINT) AS rest FROM entries GROUP BY credit",
        "the credits of an account",
    ),
    (
        "SELECT budget_id || '@' || window_kind || ':' || CAST(window_start AS TEXT) AS id, \
         leased_nanos AS told FROM budget_windows",
        "SELECT budget_id || '@' || window_kind || ':' || CAST(window_start AS TEXT) AS id, \
         CAST(SUM(amount_nanos / 1000000000) AS BIGINT) AS whole, \
         CAST(SUM(amount_nanos % 1000000000) AS BIGINT) AS rest \
         FROM leases GROUP BY budget_id, window_kind, window_start",
        "what is leased of a budget window",
    ),
    (
        "SELECT key_hash || ' on day ' || CAST(day AS TEXT) || ' in ' || workspace_id AS id, \
         usage_nanos AS told FROM key_usage",
        // Times are positive, and both engines divide positive integers alike.
        "SELECT key_hash || ' on day ' || CAST(created_at_ms / 86400000 AS TEXT) || ' in ' \
         || workspace_id AS id, \
         CAST(SUM(COALESCE(cost_nanos, 0) / 1000000000) AS BIGINT) AS whole, \
         CAST(SUM(COALESCE(cost_nanos, 0) % 1000000000) AS BIGINT) AS rest \
         FROM generations GROUP BY key_hash, created_at_ms / 86400000, workspace_id",
        "the usage of a key",
    ),
];

async fn sums(
    transaction: &mut Transaction,
    told: &'static str,
    summed: &'static str,
    what: &str,
) -> Found {
    let mut sums = BTreeMap::new();
    for row in Statement::new(summed).rows_unhurried(transaction).await? {
        let whole = row.int("whole")?.saturating_mul(1_000_000_000);
        let sum = whole.saturating_add(row.int("rest")?);
        sums.insert(row.text("id")?, sum);
    }
    compare(transaction, (told, &sums), what).await
}

/// Compares counters (`id`, `told`) with the sums of their parts.
async fn compare(
    transaction: &mut Transaction,
    (told, sums): (&'static str, &BTreeMap<String, i64>),
    what: &str,
) -> Found {
    let mut both: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for row in Statement::new(told).rows_unhurried(transaction).await? {
        both.entry(row.text("id")?).or_default().0 = row.int("told")?;
    }
    for (id, sum) in sums {
        both.entry(id.clone()).or_default().1 = *sum;
    }
    let differs = both.iter().find(|(_, (told, sum))| told != sum);
    Ok(differs.map(|(id, (told, sum))| {
        Difference(format!(
            "{id}: {what} is {told} nano-USD, and the sum of its parts is {sum}"
        ))
    }))
}
