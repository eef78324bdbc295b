//! The accept loop: connections in, one service for all of them, a bounded drain at the end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use crate::reply;

/// How the door treats its connections.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// Connections at once.
    pub connections_max: usize,
    /// For the head of a request to arrive, and before it for its first bytes.
    pub request_head: Duration,
    /// For what is in flight to end after the signal to stop.
    pub drain: Duration,
}

/// Pause after a failed accept (out of file descriptors): long enough for one to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Streams of one HTTP/2 connection at once.
const HTTP2_STREAMS_MAX: u32 = 256;

/// What every HTTP/2 connection begins with (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Pause after a look at a part of a preface; every further one is twice as long.
const PREFACE_PAUSE: Duration = Duration::from_millis(1);

/// Both protocols, and how long a caller may take to choose one.
struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    choice: Duration,
}

impl Protocols {
    fn new(manners: Manners) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(manners.request_head);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(HTTP2_STREAMS_MAX);
        Self {
            http1,
            http2,
            choice: manners.request_head,
        }
    }
}

/// Serves until `stop`, then lets what is in flight end, for at most `manners.drain`.
///
/// Calls run here, on the runtime of the caller of this function; everything else runs on `desk`,
/// so that a report never takes a worker from a stream.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    desk: Handle,
    manners: Manners,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(manners.connections_max));
    let connections = TaskTracker::new();
    let protocols = Arc::new(Protocols::new(manners));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (router, desk) = (router.clone(), desk.clone());
        let (protocols, stop) = (Arc::clone(&protocols), stop.clone());
        connections.spawn(async move {
            converse(stream, &protocols, router, desk, stop).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(manners.drain, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = connections.len(),
            "stopped before every call had ended"
        );
    }
}

type Place = tokio::sync::OwnedSemaphorePermit;

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, Place)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            None
        }
    }
}

async fn converse(
    stream: TcpStream,
    protocols: &Protocols,
    router: Router,
    desk: Handle,
    stop: CancellationToken,
) {
    // A small frame of a stream must leave at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let is_http2 = tokio::select! {
        biased;
        told = tokio::time::timeout(protocols.choice, is_http2(&stream)) => match told {
            Ok(Ok(is_http2)) => is_http2,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a connection broke off before it said anything");
                return;
            }
            Err(_) => {
                tracing::debug!("a connection was closed that said nothing");
                return;
            }
        },
        () = stop.cancelled() => return,
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, desk) = (router.clone(), desk.clone());
        // On the heap while it works: hyper keeps room for it as long as the connection lives.
        Box::pin(async move { Ok::<_, Infallible>(answer(request, router, desk).await) })
    });
    let io = TokioIo::new(stream);
    let ended = if is_http2 {
        // On the heap, so that the many of the other kind do not carry room for it.
        let mut connection = Box::pin(protocols.http2.serve_connection(io, service));
        until_ended(connection.as_mut(), &stop).await
    } else {
        let connection = pin!(protocols.http1.serve_connection(io, service));
        until_ended(connection, &stop).await
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Whether a caller speaks HTTP/2, told by its first bytes. They are looked at and not taken: hyper would double its
/// buffer for as long as the connection lives if it were handed some of them (docs/performance.md).
async fn is_http2(stream: &TcpStream) -> io::Result<bool> {
    let (mut start, mut pause) = ([0; PREFACE.len()], PREFACE_PAUSE);
    loop {
        let seen = stream.peek(&mut start).await?;
        if seen == PREFACE.len() || seen == 0 || !PREFACE.starts_with(&start[..seen]) {
            return Ok(start == *PREFACE);
        }
        // A part of a preface: a further look does not wait for more of it, so we do.
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// Serves a connection; when the server stops, only what is in flight on it. It is borrowed: handed over, it
/// would have room in this future and in that of its owner.
async fn until_ended<C: GracefulConnection>(
    mut connection: Pin<&mut C>,
    stop: &CancellationToken,
) -> Result<(), C::Error> {
    tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

/// One request. A panic in it is caught, and takes nothing else with it.
async fn answer(request: Request<Incoming>, mut router: Router, desk: Handle) -> Response {
    let is_call = crate::router::is_call(request.method(), request.uri().path());
    let work = router.call(request.map(Body::new));
    let caught = if is_call {
        AssertUnwindSafe(work).catch_unwind().await.ok()
    } else {
        desk.spawn(work).await.ok()
    };
    match caught {
        Some(Ok(response)) => response,
        Some(Err(never)) => match never {},
        None => reply::after_panic(),
    }
}

/// Binds an address.
///
/// # Errors
/// When the address is in use or not ours; the message says so.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => "; another program listens there: use --listen",
            _ => "",
        };
        io::Error::new(
            error.kind(),
            format!("cannot listen on {address}: {error}{hint}"),
        )
    })
}
