//! Asks endpoints for a word when nobody else has asked them lately, so that their health is known
//! before a call needs it. Off unless the configuration lists them.
//!
//! A probe is a call like any other, by a caller of ours: planned for its endpoint alone, sent, priced,
//! recorded, and heard by the health board. It falls under no budget but its own: so many an hour, and
//! so much money. Who cannot be priced is not probed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use catalog::order::cost_range;
use catalog::{Endpoint, Preferences};
use chat::{Dialect, Error, Modality};
use http::HeaderMap;
use ledger::generation::CallerNote;
use ledger::{Amount, GenerationId};
use relay::{Call, Reply};
use serde_json::json;
use store::DEFAULT_WORKSPACE_ID;
use wire::Beside;

use crate::api::new_call::{Spoken, internal_call};
use crate::app::App;
use crate::config::probes::Probe;

/// Who was asked within this time needs no probe, milliseconds.
const RECENT_MS: i64 = 5 * 60_000;

const HOUR_MS: i64 = 60 * 60_000;

/// Who asks, in records. No key has this hash.
const CALLER: &str = "waybill-probe";

/// What probes of one endpoint have cost within the last hour.
#[derive(Debug, Default)]
pub struct Spent(VecDeque<(i64, Amount)>);

impl Spent {
    /// Forgets what is older than an hour, and adds up the rest.
    fn total(&mut self, now_ms: i64) -> Amount {
        let is_old = |(at, _): &(i64, Amount)| *at <= now_ms.saturating_sub(HOUR_MS);
        while self.0.front().is_some_and(is_old) {
            self.0.pop_front();
        }
        let costs = self.0.iter().map(|(_, cost)| *cost);
        costs.fold(Amount::ZERO, Amount::saturating_add)
    }
}

/// Probes one endpoint until the app stops.
pub async fn run(app: Arc<App>, probe: Probe) {
    let every = Duration::from_secs(3600) / probe.per_hour.max(1);
    let mut spent = Spent::default();
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        once(&app, &probe, &mut spent).await;
    }
}

/// Probes an endpoint if it needs that and may have it; says in which call.
pub async fn once(app: &App, probe: &Probe, spent: &mut Spent) -> Option<GenerationId> {
    let now_ms = app.clock.now_ms();
    let endpoint = endpoint(app, &probe.endpoint)?;
    if app
        .relay
        .health()
        .was_heard(&endpoint.id, RECENT_MS, now_ms)
    {
        return None;
    }
    let call = call(app, &endpoint)
        .inspect_err(
            |error| tracing::warn!(endpoint = %endpoint.id, %error, "no probe can be made"),
        )
        .ok()?;
    let most = cost_range(&endpoint, &call.request.needs, (None, now_ms)).most?;
    if spent.total(now_ms).saturating_add(most) > probe.cost_per_hour {
        return None;
    }
    let id = call.id.clone();
    app.metrics.in_flight.up(); // down again when the call is settled
    if let Ok(Reply::Stream { mut body, .. }) = app.relay.relay(call).await {
        while body.next().await.is_some() {}
    }
    let record = app.recorder.get(&id).await.ok().flatten();
    // What cannot be read again has cost the most that it may have.
    let cost = record.and_then(|record| Some(record.charge.as_ref().ok()?.total));
    spent.0.push_back((now_ms, cost.unwrap_or(most)));
    Some(id)
}

/// The endpoint with this id, if it can be asked for text here.
fn endpoint(app: &App, id: &str) -> Option<Arc<Endpoint>> {
    let catalog = app.catalog.load();
    let (model, _) = id.rsplit_once('@')?;
    let model = catalog.model(model)?;
    let mut endpoints = model.endpoints.iter();
    let found = endpoints.find(|endpoint| endpoint.id.as_str() == id)?;
    let is_able = found.provider.is_enabled() && found.output.contains(Modality::Text);
    is_able.then(|| Arc::clone(found))
}

/// One word from one endpoint.
fn call(app: &App, endpoint: &Endpoint) -> Result<Call, Error> {
    let body = json!({
        "model": endpoint.model.as_str(),
        "messages": [{ "role": "user", "content": "Hi" }],
        "max_tokens": 1,
        "stream": true,
    });
    let caller = CallerNote {
        workspace_id: DEFAULT_WORKSPACE_ID.to_owned(),
        key_hash: CALLER.to_owned(),
        app_title: Some("Waybill probe".to_owned()),
        ..CallerNote::default()
    };
    let body = body.to_string().into();
    let spoken = Spoken::new(Dialect::OpenaiChat, Beside::default());
    let mut call = internal_call(app, (body, spoken), caller, HeaderMap::new())?;
    call.preferences = Preferences {
        only: Some(vec![endpoint.tag.to_string()]),
        ..Preferences::default()
    };
    // The house's own preferences are about calls, not about looking.
    call.account = None;
    Ok(call)
}
