//! Load moves: providers are killed, slowed and healed under it, over real sockets.
//!
//! The relay's clock runs forty times as fast as the wall's, so that five minutes are over in eight
//! seconds. No caller may see an error that another endpoint could have avoided.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use catalog::Preferences;
use relay::Clock;
use serde_json::{Value, json};
use simulator::{Script, Simulator};
use tokio::time::Instant;

use crate::counting::NOW;
use crate::house::{House, hello};

/// How much faster the relay's time goes.
const PACE: i64 = 40;

/// Callers at a time.
const CALLERS: usize = 8;

struct Fast(Instant);

impl Clock for Fast {
    fn now_ms(&self) -> i64 {
        let elapsed = i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX);
        NOW * 1000 + elapsed * PACE
    }
}

/// What came of the calls since somebody last looked.
#[derive(Default)]
struct Seen {
    served: Mutex<BTreeMap<String, u64>>,
    errors: AtomicU64,
    stop: AtomicBool,
    seeds: AtomicU64,
}

impl Seen {
    /// Watches for a while, and tells which share of the calls a provider served.
    async fn share(&self, name: &str, watched: Duration) -> f64 {
        self.served.lock().expect("nobody panics with it").clear();
        tokio::time::sleep(watched).await;
        let served = self.served.lock().expect("nobody panics with it");
        let all: u64 = served.values().sum();
        let own = served.get(name).copied().unwrap_or(0);
        own as f64 / all.max(1) as f64
    }

    /// Waits until a provider's share is as wanted; says how long it took.
    async fn until(&self, name: &str, wanted: impl Fn(f64) -> bool) -> Duration {
        let begun = Instant::now();
        while !wanted(self.share(name, Duration::from_millis(300)).await) {
            let waited = begun.elapsed();
            assert!(waited < Duration::from_secs(20), "{name} after {waited:?}");
        }
        begun.elapsed()
    }
}

async fn call_on(house: &House, seen: &Seen, preferences: &Preferences) {
    while !seen.stop.load(Ordering::Relaxed) {
        let mut call = house.call(hello(true).to_string().into());
        call.preferences = preferences.clone();
        call.seed = seen.seeds.fetch_add(1, Ordering::Relaxed);
        match house.send_call(call).await {
            Ok(answer) => {
                let name = answer.head.provider_name.unwrap_or_default();
                let mut served = seen.served.lock().expect("nobody panics with it");
                *served.entry(name).or_default() += 1;
            }
            Err(_) => {
                seen.errors.fetch_add(1, Ordering::Relaxed);
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn start(address: SocketAddr) -> Simulator {
    Simulator::start(address).await.expect("the port is free")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_share_of_a_provider_moves_away_and_returns_and_no_caller_sees_an_error() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let (a, b) = (start(any).await, start(any).await);
    let addresses = BTreeMap::from([("a", a.base_url()), ("b", b.base_url())]);
    let elsewhere = |row: &mut Value| {
        let slug = row["slug"].as_str().unwrap_or_default();
        if let Some(base_url) = addresses.get(slug) {
            row["base_url"] = json!(base_url);
        }
    };
    let scripts = [("a", "1", ""), ("b", "1", ""), ("c", "1", "")];
    let clock = Arc::new(Fast(Instant::now()));
    let house = House::with_clock(&scripts, clock, elsewhere).await;
    let seen = Seen::default();
    let object = json!({ "preferred_max_latency": { "p90": 0.25 } });
    let preferences = Preferences::read(&object).expect("the test's own text");
    let callers = (0..CALLERS).map(|_| call_on(&house, &seen, &preferences));
    let story = async {
        seen.until("Simulated a", |share| share > 0.2).await;
        // Killed: nobody listens there any more.
        let address = a.addr();
        a.shutdown().await;
        let gone = seen.until("Simulated a", |share| share == 0.0).await;
        assert!(gone < Duration::from_secs(3), "{gone:?}");
        // Healed: within an outage's length its share is back.
        let a = start(address).await;
        let back = seen.until("Simulated a", |share| share > 0.2).await;
        assert!(back < Duration::from_secs(15), "{back:?}");
        // Slowed: beyond the callers' cut-off it is asked last.
        b.script("*", Script::parse("first-token=400ms").expect("a script"));
        seen.until("Simulated b", |share| share < 0.02).await;
        // Healed: its five minutes pass, and it is measured anew.
        b.clear_scripts();
        seen.until("Simulated b", |share| share > 0.2).await;
        seen.stop.store(true, Ordering::Relaxed);
        a
    };
    let (_, a) = tokio::join!(futures_util::future::join_all(callers), story);
    assert_eq!(seen.errors.load(Ordering::Relaxed), 0);
    a.shutdown().await;
    b.shutdown().await;
}
