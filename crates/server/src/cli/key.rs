//! `waybill key`: make, list, switch off and delete keys, with or without a running server.

use anyhow::{Context as _, bail};
use relay::Clock as _;
use store::{DEFAULT_WORKSPACE_ID, KeyHash, KeyPatch, NewKey, Store, StoredKey};

use super::arguments::{KeyCommand, KeyCreateArguments, LogArgument, Place};
use super::run::{load_valid, small_runtime};
use crate::clock::{self, SystemClock};
use crate::config::Environment;
use crate::time::iso;
use crate::{keyring, out, start};

/// The fewest digits of a hash that find a key.
const DIGITS_MIN: usize = 8;

/// Runs one of its commands.
///
/// # Errors
/// When the database is away, or the key is not there.
pub fn run(
    command: KeyCommand,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<()> {
    small_runtime()?.block_on(async {
        match command {
            KeyCommand::Create(arguments) => {
                let store = open(&arguments.place, log, environment).await?;
                create(&store, &arguments).await
            }
            KeyCommand::List(place) => list(&open(&place, log, environment).await?).await,
            KeyCommand::Disable(arguments) => {
                let store = open(&arguments.place, log, environment).await?;
                let key = find(&store, &arguments.key).await?;
                let patch = KeyPatch {
                    disabled: Some(true),
                    ..KeyPatch::default()
                };
                store
                    .keys()
                    .update(&key.hash, &patch, SystemClock.now_ms())
                    .await?;
                out::note(&format!("disabled {} ({})", key.name, key.label));
                Ok(())
            }
            KeyCommand::Delete(arguments) => {
                let store = open(&arguments.place, log, environment).await?;
                let key = find(&store, &arguments.key).await?;
                store.keys().delete(&key.hash, SystemClock.now_ms()).await?;
                out::note(&format!("deleted {} ({})", key.name, key.label));
                Ok(())
            }
        }
    })
}

pub(super) async fn open(
    place: &Place,
    log: Option<LogArgument>,
    environment: &Environment,
) -> anyhow::Result<Store> {
    let config = load_valid(place, log, environment)?;
    let store = start::open_store(&config, environment).await?;
    // Whoever makes the first key before the first start needs the workspace all the same.
    store.first_start(&[], SystemClock.now_ms()).await?;
    Ok(store)
}

async fn create(store: &Store, asked: &KeyCreateArguments) -> anyhow::Result<()> {
    let secret = keyring::secret_from(clock::random()?);
    let workspace = asked.workspace.as_deref().unwrap_or(DEFAULT_WORKSPACE_ID);
    let mut key = NewKey::new(&secret, &asked.name, workspace, SystemClock.now_ms())
        .with_limit(asked.limit, asked.reset.map(Into::into))
        .with_expiry(asked.expires);
    if asked.management {
        key = key.with_management();
    }
    store.keys().create(&key).await?;
    out::line(&secret).context("the key was made but could not be printed; delete it")
}

async fn list(store: &Store) -> anyhow::Result<()> {
    let keys = store.keys().all().await?;
    let hashes: Vec<KeyHash> = keys.iter().map(|key| key.hash.clone()).collect();
    let spending = store
        .keys()
        .spending_of(&hashes, SystemClock.now_ms())
        .await?;
    out::line("HASH\tLABEL\tNAME\tKIND\tSTATE\tLIMIT\tSPENT\tCREATED")?;
    let now_ms = SystemClock.now_ms();
    for key in &keys {
        let spent = spending.get(&key.hash).map(|spending| spending.total.usage);
        out::line(&row(key, spent.unwrap_or_default(), now_ms))?;
    }
    Ok(())
}

fn row(key: &StoredKey, spent: ledger::Amount, now_ms: i64) -> String {
    let kind = if key.is_management {
        "management"
    } else {
        "inference"
    };
    let state = match (key.disabled, key.is_expired(now_ms)) {
        (true, _) => "disabled",
        (false, true) => "expired",
        (false, false) => "active",
    };
    let limit = match (key.limit, key.limit_reset) {
        (None, _) => "none".to_owned(),
        (Some(limit), None) => limit.to_string(),
        (Some(limit), Some(reset)) => format!("{limit} {}", reset.name()),
    };
    let created = iso(key.created_at_ms);
    let KeyColumns { hash, label, name } = columns(key);
    format!("{hash}\t{label}\t{name}\t{kind}\t{state}\t{limit}\t{spent}\t{created}")
}

struct KeyColumns<'a> {
    hash: &'a str,
    label: &'a str,
    name: String,
}

fn columns(key: &StoredKey) -> KeyColumns<'_> {
    KeyColumns {
        hash: key.hash.as_str(),
        label: &key.label,
        name: key.name.replace(['\t', '\n', '\r'], " "),
    }
}

pub(super) async fn find(store: &Store, text: &str) -> anyhow::Result<StoredKey> {
    let by_secret = KeyHash::of(text);
    let matching: Vec<StoredKey> = store
        .keys()
        .all()
        .await?
        .into_iter()
        .filter(|key| {
            let by_digits = text.len() >= DIGITS_MIN && key.hash.as_str().starts_with(text);
            key.hash == by_secret || by_digits || key.name == text
        })
        .collect();
    match <[StoredKey; 1]>::try_from(matching) {
        Ok([key]) => Ok(key),
        Err(none) if none.is_empty() => bail!("there is no such key; see waybill key list"),
        Err(several) => bail!("{} keys go by that; give more of the hash", several.len()),
    }
}
