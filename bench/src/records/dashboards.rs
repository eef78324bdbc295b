//! What a dashboard asks of the roll-ups.

use std::time::Duration;

use store::{Dimension, FacetFilter, Grain, Measure, RollupQuery, Sketched, Store};
use tokio::time::Instant;

/// How often each is asked.
const ROUNDS: usize = 5;

const MS_PER_HOUR: i64 = 3_600_000;
const MS_PER_DAY: i64 = 24 * MS_PER_HOUR;

/// What one question took.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) rows: usize,
    pub(crate) median: Duration,
    pub(crate) worst: Duration,
}

pub(crate) async fn measure(store: &Store, now_ms: i64) -> anyhow::Result<Vec<Measured>> {
    let mut all = Vec::new();
    for (name, query) in queries(now_ms) {
        let mut times = Vec::with_capacity(ROUNDS);
        let mut rows = 0;
        for _ in 0..ROUNDS {
            let started = Instant::now();
            rows = store.rollups(&query).await?.len();
            times.push(started.elapsed());
        }
        times.sort_unstable();
        all.push(Measured {
            name,
            rows,
            median: times.get(ROUNDS / 2).copied().unwrap_or_default(),
            worst: times.last().copied().unwrap_or_default(),
        });
    }
    Ok(all)
}

/// What is asked for, with its name.
pub(crate) fn queries(now_ms: i64) -> Vec<(&'static str, RollupQuery)> {
    let ask = |grain, since_ms: i64, by_time, by| query(grain, (now_ms, since_ms), by_time, by);
    let days = 60 * MS_PER_DAY;
    vec![
        ("60 days, by day", ask(Grain::Day, days, true, Vec::new())),
        (
            "60 days, by model",
            ask(Grain::Day, days, false, vec![Dimension::Model]),
        ),
        (
            "60 days, by key",
            ask(Grain::Day, days, false, vec![Dimension::Key]),
        ),
        (
            "60 days, by day and model",
            ask(Grain::Day, days, true, vec![Dimension::Model]),
        ),
        (
            "60 days, one workspace by provider",
            RollupQuery {
                filter: FacetFilter::default()
                    .one_of(Dimension::Workspace, vec!["workspace-1".to_owned()]),
                ..ask(Grain::Day, days, false, vec![Dimension::Provider])
            },
        ),
        (
            "30 days, percentiles of latency by provider",
            RollupQuery {
                measures: vec![Measure::Calls],
                sketches: vec![Sketched::TotalTime],
                ..ask(
                    Grain::Day,
                    30 * MS_PER_DAY,
                    false,
                    vec![Dimension::Provider],
                )
            },
        ),
        (
            "a day, by hour",
            ask(Grain::Hour, MS_PER_DAY, true, Vec::new()),
        ),
        (
            "a day, by hour and model",
            ask(Grain::Hour, MS_PER_DAY, true, vec![Dimension::Model]),
        ),
        (
            "an hour, by minute",
            ask(Grain::Minute, MS_PER_HOUR, true, Vec::new()),
        ),
        (
            "an hour, by minute and status",
            ask(Grain::Minute, MS_PER_HOUR, true, vec![Dimension::Status]),
        ),
    ]
}

fn query(
    grain: Grain,
    (now_ms, since_ms): (i64, i64),
    by_time: bool,
    by: Vec<Dimension>,
) -> RollupQuery {
    RollupQuery {
        grain,
        from_ms: now_ms - since_ms,
        to_ms: now_ms + MS_PER_DAY,
        by_time,
        by,
        filter: FacetFilter::default(),
        measures: vec![
            Measure::Calls,
            Measure::Failed,
            Measure::Cost,
            Measure::CacheSaved,
            Measure::Input,
            Measure::CacheRead,
            Measure::Output,
        ],
        sketches: Vec::new(),
    }
}
