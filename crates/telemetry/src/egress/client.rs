//! `Egress`: one bounded request and its bounded answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::guard::Guard;
use super::resolve::Resolver;

/// An answer is read up to this many bytes; nobody needs to know more of it.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Idle connections per host, and for how long they are kept.
const IDLE_PER_HOST_MAX: usize = 4;
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// Why a request could not be sent, or its answer not be read. Never repeats an address or a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The URL or its address is none that may be asked.
    #[error("it may not be asked: {0}")]
    Refused(&'static str),
    /// No connection, or it broke.
    #[error("no connection: {0}")]
    Connection(String),
    /// It took too long.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The TLS library refuses its own defaults.
    #[error("no client can be made: {0}")]
    Client(String),
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status. A redirect is an answer like any other.
    pub status: StatusCode,
    /// Its headers, and the trailers after its body.
    pub headers: HeaderMap,
    /// Its body, cut off where it is too long.
    pub body: Bytes,
}

type Connector = HttpsConnector<HttpConnector<Resolver>>;

/// The client.
#[derive(Clone)]
pub struct Egress {
    client: Client<Connector, Full<Bytes>>,
    guard: Arc<Guard>,
    is_http2: bool,
}

impl Egress {
    /// A client that speaks HTTP/1.1.
    ///
    /// # Errors
    /// [`EgressError::Client`].
    pub fn new(guard: Guard) -> Result<Self, EgressError> {
        Self::speaking(guard, false)
    }

    /// A client that speaks HTTP/2 and nothing else, in clear to `http` URLs: for gRPC.
    ///
    /// # Errors
    /// [`EgressError::Client`].
    pub fn http2(guard: Guard) -> Result<Self, EgressError> {
        Self::speaking(guard, true)
    }

    fn speaking(guard: Guard, is_http2: bool) -> Result<Self, EgressError> {
        let guard = Arc::new(guard);
        let mut http = HttpConnector::new_with_resolver(Resolver(Arc::clone(&guard)));
        http.enforce_http(false);
        http.set_nodelay(true);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| EgressError::Client(error.to_string()))?
            .with_root_certificates(rustls::RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            })
            .with_no_client_auth();
        let builder = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http();
        let connector = if is_http2 {
            builder.enable_http2().wrap_connector(http)
        } else {
            builder.enable_http1().wrap_connector(http)
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http2_only(is_http2)
            .build(connector);
        Ok(Self {
            client,
            guard,
            is_http2,
        })
    }

    /// Sends a request and reads its answer, within a time for all of it.
    ///
    /// # Errors
    /// When it may not be asked, cannot be reached, or takes too long.
    pub async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        within: Duration,
    ) -> Result<Answer, EgressError> {
        self.guard
            .judge(request.uri())
            .map_err(EgressError::Refused)?;
        if self.is_http2 {
            *request.version_mut() = Version::HTTP_2;
        }
        match tokio::time::timeout(within, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(EgressError::Timeout(within)),
        }
    }

    /// The guard at its door.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, EgressError> {
        let response = self.client.request(request).await;
        let (head, mut body) = response.map_err(|error| broken(&error))?.into_parts();
        let mut headers = head.headers;
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| broken(&error))?;
            match frame.into_data() {
                Ok(piece) => {
                    let room = ANSWER_BYTES_MAX.saturating_sub(read.len());
                    read.extend_from_slice(&piece[..piece.len().min(room)]);
                    if room <= piece.len() && !self.is_http2 {
                        break;
                    }
                }
                Err(frame) => headers.extend(frame.into_trailers().unwrap_or_default()),
            }
        }
        Ok(Answer {
            status: head.status,
            headers,
            body: read.freeze(),
        })
    }
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress").finish_non_exhaustive()
    }
}

/// The innermost cause, which is the one that says something.
fn broken(error: &(dyn std::error::Error + 'static)) -> EgressError {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let last = causes.last().map(ToString::to_string).unwrap_or_default();
    if last == super::guard::NOT_PUBLIC {
        return EgressError::Refused(super::guard::NOT_PUBLIC);
    }
    EgressError::Connection(last)
}
