//! Heads of messages in HTTP/1.1: a request's is written, an answer's is read.

use std::mem::MaybeUninit;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use http::{Method, StatusCode, Uri, Version, request, uri};
use httparse::ParserConfig;

use super::coding::Coding;

/// The longest head of an answer, octets.
pub(super) const HEAD_BYTES_MAX: usize = 256 * 1024;

/// Header fields of an answer.
const HEADERS_MAX: usize = 128;

/// Room for a request's head that is rarely outgrown, octets.
const USUAL_BYTES: usize = 512;

/// What came is no head that we understand.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Not even a head.
    #[error("the head of its answer is malformed: {0}")]
    Head(httparse::Error),
    /// One without an end.
    #[error("the head of its answer is too long")]
    TooLong,
    /// One with a field that cannot be.
    #[error("the head of its answer has a malformed field")]
    Field,
    /// One that says contradictory things about its body's length.
    #[error("the head of its answer has a malformed content-length")]
    Length,
    /// Another protocol is spoken from here on.
    #[error("it changed the protocol unasked")]
    Switched,
}

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// Never an interim one (1xx).
    pub status: StatusCode,
    /// HTTP/1.1 or HTTP/1.0.
    pub version: Version,
    /// As they came, those of one name in their order.
    pub headers: HeaderMap,
    /// How its body is delimited.
    pub(super) coding: Coding,
    /// Whether the connection may be used again when its body has ended.
    pub is_kept: bool,
}

/// Writes the head of a request with a body of this many octets.
pub(super) fn write(request: &request::Parts, body_bytes: usize) -> Bytes {
    let mut head = BytesMut::with_capacity(USUAL_BYTES);
    let path = request.uri.path_and_query();
    head.put_slice(request.method.as_str().as_bytes());
    head.put_u8(b' ');
    head.put_slice(path.map_or("/", uri::PathAndQuery::as_str).as_bytes());
    head.put_slice(b" HTTP/1.1\r\n");
    if !request.headers.contains_key(HOST) {
        put(&mut head, &HOST, host(&request.uri).as_bytes());
    }
    for (name, value) in &request.headers {
        // How long it is, is ours to say.
        if name != CONTENT_LENGTH && name != TRANSFER_ENCODING {
            put(&mut head, name, value.as_bytes());
        }
    }
    let expects_body = [Method::POST, Method::PUT, Method::PATCH].contains(&request.method);
    if body_bytes > 0 || expects_body {
        let length = HeaderValue::from(body_bytes);
        put(&mut head, &CONTENT_LENGTH, length.as_bytes());
    }
    head.put_slice(b"\r\n");
    head.freeze()
}

fn put(head: &mut BytesMut, name: &HeaderName, value: &[u8]) {
    head.put_slice(name.as_str().as_bytes());
    head.put_slice(b": ");
    head.put_slice(value);
    head.put_slice(b"\r\n");
}

/// What the `Host` field says of an address: its port only where it is not the scheme's own.
fn host(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    let own = match uri.scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    match uri.port_u16().filter(|port| *port != own) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Reads the head of the answer to a request with this method, once all of it has come, and says how many
/// octets it and those before it had: interim answers (1xx) are read over.
pub(super) fn read(octets: &[u8], asked: &Method) -> Result<Option<(Head, usize)>, Malformed> {
    let mut begins = 0;
    loop {
        let mut fields = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut []);
        let length = match ParserConfig::default().parse_response_with_uninit_headers(
            &mut parsed,
            &octets[begins..],
            &mut fields,
        ) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(Malformed::Head(error)),
        };
        begins += length;
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or(Malformed::Field)?;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Malformed::Switched);
        }
        if !status.is_informational() {
            let version = match parsed.version {
                Some(1) => Version::HTTP_11,
                _ => Version::HTTP_10,
            };
            let headers = headers(parsed.headers)?;
            return Ok(Some((
                understood((status, version), headers, asked)?,
                begins,
            )));
        }
    }
}

fn headers(fields: &[httparse::Header<'_>]) -> Result<HeaderMap, Malformed> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Malformed::Field)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| Malformed::Field)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// What a head says of the body and of the connection (RFC 9112, sections 6.3 and 9.3).
fn understood(
    (status, version): (StatusCode, Version),
    headers: HeaderMap,
    asked: &Method,
) -> Result<Head, Malformed> {
    let has_no_body = asked == Method::HEAD
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED;
    let length = length(&headers)?;
    let is_encoded = headers.contains_key(TRANSFER_ENCODING);
    let coding = if has_no_body {
        Coding::Length(0)
    } else if is_encoded && is_chunked(&headers) {
        Coding::CHUNKED
    } else {
        match length {
            Some(length) if !is_encoded => Coding::Length(length),
            _ => Coding::UntilClose,
        }
    };
    // One that says both could be told apart by others in another way.
    let is_ambiguous = is_encoded && length.is_some();
    let is_kept = version == Version::HTTP_11 && !is_ambiguous && !says(&headers, "close");
    Ok(Head {
        status,
        version,
        headers,
        coding,
        is_kept,
    })
}

/// Whether the last coding of a body is the one in chunks.
fn is_chunked(headers: &HeaderMap) -> bool {
    let last = headers.get_all(TRANSFER_ENCODING).iter().next_back();
    let codings = last.and_then(|value| value.to_str().ok());
    let last = codings.and_then(|codings| codings.rsplit(',').next());
    last.is_some_and(|coding| coding.trim().eq_ignore_ascii_case("chunked"))
}

/// The stated length of a body. Several statements have to agree.
fn length(headers: &HeaderMap) -> Result<Option<u64>, Malformed> {
    let mut stated = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for text in value.to_str().map_err(|_| Malformed::Length)?.split(',') {
            let text = text.trim();
            let is_number = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
            let length = is_number.then(|| text.parse().ok()).flatten();
            let length: u64 = length.ok_or(Malformed::Length)?;
            if stated.replace(length).is_some_and(|other| other != length) {
                return Err(Malformed::Length);
            }
        }
    }
    Ok(stated)
}

/// Whether a message's `Connection` fields have this word.
pub(super) fn says(headers: &HeaderMap, word: &str) -> bool {
    let values = headers.get_all(CONNECTION).iter();
    let mut words = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    words.any(|said| said.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn written(request: Request<()>, body_bytes: usize) -> String {
        let head = write(&request.into_parts().0, body_bytes);
        String::from_utf8(head.to_vec()).unwrap()
    }

    #[test]
    fn a_request_says_its_host_and_its_length() {
        let request = Request::post("https://example.com:8443/v1/chat?a=b")
            .header("accept", "text/event-stream")
            .header("content-length", "999")
            .header("transfer-encoding", "chunked");
        assert_eq!(
            written(request.body(()).unwrap(), 12),
            "POST /v1/chat?a=b HTTP/1.1\r\nhost: example.com:8443\r\naccept: text/event-stream\r\n\
             content-length: 12\r\n\r\n"
        );
        let request = Request::get("https://example.com:443").body(()).unwrap();
        assert_eq!(
            written(request, 0),
            "GET / HTTP/1.1\r\nhost: example.com\r\n\r\n"
        );
        let request = Request::post("http://[::1]:80/").header("host", "signed.example");
        assert_eq!(
            written(request.body(()).unwrap(), 0),
            "POST / HTTP/1.1\r\nhost: signed.example\r\ncontent-length: 0\r\n\r\n"
        );
    }

    fn answer(head: &str) -> (Coding, bool) {
        let head = format!("{head}\r\n\r\n");
        let (read, length) = read(head.as_bytes(), &Method::POST).unwrap().unwrap();
        assert_eq!(length, head.len());
        (read.coding, read.is_kept)
    }

    #[test]
    fn a_head_says_where_its_body_ends_and_whether_the_connection_stays() {
        for (head, coding, is_kept) in [
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 7",
                Coding::Length(7),
                true,
            ),
            (
                "HTTP/1.1 200\r\nContent-Length: 7, 7",
                Coding::Length(7),
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked",
                Coding::CHUNKED,
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked",
                Coding::CHUNKED,
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip",
                Coding::UntilClose,
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: Close",
                Coding::Length(7),
                false,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 7\r\ntransfer-encoding: chunked",
                Coding::CHUNKED,
                false,
            ),
            ("HTTP/1.1 200 OK", Coding::UntilClose, true),
            (
                "HTTP/1.0 200 OK\r\ncontent-length: 7",
                Coding::Length(7),
                false,
            ),
            ("HTTP/1.1 204 No Content", Coding::Length(0), true),
            (
                "HTTP/1.1 304 Not Modified\r\ncontent-length: 7",
                Coding::Length(0),
                true,
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1",
                Coding::Length(1),
                true,
            ),
        ] {
            assert_eq!(answer(head), (coding, is_kept), "{head}");
        }
    }

    #[test]
    fn the_answer_to_head_has_no_body() {
        let octets = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n";
        let (head, _) = read(octets, &Method::HEAD).unwrap().unwrap();
        assert_eq!(head.coding, Coding::Length(0));
        assert_eq!(head.headers[CONTENT_LENGTH], "7");
    }

    #[test]
    fn a_part_of_a_head_is_waited_for_and_nonsense_is_not() {
        let octets = b"HTTP/1.1 200 OK\r\nset-cookie: a\r\nset-cookie: b\r\n\r\n";
        for length in 0..octets.len() {
            assert!(read(&octets[..length], &Method::GET).unwrap().is_none());
        }
        let (head, _) = read(octets, &Method::GET).unwrap().unwrap();
        assert_eq!(head.headers.get_all("set-cookie").iter().count(), 2);
        for octets in [
            "HTTP/2 200 OK\r\n\r\n",
            "hello\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 7\r\ncontent-length: 8\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -7\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: +7\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        ] {
            assert!(read(octets.as_bytes(), &Method::GET).is_err(), "{octets}");
        }
    }
}
