//! The keys of a first start.

use anyhow::bail;
use relay::Secret;
use store::{DEFAULT_WORKSPACE_ID, KeyHash, NewKey, Store, StoreError};

use crate::config::Environment;
use crate::{clock, keyring};

/// The variable that sets the first management key.
pub const ROOT_KEY: &str = "WAYBILL_ROOT_KEY";

/// The keys of a first start; nobody can ask for them again.
#[derive(Debug)]
pub struct FirstKeys {
    /// Absent when `WAYBILL_ROOT_KEY` gave it.
    pub management: Option<Secret>,
    /// For calls.
    pub inference: Secret,
}

/// Makes the default workspace and the first keys, if nobody has; and sees to it that the key in
/// `WAYBILL_ROOT_KEY` works.
pub(super) async fn first_keys(
    store: &Store,
    environment: &Environment,
    now_ms: i64,
) -> anyhow::Result<Option<FirstKeys>> {
    let root = environment.get(ROOT_KEY).map(str::trim);
    if root.is_some_and(|key| !keyring::is_our_form(key)) {
        bail!(
            "{ROOT_KEY} must be \"{}\" and 64 lowercase hex digits",
            keyring::PREFIX
        );
    }
    let management = match root {
        Some(key) => key.to_owned(),
        None => keyring::secret_from(clock::random()?),
    };
    let inference = keyring::secret_from(clock::random()?);
    let new = |secret: &str, name: &str| NewKey::new(secret, name, DEFAULT_WORKSPACE_ID, now_ms);
    let management_key = new(&management, "first management key").with_management();
    let inference_key = new(&inference, "first key");
    if store
        .first_start(&[management_key.clone(), inference_key], now_ms)
        .await?
    {
        return Ok(Some(FirstKeys {
            management: root.is_none().then(|| Secret::new(management)),
            inference: Secret::new(inference),
        }));
    }
    if root.is_some()
        && store
            .keys()
            .by_hash(&KeyHash::of(&management))
            .await?
            .is_none()
    {
        match store.keys().create(&management_key).await {
            // Another replica was faster.
            Ok(_) | Err(StoreError::AlreadyExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}
