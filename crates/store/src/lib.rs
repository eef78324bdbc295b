//! What must survive a restart: keys, workspaces, generations, settings.
//!
//! The only crate with SQL in it. Read in this order:
//!
//! 1. [`Store`]: the open database; its rooms are [`Keys`], [`Workspaces`], [`Generations`],
//!    [`Settings`] and the feed of [`Change`]s.
//! 2. [`Recorder`]: `ledger::Books` over a store. Makes the record of a finished call durable in a
//!    journal on this machine (`journal/`), folds it into the database in batches (`fold.rs`), and
//!    answers for it from the first moment.
//! 3. [`Ledgers`]: the same with [`Budgets`] and leases. `leases.rs` has the one rule that keeps
//!    them, `posting.rs` what happens to them when a call is written, `verify.rs` what must agree.
//! 4. [`Vault`] (`secrets/`): what the database keeps of secrets only this house can read.
//! 5. [`Archive`] (`payloads/`): the content of calls, for those who want it kept.
//! 6. `database/`, `migrate.rs`, `rows/`: below those, the engines, the schema, and records as
//!    rows.
//!
//! Times are Unix milliseconds and always come from the caller: there is no clock here.

mod balances;
mod budgets;
mod changes;
mod credits;
mod database;
mod entries;
mod error;
mod export;
mod feedback;
mod fold;
mod generations;
mod journal;
mod json;
mod keys;
mod leases;
mod ledgers;
mod migrate;
mod node;
mod payloads;
mod pending;
mod posting;
mod record;
mod recorder;
mod records;
mod row_texts;
mod rows;
mod secrets;
mod settings;
mod spending;
mod statement;
mod verify;
mod workspaces;

use std::fmt;
use std::sync::Arc;

use database::{Database, Statement};
use records::{KnownFacets, KnownMonths};

pub use balances::balance_budget_id;
pub use budgets::{BudgetState, Budgets, StoredBudget, key_budget, key_budget_id};
pub use changes::{Change, News, Noun};
pub use credits::{CreditKind, NewCredit};
pub use database::rest::now_and_then as rest_now_and_then;
pub use entries::StoredEntry;
pub use error::StoreError;
pub use export::ExportAfter;
pub use feedback::Feedback;
pub use generations::Generations;
pub use journal::{JournalError, JournalOptions};
pub use keys::{
    KeyFilter, KeyHash, KeyPatch, Keys, LimitReset, NewKey, StoredKey, TERMS as KEY_TERMS, masked,
};
pub use leases::Lease;
pub use ledgers::{LedgerFigures, LedgerLimits, Ledgers};
pub use node::NodeId;
pub use payloads::{
    Archive, ArchiveError, ContentTotals, Directory, Erase, InMemory, NewPayload, ObjectError,
    Objects, SealedPayload, Sealer,
};
pub use posting::{Posting, PostingLine, Settled};
pub use record::{record_from_json, record_to_json};
pub use recorder::{Figures, NotDrained, Recorder, RecorderLimits, RecorderOptions};
pub use records::{
    CacheBreak, CacheLosses, Dimension, Facet, FacetFilter, Grain, ListQuery, Looked, Measure,
    Measures, Month, OTHER, PAGE_MAX, Page, Partition, RollupQuery, RollupRow, SESSIONS_MAX,
    SampledSession, SessionKey, SessionOrder, SessionPage, SessionPlace, SessionQuery, SessionSums,
    Sketched,
};
pub use secrets::{DataKey, KeyMistake, MasterKeys, Vault, VaultError};
pub use settings::{Setting, Settings};
pub use spending::{Credits, Spending, Spent};
pub use statement::{Scope, StatementRow, csv_field};
pub use verify::Difference;
pub use workspaces::{DEFAULT_WORKSPACE_ID, NewWorkspace, Workspace, Workspaces};

/// An open database. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Store {
    database: Arc<Database>,
    months: Arc<KnownMonths>,
    facets: Arc<KnownFacets>,
}

impl Store {
    /// Opens `sqlite:<file>`, `sqlite::memory:` or `postgres://…` and brings its schema up to date.
    /// Any number of processes may do so at once.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`], [`StoreError::Unavailable`], and the two errors of a schema that is
    /// not ours: [`StoreError::NewerSchema`] and [`StoreError::ChangedMigration`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        // On the heap: whoever starts up need not have room for the pools of either engine.
        let database = Arc::new(Box::pin(Database::open(url)).await?);
        migrate::migrate(&database).await?;
        let store = Self {
            database,
            months: Arc::default(),
            facets: Arc::default(),
        };
        store.adopt().await?;
        store.complete_index().await?;
        Ok(store)
    }

    /// Asks the database for a sign of life, for readiness.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it gives none.
    pub async fn check(&self) -> Result<(), StoreError> {
        Statement::new("SELECT revision FROM revisions WHERE id = 1")
            .read(&self.database)
            .await
            .map(drop)
    }

    /// The name of the engine, for logs: `sqlite` or `postgres`.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match self.database.engine {
            database::Engine::Sqlite => "sqlite",
            database::Engine::Postgres => "postgres",
        }
    }

    /// Whether the database is gone with the process anyway.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        self.database.is_in_memory
    }

    /// Closes every connection, after what runs has ended. Later calls answer `Unavailable`.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

impl fmt::Debug for Store {
    // The pools would print the URL, and with it the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("engine", &self.engine())
            .finish_non_exhaustive()
    }
}
