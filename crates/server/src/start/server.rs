//! The order of a start: address, store, keys, books, catalog, relay, jobs, door.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use catalog::Catalog;
use ledger::Books;
use relay::{Clock, Credentials, HttpUpstream, Parts, Relay};
use store::{Store, StoreError, Vault};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::models::Rendered;
use crate::app::App;
use crate::books::CountedBooks;
use crate::budget_index::BudgetIndex;
use crate::byok::Opened;
use crate::config::Config;
use crate::config::sections::BillingMode;
use crate::followed::{Followed as _, Source};
use crate::keyring::Keyring;
use crate::listen::{self, Manners};
use crate::session::password::Guesses;
use crate::setup::Setup;
use crate::shelf::{Built, KEPT_ROWS, Shelf};
use crate::status::{StatusBoard, publicity::Publicity};
use crate::{additions, jobs, replicas, router, vault, workspace_terms};

use super::Running;
use super::books::{counted, open_books, open_heard};
use super::first_keys::first_keys;
use super::store::open_store;
use super::workers::{start_jobs, start_keepers};

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
    let (budgets, keyring) = in_memory((&store, &clock), config.billing.mode).await?;

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
        keyring,
        unpriced: ArcSwap::from_pointee(workspace_terms::policies(&store).await?),
        status: StatusBoard::new(Publicity::read(config.status, &store).await?),
        store,
        vault,
        content: Arc::clone(&books.content),
        caches: Arc::clone(&books.caches),
        recorder,
        ledgers,
        billing: config.billing.clone(),
        native: config.native,
        budgets,
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
    start_jobs(&app, &config, seen, (&books, too_fast), &desk);
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

/// What calls are checked against, to be followed from now on.
async fn in_memory(
    (store, clock): (&Store, &Arc<dyn Clock>),
    billing: BillingMode,
) -> Result<(ArcSwap<BudgetIndex>, ArcSwap<Keyring>), StoreError> {
    let now_ms = clock.now_ms();
    let source = Source {
        store,
        billing,
        now_ms,
    };
    let budgets = ArcSwap::from_pointee(BudgetIndex::read(source).await?);
    Ok((budgets, ArcSwap::from_pointee(Keyring::read(source).await?)))
}

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

type Swappable<T> = Arc<ArcSwap<T>>;

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
