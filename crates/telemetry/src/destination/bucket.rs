//! A bucket as destination: an object for each trace.

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;

use super::kind::Kind;
use super::parcel::{JSON, Parcel, plain, put, wrong};
use super::settings::{Mistake, Settings};
use crate::call::Told;

/// The object that tells whether anybody is there.
pub(super) const TEST_OBJECT: &str = "waybill-connection-test.json";

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

/// `{prefix}/{date}/{traceId}-{timestamp}.json`, as the destination's template has it.
pub(super) fn object_name(
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

pub(super) fn object(
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
