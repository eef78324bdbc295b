//! The accept loop: connections in, one service for all of them, a bounded drain at the end.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
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
    /// For the head of a request to arrive.
    pub request_head: Duration,
    /// For what is in flight to end after the signal to stop.
    pub drain: Duration,
}

/// Pause after a failed accept (out of file descriptors): long enough for one to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Streams of one HTTP/2 connection at once.
const HTTP2_STREAMS_MAX: u32 = 256;

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
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(manners.request_head);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX);
    let builder = Arc::new(builder);
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
        let (builder, stop) = (Arc::clone(&builder), stop.clone());
        connections.spawn(async move {
            converse(stream, &builder, router, desk, stop).await;
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
    builder: &Builder<TokioExecutor>,
    router: Router,
    desk: Handle,
    stop: CancellationToken,
) {
    // A small frame of a stream must leave at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, desk) = (router.clone(), desk.clone());
        async move { Ok::<_, std::convert::Infallible>(answer(request, router, desk).await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
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
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => "; another program listens there: use --listen",
            _ => "",
        };
        std::io::Error::new(
            error.kind(),
            format!("cannot listen on {address}: {error}{hint}"),
        )
    })
}
