//! AWS Signature Version 4, for the service `bedrock`, and for objects in buckets.
//!
//! Source: AWS, "Create a signed AWS API request", as of 2026, and the published test suite, which
//! the tests hold this to. Every path segment is encoded twice (once in the address, once more
//! here), as all services but S3 want it: this is what a model id with `:` or `/` stands or falls by.

use bytes::Bytes;
use catalog::provider::Auth;
use chat::Error;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, RANGE};
use http::{Request, Uri};
use http_body_util::Full;
use jiff::Timestamp;
use ring::{digest, hmac};

use super::credential::{Credential, Malformed, Object};
use super::{header, refused};
use crate::Secret;

/// The name under which Bedrock's requests are signed, its runtime's included.
const SERVICE: &str = "bedrock";

/// The name under which buckets are asked.
const OBJECT_SERVICE: &str = "s3";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const SECURITY_TOKEN: &str = "x-amz-security-token";
const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// Keys of an AWS account.
#[derive(Debug, Clone)]
pub struct Keys {
    access_key_id: Box<str>,
    secret_access_key: Secret,
    session_token: Option<Secret>,
    region: Option<Box<str>>,
}

impl Keys {
    pub(super) fn read(object: &Object) -> Result<Self, Malformed> {
        Ok(Self {
            access_key_id: object.required("accessKeyId")?,
            secret_access_key: Secret::new(object.required("secretAccessKey")?),
            session_token: object.optional("sessionToken")?.map(Secret::new),
            region: object.optional("region")?,
        })
    }

    /// Keys for the objects of a bucket.
    #[must_use]
    pub fn new(id: &str, secret: Secret, session_token: Option<Secret>) -> Self {
        Self {
            access_key_id: id.into(),
            secret_access_key: secret,
            session_token,
            region: None,
        }
    }

    /// The keys in a secret: JSON with `accessKeyId` and `secretAccessKey`.
    ///
    /// # Errors
    /// When there are none in it.
    pub fn of_secret(secret: &Secret) -> Result<Self, Malformed> {
        match Credential::read(&Auth::SigV4, secret)? {
            Credential::SigV4(keys) => Ok(*keys),
            _ => Err(Malformed {
                line: None,
                message: "it holds no access key: {\"accessKeyId\": …, \"secretAccessKey\": …}"
                    .to_owned(),
            }),
        }
    }

    pub(super) fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    pub(super) const fn is_temporary(&self) -> bool {
        self.session_token.is_some()
    }
}

/// Signs a request as it is now.
///
/// # Errors
/// When nobody says which region it is for, or a key cannot stand in a header.
pub(super) fn sign(
    request: &mut Request<Full<Bytes>>,
    keys: &Keys,
    body: &[u8],
    now_ms: i64,
) -> Result<(), Error> {
    let host = host(request.uri()).ok_or_else(|| refused("the address has no host"))?;
    let region = region_of(&host)
        .or(keys.region())
        .ok_or_else(|| refused("no region is known: put \"region\" into the credential"))?
        .to_owned();
    sign_as((SERVICE, &region), request, keys, (body, now_ms))
}

/// Signs a request about an object. S3 wants the path encoded once only, so the path must have nothing
/// in it that would have to be encoded.
///
/// # Errors
/// When a key cannot stand in a header.
pub fn sign_object(
    request: &mut Request<Full<Bytes>>,
    (keys, region): (&Keys, &str),
    body: &[u8],
    now_ms: i64,
) -> Result<(), Error> {
    let hash = sha256(body);
    header::put(request.headers_mut(), CONTENT_SHA256, &hash)?;
    sign_as((OBJECT_SERVICE, region), request, keys, (body, now_ms))
}

fn sign_as(
    (service, region): (&str, &str),
    request: &mut Request<Full<Bytes>>,
    keys: &Keys,
    (body, now_ms): (&[u8], i64),
) -> Result<(), Error> {
    let host = host(request.uri()).ok_or_else(|| refused("the address has no host"))?;
    let time = time(now_ms).ok_or_else(|| refused("the clock shows an impossible time"))?;
    let text = |text: &str| HeaderValue::from_str(text).map_err(|_| refused("no header value"));
    request.headers_mut().insert(HOST, text(&host)?);
    request.headers_mut().insert(AMZ_DATE, text(&time)?);
    if let Some(token) = &keys.session_token {
        header::put(request.headers_mut(), SECURITY_TOKEN, token.expose())?;
    }
    let canonical = Canonical {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: signed_headers(request),
        body,
        is_path_as_it_is: service == OBJECT_SERVICE,
    };
    let scope = Scope {
        time: &time,
        region,
        service,
    };
    let authorization = authorization(keys, &scope, &canonical);
    header::put(request.headers_mut(), "authorization", &authorization)
}

/// The headers that a signature covers, in order. Others may be changed on the way by proxies.
fn signed_headers(request: &Request<Full<Bytes>>) -> Vec<(String, String)> {
    let is_amazons = |name: &str| name.starts_with("x-amz-") || name.starts_with("x-amzn-bedrock-");
    let is_signed = |name: &HeaderName| {
        name == HOST || name == CONTENT_TYPE || name == RANGE || is_amazons(name.as_str())
    };
    let mut headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .filter(|(name, _)| is_signed(name))
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), value.into_owned())
        })
        .collect();
    headers.sort();
    headers
}

/// The host as the client writes it: with its port unless that is the scheme's own.
fn host(uri: &Uri) -> Option<String> {
    let host = uri.host()?;
    let usual = match uri.scheme_str() {
        Some("http") => 80,
        _ => 443,
    };
    Some(match uri.port_u16() {
        Some(port) if port != usual => format!("{host}:{port}"),
        _ => host.to_owned(),
    })
}

/// The region in a host of AWS: the label after the service's.
fn region_of(host: &str) -> Option<&str> {
    let mut labels = host
        .split('.')
        .skip_while(|label| !label.starts_with(SERVICE));
    let (_, region) = (labels.next()?, labels.next()?);
    labels.any(|label| label == "amazonaws").then_some(region)
}

/// `20150830T123600Z`.
fn time(now_ms: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(now_ms).ok()?;
    Some(time.strftime("%Y%m%dT%H%M%SZ").to_string())
}

/// What a signature is for, besides the request.
struct Scope<'a> {
    time: &'a str,
    region: &'a str,
    service: &'a str,
}

/// The parts of a request that are signed.
struct Canonical<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    /// Names in lower case, in order.
    headers: Vec<(String, String)>,
    body: &'a [u8],
    /// Buckets alone take the path as it stands in the address.
    is_path_as_it_is: bool,
}

/// The value of the `Authorization` header.
fn authorization(keys: &Keys, scope: &Scope<'_>, canonical: &Canonical<'_>) -> String {
    let date = scope.time.get(..8).unwrap_or_default();
    let place = format!("{date}/{}/{}/aws4_request", scope.region, scope.service);
    let names = canonical.names();
    let hash = sha256(canonical.text(&names).as_bytes());
    let to_sign = format!("{ALGORITHM}\n{}\n{place}\n{hash}", scope.time);
    let first = format!("AWS4{}", keys.secret_access_key.expose());
    let key = [date, scope.region, scope.service, "aws4_request"]
        .iter()
        .fold(first.into_bytes(), |key, part| hmac_sha256(&key, part));
    let signature = hex::encode(hmac_sha256(&key, &to_sign));
    format!(
        "{ALGORITHM} Credential={}/{place}, SignedHeaders={names}, Signature={signature}",
        keys.access_key_id
    )
}

impl Canonical<'_> {
    fn names(&self) -> String {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.join(";")
    }

    fn text(&self, names: &str) -> String {
        let headers: String = self
            .headers
            .iter()
            .map(|(name, value)| {
                let words: Vec<&str> = value.split_ascii_whitespace().collect();
                format!("{name}:{}\n", words.join(" "))
            })
            .collect();
        let path = if self.is_path_as_it_is {
            self.path.to_owned()
        } else {
            canonical_path(self.path)
        };
        let query = canonical_query(self.query);
        let body = sha256(self.body);
        format!(
            "{}\n{path}\n{query}\n{headers}\n{names}\n{body}",
            self.method
        )
    }
}

/// The path without `.`, `..` and empty segments, each segment encoded (again).
fn canonical_path(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let mut canonical: String = kept
        .iter()
        .map(|segment| format!("/{}", encoded(segment.as_bytes())))
        .collect();
    if canonical.is_empty() || path.ends_with('/') {
        canonical.push('/');
    }
    canonical
}

/// The pairs of a query in order, each encoded once however it was written.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(&decoded(name)), encoded(&decoded(value))))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn encoded(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *byte == b'%');
        let value = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(value.unwrap_or(*byte));
        rest = match value {
            Some(_) => &after[2..],
            None => after,
        };
    }
    out
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The credential and time of AWS's published test suite.
    const ID: &str = "AKIDEXAMPLE";
    const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const TIME: &str = "20150830T123600Z";

    fn keys(session_token: Option<&str>) -> Keys {
        Keys {
            access_key_id: ID.into(),
            secret_access_key: Secret::new(KEY),
            session_token: session_token.map(Secret::new),
            region: None,
        }
    }

    /// One case of the suite: what is asked for, further headers, the body, names and signature.
    struct Case {
        name: &'static str,
        method: &'static str,
        address: &'static str,
        headers: &'static [(&'static str, &'static str)],
        body: &'static str,
        signature: &'static str,
    }

    const GET: Case = Case {
        name: "get-vanilla",
        method: "GET",
        address: "/",
        headers: &[],
        body: "",
        signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    };

    const SUITE: &[Case] = &[
        GET,
        Case {
            name: "get-vanilla-query-order-key-case",
            address: "/?Param2=value2&Param1=value1",
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ..GET
        },
        Case {
            name: "get-vanilla-empty-query-key",
            address: "/?Param1=value1",
            signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
            ..GET
        },
        Case {
            name: "get-vanilla-query-unreserved",
            address: "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            signature: "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
            ..GET
        },
        Case {
            name: "get-unreserved",
            address: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
            ..GET
        },
        Case {
            name: "get-utf8",
            address: "/\u{1234}",
            signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
            ..GET
        },
        Case {
            name: "get-space",
            address: "/example space/",
            signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
            ..GET
        },
        Case {
            name: "get-slash-dot-slash, get-relative and get-slashes",
            address: "//example/.././/",
            ..GET
        },
        Case {
            name: "get-header-value-trim",
            headers: &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ..GET
        },
        Case {
            name: "post-vanilla",
            method: "POST",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ..GET
        },
        Case {
            name: "post-x-www-form-urlencoded",
            method: "POST",
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: "Param1=value1",
            signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ..GET
        },
    ];

    #[test]
    fn the_published_test_suite_is_signed_as_published() {
        for case in SUITE {
            let (path, query) = case.address.split_once('?').unwrap_or((case.address, ""));
            let own = [("host", "example.amazonaws.com"), ("x-amz-date", TIME)];
            let mut headers: Vec<(String, String)> = own
                .iter()
                .chain(case.headers)
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            headers.sort();
            let canonical = Canonical {
                method: case.method,
                path,
                query,
                headers,
                body: case.body.as_bytes(),
                is_path_as_it_is: false,
            };
            let scope = Scope {
                time: TIME,
                region: "us-east-1",
                service: "service",
            };
            let made = authorization(&keys(None), &scope, &canonical);
            let names = canonical.names();
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential={ID}/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders={names}, Signature={}",
                case.signature
            );
            assert_eq!(made, expected, "{}", case.name);
        }
    }

    /// The first example of AWS, "Examples: Signature Calculations" of the S3 API reference.
    #[test]
    fn a_request_to_a_bucket_is_signed_as_published() {
        let keys = Keys {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session_token: None,
            region: None,
        };
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = Uri::from_static("https://examplebucket.s3.amazonaws.com/test.txt");
        request
            .headers_mut()
            .insert(RANGE, HeaderValue::from_static("bytes=0-9"));
        sign_object(&mut request, (&keys, "us-east-1"), b"", 1_369_353_600_000).unwrap();
        let signed = request.headers()["authorization"].to_str().unwrap();
        let signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        assert!(signed.ends_with(signature), "{signed}");
    }

    #[test]
    fn what_amazon_is_told_in_headers_cannot_be_changed_on_the_way() {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = Uri::from_static("https://bedrock-runtime.eu-west-1.amazonaws.com/");
        for name in [
            "x-amzn-bedrock-guardrailidentifier",
            "x-amzn-trace-id",
            "accept",
        ] {
            let value = HeaderValue::from_static("said");
            request.headers_mut().insert(name, value);
        }
        sign(&mut request, &keys(None), b"", 1_440_938_160_000).unwrap();
        let signed = request.headers()["authorization"].to_str().unwrap();
        let names = "SignedHeaders=host;x-amz-date;x-amzn-bedrock-guardrailidentifier,";
        assert!(signed.contains(names), "{signed}");
    }

    #[test]
    fn a_region_is_found_in_the_hosts_of_aws_only() {
        for (host, expected) in [
            ("bedrock-runtime.us-east-1.amazonaws.com", Some("us-east-1")),
            (
                "bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
                Some("us-gov-west-1"),
            ),
            (
                "bedrock-runtime.cn-north-1.amazonaws.com.cn",
                Some("cn-north-1"),
            ),
            (
                "vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com",
                Some("eu-west-1"),
            ),
            ("bedrock.internal.example", None),
            ("127.0.0.1:9", None),
        ] {
            assert_eq!(region_of(host), expected, "{host}");
        }
    }

    #[test]
    fn times_have_amazons_form() {
        assert_eq!(time(1_440_938_160_999).as_deref(), Some(TIME));
        assert_eq!(time(i64::MAX), None);
    }
}
