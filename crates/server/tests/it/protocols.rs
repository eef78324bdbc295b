//! HTTP/1.1 and HTTP/2 at one door, told apart by the first bytes of a connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use server::listen::{self, Manners};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest wait for anything: only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(10);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A door of its own, before a service that names the protocol it is asked in.
struct Door {
    addr: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
    /// A call has begun, and may end.
    begun: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Door {
    async fn open(request_head: Duration) -> Self {
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let notes = (Arc::clone(&begun), Arc::clone(&go_on));
        let wait = async move || {
            notes.0.notify_one();
            notes.1.notified().await;
            "to the end"
        };
        let router = Router::new()
            .route("/", get(async |version: Version| format!("{version:?}")))
            .route(
                "/v1/chat/completions",
                post(move || {
                    let wait = wait.clone();
                    async move { wait().await }
                }),
            );
        let listener = listen::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let manners = Manners {
            connections_max: 10,
            request_head,
            drain: PATIENCE,
        };
        let stop = CancellationToken::new();
        let door = listen::serve(listener, router, Handle::current(), manners, stop.clone());
        let served = TaskTracker::new().spawn(door);
        Self {
            addr,
            stop,
            served,
            begun,
            go_on,
        }
    }

    async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    async fn speak_http1(&self) -> http1::SendRequest<Full<Bytes>> {
        let io = TokioIo::new(self.connect().await);
        let (sender, connection) = http1::handshake(io).await.unwrap();
        TaskTracker::new().spawn(connection);
        sender
    }

    async fn speak_http2(&self) -> http2::SendRequest<Full<Bytes>> {
        let io = TokioIo::new(self.connect().await);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        TaskTracker::new().spawn(connection);
        sender
    }

    fn ask(&self, path: &str) -> Request<Full<Bytes>> {
        let method = if path == "/" { "GET" } else { "POST" };
        Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.addr))
            .header("host", self.addr.to_string())
            .body(Full::default())
            .unwrap()
    }

    /// Stops while a call is under way: it ends well, and then so does the door.
    async fn stops_after(
        self,
        call: impl Future<Output = hyper::Result<http::Response<Incoming>>> + Send + 'static,
    ) {
        let call = TaskTracker::new().spawn(call);
        within(self.begun.notified()).await;
        self.stop.cancel();
        self.go_on.notify_one();
        assert_eq!(text(call.await.unwrap().unwrap()).await, "to the end");
        within(self.served).await.unwrap();
    }
}

async fn within<T>(wanted: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wanted).await.unwrap()
}

async fn text(answer: http::Response<Incoming>) -> String {
    let body = within(answer.into_body().collect()).await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn one_door_serves_both_protocols_call_after_call() {
    let door = Door::open(PATIENCE).await;
    let mut older = door.speak_http1().await;
    let mut newer = door.speak_http2().await;
    for _ in 0..3 {
        let answer = within(older.send_request(door.ask("/"))).await.unwrap();
        assert_eq!(text(answer).await, "HTTP/1.1");
        let answer = within(newer.send_request(door.ask("/"))).await.unwrap();
        assert_eq!(text(answer).await, "HTTP/2.0");
    }
}

#[tokio::test]
async fn a_preface_that_comes_byte_by_byte_is_one() {
    let door = Door::open(PATIENCE).await;
    let mut stream = door.connect().await;
    for byte in PREFACE.chunks(1) {
        stream.write_all(byte).await.unwrap();
        // So that the server sees parts of it.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let empty_settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream.write_all(&empty_settings).await.unwrap();
    let mut head = [0; 9];
    within(stream.read_exact(&mut head)).await.unwrap();
    assert_eq!(head[3], 4, "the server's settings come first: {head:?}");
}

#[tokio::test]
async fn what_only_begins_like_a_preface_is_http1_as_soon_as_it_differs() {
    let door = Door::open(PATIENCE).await;
    let mut stream = door.connect().await;
    // A method of somebody's, cut where it still could become a preface.
    for part in [
        "PRI",
        " /nowhere HTTP/1.1\r\nhost: x\r\n",
        "connection: close\r\n\r\n",
    ] {
        stream.write_all(part.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[tokio::test]
async fn who_says_nothing_or_only_a_part_of_a_preface_is_let_go() {
    let door = Door::open(Duration::from_millis(100)).await;
    for said in ["", "PRI * HT"] {
        let mut stream = door.connect().await;
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // However it is closed: the end of it, or a reset because something was left unread.
        let _: Result<usize, _> = within(stream.read_to_end(&mut answer)).await;
        assert!(answer.is_empty(), "{said:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_silent_connection_does_not_keep_the_server_from_stopping() {
    let door = Door::open(PATIENCE * 2).await;
    let _silent = door.connect().await;
    let mut older = door.speak_http1().await;
    within(older.send_request(door.ask("/"))).await.unwrap();
    door.stop.cancel();
    within(door.served).await.unwrap();
}

#[tokio::test]
async fn a_call_over_http1_ends_before_the_server_does() {
    let door = Door::open(PATIENCE).await;
    let mut sender = door.speak_http1().await;
    let request = door.ask("/v1/chat/completions");
    door.stops_after(async move { sender.send_request(request).await })
        .await;
}

#[tokio::test]
async fn a_call_over_http2_ends_before_the_server_does() {
    let door = Door::open(PATIENCE).await;
    let mut sender = door.speak_http2().await;
    let request = door.ask("/v1/chat/completions");
    door.stops_after(async move { sender.send_request(request).await })
        .await;
}
