//! What all doors do: read the body under a limit, mint the generation id, hand over to the relay,
//! and answer in the caller's dialect. It knows no provider and no model.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use bytes::Bytes;
use catalog::Preferences;
use chat::{Dialect, Error, Kind};
use http::header::{HeaderName, REFERER, USER_AGENT};
use http::{HeaderMap, StatusCode};
use ledger::generation::CallerNote;
use ledger::{Budget, CallFacts, GenerationId};
use relay::{AdmissionPolicy, Call, Hedge, Waits};
use store::balance_budget_id;
use tokio::time::Instant;
use wire::codec::Door;
use wire::{Beside, Incoming};

use crate::api::respond::respond;
use crate::api::told_again;
use crate::api::trace_note;
use crate::api::wishes::Wishes;
use crate::app::App;
use crate::body;
use crate::cache::{Asked, describe_miss};
use crate::cache_health;
use crate::caller::{self, Caller};
use crate::clock;
use crate::config::sections::BillingMode;
use crate::content::{self, Taking};
use crate::limits::{Asker, Standing};
use crate::reply::{self, Answer, Rescue};

/// In a request: what is to happen when the money does not reach, `clamp` or `reject`. In an answer:
/// on which ground a call with budgets was let in, `full`, `estimate` or `clamped=N`.
pub(super) const ADMISSION: HeaderName = HeaderName::from_static("x-waybill-admission");

/// Who counted the tokens of a prompt: `provider`, or `estimate` where nobody did.
const TOKEN_COUNT: HeaderName = HeaderName::from_static("x-waybill-token-count");

/// Our own time until the head of the answer, in microseconds.
const OVERHEAD: HeaderName = HeaderName::from_static("x-waybill-overhead-us");

const SIMULATE: HeaderName = HeaderName::from_static("x-simulate");

// As names, not as texts: each text that is looked up is read as a name first.
const REFERERS: [HeaderName; 3] = [
    HeaderName::from_static("http-referer"),
    REFERER,
    HeaderName::from_static("x-waybill-referer"),
];
const TITLES: [HeaderName; 3] = [
    HeaderName::from_static("x-openrouter-title"),
    HeaderName::from_static("x-waybill-title"),
    HeaderName::from_static("x-title"),
];
const SESSION_ID: HeaderName = HeaderName::from_static("x-session-id");
const METADATA: [HeaderName; 2] = [
    HeaderName::from_static("x-openrouter-metadata"),
    HeaderName::from_static("x-openrouter-experimental-metadata"),
];

/// The longest session id, characters. Source: `session_id` of the reference.
const SESSION_ID_MAX: usize = 256;

/// The longest of the other texts that go into a record, characters; what is longer is cut.
const NOTE_MAX: usize = 512;

/// How a request is spoken: the dialect of its path, and what it says beside its body.
pub(crate) struct Spoken {
    /// The dialect of the path.
    pub(crate) dialect: Dialect,
    /// Facts of the path and of a few headers.
    pub(crate) beside: Beside,
}

impl Spoken {
    /// A request at the door of a dialect.
    #[must_use]
    pub(crate) const fn new(dialect: Dialect, beside: Beside) -> Self {
        Self { dialect, beside }
    }

    fn door(&self) -> Result<&'static dyn Door, Error> {
        wire::door_beside(self.dialect, &self.beside)
            .ok_or_else(|| Error::gateway(Kind::Server, "a path speaks a dialect without a door"))
    }
}

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

/// A new generation id, and a seed for what is left to chance.
pub(crate) fn mint(now_ms: i64) -> Result<(GenerationId, u64), Error> {
    let random: [u8; 18] = clock::random().map_err(|error| {
        Error::gateway(Kind::Server, "no randomness").with_detail(error.to_string())
    })?;
    let (mut suffix, mut seed) = ([0; 10], [0; 8]);
    suffix.copy_from_slice(&random[..10]);
    seed.copy_from_slice(&random[10..]);
    Ok((GenerationId::new(now_ms, suffix), u64::from_le_bytes(seed)))
}

/// The models to try, as asked, the first one first.
fn models(request: &Incoming) -> Result<Vec<String>, Error> {
    let mut models: Vec<String> = Vec::with_capacity(1 + request.models.len());
    for model in request.model.iter().chain(&request.models) {
        if !models.contains(model) {
            models.push(model.clone());
        }
    }
    if models.is_empty() {
        let message = "No model was named: set \"model\", for example from GET /api/v1/models";
        return Err(Error::caller(Kind::InvalidRequest, message).with_field("model"));
    }
    Ok(models)
}

fn preferences(request: &Incoming) -> Result<Preferences, Error> {
    let mut preferences = match &request.provider {
        Some(value) => Preferences::read(value).map_err(|error| {
            Error::caller(Kind::InvalidRequest, error.to_string()).with_field(error.path)
        })?,
        None => Preferences::default(),
    };
    if let Some(route) = &request.route {
        preferences.take_route(route);
    }
    Ok(preferences)
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

/// What the caller wants to happen when the money does not reach.
fn admission(headers: &HeaderMap) -> Result<Option<AdmissionPolicy>, Error> {
    let Some(value) = headers.get(ADMISSION) else {
        return Ok(None);
    };
    match value.to_str().map(str::trim) {
        Ok("clamp") => Ok(Some(AdmissionPolicy::Clamp)),
        Ok("reject") => Ok(Some(AdmissionPolicy::Reject)),
        _ => {
            let message = "X-Waybill-Admission is neither \"clamp\" nor \"reject\"";
            Err(Error::caller(Kind::InvalidRequest, message).with_field("X-Waybill-Admission"))
        }
    }
}

/// Whether the caller asks how it was routed. The older name is still in use (contradiction 32 of
/// the digest).
fn wants_metadata(headers: &HeaderMap) -> bool {
    METADATA
        .iter()
        .filter_map(|name| headers.get(name))
        .any(|value| value.as_bytes().eq_ignore_ascii_case(b"enabled"))
}

/// Who calls, for the record.
pub(crate) fn note(caller: &Caller, headers: &HeaderMap, request: &Incoming) -> CallerNote {
    let text = |name: &HeaderName| {
        let value = headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty()).then(|| cut(value, NOTE_MAX))
    };
    let first = |names: &[HeaderName]| names.iter().find_map(text);
    CallerNote {
        workspace_id: caller.facts.key.workspace_id.clone(),
        key_hash: caller.facts.key.hash.as_str().to_owned(),
        http_referer: first(&REFERERS),
        app_title: first(&TITLES),
        user_agent: text(&USER_AGENT),
        session_id: request
            .session_id
            .clone()
            .or_else(|| text(&SESSION_ID))
            .map(|id| cut(&id, SESSION_ID_MAX)),
        external_user: request.user.as_deref().map(|user| cut(user, NOTE_MAX)),
        trace: trace_note::read(request.trace.as_ref(), headers).map(Box::new),
    }
}

fn cut(text: &str, characters_max: usize) -> String {
    text.chars().take(characters_max).collect()
}

/// What is meant for simulated providers; the relay shows it to no other.
pub(crate) fn simulation(headers: &HeaderMap) -> HeaderMap {
    let mut found = HeaderMap::new();
    if let Some(value) = headers.get(SIMULATE) {
        found.insert(SIMULATE, value.clone());
    }
    found
}

/// The body of a request that is to be explained, or relayed, as the relay wants it.
///
/// # Errors
/// When the request is not one.
pub(crate) fn read_call(
    app: &App,
    (body, spoken): (Bytes, Spoken),
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Call, Error> {
    let workspace_id = &caller.facts.key.workspace_id;
    let unpriced = app.unpriced_of(workspace_id);
    let call = internal_call(app, (body, spoken), CallerNote::default(), HeaderMap::new())?;
    Ok(Call {
        caller: note(caller, headers, &call.request),
        member_id: caller.facts.key.creator_user_id.clone(),
        unpriced,
        ..call
    })
}

/// A call without a key: it is explained, or made by ourselves.
///
/// # Errors
/// When the body is no request.
pub(crate) fn internal_call(
    app: &App,
    (body, spoken): (Bytes, Spoken),
    caller: CallerNote,
    simulation: HeaderMap,
) -> Result<Call, Error> {
    let created_at_ms = app.clock.now_ms();
    let (id, seed) = mint(created_at_ms)?;
    let door = spoken.door()?;
    let request = door.read_request(&body, spoken.beside)?;
    Ok(Call {
        id,
        created_at_ms,
        arrived: Instant::now(),
        waits: Arc::default(),
        trace: None,
        seed,
        door,
        models: models(&request)?,
        preferences: preferences(&request)?,
        account: app.account.clone(),
        wants_metadata: false,
        hedge: Hedge::Never,
        recovers: false,
        unpriced: app.unpriced_of(&caller.workspace_id),
        caller,
        simulation,
        budgets: Vec::new(),
        admission: None,
        free_needs_money: false,
        member_id: None,
        conversation: OnceLock::new(),
        body,
        request,
    })
}
