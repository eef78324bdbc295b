//! `/console/session` and what belongs to it: sign in and out, list and end sessions, set a password.
//!
//! For browsers. A program has a key, and needs none of this.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use chat::{Error, Kind};
use http::header::{HeaderValue, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use store::KeyHash;

use super::desk::{invalid, read_body};
use crate::app::App;
use crate::caller::Management;
use crate::clock;
use crate::reply::{self, Answer, storage_trouble};
use crate::session::open::{self, LIFE_MS, OpenSession, Proof, Session};
use crate::session::{cookie, link, password};
use crate::time::iso;

/// What a browser may know before anybody has signed in.
#[derive(Serialize)]
struct Standing<'a> {
    signed_in: bool,
    session: Option<View>,
    has_password: bool,
    public_url: &'a str,
    version: &'static str,
}

#[derive(Serialize)]
struct View {
    id: String,
    proof: Proof,
    user_agent: String,
    created_at: String,
    renewed_at: String,
    expires_at: String,
    is_current: bool,
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Serialize)]
struct Deleted {
    deleted: bool,
}

/// The session that these headers present, if it still counts.
fn current(app: &App, headers: &HeaderMap) -> Option<OpenSession> {
    let hash = KeyHash::of(cookie::presented(headers)?);
    let keyring = app.keyring.load();
    let open = keyring.session(&hash)?;
    let counts = open.counts(&keyring, app.clock.now_ms());
    counts.then(|| open.clone())
}

fn view(open: &OpenSession, current: Option<&OpenSession>) -> View {
    View {
        id: open.id().to_owned(),
        proof: open.session.proof,
        user_agent: open.session.user_agent.clone(),
        created_at: iso(open.session.created_at_ms),
        renewed_at: iso(open.session.renewed_at_ms),
        expires_at: iso(open.session.expires_at_ms),
        is_current: current.is_some_and(|current| current.hash == open.hash),
    }
}

async fn show(app: &App, session: Option<&OpenSession>) -> Answer {
    let kept = password::kept(&app.store).await.map_err(storage_trouble)?;
    let standing = Standing {
        signed_in: session.is_some(),
        session: session.map(|open| view(open, Some(open))),
        has_password: kept.is_some(),
        public_url: &app.public_url,
        version: env!("CARGO_PKG_VERSION"),
    };
    reply::json(StatusCode::OK, &Envelope { data: standing })
}

/// An answer that keeps a session's secret in the browser for so many seconds.
fn with_cookie(
    app: &App,
    headers: &HeaderMap,
    (secret, seconds): (&str, i64),
    mut answer: Response,
) -> Answer {
    let is_secure = cookie::is_secure(headers, &app.public_url);
    let text = cookie::set(secret, seconds, is_secure);
    let value = HeaderValue::try_from(text).map_err(|error| {
        Error::gateway(Kind::Server, "no cookie").with_detail(error.to_string())
    })?;
    answer.headers_mut().insert(SET_COOKIE, value);
    Ok(answer)
}

/// Answers `GET /console/session`: whether the browser is signed in. Asked when the console is
/// opened, so this is where a session's life is renewed.
pub async fn get(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let Some(found) = current(&app, &headers) else {
        return show(&app, None).await;
    };
    let now_ms = app.clock.now_ms();
    let answer = show(&app, Some(&found)).await?;
    let secret = cookie::presented(&headers).unwrap_or_default();
    let Some(renewed) = found.session.renewed(now_ms) else {
        return Ok(answer);
    };
    let kept = open::keep(&app.store, &found.hash, &renewed, now_ms).await;
    kept.map_err(storage_trouble)?;
    app.refresh_keys().await;
    with_cookie(&app, &headers, (secret, LIFE_MS / 1000), answer)
}

/// The body of `POST /console/session`: one of the three.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    link: Option<String>,
}

/// Answers `POST /console/session`: signs in.
pub async fn create(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    marked(&headers)?;
    let asked: Credentials = read_body(&app, &headers, body).await?;
    let key_hash = asked.key.as_deref().map(|key| KeyHash::of(key.trim()));
    let proof = match (&key_hash, asked.password, asked.link) {
        (Some(hash), None, None) => by_key(&app, hash)?,
        (None, Some(password), None) => by_password(&app, password).await?,
        (None, None, Some(token)) => by_link(&app, &token).await?,
        _ => {
            let message = "expected exactly one of key, password and link";
            return Err(invalid("key", message).into());
        }
    };
    let random = clock::random::<32>().map_err(|error| {
        Error::gateway(Kind::Server, "no randomness").with_detail(error.to_string())
    })?;
    let secret = hex::encode(random);
    let hash = KeyHash::of(&secret);
    let agent = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok());
    let now_ms = app.clock.now_ms();
    let session = Session::new(proof, agent.unwrap_or_default(), now_ms);
    let session = session.with_key(key_hash.as_ref());
    let kept = open::keep(&app.store, &hash, &session, now_ms).await;
    kept.map_err(storage_trouble)?;
    app.refresh_keys().await;
    let opened = app.keyring.load().session(&hash).cloned();
    let answer = show(&app, opened.as_ref()).await?;
    with_cookie(&app, &headers, (&secret, LIFE_MS / 1000), answer)
}

/// Signing in by somebody else's page would put a browser into a session of theirs.
fn marked(headers: &HeaderMap) -> Result<(), Error> {
    if headers.contains_key(cookie::MARK) {
        return Ok(());
    }
    let message = "The header X-Waybill-Console is missing: only the console signs in here";
    Err(Error::caller(Kind::PermissionDenied, message))
}

fn wrong(message: &str) -> Error {
    Error::caller(Kind::Authentication, message)
}

fn by_key(app: &App, hash: &KeyHash) -> Result<Proof, Error> {
    let keyring = app.keyring.load();
    let facts = keyring.get(hash);
    let facts = facts.ok_or_else(|| wrong("This key is unknown here"))?;
    if facts.key.disabled || facts.key.is_expired(app.clock.now_ms()) {
        return Err(wrong("This key is disabled or has expired"));
    }
    if !facts.key.is_management {
        return Err(wrong(
            "This is an inference key; sign in with a management key",
        ));
    }
    Ok(Proof::Key)
}

async fn by_link(app: &App, token: &str) -> Result<Proof, Error> {
    let redeemed = link::redeem(&app.store, token, app.clock.now_ms()).await;
    if redeemed.map_err(storage_trouble)? {
        return Ok(Proof::Link);
    }
    Err(wrong(
        "This link was used before or is too old; `waybill console link` prints a new one",
    ))
}

async fn by_password(app: &App, given: String) -> Result<Proof, Error> {
    check_password(app, given).await?;
    Ok(Proof::Password)
}

async fn check_password(app: &App, given: String) -> Result<(), Error> {
    let kept = password::kept(&app.store).await.map_err(storage_trouble)?;
    let Some(kept) = kept else {
        return Err(wrong("No password has been set; sign in with a key"));
    };
    app.guesses.count(app.clock.now_ms())?;
    let is_right = move || password::is_right(&given, &kept);
    if off_the_desk(is_right).await? {
        app.guesses.forgive();
        return Ok(());
    }
    Err(wrong("This is not the password"))
}

/// Runs what takes a good part of a second of a processor where it delays nobody.
async fn off_the_desk<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::gateway(Kind::Server, "the password could not be read")
            .with_detail(error.to_string())
    })
}

/// Answers `DELETE /console/session`: signs out.
pub async fn delete(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    marked(&headers)?;
    let deleted = match current(&app, &headers) {
        Some(open) => end(&app, &open).await?,
        None => false,
    };
    let answer = reply::json(StatusCode::OK, &Deleted { deleted })?;
    with_cookie(&app, &headers, ("", 0), answer)
}

async fn end(app: &App, session: &OpenSession) -> Result<bool, Error> {
    let now_ms = app.clock.now_ms();
    let closed = open::close(&app.store, &session.hash, now_ms).await;
    let closed = closed.map_err(storage_trouble)?;
    app.refresh_keys().await;
    Ok(closed)
}

/// Answers `GET /console/sessions`: those that still count, newest first.
pub async fn list(State(app): State<Arc<App>>, _caller: Management, headers: HeaderMap) -> Answer {
    let now_ms = app.clock.now_ms();
    let current = current(&app, &headers);
    let mut all = open::all(&app.store).await.map_err(storage_trouble)?;
    let keyring = app.keyring.load_full();
    all.retain(|open| open.counts(&keyring, now_ms));
    all.reverse();
    let data: Vec<View> = all
        .iter()
        .map(|open| view(open, current.as_ref()))
        .collect();
    reply::json(StatusCode::OK, &Envelope { data })
}

/// Answers `DELETE /console/sessions/{id}`.
pub async fn end_one(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
) -> Answer {
    let all = open::all(&app.store).await.map_err(storage_trouble)?;
    let Some(found) = all.iter().find(|open| open.id() == id) else {
        return Err(Error::caller(Kind::NotFound, "Session not found").into());
    };
    let deleted = end(&app, found).await?;
    reply::json(StatusCode::OK, &Deleted { deleted })
}

/// The body of `PUT /console/password`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    password: String,
    #[serde(default)]
    current: Option<String>,
}

#[derive(Serialize)]
struct Kept {
    has_password: bool,
}

/// Answers `PUT /console/password`. Who got in by the password must show it again; every other
/// session ends, because somebody may be in one of them.
pub async fn put_password(
    State(app): State<Arc<App>>,
    _caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: NewPassword = read_body(&app, &headers, body).await?;
    let (least, most) = (password::LENGTHS.start(), password::LENGTHS.end());
    if !password::LENGTHS.contains(&asked.password.chars().count()) {
        let message = format!("expected {least} to {most} characters");
        return Err(invalid("password", message).into());
    }
    let current = current(&app, &headers);
    if current
        .as_ref()
        .is_some_and(|open| open.session.proof == Proof::Password)
    {
        let shown = asked
            .current
            .ok_or_else(|| invalid("current", "is missing"))?;
        check_password(&app, shown).await?;
    }
    let new = asked.password;
    let stored = off_the_desk(move || password::stored(&new)).await?;
    let stored = stored.map_err(|error| {
        Error::gateway(Kind::Server, "no randomness").with_detail(error.to_string())
    })?;
    let now_ms = app.clock.now_ms();
    let settings = app.store.settings();
    let set = settings.set(password::SETTING, &stored, now_ms).await;
    set.map_err(storage_trouble)?;
    for open in open::all(&app.store).await.map_err(storage_trouble)? {
        if current
            .as_ref()
            .is_none_or(|current| current.hash != open.hash)
        {
            let closed = open::close(&app.store, &open.hash, now_ms).await;
            closed.map_err(storage_trouble)?;
        }
    }
    app.refresh_keys().await;
    reply::json(
        StatusCode::OK,
        &Envelope {
            data: Kept { has_password: true },
        },
    )
}

/// Answers `DELETE /console/password`: from then on keys and links alone let in.
pub async fn delete_password(State(app): State<Arc<App>>, _caller: Management) -> Answer {
    let now_ms = app.clock.now_ms();
    let removed = app.store.settings().remove(password::SETTING, now_ms).await;
    let deleted = removed.map_err(storage_trouble)?;
    reply::json(StatusCode::OK, &Deleted { deleted })
}
