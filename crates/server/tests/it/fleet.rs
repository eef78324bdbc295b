//! Three real servers on one PostgreSQL, one key with a limit, far more calls than it pays for, and
//! `kill -9` at random: what the provider served, what the books say and what callers saw agree.
//!
//! `WAYBILL_FLEET_CALLS` sets how many calls there are. Without `TEST_POSTGRES_URL` it is one server
//! on SQLite, and says so.
#![expect(clippy::print_stderr, reason = "the figures are worth reading")]

use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use ledger::Amount;
use relay::{HttpUpstream, Upstream as _};
use serde_json::{Value, json};
use simulator::Simulator;
use sqlx::{AssertSqlSafe, Connection as _};
use store::Store;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::cli::program::{Server, stderr, waybill};
use crate::stage::{Scratch, providers};

/// Calls when nobody says how many; every fifth of them is paid for.
const CALLS: usize = 250;

/// How often a server is killed.
const KILLS: usize = 5;

/// For one call, and for the limit to be used up.
const LONG: Duration = Duration::from_secs(120);

#[expect(clippy::disallowed_methods, reason = "tests are told so what to do")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Numbers that come again with the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

struct Node {
    dir: Scratch,
    /// Absent for the moment between a kill and the next start.
    running: Option<(Server, String)>,
}

impl Node {
    fn start(&mut self, root: &str) {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--config", "fleet.toml"];
        let mut command = waybill(&self.dir, &arguments);
        command.env("WAYBILL_ROOT_KEY", root);
        let mut server = Server::start(command);
        let first = server.line();
        let url = first.split("ready at ").nth(1);
        let url = url.unwrap_or_else(|| panic!("it did not start: {first:?}"));
        let url = url.split(' ').next().unwrap().to_owned();
        self.running = Some((server, url));
    }
}

struct Fleet {
    nodes: Vec<Mutex<Node>>,
    client: HttpUpstream,
    root: String,
    url: String,
}

/// What a caller saw of a call that came to its end.
struct Answer {
    generation: String,
    cost: Amount,
}

enum Outcome {
    Answered(Answer),
    Refused,
    Broken,
}

impl Fleet {
    async fn start(simulator: &Simulator, database: Option<&str>) -> Self {
        let root = format!("sk-wb-v1-{}", "7a".repeat(32));
        let count = if database.is_some() { 3 } else { 1 };
        let mut nodes = Vec::new();
        let mut url = String::new();
        for _ in 0..count {
            let dir = Scratch::new();
            url = database.map_or_else(
                || format!("sqlite:{}", dir.0.join("waybill.db").display()),
                str::to_owned,
            );
            let text = format!(
                "[storage]\nurl = \"{url}\"\n[server]\ndata_dir = \"place\"\n{}",
                providers(simulator)
            );
            dir.file("fleet.toml", &text);
            let mut node = Node { dir, running: None };
            node.start(&root);
            nodes.push(Mutex::new(node));
        }
        Self {
            nodes,
            client: HttpUpstream::new(Duration::from_secs(5)).unwrap(),
            root,
            url,
        }
    }

    async fn send(
        &self,
        node: usize,
        (method, path): (Method, &str),
        key: &str,
        body: Value,
    ) -> Option<(u16, Bytes)> {
        let url = {
            let node = self.nodes[node % self.nodes.len()].lock().await;
            format!("{}{path}", node.running.as_ref()?.1)
        };
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {key}"))
            .header("x-simulate", "tokens=50,chunks=10,gap=2ms")
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let answer = timeout(LONG, async {
            let response = self.client.send(request).await.ok()?;
            let status = response.status().as_u16();
            Some((
                status,
                response.into_body().collect().await.ok()?.to_bytes(),
            ))
        });
        answer.await.expect("no call takes so long")
    }

    async fn call(&self, node: usize, key: &str) -> Outcome {
        let body = json!({
            "model": "simulated/echo", "stream": true, "max_tokens": 50,
            "provider": {"only": ["sim-one"]},
            "messages": [{"role": "user", "content": "Hello there"}],
        });
        let path = (Method::POST, "/api/v1/chat/completions");
        let Some((status, body)) = self.send(node, path, key, body).await else {
            return Outcome::Broken;
        };
        if status == 402 {
            return Outcome::Refused;
        }
        let text = String::from_utf8_lossy(&body);
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let frames: Vec<&str> = data.collect();
        let [.., usage, "[DONE]"] = frames.as_slice() else {
            return Outcome::Broken;
        };
        let usage: Value = serde_json::from_str(usage).unwrap();
        match Amount::from_usd(&usage["usage"]["cost"].to_string()) {
            Ok(cost) => Outcome::Answered(Answer {
                generation: usage["id"].as_str().unwrap().to_owned(),
                cost,
            }),
            Err(_) => Outcome::Broken,
        }
    }

    async fn make_key(&self, limit: Option<Amount>) -> String {
        let limit: Value = limit.map_or(Value::Null, |usd| {
            serde_json::from_str(&usd.to_usd()).unwrap()
        });
        let body = json!({"name": "fleet", "limit": limit});
        let (status, body) = self
            .send(0, (Method::POST, "/api/v1/keys"), &self.root, body)
            .await
            .unwrap();
        assert_eq!(status, 201, "{body:?}");
        let json: Value = serde_json::from_slice(&body).unwrap();
        json["key"].as_str().unwrap().to_owned()
    }

    /// Kills a server with SIGKILL and starts it again on the same data directory.
    async fn kill(&self, node: usize) {
        let mut node = self.nodes[node].lock().await;
        drop(node.running.take()); // SIGKILL
        sleep(Duration::from_millis(50)).await;
        node.start(&self.root);
    }
}

/// A schema of its own, for as long as the test runs.
async fn in_schema(test: impl AsyncFn(Option<&str>)) {
    let Some(server) = variable("TEST_POSTGRES_URL") else {
        eprintln!("TEST_POSTGRES_URL is not set: one server on SQLite instead of three");
        return test(None).await;
    };
    let schema = format!("fleet_{}", std::process::id());
    let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
    let drop_it = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
    let make_it = format!("{drop_it}; CREATE SCHEMA {schema}");
    let run = AssertSqlSafe(make_it);
    sqlx::raw_sql(run).execute(&mut connection).await.unwrap();
    let separator = if server.contains('?') { '&' } else { '?' };
    let url = format!("{server}{separator}options[search_path]={schema}");
    test(Some(&url)).await;
    let run = AssertSqlSafe(drop_it);
    sqlx::raw_sql(run).execute(&mut connection).await.unwrap();
}

/// Calls until the key pays for no more: a caller that is refused or cut off comes again, until
/// refusals are all that anybody gets for a while.
async fn spend(fleet: &Arc<Fleet>, key: &str, calls: usize) -> Vec<Answer> {
    let mut callers = JoinSet::new();
    for number in 0..calls {
        let (fleet, key) = (Arc::clone(fleet), key.to_owned());
        callers.spawn(async move {
            for attempt in 0..4 {
                match fleet.call(number + attempt, &key).await {
                    Outcome::Answered(answer) => return Some(answer),
                    Outcome::Refused | Outcome::Broken => {
                        sleep(Duration::from_millis(200 + 7 * (number as u64 % 50))).await;
                    }
                }
            }
            None
        });
    }
    let mut answers: Vec<Answer> = callers.join_all().await.into_iter().flatten().collect();
    // Idle slices are given back within ten seconds or so; then the rest can be spent anywhere.
    let began = Instant::now();
    let mut refused_since = began;
    let mut number = 0;
    while refused_since.elapsed() < Duration::from_secs(15) && began.elapsed() < LONG {
        number += 1;
        match fleet.call(number, key).await {
            Outcome::Answered(answer) => {
                answers.push(answer);
                refused_since = Instant::now();
            }
            Outcome::Refused | Outcome::Broken => sleep(Duration::from_millis(250)).await,
        }
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_servers_never_spend_more_than_a_limit_and_lose_no_answered_call() {
    in_schema(async |database| {
        let simulator = Simulator::start("127.0.0.1:0").await.unwrap();
        let fleet = Arc::new(Fleet::start(&simulator, database).await);
        let probe = fleet.make_key(None).await;
        let Outcome::Answered(first) = fleet.call(0, &probe).await else {
            panic!("the first call failed");
        };
        let calls = variable("WAYBILL_FLEET_CALLS").map_or(CALLS, |text| text.parse().unwrap());
        let worth = i64::try_from(calls / 5).unwrap();
        let limit = Amount::from_nanos(first.cost.nanos() * worth);
        let key = fleet.make_key(Some(limit)).await;
        sleep(Duration::from_secs(1)).await; // every server knows the key
        let is_over = Arc::new(AtomicBool::new(false));
        let killer = tokio_util::task::TaskTracker::new().spawn({
            let (fleet, is_over) = (Arc::clone(&fleet), Arc::clone(&is_over));
            async move {
                let mut chance = Chance(u64::from(std::process::id()) | 1);
                eprintln!("seed {}", chance.0);
                for _ in 0..KILLS {
                    sleep(Duration::from_millis(300 + chance.below(900))).await;
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let node = chance.below(fleet.nodes.len() as u64);
                    fleet.kill(usize::try_from(node).unwrap()).await;
                }
            }
        });
        let answers = spend(&fleet, &key, calls).await;
        is_over.store(true, Ordering::Relaxed);
        killer.await.unwrap();
        sleep(Duration::from_secs(1)).await; // journals are folded within 50 ms
        agree(&fleet, &simulator, &key, (&answers, limit)).await;
    })
    .await;
}

/// Compares the three views.
async fn agree(
    fleet: &Fleet,
    simulator: &Simulator,
    key: &str,
    (answers, limit): (&[Answer], Amount),
) {
    let store = Store::open(&fleet.url).await.unwrap();
    assert_eq!(store.verify().await.unwrap(), None);
    let mut seen = 0;
    let mut ids = HashSet::new();
    for answer in answers {
        assert!(
            ids.insert(&answer.generation),
            "{} twice",
            answer.generation
        );
        let id = ledger::GenerationId::from_text(&answer.generation);
        let record = store.generations().by_id(&id).await.unwrap();
        let record = record.unwrap_or_else(|| panic!("{id} was answered and is lost"));
        assert_eq!(record.charge.as_ref().unwrap().total, answer.cost, "{id}");
        seen += answer.cost.nanos();
    }
    let hash = store::KeyHash::of(key);
    let scope = store::Scope::Key(hash.clone());
    let rows = store.statement(&scope, 0, i64::MAX).await.unwrap();
    let spent: i64 = rows.iter().map(|row| row.cost.nanos()).sum();
    let served: u64 = rows
        .iter()
        .filter(|row| !row.model.is_empty())
        .map(|row| row.requests)
        .sum();
    let (_, view) = fleet
        .send(0, (Method::GET, "/api/v1/key"), key, Value::Null)
        .await
        .unwrap();
    let view: Value = serde_json::from_slice(&view).unwrap();
    let usage = Amount::from_usd(&view["data"]["usage"].to_string()).unwrap();
    let asked = simulator.ledger().entries().len();
    eprintln!(
        "limit {limit}, spent {spent} nano-USD by {served} served calls, {} answered in full, {asked} at the provider",
        answers.len()
    );
    assert_eq!(usage.nanos(), spent, "the key's view and the statement");
    assert!(spent >= seen, "callers paid {seen}, the books say {spent}");
    assert!(spent <= limit.nanos(), "{spent} of {limit}");
    // What a killed server had asked for and not settled is at the provider only.
    assert!(
        served <= asked as u64,
        "{served} in the books, {asked} at the provider"
    );
    // A call is refused when what is left is below the most that it may cost, which is a few times
    // what it does cost: with a limit worth fifty calls that can be more than the twentieth part.
    let left = limit.nanos() - spent;
    let price = spent / i64::try_from(served).unwrap();
    assert!(
        left <= (limit.nanos() / 20).max(4 * price),
        "{left} of {limit} could not be spent"
    );
    for noun in ["ledger", "records"] {
        let verify = Command::new(env!("CARGO_BIN_EXE_waybill"))
            .args([noun, "verify", "--config", "fleet.toml"])
            .current_dir(&fleet.nodes[0].lock().await.dir.0)
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(verify.status.success(), "{}", stderr(&verify));
    }
}
