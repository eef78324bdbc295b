//! The request to one endpoint: over which connection, in which lane, to which address.

use bytes::Bytes;
use catalog::endpoint::{Endpoint, Way};
use catalog::provider::{Connection, ProviderKind};
use chat::{Dialect, Error, Kind, Modality, Needs, Parameter, Parameters};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use http_body_util::Full;
use wire::address::{Destination, Operation, Place, address};
use wire::{Asked, GoesOn, Lane, Outgoing, Quirk, SENDABLE, Tap, Told, Written};

use crate::attempt::Asking;
use crate::call::Call;
use crate::failures;
use crate::relay::Relay;
use crate::routing::{Chosen, recover};

/// A request that is ready to be sent, and how its answer is to be read.
pub(crate) struct ToSend {
    pub(crate) request: Request<Full<Bytes>>,
    /// Request fields that could not be passed on.
    pub(crate) dropped: Vec<String>,
    pub(crate) lane: Lane,
    /// How the endpoint is asked to go on with an answer; absent where it begins one.
    goes_on: Option<GoesOn>,
}

impl ToSend {
    /// Who listens to the answer, and what its caller is told of it, where another endpoint may go on
    /// with it.
    pub(crate) fn tap(
        &self,
        asking: &Asking<'_>,
        endpoint: &Endpoint,
    ) -> (Box<dyn Tap>, Option<Told>) {
        let call = asking.call;
        if let (Some(told), Some(how)) = (asking.told, self.goes_on)
            && let Some(tap) = self.lane.tap_on(told, how)
        {
            return (tap, Some(told.clone()));
        }
        let asked = Asked {
            body: &call.body,
            request: &call.request,
            stamp: call.stamp(Some(endpoint), asking.sequence),
        };
        let told = recover::is_wanted(call).then(|| translation(call, endpoint));
        match told.flatten().and_then(|lane| lane.tap_told(&asked)) {
            Some((tap, told)) => (tap, Some(told)),
            None => (self.lane.tap(&asked), None),
        }
    }
}

/// Writes the request to one endpoint. With an output limit of ours the provider is told that one,
/// not the caller's.
///
/// # Errors
/// What cannot be said to this endpoint, or is wrong in its row.
pub(crate) async fn write(
    relay: &Relay,
    asking: &Asking<'_>,
    endpoint: &Endpoint,
) -> Result<ToSend, Error> {
    let call = asking.call;
    let (path, mut written, goes_on) = match asking.told {
        Some(told) => compose_on(call, told, endpoint, asking.output_limit)?,
        None => {
            let (path, written) = compose(call, endpoint, asking.output_limit)?;
            (path, written, None)
        }
    };
    let dropped = std::mem::take(&mut written.dropped);
    let written = (written, operation(call));
    let request = build(relay, call, (endpoint, &path), written, asking.chosen).await?;
    Ok(ToSend {
        request,
        dropped,
        lane: path.lane,
        goes_on,
    })
}

/// The lane of an answer that another endpoint may go on with.
fn translation(call: &Call, endpoint: &Endpoint) -> Option<Lane> {
    let needs = &call.request.needs;
    let way = endpoint.way_for(needs, SENDABLE)?;
    wire::translation(needs.dialect, way.dialect, way.body)
}

/// How an endpoint is asked to go on with what was said of the answer to a call; `None` where it would
/// begin another.
pub(crate) fn goes_on(call: &Call, endpoint: &Endpoint, said: &str) -> Option<GoesOn> {
    if said.trim_end().is_empty() {
        return Some(GoesOn::FROM_THE_START);
    }
    let path = path(call, endpoint).ok()?;
    let quirks = quirks(endpoint, &path.connection).ok()?;
    wire::goes_on(&quirks, &endpoint.upstream_model)
}

/// The request to go on with what was told.
fn compose_on(
    call: &Call,
    told: &Told,
    endpoint: &Endpoint,
    output_limit: Option<u64>,
) -> Result<(Path, Written, Option<GoesOn>), Error> {
    let cannot = || misconfigured(endpoint, "it cannot go on with an answer");
    let mut path = path(call, endpoint)?;
    path.lane = translation(call, endpoint).ok_or_else(cannot)?;
    let quirks = quirks(endpoint, &path.connection)?;
    let said = told.text().ok_or_else(cannot)?;
    let how = goes_on(call, endpoint, &said).ok_or_else(cannot)?;
    let outgoing = outgoing(endpoint, &path, &quirks, output_limit);
    let asked = (&call.body[..], &call.request);
    let written = path.lane.write_on(asked, &said, &outgoing)?;
    Ok((path, written, Some(how)))
}

/// What of a call could not be passed on to an endpoint.
///
/// # Errors
/// What cannot be said to this endpoint at all.
pub(crate) fn dropped(call: &Call, endpoint: &Endpoint) -> Result<Vec<String>, Error> {
    compose(call, endpoint, None).map(|(_, written)| written.dropped)
}

fn compose(
    call: &Call,
    endpoint: &Endpoint,
    output_limit: Option<u64>,
) -> Result<(Path, Written), Error> {
    let path = path(call, endpoint)?;
    let quirks = quirks(endpoint, &path.connection)?;
    let outgoing = outgoing(endpoint, &path, &quirks, output_limit);
    let written = path.lane.write((&call.body, &call.request), &outgoing)?;
    Ok((path, written))
}

/// Writes the question how many tokens a call's prompt is; `None` where an endpoint cannot be asked.
///
/// # Errors
/// As for [`write`].
pub(crate) async fn write_count(
    relay: &Relay,
    call: &Call,
    endpoint: &Endpoint,
    chosen: Option<&Chosen>,
) -> Result<Option<ToSend>, Error> {
    let path = path(call, endpoint)?;
    let quirks = quirks(endpoint, &path.connection)?;
    let outgoing = outgoing(endpoint, &path, &quirks, None);
    let asked = (&call.body[..], &call.request);
    let Some(mut written) = path.lane.write_count(asked, &outgoing)? else {
        return Ok(None);
    };
    let dropped = std::mem::take(&mut written.dropped);
    let written = (written, Operation::CountTokens);
    let request = build(relay, call, (endpoint, &path), written, chosen).await?;
    Ok(Some(ToSend {
        request,
        dropped,
        lane: path.lane,
        goes_on: None,
    }))
}

/// A request as an endpoint is to see it.
fn outgoing<'a>(
    endpoint: &'a Endpoint,
    path: &Path,
    quirks: &'a [&'static Quirk],
    output_limit: Option<u64>,
) -> Outgoing<'a> {
    Outgoing {
        dialect: path.connection.dialect,
        native_model: &endpoint.upstream_model,
        quirks,
        supported: Some(everything().minus(endpoint.declined)),
        output_limit,
        output_most: endpoint.max_completion_tokens,
    }
}

/// How a call gets to an endpoint: over which connection, with which body, in which lane.
struct Path {
    connection: Connection,
    body: Dialect,
    lane: Lane,
}

fn path(call: &Call, endpoint: &Endpoint) -> Result<Path, Error> {
    let needs = &call.request.needs;
    let find = || {
        let way = endpoint.way_for(needs, SENDABLE)?;
        let lane = match is_said_anew(needs, endpoint, way) {
            true => wire::translation(needs.dialect, way.dialect, way.body)?,
            false => wire::lane(needs.dialect, way.dialect, way.body)?,
        };
        Some(Path {
            connection: endpoint.connection(way.dialect)?,
            body: way.body,
            lane,
        })
    };
    find()
        .ok_or_else(|| misconfigured(endpoint, "it does not speak the dialect it was planned for"))
}

/// Whether a call goes to a speaker of its caller's own dialect who does not know all of it, and loses
/// nothing that must be said by being said anew: its bytes would be refused.
fn is_said_anew(needs: &Needs, endpoint: &Endpoint, way: Way) -> bool {
    way.body == needs.dialect
        && !needs.preferred.is_empty()
        && !endpoint.says(needs, way)
        && needs.features.minus(way.body.expresses()).is_empty()
}

/// Every parameter of the vocabulary.
fn everything() -> Parameters {
    Parameter::ALL.iter().copied().collect()
}

/// The rows of an endpoint's habits.
fn quirks(endpoint: &Endpoint, connection: &Connection) -> Result<Vec<&'static Quirk>, Error> {
    let unknown = |name: &str| misconfigured(endpoint, &format!("unknown quirk \"{name}\""));
    let names = connection.quirks.iter();
    names
        .map(|name| Quirk::from_name(name).ok_or_else(|| unknown(name)))
        .collect()
}

fn misconfigured(endpoint: &Endpoint, what: &str) -> Error {
    let message = format!("{} is misconfigured: {what}", endpoint.provider.name);
    failures::named(
        endpoint,
        Error::provider(Kind::ProviderUnavailable, message),
    )
}

/// What is asked for.
fn operation(call: &Call) -> Operation {
    let needs = &call.request.needs;
    if needs.output.contains(Modality::Embeddings) {
        Operation::Embed
    } else if needs.output.contains(Modality::Rerank) {
        Operation::Rerank
    } else if needs.stream {
        Operation::Stream
    } else {
        Operation::Generate
    }
}

fn unsendable(endpoint: &Endpoint, header: &str) -> Error {
    let message = format!("the header {header} has characters that cannot be sent");
    failures::named(endpoint, Error::caller(Kind::InvalidRequest, message))
}

async fn build(
    relay: &Relay,
    call: &Call,
    (endpoint, path): (&Endpoint, &Path),
    (written, operation): (Written, Operation),
    chosen: Option<&Chosen>,
) -> Result<Request<Full<Bytes>>, Error> {
    let connection = &path.connection;
    let secret = chosen.and_then(Chosen::secret);
    let account = secret.and_then(|secret| relay.signer.account(&connection.auth, secret));
    let uri = address(&Destination {
        dialect: connection.dialect,
        body: path.body,
        base_url: &connection.base_url,
        native_model: &endpoint.upstream_model,
        operation,
        place: account
            .as_ref()
            .map_or_else(Place::default, |account| Place {
                project: account.project(),
                location: account.region(),
            }),
    })
    .map_err(|error| misconfigured(endpoint, &error.to_string()))?;
    let uri: Uri = uri
        .parse()
        .map_err(|_| misconfigured(endpoint, "its base_url is no URL"))?;
    let mut request = Request::new(Full::new(written.body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("waybill/", env!("CARGO_PKG_VERSION"))),
    );
    let accept = if operation == Operation::Stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    if endpoint.provider.kind == Some(ProviderKind::Simulated) {
        headers.extend(call.simulation.clone());
    }
    if let Some(trace) = &call.trace
        && operation != Operation::CountTokens
    {
        let attempt = (&*endpoint.tag, chosen.and_then(Chosen::label));
        trace.tell(&call.id, attempt, headers);
    }
    for (name, value) in written.headers {
        let value = HeaderValue::from_str(&value).map_err(|_| unsendable(endpoint, name))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    if let Some(secret) = secret {
        let signer = &relay.signer;
        let signed = signer.sign(&connection.auth, secret, &mut request, &written.body);
        let named = |error| failures::named(endpoint, error);
        signed.await.map_err(named)?;
    }
    Ok(request)
}
