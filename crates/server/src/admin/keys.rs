//! `/keys`: make, list, show, change and delete keys. For management keys only.
//!
//! Management keys themselves are made on the command line, and are not shown here.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use chat::{Error, Kind};
use http::{HeaderMap, StatusCode};
use ledger::Amount;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{
    DEFAULT_WORKSPACE_ID, KeyFilter, KeyHash, KeyPatch, LimitReset, NewKey, Spending, StoreError,
    StoredKey,
};

use super::desk::{invalid, offset, present, read_body};
use crate::api::key::{Money, remaining};
use crate::api::wishes::{HEDGE_WORDS, read_hedge};
use crate::app::App;
use crate::caller::Management;
use crate::clock;
use crate::key_terms::{self, Written};
use crate::keyring;
use crate::limits::RateRow;
use crate::money::read_usd;
use crate::reply::{self, Answer, storage_trouble};
use crate::time::{iso, read_utc};

/// The longest name of a key, characters.
const NAME_MAX: usize = 200;

/// The most limits of a key's own.
const RATES_MAX: usize = 16;

#[derive(Serialize)]
struct View<'a> {
    hash: &'a str,
    name: &'a str,
    label: &'a str,
    disabled: bool,
    #[serde(flatten)]
    money: Money,
    created_at: String,
    updated_at: Option<String>,
    expires_at: Option<String>,
    creator_user_id: Option<&'a str>,
    /// Asked for by newer clients; keys made for somebody's own users do not exist here.
    external_user: Option<&'a str>,
    workspace_id: &'a str,
    /// Ours: limits of its own, and why the house disabled it.
    rate_limits: Vec<RateRow>,
    hedge: Option<String>,
    recover: Option<bool>,
    disabled_reason: Option<String>,
    /// Ours: whether the content of its calls is kept; null is as its workspace has it.
    io_logging: Option<bool>,
}

impl<'a> View<'a> {
    fn of(
        key: &'a StoredKey,
        (spending, remaining): (&Spending, Option<Amount>),
        terms: Written,
    ) -> Self {
        Self {
            hash: key.hash.as_str(),
            name: &key.name,
            label: &key.label,
            disabled: key.disabled,
            money: Money::of(key, spending, remaining),
            created_at: iso(key.created_at_ms),
            updated_at: key.updated_at_ms.map(iso),
            expires_at: key.expires_at_ms.map(iso),
            creator_user_id: key.creator_user_id.as_deref(),
            external_user: None,
            workspace_id: &key.workspace_id,
            rate_limits: terms.rate_limits,
            hedge: terms.hedge,
            recover: terms.recover,
            disabled_reason: terms.frozen,
            io_logging: terms.io_logging,
        }
    }
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Serialize)]
struct Created<'a> {
    data: View<'a>,
    key: &'a str,
}

/// Answers that a key was made: 201, and the secret, this once.
pub(super) fn created(key: &StoredKey, terms: Written, secret: &str) -> Answer {
    let created = Created {
        data: View::of(key, (&Spending::default(), key.limit), terms),
        key: secret,
    };
    reply::json(StatusCode::CREATED, &created)
}

#[derive(Serialize)]
struct Deleted {
    deleted: bool,
}

/// What `GET /keys` may be asked.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    include_disabled: Option<String>,
    offset: Option<String>,
    workspace_id: Option<String>,
}

/// Answers `GET /keys`: newest first, a hundred at a time.
pub async fn list(
    State(app): State<Arc<App>>,
    _caller: Management,
    Query(query): Query<ListQuery>,
) -> Answer {
    let offset = offset(query.offset.as_deref())?;
    let include_disabled = match query.include_disabled.as_deref() {
        None | Some("" | "false" | "0") => false,
        Some("true" | "1") => true,
        Some(other) => {
            let message = format!("\"{other}\" is neither \"true\" nor \"false\"");
            return Err(invalid("include_disabled", message).into());
        }
    };
    let workspace = query
        .workspace_id
        .as_deref()
        .unwrap_or(DEFAULT_WORKSPACE_ID);
    let filter = KeyFilter {
        workspace_id: Some(workspace.to_owned()),
        include_disabled,
        include_management: false,
        offset,
        limit: None,
    };
    let page = app.store.keys().list(&filter).await;
    let page = page.map_err(storage_trouble)?;
    let hashes: Vec<KeyHash> = page.iter().map(|key| key.hash.clone()).collect();
    let spending = app
        .store
        .keys()
        .spending_of(&hashes, app.clock.now_ms())
        .await
        .map_err(storage_trouble)?;
    let terms = key_terms::several(&app.store, &hashes).await;
    let terms = terms.map_err(storage_trouble)?;
    let nothing = Spending::default();
    let mut data = Vec::with_capacity(page.len());
    for key in &page {
        let terms = terms.get(&key.hash).map(|terms| terms.written.clone());
        let spending = spending.get(&key.hash).unwrap_or(&nothing);
        let money = (spending, remaining(&app, key).await?);
        data.push(View::of(key, money, terms.unwrap_or_default()));
    }
    reply::json(StatusCode::OK, &Envelope { data })
}

/// The body of `POST /keys`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKeyBody {
    name: String,
    #[serde(default)]
    limit: Option<Box<RawValue>>,
    #[serde(default)]
    limit_reset: Option<String>,
    #[serde(default)]
    include_byok_in_limit: Option<bool>,
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    creator_user_id: Option<String>,
    #[serde(default)]
    workspace_id: Option<String>,
    #[serde(default)]
    rate_limits: Option<Vec<RateRow>>,
    #[serde(default)]
    hedge: Option<String>,
    #[serde(default)]
    recover: Option<bool>,
    #[serde(default)]
    io_logging: Option<bool>,
}

/// Answers `POST /keys`: 201, and the secret, this once.
pub async fn create(
    State(app): State<Arc<App>>,
    _caller: Management,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: NewKeyBody = read_body(&app, &headers, body).await?;
    let name = check_name(&asked.name)?;
    let limit = read_limit(asked.limit.as_deref())?;
    let terms = Written {
        rate_limits: check_rates(asked.rate_limits.unwrap_or_default())?,
        hedge: check_hedge(asked.hedge)?,
        recover: asked.recover,
        frozen: None,
        io_logging: asked.io_logging,
    };
    let reset = read_reset(asked.limit_reset.as_deref())?;
    let expires_at_ms = asked
        .expires_at
        .as_deref()
        .map(read_utc)
        .transpose()
        .map_err(|message| invalid("expires_at", message))?;
    let workspace = asked
        .workspace_id
        .as_deref()
        .unwrap_or(DEFAULT_WORKSPACE_ID);
    let random = clock::random().map_err(|error| {
        Error::gateway(Kind::Server, "no randomness").with_detail(error.to_string())
    })?;
    let secret = keyring::secret_from(random);
    let new = NewKey::new(&secret, name, workspace, app.clock.now_ms())
        .with_limit(limit, reset)
        .with_byok_in_limit(asked.include_byok_in_limit.unwrap_or(false))
        .with_expiry(expires_at_ms)
        .with_creator(asked.creator_user_id)
        .with_terms(terms.to_text());
    let key = app
        .store
        .keys()
        .create(&new)
        .await
        .map_err(|error| match error {
            StoreError::Missing(_) => invalid(
                "workspace_id",
                format!("there is no workspace \"{workspace}\""),
            ),
            other => storage_trouble(other),
        })?;
    app.refresh_keys().await;
    created(&key, terms, &secret)
}

/// Answers `GET /keys/{hash}`.
pub async fn get(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(hash): Path<String>,
) -> Answer {
    let hash = KeyHash::from_text(hash);
    let key = existing(&app, &hash).await?;
    show(&app, &key).await
}

/// The body of `PATCH /keys/{hash}`. For `limit` and `limit_reset`, null removes and absent keeps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    disabled: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    limit: Option<Option<Box<RawValue>>>,
    #[serde(default, deserialize_with = "present")]
    limit_reset: Option<Option<String>>,
    #[serde(default)]
    include_byok_in_limit: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    rate_limits: Option<Option<Vec<RateRow>>>,
    #[serde(default, deserialize_with = "present")]
    hedge: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    recover: Option<Option<bool>>,
    #[serde(default, deserialize_with = "present")]
    io_logging: Option<Option<bool>>,
}

/// Answers `PATCH /keys/{hash}`.
pub async fn change(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(hash): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: ChangeBody = read_body(&app, &headers, body).await?;
    let hash = KeyHash::from_text(hash);
    existing(&app, &hash).await?;
    let rate_limits = asked.rate_limits.map(Option::unwrap_or_default);
    let terms = TermsChange {
        rate_limits: rate_limits.map(check_rates).transpose()?,
        hedge: asked.hedge.map(check_hedge).transpose()?,
        recover: asked.recover,
        disabled: asked.disabled,
        io_logging: asked.io_logging,
    };
    let patch = KeyPatch {
        name: asked
            .name
            .as_deref()
            .map(|name| check_name(name).map(str::to_owned))
            .transpose()?,
        disabled: asked.disabled,
        limit: asked
            .limit
            .map(|limit| read_limit(limit.as_deref()))
            .transpose()?,
        limit_reset: asked
            .limit_reset
            .map(|reset| read_reset(reset.as_deref()))
            .transpose()?,
        include_byok_in_limit: asked.include_byok_in_limit,
        expires_at_ms: None,
    };
    let keys = app.store.keys();
    let changed = keys
        .update_with_terms(
            &hash,
            (&patch, |before| terms.of(before)),
            app.clock.now_ms(),
        )
        .await
        .map_err(storage_trouble)?
        .ok_or_else(unknown_key)?;
    app.refresh_keys().await;
    show(&app, &changed).await
}

/// What changes of a key's terms; what is absent stays.
struct TermsChange {
    rate_limits: Option<Vec<RateRow>>,
    hedge: Option<Option<String>>,
    recover: Option<Option<bool>>,
    disabled: Option<bool>,
    io_logging: Option<Option<bool>>,
}

impl TermsChange {
    /// What becomes of a key's terms. Whoever switches it on again lets it go on.
    fn of(self, text: Option<String>) -> Option<String> {
        let before = Written::from_text(text.as_deref());
        let mut after = before.clone();
        after.rate_limits = self.rate_limits.unwrap_or(after.rate_limits);
        after.hedge = self.hedge.unwrap_or(after.hedge);
        after.recover = self.recover.unwrap_or(after.recover);
        after.io_logging = self.io_logging.unwrap_or(after.io_logging);
        after.frozen = after.frozen.filter(|_| self.disabled != Some(false));
        // A text of a newer version may say more than is known here.
        if after == before {
            text
        } else {
            after.to_text()
        }
    }
}

/// Answers `DELETE /keys/{hash}`.
pub async fn delete(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(hash): Path<String>,
) -> Answer {
    let hash = KeyHash::from_text(hash);
    existing(&app, &hash).await?;
    let deleted = app
        .store
        .keys()
        .delete(&hash, app.clock.now_ms())
        .await
        .map_err(storage_trouble)?;
    if !deleted {
        return Err(unknown_key().into());
    }
    app.refresh_keys().await;
    reply::json(StatusCode::OK, &Deleted { deleted: true })
}

pub(super) async fn existing(app: &App, hash: &KeyHash) -> Result<StoredKey, Error> {
    let found = app
        .store
        .keys()
        .by_hash(hash)
        .await
        .map_err(storage_trouble)?;
    found
        .filter(|key| !key.is_management)
        .ok_or_else(unknown_key)
}

async fn show(app: &App, key: &StoredKey) -> Answer {
    let spending: HashMap<_, _> = app
        .store
        .keys()
        .spending_of(std::slice::from_ref(&key.hash), app.clock.now_ms())
        .await
        .map_err(storage_trouble)?;
    let spending = spending.get(&key.hash).copied().unwrap_or_default();
    let terms = key_terms::of(&app.store, &key.hash)
        .await
        .map_err(storage_trouble)?;
    let data = View::of(key, (&spending, remaining(app, key).await?), terms);
    reply::json(StatusCode::OK, &Envelope { data })
}

fn check_name(name: &str) -> Result<&str, Error> {
    if name.trim().is_empty() || name.chars().count() > NAME_MAX {
        return Err(invalid(
            "name",
            format!("expected 1 to {NAME_MAX} characters"),
        ));
    }
    Ok(name)
}

fn check_rates(rows: Vec<RateRow>) -> Result<Vec<RateRow>, Error> {
    if rows.len() > RATES_MAX {
        return Err(invalid("rate_limits", format!("at most {RATES_MAX}")));
    }
    for (index, row) in rows.iter().enumerate() {
        row.rules_of_key()
            .map_err(|message| invalid(&format!("rate_limits[{index}]"), message))?;
    }
    Ok(rows)
}

fn check_hedge(word: Option<String>) -> Result<Option<String>, Error> {
    let is_word = word
        .as_deref()
        .is_none_or(|word| read_hedge(word).is_some());
    is_word
        .then_some(word)
        .ok_or_else(|| invalid("hedge", HEDGE_WORDS.to_owned()))
}

fn read_limit(limit: Option<&RawValue>) -> Result<Option<Amount>, Error> {
    limit
        .filter(|text| text.get() != "null")
        .map(read_usd)
        .transpose()
        .map_err(|message| invalid("limit", message))
}

fn read_reset(reset: Option<&str>) -> Result<Option<LimitReset>, Error> {
    let Some(word) = reset else {
        return Ok(None);
    };
    LimitReset::from_name(word).map(Some).ok_or_else(|| {
        let message = format!("\"{word}\" is none of \"daily\", \"weekly\", \"monthly\", null");
        invalid("limit_reset", message)
    })
}

fn unknown_key() -> Error {
    Error::caller(Kind::NotFound, "API key not found")
}
