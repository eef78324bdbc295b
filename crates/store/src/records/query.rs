//! What was counted: roll-ups grouped and filtered, with what has not been merged yet.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::delta::{Delta, MS_PER_MINUTE};
use super::dimensions::{Dimension, FacetFilter};
use super::facets::{self, Facet};
use super::gather::pending;
use super::measures::{Measure, Measures, Sketched};
use super::rows::{FACETS_PER_STATEMENT, in_list};
use super::shelf::Shelf;
use super::{seal, sums};
use crate::database::{Lane, Statement, Transaction, rest};
use crate::{Store, StoreError};

/// How finely is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grain {
    /// By minute; kept for days.
    Minute,
    /// By hour; kept for a year.
    Hour,
    /// By UTC day; kept for ever.
    Day,
}

impl Grain {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// Its length, milliseconds.
    #[must_use]
    pub const fn length_ms(self) -> i64 {
        match self {
            Self::Minute => MS_PER_MINUTE,
            Self::Hour => 60 * MS_PER_MINUTE,
            Self::Day => 24 * 60 * MS_PER_MINUTE,
        }
    }

    /// The number of the piece of time that a moment is in, since 1970.
    pub(crate) const fn bucket(self, unix_ms: i64) -> i64 {
        unix_ms.div_euclid(self.length_ms())
    }

    /// The first piece that begins at a moment or after it.
    const fn bucket_from(self, unix_ms: i64) -> i64 {
        self.bucket(unix_ms.saturating_add(self.length_ms() - 1))
    }

    /// Where its rows are; the name of their horizon as well.
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Minute => "rollup_minutes",
            Self::Hour => "rollup_hours",
            Self::Day => "rollup_days",
        }
    }
}

/// What is asked of the roll-ups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupQuery {
    /// How finely.
    pub grain: Grain,
    /// Pieces of time that begin at this moment or later, Unix milliseconds.
    pub from_ms: i64,
    /// And before this one.
    pub to_ms: i64,
    /// Whether each piece of time has rows of its own.
    pub by_time: bool,
    /// What else has rows of its own.
    pub by: Vec<Dimension>,
    /// Of which facets.
    pub filter: FacetFilter,
    /// What is wanted; the rest is 0 in the answer.
    pub measures: Vec<Measure>,
    /// Which sketches are wanted.
    pub sketches: Vec<Sketched>,
}

impl RollupQuery {
    /// The pieces of time in question.
    pub(super) const fn buckets(&self) -> Range<i64> {
        self.grain.bucket_from(self.from_ms)..self.grain.bucket_from(self.to_ms)
    }

    /// The dimensions that it speaks of.
    pub(super) fn dimensions(&self) -> Vec<Dimension> {
        let mut all = self.by.clone();
        all.extend(self.filter.dimensions());
        all
    }
}

/// One group of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupRow {
    /// When its piece of time begins, Unix milliseconds, where the query was by time.
    pub start_ms: Option<i64>,
    /// The values of the dimensions, in the order in which they were asked for.
    pub values: Vec<String>,
    /// What was counted.
    pub measures: Measures,
}

type Groups = BTreeMap<(Option<i64>, Vec<String>), Measures>;

impl Store {
    /// What was counted until this moment, by time, then by dimensions.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn rollups(&self, query: &RollupQuery) -> Result<Vec<RollupRow>, StoreError> {
        let answers = self
            .rollups_of(std::slice::from_ref(query), usize::MAX)
            .await?;
        Ok(answers.into_iter().flatten().flatten().collect())
    }

    /// The answers of several queries, all of one moment; `None` when one of them would have more
    /// than so many rows.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn rollups_of(
        &self,
        queries: &[RollupQuery],
        rows_max: usize,
    ) -> Result<Option<Vec<Vec<RollupRow>>>, StoreError> {
        self.rollups_as(queries, rows_max, |answers| answers).await
    }

    /// What is made of such answers. It is made where they were read, in time that calls leave, and
    /// perhaps twice.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unreadable`].
    pub async fn rollups_as<T: Send + 'static>(
        &self,
        queries: &[RollupQuery],
        rows_max: usize,
        made: impl Fn(Vec<Vec<RollupRow>>) -> T + Clone + Send + Sync + 'static,
    ) -> Result<Option<T>, StoreError> {
        let answers = |lane| {
            let (store, queries, made) = (self.clone(), queries.to_vec(), made.clone());
            async move {
                let answers = store.answers(lane, &queries, rows_max).await?;
                Ok(answers.map(made))
            }
        };
        self.database.aside(answers).await
    }

    async fn answers(
        &self,
        lane: Lane,
        queries: &[RollupQuery],
        rows_max: usize,
    ) -> Result<Option<Vec<Vec<RollupRow>>>, StoreError> {
        let mut transaction = self.database.snapshot_in(lane).await?;
        let pending = pending(&mut transaction).await?;
        let mut answers = Vec::with_capacity(queries.len());
        for query in queries {
            let mut groups = Groups::new();
            if !merged(&mut transaction, query, (rows_max, &mut groups)).await? {
                return Ok(None);
            }
            add_pending(&mut transaction, query, (&pending, &mut groups)).await?;
            if groups.len() > rows_max {
                return Ok(None);
            }
            answers.push(rows(query, groups));
        }
        Ok(Some(answers))
    }

    /// Before which moment pieces of time of that length are not kept, Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn rollup_horizon(&self, grain: Grain) -> Result<i64, StoreError> {
        let horizon = |lane| {
            let database = self.database.clone();
            async move {
                let mut transaction = database.snapshot_in(lane).await?;
                super::horizons::get(&mut transaction, grain.table()).await
            }
        };
        self.database.aside(horizon).await
    }
}

fn rows(query: &RollupQuery, groups: Groups) -> Vec<RollupRow> {
    let length_ms = query.grain.length_ms();
    let row = |((bucket, values), measures): ((Option<i64>, _), _)| RollupRow {
        start_ms: bucket.map(|bucket| bucket.saturating_mul(length_ms)),
        values,
        measures,
    };
    groups.into_iter().map(row).collect()
}

/// What has been merged; `false` when it would be more than so many rows.
async fn merged(
    transaction: &mut Transaction,
    query: &RollupQuery,
    (rows_max, groups): (usize, &mut Groups),
) -> Result<bool, StoreError> {
    for piece in seal::pieces(transaction, query).await? {
        if !merged_piece(transaction, (query, piece), (rows_max, groups)).await? {
            return Ok(false);
        }
    }
    Ok(groups.len() <= rows_max)
}

/// The buckets of a piece are on one shelf.
async fn merged_piece(
    transaction: &mut Transaction,
    (query, (shelf, buckets)): (&RollupQuery, (Shelf, Range<i64>)),
    (rows_max, groups): (usize, &mut Groups),
) -> Result<bool, StoreError> {
    let wanted: BTreeSet<Measure> = query.measures.iter().copied().collect();
    // One more, to see that it is too many.
    let limit = i64::try_from(rows_max).map_or(i64::MAX, |max| max.saturating_add(1));
    let sql = format!("{} LIMIT {limit}", sums::sql(query, &wanted, shelf));
    let statement = Statement::assembled(sql)
        .int(buckets.start)
        .int(buckets.end);
    let found = query.filter.bind(statement).rows(transaction).await?;
    if found.len() > rows_max {
        return Ok(false);
    }
    let Some(first) = found.first() else {
        return Ok(true);
    };
    let columns = sums::Columns::of(first, query, &wanted)?;
    for row in &found {
        rest::now_and_then();
        if columns.has_any(row)? {
            let measures = groups.entry(columns.key(row)?).or_default();
            columns.add(measures, row)?;
        }
    }
    Ok(true)
}

async fn add_pending(
    transaction: &mut Transaction,
    query: &RollupQuery,
    (pending, groups): (&Delta, &mut Groups),
) -> Result<(), StoreError> {
    let (grain, buckets) = (query.grain, query.buckets());
    let bucket_of = |minute: i64| grain.bucket(minute.saturating_mul(MS_PER_MINUTE));
    let in_time = |((minute, _), _): &(&(i64, i64), _)| buckets.contains(&bucket_of(*minute));
    let needs_facets = !(query.by.is_empty() && query.filter.is_empty());
    let facets = if needs_facets {
        let ids: BTreeSet<i64> = pending
            .counts
            .iter()
            .filter(in_time)
            .map(|((_, facet), _)| *facet)
            .collect();
        facets_of(transaction, &ids.into_iter().collect::<Vec<_>>()).await?
    } else {
        HashMap::new()
    };
    for ((minute, facet), measures) in pending.counts.iter().filter(in_time) {
        rest::now_and_then();
        let facet = facets.get(facet);
        if needs_facets && !facet.is_some_and(|facet| query.filter.holds(facet)) {
            continue;
        }
        let values = query
            .by
            .iter()
            .filter_map(|one| facet.map(|facet| one.of(facet)));
        let bucket = query.by_time.then(|| bucket_of(*minute));
        let group = groups.entry((bucket, values.collect())).or_default();
        group.merge_only(measures, (&query.measures, &query.sketches));
    }
    Ok(())
}

/// The facets of those names.
pub(super) async fn facets_of(
    transaction: &mut Transaction,
    ids: &[i64],
) -> Result<HashMap<i64, Facet>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for some in ids.chunks(FACETS_PER_STATEMENT) {
        let rows = in_list("SELECT * FROM facets WHERE id IN", None, some)
            .rows(transaction)
            .await?;
        for row in &rows {
            found.insert(row.int("id")?, facets::from_row(row)?);
        }
    }
    Ok(found)
}
