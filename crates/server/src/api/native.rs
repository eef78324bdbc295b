//! `/native/{provider}/…`: a provider's own API, with our key swapped for its credential.
//!
//! Nothing is translated and nothing stamped: the bytes are the provider's in both directions. The
//! call passes limits and budgets and is recorded like any other where its usage can be read. What
//! generates nothing that can be metered (files, lists, batches) costs nothing here, and so, unless
//! it only reads or deletes, it is refused to callers whose money is bounded.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use catalog::provider::Connection;
use catalog::{Catalog, Endpoint, Provider};
use chat::{Dialect, Error, Kind};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, Method};
use ledger::GenerationId;
use relay::{AdmissionPolicy, Call, Hedge, Native, NativeReply, Waits};
use tokio::time::Instant;
use wire::Incoming;
use wire::native::{Metered, metered};

use super::inference::{OwnTime, budgets, pass_gate, taking};
use super::new_call::mint;
use super::request_head::{note, simulation};
use crate::app::App;
use crate::body::{self, Pieces};
use crate::caller::{self, Caller};
use crate::config::native::NativeAccess;
use crate::content::{Form, Taking};
use crate::reply::{self, Answer, GENERATION_ID, Rescue};

/// Headers that end here: they are about this hop, about us, or hold the caller's key.
const OURS: &[&str] = &[
    "accept-encoding",
    "api-key",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-api-key",
    "x-goog-api-key",
];

/// Beginnings of names of headers that end here.
const OUR_PREFIXES: [&str; 3] = ["x-forwarded-", "x-openrouter-", "x-waybill-"];

/// Headers of a provider's answer that end here: about the hop, or not for our callers to keep.
const THEIRS: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "set-cookie",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Answers any method on `/native/{provider}/{*path}`.
pub async fn pass(
    State(app): State<Arc<App>>,
    Path((provider, _)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let arrived = Instant::now();
    let created_at_ms = app.clock.now_ms();
    let (head, body) = request.into_parts();
    let caller = {
        let keyring = app.keyring.load();
        let caller = caller::identify(&head.headers, &keyring, created_at_ms)?;
        caller::may_call(&caller)?;
        caller
    };
    let rest = rest(&head.uri, &provider);
    let found = metered(path_of(&rest)).filter(|_| head.method == Method::POST);
    let dialect = found
        .as_ref()
        .map_or(Dialect::OpenaiChat, |found| found.body);
    let told = |error: Error| Rescue::from(error).in_dialect(dialect);
    may_pass(&app, found.as_ref()).map_err(told)?;
    if !app.recorder.has_room() {
        return Err(told(reply::storage_trouble("the journal is nearly full")));
    }
    let catalog = app.catalog.load_full();
    let provider = usable(&catalog, &provider).map_err(told)?;
    let waits = Arc::new(Waits::default());
    let reading = body::read(&head.headers, body, app.body_bytes_max, app.request_body);
    let body = waits.during(reading).await.map_err(told)?;
    let asked = Asked {
        method: head.method,
        rest,
        headers: head.headers,
        found,
        body,
    };
    let (id, seed) = mint(created_at_ms)?;
    let prepared = prepare(&caller, &catalog, (provider, asked));
    let of_call = |error: Error| Rescue::of_call(error, id.clone()).in_dialect(dialect);
    let prepared = prepared.map_err(of_call)?;
    let beginning = Beginning {
        id: id.clone(),
        seed,
        arrived,
        waits,
        created_at_ms,
    };
    let (mut call, native) = call(&app, &caller, prepared, beginning).map_err(of_call)?;
    bounded(&call, &native).map_err(of_call)?;
    let standing = pass_gate(&app, &caller, &call, dialect).await?;
    if let Some(tracer) = &app.tracer {
        tracer.begin(&mut call, &native.headers);
    }
    let own_time = OwnTime::of(&call);
    let (taking, form) = taken(&app, &caller, &call, &native).unzip();
    app.metrics.in_flight.up(); // down again when the call is settled
    match app.relay.pass_on(call, native).await {
        Ok(reply) => {
            let mut response = respond(reply, taking.zip(form));
            own_time.tell(response.headers_mut());
            reply::put(response.headers_mut(), GENERATION_ID, id.as_str());
            standing.describe(response.headers_mut(), dialect, created_at_ms);
            Ok(response)
        }
        Err(error) => {
            app.gate.settle(&id, 0, app.clock.now_ms());
            app.broadcast.forget(&id);
            Err(of_call(error))
        }
    }
}

/// When a call began, and what makes it this one.
struct Beginning {
    id: GenerationId,
    seed: u64,
    arrived: Instant,
    waits: Arc<Waits>,
    created_at_ms: i64,
}

fn call(
    app: &App,
    caller: &Caller,
    prepared: Prepared,
    beginning: Beginning,
) -> Result<(Call, Native), Error> {
    let Prepared {
        native,
        request,
        body,
        simulation,
        note,
    } = prepared;
    let door = wire::door(Dialect::OpenaiChat)
        .ok_or_else(|| Error::gateway(Kind::Server, "there is no door"))?;
    let call = Call {
        id: beginning.id,
        created_at_ms: beginning.created_at_ms,
        arrived: beginning.arrived,
        waits: beginning.waits,
        trace: None,
        seed: beginning.seed,
        door,
        models: request.model.iter().cloned().collect(),
        preferences: catalog::Preferences::default(),
        account: None,
        wants_metadata: false,
        hedge: Hedge::Never,
        recovers: false,
        simulation,
        budgets: budgets(app, caller, (&note, &request.metadata))?,
        caller: note,
        // The body is the caller's own: no limit of ours can be put into it.
        admission: Some(AdmissionPolicy::Reject),
        unpriced: app.unpriced_of(&caller.facts.key.workspace_id),
        free_needs_money: app.billing.free_needs_money,
        member_id: caller.facts.key.creator_user_id.clone(),
        conversation: OnceLock::new(),
        body,
        request,
    };
    Ok((call, native))
}

/// What was asked of a provider's own API.
struct Asked {
    method: Method,
    rest: String,
    headers: HeaderMap,
    found: Option<Metered>,
    body: Bytes,
}

/// What the relay needs to know of it.
struct Prepared {
    native: Native,
    request: Incoming,
    body: Bytes,
    simulation: HeaderMap,
    note: ledger::generation::CallerNote,
}

/// What stands behind the provider's name, exactly as it came: path and query.
fn rest(uri: &http::Uri, provider: &str) -> String {
    let whole = uri.path_and_query().map_or("/", |path| path.as_str());
    let marker = format!("/native/{provider}");
    let at = whole
        .find(&marker)
        .map_or(whole.len(), |at| at + marker.len());
    whole.get(at..).unwrap_or("/").to_owned()
}

fn path_of(rest: &str) -> &str {
    rest.split('?').next().unwrap_or(rest)
}

fn may_pass(app: &App, found: Option<&Metered>) -> Result<(), Error> {
    let is_open = match app.native {
        NativeAccess::All => true,
        NativeAccess::Metered => found.is_some(),
        NativeAccess::Off => false,
    };
    if is_open {
        return Ok(());
    }
    let message = "The operator of this gateway does not pass this on (setting native.access)";
    Err(Error::caller(Kind::PermissionDenied, message))
}

fn usable(catalog: &Catalog, name: &str) -> Result<Arc<Provider>, Error> {
    let Some(provider) = catalog.provider(name) else {
        let message = format!("There is no provider \"{name}\"; see GET /api/v1/providers");
        return Err(Error::caller(Kind::NotFound, message));
    };
    if provider.is_enabled() {
        return Ok(Arc::clone(provider));
    }
    let message = format!("This gateway has no credential for {}", provider.name);
    Err(Error::caller(Kind::NoEndpoints, message))
}

fn prepare(
    caller: &Caller,
    catalog: &Catalog,
    (provider, asked): (Arc<Provider>, Asked),
) -> Result<Prepared, Error> {
    let mut request = match &asked.found {
        Some(found) => wire::native::read(found, &asked.body),
        None => Incoming::default(),
    };
    let connection = connection(&provider, asked.found.as_ref())?;
    let model = request
        .model
        .get_or_insert_with(|| path_of(&asked.rest).trim_matches('/').to_owned())
        .clone();
    let endpoint = endpoint(catalog, &provider, &connection, &model);
    let url = wire::native::address(&connection.base_url, &asked.rest)
        .ok_or_else(|| Error::caller(Kind::InvalidRequest, "the path leaves the provider"))?;
    let note = note(caller, &asked.headers, &request);
    Ok(Prepared {
        native: Native {
            method: asked.method,
            url,
            headers: passed_on(&asked.headers),
            connection,
            endpoint,
            metered: asked.found.map(|found| found.body),
        },
        simulation: simulation(&asked.headers),
        request,
        body: asked.body,
        note,
    })
}

/// The connection over which a body of this dialect goes, else the provider's first.
fn connection(provider: &Provider, found: Option<&Metered>) -> Result<Connection, Error> {
    let model = found.and_then(|found| found.model.as_deref()).unwrap_or("");
    let takes = |connection: &&Connection| {
        found.is_some_and(|found| connection.dialect.bodies(model).contains(&found.body))
    };
    let connections = &provider.connections;
    let fitting = connections.iter().find(takes);
    fitting
        .or_else(|| connections.first())
        .cloned()
        .ok_or_else(|| Error::gateway(Kind::Server, "a provider without a connection"))
}

/// The endpoint that the catalog knows under the provider's own name of the model, or one without
/// prices that is made on the fly.
fn endpoint(
    catalog: &Catalog,
    provider: &Arc<Provider>,
    connection: &Connection,
    model: &str,
) -> Arc<Endpoint> {
    match catalog.served_as(&provider.slug, model) {
        Some(endpoint) => Arc::clone(endpoint),
        None => Arc::new(Endpoint::unlisted(provider, connection.dialect, model)),
    }
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let ends_here = |name: &HeaderName| {
        let name = name.as_str();
        OURS.contains(&name) || OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    };
    headers
        .iter()
        .filter(|(name, _)| !ends_here(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Where money is bounded, nothing may be bought that cannot be counted.
fn bounded(call: &Call, native: &Native) -> Result<(), Error> {
    let is_free = native.metered.is_some()
        || native.method.is_safe()
        || native.method == Method::DELETE
        || call.budgets.is_empty();
    if is_free {
        return Ok(());
    }
    let message = "This path of the provider's own API cannot be metered, and this key's spending \
                   is limited; use a key without budgets for it";
    Err(Error::caller(Kind::PermissionDenied, message))
}

/// Takes the content of a request that can be read, where its workspace wants that of those, too; and
/// how a stream of the answer would come.
fn taken(app: &App, caller: &Caller, call: &Call, native: &Native) -> Option<(Taking, Form)> {
    let key = &caller.facts.key;
    let body = native.metered?;
    if !app.content.policy_of(&key.workspace_id).with_native {
        return None;
    }
    let taking = taking(app, call, caller.facts.terms.written.io_logging, body)?;
    let framing = wire::lane::framing(native.connection.dialect, body);
    Some((taking, Form::Stream(body, framing)))
}

/// Whether an answer is a stream of frames.
fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| {
        kind.starts_with("text/event-stream") || kind.contains("vnd.amazon.eventstream")
    })
}

fn respond(reply: NativeReply, taken: Option<(Taking, Form)>) -> Response {
    let taking = taken.map(|(mut taking, form)| {
        if is_stream(&reply.headers) {
            taking.comes_as(form);
        }
        taking
    });
    let pieces = Pieces::new(reply.body).taken_by(taking);
    let mut response = Body::new(pieces).into_response();
    *response.status_mut() = reply.status;
    let headers = reply.headers.iter();
    let kept = headers.filter(|(name, _)| !THEIRS.contains(&name.as_str()));
    for (name, value) in kept {
        response.headers_mut().append(name.clone(), value.clone());
    }
    response
}
