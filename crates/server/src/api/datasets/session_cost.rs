//! `GET /datasets/session-cost`: what a session costs, by app, model and number of turns.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use http::StatusCode;
use ledger::Amount;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{OTHER, SampledSession};

use super::window::{invalid, rows};
use super::workspace_of;
use crate::admin::analytics::{TIME_MAX, within};
use crate::app::App;
use crate::caller::Caller;
use crate::money::usd;
use crate::reply::{self, Answer, storage_trouble};
use crate::time::{DAY_MS, date, iso_millis};

/// Days whose sessions count, the last of them yesterday.
const DAYS: i64 = 30;

/// The newest of these sessions that are looked at.
const SAMPLE: usize = 2000;

/// Turns at least, and what it is called then.
const RANGES: [(i64, &str); 4] = [
    (1, "1-turn"),
    (2, "2-9-turns"),
    (10, "10-49-turns"),
    (50, "50-plus-turns"),
];

/// What may be asked.
#[derive(Debug, Deserialize)]
pub struct Asked {
    app_slug: Option<String>,
    model: Option<String>,
    turn_range: Option<String>,
    limit: Option<i64>,
    offset: Option<i64>,
}

#[derive(Serialize)]
struct Costs {
    data: Vec<Item>,
    meta: Meta,
}

#[derive(Serialize)]
struct Item {
    app_slug: String,
    app_name: String,
    turn_range: &'static str,
    model_permaslug: String,
    median_session_cost_usd: Box<RawValue>,
}

#[derive(Serialize)]
struct Meta {
    as_of: String,
    version: &'static str,
    window_days: i64,
    window_end_date: String,
}

/// App, model, and which of the ranges.
type Cell = (String, String, usize);

/// Answers `GET /datasets/session-cost`. Sessions of no app are not in it, nor are those with calls
/// that nobody could price.
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Answer {
    if let Some(range) = &asked.turn_range
        && !RANGES.iter().any(|(_, name)| name == range)
    {
        let names = RANGES.map(|(_, name)| name).join(", ");
        return Err(invalid("turn_range", &format!("none of {names}")).into());
    }
    let limit = rows("limit", asked.limit, (100, 1, 500))?;
    let offset = rows("offset", asked.offset, (0, 0, 5000))?;
    let now_ms = app.clock.now_ms();
    let to_ms = now_ms.div_euclid(DAY_MS).saturating_mul(DAY_MS);
    let window = (to_ms.saturating_sub(DAYS * DAY_MS), to_ms);
    let sample = app
        .store
        .sample_sessions(window, workspace_of(&caller), SAMPLE);
    let sample = within(TIME_MAX, sample).await?;
    let cells = cells(sample.map_err(storage_trouble)?);
    let items = cells.into_iter().filter_map(item);
    let items = items
        .filter(|item| asked.fits(item))
        .skip(offset)
        .take(limit);
    let costs = Costs {
        data: items.collect(),
        meta: Meta {
            as_of: iso_millis(now_ms),
            version: "v1",
            window_days: DAYS,
            window_end_date: date(to_ms.saturating_sub(DAY_MS)),
        },
    };
    reply::json(StatusCode::OK, &costs)
}

impl Asked {
    fn fits(&self, item: &Item) -> bool {
        let is =
            |asked: &Option<String>, value: &str| asked.as_ref().is_none_or(|asked| asked == value);
        is(&self.app_slug, &item.app_slug)
            && is(&self.model, &item.model_permaslug)
            && is(&self.turn_range, item.turn_range)
    }
}

/// What each session of a cell cost, nano-USD.
fn cells(sample: Vec<SampledSession>) -> BTreeMap<Cell, Vec<i64>> {
    let mut cells: BTreeMap<Cell, Vec<i64>> = BTreeMap::new();
    for session in sample {
        if session.app.is_empty() || session.app == OTHER {
            continue;
        }
        let range = RANGES
            .iter()
            .rposition(|(least, _)| session.calls >= *least);
        let cell = (session.app, session.model, range.unwrap_or_default());
        cells.entry(cell).or_default().push(session.cost_nanos);
    }
    cells
}

fn item(((app, model, range), costs): (Cell, Vec<i64>)) -> Option<Item> {
    let (_, turn_range) = RANGES.get(range)?;
    Some(Item {
        app_slug: slug(&app),
        app_name: app,
        turn_range,
        model_permaslug: model,
        median_session_cost_usd: usd(Amount::from_nanos(median(costs)?)),
    })
}

/// The one in the middle, or the mean of both.
fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get(values.len() / 2 - 1)?;
    Some(lower.midpoint(upper))
}

/// A name for URLs: its letters and digits in lower case, joined by hyphens.
fn slug(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|character: char| !character.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, expected) in [
            (vec![], None),
            (vec![5], Some(5)),
            (vec![9, 1], Some(5)),
            (vec![9, 1, 2], Some(2)),
        ] {
            assert_eq!(median(values), expected);
        }
    }

    #[test]
    fn turns_are_in_the_range_that_names_them() {
        let session = |calls| SampledSession {
            app: "Hermes Agent".to_owned(),
            model: "m".to_owned(),
            calls,
            cost_nanos: 1,
        };
        for (calls, expected) in [(1, 0), (2, 1), (9, 1), (10, 2), (49, 2), (50, 3), (5000, 3)] {
            let cells = cells(vec![session(calls)]);
            assert_eq!(cells.keys().next().unwrap().2, expected, "{calls}");
        }
        assert_eq!(slug("Hermes Agent (2)"), "hermes-agent-2");
    }
}
