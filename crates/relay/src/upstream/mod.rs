//! The only sockets to providers: a trait, and the real client behind it.

mod answer;
mod coding;
pub mod decoder;
mod exchange;
mod head;
mod line;
mod pool;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use ledger::books::BoxFuture;
use rustls::RootCertStore;

use self::answer::Body;
use self::exchange::{Failed, Sending, exchange};
use self::line::Line;
use self::pool::{Place, Pool};

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
///
/// Our own on purpose: whoever waits for an answer reads it from its connection, with no task, queue or
/// buffer between. A stream that waits holds a socket and little else (docs/performance.md).
pub struct HttpUpstream {
    connector: HttpsConnector<HttpConnector>,
    connect: Duration,
    pool: Arc<Pool>,
}

impl HttpUpstream {
    /// A client whose connections take at most `connect` to open, TLS included.
    ///
    /// # Errors
    /// When the TLS library refuses its own defaults.
    pub fn new(connect: Duration) -> Result<Self, BoxError> {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
        Self::trusting(roots.collect(), connect)
    }

    /// The same that trusts no other authorities than these.
    ///
    /// # Errors
    /// When the TLS library refuses its own defaults.
    pub fn trusting(roots: RootCertStore, connect: Duration) -> Result<Self, BoxError> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(Duration::from_secs(30)));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self {
            connector,
            connect,
            pool: Arc::default(),
        })
    }

    /// A connection to this place, and whether it was used before.
    async fn line(&self, place: &Place) -> Result<(Line, bool), SendError> {
        if let Some(line) = self.pool.take(place) {
            return Ok((line, true));
        }
        let (scheme, authority) = place.clone();
        let to = Uri::builder().scheme(scheme).authority(authority);
        let to = to.path_and_query("/").build();
        let to = to.map_err(|error| SendError::Connect(chain(&error)))?;
        let line = Line::open(&self.connector, to, self.connect).await?;
        Ok((line, false))
    }

    async fn ask(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<UpstreamBody>, SendError> {
        let (request, body) = request.into_parts();
        let (Some(scheme), Some(authority)) = (request.uri.scheme(), request.uri.authority())
        else {
            return Err(SendError::Connect("the address has no host".to_owned()));
        };
        let place = (scheme.clone(), authority.clone());
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(never) => match never {},
        };
        let asked = Sending::new(head::write(&request, body.len()), body);
        loop {
            let (mut line, is_used) = self.line(&place).await?;
            let mut sending = asked.clone();
            match exchange(&mut line, &mut sending, &request.method).await {
                Ok((head, decoder)) => {
                    let is_kept = head.is_kept && !head::says(&request.headers, "close");
                    let home = is_kept.then(|| (Arc::clone(&self.pool), place));
                    let body = Body::new((line, sending), decoder, home);
                    let mut response = Response::new(body.boxed_unsync());
                    *response.status_mut() = head.status;
                    *response.version_mut() = head.version;
                    *response.headers_mut() = head.headers;
                    return Ok(response);
                }
                // It was closed while it was idle, and has taken nothing: another one is as good as it.
                Err(Failed::Untaken(_)) if is_used => {}
                Err(Failed::Untaken(error) | Failed::Broken(error)) => {
                    return Err(SendError::Broken(chain(&*error)));
                }
            }
        }
    }
}

impl Upstream for HttpUpstream {
    fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, SendError>> {
        Box::pin(self.ask(request))
    }
}

/// An error with all of its causes, for the log.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
