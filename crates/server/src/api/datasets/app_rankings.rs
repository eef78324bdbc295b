//! `GET /datasets/app-rankings`: the apps with the most tokens, or with the most growth.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use chat::Error;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use store::{Dimension, FacetFilter, Measure, OTHER};

use super::traffic_of;
use super::window::{Meta, Window, invalid, rows};
use crate::admin::analytics::Days;
use crate::app::App;
use crate::caller::Caller;
use crate::reply::{self, Answer};

/// Periods before the window that growth is measured against.
const PERIODS: i64 = 3;

/// What may be asked.
#[derive(Debug, Deserialize)]
pub struct Asked {
    category: Option<String>,
    subcategory: Option<String>,
    sort: Option<String>,
    start_date: Option<String>,
    end_date: Option<String>,
    limit: Option<i64>,
    offset: Option<i64>,
}

#[derive(Serialize)]
struct Rankings {
    data: Vec<Item>,
    meta: Meta,
}

#[derive(Serialize)]
struct Item {
    rank: usize,
    app_id: i64,
    app_name: String,
    total_tokens: String,
    total_requests: i64,
}

/// Answers `GET /datasets/app-rankings`.
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Answer {
    let now_ms = app.clock.now_ms();
    for (field, value) in [
        ("category", &asked.category),
        ("subcategory", &asked.subcategory),
    ] {
        if value.is_some() {
            return Err(invalid(field, "apps have no categories here").into());
        }
    }
    let is_trending = match asked.sort.as_deref() {
        None | Some("popular") => false,
        Some("trending") => true,
        Some(_) => return Err(invalid("sort", "neither popular nor trending").into()),
    };
    let limit = rows("limit", asked.limit, (50, 1, 100))?;
    let offset = rows("offset", asked.offset, (0, 0, 100))?;
    let window = Window::of(
        asked.start_date.as_deref(),
        asked.end_date.as_deref(),
        now_ms,
    )?;
    // Calls of no app, and of those that are not told apart, belong to none.
    let none = vec![String::new(), OTHER.to_owned()];
    let filter = traffic_of(&caller).none_of(Dimension::App, none);
    let mut apps = used(&app, (window.from_ms, window.to_ms), &filter).await?;
    apps.retain(|_, used| used.tokens > 0);
    let mut before = HashMap::new();
    if is_trending {
        let length_ms = window.to_ms.saturating_sub(window.from_ms);
        let from_ms = window
            .from_ms
            .saturating_sub(length_ms.saturating_mul(PERIODS));
        before = used(&app, (from_ms, window.from_ms), &filter).await?;
    }
    let growth = |(name, used): &(String, Used)| {
        let before = before.get(name).map_or(0, |used| used.tokens);
        used.tokens.saturating_mul(PERIODS).saturating_sub(before)
    };
    let mut apps: Vec<(String, Used)> = apps.into_iter().collect();
    if is_trending {
        apps.retain(|app| growth(app) > 0);
    }
    apps.sort_by_cached_key(|app| {
        let rank = if is_trending {
            growth(app)
        } else {
            app.1.tokens
        };
        (Reverse(rank), app.0.clone())
    });
    let items = apps.into_iter().zip(1..).skip(offset).take(limit);
    let rankings = Rankings {
        data: items.map(|(app, rank)| item(app, rank)).collect(),
        meta: window.meta(now_ms),
    };
    reply::json(StatusCode::OK, &rankings)
}

/// What an app has used.
struct Used {
    tokens: i64,
    calls: i64,
}

async fn used(
    app: &App,
    (from_ms, to_ms): (i64, i64),
    filter: &FacetFilter,
) -> Result<HashMap<String, Used>, Error> {
    let days = Days {
        from_ms,
        to_ms,
        by_day: false,
        by: vec![Dimension::App],
        filter: filter.clone(),
        measures: &[Measure::Calls],
    };
    let rows = days.count(app).await?.into_iter();
    let one = |row: store::RollupRow| {
        let measures = &row.measures;
        let used = Used {
            tokens: measures
                .prompt_tokens()
                .saturating_add(measures.completion_tokens()),
            calls: measures.get(Measure::Calls),
        };
        (row.values.into_iter().next().unwrap_or_default(), used)
    };
    Ok(rows.map(one).collect())
}

fn item((name, used): (String, Used), rank: usize) -> Item {
    Item {
        rank,
        app_id: id_of(&name),
        app_name: name,
        total_tokens: used.tokens.to_string(),
        total_requests: used.calls,
    }
}

/// A number that stands for an app's name, always the same: 48 bits of its hash, which every client
/// can hold.
fn id_of(name: &str) -> i64 {
    let hash = Sha256::digest(name);
    hash.iter()
        .take(6)
        .fold(0, |id, byte| id << 8 | i64::from(*byte))
}
