//! `GET /key`: what the key that is presented may do, and what it has spent.

use std::sync::Arc;

use axum::extract::State;
use chat::Error;
use http::StatusCode;
use ledger::Amount;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{LimitReset, Spending, StoredKey, key_budget};

use crate::app::App;
use crate::caller::Caller;
use crate::limits::{RateRow, Rule, Span};
use crate::money::usd;
use crate::reply::{self, Answer, storage_trouble};
use crate::time::iso;

/// The counters and limits that every view of a key shows. USD.
#[derive(Debug, Serialize)]
pub(crate) struct Money {
    limit: Option<Box<RawValue>>,
    limit_remaining: Option<Box<RawValue>>,
    limit_reset: Option<&'static str>,
    include_byok_in_limit: bool,
    usage: Box<RawValue>,
    usage_daily: Box<RawValue>,
    usage_weekly: Box<RawValue>,
    usage_monthly: Box<RawValue>,
    byok_usage: Box<RawValue>,
    byok_usage_daily: Box<RawValue>,
    byok_usage_weekly: Box<RawValue>,
    byok_usage_monthly: Box<RawValue>,
}

impl Money {
    /// What a key may spend, has spent, and has left.
    pub(crate) fn of(key: &StoredKey, spending: &Spending, remaining: Option<Amount>) -> Self {
        Self {
            limit: key.limit.map(usd),
            limit_remaining: remaining.map(usd),
            limit_reset: key.limit_reset.map(LimitReset::name),
            include_byok_in_limit: key.include_byok_in_limit,
            usage: usd(spending.total.usage),
            usage_daily: usd(spending.daily.usage),
            usage_weekly: usd(spending.weekly.usage),
            usage_monthly: usd(spending.monthly.usage),
            byok_usage: usd(spending.total.byok_usage),
            byok_usage_daily: usd(spending.daily.byok_usage),
            byok_usage_weekly: usd(spending.weekly.byok_usage),
            byok_usage_monthly: usd(spending.monthly.byok_usage),
        }
    }
}

/// What a key has left of its limit: less than was not spent while calls are under way, because the
/// most that they may cost is held for them.
pub(crate) async fn remaining(app: &App, key: &StoredKey) -> Result<Option<Amount>, Error> {
    let Some(budget) = key_budget(key) else {
        return Ok(None);
    };
    let at = app.clock.now_ms().div_euclid(1000);
    let left = app.ledgers.remaining(&budget, at).await;
    left.map(Some).map_err(storage_trouble)
}

#[derive(Serialize)]
struct View<'a> {
    label: &'a str,
    #[serde(flatten)]
    money: Money,
    is_free_tier: bool,
    is_management_key: bool,
    is_provisioning_key: bool,
    creator_user_id: Option<&'a str>,
    expires_at: Option<String>,
    workspace_id: &'a str,
    organization_id: Option<&'a str>,
    allowed_data_regions: [&'static str; 1],
    free_model_daily_requests: FreeRequests,
    /// Ours: limits of the key's own.
    rate_limits: &'a [RateRow],
    rate_limit: RateLimit,
}

/// What the workspace has left of its free calls today; -1 where free models have no limit.
#[derive(Serialize)]
struct FreeRequests {
    limit: i64,
    remaining: i64,
    used: i64,
}

/// Kept for old clients; it says nothing.
#[derive(Serialize)]
struct RateLimit {
    requests: i64,
    interval: &'static str,
    note: &'static str,
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

fn free_requests(app: &App, workspace_id: &str) -> FreeRequests {
    let name = Rule::of_free_models(Span::Day, 0).name;
    let Some(reading) = app.gate.look(&name, workspace_id, app.clock.now_ms()) else {
        return FreeRequests {
            limit: -1,
            remaining: -1,
            used: 0,
        };
    };
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    FreeRequests {
        limit: number(reading.limit),
        remaining: number(reading.remaining),
        used: number(reading.limit - reading.remaining.min(reading.limit)),
    }
}

/// Answers `GET /key`.
pub async fn get(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    let key = &caller.facts.key;
    let spending = app
        .store
        .keys()
        .spending(&key.hash, app.clock.now_ms())
        .await
        .map_err(storage_trouble)?;
    let view = View {
        label: &key.label,
        money: Money::of(key, &spending, remaining(&app, key).await?),
        is_free_tier: false,
        is_management_key: key.is_management,
        is_provisioning_key: key.is_management,
        creator_user_id: key.creator_user_id.as_deref(),
        expires_at: key.expires_at_ms.map(iso),
        workspace_id: &key.workspace_id,
        organization_id: None,
        allowed_data_regions: ["global"],
        free_model_daily_requests: free_requests(&app, &key.workspace_id),
        rate_limits: &caller.facts.terms.written.rate_limits,
        rate_limit: RateLimit {
            requests: -1,
            interval: "10s",
            note: "This field is deprecated and safe to ignore.",
        },
    };
    reply::json(StatusCode::OK, &Envelope { data: view })
}
