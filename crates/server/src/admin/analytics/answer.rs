//! Rows of what was counted: told, ordered, cut.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use store::KeyHash;

use super::Counted;
use super::asked::{Direction, Order, Question};
use super::dimensions::{Dimensional, Told};
use super::metrics::Cell;
use crate::keyring::Keyring;
use crate::time::iso_millis;

/// What ids are called.
pub(super) struct Names {
    /// Keys, by hash.
    pub(super) keyring: Arc<Keyring>,
    /// Workspaces, by id.
    pub(super) workspaces: HashMap<String, String>,
}

/// The answer to a question.
#[derive(Debug, Serialize)]
pub(super) struct Envelope {
    data: Answered,
}

#[derive(Debug, Serialize)]
struct Answered {
    /// The rows, written: there are many of them, and whoever sends the answer need not write it.
    data: Box<RawValue>,
    metadata: Metadata,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    query_time_ms: f64,
    row_count: usize,
    truncated: bool,
}

/// A row: its columns in the order of the question.
#[derive(Debug)]
struct Row {
    start_ms: Option<i64>,
    /// What it is grouped by, as ids.
    values: Vec<String>,
    /// What these are called; each the first of its columns.
    names: Vec<Cell>,
    /// By what it is ordered, if by a metric.
    rank: Cell,
    columns: Vec<(String, Cell)>,
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        store::rest_now_and_then();
        let mut map = serializer.serialize_map(Some(self.columns.len()))?;
        for (name, cell) in &self.columns {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

/// Makes the answer to a question.
///
/// # Errors
/// When rows cannot be written as JSON, which were a mistake of ours.
pub(super) fn of(
    question: &Question,
    counted: Counted,
    names: &Names,
) -> serde_json::Result<Envelope> {
    // A whole without groups has one row, even of nothing.
    let is_whole = question.granularity.is_none() && question.dimensions.is_empty();
    let counted = if is_whole && counted.is_empty() {
        Counted::from([((None, Vec::new()), store::Measures::default())])
    } else {
        counted
    };
    let found = counted.len();
    let mut rows: Vec<Row> = counted
        .into_iter()
        .map(|(key, measures)| row(question, key, (&measures, names)))
        .collect();
    rows.sort_by(|one, other| compare(question, one, other));
    let mut of_group: HashMap<Vec<String>, usize> = HashMap::new();
    if !question.dimensions.is_empty() {
        rows.retain(|row| {
            let count = of_group.entry(row.values.clone()).or_default();
            *count += 1;
            *count <= question.group_limit
        });
    }
    rows.truncate(question.limit);
    Ok(Envelope {
        data: Answered {
            metadata: Metadata {
                query_time_ms: 0.0,
                row_count: rows.len(),
                truncated: rows.len() < found,
            },
            data: to_raw_value(&rows)?,
            warnings: Vec::new(),
        },
    })
}

impl Envelope {
    /// Says what the asker should know.
    pub(super) fn warn<'a>(&mut self, warnings: impl Iterator<Item = &'a String>) {
        self.data.warnings.extend(warnings.cloned());
    }

    /// Says how long it took.
    pub(super) fn took(&mut self, time: Duration) {
        self.data.metadata.query_time_ms = (time.as_secs_f64() * 1e6).round() / 1e3;
    }
}

fn row(
    question: &Question,
    (start_ms, values): (Option<i64>, Vec<String>),
    (measures, names): (&store::Measures, &Names),
) -> Row {
    store::rest_now_and_then();
    let mut columns = Vec::new();
    if let (Some(start), Some(granularity)) = (start_ms, question.granularity) {
        let time = Cell::Text(iso_millis(start));
        columns.push((format!("date__{}", granularity.name()), time));
    }
    let mut told_names = Vec::with_capacity(values.len());
    for (dimension, value) in question.dimensions.iter().zip(&values) {
        let name = name_of(dimension, value, names);
        told_names.push(name.clone());
        columns.push((dimension.name.to_owned(), name));
        columns.extend(beside(dimension, value));
    }
    for metric in &question.metrics {
        columns.push((metric.name.to_owned(), metric.of(measures)));
    }
    let rank = match question.order {
        Some((Order::Metric(metric), _)) => metric.of(measures),
        Some((Order::Date | Order::Dimension(_), _)) => Cell::Null,
        None => {
            let first = question.metrics.first();
            first.map_or(Cell::Null, |metric| metric.of(measures))
        }
    };
    Row {
        start_ms,
        values,
        names: told_names,
        rank,
        columns,
    }
}

/// What a value is called; null where there is none.
fn name_of(dimension: &Dimensional, value: &str, names: &Names) -> Cell {
    if value.is_empty() {
        return Cell::Null;
    }
    match dimension.told {
        Told::Plain | Told::ErrorType | Told::Member => Cell::Text(value.to_owned()),
        Told::Number => value.parse().map_or(Cell::Null, Cell::Count),
        Told::Key => {
            let facts = names.keyring.get(&KeyHash::from_text(value));
            let name = facts.map_or(value, |facts| facts.key.name.as_str());
            Cell::Text(name.to_owned())
        }
        Told::Workspace => {
            let name = names.workspaces.get(value);
            Cell::Text(name.map_or(value, String::as_str).to_owned())
        }
    }
}

/// The columns beside a name.
fn beside(dimension: &Dimensional, value: &str) -> Option<(String, Cell)> {
    let id = || Cell::Text(value.to_owned());
    match dimension.told {
        Told::Plain | Told::Number | Told::ErrorType => None,
        Told::Key => Some(("api_key_hash".to_owned(), id())),
        Told::Workspace => Some(("workspace_id".to_owned(), id())),
        Told::Member => Some(("user_email".to_owned(), Cell::Null)),
    }
}

/// The order that was asked for; else time, then the first metric with the greatest first. What is
/// alike stands by time and name. Nothing stands last, whichever way it goes.
fn compare(question: &Question, one: &Row, other: &Row) -> Ordering {
    let by_date = || one.start_ms.cmp(&other.start_ms);
    let asked = match question.order {
        None => by_date().then_with(|| directed(&one.rank, &other.rank, Direction::Desc)),
        Some((Order::Date, Direction::Asc)) => by_date(),
        Some((Order::Date, Direction::Desc)) => by_date().reverse(),
        Some((Order::Metric(_), direction)) => directed(&one.rank, &other.rank, direction),
        Some((Order::Dimension(index), direction)) => {
            match (one.names.get(index), other.names.get(index)) {
                (Some(one), Some(other)) => directed(one, other, direction),
                _ => Ordering::Equal,
            }
        }
    };
    asked
        .then_with(by_date)
        .then_with(|| one.values.cmp(&other.values))
}

fn directed(one: &Cell, other: &Cell, direction: Direction) -> Ordering {
    let is_last = |cell: &Cell| *cell == Cell::Null;
    let order = is_last(one).cmp(&is_last(other));
    order.then_with(|| match direction {
        Direction::Asc => one.order(other),
        Direction::Desc => other.order(one),
    })
}
