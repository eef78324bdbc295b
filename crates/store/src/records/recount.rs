//! Recounting: the roll-ups and the index from the records themselves, and the first difference from what is
//! kept.
//!
//! Day by day, in one snapshot; what has not been merged yet is taken into account. Nothing is said
//! of days whose records were dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::compare::{Rows, cubes_differ, rows_differ, stored};
use super::delta::{Delta, MS_PER_MINUTE};
use super::facets::{Facet, OTHER};
use super::gather::pending_with_places;
use super::insert::Place;
use super::month::start_of;
use super::query::{Grain, facets_of};
use super::row::{COLUMNS, from_row};
use super::sessions::{self, SessionKey, SessionSums};
use super::{Month, RECORDS, horizon, index, months};
use crate::database::{Statement, Transaction};
use crate::verify::{Difference, Found};
use crate::{Settled, Store, StoreError};

/// Records read at a time.
const PAGE: i64 = 1000;

const MS_PER_DAY: i64 = 86_400_000;

impl Store {
    /// Recounts the records and compares with the roll-ups and the index; the first difference, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn verify_records(&self) -> Result<Option<Difference>, StoreError> {
        let store = self.clone();
        let recounted = async move { store.recount().await };
        self.database.apart(recounted).await
    }

    async fn recount(&self) -> Found {
        let mut transaction = self.database.snapshot().await?;
        transaction.unhurried().await?;
        let horizon_ms = horizon(&mut transaction, RECORDS).await?;
        let pending = pending_with_places(&mut transaction).await?;
        let mut sessions = BTreeMap::new();
        let kept = days(&mut transaction, &pending, horizon_ms).await?;
        for day in kept {
            if let Some(difference) =
                day_differs(&mut transaction, day, (&pending, &mut sessions)).await?
            {
                return Ok(Some(difference));
            }
        }
        sessions_differ(&mut transaction, (&pending, &sessions), horizon_ms).await
    }
}

/// The days that have records or rows, since 1970.
async fn days(
    transaction: &mut Transaction,
    pending: &Delta,
    horizon_ms: i64,
) -> Result<BTreeSet<i64>, StoreError> {
    let mut days: BTreeSet<i64> = BTreeSet::new();
    for grain in Grain::ALL {
        let sql = format!("SELECT DISTINCT bucket FROM {}", grain.table());
        for row in Statement::assembled(sql)
            .rows_unhurried(transaction)
            .await?
        {
            let at_ms = row.int("bucket")?.saturating_mul(grain.length_ms());
            days.insert(at_ms.div_euclid(MS_PER_DAY));
        }
    }
    let minutes = pending.counts.keys().map(|(minute, _)| *minute);
    days.extend(minutes.map(|minute| (minute * MS_PER_MINUTE).div_euclid(MS_PER_DAY)));
    for month in months(transaction).await? {
        let (from, to) = (month.start_ms(), month.later(1).start_ms());
        days.extend(from.div_euclid(MS_PER_DAY)..to.div_euclid(MS_PER_DAY));
    }
    days.retain(|day| day.saturating_mul(MS_PER_DAY) >= horizon_ms);
    Ok(days)
}

type Sessions = BTreeMap<SessionKey, SessionSums>;

async fn day_differs(
    transaction: &mut Transaction,
    day: i64,
    (pending, sessions): (&Delta, &mut Sessions),
) -> Found {
    let mut counted = Delta::default();
    if let Some(wrong) = count_day(transaction, day, &mut counted).await? {
        return Ok(Some(wrong));
    }
    let range = positions_of(day);
    if let Some(wrong) = index::day_differs(transaction, range, (pending, &counted)).await? {
        return Ok(Some(wrong));
    }
    for (key, sums) in std::mem::take(&mut counted.sessions) {
        match sessions.get_mut(&key) {
            Some(all) => all.merge(&sums),
            None => {
                sessions.insert(key, sums);
            }
        }
    }
    for grain in Grain::ALL {
        let horizon_ms = horizon(transaction, grain.table()).await?;
        let from_ms = day.saturating_mul(MS_PER_DAY);
        let is_kept = |at_ms: i64| at_ms >= horizon_ms && at_ms.div_euclid(MS_PER_DAY) == day;
        let mut kept = stored(transaction, grain, from_ms).await?;
        if let Some(difference) = cubes_differ(transaction, grain, &kept).await? {
            return Ok(Some(difference));
        }
        kept.retain(|(bucket, _), _| is_kept(bucket.saturating_mul(grain.length_ms())));
        add(&mut kept, grain, pending, is_kept);
        let mut found = Rows::new();
        add(&mut found, grain, &counted, is_kept);
        if let Some(difference) = rows_differ(grain.table(), &kept, &found) {
            return Ok(Some(difference));
        }
    }
    Ok(None)
}

/// The positions of a day: from, and until before.
fn positions_of(day: i64) -> (i64, i64) {
    let of = |day: i64| start_of(day.saturating_mul(MS_PER_DAY));
    (of(day), of(day.saturating_add(1)))
}

/// Counts the records of a day; what is wrong with the facet of one.
async fn count_day(transaction: &mut Transaction, day: i64, counted: &mut Delta) -> Found {
    let month = Month::at(day.saturating_mul(MS_PER_DAY));
    if !months(transaction).await?.contains(&month) {
        return Ok(None);
    }
    let (mut next, end) = positions_of(day);
    loop {
        let rows = Statement::assembled(format!(
            "SELECT position, facet, {} FROM {} WHERE position >= $1 AND position < $2 \
             ORDER BY position LIMIT $3",
            COLUMNS.join(", "),
            month.table()
        ))
        .int(next)
        .int(end)
        .int(PAGE)
        .rows_unhurried(transaction)
        .await?;
        let ids: Result<BTreeSet<i64>, _> = rows.iter().map(|row| row.int("facet")).collect();
        let ids: Vec<i64> = ids?.into_iter().collect();
        let facets = facets_of(transaction, &ids).await?;
        for row in &rows {
            let facet = row.int("facet")?;
            let settled = Settled::ungoverned(Arc::new(from_row(row)?));
            if facets
                .get(&facet)
                .is_none_or(|facet| !fits(facet, &settled))
            {
                let text = format!(
                    "generation {}: its facet is another's",
                    settled.generation.id
                );
                return Ok(Some(Difference(text)));
            }
            counted.count(&Place {
                position: row.int("position")?,
                facet,
                settled: &settled,
            });
        }
        match rows.last() {
            Some(last) => next = last.int("position")?.saturating_add(1),
            None => return Ok(None),
        }
    }
}

/// Whether a record is of a facet; names may have been too many to be kept apart.
fn fits(kept: &Facet, settled: &Settled) -> bool {
    let own = Facet::of(&settled.generation);
    let same = |kept: &str, own: &str| kept == own || kept == OTHER;
    same(&kept.app, &own.app)
        && same(&kept.origin, &own.origin)
        && same(&kept.model, &own.model)
        && *kept
            == Facet {
                app: kept.app.clone(),
                origin: kept.origin.clone(),
                model: kept.model.clone(),
                member: kept.member.clone(),
                ..own
            }
}

fn add(rows: &mut Rows, grain: Grain, delta: &Delta, is_kept: impl Fn(i64) -> bool) {
    for ((minute, facet), measures) in &delta.counts {
        let at_ms = minute.saturating_mul(MS_PER_MINUTE);
        if is_kept(at_ms) {
            let row = rows.entry((grain.bucket(at_ms), *facet)).or_default();
            row.merge(measures);
        }
    }
}

/// Compares the sessions all of whose calls are there.
async fn sessions_differ(
    transaction: &mut Transaction,
    (pending, counted): (&Delta, &Sessions),
    horizon_ms: i64,
) -> Found {
    for (key, found) in counted {
        let stored = sessions::stored(transaction, key).await?;
        let mut kept = stored.into_iter().chain(pending.sessions.get(key).cloned());
        let Some(mut sums) = kept.next() else {
            let text = format!("session {}: it is not kept", key.session_id);
            return Ok(Some(Difference(text)));
        };
        kept.for_each(|more| sums.merge(&more));
        if sums.first_ms >= horizon_ms && sums != *found {
            return Ok(Some(Difference(format!(
                "session {}: {sums:?} is kept, and its calls make {found:?}",
                key.session_id
            ))));
        }
    }
    Ok(None)
}
