//! `App`: every long-lived thing, built once, passed down.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use catalog::{Catalog, Preferences};
use relay::{Clock, Credentials, Relay, UnpricedPolicy};
use store::{Ledgers, Recorder, Store, StoreError, Vault};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::additions;
use crate::api::metrics::Metrics;
use crate::api::models::Rendered;
use crate::api::wishes::Wishes;
use crate::broadcast::Broadcast;
use crate::budget_index::BudgetIndex;
use crate::byok::Opened;
use crate::cache::ResponseCache;
use crate::cache_health::CacheBoard;
use crate::config::native::NativeAccess;
use crate::config::sections::Billing;
use crate::content::Keeper;
use crate::followed::{self, Source};
use crate::keyring::Keyring;
use crate::limits::{Gate, Velocity};
use crate::session::password::Guesses;
use crate::shelf::Shelf;
use crate::status::StatusBoard;
use crate::tracer::Tracer;
use crate::workspace_terms::{self, Policies};

/// Everything that lives as long as the server. Handlers get it as `State<Arc<App>>`.
pub struct App {
    /// How callers reach us, without a slash at the end.
    pub public_url: String,
    /// The longest request body, bytes.
    pub body_bytes_max: usize,
    /// For a request body to arrive.
    pub request_body: Duration,
    /// The current catalog; load it once per request.
    pub catalog: Arc<ArcSwap<Catalog>>,
    /// What the catalog is made of.
    pub shelf: Shelf,
    /// What we present to providers.
    pub credentials: Arc<ArcSwap<Credentials>>,
    /// What must survive a restart.
    pub store: Store,
    /// Seals and opens secrets in it.
    pub vault: Arc<Vault>,
    /// Keeps the content of calls, for those who want it kept.
    pub content: Arc<Keeper>,
    /// Watches providers' caches.
    pub caches: Arc<CacheBoard>,
    /// What the status page says, and to whom.
    pub status: StatusBoard,
    /// Takes the records of finished calls, and answers for them at once.
    pub recorder: Arc<Recorder>,
    /// Holds money for calls under budgets.
    pub ledgers: Arc<Ledgers>,
    /// How calls are paid for.
    pub billing: Billing,
    /// What is passed on to providers' own APIs.
    pub native: NativeAccess,
    /// The budgets, as they are known in memory.
    pub budgets: ArcSwap<BudgetIndex>,
    /// Workspaces with a policy of their own for calls without a price, as they are known in memory.
    pub unpriced: ArcSwap<Policies>,
    /// The keys, as they are known in memory.
    pub keyring: ArcSwap<Keyring>,
    /// Wrong passwords of the console.
    pub guesses: Guesses,
    /// Rate limits.
    pub gate: Arc<Gate>,
    /// Watches for keys that spend too fast, if it is to.
    pub velocity: Option<Arc<Velocity>>,
    /// What is preferred for every call of the house.
    pub account: Option<Arc<Preferences>>,
    /// What is wished for calls where neither a request nor its key says.
    pub wishes: Wishes,
    /// Relays calls.
    pub relay: Arc<Relay>,
    /// Tells a collector of calls, where there is one.
    pub tracer: Option<Arc<Tracer>>,
    /// Tells destinations of workspaces of calls.
    pub broadcast: Arc<Broadcast>,
    /// Answers that may be told again.
    pub response_cache: Arc<ResponseCache>,
    /// What is counted about calls.
    pub metrics: Arc<Metrics>,
    /// The whole list of models, as last written.
    pub model_list: Rendered,
    /// The calendar time.
    pub clock: Arc<dyn Clock>,
    /// Owns every task; awaited at shutdown.
    pub tasks: TaskTracker,
    /// Cancelled when the server is to stop.
    pub stop: CancellationToken,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Takes over what has changed of keys and sessions.
    ///
    /// # Errors
    /// When the store is away; the keys in memory stay as they are then.
    pub async fn follow_keys(&self) -> Result<(), StoreError> {
        if let Some(before) = followed::follow(&self.keyring, self.source()).await? {
            self.let_go_on(&before);
        }
        Ok(())
    }

    /// Takes over what has changed of budgets.
    ///
    /// # Errors
    /// When the store is away; the budgets in memory stay as they are then.
    pub async fn follow_budgets(&self) -> Result<(), StoreError> {
        followed::follow(&self.budgets, self.source())
            .await
            .map(drop)
    }

    /// Reads every key and every budget anew, whatever the feed of changes says.
    ///
    /// # Errors
    /// When the store is away; what is in memory stays as it is then.
    pub async fn reread(&self) -> Result<(), StoreError> {
        let before = followed::reread(&self.keyring, self.source()).await?;
        self.let_go_on(&before);
        followed::reread(&self.budgets, self.source())
            .await
            .map(drop)
    }

    fn source(&self) -> Source<'_> {
        Source {
            store: &self.store,
            billing: self.billing.mode,
            now_ms: self.clock.now_ms(),
        }
    }

    /// Forgives keys that were frozen and no longer are: somebody, perhaps at another replica, has let
    /// them go on.
    fn let_go_on(&self, before: &Keyring) {
        let Some(velocity) = &self.velocity else {
            return;
        };
        let now = self.keyring.load();
        let thawed = before.frozen().filter(|hash| !now.is_frozen(hash));
        thawed.for_each(|hash| velocity.forgive(hash.as_str()));
    }

    /// Reads the policies of workspaces into memory.
    ///
    /// # Errors
    /// When the store is away; those in memory stay as they are then.
    pub async fn read_unpriced(&self) -> Result<(), StoreError> {
        let policies = workspace_terms::policies(&self.store).await?;
        self.unpriced.store(Arc::new(policies));
        let of_content = workspace_terms::content_policies(&self.store).await?;
        self.content.adopt(of_content);
        Ok(())
    }

    /// Reads the destinations of workspaces into memory.
    ///
    /// # Errors
    /// When the store is away; those in memory stay as they are then.
    pub async fn read_destinations(&self) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        self.broadcast.read(&self.store, &self.vault, now_ms).await
    }

    /// What happens to a workspace's calls of which nobody states a price.
    #[must_use]
    pub fn unpriced_of(&self, workspace_id: &str) -> UnpricedPolicy {
        let policies = self.unpriced.load();
        let own = policies.get(workspace_id);
        own.unwrap_or(&self.billing.unpriced).clone()
    }

    /// Takes over keys and budgets right after a change of ours. The change is stored already: should
    /// reading fail, the follower of the feed tries again in a moment.
    pub async fn refresh_keys(&self) {
        let followed = async {
            self.follow_keys().await?;
            self.follow_budgets().await
        };
        if let Err(error) = followed.await {
            tracing::warn!(%error, "a change could not be read back; trying again soon");
        }
    }

    /// Reads the stored credentials, and builds the catalog anew, for they switch providers on.
    ///
    /// # Errors
    /// When the store is away; those in memory stay as they are then.
    pub async fn read_credentials(&self) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let stored = Opened::read(&self.store, &self.vault, now_ms).await?;
        self.shelf.put_stored(stored);
        self.read_catalog().await
    }

    /// Builds the catalog anew from what is kept in the store, and swaps it in. What does not
    /// build is logged, and the old catalog stays.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn read_catalog(&self) -> Result<(), StoreError> {
        additions::put_on(&self.shelf, &self.store, &self.vault).await?;
        let kept = self.store.settings().get(crate::shelf::KEPT_ROWS).await?;
        let text = kept.map(|setting| setting.value);
        match self.shelf.build(text.as_deref()) {
            Ok(built) => {
                tracing::info!(
                    models = built.catalog.models().len(),
                    endpoints = built.catalog.endpoint_count(),
                    "the catalog was refreshed"
                );
                self.credentials.store(Arc::new(built.credentials));
                self.catalog.store(Arc::new(built.catalog));
            }
            Err(errors) => tracing::error!(
                mistakes = errors.len(),
                first = errors.first().map(tracing::field::display),
                "the kept catalog does not build; going on with the old one"
            ),
        }
        Ok(())
    }
}
