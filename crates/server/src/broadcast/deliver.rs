//! Sending, trying again.

use std::sync::Arc;
use std::time::Duration;

use relay::Secret;
use relay::auth::sigv4::{Keys, sign_object};
use telemetry::call::Told;
use telemetry::destination::{Body, Kind, Parcel, Settings, parcels};

use super::batch::{BATCH_MAX, Batch, Shelf};
use super::book::{Broadcast, Live};
use super::spool::{Verdict, Waiting};
use crate::app::App;

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

/// Begins to serve a spool, on the runtime that this runs on.
pub fn serve(app: &Arc<App>, live: Arc<Live>) {
    let serving = empty(Arc::clone(app), live);
    app.tasks.spawn(serving);
}

/// Puts everything that a destination never took back into its spool; how many calls.
pub async fn revive(app: &Arc<App>, live: Arc<Live>) -> usize {
    let (count, begin) = app.broadcast.shelf(Arc::clone(&live)).revive().await;
    if begin {
        serve(app, live);
    }
    count
}

/// Sends what waits in a spool until nothing does, or the server stops.
async fn empty(app: Arc<App>, mut live: Arc<Live>) {
    while !app.broadcast.closing.is_cancelled() {
        // It may have been changed meanwhile.
        let now = app.broadcast.of(&live.destination.workspace_id);
        let newer = now
            .into_iter()
            .find(|one| one.destination.id == live.destination.id);
        let Some(newer) = newer else {
            // It is off or gone, and nobody wants to know of these calls any more.
            return app.broadcast.shelf(live).forget_waiting().await;
        };
        live = newer;
        let Some(kind) = app.broadcast.kinds.get(&live.destination.kind) else {
            return;
        };
        let most = match kind.body() {
            Body::Object => 1,
            _ => BATCH_MAX,
        };
        let shelf = app.broadcast.shelf(Arc::clone(&live));
        let Some(batch) = shelf.next(most).await else {
            return;
        };
        tell(&app, (kind, &shelf), batch).await;
    }
}

/// Tells a destination of a batch, again if need be. When the server stops, the batch stays on the disk.
async fn tell(app: &App, (kind, shelf): (&Kind, &Shelf), mut batch: Batch) {
    let live = &*shelf.live;
    let calls: Vec<(Told, String)> = batch
        .calls
        .iter()
        .map(|call| permitted(live, call))
        .collect();
    let mut pause = PAUSE;
    for attempt in 1..=TRIES {
        let now_ms = app.clock.now_ms();
        let sent = send(&app.broadcast, (kind, &live.settings), &calls, now_ms);
        let refusal = tokio::select! {
            sent = sent => match sent {
                Ok(()) => return shelf.delivered(batch, app.clock.now_ms()).await,
                Err(refusal) => refusal,
            },
            () = app.broadcast.closing.cancelled() => return stopped(app, (shelf, batch), attempt).await,
        };
        let at_ms = app.clock.now_ms();
        if attempt == TRIES || !refusal.may_be_retried {
            tracing::warn!(
                destination = live.destination.id,
                calls = calls.len(),
                why = refusal.why,
                "a destination did not take calls"
            );
            let verdict = Verdict {
                why: refusal.why,
                tries: attempt,
                at_ms,
            };
            return shelf.give_up(batch, verdict).await;
        }
        live.spool.refused(&refusal.why, at_ms);
        // It may be away for longer than we live.
        shelf.park(&mut batch).await;
        shelf.park_fresh().await;
        tokio::select! {
            () = app.broadcast.closing.cancelled() => return stopped(app, (shelf, batch), attempt).await,
            () = tokio::time::sleep(pause) => {}
        }
        pause *= 2;
    }
}

/// The server stops: a batch goes on in the next life, if there is one.
async fn stopped(app: &App, (shelf, mut batch): (&Shelf, Batch), tries: u32) {
    if shelf.park(&mut batch).await {
        return;
    }
    let verdict = Verdict {
        why: "the server stopped".to_owned(),
        tries,
        at_ms: app.clock.now_ms(),
    };
    shelf.give_up(batch, verdict).await;
}

/// The call with what this destination is not told taken out, and the name of its key where it is told
/// that.
fn permitted(live: &Live, call: &Waiting) -> (Told, String) {
    let destination = &live.destination;
    let mut told = call.told.clone();
    let generation = Arc::make_mut(&mut told.generation);
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
    // It may have been told to keep away since the call came in.
    told.content = told.content.filter(|_| destination.with_content);
    let name = match destination.with_identity {
        true => call.key_name.clone(),
        false => String::new(),
    };
    (told, name)
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
