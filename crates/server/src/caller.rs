//! The cloakroom: who is calling, from the key alone, from memory alone.
//!
//! Four extractors, for the four kinds of path: [`Caller`] (any key), [`Inference`], [`Management`]
//! and [`Visitor`] (a key is welcome but not needed). A session of the console is a management key
//! that is presented in another way; under [`cookie::AS_KEY`] it stands for an inference key.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use chat::{Error, Kind};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use store::KeyHash;

use crate::app::App;
use crate::keyring::{KeyFacts, Keyring};
use crate::reply::Rescue;
use crate::session::cookie;

/// Whoever presented a key that works.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What is known of the key.
    pub facts: Arc<KeyFacts>,
}

/// A caller whose key is for calls.
#[derive(Debug, Clone)]
pub struct Inference(pub Caller);

/// A caller whose key administers.
#[derive(Debug, Clone)]
pub struct Management(pub Caller);

/// Someone who may have presented a key. A key that does not work is refused all the same.
#[derive(Debug, Clone)]
pub struct Visitor(pub Option<Caller>);

/// Finds the caller in memory.
///
/// # Errors
/// When there is no key, or it is unknown, disabled or expired; 503 when the keys have not been
/// read yet.
pub fn identify(headers: &HeaderMap, keyring: &Keyring, now_ms: i64) -> Result<Caller, Error> {
    let Some(facts) = found(headers, keyring, now_ms)? else {
        if !keyring.is_loaded() {
            return Err(crate::reply::storage_trouble(
                "the keys have not been read yet",
            ));
        }
        return Err(refused(
            "Invalid API key: it is unknown here, or was deleted",
        ));
    };
    if facts.key.disabled {
        return Err(match &facts.terms.written.frozen {
            Some(reason) => refused(&format!("This API key is disabled: {reason}")),
            None => refused("This API key is disabled"),
        });
    }
    if facts.key.is_expired(now_ms) {
        return Err(refused("This API key has expired"));
    }
    Ok(Caller {
        facts: Arc::clone(facts),
    })
}

/// The key that the headers name, if it is known.
fn found<'a>(
    headers: &HeaderMap,
    keyring: &'a Keyring,
    now_ms: i64,
) -> Result<Option<&'a Arc<KeyFacts>>, Error> {
    if let Some(key) = presented(headers)? {
        return Ok(keyring.get(&KeyHash::of(key)));
    }
    let Some(secret) = cookie::presented(headers) else {
        return Err(refused("Missing Authentication header"));
    };
    if !keyring.is_loaded() {
        return Ok(None);
    }
    let open = keyring.session(&KeyHash::of(secret));
    let open = open
        .filter(|open| open.counts(keyring, now_ms))
        .ok_or_else(|| refused("This session has ended; sign in again"))?;
    let Some(hash) = headers.get(cookie::AS_KEY) else {
        return Ok(Some(&open.facts));
    };
    let hash = hash.to_str().unwrap_or_default();
    let facts = keyring.get(&KeyHash::from_text(hash));
    let facts = facts.filter(|facts| !facts.key.is_management);
    facts.map(Some).ok_or_else(|| {
        let message = "X-Waybill-As-Key names no inference key";
        Error::caller(Kind::InvalidRequest, message).with_field("X-Waybill-As-Key")
    })
}

/// The key in the headers: `Authorization: Bearer …`, or one of the names that clients of other
/// dialects use.
fn presented(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let unreadable = |_| refused("The Authentication header is not readable text");
    if let Some(value) = headers.get(AUTHORIZATION) {
        let value = value.to_str().map_err(unreadable)?.trim();
        let (scheme, key) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("bearer") || key.trim().is_empty() {
            return Err(refused(
                "The Authorization header must be: Bearer <API key>",
            ));
        }
        return Ok(Some(key.trim()));
    }
    // Anthropic's, Google's and Azure's own clients send their keys so.
    let named = ["x-api-key", "x-goog-api-key", "api-key"];
    let Some(value) = named.iter().find_map(|name| headers.get(*name)) else {
        return Ok(None);
    };
    let key = value.to_str().map_err(unreadable)?.trim();
    Ok((!key.is_empty()).then_some(key))
}

fn refused(message: &str) -> Error {
    Error::caller(Kind::Authentication, message)
}

/// Whether a caller may make calls.
///
/// # Errors
/// When the key is a management key.
pub fn may_call(caller: &Caller) -> Result<(), Error> {
    if caller.facts.key.is_management {
        return Err(Error::caller(
            Kind::PermissionDenied,
            "Management keys cannot be used for inference; use an inference key",
        ));
    }
    Ok(())
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Rescue;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Rescue> {
        let keyring = app.keyring.load();
        Ok(identify(&parts.headers, &keyring, app.clock.now_ms())?)
    }
}

impl FromRequestParts<Arc<App>> for Inference {
    type Rejection = Rescue;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Rescue> {
        let caller = Caller::from_request_parts(parts, app).await?;
        may_call(&caller)?;
        Ok(Self(caller))
    }
}

impl FromRequestParts<Arc<App>> for Management {
    type Rejection = Rescue;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Rescue> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if caller.facts.key.is_management {
            return Ok(Self(caller));
        }
        Err(Error::caller(
            Kind::PermissionDenied,
            "Only management keys can perform this operation",
        )
        .into())
    }
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Rescue;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Rescue> {
        let is_named = presented(&parts.headers)?.is_some();
        if !is_named && cookie::presented(&parts.headers).is_none() {
            return Ok(Self(None));
        }
        Ok(Self(Some(Caller::from_request_parts(parts, app).await?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::StoredKey;

    fn ring(change: impl FnOnce(&mut KeyFacts)) -> Keyring {
        let key = StoredKey {
            hash: KeyHash::of("sk-mine"),
            label: "sk-...".into(),
            name: "mine".into(),
            workspace_id: "w".into(),
            is_management: false,
            disabled: false,
            limit: None,
            limit_reset: None,
            include_byok_in_limit: false,
            creator_user_id: None,
            created_at_ms: 0,
            updated_at_ms: None,
            expires_at_ms: None,
        };
        let mut facts = KeyFacts {
            key,
            terms: Arc::default(),
        };
        change(&mut facts);
        Keyring::of([facts])
    }

    fn with(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn a_key_is_taken_from_either_header() {
        let ring = ring(|_| {});
        for headers in [
            with("authorization", "Bearer sk-mine"),
            with("authorization", "bearer  sk-mine "),
            with("x-api-key", "sk-mine"),
        ] {
            assert!(identify(&headers, &ring, 0).is_ok(), "{headers:?}");
        }
    }

    #[test]
    fn each_way_of_not_being_let_in_has_its_own_words() {
        let mine = || with("authorization", "Bearer sk-mine");
        let check = |headers: HeaderMap, ring: Keyring, kind: Kind, words: &str| {
            let error = identify(&headers, &ring, 1000)
                .and_then(|caller| may_call(&caller))
                .unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(words), "{error}");
        };
        let open = || ring(|_| {});
        check(
            HeaderMap::new(),
            open(),
            Kind::Authentication,
            "Missing Authentication header",
        );
        check(
            with("authorization", "Basic abc"),
            open(),
            Kind::Authentication,
            "Bearer",
        );
        check(
            with("authorization", "Bearer other"),
            open(),
            Kind::Authentication,
            "unknown",
        );
        check(
            mine(),
            ring(|k| k.key.disabled = true),
            Kind::Authentication,
            "disabled",
        );
        check(
            mine(),
            ring(|k| k.key.expires_at_ms = Some(1000)),
            Kind::Authentication,
            "expired",
        );
        check(
            mine(),
            ring(|k| k.key.is_management = true),
            Kind::PermissionDenied,
            "inference key",
        );
        check(
            mine(),
            Keyring::default(),
            Kind::GatewayUnavailable,
            "not available",
        );
    }
}
