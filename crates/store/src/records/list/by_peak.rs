//! Dear, slow and remarkable calls: the counts of days and hours say where they are.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::{Found, Sought, peak_sql, signs};
use crate::StoreError;
use crate::database::{Statement, Transaction};
use crate::records::Month;
use crate::records::delta::{Delta, MS_PER_MINUTE};
use crate::records::gather::pending;
use crate::records::measures::{Measure, Measures};
use crate::records::month::{start_of, time_of};
use crate::records::query::Grain;
use crate::records::{horizon, query};

/// Facets asked about by one statement.
const ARMS: usize = 16;

/// Facets of hours looked at for one page.
const LOOKS_MAX: usize = 4_000;

/// Adds what is below what was scanned.
pub(super) async fn find(
    transaction: &mut Transaction,
    sought: &Sought<'_>,
    found: &mut Found,
) -> Result<(), StoreError> {
    let pending = pending(transaction).await?;
    let (mut looks, ends) = (0, sought.query.ends());
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
            let facets: Vec<i64> = facets.into_iter().collect();
            for some in facets.chunks(ARMS) {
                add(transaction, (sought, range), some, found).await?;
            }
            found.low = range.0;
            looks += facets.len();
            let is_enough = looks > LOOKS_MAX || Instant::now() >= ends;
            if found.positions.len() > sought.count || is_enough {
                return Ok(());
            }
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
    let statement = Statement::assembled(format!(
        "SELECT r.bucket AS bucket, r.facet AS facet FROM {} r JOIN facets f ON f.id = r.facet \
         WHERE r.bucket >= $1 AND r.bucket < $2{} AND {}",
        grain.table(),
        maxima_sql(sought),
        sought.filter.sql(3)
    ))
    .int(grain.bucket(start_ms))
    .int(grain.bucket(start_ms.saturating_add(day_ms)));
    let piece = |bucket: i64| {
        let start = bucket.saturating_mul(grain.length_ms());
        (start, start.saturating_add(grain.length_ms()))
    };
    let mut pieces = Pieces::new();
    for row in sought.filter.bind(statement).rows(transaction).await? {
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

/// What has not been merged and has such calls.
fn fitting<'a>(
    sought: &Sought<'_>,
    pending: &'a Delta,
) -> impl Iterator<Item = (&'a (i64, i64), &'a Box<Measures>)> {
    let cost = sought.query.cost_nanos_min.unwrap_or(i64::MIN);
    let time = sought.query.total_ms_min.unwrap_or(i64::MIN);
    pending.counts.iter().filter(move |(_, measures)| {
        measures.get(Measure::MaxCost) >= cost
            && measures.get(Measure::MaxTotalTime) >= time
            && signs::may_be_in(&sought.query.signs, measures)
    })
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

/// Adds the rows of some facets in a range.
async fn add(
    transaction: &mut Transaction,
    (sought, range): (&Sought<'_>, (i64, i64)),
    some: &[i64],
    found: &mut Found,
) -> Result<(), StoreError> {
    let table = Month::of(range.0).table();
    let arms = some.len().next_power_of_two();
    let peak = peak_sql(sought.query);
    let selects: Vec<String> = (0..arms)
        .map(|arm| {
            format!(
                "SELECT position FROM (SELECT position FROM {table} WHERE facet = ${} \
                 AND position >= $1 AND position < $2{peak} \
                 ORDER BY position DESC LIMIT $3) AS a{arm}",
                arm + 4
            )
        })
        .collect();
    let wanted = sought.count.saturating_add(1);
    let mut statement = Statement::assembled(selects.join(" UNION ALL "))
        .int(range.0)
        .int(range.1)
        .int(i64::try_from(wanted).unwrap_or(i64::MAX));
    let last = some.last().into_iter().cycle();
    for facet in some.iter().chain(last).take(arms) {
        statement = statement.int(*facet);
    }
    for row in statement.rows(transaction).await? {
        found.positions.insert(row.int("position")?);
    }
    while found.positions.len() > wanted {
        found.positions.pop_first();
    }
    Ok(())
}
