//! One-time links: they let one person in, once, for a short while.

use store::{KeyHash, Store, StoreError};

use crate::clock;

/// What the names of these settings begin with; the hash of the token follows.
pub const PREFIX: &str = "console/link/";

/// How long a link may wait to be followed, milliseconds: an hour.
pub const LIFE_MS: i64 = 60 * 60 * 1000;

/// Makes a link to the console at `public_url`. The token stands behind `#`, which browsers send
/// to nobody, so that it is in no log on the way.
///
/// # Errors
/// When the store is away or the system gives no randomness.
pub async fn make(store: &Store, public_url: &str, now_ms: i64) -> anyhow::Result<String> {
    let token = hex::encode(clock::random::<32>()?);
    let name = format!("{PREFIX}{}", KeyHash::of(&token));
    let expires = now_ms.saturating_add(LIFE_MS).to_string();
    sweep(store, now_ms).await?;
    store.settings().set(&name, &expires, now_ms).await?;
    let url = public_url.trim_end_matches('/');
    Ok(format!("{url}/sign-in#link={token}"))
}

/// Uses a token up; whether it was good.
///
/// # Errors
/// When the store is away.
pub async fn redeem(store: &Store, token: &str, now_ms: i64) -> Result<bool, StoreError> {
    let name = format!("{PREFIX}{}", KeyHash::of(token));
    let Some(setting) = store.settings().get(&name).await? else {
        return Ok(false);
    };
    let expires: i64 = setting.value.parse().unwrap_or(0);
    // Of two who come at once only one removes it.
    let was_there = store.settings().remove(&name, now_ms).await?;
    Ok(was_there && now_ms < expires)
}

/// Removes links that nobody has followed in time.
async fn sweep(store: &Store, now_ms: i64) -> Result<(), StoreError> {
    for (name, expires) in store.settings().beginning_with(PREFIX).await? {
        if expires.parse().unwrap_or(0) <= now_ms {
            store.settings().remove(&name, now_ms).await?;
        }
    }
    Ok(())
}
