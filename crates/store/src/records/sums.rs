//! Sums of roll-ups in SQL.
//!
//! Where time does not matter the rows of each facet are added up first, and then those of the
//! facets: engines that group by sorting sort numbers then, and few names.

use std::collections::BTreeSet;

use super::measures::{Measure, Measures, Sketched};
use super::query::RollupQuery;
use super::shelf::Shelf;
use crate::StoreError;
use crate::database::{Place, Row};

/// Money is summed in two parts, as in `spending.rs`.
const SPLIT: i64 = 1_000_000_000;

/// The question: `$1` and `$2` are pieces of time, from and until before; the filter's binds follow.
/// The answer has `bucket`, `d0` and so on, what is wanted, and of how many rows it is (`found`).
pub(super) fn sql(query: &RollupQuery, wanted: &BTreeSet<Measure>, shelf: Shelf) -> String {
    let (table, names) = (shelf.table(), shelf.facets());
    let time = format!("{}bucket >= $1 AND bucket < $2", shelf.condition());
    let own = columns(query, wanted, first);
    let mut keys: Vec<String> = Vec::new();
    if query.by_time {
        keys.push("r.bucket AS bucket".to_owned());
    }
    for (index, dimension) in query.by.iter().enumerate() {
        keys.push(format!("{} AS d{index}", dimension.sql()));
    }
    let numbers: Vec<String> = (1..=keys.len()).map(|number| number.to_string()).collect();
    let group = if numbers.is_empty() {
        String::new()
    } else {
        format!("GROUP BY {}", numbers.join(", "))
    };
    let keys = keys.iter().map(|key| format!("{key}, "));
    let keys: String = keys.collect();
    if query.by.is_empty() && query.filter.is_empty() {
        return format!(
            "SELECT {keys}{own}, COUNT(*) AS found FROM {table} r WHERE {time} {group}"
        );
    }
    let filter = query.filter.sql(3);
    if query.by_time {
        return format!(
            "SELECT {keys}{own}, COUNT(*) AS found FROM {table} r \
             JOIN {names} f ON f.id = r.facet WHERE {time} AND {filter} {group}"
        );
    }
    let fitting = if query.filter.is_empty() {
        String::new()
    } else {
        format!("AND r.facet IN (SELECT f.id FROM {names} f WHERE {filter})")
    };
    let outer = columns(query, wanted, again);
    format!(
        "SELECT {keys}{outer}, CAST(COALESCE(SUM(r.found), 0) AS BIGINT) AS found FROM \
         (SELECT r.facet AS facet, {own}, COUNT(*) AS found FROM {table} r \
          WHERE {time} {fitting} GROUP BY r.facet) AS r \
         JOIN {names} f ON f.id = r.facet {group}"
    )
}

/// Everything that is wanted; something where nothing is.
fn columns(query: &RollupQuery, wanted: &BTreeSet<Measure>, sum: fn(Measure) -> String) -> String {
    let mut columns: Vec<String> = wanted.iter().map(|measure| sum(*measure)).collect();
    columns.extend(
        query
            .sketches
            .iter()
            .copied()
            .map(Sketched::name)
            .map(|name| format!("string_agg(NULLIF(r.{name}, ''), ',') AS {name}")),
    );
    columns.push("0 AS zero".to_owned());
    columns.join(", ")
}

/// Over rows.
fn first(measure: Measure) -> String {
    let name = measure.name();
    if measure.is_maximum() {
        return format!("MAX(r.{name}) AS {name}");
    }
    if !measure.is_money() {
        return format!("CAST(SUM(r.{name}) AS BIGINT) AS {name}");
    }
    format!(
        "CAST(SUM(r.{name} / {SPLIT}) AS BIGINT) AS {name}, \
         CAST(SUM(r.{name} % {SPLIT}) AS BIGINT) AS {name}_rest"
    )
}

/// Over sums.
fn again(measure: Measure) -> String {
    let name = measure.name();
    if measure.is_maximum() {
        return format!("MAX(r.{name}) AS {name}");
    }
    let sum = |name: &str| format!("CAST(SUM(r.{name}) AS BIGINT) AS {name}");
    if measure.is_money() {
        return format!("{}, {}", sum(name), sum(&format!("{name}_rest")));
    }
    sum(name)
}

/// Where what is in an answer stands, looked for once for all of its rows.
pub(super) struct Columns {
    found: Place,
    bucket: Option<Place>,
    values: Vec<Place>,
    sums: Vec<(Measure, Place, Option<Place>)>,
    sketches: Vec<(Sketched, Place)>,
}

impl Columns {
    /// Those of the answer that has this row.
    pub(super) fn of(
        row: &Row,
        query: &RollupQuery,
        wanted: &BTreeSet<Measure>,
    ) -> Result<Self, StoreError> {
        let values = (0..query.by.len()).map(|index| row.place(&format!("d{index}")));
        let sum = |measure: &Measure| {
            let name = measure.name();
            let is_split = measure.is_money() && !measure.is_maximum();
            let rest = is_split.then(|| row.place(&format!("{name}_rest")));
            Ok((*measure, row.place(name)?, rest.transpose()?))
        };
        let sketch = |one: &Sketched| Ok((*one, row.place(one.name())?));
        Ok(Self {
            found: row.place("found")?,
            bucket: query.by_time.then(|| row.place("bucket")).transpose()?,
            values: values.collect::<Result<_, _>>()?,
            sums: wanted.iter().map(sum).collect::<Result<_, StoreError>>()?,
            sketches: query
                .sketches
                .iter()
                .map(sketch)
                .collect::<Result<_, StoreError>>()?,
        })
    }

    /// Whether a row is of any.
    pub(super) fn has_any(&self, row: &Row) -> Result<bool, StoreError> {
        Ok(row.int_at(self.found)? != 0)
    }

    /// Its piece of time, and the values of its dimensions.
    pub(super) fn key(&self, row: &Row) -> Result<(Option<i64>, Vec<String>), StoreError> {
        let bucket = self.bucket.map(|place| row.int_at(place)).transpose()?;
        let values = self.values.iter().map(|place| row.text_at(*place));
        Ok((bucket, values.collect::<Result<_, _>>()?))
    }

    /// Adds its sums.
    pub(super) fn add(&self, measures: &mut Measures, row: &Row) -> Result<(), StoreError> {
        for (measure, place, rest) in &self.sums {
            let whole = row.int_at(*place)?;
            let sum = match rest {
                Some(rest) => whole
                    .saturating_mul(SPLIT)
                    .saturating_add(row.int_at(*rest)?),
                None => whole,
            };
            measures.add(*measure, sum);
        }
        for (sketched, place) in &self.sketches {
            let text = row.maybe_borrowed_text_at(*place)?;
            measures.add_sketch(*sketched, text.unwrap_or_default())?;
        }
        Ok(())
    }
}
