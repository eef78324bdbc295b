//! Rare facets, by the index by facet: a few of the newest records of each, until no other facet can have
//! newer ones.

use std::collections::{BTreeMap, HashSet};

use super::{Found, Sought};
use crate::StoreError;
use crate::database::{Statement, Transaction};
use crate::records::delta::{Delta, MS_PER_MINUTE};
use crate::records::gather::pending_with_places;
use crate::records::index::{ARMS, Asked, Index};
use crate::records::month::{start_of, time_of};

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
    let pending = pending_with_places(transaction).await?;
    let candidates = candidates(transaction, sought, &pending).await?;
    let waiting = waiting(&pending, &candidates);
    let index = Index::of(transaction).await?;
    let until = found.low;
    for month in &sought.months {
        let (start, end) = month.positions();
        let range = (start.max(sought.range.0), end.min(until));
        if range.0 >= range.1 {
            continue;
        }
        let here = waiting
            .iter()
            .filter(|one| (range.0..range.1).contains(one));
        found.add_newest(here.copied(), sought.one_more());
        let asked = Asked {
            month: *month,
            range,
            count: sought.one_more(),
            condition: "",
        };
        in_month(transaction, (sought, &candidates), (&index, asked), found).await?;
        if found.positions.len() > sought.count {
            break;
        }
    }
    found.low = sought.range.0;
    Ok(())
}

/// Where records of these facets stand that may not be in the index yet.
fn waiting(pending: &Delta, candidates: &[Candidate]) -> Vec<i64> {
    let facets: HashSet<i64> = candidates.iter().map(|one| one.id).collect();
    let of_them = pending.places.iter();
    let of_them = of_them.filter(|((_, facet), _)| facets.contains(facet));
    of_them.flat_map(|(_, places)| places.iter()).collect()
}

/// The facets that fit, those that were seen last first.
async fn candidates(
    transaction: &mut Transaction,
    sought: &Sought<'_>,
    pending: &Delta,
) -> Result<Vec<Candidate>, StoreError> {
    let mut seen: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (minute, facet) in pending.counts.keys() {
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
    (index, asked): (&Index, Asked<'_>),
    found: &mut Found,
) -> Result<(), StoreError> {
    // First and last are known to the minute.
    let overlaps = |one: &&Candidate| {
        start_of(one.first_ms.saturating_sub(MS_PER_MINUTE)) < asked.range.1
            && one.last_ms.saturating_add(MS_PER_MINUTE) >= time_of(asked.range.0)
    };
    let here: Vec<Candidate> = candidates.iter().filter(overlaps).copied().collect();
    for some in here.chunks(ARMS) {
        let newest = some.first().map_or(i64::MIN, |one| one.last_ms);
        let least = found.positions.iter().rev().nth(sought.count).copied();
        if least.is_some_and(|least| time_of(least) > newest.saturating_add(MS_PER_MINUTE)) {
            // All that is wanted is newer than anything that is left.
            return Ok(());
        }
        let ids: Vec<i64> = some.iter().map(|one| one.id).collect();
        let positions = index.newest(transaction, asked, &ids).await?;
        found.add_newest(positions, sought.one_more());
    }
    Ok(())
}
