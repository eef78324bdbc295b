//! How we get in at providers: puts a credential on a request, one file per way to do it.
//!
//! [`credential`] reads what a credential is; `header`, `sigv4` put it on a request; `google` and
//! `azure` know how theirs are exchanged for access tokens, which `tokens` keeps and renews. Nothing
//! here prints a secret, and every request for a token goes through the relay's one client.

mod azure;
pub mod credential;
mod google;
mod header;
pub mod sigv4;
mod tokens;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use catalog::provider::Auth;
use chat::{Error, Kind};
use http::Request;
use http_body_util::Full;
use tokio_util::task::TaskTracker;

use self::credential::{Credential, Grant};
use self::tokens::Source;
use crate::Secret;
use crate::timers::Clock;
use crate::upstream::Upstream;

/// Sources of access tokens that are kept at once. Credentials that were replaced leave theirs
/// behind; beyond this number all are forgotten, and those in use fetch a token anew.
const SOURCES_MAX: usize = 4096;

/// Signs requests, and keeps the access tokens that this takes.
pub struct Signer {
    upstream: Arc<dyn Upstream>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    /// By the text of the credential: the same text means the same tokens, whoever presents it.
    google: Sources,
    azure: Sources,
}

impl Signer {
    /// A signer that has no tokens yet. It fetches them through `upstream`, in tasks of `tasks`.
    #[must_use]
    pub fn new(upstream: Arc<dyn Upstream>, clock: Arc<dyn Clock>, tasks: TaskTracker) -> Self {
        Self {
            upstream,
            clock,
            tasks,
            google: Mutex::default(),
            azure: Mutex::default(),
        }
    }

    /// Signs a request in the way that the provider's row says. To be done last: a signature covers
    /// the address, the headers and the body as they are now. Waits when an access token must be
    /// fetched first, at most [`tokens::TOKEN_WAIT`].
    ///
    /// # Errors
    /// When the credential cannot be used or no token is to be had; another endpoint may do better.
    pub async fn sign(
        &self,
        auth: &Auth,
        secret: &Secret,
        request: &mut Request<Full<Bytes>>,
        body: &[u8],
    ) -> Result<(), Error> {
        let sources = match auth {
            Auth::Google => &self.google,
            Auth::Azure => &self.azure,
            Auth::None | Auth::Bearer | Auth::Header(_) | Auth::SigV4 => {
                let credential =
                    Credential::read(auth, secret).map_err(|malformed| unusable(&malformed))?;
                return self.put(credential, request, body);
            }
        };
        match known_or_read(sources, auth, secret)? {
            Ok(source) => self.put_token(&source, request).await,
            Err(other) => self.put(other, request, body),
        }
    }

    /// The account behind a credential, where there is one: it tells its project and location.
    #[must_use]
    pub fn account(&self, auth: &Auth, secret: &Secret) -> Option<Account> {
        match auth {
            Auth::Google => known_or_read(&self.google, auth, secret)
                .ok()?
                .ok()
                .map(Account),
            Auth::None | Auth::Bearer | Auth::Header(_) | Auth::SigV4 | Auth::Azure => None,
        }
    }

    fn put(
        &self,
        credential: Credential,
        request: &mut Request<Full<Bytes>>,
        body: &[u8],
    ) -> Result<(), Error> {
        match credential {
            Credential::Nothing => Ok(()),
            Credential::Bearer(token) => header::bearer(request.headers_mut(), &token),
            Credential::Header(name, value) => {
                header::put(request.headers_mut(), &name, value.expose())
            }
            Credential::SigV4(keys) => sigv4::sign(request, &keys, body, self.clock.now_ms()),
            Credential::Exchanged(_) => Err(refused("it has to be exchanged for a token first")),
        }
    }

    async fn put_token(
        &self,
        source: &Arc<Source>,
        request: &mut Request<Full<Bytes>>,
    ) -> Result<(), Error> {
        let token = source
            .token(&self.upstream, &self.clock, &self.tasks)
            .await?;
        if let Some(project) = source.grant.quota_project() {
            header::put(request.headers_mut(), "x-goog-user-project", project)?;
        }
        header::bearer(request.headers_mut(), &token)
    }
}

type Sources = Mutex<HashMap<Box<str>, Arc<Source>>>;

fn lock(sources: &Sources) -> std::sync::MutexGuard<'_, HashMap<Box<str>, Arc<Source>>> {
    sources.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An account that credentials are exchanged for.
pub struct Account(Arc<Source>);

impl Account {
    /// The project that it belongs to.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.0.grant.project()
    }

    /// The location that its credential names.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.0.grant.region()
    }
}

/// The source of a credential that is exchanged for tokens, made when it is new; else what the
/// credential is.
fn known_or_read(
    sources: &Sources,
    auth: &Auth,
    secret: &Secret,
) -> Result<Result<Arc<Source>, Credential>, Error> {
    let known = lock(sources).get(secret.expose()).map(Arc::clone);
    if let Some(source) = known {
        return Ok(Ok(source));
    }
    let read = Credential::read(auth, secret).map_err(|malformed| unusable(&malformed))?;
    Ok(match read {
        Credential::Exchanged(grant) => Ok(keep(sources, secret, *grant)),
        other => Err(other),
    })
}

/// Keeps a new source, unless somebody was faster.
fn keep(sources: &Sources, secret: &Secret, grant: Grant) -> Arc<Source> {
    let mut sources = lock(sources);
    if sources.len() >= SOURCES_MAX {
        sources.clear();
    }
    let source = sources
        .entry(secret.expose().into())
        .or_insert_with(|| Arc::new(Source::new(grant)));
    Arc::clone(source)
}

fn unusable(malformed: &credential::Malformed) -> Error {
    refused(&malformed.to_string())
}

/// The credential is of no use: for the operator to mend, and until then for the next endpoint.
fn refused(why: &str) -> Error {
    Error::provider(
        Kind::ProviderUnavailable,
        "the credential configured for this provider cannot be used",
    )
    .with_detail(why)
}
