//! Rare facets, by the one index on facets: a few of the newest rows of each, until no other facet
//! can have newer ones.

use std::collections::BTreeMap;

use super::{Found, Sought};
use crate::StoreError;
use crate::database::{Statement, Transaction};
use crate::records::Month;
use crate::records::delta::MS_PER_MINUTE;
use crate::records::gather::pending;
use crate::records::month::{start_of, time_of};

/// Facets asked about by one statement.
const ARMS: usize = 16;

/// A facet that fits, and when it was seen.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    id: i64,
    first_ms: i64,
    last_ms: i64,
}

/// Adds what is below what was scanned.
pub(super) async fn find(
    transaction: &mut Transaction,
    sought: &Sought<'_>,
    found: &mut Found,
) -> Result<(), StoreError> {
    let candidates = candidates(transaction, sought).await?;
    let until = found.low;
    for month in &sought.months {
        let (start, end) = month.positions();
        let range = (start.max(sought.range.0), end.min(until));
        if range.0 >= range.1 {
            continue;
        }
        in_month(transaction, (sought, &candidates), (*month, range), found).await?;
        if found.positions.len() > sought.count {
            break;
        }
    }
    found.low = sought.range.0;
    Ok(())
}

/// The facets that fit, those that were seen last first.
async fn candidates(
    transaction: &mut Transaction,
    sought: &Sought<'_>,
) -> Result<Vec<Candidate>, StoreError> {
    let mut seen: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (minute, facet) in pending(transaction).await?.counts.keys() {
        let at_ms = minute.saturating_mul(MS_PER_MINUTE);
        let times = seen.entry(*facet).or_insert((at_ms, at_ms));
        times.0 = times.0.min(at_ms);
        times.1 = times.1.max(at_ms.saturating_add(MS_PER_MINUTE - 1));
    }
    let statement = Statement::assembled(format!(
        "SELECT f.id AS id, f.first_ms AS first_ms, f.last_ms AS last_ms FROM facets f WHERE {}",
        sought.filter.sql(1)
    ));
    let rows = sought.filter.bind(statement).rows(transaction).await?;
    let mut candidates = Vec::with_capacity(rows.len());
    for row in &rows {
        let id = row.int("id")?;
        let (first, last) = seen.get(&id).copied().unwrap_or((i64::MAX, i64::MIN));
        candidates.push(Candidate {
            id,
            first_ms: row.int("first_ms")?.min(first),
            last_ms: row.int("last_ms")?.max(last),
        });
    }
    candidates.sort_unstable_by_key(|one| std::cmp::Reverse(one.last_ms));
    Ok(candidates)
}

async fn in_month(
    transaction: &mut Transaction,
    (sought, candidates): (&Sought<'_>, &[Candidate]),
    (month, range): (Month, (i64, i64)),
    found: &mut Found,
) -> Result<(), StoreError> {
    // First and last are known to the minute.
    let overlaps = |one: &&Candidate| {
        start_of(one.first_ms.saturating_sub(MS_PER_MINUTE)) < range.1
            && one.last_ms.saturating_add(MS_PER_MINUTE) >= time_of(range.0)
    };
    let here: Vec<Candidate> = candidates.iter().filter(overlaps).copied().collect();
    for some in here.chunks(ARMS) {
        let newest = some.first().map_or(i64::MIN, |one| one.last_ms);
        let least = found.positions.iter().rev().nth(sought.count).copied();
        if least.is_some_and(|least| time_of(least) > newest.saturating_add(MS_PER_MINUTE)) {
            // All that is wanted is newer than anything that is left.
            return Ok(());
        }
        add(transaction, (month, range), (some, sought.count), found).await?;
    }
    Ok(())
}

/// Adds the newest rows of some facets.
async fn add(
    transaction: &mut Transaction,
    (month, range): (Month, (i64, i64)),
    (some, count): (&[Candidate], usize),
    found: &mut Found,
) -> Result<(), StoreError> {
    let table = month.table();
    // The last facet fills the gap, so that few statements are prepared.
    let arms = some.len().next_power_of_two();
    let selects: Vec<String> = (0..arms)
        .map(|arm| {
            format!(
                "SELECT position FROM (SELECT position FROM {table} WHERE facet = ${} \
                 AND position >= $1 AND position < $2 ORDER BY position DESC LIMIT $3) AS a{arm}",
                arm + 4
            )
        })
        .collect();
    let wanted = count.saturating_add(1);
    let mut statement = Statement::assembled(selects.join(" UNION ALL "))
        .int(range.0)
        .int(range.1)
        .int(i64::try_from(wanted).unwrap_or(i64::MAX));
    let last = some.last().into_iter().cycle();
    for one in some.iter().chain(last).take(arms) {
        statement = statement.int(one.id);
    }
    for row in statement.rows(transaction).await? {
        found.positions.insert(row.int("position")?);
    }
    while found.positions.len() > wanted {
        found.positions.pop_first();
    }
    Ok(())
}
