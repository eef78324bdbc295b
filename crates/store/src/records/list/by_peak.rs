//! Dear, slow and remarkable calls: the counts of days and hours say where they are.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::{Found, Sought, peak_sql, signs};
use crate::StoreError;
use crate::database::{Row, Statement, Transaction};
use crate::records::Month;
use crate::records::delta::{Delta, MS_PER_MINUTE};
use crate::records::gather::pending_with_places;
use crate::records::index::{ARMS, Asked, Index};
use crate::records::measures::{Measure, Measures};
use crate::records::month::{start_of, time_of};
use crate::records::query::Grain;
use crate::records::rows::in_list;
use crate::records::{horizon, query};

/// Records that have not moved into the index looked at by one statement.
const LOOKS_PER_STATEMENT: usize = 256;

/// Facets of hours looked at for one page.
const LOOKS_MAX: usize = 4_000;

/// So many facets of a day are looked for by name in its hours; of more, all of its hours are read.
const FACETS_OF_DAY: usize = 64;

/// Adds what is below what was scanned.
pub(super) async fn find(
    transaction: &mut Transaction,
    sought: &Sought<'_>,
    found: &mut Found,
) -> Result<(), StoreError> {
    let pending = pending_with_places(transaction).await?;
    let (index, condition) = (Index::of(transaction).await?, peak_sql(sought.query));
    let (mut looks, ends, ends_at_last) = (0, sought.query.ends(), sought.query.ends_at_last());
    let mut is_first = true;
    for day in days(transaction, (sought, found.low), &pending).await? {
        let hours = hours(transaction, (sought, day), &pending).await?;
        for ((start_ms, end_ms), facets) in hours.into_iter().rev() {
            let range = (
                start_of(start_ms).max(sought.range.0),
                start_of(end_ms).min(found.low),
            );
            // A month that was dropped still has its days.
            if range.0 >= range.1 || !sought.months.contains(&Month::of(range.0)) {
                continue;
            }
            let asked = Asked {
                month: Month::of(range.0),
                range,
                count: sought.one_more(),
                condition: &condition,
            };
            let places = waiting(sought, (&pending, &facets), range);
            add_waiting(transaction, asked, &places, found).await?;
            let facets: Vec<i64> = facets.into_iter().collect();
            for some in facets.chunks(ARMS) {
                if !is_first && Instant::now() >= ends_at_last {
                    // Its records come from the disk: the next page begins with this hour.
                    found.positions.retain(|position| *position >= range.1);
                    return Ok(());
                }
                let positions = index.newest(transaction, asked, some).await?;
                found.add_newest(positions, sought.one_more());
            }
            (found.low, is_first) = (range.0, false);
            looks += facets.len();
            let is_enough = looks > LOOKS_MAX || Instant::now() >= ends;
            if found.positions.len() > sought.count || is_enough {
                return Ok(());
            }
        }
        let start_ms = day.saturating_mul(Grain::Day.length_ms());
        found.low = found.low.min(start_of(start_ms).max(sought.range.0));
        if Instant::now() >= ends {
            return Ok(());
        }
    }
    found.low = sought.range.0;
    Ok(())
}

/// The days below a position that have a call that is dear and one that is slow enough, the last
/// first.
async fn days(
    transaction: &mut Transaction,
    (sought, low): (&Sought<'_>, i64),
    pending: &Delta,
) -> Result<Vec<i64>, StoreError> {
    let until = Grain::Day.bucket(time_of(low.saturating_sub(1)));
    let from = Grain::Day.bucket(time_of(sought.range.0));
    let rows = Statement::assembled(format!(
        "SELECT DISTINCT r.bucket AS bucket FROM rollup_days r \
         WHERE r.bucket >= $1 AND r.bucket <= $2{}",
        maxima_sql(sought)
    ))
    .int(from)
    .int(until)
    .rows(transaction)
    .await?;
    let mut days = BTreeSet::new();
    for row in &rows {
        days.insert(row.int("bucket")?);
    }
    for ((minute, _), _) in fitting(sought, pending) {
        days.insert(Grain::Day.bucket(minute.saturating_mul(MS_PER_MINUTE)));
    }
    Ok(days
        .into_iter()
        .rev()
        .filter(|day| (from..=until).contains(day))
        .collect())
}

/// Pieces of a day by their first and last moment, and the facets in each that may have such calls.
type Pieces = BTreeMap<(i64, i64), BTreeSet<i64>>;

/// The hours of a day, or the day where it has no hours any more.
async fn hours(
    transaction: &mut Transaction,
    (sought, day): (&Sought<'_>, i64),
    pending: &Delta,
) -> Result<Pieces, StoreError> {
    let day_ms = Grain::Day.length_ms();
    let start_ms = day.saturating_mul(day_ms);
    let has_hours = horizon(transaction, Grain::Hour.table()).await? <= start_ms;
    let grain = if has_hours { Grain::Hour } else { Grain::Day };
    let buckets = (
        grain.bucket(start_ms),
        grain.bucket(start_ms.saturating_add(day_ms)),
    );
    let rows = match facets_of_day(transaction, (sought, day)).await? {
        Some(facets) => rows_of(transaction, sought, (grain, buckets), &facets).await?,
        None => all_rows(transaction, sought, (grain, buckets)).await?,
    };
    let piece = |bucket: i64| {
        let start = bucket.saturating_mul(grain.length_ms());
        (start, start.saturating_add(grain.length_ms()))
    };
    let mut pieces = Pieces::new();
    for row in &rows {
        let facets = pieces.entry(piece(row.int("bucket")?)).or_default();
        facets.insert(row.int("facet")?);
    }
    let mut new: Vec<(i64, i64)> = Vec::new();
    for ((minute, facet), _) in fitting(sought, pending) {
        let at_ms = minute.saturating_mul(MS_PER_MINUTE);
        if Grain::Day.bucket(at_ms) == day {
            new.push((grain.bucket(at_ms), *facet));
        }
    }
    let ids: BTreeSet<i64> = new.iter().map(|(_, facet)| *facet).collect();
    let ids: Vec<i64> = ids.into_iter().collect();
    let facets = query::facets_of(transaction, &ids).await?;
    for (bucket, id) in new {
        if facets
            .get(&id)
            .is_some_and(|facet| sought.filter.holds(facet))
        {
            pieces.entry(piece(bucket)).or_default().insert(id);
        }
    }
    Ok(pieces)
}

/// The facets of a day that are asked for and have such a call; `None` where they are many.
async fn facets_of_day(
    transaction: &mut Transaction,
    (sought, day): (&Sought<'_>, i64),
) -> Result<Option<Vec<i64>>, StoreError> {
    let statement = Statement::assembled(format!(
        "SELECT r.facet AS facet FROM rollup_days r JOIN facets f ON f.id = r.facet \
         WHERE r.bucket = $1{} AND {} LIMIT {}",
        maxima_sql(sought),
        sought.filter.sql(2),
        FACETS_OF_DAY + 1
    ))
    .int(day);
    let rows = sought.filter.bind(statement).rows(transaction).await?;
    if rows.len() > FACETS_OF_DAY {
        return Ok(None);
    }
    rows.iter()
        .map(|row| row.int("facet"))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// The pieces of some facets that have such calls.
async fn rows_of(
    transaction: &mut Transaction,
    sought: &Sought<'_>,
    (grain, buckets): (Grain, (i64, i64)),
    facets: &[i64],
) -> Result<Vec<Row>, StoreError> {
    if facets.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT r.bucket AS bucket, r.facet AS facet FROM {} r \
         WHERE r.bucket >= $1 AND r.bucket < $2{} AND r.facet IN",
        grain.table(),
        maxima_sql(sought)
    );
    let statement = in_list(&sql, [buckets.0, buckets.1], facets);
    statement.rows(transaction).await
}

/// The pieces of all facets that are asked for and have such calls.
async fn all_rows(
    transaction: &mut Transaction,
    sought: &Sought<'_>,
    (grain, buckets): (Grain, (i64, i64)),
) -> Result<Vec<Row>, StoreError> {
    let statement = Statement::assembled(format!(
        "SELECT r.bucket AS bucket, r.facet AS facet FROM {} r JOIN facets f ON f.id = r.facet \
         WHERE r.bucket >= $1 AND r.bucket < $2{} AND {}",
        grain.table(),
        maxima_sql(sought),
        sought.filter.sql(3)
    ))
    .int(buckets.0)
    .int(buckets.1);
    sought.filter.bind(statement).rows(transaction).await
}

/// What has not been merged and has such calls.
fn fitting<'a>(
    sought: &'a Sought<'_>,
    pending: &'a Delta,
) -> impl Iterator<Item = (&'a (i64, i64), &'a Box<Measures>)> {
    let counts = pending.counts.iter();
    counts.filter(|(_, measures)| fits(sought, measures))
}

fn fits(sought: &Sought<'_>, measures: &Measures) -> bool {
    let cost = sought.query.cost_nanos_min.unwrap_or(i64::MIN);
    let time = sought.query.total_ms_min.unwrap_or(i64::MIN);
    measures.get(Measure::MaxCost) >= cost
        && measures.get(Measure::MaxTotalTime) >= time
        && signs::may_be_in(&sought.query.signs, measures)
}

fn maxima_sql(sought: &Sought<'_>) -> String {
    let mut sql = signs::of_counts(&sought.query.signs);
    if let Some(nanos) = sought.query.cost_nanos_min {
        sql.push_str(&format!(" AND r.max_cost_nanos >= {nanos}"));
    }
    if let Some(total_ms) = sought.query.total_ms_min {
        sql.push_str(&format!(" AND r.max_total_ms >= {total_ms}"));
    }
    sql
}

/// Where records of some facets stand in a range that may not be in the index yet and may be such calls, the
/// newest first.
fn waiting(
    sought: &Sought<'_>,
    (pending, facets): (&Delta, &BTreeSet<i64>),
    (from, until): (i64, i64),
) -> Vec<i64> {
    let minute = |position: i64| time_of(position).div_euclid(MS_PER_MINUTE);
    let minutes = (minute(from), i64::MIN)..=(minute(until.saturating_sub(1)), i64::MAX);
    let mut places: Vec<i64> = Vec::new();
    for (key, positions) in pending.places.range(minutes) {
        let counts = pending.counts.get(key);
        if facets.contains(&key.1) && counts.is_some_and(|counts| fits(sought, counts)) {
            let here = positions.iter();
            places.extend(here.filter(|one| (from..until).contains(one)));
        }
    }
    places.sort_unstable_by_key(|place| std::cmp::Reverse(*place));
    places
}

/// Adds those of these places, the newest first, whose records are such calls, until there are enough.
async fn add_waiting(
    transaction: &mut Transaction,
    asked: Asked<'_>,
    places: &[i64],
    found: &mut Found,
) -> Result<(), StoreError> {
    let mut added = 0;
    // The condition follows another one, and the list of numbers ends the statement.
    let sql = format!(
        "SELECT position FROM {} WHERE 1 = 1{} AND position IN",
        asked.month.table(),
        asked.condition
    );
    for some in places.chunks(LOOKS_PER_STATEMENT) {
        let mut positions = Vec::new();
        for row in in_list(&sql, None, some).rows(transaction).await? {
            positions.push(row.int("position")?);
        }
        added += positions.len();
        found.add_newest(positions, asked.count);
        if added >= asked.count {
            return Ok(());
        }
    }
    Ok(())
}
