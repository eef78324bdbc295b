//! Connections to providers: when they are used again, and what comes of those that break.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use relay::upstream::UpstreamBody;
use relay::{HttpUpstream, SendError, Upstream as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

const PATIENCE: Duration = Duration::from_secs(10);
/// Made for these tests; it opens nothing.
const CERTIFICATE: &str = include_str!("throwaway-certificate.pem");
const ITS_KEY: &str = include_str!("throwaway-certificate-key.pem");

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const TWO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A provider that answers every request with the same octets.
struct Plain {
    address: String,
    opened: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl Plain {
    /// `answers`: how many requests a connection answers before the provider closes it.
    async fn start(answer: &str, answers: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (opened, closed) = (Arc::default(), Arc::default());
        let plain = Self {
            address,
            opened: Arc::clone(&opened),
            closed: Arc::clone(&closed),
        };
        let (answer, tasks) = (answer.to_owned(), TaskTracker::new());
        TaskTracker::new().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                opened.fetch_add(1, Ordering::Relaxed);
                let (answer, closed) = (answer.clone(), Arc::clone(&closed));
                tasks.spawn(async move {
                    converse(stream, &answer, answers).await;
                    closed.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        plain
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// Waits until so many of its connections are over.
    async fn wait_for_closed(&self, count: usize) {
        let closed = async {
            while self.closed.load(Ordering::Relaxed) < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.unwrap();
    }

    fn request(&self) -> Request<Full<Bytes>> {
        Request::post(format!("http://{}/v1", self.address))
            .body(Full::from("a question?"))
            .unwrap()
    }
}

async fn converse(mut stream: TcpStream, answer: &str, answers: usize) {
    let mut asked = Vec::new();
    for _ in 0..answers {
        while !asked.ends_with(b"a question?") {
            if !matches!(stream.read_buf(&mut asked).await, Ok(1..)) {
                return;
            }
        }
        asked.clear();
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    if answers == usize::MAX {
        // Until the other side closes it.
        let _ = stream.read_buf(&mut asked).await;
    }
}

fn client() -> HttpUpstream {
    HttpUpstream::new(PATIENCE).unwrap()
}

async fn text(body: UpstreamBody) -> Result<String, String> {
    let body = tokio::time::timeout(PATIENCE, body.collect())
        .await
        .unwrap();
    let octets = body.map_err(|error| error.to_string())?.to_bytes();
    Ok(String::from_utf8(octets.to_vec()).unwrap())
}

async fn ask(client: &HttpUpstream, plain: &Plain) -> Result<String, String> {
    text(client.send(plain.request()).await.unwrap().into_body()).await
}

#[tokio::test]
async fn a_connection_is_used_again_when_its_answer_was_read_to_the_end() {
    for answer in [
        TWO.to_owned(),
        format!("{CHUNKED}1\r\no\r\n1\r\nk\r\n0\r\n\r\n"),
        format!("HTTP/1.1 100 Continue\r\n\r\n{TWO}"),
    ] {
        let (plain, client) = (Plain::start(&answer, usize::MAX).await, client());
        for _ in 0..3 {
            assert_eq!(ask(&client, &plain).await.as_deref(), Ok("ok"));
        }
        assert_eq!(plain.opened(), 1, "{answer}");
        // The idle one is closed with the client.
        drop(client);
        plain.wait_for_closed(1).await;
    }
}

#[tokio::test]
async fn a_connection_is_not_used_again_when_either_side_says_so_or_it_says_too_much() {
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok".to_owned(),
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned(),
        format!("{TWO}HTTP/1.1 200 OK"),
        format!("{CHUNKED}2\r\nok\r\n0\r\n\r\nmore"),
    ] {
        let (plain, client) = (Plain::start(&answer, usize::MAX).await, client());
        assert_eq!(ask(&client, &plain).await.as_deref(), Ok("ok"));
        plain.wait_for_closed(1).await;
        assert_eq!(ask(&client, &plain).await.as_deref(), Ok("ok"));
        assert_eq!(plain.opened(), 2, "{answer}");
    }
    let (plain, client) = (Plain::start(TWO, usize::MAX).await, client());
    let mut request = plain.request();
    request
        .headers_mut()
        .insert("connection", "close".parse().unwrap());
    let answer = client.send(request).await.unwrap();
    assert_eq!(text(answer.into_body()).await.as_deref(), Ok("ok"));
    plain.wait_for_closed(1).await;
}

#[tokio::test]
async fn one_that_was_closed_while_it_was_idle_is_replaced() {
    let (plain, client) = (Plain::start(TWO, 1).await, client());
    for asked in 1..=3 {
        assert_eq!(ask(&client, &plain).await.as_deref(), Ok("ok"));
        plain.wait_for_closed(asked).await;
        // The end is on its way through the kernel and the runtime.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(plain.opened(), 3);
}

#[tokio::test]
async fn an_answer_that_is_dropped_closes_its_connection() {
    let half = format!("{CHUNKED}2\r\nok\r\n");
    let (plain, client) = (Plain::start(&half, usize::MAX).await, client());
    let mut body = client.send(plain.request()).await.unwrap().into_body();
    let piece = body.frame().await.unwrap().unwrap();
    assert_eq!(piece.into_data().unwrap(), "ok");
    drop(body);
    plain.wait_for_closed(1).await;
}

#[tokio::test]
async fn chunks_that_come_together_stay_apart() {
    let answer = format!("{CHUNKED}3\r\nhel\r\n2\r\nlo\r\n1\r\n!\r\n0\r\n\r\n");
    let (plain, client) = (Plain::start(&answer, usize::MAX).await, client());
    let mut body = client.send(plain.request()).await.unwrap().into_body();
    for expected in ["hel", "lo", "!"] {
        let piece = body.frame().await.unwrap().unwrap();
        assert_eq!(piece.into_data().unwrap(), expected);
    }
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_and_one_without_a_length_ends_with_its_connection() {
    for (answer, expected) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok".to_owned(),
            None,
        ),
        (format!("{CHUNKED}2\r\nok\r\n"), None),
        (format!("{CHUNKED}2\r\nok\r\n0\r\n"), None),
        (format!("{CHUNKED}2\r\nokay"), None),
        ("HTTP/1.1 200 OK\r\n\r\nok".to_owned(), Some("ok")),
        ("HTTP/1.1 200 OK\r\n\r\n".to_owned(), Some("")),
    ] {
        let (plain, client) = (Plain::start(&answer, 1).await, client());
        let read = ask(&client, &plain).await;
        assert_eq!(read.as_deref().ok(), expected, "{answer}");
    }
}

#[tokio::test]
async fn what_is_no_answer_breaks_the_call() {
    for answer in ["", "hello\r\n\r\n", "HTTP/1.1 200 OK\r\nconte"] {
        let (plain, client) = (Plain::start(answer, 1).await, client());
        let error = client.send(plain.request()).await.unwrap_err();
        assert!(matches!(error, SendError::Broken(_)), "{error}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let request = Request::get(format!("http://{address}/")).body(Full::default());
    let error = client().send(request.unwrap()).await.unwrap_err();
    assert!(matches!(error, SendError::Connect(_)), "{error}");
}

/// A provider that refuses before it has read the whole request.
#[tokio::test]
async fn an_early_answer_is_heard_while_the_request_is_still_being_sent() {
    const LONG: usize = 32 * 1024 * 1024;
    for is_closed in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let refusing = TaskTracker::new().spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut some = [0; 64];
            let _ = stream.read(&mut some).await.unwrap();
            let refusal = "HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nlong";
            stream.write_all(refusal.as_bytes()).await.unwrap();
            if is_closed {
                stream.shutdown().await.unwrap();
            }
            stream
        });
        let body = Full::from(vec![b'a'; LONG]);
        let request = Request::post(format!("http://{address}/")).body(body);
        let client = client();
        let sending = client.send(request.unwrap());
        let answer = tokio::time::timeout(PATIENCE, sending).await.unwrap();
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(text(answer.into_body()).await.as_deref(), Ok("long"));
        drop(refusing.await.unwrap());
    }
}

#[tokio::test]
async fn a_long_request_and_a_long_answer_come_whole() {
    const LONG: usize = 3 * 1024 * 1024;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let echoing = TaskTracker::new().spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        let begins = loop {
            stream.read_buf(&mut asked).await.unwrap();
            if let Some(end) = asked.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        while asked.len() < begins + LONG {
            stream.read_buf(&mut asked).await.unwrap();
        }
        stream.write_all(CHUNKED.as_bytes()).await.unwrap();
        for piece in asked[begins..].chunks(100_000) {
            let size = format!("{:x}\r\n", piece.len());
            let chunk = [size.as_bytes(), piece, b"\r\n"].concat();
            stream.write_all(&chunk).await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        stream
    });
    let said: Vec<u8> = (0..LONG).map(|place| b'a' + (place % 23) as u8).collect();
    let client = client();
    let request = Request::post(format!("http://{address}/")).body(Full::from(said.clone()));
    let answer = client.send(request.unwrap()).await.unwrap();
    let heard = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(heard == said, "{} octets came", heard.len());
    drop(echoing.await.unwrap());
}

/// A provider under TLS, whose certificate only a client that is told of it trusts.
fn under_tls() -> (TlsAcceptor, HttpUpstream) {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(ITS_KEY.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = HttpUpstream::trusting(roots, PATIENCE).unwrap();
    (TlsAcceptor::from(Arc::new(config)), client)
}

#[tokio::test]
async fn long_bodies_travel_under_tls_and_the_connection_stays() {
    const LONG: usize = 1024 * 1024;
    let (acceptor, client) = under_tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let echoing = TaskTracker::new().spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        for _ in 0..3 {
            let mut asked = Vec::new();
            while !asked.ends_with(b"the end") {
                assert!(stream.read_buf(&mut asked).await.unwrap() > 0);
            }
            let said = asked.split_off(asked.len() - LONG);
            let head = format!("{CHUNKED}{LONG:x}\r\n");
            let answer = [head.as_bytes(), &said, b"\r\n0\r\n\r\n"].concat();
            stream.write_all(&answer).await.unwrap();
        }
        // The client closes it.
        stream.read_u8().await.is_err()
    });
    let mut said = vec![b'a'; LONG];
    said[LONG - 7..].copy_from_slice(b"the end");
    let said = Bytes::from(said);
    for _ in 0..3 {
        let request = Request::post(format!("https://localhost:{port}/v1"));
        let request = request.body(Full::new(said.clone())).unwrap();
        let answer = client.send(request).await.unwrap();
        let heard = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(heard == said, "{} octets came", heard.len());
    }
    drop(client);
    assert!(echoing.await.unwrap());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_spoken_to() {
    let (acceptor, _) = under_tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = TaskTracker::new().spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.is_err()
    });
    let request = Request::get(format!("https://localhost:{port}/")).body(Full::default());
    let error = client().send(request.unwrap()).await.unwrap_err();
    assert!(matches!(error, SendError::Connect(_)), "{error}");
    assert!(serving.await.unwrap());
}
