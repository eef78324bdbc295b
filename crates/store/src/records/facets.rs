//! Facets: the combinations of workspace, key, app, model, endpoint and outcome that calls are
//! counted by. A combination is stored once, and named by a hash of itself in records and roll-ups.
//!
//! What a caller may choose freely could make as many facets as there are calls. A key that has made
//! [`FACETS_PER_KEY_MAX`] of them gets no new ones for its apps and for models that were not served;
//! those count as [`OTHER`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::Generation;
use sha2::{Digest as _, Sha256};

use super::parts::{Parts, Recent};
use crate::StoreError;
use crate::database::{Row, Statement, Transaction};

/// So many facets one key can make by what it calls itself.
pub(crate) const FACETS_PER_KEY_MAX: usize = 1000;

/// What names beyond that count as.
pub const OTHER: &str = "(other)";

/// So many facets are remembered as stored; then all are forgotten, and asked for anew.
const KNOWN_MAX: usize = 100_000;

/// A combination that calls are counted by. Nothing is an empty text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Facet {
    /// The workspace that paid.
    pub workspace_id: String,
    /// Hash of the key.
    pub key_hash: String,
    /// Who made the key, as far as is known; not part of what makes a facet.
    pub member: Option<String>,
    /// The dialect that the caller spoke.
    pub dialect: String,
    /// The app: its title, else its URL.
    pub app: String,
    /// The app's URL.
    pub origin: String,
    /// The model that served, else the one that was asked for.
    pub model: String,
    /// Slug of the provider that served.
    pub provider: String,
    /// Tag of the endpoint that served.
    pub endpoint: String,
    /// The status line that the caller got.
    pub status: i64,
    /// `completed`, `cancelled` or `failed`.
    pub outcome: String,
    /// What went wrong.
    pub error_kind: String,
}

impl Facet {
    /// The facet of a call.
    pub(crate) fn of(generation: &Generation) -> Self {
        Parts::of(generation).to_facet()
    }

    /// The same without what the caller chose freely.
    fn plainer(self, is_served: bool) -> Self {
        let other = |text: String| {
            if text.is_empty() {
                text
            } else {
                OTHER.to_owned()
            }
        };
        Self {
            app: other(self.app),
            origin: other(self.origin),
            model: if is_served {
                self.model
            } else {
                other(self.model)
            },
            ..self
        }
    }

    /// Its name.
    pub(crate) fn id(&self) -> i64 {
        self.parts().id()
    }

    /// A combination of nothing.
    pub(super) const fn nothing() -> Self {
        Self {
            workspace_id: String::new(),
            key_hash: String::new(),
            member: None,
            dialect: String::new(),
            app: String::new(),
            origin: String::new(),
            model: String::new(),
            provider: String::new(),
            endpoint: String::new(),
            status: 0,
            outcome: String::new(),
            error_kind: String::new(),
        }
    }

    /// What makes it.
    pub(super) fn parts(&self) -> Parts<'_> {
        Parts {
            texts: [
                &self.workspace_id,
                &self.key_hash,
                &self.dialect,
                &self.app,
                &self.origin,
                &self.model,
                &self.provider,
                &self.endpoint,
                &self.outcome,
                &self.error_kind,
            ],
            status: self.status,
        }
    }
}

/// The first 63 bits of a hash.
pub(super) fn first_bits(hash: Sha256) -> i64 {
    let hash = hash.finalize();
    let first = hash.iter().take(8);
    first.fold(0, |id, byte| id << 8 | i64::from(*byte)) & i64::MAX
}

/// The facets that are known to be stored.
#[derive(Debug, Default)]
pub(crate) struct KnownFacets(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    stored: HashSet<i64>,
    /// How many each key has.
    of_key: HashMap<String, usize>,
    /// Some of those that are stored.
    recent: Recent,
}

/// Facets that a transaction has stored; they are known when it has committed.
#[derive(Debug, Default)]
pub(crate) struct NewFacets(Vec<(i64, String)>);

impl KnownFacets {
    /// The facet of each call, by name. Those that are not stored are, in this transaction.
    pub(crate) async fn of(
        &self,
        transaction: &mut Transaction,
        calls: &[&Generation],
    ) -> Result<(Vec<i64>, NewFacets), StoreError> {
        let mut ids = Vec::with_capacity(calls.len());
        // Sorted, so that two nodes lock rows in the same order and never each other.
        let mut missing: BTreeMap<i64, (Facet, i64)> = BTreeMap::new();
        for call in calls {
            let parts = Parts::of(call);
            if let Some(id) = self.recent(&parts) {
                ids.push(id);
                continue;
            }
            let mut id = parts.id();
            if !self.is_stored(id) && !missing.contains_key(&id) {
                let many = self
                    .count(transaction, &call.caller.key_hash, &missing)
                    .await?;
                let facet = if many < FACETS_PER_KEY_MAX {
                    parts.to_facet()
                } else {
                    parts.to_facet().plainer(!call.model.is_empty())
                };
                id = facet.id();
                if !self.is_stored(id) {
                    missing.insert(id, (facet, call.created_at_ms));
                }
            }
            self.remember(&parts, id);
            ids.push(id);
        }
        let mut new = Vec::with_capacity(missing.len());
        for (id, (facet, at_ms)) in missing {
            insert(transaction, id, &facet, at_ms).await?;
            new.push((id, facet.key_hash));
        }
        Ok((ids, NewFacets(new)))
    }

    /// Takes note of what has been stored.
    pub(crate) fn committed(&self, new: NewFacets) {
        let mut known = self.locked();
        if known.stored.len() > KNOWN_MAX {
            *known = Known::default();
        }
        for (id, key) in new.0 {
            if known.stored.insert(id)
                && let Some(count) = known.of_key.get_mut(&key)
            {
                *count += 1;
            }
        }
    }

    /// How many facets a key has, those that are about to be stored included.
    async fn count(
        &self,
        transaction: &mut Transaction,
        key_hash: &str,
        missing: &BTreeMap<i64, (Facet, i64)>,
    ) -> Result<usize, StoreError> {
        let known = self.locked().of_key.get(key_hash).copied();
        let stored = match known {
            Some(count) => count,
            None => {
                let rows = Statement::new("SELECT id FROM facets WHERE key_hash = $1")
                    .text(key_hash)
                    .rows(transaction)
                    .await?;
                let ids: Vec<i64> = rows
                    .iter()
                    .map(|row| row.int("id"))
                    .collect::<Result<_, _>>()?;
                let mut known = self.locked();
                known.of_key.insert(key_hash.to_owned(), ids.len());
                known.stored.extend(&ids);
                ids.len()
            }
        };
        let new = missing
            .values()
            .filter(|(facet, _)| facet.key_hash == key_hash);
        Ok(stored.saturating_add(new.count()))
    }

    fn recent(&self, parts: &Parts<'_>) -> Option<i64> {
        self.locked().recent.find(parts)
    }

    /// Only what is stored: a transaction that fails leaves nothing behind.
    fn remember(&self, parts: &Parts<'_>, id: i64) {
        let mut known = self.locked();
        if known.stored.contains(&id) {
            known.recent.put(parts, id);
        }
    }

    fn is_stored(&self, id: i64) -> bool {
        self.locked().stored.contains(&id)
    }

    fn locked(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn insert(
    transaction: &mut Transaction,
    id: i64,
    facet: &Facet,
    at_ms: i64,
) -> Result<(), StoreError> {
    let mut statement = Statement::new(
        "INSERT INTO facets (id, workspace_id, key_hash, dialect, app, origin, model, provider, \
         endpoint, outcome, error_kind, status, first_ms, last_ms, member) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, \
         (SELECT creator_user_id FROM keys WHERE hash = $3)) ON CONFLICT (id) DO NOTHING",
    )
    .int(id);
    for part in facet.parts().texts {
        statement = statement.text(part);
    }
    statement
        .int(facet.status)
        .int(at_ms)
        .run(transaction)
        .await
        .map(drop)
}

/// A row of `facets`; its columns may have been selected among others.
pub(crate) fn from_row(row: &Row) -> Result<Facet, StoreError> {
    Ok(Facet {
        workspace_id: row.text("workspace_id")?,
        key_hash: row.text("key_hash")?,
        member: row.maybe_text("member")?,
        dialect: row.text("dialect")?,
        app: row.text("app")?,
        origin: row.text("origin")?,
        model: row.text("model")?,
        provider: row.text("provider")?,
        endpoint: row.text("endpoint")?,
        status: row.int("status")?,
        outcome: row.text("outcome")?,
        error_kind: row.text("error_kind")?,
    })
}
