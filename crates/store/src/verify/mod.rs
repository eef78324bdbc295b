//! `verify`: recomputes everything that is written down twice, and names the first difference.
//!
//! 1. What a call cost is its usage times its price snapshot, and its bill adds up.
//! 2. Each call that cost something has its one charge, and nothing else was charged.
//! 3. Balances are the sums of the entries.
//! 4. Each reservation was closed once, by its call: it took no more from a lease than it cost, and
//!    has an overage entry for what it cost above what was held (`postings.rs`). What a lost node
//!    held was given up once, by an operator.
//! 5. What is posted in a window is the sum of the calls in it, what is leased the sum of the leases.
//! 6. What keys have used is the sum of their calls, those on their workspaces' own credentials apart.
//!
//! All of it is read in one snapshot, so that it may run beside a working server.

mod entries;
mod postings;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use chat::Usage;
use ledger::settlement::TABLE;
use ledger::{Amount, Attempt, Bill, PriceSheet, Rule};

use crate::database::{Row, Statement, Transaction, placeholders};
use crate::records::{Month, RECORDS, horizon, months};
use crate::{Store, StoreError, rows};
use postings::Posted;

/// Calls read at a time.
const PAGE: i64 = 500;

/// How long after its answer a call may have been priced, seconds: draining takes a while.
const PRICED_WITHIN: i64 = 600;

const SECONDS_PER_MINUTE: i64 = 60;

const MS_PER_DAY: i64 = 86_400_000;

/// Two places of the books that should agree and do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference(pub(crate) String);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) type Found = Result<Option<Difference>, StoreError>;

impl Store {
    /// Recomputes the books; the first difference, if there is one. Of months whose records were
    /// dropped the entries and the sums stay, and are taken as they are.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn verify(&self) -> Result<Option<Difference>, StoreError> {
        let store = self.clone();
        let recomputed = async move { store.recompute().await };
        self.database.apart(recomputed).await
    }

    async fn recompute(&self) -> Found {
        let mut transaction = self.database.snapshot().await?;
        transaction.unhurried().await?;
        let horizon_ms = horizon(&mut transaction, RECORDS).await?;
        let mut posted = Posted::since(Month::at(horizon_ms));
        let mut spent = Spent::default();
        for month in months(&mut transaction).await? {
            if month.start_ms() < horizon_ms {
                continue;
            }
            let sums = (&mut posted, &mut spent);
            if let Some(difference) = calls(&mut transaction, month, sums).await? {
                return Ok(Some(difference));
            }
        }
        if let Some(difference) = entries::compare(&mut transaction, horizon_ms).await? {
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
        let since = horizon_ms.div_euclid(MS_PER_DAY);
        for (column, sums, what) in [
            ("usage_nanos", &spent.usage, "the usage of a key"),
            (
                "byok_usage_nanos",
                &spent.byok,
                "the usage of a key on its workspace's own credentials",
            ),
        ] {
            let told = key_usage(column, since);
            let difference = compare(&mut transaction, (told, sums), what).await?;
            if difference.is_some() {
                return Ok(difference);
            }
        }
        posted.compare(&mut transaction).await
    }
}

// === 1, 2 and 4: calls ===

/// What keys have spent by their calls, by key, day and workspace; nano-USD.
#[derive(Default)]
struct Spent {
    usage: BTreeMap<String, i64>,
    byok: BTreeMap<String, i64>,
}

async fn calls(
    transaction: &mut Transaction,
    month: Month,
    (posted, spent): (&mut Posted, &mut Spent),
) -> Found {
    let mut after = i64::MIN;
    loop {
        let page = Statement::assembled(format!(
            "SELECT position, id, created_at_ms, total_ms, usage, price_sheet, cost_nanos, bill, \
             dropped, attempts, postings, key_hash, workspace_id FROM {} \
             WHERE position > $1 ORDER BY position LIMIT $2",
            month.table()
        ))
        .int(after)
        .int(PAGE)
        .rows_unhurried(transaction)
        .await?;
        let charges = charges(transaction, &page).await?;
        for row in &page {
            let id = row.text("id")?;
            if let Some(wrong) = cost_of(row)? {
                return Ok(Some(Difference(format!("generation {id}: {wrong}"))));
            }
            let cost = row.maybe_int("cost_nanos")?.unwrap_or(0);
            let is_byok = rows::read_notes(row.borrowed_text("dropped")?)?
                .settled
                .is_byok;
            let owed = if is_byok { 0 } else { cost };
            if let Some(wrong) = wrong_charge(row, owed, charges.get(&id))? {
                return Ok(Some(Difference(format!("{id}: {wrong}"))));
            }
            if let Some(difference) = posted.add(transaction, row).await? {
                return Ok(Some(difference));
            }
            let sums = [(&mut spent.usage, owed), (&mut spent.byok, cost - owed)];
            for (sums, nanos) in sums {
                let sum: &mut i64 = sums.entry(usage_id(row)?).or_default();
                *sum = sum.saturating_add(nanos);
            }
        }
        match page.last() {
            Some(last) => after = last.int("position")?,
            None => return Ok(None),
        }
    }
}

/// The charges of calls, by the ids of the calls: how much, and who paid.
async fn charges(
    transaction: &mut Transaction,
    page: &[Row],
) -> Result<HashMap<String, (i64, String)>, StoreError> {
    let mut found = HashMap::with_capacity(page.len());
    if page.is_empty() {
        return Ok(found);
    }
    let mut statement = Statement::assembled(format!(
        "SELECT generation_id, amount_nanos, credit FROM entries WHERE id IN ({})",
        placeholders(1, page.len())
    ));
    for row in page {
        statement = statement.text(&format!("{}:charge:usage", row.text("id")?));
    }
    for row in statement.rows_unhurried(transaction).await? {
        let charge = (row.int("amount_nanos")?, row.text("credit")?);
        found.insert(row.text("generation_id")?, charge);
    }
    Ok(found)
}

/// What is wrong with the charge of a call for which so much is owed, nano-USD.
fn wrong_charge(
    row: &Row,
    cost: i64,
    charge: Option<&(i64, String)>,
) -> Result<Option<String>, StoreError> {
    let payer = format!("workspace:{}", row.text("workspace_id")?);
    let is_right = match charge {
        Some((amount, credit)) => cost > 0 && *amount == cost && *credit == payer,
        None => cost <= 0,
    };
    Ok((!is_right).then(|| {
        let charged = charge.map_or_else(
            || "nothing".to_owned(),
            |(amount, credit)| format!("{amount} nano-USD from {credit}"),
        );
        format!(
            "the cost of a generation and its charge differ: {cost} nano-USD from {payer}, {charged}"
        )
    }))
}

/// Who spent it, and on which day, as the query of the counters names it.
fn usage_id(row: &Row) -> Result<String, StoreError> {
    Ok(format!(
        "{} on day {} in {}",
        row.text("key_hash")?,
        row.int("created_at_ms")?.div_euclid(MS_PER_DAY),
        row.text("workspace_id")?
    ))
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
    let attempts = rows::read_attempts(row.borrowed_text("attempts")?)?;
    let usage = rows::read_counts(row.borrowed_text("usage")?)?;
    let Some(bill) = without_shares(bill, &attempts) else {
        let text = "the shares of its attempts are not what its bill ends with";
        return Ok(Some(text.to_owned()));
    };
    let Some(usage) = of_the_last(usage, &attempts) else {
        let text = "what its attempts counted is more than what it counted";
        return Ok(Some(text.to_owned()));
    };
    let settled = rows::read_notes(row.borrowed_text("dropped")?)?.settled;
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

/// What the last attempt alone has counted; `None` where the others have counted more than all.
fn of_the_last(all: Usage, attempts: &[Attempt]) -> Option<Usage> {
    let shares = attempts.iter().filter_map(|attempt| attempt.share.as_ref());
    let mut counted = shares.filter_map(|share| share.usage.as_ref());
    counted.try_fold(all, Usage::less)
}

/// A bill without the lines of what was not used at all.
fn used(bill: &Bill) -> Bill {
    let lines = bill.lines.iter().copied();
    Bill {
        total: bill.total,
        lines: lines.filter(|line| line.count > 0).collect(),
    }
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
    // A bucket that only an earlier attempt has counted is zero for the last.
    let bill = used(bill);
    let charges = |rule: Rule| {
        let charge = rule.charge(usage, sheet, at);
        charge.is_ok_and(|charge| used(&charge) == bill)
    };
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

// === Pairs of rows ===

/// Queries of rows that do not agree (`id`, `told`, `found`), and what they are about.
const PAIRS: [(&str, &str); 1] = [(
    "SELECT account AS id, debited_nanos AS told, credited_nanos AS found FROM balances \
     WHERE account LIKE 'reserved:%' AND debited_nanos <> credited_nanos \
     ORDER BY account LIMIT 1",
    "what a lost node had reserved and what of it was given up",
)];

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
const SUMS: [(&str, &str, &str); 3] = [
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
];

/// What keys have used since a day, by day; nano-USD of one of the two counters.
fn key_usage(column: &str, since: i64) -> String {
    format!(
        "SELECT key_hash || ' on day ' || CAST(day AS TEXT) || ' in ' || workspace_id AS id, \
         {column} AS told FROM key_usage WHERE day >= {since}"
    )
}

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
    compare(transaction, (told.to_owned(), &sums), what).await
}

/// Compares counters (`id`, `told`) with the sums of their parts.
async fn compare(
    transaction: &mut Transaction,
    (told, sums): (String, &BTreeMap<String, i64>),
    what: &str,
) -> Found {
    let mut both: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for row in Statement::assembled(told)
        .rows_unhurried(transaction)
        .await?
    {
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
