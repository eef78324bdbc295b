//! Sorting, sending, trying again.

use std::sync::Arc;
use std::time::Duration;

use relay::Secret;
use relay::auth::sigv4::{Keys, sign_object};
use store::KeyHash;
use telemetry::call::Told;
use telemetry::destination::{Body, Kind, Parcel, Seen, Settings, is_chosen, parcels};
use tokio::sync::mpsc;

use super::book::{Broadcast, Live};
use super::spool::Waiting;
use crate::app::App;

/// So many calls go into one request, where a kind takes several.
const BATCH_MAX: usize = 64;

/// How often a request is tried, and the pause after the first time; it doubles.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// For a destination to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Why a destination did not take something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In words; never what was sent or answered.
    pub why: String,
    /// Whether the same may be sent again.
    pub may_be_retried: bool,
}

/// Sorts finished calls into the spools of their destinations, until the app stops.
pub async fn run(app: Arc<App>, mut calls: mpsc::Receiver<Told>) {
    loop {
        let told = tokio::select! {
            () = app.stop.cancelled() => return,
            told = calls.recv() => told,
        };
        let Some(told) = told else { return };
        sort(&app, &told);
    }
}

fn sort(app: &Arc<App>, told: &Told) {
    let generation = &*told.generation;
    let hash = &generation.caller.key_hash;
    for live in app.broadcast.of(&generation.caller.workspace_id) {
        let destination = &live.destination;
        let keys = destination.api_key_hashes.as_ref();
        if keys.is_some_and(|keys| !keys.contains(hash))
            || !is_chosen(&destination.id, generation, destination.sampled_ppm)
        {
            continue;
        }
        let keyring = app.keyring.load();
        let facts = keyring.get(&KeyHash::from_text(hash));
        let key_name = facts.map_or_else(String::new, |facts| facts.key.name.clone());
        let seen = Seen {
            generation,
            key_name: &key_name,
        };
        if live
            .filter
            .as_ref()
            .is_some_and(|filter| !filter.passes(seen))
        {
            continue;
        }
        if live.spool.put(Waiting::new(told.clone(), key_name)) {
            serve(app, live);
        }
    }
}

/// Begins to serve a spool, on the runtime that this runs on.
pub fn serve(app: &Arc<App>, live: Arc<Live>) {
    let serving = empty(Arc::clone(app), live);
    app.tasks.spawn(serving);
}

/// Sends what waits in a spool until nothing does.
async fn empty(app: Arc<App>, mut live: Arc<Live>) {
    loop {
        // It may have been changed meanwhile.
        let now = app.broadcast.of(&live.destination.workspace_id);
        let newer = now
            .into_iter()
            .find(|one| one.destination.id == live.destination.id);
        let Some(newer) = newer else {
            // It is off or gone, and nobody wants to know of these calls any more.
            while !live.spool.take(usize::MAX).is_empty() {}
            return;
        };
        live = newer;
        let Some(kind) = app.broadcast.kinds.get(&live.destination.kind) else {
            return;
        };
        let most = if kind.body() == Body::Object {
            1
        } else {
            BATCH_MAX
        };
        let batch = live.spool.take(most);
        if batch.is_empty() {
            return;
        }
        if tell(&app, (kind, &live), batch).await.is_none() {
            return;
        }
    }
}

/// Tells a destination of a batch, again if need be; `None` when the app stops.
async fn tell(app: &App, (kind, live): (&Kind, &Live), batch: Vec<Waiting>) -> Option<()> {
    let calls: Vec<(Told, String)> = batch
        .iter()
        .map(|waiting| (permitted(live, &waiting.told), waiting.key_name.clone()))
        .map(|(told, name)| match live.destination.with_identity {
            true => (told, name),
            false => (told, String::new()),
        })
        .collect();
    let mut pause = PAUSE;
    for attempt in 1..=TRIES {
        let sent = send(
            &app.broadcast,
            (kind, &live.settings),
            &calls,
            app.clock.now_ms(),
        );
        let refusal = match sent.await {
            Ok(()) => {
                live.spool.delivered(&batch, app.clock.now_ms());
                return Some(());
            }
            Err(refusal) => refusal,
        };
        if attempt == TRIES || !refusal.may_be_retried {
            let at_ms = app.clock.now_ms();
            tracing::warn!(
                destination = live.destination.id,
                calls = batch.len(),
                why = refusal.why,
                "a destination did not take calls"
            );
            live.spool.given_up(batch, &refusal.why, (attempt, at_ms));
            return Some(());
        }
        tokio::select! {
            () = app.stop.cancelled() => {
                live.spool.given_up(batch, "the server stopped", (attempt, app.clock.now_ms()));
                return None;
            }
            () = tokio::time::sleep(pause) => {}
        }
        pause *= 2;
    }
    Some(())
}

/// The call with what this destination is not told taken out.
fn permitted(live: &Live, told: &Told) -> Told {
    let destination = &live.destination;
    let mut generation = (*told.generation).clone();
    let caller = &mut generation.caller;
    if !destination.with_identity {
        caller.key_hash = String::new();
        caller.workspace_id = String::new();
    }
    if !destination.with_context {
        caller.app_title = None;
        caller.http_referer = None;
        caller.user_agent = None;
    }
    if !destination.with_cost {
        generation.charge = Err(ledger::Unpriced::NoUsage);
    }
    Told {
        generation: Arc::new(generation),
        parent: told.parent.clone(),
    }
}

/// Sends calls to a destination, once; of none, it asks whether anybody is there.
///
/// # Errors
/// With why it did not take them.
pub async fn send(
    broadcast: &Broadcast,
    (kind, settings): (&Kind, &Settings),
    calls: &[(Told, String)],
    now_ms: i64,
) -> Result<(), Refusal> {
    let final_refusal = |why: String| Refusal {
        why,
        may_be_retried: false,
    };
    let parcels = parcels(kind, settings, (calls, &broadcast.teller));
    let parcels = parcels.map_err(|mistake| final_refusal(mistake.to_string()))?;
    for mut parcel in parcels {
        if calls.is_empty() {
            let mark = http::HeaderValue::from_static("true");
            parcel
                .request
                .headers_mut()
                .insert("x-test-connection", mark);
        }
        sign(&mut parcel, now_ms).map_err(final_refusal)?;
        let answer = broadcast.egress.send(parcel.request, ANSWER_MAX).await;
        let answer = answer.map_err(|error| Refusal {
            may_be_retried: !matches!(error, telemetry::egress::EgressError::Refused(_)),
            why: error.to_string(),
        })?;
        let status = answer.status.as_u16();
        // Some say 400 to nothing at all; that they say anything is what was asked.
        let is_fine = answer.status.is_success() || calls.is_empty() && status == 400;
        if !is_fine {
            return Err(Refusal {
                why: format!("it answered {status}"),
                may_be_retried: matches!(status, 408 | 425 | 429 | 500..=599),
            });
        }
    }
    Ok(())
}

fn sign(parcel: &mut Parcel, now_ms: i64) -> Result<(), String> {
    let Some(bucket) = &parcel.bucket else {
        return Ok(());
    };
    let token = bucket.session_token.as_deref().map(Secret::new);
    let secret = Secret::new(bucket.secret_access_key.as_str());
    let keys = Keys::new(&bucket.access_key_id, secret, token);
    sign_object(
        &mut parcel.request,
        (&keys, &bucket.region),
        &parcel.body,
        now_ms,
    )
    .map_err(|error| error.message)
}
