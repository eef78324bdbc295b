//! `GET /activity`: what was used on each of the last completed days of UTC, by model and endpoint.
//! For management keys.

use std::sync::Arc;

use axum::extract::{Query, State};
use chat::{Error, Kind};
use http::StatusCode;
use ledger::Amount;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Dimension, FacetFilter, Measure, RollupRow};

use super::analytics::Days;
use super::desk::invalid;
use crate::app::App;
use crate::caller::Management;
use crate::money::usd;
use crate::reply::{self, Answer, storage_trouble};
use crate::time::{DAY_MS, date, day_after, read_date};

/// Days that are told of, the last of them yesterday.
const DAYS: i64 = 30;

/// What may be asked.
#[derive(Debug, Deserialize)]
pub struct Asked {
    date: Option<String>,
    api_key_hash: Option<String>,
    user_id: Option<String>,
    group_by: Option<String>,
    workspace_id: Option<String>,
}

#[derive(Serialize)]
struct Activity {
    data: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    date: String,
    model: String,
    model_permaslug: String,
    endpoint_id: String,
    provider_name: String,
    usage: Box<RawValue>,
    byok_usage_inference: Box<RawValue>,
    requests: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    reasoning_tokens: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_id: Option<String>,
}

/// Answers `GET /activity`. Calls that nobody served are not in it.
pub async fn get(
    State(app): State<Arc<App>>,
    _caller: Management,
    Query(asked): Query<Asked>,
) -> Answer {
    let by_workspace = match asked.group_by.as_deref() {
        None => false,
        Some("workspace") => true,
        Some(other) => {
            let message = format!("\"{other}\" is not \"workspace\"");
            return Err(invalid("group_by", message).into());
        }
    };
    let (from_ms, to_ms) = asked.range(app.clock.now_ms())?;
    let mut by = vec![Dimension::Model, Dimension::Endpoint, Dimension::Provider];
    if by_workspace {
        by.push(Dimension::Workspace);
    }
    let days = Days {
        from_ms,
        to_ms,
        by_day: true,
        by,
        filter: asked.filter(&app).await?,
        measures: &[Measure::Calls, Measure::Cost, Measure::Byok],
    };
    let mut rows = days.count(&app).await?;
    // The newest day first; within it as they come, by model.
    rows.sort_by_key(|row| std::cmp::Reverse(row.start_ms));
    let data = rows.into_iter().map(|row| item(&app, row)).collect();
    reply::json(StatusCode::OK, &Activity { data })
}

impl Asked {
    /// The days that are asked for.
    fn range(&self, now_ms: i64) -> Result<(i64, i64), Error> {
        let today = now_ms.div_euclid(DAY_MS).saturating_mul(DAY_MS);
        let first = today.saturating_sub(DAYS * DAY_MS);
        let Some(text) = &self.date else {
            return Ok((first, today));
        };
        let day = read_date(text).map_err(|message| invalid("date", message))?;
        if !(first..today).contains(&day) {
            let message = format!("{text} is not one of the last {DAYS} completed days of UTC");
            return Err(invalid("date", message));
        }
        Ok((day, day_after(day)))
    }

    async fn filter(&self, app: &App) -> Result<FacetFilter, Error> {
        let mut filter = FacetFilter::default().none_of(Dimension::Endpoint, vec![String::new()]);
        if let Some(id) = &self.workspace_id {
            let found = app.store.workspaces().by_id_or_slug(id).await;
            let found = found.map_err(storage_trouble)?;
            let found =
                found.ok_or_else(|| Error::caller(Kind::NotFound, "Workspace not found"))?;
            filter = filter.one_of(Dimension::Workspace, vec![found.id]);
        }
        for (dimension, asked) in [
            (Dimension::Key, &self.api_key_hash),
            (Dimension::Member, &self.user_id),
        ] {
            if let Some(value) = asked {
                filter = filter.one_of(dimension, vec![value.clone()]);
            }
        }
        Ok(filter)
    }
}

fn item(app: &App, row: RollupRow) -> Item {
    let catalog = app.catalog.load();
    let measures = row.measures;
    let money = |measure| usd(Amount::from_nanos(measures.get(measure)));
    // In the order in which they were asked for.
    let mut values = row.values.into_iter();
    let mut next = || values.next().unwrap_or_default();
    let (permaslug, endpoint, provider) = (next(), next(), next());
    let model = catalog.model(&permaslug);
    let known = catalog.provider(&provider);
    Item {
        date: date(row.start_ms.unwrap_or_default()),
        model: model.map_or_else(|| permaslug.clone(), |model| model.slug.to_string()),
        model_permaslug: permaslug,
        endpoint_id: endpoint,
        provider_name: known.map_or(provider, |known| known.name.to_string()),
        usage: money(Measure::Cost),
        byok_usage_inference: money(Measure::Byok),
        requests: measures.get(Measure::Calls),
        prompt_tokens: measures.prompt_tokens(),
        completion_tokens: measures.completion_tokens(),
        reasoning_tokens: measures.get(Measure::Reasoning),
        workspace_id: values.next(),
    }
}
