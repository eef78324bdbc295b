//! What keys and workspaces have spent: counters per key and UTC day, moved in the transaction that
//! inserts the generations, so that the two can never disagree.
//!
//! A call belongs to the day on which its request arrived.

use std::collections::{BTreeMap, HashMap};

use ledger::{Amount, Generation};

use crate::database::{Row, Statement, Transaction, in_powers_of_two, placeholders};
use crate::posting::{cost_of, owed_for, saturating_sum};
use crate::{KeyHash, Keys, Store, StoreError};

const MS_PER_DAY: i64 = 86_400_000;

/// Sums are taken in two parts, whole units and the rest, because SQLite's sum of integers fails
/// when it overflows and PostgreSQL's leaves 64 bits: each part stays small, the total is exact.
const SPLIT: i64 = 1_000_000_000;

/// Rows per statement, at most: a power of two.
const ROWS_PER_STATEMENT: usize = 32;

/// How many keys are asked about in one statement.
const KEYS_PER_STATEMENT: usize = 128;

/// What was spent in one window, or ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// On the house's credentials.
    pub usage: Amount,
    /// On the caller's own credentials, at list price.
    pub byok_usage: Amount,
    /// Calls made, free and failed ones included.
    pub requests: u64,
}

/// What a key has spent, by calendar windows in UTC (which have nothing to do with its limit's reset).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spending {
    /// Ever.
    pub total: Spent,
    /// Since midnight.
    pub daily: Spent,
    /// Since Monday, midnight.
    pub weekly: Spent,
    /// Since the first of the month, midnight.
    pub monthly: Spent,
}

/// The balance sheet of a workspace, or of the whole house.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Credits {
    /// Credits ever bought and granted, less what was taken back.
    pub total_credits: Amount,
    /// Everything ever spent, by deleted keys as well.
    pub total_usage: Amount,
}

impl Keys<'_> {
    /// What a key has spent until now; nothing for one that is unknown.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn spending(&self, hash: &KeyHash, now_ms: i64) -> Result<Spending, StoreError> {
        let mut all = self.spending_of(std::slice::from_ref(hash), now_ms).await?;
        Ok(all.remove(hash).unwrap_or_default())
    }

    /// What several keys have spent until now; those that never did are not in the map.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn spending_of(
        &self,
        hashes: &[KeyHash],
        now_ms: i64,
    ) -> Result<HashMap<KeyHash, Spending>, StoreError> {
        let mut found = HashMap::new();
        for some in hashes.chunks(KEYS_PER_STATEMENT) {
            // Few sizes, so that few statements are prepared; the last hash fills the gap.
            let size = some.len().next_power_of_two();
            let mut statement = Statement::assembled(spending_sql(size));
            for start in window_starts(now_ms) {
                statement = statement.int(start);
            }
            for hash in some
                .iter()
                .chain(some.last().into_iter().cycle())
                .take(size)
            {
                statement = statement.text(hash.as_str());
            }
            for row in statement.read(&self.store().database).await? {
                let spending = Spending {
                    total: spent(&row, "total")?,
                    daily: spent(&row, "daily")?,
                    weekly: spent(&row, "weekly")?,
                    monthly: spent(&row, "monthly")?,
                };
                found.insert(KeyHash::from_text(row.text("key_hash")?), spending);
            }
        }
        Ok(found)
    }
}

impl Store {
    /// What a workspace, or with `None` the whole house, was granted and has spent.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn credits(&self, workspace_id: Option<&str>) -> Result<Credits, StoreError> {
        let rows = Statement::assembled(format!(
            "SELECT {} FROM key_usage WHERE workspace_id = $1 OR $2 = 1",
            sums("total", "usage_nanos", None)
        ))
        .text(workspace_id.unwrap_or_default())
        .flag(workspace_id.is_none())
        .read(&self.database)
        .await?;
        let Some(row) = rows.first() else {
            return Ok(Credits::default());
        };
        let whole = row.maybe_int("total_usage_nanos_whole")?.unwrap_or(0);
        let rest = row.maybe_int("total_usage_nanos_rest")?.unwrap_or(0);
        Ok(Credits {
            total_credits: self.granted(workspace_id).await?,
            total_usage: amount(i128::from(whole) * i128::from(SPLIT) + i128::from(rest)),
        })
    }
}

/// What is added to the counters of one key on one day.
#[derive(Default)]
struct Sums {
    usage: i64,
    byok: i64,
    requests: i64,
}

/// Adds generations that have just been inserted in this transaction to the counters of their keys.
pub(crate) async fn add(
    transaction: &mut Transaction,
    inserted: impl Iterator<Item = &Generation>,
) -> Result<(), StoreError> {
    // Sorted, so that two replicas lock rows in the same order and never each other.
    let mut sums: BTreeMap<(&str, i64, &str), Sums> = BTreeMap::new();
    for generation in inserted {
        let caller = &generation.caller;
        let day = generation.created_at_ms.div_euclid(MS_PER_DAY);
        let sums = sums
            .entry((&caller.key_hash, day, &caller.workspace_id))
            .or_default();
        let owed = owed_for(generation).nanos();
        let own = cost_of(generation).nanos().saturating_sub(owed);
        sums.usage = sums.usage.saturating_add(owed);
        sums.byok = sums.byok.saturating_add(own);
        sums.requests += 1;
    }
    let sums: Vec<_> = sums.into_iter().collect();
    for now in in_powers_of_two(&sums, ROWS_PER_STATEMENT) {
        // Sums stop at the largest amount, see `saturating_sum`.
        let mut statement = Statement::assembled(format!(
            "INSERT INTO key_usage \
             (key_hash, day, workspace_id, usage_nanos, byok_usage_nanos, requests) \
             VALUES {} \
             ON CONFLICT (key_hash, day, workspace_id) DO UPDATE SET \
             usage_nanos = {}, byok_usage_nanos = {}, \
             requests = key_usage.requests + excluded.requests",
            transaction.values(now.len(), 6),
            saturating_sum("key_usage.usage_nanos", "excluded.usage_nanos"),
            saturating_sum("key_usage.byok_usage_nanos", "excluded.byok_usage_nanos"),
        ));
        for ((key_hash, day, workspace_id), sums) in now {
            statement = statement
                .text(key_hash)
                .int(*day)
                .text(workspace_id)
                .int(sums.usage)
                .int(sums.byok)
                .int(sums.requests);
        }
        statement.run(transaction).await?;
    }
    Ok(())
}

/// One row per key, with every sum of every window. `$1` to `$3` are the days on which the daily,
/// weekly and monthly windows began.
fn spending_sql(keys: usize) -> String {
    let windows = [
        ("total", None),
        ("daily", Some(1)),
        ("weekly", Some(2)),
        ("monthly", Some(3)),
    ];
    let columns: Vec<String> = windows
        .into_iter()
        .flat_map(|(name, since)| {
            ["usage_nanos", "byok_usage_nanos", "requests"].map(|column| sums(name, column, since))
        })
        .collect();
    format!(
        "SELECT key_hash, {} FROM key_usage WHERE key_hash IN ({}) GROUP BY key_hash",
        columns.join(", "),
        placeholders(4, keys)
    )
}

/// Reads what [`sums`] wrote for one window.
fn spent(row: &Row, window: &str) -> Result<Spent, StoreError> {
    let sum = |column: &str| -> Result<i128, StoreError> {
        let whole = row.int(&format!("{window}_{column}_whole"))?;
        let rest = row.int(&format!("{window}_{column}_rest"))?;
        Ok(i128::from(whole) * i128::from(SPLIT) + i128::from(rest))
    };
    Ok(Spent {
        usage: amount(sum("usage_nanos")?),
        byok_usage: amount(sum("byok_usage_nanos")?),
        requests: u64::try_from(sum("requests")?).unwrap_or(0),
    })
}

/// The two parts of one sum, over the days since bind number `since`.
fn sums(name: &str, column: &str, since: Option<u32>) -> String {
    let part = |suffix: &str, operator: char| {
        let part = format!("{column} {operator} {SPLIT}");
        let counted = match since {
            None => part,
            Some(bind) => format!("CASE WHEN day >= ${bind} THEN {part} ELSE 0 END"),
        };
        format!("CAST(SUM({counted}) AS BIGINT) AS {name}_{column}_{suffix}")
    };
    format!("{}, {}", part("whole", '/'), part("rest", '%'))
}

/// The days on which today, this week and this month began, in days since 1970-01-01 (a Thursday).
fn window_starts(now_ms: i64) -> [i64; 3] {
    let today = now_ms.div_euclid(MS_PER_DAY);
    let since_monday = (today + 3).rem_euclid(7);
    [today, today - since_monday, today - day_of_month(today)]
}

/// How many days of its month lie before a day. Counts from 1 March, so that the leap day is the
/// last of the counted year; in that calendar months begin on day (153 m + 2) / 5 of the year.
fn day_of_month(day: i64) -> i64 {
    const DAYS_TO_MARCH_OF_YEAR_0: i64 = 719_468;
    const DAYS_PER_400_YEARS: i64 = 146_097;
    let of_era = (day + DAYS_TO_MARCH_OF_YEAR_0).rem_euclid(DAYS_PER_400_YEARS);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    of_year - (153 * month + 2) / 5
}

/// The amount, or the nearest there is.
fn amount(nanos: i128) -> Amount {
    let clamped = nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    Amount::from_nanos(i64::try_from(clamped).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_at_midnight_on_mondays_and_on_the_first() {
        // now in days since 1970 → week start, month start
        for (today, week, month) in [
            (0, -3, 0),               // Thursday 1970-01-01
            (3, -3, 0),               // Sunday
            (4, 4, 0),                // Monday
            (31, 25, 31),             // 1970-02-01
            (58, 53, 31),             // 1970-02-28
            (59, 53, 59),             // 1970-03-01
            (11_016, 11_015, 10_988), // Tuesday 2000-02-29
            (11_017, 11_015, 11_017), // 2000-03-01
        ] {
            let now_ms = today * MS_PER_DAY + MS_PER_DAY - 1;
            assert_eq!(window_starts(now_ms), [today, week, month], "{today}");
        }
    }

    #[test]
    fn days_of_a_month_count_up_and_start_anew_for_four_hundred_years() {
        let lengths = |year: i64| {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            [
                31,
                if leap { 29 } else { 28 },
                31,
                30,
                31,
                30,
                31,
                31,
                30,
                31,
                30,
                31,
            ]
        };
        let mut day = 0;
        for year in 1970..2370 {
            for length in lengths(year) {
                for expected in 0..length {
                    assert_eq!(day_of_month(day), expected, "day {day}, {year}");
                    day += 1;
                }
            }
        }
    }
}
