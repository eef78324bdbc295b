//! `Broadcast`: the destinations in memory, and the calls that wait to be sorted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use ledger::GenerationId;
use ledger::generation::CallerNote;
use ledger::trace::TraceParent;
use store::{Store, StoreError, Vault};
use telemetry::call::Told;
use telemetry::content::Conversation;
use telemetry::destination::{Filter, Kinds, Settings, is_chosen};
use telemetry::egress::{Egress, Guard, Network};
use telemetry::otlp::Teller;
use telemetry::span::Attributes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::batch::Shelf;
use super::room::Room;
use super::spool::{Figures, Spool};
use super::stored::{self, Destination};
use crate::content::Listener;
use crate::workspace_terms;

/// So many finished calls may wait to be sorted.
const UNSORTED_MAX: usize = 4096;

/// A finished call that waits to be sorted, and where its content will come from.
#[derive(Debug)]
pub struct Offered {
    /// The call.
    pub told: Told,
    /// Absent where nobody listens.
    pub content: Option<oneshot::Receiver<Arc<Conversation>>>,
}

/// A destination that can be told.
#[derive(Debug)]
pub struct Live {
    /// As it is kept.
    pub destination: Destination,
    /// Its own settings.
    pub settings: Settings,
    /// Its rules.
    pub filter: Option<Filter>,
    /// What waits for it.
    pub spool: Arc<Spool>,
}

impl Live {
    /// Whether it is told of a call, as far as key and sampling say: rules say more when it has ended.
    #[must_use]
    pub fn hears_of(&self, id: &GenerationId, caller: &CallerNote) -> bool {
        let destination = &self.destination;
        let keys = destination.api_key_hashes.as_ref();
        keys.is_none_or(|keys| keys.contains(&caller.key_hash))
            && is_chosen(&destination.id, (id, caller), destination.sampled_ppm)
    }

    /// Whether it is told what was asked and answered, or a rule of it must know that.
    fn needs_content(&self) -> bool {
        let by_rule = self.filter.as_ref().is_some_and(Filter::reads_content);
        self.destination.with_content || by_rule
    }
}

type ByWorkspace = HashMap<String, Vec<Arc<Live>>>;

/// Every destination of the house.
#[derive(Debug)]
pub struct Broadcast {
    /// The kinds there are.
    pub kinds: Kinds,
    /// The guarded way out.
    pub egress: Egress,
    /// Who tells.
    pub teller: Teller,
    live: ArcSwap<ByWorkspace>,
    /// By id; a destination keeps its spool while it is changed.
    spools: Mutex<HashMap<String, Arc<Spool>>>,
    unsorted: mpsc::Sender<Offered>,
    /// Whose content will be heard, of calls in flight.
    awaited: Mutex<HashMap<GenerationId, oneshot::Receiver<Arc<Conversation>>>>,
    lost: AtomicU64,
    /// Where spools survive a restart, unless nothing does.
    pub(super) room: Option<Arc<Room>>,
    /// No further call will end.
    pub(super) closing: CancellationToken,
}

impl Broadcast {
    /// A house without destinations, and the calls that are to be sorted.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(
        allowed: Vec<Network>,
        room: Option<Room>,
    ) -> anyhow::Result<(Arc<Self>, mpsc::Receiver<Offered>)> {
        let (unsorted, calls) = mpsc::channel(UNSORTED_MAX);
        let version = env!("CARGO_PKG_VERSION");
        let resource = Attributes::default()
            .text("service.name", "waybill")
            .text("service.version", version);
        let broadcast = Self {
            kinds: Kinds::built_in().map_err(|what| anyhow::anyhow!("destinations: {what}"))?,
            egress: Egress::new(Guard::new(allowed))?,
            teller: Teller {
                resource,
                scope: "waybill",
                version,
            },
            live: ArcSwap::default(),
            spools: Mutex::default(),
            unsorted,
            awaited: Mutex::default(),
            lost: AtomicU64::new(0),
            room: room.map(Arc::new),
            closing: CancellationToken::new(),
        };
        Ok((Arc::new(broadcast), calls))
    }

    /// A call is about to be relayed: who listens to its content, if a destination is to be told it. It
    /// is heard of again by [`Broadcast::offer`] or [`Broadcast::forget`].
    #[must_use]
    pub fn listen(&self, id: &GenerationId, caller: &CallerNote) -> Option<Listener> {
        let live = self.live.load();
        let own = live.get(caller.workspace_id.as_str())?;
        let mut own = own.iter();
        own.find(|live| live.needs_content() && live.hears_of(id, caller))?;
        let (listener, content) = oneshot::channel();
        self.awaited().insert(id.clone(), content);
        Some(listener)
    }

    /// A call has ended without a record.
    pub fn forget(&self, id: &GenerationId) {
        if !self.live.load().is_empty() {
            self.awaited().remove(id);
        }
    }

    fn awaited(
        &self,
    ) -> MutexGuard<'_, HashMap<GenerationId, oneshot::Receiver<Arc<Conversation>>>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a finished call, if anybody is to be told of it. Never waits.
    pub fn offer(&self, generation: &Arc<ledger::Generation>, parent: Option<&TraceParent>) {
        let live = self.live.load();
        if live.is_empty() {
            return;
        }
        let content = self.awaited().remove(&generation.id);
        if !live.contains_key(generation.caller.workspace_id.as_str()) {
            return;
        }
        let told = Told {
            generation: Arc::clone(generation),
            parent: parent.cloned(),
            content: None,
            heeds_note: true,
        };
        if self.unsorted.try_send(Offered { told, content }).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// No further call will end: what waits is put on the disk, and whoever sends stops.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Every destination that is told anything.
    pub(super) fn all(&self) -> Vec<Arc<Live>> {
        self.live.load().values().flatten().cloned().collect()
    }

    /// The destinations that are told something or may be again.
    pub(super) fn known(&self) -> HashMap<String, Arc<Spool>> {
        self.spools().clone()
    }

    /// A destination, and where its calls lie.
    pub(super) fn shelf(&self, live: Arc<Live>) -> Shelf {
        Shelf {
            live,
            room: self.room.clone(),
        }
    }

    /// Forgets what waits for a destination that is gone, and what it never took.
    pub async fn forget_spool(&self, id: &str) {
        let spool = self.spools().remove(id);
        if let Some(spool) = spool {
            spool.forget_waiting();
        }
        let Some(room) = self.room.clone() else {
            return;
        };
        let folder = id.to_owned();
        let cleared = spawn_blocking(move || room.clear(&folder)).await;
        if let Ok(Err(error)) = cleared {
            tracing::error!(destination = id, %error, "the spool of a destination cannot be removed");
        }
    }

    fn spools(&self) -> MutexGuard<'_, HashMap<String, Arc<Spool>>> {
        self.spools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The destinations of a workspace that are told anything.
    #[must_use]
    pub fn of(&self, workspace_id: &str) -> Vec<Arc<Live>> {
        let live = self.live.load();
        live.get(workspace_id).cloned().unwrap_or_default()
    }

    /// The spool of a destination.
    #[must_use]
    pub fn spool(&self, id: &str) -> Arc<Spool> {
        let mut spools = self.spools();
        Arc::clone(spools.entry(id.to_owned()).or_default())
    }

    /// Reads every destination into memory. What is sealed with an old key is sealed anew.
    ///
    /// # Errors
    /// When the store is away; those in memory stay as they are then.
    pub async fn read(&self, store: &Store, vault: &Vault, now_ms: i64) -> Result<(), StoreError> {
        let mut live = ByWorkspace::new();
        let all = stored::all(store).await?;
        let silent = workspace_terms::silent(store).await?;
        let ids: Vec<String> = all.iter().map(|one| one.id.clone()).collect();
        for mut destination in all {
            if let Ok(Some(renewed)) = vault.renewed(&destination.sealed) {
                destination.sealed = renewed;
                destination.keep(store, now_ms).await?;
            }
            let spool = self.spool(&destination.id);
            if !destination.enabled || silent.contains(&destination.workspace_id) {
                continue;
            }
            let settings = match destination.open(vault) {
                Ok(settings) => settings,
                Err(error) => {
                    tracing::error!(destination = destination.id, %error, "a destination cannot be told");
                    continue;
                }
            };
            let filter = destination.filter_rules.as_ref();
            let one = Live {
                filter: filter.and_then(|rules| Filter::read(rules).ok()),
                spool,
                settings,
                destination,
            };
            let workspace = one.destination.workspace_id.clone();
            live.entry(workspace).or_default().push(Arc::new(one));
        }
        self.spools().retain(|id, _| ids.contains(id));
        self.live.store(Arc::new(live));
        Ok(())
    }

    /// What became of all calls, of all destinations together; and how many were lost unsorted.
    #[must_use]
    pub fn figures(&self) -> (Figures, u64) {
        let spools = self.spools();
        let all = spools.values().map(|spool| spool.figures());
        let sum = all.fold(Figures::default(), Figures::plus);
        (sum, self.lost.load(Ordering::Relaxed))
    }
}
