//! The floor: a plain reverse proxy out of the libraries that Waybill is made of, and of nothing else (docs/performance.md).
//!
//! It has the same runtime, server, router, client and allocator, set in the same way, and passes bytes on: no key, no
//! JSON, no record. What it costs beyond nginx is the libraries', and what Waybill costs beyond it is ours.

use std::io::{Write as _, stdin, stdout};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::uri::{Authority, InvalidUriParts, Parts, Scheme};
use http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use super::child::Child;
use super::room::Room;

/// The word that starts this program in this role.
pub(crate) const ROLE: &str = "floor";
const START: Duration = Duration::from_secs(10);

// What Waybill sets as well, each to the value that it has there.
const REQUEST_HEAD: Duration = Duration::from_secs(75);
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
const IDLE_PER_HOST_MAX: usize = 1024;
const KEEPALIVE: Duration = Duration::from_secs(30);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What concerns one connection only, and is not passed on.
const HOP_BY_HOP: [HeaderName; 2] = [header::CONNECTION, header::TRANSFER_ENCODING];

/// Passes bytes on until standard input ends, which it does when the bench ends in whatever way.
pub(crate) fn play(upstream: SocketAddr) -> Result<()> {
    // As many workers as Waybill has for calls.
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    writeln!(stdout(), "http://{}", listener.local_addr()?)?;
    stdout().flush()?;
    let way = Way::new(upstream)?;
    runtime.spawn(serve(listener, way));
    // The runtime's own threads serve while this one waits.
    std::io::copy(&mut stdin(), &mut std::io::sink())?;
    runtime.shutdown_background();
    Ok(())
}

/// The way to the only provider.
#[derive(Clone)]
struct Way {
    client: Client<HttpConnector, Body>,
    upstream: Authority,
}

impl Way {
    fn new(upstream: SocketAddr) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_keepalive(Some(KEEPALIVE));
        Ok(Self {
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
                .build(connector),
            upstream: Authority::try_from(upstream.to_string())?,
        })
    }

    fn to(&self, uri: &Uri) -> Result<Uri, InvalidUriParts> {
        let mut parts = Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.upstream.clone());
        parts.path_and_query = uri.path_and_query().cloned();
        Uri::from_parts(parts)
    }
}

async fn serve(listener: TcpListener, way: Way) {
    let router = Router::new().fallback(forward).with_state(way);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_HEAD);
    let connections = TaskTracker::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, builder.clone(), router.clone()));
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn converse(stream: TcpStream, builder: http1::Builder, router: Router) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request: http::Request<Incoming>| {
        let mut router = router.clone();
        async move { router.call(request.map(Body::new)).await }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    // However a connection ends, its caller sees it, and the generator counts it.
    let _: Result<(), _> = connection.await;
}

async fn forward(State(way): State<Way>, request: Request) -> Response {
    let answer = pass_on(&way, request).await;
    answer.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response())
}

async fn pass_on(way: &Way, mut request: Request) -> Result<Response> {
    *request.uri_mut() = way.to(request.uri())?;
    without_hop_by_hop(request.headers_mut());
    let mut answer = way.client.request(request).await?;
    without_hop_by_hop(answer.headers_mut());
    Ok(answer.map(Body::new))
}

fn without_hop_by_hop(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Its process, and where it listens.
pub(crate) struct Floor {
    pub(crate) child: Child,
    pub(crate) addr: SocketAddr,
}

impl Floor {
    /// Starts it in front of the simulator.
    pub(crate) async fn start(upstream: SocketAddr, room: &Room) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut command = Command::new(program);
        command.args([ROLE, "--upstream", &upstream.to_string()]);
        let mut child = Child::start("the libraries alone", command, &room.file("floor.log"))?;
        let addr = child.address(START).await?;
        Ok(Self { child, addr })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Method;
    use simulator::Simulator;

    use super::*;
    use crate::load::line::Line;
    use crate::load::order::{Form, Naming, Order, Subject, Way as Direction, Workload};
    use crate::world::gateway::look;

    /// A floor in front of somebody, in this process.
    async fn open(upstream: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        TaskTracker::new().spawn(serve(listener, Way::new(upstream).unwrap()));
        addr
    }

    fn workload(script: &str, body_bytes: usize, form: Form) -> Workload {
        Workload {
            name: "test",
            model: String::new(),
            script: script.to_owned(),
            body_bytes,
            form,
            way: Direction::Chat,
        }
    }

    #[tokio::test]
    async fn whole_calls_long_ones_and_streams_pass_through_as_they_are() {
        let simulator = Simulator::start("127.0.0.1:0").await.unwrap();
        let addr = open(simulator.addr()).await;
        let subject = Subject::new("floor", addr, "/v1", Naming::Script);
        let mut line = Line::open(subject.addr).await.unwrap();
        for (workload, chunks) in [
            (workload("tokens=128", 1024, Form::Whole), 0),
            (workload("tokens=128", 500_000, Form::Whole), 0),
            (workload("chunks=20", 1024, Form::Stream { chunks: 20 }), 20),
        ] {
            let order = Arc::new(Order::new(&subject, &workload).unwrap());
            let seen = line.call(&order, |_| ()).await.unwrap();
            assert!(seen.chunks >= chunks, "{} chunks", seen.chunks);
        }
        let asked = simulator.ledger().entries();
        assert_eq!(asked.len(), 3);
        simulator.shutdown().await;
    }

    #[tokio::test]
    async fn a_provider_that_is_away_is_told_as_such() {
        let nobody = super::super::address::free_address().unwrap();
        let addr = open(nobody).await;
        let (status, _) = look(addr, (Method::GET, "/v1/models")).await.unwrap();
        assert_eq!(status, StatusCode::BAD_GATEWAY);
    }
}
