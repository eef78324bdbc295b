//! `POST /keys/{hash}/rotate`: a successor of a key under the same terms, and some time for both.
//! Not in OpenRouter's API, where one makes a key, moves over and deletes the old one by hand.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use chat::{Error, Kind};
use http::HeaderMap;
use serde::Deserialize;
use store::{KeyHash, KeyPatch, NewKey};

use super::desk::{invalid, read_body};
use super::keys::{created, existing};
use crate::app::App;
use crate::caller::Management;
use crate::reply::{Answer, storage_trouble};
use crate::{clock, key_terms, keyring};

/// The longest time for both: 90 days.
const OVERLAP_SECONDS_MAX: i64 = 90 * 24 * 60 * 60;

/// How long both work when nothing is said: a day.
const OVERLAP_SECONDS: i64 = 24 * 60 * 60;

/// The body of `POST /keys/{hash}/rotate`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    #[serde(default)]
    overlap_seconds: Option<i64>,
}

/// Answers `POST /keys/{hash}/rotate`: 201, and the successor's secret, this once. The old key works
/// for the overlap, or until its own end if that is sooner. What has been spent stays with it.
pub async fn rotate(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(hash): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: Rotation = read_body(&app, &headers, body).await?;
    let overlap = asked.overlap_seconds.unwrap_or(OVERLAP_SECONDS);
    if !(0..=OVERLAP_SECONDS_MAX).contains(&overlap) {
        let message = format!("expected 0 to {OVERLAP_SECONDS_MAX}");
        return Err(invalid("overlap_seconds", message).into());
    }
    let hash = KeyHash::from_text(hash);
    let old = existing(&app, &hash).await?;
    let now_ms = app.clock.now_ms();
    let random = clock::random().map_err(|error| {
        Error::gateway(Kind::Server, "no randomness").with_detail(error.to_string())
    })?;
    let secret = keyring::secret_from(random);
    let terms = key_terms::of(&app.store, &hash).await;
    let terms = terms.map_err(storage_trouble)?;
    let new = NewKey::new(&secret, &old.name, &old.workspace_id, now_ms)
        .with_limit(old.limit, old.limit_reset)
        .with_byok_in_limit(old.include_byok_in_limit)
        .with_expiry(old.expires_at_ms)
        .with_creator(old.creator_user_id)
        .with_terms(terms.to_text());
    let made = app.store.keys().create(&new).await;
    let made = made.map_err(storage_trouble)?;
    let end = now_ms.saturating_add(overlap.saturating_mul(1000));
    let patch = KeyPatch {
        expires_at_ms: Some(Some(old.expires_at_ms.map_or(end, |own| own.min(end)))),
        ..KeyPatch::default()
    };
    let changed = app.store.keys().update(&hash, &patch, now_ms).await;
    changed.map_err(storage_trouble)?;
    app.refresh_keys().await;
    created(&made, terms, &secret)
}
