//! From a configuration to a server that answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use arc_swap::ArcSwap;
use catalog::Catalog;
use ledger::Books;
use relay::{Clock, Credentials, HttpUpstream, Parts, Relay, Secret};
use store::{
    DEFAULT_WORKSPACE_ID, JournalOptions, KeyHash, LedgerLimits, Ledgers, NewKey, NodeId, Recorder,
    RecorderLimits, RecorderOptions, Store, StoreError, Vault,
};
use telemetry::call::Told;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::metrics::Metrics;
use crate::api::models::Rendered;
use crate::app::{self, App};
use crate::books::CountedBooks;
use crate::broadcast::{self, Broadcast};
use crate::budget_index;
use crate::byok::Opened;
use crate::cache::ResponseCache;
use crate::cache_health::CacheBoard;
use crate::clock;
use crate::config::{Config, Environment};
use crate::content::{self, Keeper};
use crate::examples::{cheapest, usable, well_known};
use crate::limits::{Gate, Velocity};
use crate::listen::{self, Manners};
use crate::session::password::Guesses;
use crate::setup::Setup;
use crate::shelf::{Built, KEPT_ROWS, Shelf};
use crate::tracer::{self, Tracer};
use crate::{additions, jobs, keyring, replicas, router, vault, workspace_terms};

/// The variable that sets the first management key.
pub const ROOT_KEY: &str = "WAYBILL_ROOT_KEY";

/// How long records may take to reach the database at the end.
const RECORDS_WAIT: Duration = Duration::from_secs(10);

/// How long giving back leases may take.
const LEASES_WAIT: Duration = Duration::from_secs(5);

/// How long jobs may take to end once they are told to, writing the last content among them.
const JOBS_WAIT: Duration = Duration::from_secs(6);

/// The keys of a first start; nobody can ask for them again.
#[derive(Debug)]
pub struct FirstKeys {
    /// Absent when `WAYBILL_ROOT_KEY` gave it.
    pub management: Option<Secret>,
    /// For calls.
    pub inference: Secret,
}

/// A server that answers.
pub struct Running {
    /// Everything in it.
    pub app: Arc<App>,
    /// Where it listens.
    pub address: SocketAddr,
    /// On the first start, the first keys.
    pub first_keys: Option<FirstKeys>,
    calls: TaskTracker,
    door: JoinHandle<()>,
    drain: Duration,
}

/// Opens the store that a configuration names, making the data directory if it is needed.
///
/// # Errors
/// When the directory cannot be made or the database cannot be opened.
pub async fn open_store(config: &Config, environment: &Environment) -> anyhow::Result<Store> {
    let url = match &config.storage.url {
        Some(written) => match written.resolve(environment) {
            Ok(Some(url)) => url.expose().to_owned(),
            Ok(None) => bail!("storage.url names a variable that is not set"),
            Err(message) => bail!("storage.url: {message}"),
        },
        None => {
            let dir = &config.server.data_dir;
            make_dir(dir)?;
            format!("sqlite:{}", dir.join("waybill.db").display())
        }
    };
    if let Some(path) = url
        .strip_prefix("sqlite:")
        .filter(|path| !path.starts_with(':'))
        && let Some(dir) = Path::new(path.trim_start_matches("//")).parent()
    {
        make_dir(dir)?;
    }
    Ok(Store::open(&url).await?)
}

/// The name of a node whose database is gone with the process anyway.
const NODE_IN_MEMORY: &str = "memory";

/// The node's name, and where settled calls are kept until the database has them: nowhere for a
/// database that is gone with the process anyway.
fn node(config: &Config, store: &Store) -> anyhow::Result<(String, Option<JournalOptions>)> {
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

fn make_dir(dir: &Path) -> anyhow::Result<()> {
    if dir.as_os_str().is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(dir)
        .with_context(|| format!("cannot make the directory {}", dir.display()))
}

/// Starts a server: store, keys, catalog, relay, door, jobs. Calls run on the runtime that this
/// runs on, everything else on `desk`.
///
/// # Errors
/// When the address is taken, the store cannot be opened, or `WAYBILL_ROOT_KEY` has a wrong form.
pub async fn start(setup: Setup, desk: Handle) -> anyhow::Result<Running> {
    let Setup {
        config,
        shelf,
        built,
        environment,
        clock,
    } = setup;
    let listener = listen::bind(config.server.listen).await?;
    let address = listener.local_addr()?;
    let store = open_store(&config, &environment).await?;
    let vault = Arc::new(vault::open(&config, &environment, &store)?);
    let first_keys = first_keys(&store, &environment, clock.now_ms()).await?;
    let seen = store.revision().await?;
    let budgets = budget_index::read(&store, config.billing.mode, clock.now_ms()).await?;

    let (calls, tasks) = (TaskTracker::new(), TaskTracker::new());
    let stop = CancellationToken::new();
    let (recorder, ledgers, node) = open_books(&config, &store, &tasks, &desk).await?;
    let gate = replicas::join(&config, &environment, &clock, &tasks, &stop).await?;
    let told = (&config, &environment, node.as_str(), &clock);
    let (heard, unsorted) = open_heard(told, (&store, &vault), (&tasks, &desk)).await?;
    let (books, too_fast) = counted(&config, (gate, heard), &clock, &ledgers);
    let (catalog, credentials) = served((&store, &vault, &clock), &shelf, built).await?;
    let relay = open_relay(&config, (&catalog, &credentials), &books, &clock, &calls)?;
    jobs::keep_health::restore(&store, relay.health(), &node).await?;
    let app = Arc::new(App {
        public_url: public_url(&config, address),
        body_bytes_max: config.limits.body_bytes_max,
        request_body: config.door.request_body,
        catalog,
        shelf,
        credentials,
        keyring: Arc::new(ArcSwap::from_pointee(app::keyring(&store).await?)),
        unpriced: ArcSwap::from_pointee(workspace_terms::policies(&store).await?),
        store,
        vault,
        content: Arc::clone(&books.content),
        caches: Arc::clone(&books.caches),
        recorder,
        ledgers,
        billing: config.billing.clone(),
        native: config.native,
        budgets: ArcSwap::from_pointee(budgets),
        guesses: Guesses::default(),
        gate: Arc::clone(&books.gate),
        velocity: books.velocity.as_ref().map(|(guard, _)| Arc::clone(guard)),
        account: config.routing.provider.clone(),
        wishes: config.routing.wishes,
        relay,
        tracer: books.tracer.clone(),
        broadcast: Arc::clone(&books.broadcast),
        response_cache: Arc::clone(&books.response_cache),
        metrics: Arc::clone(&books.metrics),
        model_list: Rendered::default(),
        clock,
        tasks,
        stop,
    });
    let watch = (books.velocity.clone(), too_fast);
    start_jobs(&app, &config, seen, watch, &desk);
    start_keepers(&app, node, unsorted, &desk);
    Ok(Running {
        door: open_door(&app, &config, listener, desk),
        app,
        address,
        first_keys,
        calls,
        drain: config.door.drain,
    })
}

type Swappable<T> = Arc<ArcSwap<T>>;

fn swappable(built: Built) -> (Swappable<Catalog>, Swappable<Credentials>) {
    let catalog = Arc::new(ArcSwap::from_pointee(built.catalog));
    (catalog, Arc::new(ArcSwap::from_pointee(built.credentials)))
}

/// What is served, to be swapped as a whole.
async fn served(
    (store, vault, clock): (&Store, &Vault, &Arc<dyn Clock>),
    shelf: &Shelf,
    built: Built,
) -> Result<(Swappable<Catalog>, Swappable<Credentials>), StoreError> {
    let kept = (store, vault, clock.now_ms());
    on_kept_rows(kept, shelf, built).await.map(swappable)
}

/// Who relays calls.
fn open_relay(
    config: &Config,
    (catalog, credentials): (&Swappable<Catalog>, &Swappable<Credentials>),
    books: &Arc<CountedBooks>,
    clock: &Arc<dyn Clock>,
    calls: &TaskTracker,
) -> anyhow::Result<Arc<Relay>> {
    let upstream = HttpUpstream::new(config.timers.connect)
        .map_err(|error| anyhow::anyhow!("the client for providers cannot be made: {error}"))?;
    Ok(Relay::new(Parts {
        catalog: Arc::clone(catalog),
        credentials: Arc::clone(credentials),
        upstream: Arc::new(upstream),
        books: Arc::clone(books) as Arc<dyn Books>,
        provider_limits: Arc::new(books.at_providers()),
        clock: Arc::clone(clock),
        timers: config.timers,
        tasks: calls.clone(),
    }))
}

/// The books of this node: records and leases, and what runs for them.
async fn open_books(
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

/// Who hears of every call: a collector, destinations, and who keeps its content.
type Heard = (
    Option<Arc<Tracer>>,
    Arc<Broadcast>,
    Arc<Keeper>,
    Arc<CacheBoard>,
);

/// Opens all of them, and the calls that will be sorted among destinations.
async fn open_heard(
    told: (&Config, &Environment, &str, &Arc<dyn Clock>),
    (store, vault): (&Store, &Arc<Vault>),
    (tasks, desk): (&TaskTracker, &Handle),
) -> anyhow::Result<(Heard, mpsc::Receiver<Told>)> {
    let (config, environment, node, clock) = told;
    let tracer = open_tracer(config, environment, node, (tasks, desk))?;
    let (broadcast, unsorted) = open_broadcast(config, (store, vault), clock).await?;
    let content = content::open(told, (store, vault), (tasks, desk)).await?;
    let (caches, hashing) = CacheBoard::new();
    tasks.spawn_on(hashing, desk);
    Ok(((tracer, broadcast, content, caches), unsorted))
}

/// The books with everything that counts calls, and the keys that it finds too fast.
fn counted(
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
async fn open_broadcast(
    config: &Config,
    (store, vault): (&Store, &Vault),
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<(Arc<Broadcast>, mpsc::Receiver<Told>)> {
    let (broadcast, unsorted) = Broadcast::new(config.egress.allow.clone())?;
    broadcast.read(store, vault, clock.now_ms()).await?;
    Ok((broadcast, unsorted))
}

fn start_keepers(app: &Arc<App>, node: String, unsorted: mpsc::Receiver<Told>, desk: &Handle) {
    let sorter = broadcast::deliver::run(Arc::clone(app), unsorted);
    app.tasks.spawn_on(sorter, desk);
    let keeper = jobs::keep_health::run(Arc::clone(app), node);
    app.tasks.spawn_on(keeper, desk);
}

/// Who tells the collector of calls, where there is one.
fn open_tracer(
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

/// The catalog with the rows that an update has kept and with what was added at run time, if there
/// is any of it. Kept rows that no longer build are logged, and what is built in serves.
async fn on_kept_rows(
    (store, vault, now_ms): (&Store, &Vault, i64),
    shelf: &Shelf,
    built: Built,
) -> Result<Built, StoreError> {
    shelf.put_stored(Opened::read(store, vault, now_ms).await?);
    let is_added = additions::put_on(shelf, store, vault).await?;
    let kept = store.settings().get(KEPT_ROWS).await?;
    if kept.is_none() && !is_added && !shelf.has_stored() {
        return Ok(built);
    }
    let kept = kept.as_ref().map(|kept| kept.value.as_str());
    Ok(shelf.build(kept).unwrap_or_else(|errors| {
        tracing::error!(
            mistakes = errors.len(),
            first = errors.first().map(tracing::field::display),
            "the kept catalog does not build; serving the built-in one"
        );
        built
    }))
}

/// Who watches for keys that are too fast, and where they are reported.
type Watch = (Arc<Velocity>, mpsc::Sender<KeyHash>);

fn start_jobs(
    app: &Arc<App>,
    config: &Config,
    seen: i64,
    (velocity, too_fast): (Option<Watch>, mpsc::Receiver<KeyHash>),
    desk: &Handle,
) {
    if let Some((velocity, fast)) = velocity {
        if app.gate.link().is_some() {
            let sharer = jobs::share_velocity::run(Arc::clone(app), Arc::clone(&velocity), fast);
            app.tasks.spawn_on(sharer, desk);
        }
        let freezer = jobs::freeze_keys::run(Arc::clone(app), velocity, too_fast);
        app.tasks.spawn_on(freezer, desk);
    }
    if let (Some(tracer), Some(every)) = (&app.tracer, config.telemetry.metrics_every) {
        let telling = jobs::tell_metrics::run(Arc::clone(app), Arc::clone(tracer), every);
        app.tasks.spawn_on(telling, desk);
    }
    let follower = jobs::follow_changes::run(Arc::clone(app), seen);
    app.tasks.spawn_on(follower, desk);
    app.tasks
        .spawn_on(jobs::keep_content::run(Arc::clone(app)), desk);
    let keeper = jobs::keep_records::run(Arc::clone(app), config.records);
    app.tasks.spawn_on(keeper, desk);
    for probe in &config.probes {
        let probing = jobs::probe_endpoints::run(Arc::clone(app), probe.clone());
        app.tasks.spawn_on(probing, desk);
    }
    if config.discovery.local_engines {
        app.tasks
            .spawn_on(jobs::local_engines::run(Arc::clone(app)), desk);
    }
}

fn open_door(
    app: &Arc<App>,
    config: &Config,
    listener: tokio::net::TcpListener,
    desk: Handle,
) -> JoinHandle<()> {
    let manners = Manners {
        connections_max: config.server.connections_max,
        request_head: config.door.request_head,
        drain: config.door.drain,
    };
    let router = router::router(Arc::clone(app));
    let stop = app.stop.clone();
    app.tasks
        .spawn(listen::serve(listener, router, desk, manners, stop))
}

impl Running {
    /// Waits until the app is told to stop, and then until everything has ended: connections,
    /// calls, records, jobs, in this order, each within a bound.
    pub async fn wait(self) {
        let app = self.app;
        if let Err(error) = self.door.await {
            tracing::error!(%error, "the accept loop ended badly");
            app.stop.cancel();
        }
        self.calls.close();
        if tokio::time::timeout(self.drain, self.calls.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                calls = self.calls.len(),
                "stopped before every call had ended"
            );
        }
        if let Err(error) = app.recorder.drain(RECORDS_WAIT).await {
            tracing::error!(%error, "records wait in the journal for the next start");
        }
        app.content.close_down();
        if !app.ledgers.close(LEASES_WAIT).await {
            tracing::warn!("leases are given back by the next start");
        }
        if let Some(tracer) = &app.tracer {
            tracer.close();
        }
        app.tasks.close();
        if tokio::time::timeout(JOBS_WAIT, app.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("stopped before every job had ended");
        }
        app.store.close().await;
    }

    /// Stops the server and waits for its end.
    pub async fn stop(self) {
        self.app.stop.cancel();
        self.wait().await;
    }

    /// Whether any model can be called.
    #[must_use]
    pub fn has_usable_provider(&self) -> bool {
        usable(&self.app.catalog.load()).next().is_some()
    }

    /// A few variables in which people keep credentials, for examples.
    #[must_use]
    pub fn credential_variables(&self) -> Vec<String> {
        let catalog = self.app.catalog.load();
        let well_known = well_known(&catalog).into_iter();
        let variables = well_known.filter_map(|provider| provider.env.first());
        variables.take(2).map(ToString::to_string).collect()
    }

    /// A model for examples: the cheapest that can be called, else of a well-known provider.
    #[must_use]
    pub fn example_model(&self) -> Option<String> {
        let catalog = self.app.catalog.load();
        let model = cheapest(usable(&catalog)).or_else(|| {
            let author = well_known(&catalog).first()?.slug.as_str();
            cheapest(catalog.models().filter(|model| model.author() == author))
        });
        model.map(|model| model.slug.to_string())
    }
}

/// How callers reach a server that listens at `address`: as configured, else at that address.
#[must_use]
pub fn public_url(config: &Config, address: SocketAddr) -> String {
    config.server.public_url.clone().unwrap_or_else(|| {
        let mut address = address;
        match address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
        format!("http://{address}")
    })
}

/// Makes the default workspace and the first keys, if nobody has; and sees to it that the key in
/// `WAYBILL_ROOT_KEY` works.
async fn first_keys(
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
