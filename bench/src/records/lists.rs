//! First pages of lists by every filter, and by some that are hard.

use std::time::Duration;

use store::{Dimension, FacetFilter, ListQuery, Store};
use tokio::time::Instant;

use super::traffic::Traffic;

/// Records of a page.
const PAGE: usize = 50;

/// How often each is asked.
const ROUNDS: usize = 5;

const MS_PER_HOUR: i64 = 3_600_000;
const MS_PER_DAY: i64 = 24 * MS_PER_HOUR;

/// What one filter took.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) found: usize,
    /// Whether the page ended before it had looked at everything.
    pub(crate) has_more: bool,
    pub(crate) first: Duration,
    pub(crate) median: Duration,
    pub(crate) worst: Duration,
}

pub(crate) async fn measure(
    store: &Store,
    traffic: &Traffic,
    now_ms: i64,
) -> anyhow::Result<Vec<Measured>> {
    let mut all = Vec::new();
    for (name, query) in queries(traffic, now_ms) {
        let mut times = Vec::with_capacity(ROUNDS);
        let mut page = None;
        for _ in 0..ROUNDS {
            let started = Instant::now();
            page = Some(store.list(&query).await?);
            times.push(started.elapsed());
        }
        let first = times.first().copied().unwrap_or_default();
        times.sort_unstable();
        let page = page.as_ref();
        all.push(Measured {
            name,
            found: page.map_or(0, |page| page.records.len()),
            has_more: page.is_some_and(|page| page.next.is_some()),
            first,
            median: times.get(ROUNDS / 2).copied().unwrap_or_default(),
            worst: times.last().copied().unwrap_or_default(),
        });
    }
    Ok(all)
}

/// What is asked for, with its name.
pub(crate) fn queries(traffic: &Traffic, now_ms: i64) -> Vec<(&'static str, ListQuery)> {
    let none = FacetFilter::default;
    let by = |filter| ListQuery {
        filter,
        count: PAGE,
        ..ListQuery::default()
    };
    let text = |text: &str| ListQuery {
        text: Some(text.to_owned()),
        ..by(none())
    };
    let middle = traffic.past(traffic.records / 2);
    let mut queries = of_facets(&by);
    queries.extend(of_peaks(&by));
    queries.extend([
        (
            "an hour in the middle",
            ListQuery {
                from_ms: Some(middle.created_at_ms),
                to_ms: Some(middle.created_at_ms + MS_PER_HOUR),
                ..by(none())
            },
        ),
        (
            "a quiet key, a month ago",
            ListQuery {
                to_ms: Some(now_ms - 30 * MS_PER_DAY),
                ..by(key(280))
            },
        ),
        (
            "a session",
            ListQuery {
                session_id: Some(format!("run-1-{}", traffic.records / 40_000)),
                ..by(none())
            },
        ),
        ("text: an id", text(middle.id.as_str())),
        (
            "text: the beginning of an id",
            text(&middle.id.as_str()[..15]),
        ),
        ("text: a part of a model", text("MODEL-17")),
        ("text: a rare app", text("rare ap")),
        ("text: a part of a message", text("slow down")),
        ("text: nowhere", text("no such text anywhere")),
    ]);
    queries
}

fn of_peaks(by: &impl Fn(FacetFilter) -> ListQuery) -> Vec<(&'static str, ListQuery)> {
    let none = FacetFilter::default;
    let provider = none().one_of(Dimension::Provider, vec!["provider-3".to_owned()]);
    let dear = |nanos, filter| ListQuery {
        cost_nanos_min: Some(nanos),
        ..by(filter)
    };
    let slow = |total_ms, filter| ListQuery {
        total_ms_min: Some(total_ms),
        ..by(filter)
    };
    vec![
        ("cost above, often", dear(5_000_000, none())),
        (
            "cost above, ten of ten million",
            dear(1_000_000_000, none()),
        ),
        ("cost above, never", dear(1_000_000_000_000, none())),
        ("latency above, often", slow(9_000, none())),
        ("latency above, ten of ten million", slow(60_000, none())),
        ("latency above, of a provider", slow(60_000, provider)),
    ]
}

fn one(dimension: Dimension, value: &str) -> FacetFilter {
    FacetFilter::default().one_of(dimension, vec![value.to_owned()])
}

fn key(number: u64) -> FacetFilter {
    one(Dimension::Key, &format!("{number:064x}"))
}

fn of_facets(by: &impl Fn(FacetFilter) -> ListQuery) -> Vec<(&'static str, ListQuery)> {
    vec![
        ("none", by(FacetFilter::default())),
        ("a busy key", by(key(0))),
        ("a quiet key", by(key(299))),
        ("a key that never called", by(one(Dimension::Key, "none"))),
        ("a model", by(one(Dimension::Model, "maker-1/model-1"))),
        ("a provider", by(one(Dimension::Provider, "provider-3"))),
        ("a workspace", by(one(Dimension::Workspace, "workspace-2"))),
        ("status 429", by(one(Dimension::Status, "429"))),
        (
            "status 503, of ten million twenty",
            by(one(Dimension::Status, "503")),
        ),
        ("failed", by(one(Dimension::Outcome, "failed"))),
        ("an app", by(one(Dimension::App, "App 7"))),
        (
            "an app with one call",
            by(one(Dimension::App, "A rare app")),
        ),
        (
            "a key and a model it never called",
            by(key(0).one_of(Dimension::Model, vec!["maker-5/model-14".to_owned()])),
        ),
        (
            "a quiet key's failures",
            by(key(250).one_of(Dimension::Outcome, vec!["failed".to_owned()])),
        ),
    ]
}
