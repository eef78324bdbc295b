//! A call's spans as the request of a kind of destination.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use jiff::Timestamp;
use ledger::decimal;
use serde_json::{Value as Json, json};

use super::kind::{Body, Kind};
use super::settings::{Mistake, Settings};
use crate::call::Told;
use crate::otlp::{self, Teller};
use crate::span::{Attributes, Span, SpanKind, Value};

/// In which region buckets are, unless a destination says.
const REGION: &str = "us-east-1";

/// The keys that a request to a bucket is signed with. Not printable.
#[derive(Clone)]
pub struct Bucket {
    /// The region.
    pub region: String,
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
    /// Of keys that end.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// One request, ready but for the signature of a bucket's.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The request.
    pub request: Request<Full<Bytes>>,
    /// Its body once more, for signing.
    pub body: Bytes,
    /// The keys to sign it with, where it goes to a bucket.
    pub bucket: Option<Bucket>,
}

/// The requests that tell a destination of these calls, each with the name of its key; of none, the one
/// that asks whether anybody is there.
///
/// # Errors
/// When the settings make no request.
pub fn parcels(
    kind: &Kind,
    settings: &Settings,
    (calls, teller): (&[(Told, String)], &Teller),
) -> Result<Vec<Parcel>, Mistake> {
    let teller = with_resource(kind, settings, teller)?;
    let spans = || {
        let spans = calls.iter().flat_map(|(told, key_name)| {
            let mut spans = told.spans();
            if let Some(first) = spans.first_mut() {
                let attributes = std::mem::take(&mut first.attributes);
                first.attributes = attributes.maybe_text("waybill.key.name", Some(key_name));
            }
            spans
        });
        spans.collect::<Vec<Span>>()
    };
    let one =
        |body: Vec<u8>, media_type| Ok(vec![request(kind, settings, (body.into(), media_type))?]);
    match kind.body() {
        Body::Otlp => one(
            otlp::traces::request(&teller, &spans()),
            "application/x-protobuf",
        ),
        Body::OtlpJson if calls.is_empty() => {
            one(otlp::json::empty().to_string().into_bytes(), JSON)
        }
        Body::OtlpJson => {
            let body = otlp::json::request(&teller, &spans());
            one(body.to_string().into_bytes(), JSON)
        }
        Body::Event => {
            let key = settings.meaning(kind, "apiKey").unwrap_or_default();
            let events: Vec<Json> = calls.iter().map(|(told, name)| event(told, name)).collect();
            let body = json!({ "api_key": key, "batch": events });
            one(body.to_string().into_bytes(), JSON)
        }
        Body::Rows => {
            let lines = spans()
                .into_iter()
                .map(|span| row(&span).to_string() + "\n");
            one(
                lines.collect::<String>().into_bytes(),
                "application/x-ndjson",
            )
        }
        Body::Object => {
            let mut parcels = Vec::new();
            for (told, key_name) in calls {
                let body = otlp::json::request(&teller, &told.spans());
                let name = object_name(kind, settings, (told, key_name))?;
                parcels.push(object(kind, settings, (&name, body.to_string()))?);
            }
            if calls.is_empty() {
                let body = otlp::json::empty().to_string();
                parcels.push(object(
                    kind,
                    settings,
                    ("waybill-connection-test.json", body),
                )?);
            }
            Ok(parcels)
        }
    }
}

const JSON: &str = "application/json";

fn wrong(what: &str) -> Mistake {
    Mistake {
        field: "config".to_owned(),
        what: what.to_owned(),
    }
}

fn with_resource(kind: &Kind, settings: &Settings, teller: &Teller) -> Result<Teller, Mistake> {
    let mut teller = teller.clone();
    for (name, template) in &kind.resource {
        let value = settings.filled(kind, template);
        let value = value.ok_or_else(|| wrong("a setting is missing"))?;
        let resource = std::mem::take(&mut teller.resource);
        teller.resource = resource.text(name.clone(), value);
    }
    Ok(teller)
}

/// The request to the address of a kind.
fn request(
    kind: &Kind,
    settings: &Settings,
    (body, media_type): (Bytes, &'static str),
) -> Result<Parcel, Mistake> {
    let url = settings.filled(kind, &kind.url);
    let mut url = url.ok_or_else(|| wrong("a setting is missing"))?;
    if let Some(path) = &kind.path
        && !url.trim_end_matches('/').ends_with(path.as_str())
    {
        url = format!("{}{path}", url.trim_end_matches('/'));
    }
    let method = match settings.meaning(kind, "method").as_deref() {
        Some("PUT") => Method::PUT,
        _ => Method::POST,
    };
    let is_test = body.is_empty();
    let mut request = plain(&url, method, &body)?;
    let headers = request.headers_mut();
    for (name, template) in &kind.headers {
        // A header whose setting is absent is left out.
        if let Some(text) = settings.filled(kind, template) {
            put(headers, name, &encoded(&text))?;
        }
    }
    for (name, value) in settings.headers() {
        put(headers, name, value)?;
    }
    if !is_test {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    Ok(Parcel {
        request,
        body,
        bucket: None,
    })
}

fn plain(url: &str, method: Method, body: &Bytes) -> Result<Request<Full<Bytes>>, Mistake> {
    let uri: Uri = url.parse().map_err(|_| wrong("its address is no URL"))?;
    let mut request = Request::new(Full::new(body.clone()));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    Ok(request)
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Mistake> {
    let cannot = || wrong("a header cannot be sent");
    let name: HeaderName = name.parse().map_err(|_| cannot())?;
    let mut value = HeaderValue::from_str(value).map_err(|_| cannot())?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// `Basic user:password` as HTTP wants it; everything else as it is.
fn encoded(text: &str) -> String {
    use base64::Engine as _;
    match text.strip_prefix("Basic ") {
        Some(pair) => {
            let engine = base64::engine::general_purpose::STANDARD;
            format!("Basic {}", engine.encode(pair))
        }
        None => text.to_owned(),
    }
}

// === Buckets ===

/// `{prefix}/{date}/{traceId}-{timestamp}.json`, as the destination's template has it.
fn object_name(
    kind: &Kind,
    settings: &Settings,
    (told, key_name): (&Told, &str),
) -> Result<String, Mistake> {
    let at_ms = told.generation.created_at_ms;
    let at = Timestamp::from_millisecond(at_ms).map_err(|_| wrong("no such time"))?;
    let template = settings.meaning(kind, "pathTemplate").unwrap_or_default();
    let prefix = settings.meaning(kind, "prefix").unwrap_or_default();
    let name = [
        ("{prefix}", prefix),
        ("{date}", at.strftime("%Y-%m-%d").to_string()),
        ("{year}", at.strftime("%Y").to_string()),
        ("{month}", at.strftime("%m").to_string()),
        ("{day}", at.strftime("%d").to_string()),
        ("{apiKeyName}", key_name.replace('/', "_")),
    ]
    .iter()
    .fold(template, |name, (variable, value)| {
        name.replace(variable, value)
    });
    Ok(format!("{name}/{}-{at_ms}.json", told.trace()))
}

fn object(
    kind: &Kind,
    settings: &Settings,
    (name, body): (&str, String),
) -> Result<Parcel, Mistake> {
    let of = |name: &str| settings.meaning(kind, name);
    let need = |name: &str| of(name).ok_or_else(|| wrong("a setting is missing"));
    let region = of("region").unwrap_or_else(|| REGION.to_owned());
    let bucket = named(&need("bucketName")?);
    let base = match of("endpoint") {
        Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
        None => format!("https://{bucket}.s3.{}.amazonaws.com", named(&region)),
    };
    let body = Bytes::from(body);
    let url = format!("{base}/{}", path_of(name));
    let mut request = plain(&url, Method::PUT, &body)?;
    for (name, value) in settings.headers() {
        put(request.headers_mut(), name, value)?;
    }
    request
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    Ok(Parcel {
        request,
        body,
        bucket: Some(Bucket {
            region,
            access_key_id: need("accessKeyId")?,
            secret_access_key: need("secretAccessKey")?,
            session_token: of("sessionToken"),
        }),
    })
}

/// A text with nothing in it that would have to be encoded in a path, so that an address and its
/// signature cannot differ.
fn named(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect()
}

fn path_of(name: &str) -> String {
    let segments = name
        .split('/')
        .filter(|part| !matches!(*part, "" | "." | ".."));
    segments.map(named).collect::<Vec<_>>().join("/")
}

// === Events and rows ===

/// `$ai_generation`, as product analytics has it.
fn event(told: &Told, key_name: &str) -> Json {
    let generation = &*told.generation;
    let caller = &generation.caller;
    let iso = |ms: i64| {
        Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |at| at.to_string())
    };
    let total = generation.charge.as_ref().ok().map(|bill| bill.total);
    let total = total.map(|total| decimal::format(i128::from(total.nanos()), 9));
    let distinct = caller
        .external_user
        .as_deref()
        .unwrap_or(generation.id.as_str());
    json!({
        "event": "$ai_generation",
        "distinct_id": distinct,
        "timestamp": iso(generation.created_at_ms),
        "properties": {
            "$ai_trace_id": told.trace().to_string(),
            "$ai_session_id": caller.session_id,
            "$ai_span_name": generation.model,
            "$ai_model": generation.model,
            "$ai_provider": generation.provider,
            "$ai_input_tokens": generation.usage.prompt_tokens(),
            "$ai_output_tokens": generation.usage.completion_tokens(),
            "$ai_latency": seconds(generation.total_ms),
            "$ai_http_status": generation.status,
            "$ai_is_error": generation.status >= 400,
            "$ai_total_cost_usd": total,
            "generation_id": generation.id.as_str(),
            "api_key_name": key_name,
        },
    })
}

/// Milliseconds as decimal seconds.
fn seconds(ms: u64) -> Json {
    let text = decimal::format(i128::from(ms), 3);
    text.parse::<f64>().map_or(Json::Null, Json::from)
}

/// A span as a row of a warehouse.
fn row(span: &Span) -> Json {
    let of = |name: &str| match span.attributes.get(name) {
        Some(Value::Text(text)) => Json::from(text.as_str()),
        Some(Value::Int(number)) => Json::from(*number),
        Some(Value::Texts(texts)) => texts.first().cloned().into(),
        Some(Value::Float(number)) => Json::from(*number),
        Some(Value::Flag(flag)) => Json::from(*flag),
        None => Json::Null,
    };
    let is_call = span.kind == SpanKind::Server;
    let duration_ms = span.end_ns.saturating_sub(span.start_ns) / 1_000_000;
    json!({
        "TRACE_ID": span.trace.to_string(),
        "SPAN_ID": span.id.to_string(),
        "TIMESTAMP": span.start_ns / 1_000_000,
        "MODEL": of("gen_ai.request.model"),
        "PROVIDER_NAME": of("gen_ai.provider.name"),
        "USER_ID": of("user.id"),
        "SESSION_ID": of("session.id"),
        "API_KEY_NAME": of("waybill.key.name"),
        "STATUS": if of("error.type").is_null() { "ok" } else { "error" },
        "SPAN_TYPE": if is_call { "GENERATION" } else { "SPAN" },
        "FINISH_REASON": of("gen_ai.response.finish_reasons"),
        "DURATION_MS": duration_ms,
        "PROMPT_TOKENS": of("gen_ai.usage.input_tokens"),
        "COMPLETION_TOKENS": of("gen_ai.usage.output_tokens"),
        "ATTRIBUTES": attributes(&span.attributes),
    })
}

/// All attributes as the text of one object.
fn attributes(attributes: &Attributes) -> String {
    let pairs = attributes.0.iter().map(|(name, value)| {
        let value = match value {
            Value::Text(text) => Json::from(text.as_str()),
            Value::Int(number) => Json::from(*number),
            Value::Float(number) => Json::from(*number),
            Value::Flag(flag) => Json::from(*flag),
            Value::Texts(texts) => Json::from(texts.clone()),
        };
        (name.to_string(), value)
    });
    Json::Object(pairs.collect()).to_string()
}
