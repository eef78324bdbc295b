//! The books of this node, and everyone who hears of every call.

use std::sync::Arc;

use anyhow::Context as _;
use relay::Clock;
use store::{
    JournalOptions, KeyHash, LedgerLimits, Ledgers, NodeId, Recorder, RecorderLimits,
    RecorderOptions, Store, Vault,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::api::metrics::Metrics;
use crate::books::CountedBooks;
use crate::broadcast::{Broadcast, Offered, Room};
use crate::cache::ResponseCache;
use crate::cache_health::CacheBoard;
use crate::config::{Config, Environment};
use crate::content::{self, Keeper};
use crate::limits::{Gate, Velocity};
use crate::tracer::{self, Tracer};
use crate::{clock, jobs};

/// The folder of the data directory that holds what waits for destinations.
const SPOOLS: &str = "broadcast";

/// The name of a node whose database is gone with the process anyway.
const NODE_IN_MEMORY: &str = "memory";

/// The node's name, and where settled calls are kept until the database has them: nowhere for a
/// database that is gone with the process anyway.
pub(super) fn node(
    config: &Config,
    store: &Store,
) -> anyhow::Result<(String, Option<JournalOptions>)> {
    if store.is_in_memory() {
        return Ok((NODE_IN_MEMORY.to_owned(), None));
    }
    let dir = &config.server.data_dir;
    let node = NodeId::in_data_dir(dir, clock::random()?)
        .with_context(|| format!("cannot use the data directory {}", dir.display()))?;
    let bytes_max = config.storage.journal_bytes_max;
    let journal = JournalOptions::in_data_dir(dir, node, bytes_max);
    Ok((node.to_string(), Some(journal)))
}

/// Who hears of every call: a collector, destinations, and who keeps its content.
pub(super) type Heard = (
    Option<Arc<Tracer>>,
    Arc<Broadcast>,
    Arc<Keeper>,
    Arc<CacheBoard>,
);

/// The books of this node: records and leases, and what runs for them.
pub(super) async fn open_books(
    config: &Config,
    store: &Store,
    tasks: &TaskTracker,
    desk: &Handle,
) -> anyhow::Result<(Arc<Recorder>, Arc<Ledgers>, String)> {
    let (node, journal) = node(config, store)?;
    let options = RecorderOptions {
        limits: RecorderLimits::default(),
        journal,
    };
    let (recorder, writer) = Recorder::open(store.clone(), options).await?;
    tasks.spawn_on(writer, desk);
    let limits = LedgerLimits::default();
    let (ledgers, keeper) =
        Ledgers::new(store.clone(), Arc::clone(&recorder), node.clone(), limits);
    tasks.spawn_on(keeper, desk);
    Ok((recorder, ledgers, node))
}

/// Opens all of them, and the calls that will be sorted among destinations.
pub(super) async fn open_heard(
    told: (&Config, &Environment, &str, &Arc<dyn Clock>),
    (store, vault): (&Store, &Arc<Vault>),
    (tasks, desk): (&TaskTracker, &Handle),
) -> anyhow::Result<(Heard, mpsc::Receiver<Offered>)> {
    let (config, environment, node, clock) = told;
    let tracer = open_tracer(config, environment, node, (tasks, desk))?;
    let (broadcast, unsorted) = open_broadcast(config, (store, vault), clock).await?;
    let content = content::open(told, (store, vault), (tasks, desk)).await?;
    let (caches, hashing) = CacheBoard::new(config.telemetry.hashes_prompts);
    tasks.spawn_on(hashing, desk);
    Ok(((tracer, broadcast, content, caches), unsorted))
}

/// The books with everything that counts calls, and the keys that it finds too fast.
pub(super) fn counted(
    config: &Config,
    (gate, (tracer, broadcast, content, caches)): (Gate, Heard),
    clock: &Arc<dyn Clock>,
    ledgers: &Arc<Ledgers>,
) -> (Arc<CountedBooks>, mpsc::Receiver<KeyHash>) {
    let (fast, too_fast) = mpsc::channel(jobs::freeze_keys::WAITING_MAX);
    let velocity = config.limits.velocity_per_hour.map(Velocity::new);
    let books = CountedBooks {
        metrics: Arc::new(Metrics::new(clock.now_ms())),
        gate: Arc::new(gate),
        velocity: velocity.map(|velocity| (Arc::new(velocity), fast)),
        tracer,
        broadcast,
        content,
        caches,
        response_cache: Arc::new(ResponseCache::new(config.cache, Arc::clone(clock))),
        clock: Arc::clone(clock),
        ledgers: Arc::clone(ledgers),
    };
    (Arc::new(books), too_fast)
}

/// The destinations of workspaces, and the calls that will be sorted among them.
pub(super) async fn open_broadcast(
    config: &Config,
    (store, vault): (&Store, &Vault),
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<(Arc<Broadcast>, mpsc::Receiver<Offered>)> {
    let room = match store.is_in_memory() {
        true => None,
        false => Some(
            Room::open(config.server.data_dir.join(SPOOLS), vault)
                .context("what waits for destinations cannot be kept on the disk")?,
        ),
    };
    let (broadcast, unsorted) = Broadcast::new(config.egress.allow.clone(), room)?;
    broadcast.read(store, vault, clock.now_ms()).await?;
    Ok((broadcast, unsorted))
}

/// Who tells the collector of calls, where there is one.
pub(super) fn open_tracer(
    config: &Config,
    environment: &Environment,
    node: &str,
    (tasks, desk): (&TaskTracker, &Handle),
) -> anyhow::Result<Option<Arc<Tracer>>> {
    let Some(collector) = tracer::collector(config, environment, node)? else {
        return Ok(None);
    };
    let (tracer, running) = Tracer::new(collector)?;
    tasks.spawn_on(running, desk);
    Ok(Some(tracer))
}
