//! What all doors do: read the body under a limit, mint the generation id, hand over to the relay,
//! and answer in the caller's dialect. It knows no provider and no model.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use chat::{Dialect, Error, Kind};
use http::header::HeaderName;
use http::{HeaderMap, StatusCode};
use ledger::generation::CallerNote;
use ledger::{Budget, CallFacts};
use relay::{Call, Waits};
use store::balance_budget_id;
use tokio::time::Instant;

use crate::api::new_call::{Spoken, mint, models, preferences};
use crate::api::request_head::{admission, note, simulation, wants_metadata};
use crate::api::respond::respond;
use crate::api::told_again;
use crate::api::wishes::Wishes;
use crate::app::App;
use crate::body;
use crate::cache::{Asked, describe_miss};
use crate::cache_health;
use crate::caller::{self, Caller};
use crate::config::sections::BillingMode;
use crate::content::{self, Taking};
use crate::limits::{Asker, Standing};
use crate::reply::{self, Answer, Rescue};

/// Who counted the tokens of a prompt: `provider`, or `estimate` where nobody did.
const TOKEN_COUNT: HeaderName = HeaderName::from_static("x-waybill-token-count");

/// Our own time until the head of the answer, in microseconds.
const OVERHEAD: HeaderName = HeaderName::from_static("x-waybill-overhead-us");

/// Answers a request for a model, at whichever door it came.
///
/// # Errors
/// Whatever went wrong, to be told in the dialect of the door.
pub(crate) async fn answer(app: &Arc<App>, request: Request, spoken: Spoken) -> Answer {
    let dialect = spoken.dialect;
    relayed(app, request, spoken)
        .await
        .map_err(|rescue| rescue.in_dialect(dialect))
}

/// A request that has come through the door of its dialect.
struct Arrived {
    call: Call,
    standing: Standing,
    headers: HeaderMap,
    /// Whether its key wants its content kept.
    io_logging: Option<bool>,
}

/// Lets a request in: its caller, its body, its rate limits.
async fn arrive(app: &Arc<App>, request: Request, spoken: Spoken) -> Result<Arrived, Rescue> {
    let arrived = Instant::now();
    let created_at_ms = app.clock.now_ms();
    let (head, body) = request.into_parts();
    let caller = {
        let keyring = app.keyring.load();
        let caller = caller::identify(&head.headers, &keyring, created_at_ms)?;
        caller::may_call(&caller)?;
        caller
    };
    let (id, seed) = mint(created_at_ms)?;
    let door = spoken.door()?;
    let waits = Arc::new(Waits::default());
    let read = async {
        // Nothing is bought that could not be recorded.
        if !app.recorder.has_room() {
            return Err(reply::storage_trouble(
                "the journal takes no further records",
            ));
        }
        let reading = body::read(&head.headers, body, app.body_bytes_max, app.request_body);
        let body = waits.during(reading).await?;
        let request = door.read_request(&body, spoken.beside)?;
        let note = note(&caller, &head.headers, &request);
        let own = &caller.facts.terms.written;
        let wishes = Wishes::of(&head.headers, own, app.wishes)?;
        Ok(Call {
            id: id.clone(),
            created_at_ms,
            arrived,
            waits: Arc::clone(&waits),
            trace: None,
            seed,
            door,
            models: models(&request)?,
            preferences: preferences(&request)?,
            account: app.account.clone(),
            wants_metadata: wants_metadata(&head.headers),
            hedge: wishes.hedge,
            recovers: wishes.recovers,
            simulation: simulation(&head.headers),
            budgets: budgets(app, &caller, (&note, &request.metadata))?,
            caller: note,
            admission: admission(&head.headers)?,
            unpriced: app.unpriced_of(&caller.facts.key.workspace_id),
            free_needs_money: app.billing.free_needs_money,
            member_id: caller.facts.key.creator_user_id.clone(),
            conversation: OnceLock::new(),
            body,
            request,
        })
    };
    let call = read
        .await
        .map_err(|error| Rescue::of_call(error, id.clone()))?;
    let standing = pass_gate(app, &caller, &call, spoken.dialect).await?;
    Ok(Arrived {
        call,
        standing,
        headers: head.headers,
        io_logging: caller.facts.terms.written.io_logging,
    })
}

/// Takes the content of a call, where somebody wants it kept or wants to be told it, and nobody forbids
/// it. For requests in a
/// provider's own API, `dialect` is that of their bodies.
pub(crate) fn taking(
    app: &App,
    call: &Call,
    own: Option<bool>,
    dialect: Dialect,
) -> Option<Taking> {
    if content::is_never_kept(&call.preferences, call.account.as_deref()) {
        return None;
    }
    let asked = content::Asked {
        id: &call.id,
        caller: &call.caller,
        own,
        created_at_ms: call.created_at_ms,
        dialect,
        body: &call.body,
    };
    let listener = app.broadcast.listen(&call.id, &call.caller);
    app.content.take(&asked, listener)
}

/// What of a call's time is ours.
pub(crate) struct OwnTime {
    arrived: Instant,
    waits: Arc<Waits>,
}

impl OwnTime {
    /// That of a call.
    pub(crate) fn of(call: &Call) -> Self {
        Self {
            arrived: call.arrived,
            waits: Arc::clone(&call.waits),
        }
    }

    /// Says how long it was until now, in the head of the answer.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let own = self.waits.own_since(self.arrived).as_micros();
        reply::put(headers, OVERHEAD, &own.to_string());
    }
}

async fn relayed(app: &Arc<App>, request: Request, spoken: Spoken) -> Answer {
    let Arrived {
        mut call,
        standing,
        headers,
        io_logging,
    } = arrive(app, request, spoken).await?;
    if let Some(tracer) = &app.tracer {
        tracer.begin(&mut call, &headers);
    }
    let (id, created_at_ms) = (call.id.clone(), call.created_at_ms);
    let (dialect, stream_type) = (
        call.request.needs.dialect,
        call.door.stream_type(&call.request),
    );
    let asked = Asked::of(&headers, &call, app);
    if let Some(told) = asked.and_then(|asked| told_again::find(app, &asked, &call)) {
        let taking = taking(app, &call, io_logging, dialect);
        let mut response = told_again::answer(app, call, (told, taking)).await;
        reply::name_generation(response.headers_mut(), dialect, &id);
        standing.describe(response.headers_mut(), dialect, created_at_ms);
        return Ok(response);
    }
    let keeping = asked.map(|asked| app.response_cache.watch(&id, &asked));
    let own_time = OwnTime::of(&call);
    app.caches.arrive(&cache_health::Asked {
        id: &call.id,
        caller: &call.caller,
        model: call.models.first().map_or("", String::as_str),
        cache_key: call.request.prompt_cache_key.as_deref(),
        body: &call.body,
    });
    let mut taking = taking(app, &call, io_logging, dialect);
    app.metrics.in_flight.up(); // down again when the call is settled
    match app.relay.relay(call).await {
        Ok(reply) => {
            let mut response = respond(reply, (dialect, stream_type), (taking, keeping));
            if let Some(asked) = &asked {
                describe_miss(response.headers_mut(), asked);
            }
            own_time.tell(response.headers_mut());
            reply::name_generation(response.headers_mut(), dialect, &id);
            standing.describe(response.headers_mut(), dialect, created_at_ms);
            Ok(response)
        }
        Err(error) => {
            // Settled already, unless the call never came as far as a record.
            app.gate.settle(&id, 0, app.clock.now_ms());
            app.caches.forget(&id);
            app.broadcast.forget(&id);
            if let Some(taking) = &mut taking {
                taking.fail(&error);
            }
            let mut headers = HeaderMap::new();
            own_time.tell(&mut headers);
            Err(Rescue::of_call(error, id).with_headers(headers))
        }
    }
}

/// Answers how many tokens the prompt of a request is: free of charge, and without a record.
///
/// # Errors
/// Whatever went wrong, to be told in the dialect of the door.
pub(crate) async fn count(app: &Arc<App>, request: Request, spoken: Spoken) -> Answer {
    let dialect = spoken.dialect;
    let counted = async {
        let Arrived { call, standing, .. } = arrive(app, request, spoken).await?;
        let counted = app.relay.count_tokens(&call).await;
        app.gate.settle(&call.id, 0, app.clock.now_ms());
        let counted = counted.map_err(Rescue::from)?;
        let body = call.door.write_count(counted.tokens);
        let mut response = reply::json_bytes(StatusCode::OK, body);
        let headers = response.headers_mut();
        reply::put(headers, TOKEN_COUNT, counted.by.name());
        standing.describe(headers, dialect, call.created_at_ms);
        Ok(response)
    };
    counted
        .await
        .map_err(|rescue: Rescue| rescue.in_dialect(dialect))
}

/// Counts a call against its rate limits. What lets it in is counted out when it is settled.
pub(crate) async fn pass_gate(
    app: &App,
    caller: &Caller,
    call: &Call,
    dialect: Dialect,
) -> Result<Standing, Rescue> {
    let key = &caller.facts.key;
    if let Some(velocity) = &app.velocity
        && velocity.is_over(key.hash.as_str())
    {
        let message = format!("This API key is frozen: {}", velocity.reason());
        let error = Error::caller(Kind::PermissionDenied, message);
        return Err(Rescue::of_call(error, call.id.clone()));
    }
    let catalog = app.catalog.load();
    let first = call.models.first().map_or("", String::as_str);
    let model = catalog.resolve(first).map(|resolved| resolved.model);
    let asker = Asker {
        workspace_id: &key.workspace_id,
        key_hash: key.hash.as_str(),
        model: model.map_or("", |model| model.slug.as_str()),
        is_free: model.is_some_and(|model| model.variant.as_deref() == Some("free")),
        prompt_tokens: call.request.needs.prompt_tokens,
        own: &caller.facts.terms.rules,
    };
    let now_ms = call.created_at_ms;
    let admitted = app.gate.admit(&call.id, &asker, now_ms).await;
    admitted.map_err(|refused| {
        app.metrics.rate_limited.add(1);
        Rescue::of_call(refused.error(), call.id.clone())
            .with_headers(refused.headers(dialect, now_ms))
    })
}

/// The budgets that a call falls under. With prepaid billing its workspace's balance is among them,
/// or there is no call.
pub(crate) fn budgets(
    app: &App,
    caller: &Caller,
    (note, metadata): (&CallerNote, &[(String, String)]),
) -> Result<Vec<Arc<Budget>>, Error> {
    let index = app.budgets.load();
    if app.billing.mode == BillingMode::Prepaid
        && index
            .by_id(&balance_budget_id(&note.workspace_id))
            .is_none()
    {
        let message = "Insufficient credits. This workspace was never granted any";
        return Err(Error::caller(Kind::PaymentRequired, message));
    }
    Ok(index.covering(&CallFacts {
        workspace_id: &note.workspace_id,
        member_id: caller.facts.key.creator_user_id.as_deref(),
        key_hash: &note.key_hash,
        app: note.http_referer.as_deref(),
        end_user: note.external_user.as_deref(),
        metadata,
        is_byok: false,
    }))
}
