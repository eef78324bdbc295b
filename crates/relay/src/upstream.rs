//! The only sockets to providers: a trait, and the real client behind it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ledger::books::BoxFuture;

/// Any error of a body or a connection.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a provider's answer.
pub type UpstreamBody = UnsyncBoxBody<Bytes, BoxError>;

/// Why a request could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection could be opened, so the provider has seen nothing.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection took too long to open.
    #[error("connecting took too long")]
    ConnectTimeout,
    /// The connection broke before an answer came; the provider may have begun to work.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// Whoever carries requests to providers.
pub trait Upstream: Send + Sync {
    /// Sends a request and waits for the head of its answer. Dropping the future cancels it.
    fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, SendError>>;
}

/// The real client: HTTP/1.1 connections, kept alive and pooled per scheme, host and port.
///
/// HTTP/1.1 on purpose: one stream per connection means that no stream waits for another one, that
/// a provider's limit of concurrent HTTP/2 streams cannot stall calls, and that dropping an answer
/// closes its connection, which is the cancellation every provider understands.
pub struct HttpUpstream {
    client: Client<Timed<HttpsConnector<HttpConnector>>, Full<Bytes>>,
}

/// Idle connections kept per host; above it they are closed after use.
const IDLE_PER_HOST_MAX: usize = 1024;

/// Idle connections are closed after this long: below the 60 s after which common load balancers
/// drop them, so that we rarely write into a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

impl HttpUpstream {
    /// A client whose connections take at most `connect` to open, TLS included.
    ///
    /// # Errors
    /// When the TLS library refuses its own defaults.
    pub fn new(connect: Duration) -> Result<Self, BoxError> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(Duration::from_secs(30)));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            })
            .with_no_client_auth();
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .build(Timed {
                connector: https,
                limit: connect,
            });
        Ok(Self { client })
    }
}

impl Upstream for HttpUpstream {
    fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, SendError>> {
        Box::pin(async move {
            let response = self.client.request(request).await.map_err(|error| {
                let text = chain(&error);
                if is_timeout(&error) {
                    SendError::ConnectTimeout
                } else if error.is_connect() {
                    SendError::Connect(text)
                } else {
                    SendError::Broken(text)
                }
            })?;
            Ok(response.map(|body| body.map_err(BoxError::from).boxed_unsync()))
        })
    }
}

/// A connector with a limit on everything it does: name look-up, TCP and TLS.
#[derive(Clone)]
struct Timed<C> {
    connector: C,
    limit: Duration,
}

impl<C> tower_service::Service<Uri> for Timed<C>
where
    C: tower_service::Service<Uri>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.connector.call(uri);
        let limit = self.limit;
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            }
        })
    }
}

/// Whether somewhere below an error a time limit ran out.
fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| {
        error
            .downcast_ref::<io::Error>()
            .is_some_and(|io| io.kind() == io::ErrorKind::TimedOut)
    })
}

/// An error with all of its causes, for the log.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
