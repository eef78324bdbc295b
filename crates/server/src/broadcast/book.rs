//! `Broadcast`: the destinations in memory, and the calls that wait to be sorted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use ledger::trace::TraceParent;
use store::{Store, StoreError, Vault};
use telemetry::call::Told;
use telemetry::destination::{Filter, Kinds, Settings};
use telemetry::egress::{Egress, Guard, Network};
use telemetry::otlp::Teller;
use telemetry::span::Attributes;
use tokio::sync::mpsc;

use super::spool::{Figures, Spool};
use super::stored::{self, Destination};

/// So many finished calls may wait to be sorted.
const UNSORTED_MAX: usize = 4096;

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
    unsorted: mpsc::Sender<Told>,
    lost: AtomicU64,
}

impl Broadcast {
    /// A house without destinations, and the calls that are to be sorted.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(allowed: Vec<Network>) -> anyhow::Result<(Arc<Self>, mpsc::Receiver<Told>)> {
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
            lost: AtomicU64::new(0),
        };
        Ok((Arc::new(broadcast), calls))
    }

    /// Takes a finished call, if anybody is to be told of it. Never waits.
    pub fn offer(&self, generation: &Arc<ledger::Generation>, parent: Option<&TraceParent>) {
        let is_wanted = self
            .live
            .load()
            .contains_key(generation.caller.workspace_id.as_str());
        if !is_wanted {
            return;
        }
        let told = Told {
            generation: Arc::clone(generation),
            parent: parent.cloned(),
        };
        if self.unsorted.try_send(told).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
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
        let mut spools = self.spools.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(spools.entry(id.to_owned()).or_default())
    }

    /// Reads every destination into memory. What is sealed with an old key is sealed anew.
    ///
    /// # Errors
    /// When the store is away; those in memory stay as they are then.
    pub async fn read(&self, store: &Store, vault: &Vault, now_ms: i64) -> Result<(), StoreError> {
        let mut live = ByWorkspace::new();
        let all = stored::all(store).await?;
        let ids: Vec<String> = all.iter().map(|one| one.id.clone()).collect();
        for mut destination in all {
            if let Ok(Some(renewed)) = vault.renewed(&destination.sealed) {
                destination.sealed = renewed;
                destination.keep(store, now_ms).await?;
            }
            if !destination.enabled {
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
                spool: self.spool(&destination.id),
                settings,
                destination,
            };
            let workspace = one.destination.workspace_id.clone();
            live.entry(workspace).or_default().push(Arc::new(one));
        }
        let mut spools = self.spools.lock().unwrap_or_else(PoisonError::into_inner);
        spools.retain(|id, _| ids.contains(id));
        drop(spools);
        self.live.store(Arc::new(live));
        Ok(())
    }

    /// What became of all calls, of all destinations together; and how many were lost unsorted.
    #[must_use]
    pub fn figures(&self) -> (Figures, u64) {
        let spools = self.spools.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = spools.values().fold(Figures::default(), |sum, spool| {
            let own = spool.figures();
            Figures {
                delivered: sum.delivered + own.delivered,
                failed: sum.failed + own.failed,
                dropped: sum.dropped + own.dropped,
                waiting: sum.waiting + own.waiting,
                waiting_bytes: sum.waiting_bytes + own.waiting_bytes,
            }
        });
        (sum, self.lost.load(Ordering::Relaxed))
    }
}
