//! Access tokens: fetched once for all who wait, kept until shortly before they end, and renewed
//! while the old one still serves.
//!
//! A refresh is a task of its own. A caller that leaves takes nothing away from the others, and a
//! token server that hangs delays no call that still has a valid token.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chat::{Error, Kind};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::credential::{Grant, Malformed};
use super::refused;
use crate::Secret;
use crate::timers::Clock;
use crate::upstream::Upstream;

/// How long a call waits for its token, and a request for one may take.
pub(super) const TOKEN_WAIT: Duration = Duration::from_secs(10);

/// A token is renewed when it has less than this left, milliseconds.
const RENEW_BEFORE_MS: i64 = 5 * 60 * 1000;

/// A token with less than this left is used no more, milliseconds: it must last until the provider
/// has looked at it.
const USABLE_MS: i64 = 10 * 1000;

/// After a refresh that failed, the next one waits this long, milliseconds.
const RETRY_AFTER_MS: i64 = 2 * 1000;

/// What a token is taken to last when its server does not say, seconds.
const UNSTATED_SECONDS: i64 = 300;

/// An answer of a token server is read up to this many bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The fields of a form.
pub(super) type Form<'a> = &'a [(&'a str, &'a str)];

/// One credential and the tokens that it is exchanged for.
pub(super) struct Source {
    pub(super) grant: Grant,
    state: Mutex<State>,
}

#[derive(Clone)]
struct Token {
    secret: Secret,
    expires_at_ms: i64,
    /// From when on it is to be renewed.
    renew_at_ms: i64,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// Set while a refresh is under way.
    refreshing: Option<watch::Receiver<Option<Outcome>>>,
    /// The last refresh, when it failed, and when the next one may be.
    failed: Option<(Error, i64)>,
}

type Outcome = Result<Secret, Error>;

/// What a call is told at once.
enum Now {
    Take(Outcome),
    Wait(watch::Receiver<Option<Outcome>>),
}

impl Source {
    pub(super) fn new(grant: Grant) -> Self {
        Self {
            grant,
            state: Mutex::default(),
        }
    }

    /// A token that is valid now.
    ///
    /// # Errors
    /// When there is none and none is to be had.
    pub(super) async fn token(
        self: &Arc<Self>,
        upstream: &Arc<dyn Upstream>,
        clock: &Arc<dyn Clock>,
        tasks: &TaskTracker,
    ) -> Outcome {
        let refresh = |sender: watch::Sender<Option<Outcome>>| {
            let (source, upstream) = (Arc::clone(self), Arc::clone(upstream));
            let clock = Arc::clone(clock);
            tasks.spawn(async move {
                let outcome = source.refresh(&*upstream, &*clock).await;
                let _ = sender.send(Some(outcome));
            });
        };
        let mut waiting = match self.now(clock.now_ms(), refresh) {
            Now::Take(outcome) => return outcome,
            Now::Wait(waiting) => waiting,
        };
        let late = || trouble("did not answer in time", "");
        let outcome = timeout(TOKEN_WAIT, waiting.wait_for(Option::is_some))
            .await
            .map_err(|_| late())?
            .map_err(|_| trouble("was not asked to the end", ""))?;
        outcome.clone().unwrap_or_else(|| Err(late()))
    }

    /// Takes the token that there is, and sees to it that it is renewed in time.
    fn now(&self, now_ms: i64, refresh: impl FnOnce(watch::Sender<Option<Outcome>>)) -> Now {
        let mut state = self.state();
        let valid = state
            .token
            .clone()
            .filter(|token| token.expires_at_ms - now_ms >= USABLE_MS);
        if let Some(token) = valid.as_ref().filter(|token| now_ms < token.renew_at_ms) {
            return Now::Take(Ok(token.secret.clone()));
        }
        // A sender that is gone without a word was dropped with its runtime.
        let under_way = state
            .refreshing
            .clone()
            .filter(|refreshing| refreshing.has_changed().is_ok());
        let waiting = match (under_way, &state.failed) {
            (Some(waiting), _) => waiting,
            (None, Some((error, until_ms))) if now_ms < *until_ms => {
                let error = error.clone();
                return Now::Take(valid.map(|token| token.secret).ok_or(error));
            }
            (None, _) => {
                let (sender, waiting) = watch::channel(None);
                state.refreshing = Some(waiting.clone());
                refresh(sender);
                waiting
            }
        };
        match valid {
            Some(token) => Now::Take(Ok(token.secret)),
            None => Now::Wait(waiting),
        }
    }

    /// Fetches a token and keeps it.
    async fn refresh(&self, upstream: &dyn Upstream, clock: &dyn Clock) -> Outcome {
        let fetched = self.fetch(upstream, clock).await;
        let mut state = self.state();
        state.refreshing = None;
        match fetched {
            Ok(token) => {
                let secret = token.secret.clone();
                state.token = Some(token);
                state.failed = None;
                Ok(secret)
            }
            Err(error) => {
                tracing::warn!(%error, detail = error.detail, "an access token could not be fetched");
                state.failed = Some((error.clone(), clock.now_ms() + RETRY_AFTER_MS));
                Err(error)
            }
        }
    }

    async fn fetch(&self, upstream: &dyn Upstream, clock: &dyn Clock) -> Result<Token, Error> {
        let asked_at_ms = clock.now_ms();
        let request = match &self.grant {
            Grant::Google(account) => account.request(asked_at_ms),
            Grant::Entra(client) => client.request(),
        };
        let request = request.map_err(|malformed| refused(&malformed.to_string()))?;
        let (status, answer) = timeout(TOKEN_WAIT, ask(upstream, request))
            .await
            .map_err(|_| trouble("did not answer in time", ""))??;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        if !status.is_success() {
            return Err(denied(status, &answer));
        }
        read(&answer, asked_at_ms).ok_or_else(|| trouble("answered without a token", ""))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask(
    upstream: &dyn Upstream,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), Error> {
    let sent = upstream.send(request).await;
    let response = sent.map_err(|error| trouble("cannot be reached", &error.to_string()))?;
    let status = response.status();
    let mut body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
    let mut answer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| trouble("broke off its answer", &error.to_string()))?;
        answer.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
    }
    Ok((status, answer.freeze()))
}

/// Reads `access_token` and `expires_in` (a number, or one in quotes).
fn read(answer: &Value, asked_at_ms: i64) -> Option<Token> {
    let secret = answer.get("access_token")?.as_str()?;
    let stated = answer.get("expires_in").and_then(|value| {
        let number = value.as_i64();
        number.or_else(|| value.as_str()?.parse().ok())
    });
    let lasts_ms = stated.unwrap_or(UNSTATED_SECONDS).clamp(0, 31_536_000) * 1000;
    // A token that is short from the start is not renewed with every call.
    let renew_before_ms = RENEW_BEFORE_MS.min(lasts_ms / 2);
    Some(Token {
        secret: Secret::new(secret),
        expires_at_ms: asked_at_ms + lasts_ms,
        renew_at_ms: asked_at_ms + lasts_ms - renew_before_ms,
    })
}

/// The token server has refused the credential, or cannot serve.
fn denied(status: StatusCode, answer: &Value) -> Error {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    let explained: String = text("error_description").chars().take(300).collect();
    let detail = format!("{status}: {} {explained}", text("error"));
    match status.is_client_error() {
        true => trouble("refused the credential", &detail),
        false => trouble("failed", &detail),
    }
}

fn trouble(what: &str, detail: &str) -> Error {
    let message = format!("the token server of this provider {what}");
    let error = Error::provider(Kind::ProviderUnavailable, message);
    match detail {
        "" => error,
        detail => error.with_detail(detail),
    }
}

/// A form as a request.
pub(super) fn post(uri: &str, form: Form<'_>) -> Result<Request<Full<Bytes>>, Malformed> {
    let fields: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    Request::post(uri)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(Full::new(fields.join("&").into()))
        .map_err(|_| Malformed::new("its field \"token_uri\" is no URL"))
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
