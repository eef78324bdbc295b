//! `GET /cache/health`: of how much use providers' prompt caches were, and which conversations lost
//! theirs.

use std::sync::Arc;

use axum::extract::{Query, State};
use chat::Error;
use http::StatusCode;
use ledger::Amount;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{CacheBreak, Dimension, FacetFilter, Grain, Measure, RollupQuery, RollupRow};

use crate::admin::desk::invalid;
use crate::api::generations::settled_first;
use crate::app::App;
use crate::caller::Caller;
use crate::money::usd;
use crate::reply::{self, Answer, storage_trouble};
use crate::time::{iso, read_utc};

const HOUR_MS: i64 = 60 * 60 * 1000;

const DAY_MS: i64 = 24 * HOUR_MS;

/// What is shown where no time is asked for.
const USUAL_MS: i64 = 24 * HOUR_MS;

/// Broken conversations that are shown at once, the newest.
const BREAKS_MAX: usize = 500;

/// The longest time that is shown at once.
const LONGEST_MS: i64 = 31 * 24 * HOUR_MS;

/// What may be asked.
#[derive(Debug, Deserialize)]
pub struct HealthQuery {
    from: Option<String>,
    to: Option<String>,
    per: Option<String>,
    workspace_id: Option<String>,
}

/// The pieces of time by which calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Per {
    Hour,
    /// Of UTC.
    Day,
}

impl Per {
    const fn length_ms(self) -> i64 {
        match self {
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
        }
    }

    const fn grain(self) -> Grain {
        match self {
            Self::Hour => Grain::Hour,
            Self::Day => Grain::Day,
        }
    }
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Serialize)]
struct View<'a> {
    from: String,
    to: String,
    hours: Vec<HourView>,
    saved: Box<RawValue>,
    lost_to_switches: Box<RawValue>,
    lost_to_prefix_changes: Box<RawValue>,
    broken_sessions: Vec<BreakView<'a>>,
}

#[derive(Serialize)]
struct HourView {
    /// When the hour, or the day that was asked for, began.
    hour: String,
    model: String,
    endpoint: String,
    calls: i64,
    prompt_tokens: i64,
    cache_read_tokens: i64,
    cache_write_tokens: i64,
    /// Of the prompt's tokens, those read from the cache; null where there were none.
    hit_ratio: Option<f64>,
    saved: Box<RawValue>,
}

#[derive(Serialize)]
struct BreakView<'a> {
    generation_id: &'a str,
    session_id: Option<&'a str>,
    workspace_id: &'a str,
    created_at: String,
    model: &'a str,
    endpoint: &'a str,
    lost: Box<RawValue>,
    prefix_break: Option<&'a RawValue>,
}

/// Answers `GET /cache/health`. An inference key sees its workspace, a management key everything or the
/// workspace that it names.
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<HealthQuery>,
) -> Answer {
    let key = &caller.facts.key;
    let workspace = if key.is_management {
        query.workspace_id.clone()
    } else {
        Some(key.workspace_id.clone())
    };
    let per = per(&query)?;
    let times = times(&query, per, app.clock.now_ms())?;
    settled_first(&app).await;
    let asked = rollup(workspace.as_ref(), per, times);
    let rows = app.store.rollups(&asked).await;
    let rows = rows.map_err(storage_trouble)?;
    let broken_ones = app
        .store
        .cache_breaks(workspace.as_deref(), times, BREAKS_MAX);
    let (breaks, lost) = broken_ones.await.map_err(storage_trouble)?;
    let saved = rows.iter().map(|row| row.measures.get(Measure::CacheSaved));
    let saved = Amount::from_nanos(saved.fold(0, i64::saturating_add));
    let data = View {
        from: iso(times.0),
        to: iso(times.1),
        hours: rows.iter().map(hour).collect(),
        saved: usd(saved),
        lost_to_switches: usd(lost.to_switches),
        lost_to_prefix_changes: usd(lost.to_changes),
        broken_sessions: breaks.iter().map(broken).collect(),
    };
    reply::json(StatusCode::OK, &Envelope { data })
}

fn per(query: &HealthQuery) -> Result<Per, Error> {
    match query.per.as_deref() {
        None | Some("" | "hour") => Ok(Per::Hour),
        Some("day") => Ok(Per::Day),
        Some(other) => {
            let message = format!("\"{other}\" is neither \"hour\" nor \"day\"");
            Err(invalid("per", message))
        }
    }
}

fn times(query: &HealthQuery, per: Per, now_ms: i64) -> Result<(i64, i64), Error> {
    let read = |name: &str, text: &Option<String>| {
        let text = text.as_deref().filter(|text| !text.is_empty());
        text.map(read_utc)
            .transpose()
            .map_err(|message| invalid(name, message))
    };
    let to = read("to", &query.to)?.unwrap_or(now_ms.saturating_add(1));
    let from = read("from", &query.from)?.unwrap_or(to.saturating_sub(USUAL_MS));
    // Whole hours or days: that is how calls are counted.
    let length = per.length_ms();
    let from = from.div_euclid(length).saturating_mul(length);
    if from >= to || to.saturating_sub(from) > LONGEST_MS + length {
        return Err(invalid(
            "from",
            "expected a time before \"to\", by 31 days at the most",
        ));
    }
    Ok((from, to))
}

fn rollup(workspace: Option<&String>, per: Per, (from_ms, to_ms): (i64, i64)) -> RollupQuery {
    let filter = FacetFilter::default();
    RollupQuery {
        grain: per.grain(),
        from_ms,
        to_ms,
        by_time: true,
        by: vec![Dimension::Model, Dimension::Endpoint],
        filter: match workspace {
            Some(id) => filter.one_of(Dimension::Workspace, vec![id.clone()]),
            None => filter,
        },
        measures: vec![
            Measure::Calls,
            Measure::Input,
            Measure::CacheRead,
            Measure::CacheWrite,
            Measure::CacheWrite1h,
            Measure::CacheSaved,
        ],
        sketches: Vec::new(),
    }
}

fn hour(row: &RollupRow) -> HourView {
    let count = |measure| row.measures.get(measure);
    let written = count(Measure::CacheWrite).saturating_add(count(Measure::CacheWrite1h));
    let read = count(Measure::CacheRead);
    let prompt = count(Measure::Input)
        .saturating_add(read)
        .saturating_add(written);
    let value = |index: usize| row.values.get(index).cloned().unwrap_or_default();
    HourView {
        hour: iso(row.start_ms.unwrap_or_default()),
        model: value(0),
        endpoint: value(1),
        calls: count(Measure::Calls),
        prompt_tokens: prompt,
        cache_read_tokens: read,
        cache_write_tokens: written,
        hit_ratio: (prompt > 0)
            .then(|| (read as f64 / prompt as f64 * 10_000.0).round() / 10_000.0),
        saved: usd(Amount::from_nanos(count(Measure::CacheSaved))),
    }
}

fn broken(broken: &CacheBreak) -> BreakView<'_> {
    BreakView {
        generation_id: &broken.generation_id,
        session_id: broken.session_id.as_deref(),
        workspace_id: &broken.workspace_id,
        created_at: iso(broken.at_ms),
        model: &broken.model,
        endpoint: &broken.endpoint,
        lost: usd(broken.lost),
        prefix_break: serde_json::from_str(&broken.said).ok(),
    }
}
