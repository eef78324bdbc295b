//! A small house for tests: a relay, its catalog, books that remember, and simulated providers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use catalog::load::Access;
use catalog::preferences::Sort;
use catalog::{Catalog, Preferences, Rows};
use chat::{Dialect, Error};
use http::HeaderMap;
use ledger::generation::CallerNote;
use ledger::{Amount, Budget, BudgetId, Enforcement, Generation, GenerationId, Subject, Window};
use relay::{
    Call, Clock, Credentials, DrainBounds, Hedge, HttpUpstream, Parts, Relay, Reply, ReplyHead,
    Secret, Timers, Unlimited, UnpricedPolicy, Upstream,
};
use serde_json::{Value, json};
use simulator::{Options, PersonaSpec, Script, Simulator};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::counting::{Counting, NOW};

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now_ms(&self) -> i64 {
        NOW * 1000
    }
}

/// One provider of a test: slug, input price in USD per million tokens, default script.
pub(crate) type ProviderSpec<'a> = (&'a str, &'a str, &'a str);

/// In place of a script: nobody listens at this provider's address.
pub(crate) const UNREACHABLE: &str = "unreachable";

pub(crate) struct House {
    pub(crate) simulator: Simulator,
    pub(crate) relay: Arc<Relay>,
    pub(crate) books: Arc<Counting>,
    pub(crate) credentials: Arc<ArcSwap<Credentials>>,
    tasks: TaskTracker,
    calls: AtomicU64,
}

/// An answer as it reached the door.
pub(crate) struct Answered {
    pub(crate) head: ReplyHead,
    pub(crate) body: Bytes,
}

impl House {
    /// A house whose providers all serve `test/echo`, cheapest first.
    pub(crate) async fn open(providers: &[ProviderSpec<'_>]) -> Self {
        Self::with_timers(providers, Timers::default()).await
    }

    pub(crate) async fn with_timers(providers: &[ProviderSpec<'_>], timers: Timers) -> Self {
        Self::build(providers, (timers, DrainBounds::default()), |_| {}).await
    }

    /// A house whose providers' rows are edited before they are loaded.
    pub(crate) async fn with_rows(
        providers: &[ProviderSpec<'_>],
        edit: impl Fn(&mut Value),
    ) -> Self {
        Self::build(providers, (Timers::default(), DrainBounds::default()), edit).await
    }

    /// The same by another clock.
    pub(crate) async fn with_clock(
        providers: &[ProviderSpec<'_>],
        clock: Arc<dyn Clock>,
        edit: impl Fn(&mut Value),
    ) -> Self {
        let terms = (Timers::default(), DrainBounds::default());
        Self::build_at(providers, terms, clock, edit).await
    }

    pub(crate) async fn build(
        providers: &[ProviderSpec<'_>],
        terms: (Timers, DrainBounds),
        edit: impl Fn(&mut Value),
    ) -> Self {
        Self::build_at(providers, terms, Arc::new(Still), edit).await
    }

    async fn build_at(
        providers: &[ProviderSpec<'_>],
        (timers, bounds): (Timers, DrainBounds),
        clock: Arc<dyn Clock>,
        edit: impl Fn(&mut Value),
    ) -> Self {
        let reachable = providers
            .iter()
            .filter(|(_, _, script)| *script != UNREACHABLE);
        let personas = reachable.map(|(slug, _, script)| {
            PersonaSpec::new(
                slug,
                &format!("Simulated {slug}"),
                Script::parse(script).unwrap(),
            )
        });
        let options = Options {
            personas: personas.collect(),
            ..Options::default()
        };
        let simulator = Simulator::start_with("127.0.0.1:0", options).await.unwrap();
        let rows = rows(&simulator, providers, edit);
        let catalog = catalog::load(&Rows::default(), &[&rows], &Access::ALL).unwrap();
        let upstream = Arc::new(HttpUpstream::new(timers.connect).unwrap());
        Self::furnish(simulator, catalog, (timers, bounds), (clock, upstream))
    }

    /// A house whose requests go to a provider that this test plays itself, at addresses that end in
    /// the slugs.
    pub(crate) async fn with_upstream(
        providers: &[ProviderSpec<'_>],
        timers: Timers,
        upstream: Arc<dyn Upstream>,
        edit: impl Fn(&mut Value),
    ) -> Self {
        let simulator = Simulator::start_with("127.0.0.1:0", Options::default());
        let simulator = simulator.await.unwrap();
        let address = |row: &mut Value| {
            row["base_url"] = format!("http://{}", row["slug"].as_str().unwrap()).into();
            edit(row);
        };
        let rows = rows(&simulator, providers, address);
        let catalog = catalog::load(&Rows::default(), &[&rows], &Access::ALL).unwrap();
        let terms = (timers, DrainBounds::default());
        Self::furnish(simulator, catalog, terms, (Arc::new(Still), upstream))
    }

    fn furnish(
        simulator: Simulator,
        catalog: Catalog,
        (timers, bounds): (Timers, DrainBounds),
        (clock, upstream): (Arc<dyn Clock>, Arc<dyn Upstream>),
    ) -> Self {
        let credentials: Credentials = [("a".to_owned(), Secret::new("key-of-a"))]
            .into_iter()
            .collect();
        let credentials = Arc::new(ArcSwap::from_pointee(credentials));
        let books = Arc::new(Counting::default());
        let tasks = TaskTracker::new();
        let parts = Parts {
            catalog: Arc::new(ArcSwap::from_pointee(catalog)),
            credentials: Arc::clone(&credentials),
            upstream,
            books: books.clone(),
            provider_limits: Arc::new(Unlimited),
            clock,
            timers,
            tasks: tasks.clone(),
        };
        let relay = Relay::with_drain_bounds(parts, bounds);
        Self {
            simulator,
            relay,
            books,
            credentials,
            tasks,
            calls: AtomicU64::new(1),
        }
    }

    /// Sends a call and reads its answer to the end.
    pub(crate) async fn send(&self, body: &Value) -> Result<Answered, Error> {
        self.send_bytes(body.to_string().into()).await
    }

    pub(crate) async fn send_bytes(&self, body: Bytes) -> Result<Answered, Error> {
        self.send_call(self.call(body)).await
    }

    pub(crate) async fn send_call(&self, call: Call) -> Result<Answered, Error> {
        match self.relay.relay(call).await? {
            Reply::Whole { head, body } => Ok(Answered { head, body }),
            Reply::Stream {
                head,
                body: mut pieces,
            } => {
                let mut body = BytesMut::new();
                while let Some(piece) = pieces.next().await {
                    body.extend_from_slice(&piece);
                }
                Ok(Answered {
                    head,
                    body: body.freeze(),
                })
            }
        }
    }

    /// A call as a door would make it.
    pub(crate) fn call(&self, body: Bytes) -> Call {
        let request = wire::openai_chat::read_request(&body).expect("the request is valid");
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        Call {
            id: GenerationId::new(i64::try_from(number).unwrap(), [0; 10]),
            created_at_ms: Still.now_ms(),
            arrived: Instant::now(),
            waits: Arc::default(),
            trace: None,
            seed: 0,
            door: wire::door(Dialect::OpenaiChat).expect("the door is there"),
            models: request
                .model
                .iter()
                .chain(&request.models)
                .cloned()
                .collect(),
            // Chance has its own tests; here the cheapest is the first.
            preferences: Preferences {
                sort: Some(Sort::Price),
                ..Preferences::default()
            },
            account: None,
            wants_metadata: false,
            hedge: Hedge::Never,
            recovers: false,
            caller: CallerNote::default(),
            simulation: HeaderMap::new(),
            budgets: Vec::new(),
            admission: None,
            unpriced: UnpricedPolicy::default(),
            free_needs_money: false,
            member_id: None,
            conversation: OnceLock::new(),
            request,
            body,
        }
    }

    /// A call under budgets with these limits in nano-USD, named `b0`, `b1` and so on.
    pub(crate) fn governed(&self, body: &Value, limits: &[i64]) -> Call {
        let budget = |(number, limit): (usize, &i64)| {
            Arc::new(Budget {
                id: BudgetId::from_text(format!("b{number}")),
                subject: Subject::Organization,
                workspace_id: None,
                limit: Amount::from_nanos(*limit),
                window: Window::Lifetime,
                enforcement: Enforcement::Hard,
                counts_byok: false,
            })
        };
        let mut call = self.call(body.to_string().into());
        call.budgets = limits.iter().enumerate().map(budget).collect();
        call
    }

    /// The record of the only call so far, once it is there.
    pub(crate) async fn record(&self) -> Arc<Generation> {
        self.records(1).await.remove(0)
    }

    /// The records of all calls, once there are `count`.
    pub(crate) async fn records(&self, count: usize) -> Vec<Arc<Generation>> {
        let all = async {
            loop {
                let records = self.books.records();
                if records.len() >= count {
                    return records;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), all)
            .await
            .expect("the records are made")
    }

    /// Names of the providers that were asked, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.simulator
            .ledger()
            .entries()
            .into_iter()
            .map(|entry| entry.persona)
            .collect()
    }

    /// Waits until no call is under way.
    pub(crate) async fn quiet(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

fn rows(simulator: &Simulator, providers: &[ProviderSpec<'_>], edit: impl Fn(&mut Value)) -> Rows {
    let rows = providers.iter().map(|(slug, price, _)| {
        let persona = simulator.personas().iter().find(|persona| persona.slug == *slug);
        let base_url = persona.map_or_else(closed_port, |persona| persona.base_url.clone());
        let mut row = json!({
            "slug": slug, "name": format!("Simulated {slug}"), "kind": "simulated", "base_url": base_url,
            "dialects": ["openai-chat"], "auth": "bearer",
            "endpoints": [
                { "model": "test/echo", "upstream_model": "echo",
                  "input": ["text", "image", "audio", "video", "file"], "output": ["text", "image", "audio"],
                  "price": { "input": price, "output": "1", "cache_read": "0.01" } },
                { "model": "test/unpriced", "upstream_model": "unpriced" }
            ]
        });
        edit(&mut row);
        ((*slug).to_owned(), row)
    });
    let providers: serde_json::Map<String, Value> = rows.collect();
    serde_json::from_value(json!({ "providers": providers })).unwrap()
}

/// The address of a port that was free a moment ago, and on which nobody listens.
fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/v1", listener.local_addr().unwrap())
}

/// A small request.
pub(crate) fn hello(stream: bool) -> Value {
    json!({ "model": "test/echo", "stream": stream, "messages": [{ "role": "user", "content": "Hello" }] })
}

/// Short timers, for tests in which a provider is silent.
pub(crate) fn hasty() -> Timers {
    Timers {
        connect: Duration::from_millis(500),
        first_token: Duration::from_millis(300),
        idle: Duration::from_millis(300),
        total: Duration::from_secs(5),
        deadline: Duration::from_secs(5),
        hold: Duration::from_secs(3),
        keep_alive: Duration::from_secs(3),
        attempts_max: 4,
    }
}
