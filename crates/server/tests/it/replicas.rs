//! Three real servers that share rate limits through a real Valkey, which is paused, killed with
//! SIGKILL and started again empty: however it goes, no more calls are let in than the limit says,
//! and none of them waits.
//!
//! Each test runs a Valkey (or Redis) of its own, so that it may be killed. Without
//! `TEST_VALKEY_URL`, or where no such program is installed, the tests say so and do nothing.
#![expect(clippy::print_stderr, reason = "the figures are worth reading")]

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use relay::{HttpUpstream, Upstream as _};
use serde_json::{Value, json};
use simulator::Simulator;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::cli::program::{Server, waybill};
use crate::stage::{Scratch, hello, providers};

/// No call takes so long, whatever Valkey does: a call itself takes a few milliseconds, on a busy
/// machine some hundred.
const LONG: Duration = Duration::from_secs(5);

#[expect(clippy::disallowed_methods, reason = "tests are told so what to do")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn valkey_program() -> Option<PathBuf> {
    variable("TEST_VALKEY_URL")?;
    let path = format!("{}:/usr/bin:/usr/local/bin", variable("PATH")?);
    let names = ["valkey-server", "redis-server"];
    let mut places = path
        .split(':')
        .flat_map(|dir| names.iter().map(move |name| PathBuf::from(dir).join(name)));
    places.find(|place| place.is_file())
}

/// A Valkey that can be killed and comes back on the same port, empty.
struct Valkey {
    program: PathBuf,
    port: u16,
    child: Child,
}

impl Valkey {
    fn start() -> Option<Self> {
        let Some(program) = valkey_program() else {
            eprintln!("no Valkey: TEST_VALKEY_URL is not set, or no valkey-server is installed");
            return None;
        };
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = Self::run(&program, port);
        Some(Self {
            program,
            port,
            child,
        })
    }

    fn run(program: &PathBuf, port: u16) -> Child {
        let arguments = format!("--port {port} --bind 127.0.0.1 --appendonly no --daemonize no");
        Command::new(program)
            .args(arguments.split(' '))
            .args(["--save", ""])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn come_back(&mut self) {
        self.child = Self::run(&self.program, self.port);
    }

    /// Stops answering for a while.
    async fn pause(&self, time: Duration) {
        let words = ["CLIENT", "PAUSE", &time.as_millis().to_string(), "ALL"].map(str::to_owned);
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        let address = (Ipv4Addr::LOCALHOST, self.port);
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes())
            .await
            .unwrap();
        let mut answer = [0; 5];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer)
            .await
            .unwrap();
        assert_eq!(&answer, b"+OK\r\n");
    }
}

impl Drop for Valkey {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server and a key of its own.
struct Node {
    url: String,
    key: String,
    _server: Server,
    _dir: Scratch,
}

struct Replicas {
    nodes: Vec<Node>,
    client: HttpUpstream,
    _simulator: Simulator,
}

/// What many calls came to.
#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    admitted: u64,
    refused: u64,
    slowest: Duration,
}

impl Replicas {
    async fn start(valkey: &Valkey, count: usize, rate: &str) -> Arc<Self> {
        let simulator = Simulator::start("127.0.0.1:0").await.unwrap();
        let client = HttpUpstream::new(Duration::from_secs(5)).unwrap();
        let root = format!("sk-wb-v1-{}", "7a".repeat(32));
        let text = format!(
            "[cluster]\nvalkey = \"redis://127.0.0.1:{}\"\nreplicas = {count}\n[limits]\nrate = [{rate}]\n{}",
            valkey.port,
            providers(&simulator)
        );
        let mut this = Self {
            nodes: Vec::new(),
            client,
            _simulator: simulator,
        };
        for _ in 0..count {
            let dir = Scratch::new();
            dir.file("node.toml", &text);
            let arguments = ["serve", "--listen", "127.0.0.1:0", "--config", "node.toml"];
            let mut command = waybill(&dir, &arguments);
            command.env("WAYBILL_ROOT_KEY", &root);
            let mut server = Server::start(command);
            let first = server.line();
            let url = first.split("ready at ").nth(1);
            let url = url.unwrap_or_else(|| panic!("it did not start: {first:?}"));
            let url = url.split(' ').next().unwrap().to_owned();
            this.nodes.push(Node {
                url,
                key: root.clone(),
                _server: server,
                _dir: dir,
            });
            let number = this.nodes.len() - 1;
            let new = json!({"name": "replica"});
            let (status, body) = this
                .send(number, (Method::POST, "/api/v1/keys"), &new, "")
                .await;
            assert_eq!(status, 201);
            let json: Value = serde_json::from_slice(&body).unwrap();
            this.nodes[number].key = json["key"].as_str().unwrap().to_owned();
        }
        let this = Arc::new(this);
        for number in 0..count {
            this.wait_for(number, &format!("waybill_replicas {count}\n"))
                .await;
        }
        this
    }

    async fn send(
        &self,
        node: usize,
        (method, path): (Method, &str),
        body: &Value,
        script: &str,
    ) -> (u16, Bytes) {
        let node = &self.nodes[node];
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", node.url))
            .header("authorization", format!("Bearer {}", node.key))
            .header("x-simulate", script)
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let answer = async {
            let response = self.client.send(request).await.unwrap();
            let status = response.status().as_u16();
            (
                status,
                response.into_body().collect().await.unwrap().to_bytes(),
            )
        };
        timeout(Duration::from_secs(60), answer)
            .await
            .expect("it hangs")
    }

    async fn call(&self, node: usize, script: &str) -> (u16, Duration) {
        let began = Instant::now();
        let body = hello("simulated/echo");
        let path = (Method::POST, "/api/v1/chat/completions");
        let (status, body) = self.send(node, path, &body, script).await;
        let text = String::from_utf8_lossy(&body);
        assert!([200, 429].contains(&status), "{status}: {text}");
        (status, began.elapsed())
    }

    /// So many calls at each of these nodes, a few at a time.
    async fn storm(self: &Arc<Self>, nodes: &[usize], calls: usize, gap: Duration) -> Sum {
        const AT_ONCE: usize = 3;
        let mut callers = JoinSet::new();
        for caller in 0..nodes.len() * AT_ONCE {
            let (this, node) = (Arc::clone(self), nodes[caller % nodes.len()]);
            callers.spawn(async move {
                let mut sum = Sum::default();
                for _ in 0..calls / AT_ONCE {
                    let (status, time) = this.call(node, "").await;
                    sum.admitted += u64::from(status == 200);
                    sum.refused += u64::from(status == 429);
                    sum.slowest = sum.slowest.max(time);
                    sleep(gap).await;
                }
                sum
            });
        }
        let all = callers.join_all().await.into_iter();
        all.fold(Sum::default(), |all, one| Sum {
            admitted: all.admitted + one.admitted,
            refused: all.refused + one.refused,
            slowest: all.slowest.max(one.slowest),
        })
    }

    async fn metrics(&self, node: usize) -> String {
        let (_, body) = self
            .send(node, (Method::GET, "/metrics"), &Value::Null, "")
            .await;
        String::from_utf8(body.to_vec()).unwrap()
    }

    async fn wait_for(&self, node: usize, line: &str) {
        let since = Instant::now();
        loop {
            let page = self.metrics(node).await;
            if page.contains(line) {
                return;
            }
            let waited = since.elapsed();
            assert!(waited < Duration::from_secs(20), "never: {line}\n{page}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ready(&self, node: usize) -> (u16, String) {
        let path = (Method::GET, "/readyz");
        let (status, body) = self.send(node, path, &Value::Null, "").await;
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

fn rows(row: &str) -> String {
    format!("{{ per = \"house\", {row} }}")
}

const QUICK: Duration = Duration::from_millis(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_let_in_what_one_limit_allows_and_hardly_ever_ask_for_a_call() {
    let Some(valkey) = Valkey::start() else {
        return;
    };
    let rate = rows("requests = 300, window = \"day\"");
    let replicas = Replicas::start(&valkey, 3, &rate).await;
    let sum = replicas.storm(&[0, 1, 2], 180, QUICK).await;
    eprintln!("{sum:?}");
    assert!(sum.slowest < LONG, "{sum:?}");
    // What an idle replica has leased is given back within two seconds or so.
    let since = Instant::now();
    let mut admitted = sum.admitted;
    while admitted < 300 && since.elapsed() < Duration::from_secs(10) {
        let (status, _) = replicas.call(0, "").await;
        admitted += u64::from(status == 200);
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(admitted, 300);
    for node in 0..3 {
        assert_eq!(replicas.call(node, "").await.0, 429);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_busy_server_has_all_of_a_limit_when_the_others_are_idle() {
    let Some(valkey) = Valkey::start() else {
        return;
    };
    let rate = rows("requests = 100, window = \"day\"");
    let replicas = Replicas::start(&valkey, 3, &rate).await;
    let before = questions(&replicas.metrics(1).await);
    let sum = replicas.storm(&[1], 120, QUICK).await;
    assert_eq!(sum.admitted, 100, "{sum:?}");
    let asked = questions(&replicas.metrics(1).await) - before;
    eprintln!("{sum:?}, {asked} questions to Valkey");
    let sum = replicas.storm(&[0, 2], 30, QUICK).await;
    assert_eq!(sum.admitted, 0, "{sum:?}");
}

fn questions(page: &str) -> u64 {
    let name = "waybill_valkey_questions_total ";
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_valkey_is_paused_calls_go_on_within_the_limit_and_none_waits() {
    let Some(valkey) = Valkey::start() else {
        return;
    };
    let rate = rows("requests = 600, window = \"day\"");
    let replicas = Replicas::start(&valkey, 3, &rate).await;
    let before = replicas.storm(&[0, 1, 2], 60, QUICK).await;
    let away = async {
        valkey.pause(Duration::from_secs(3)).await;
        replicas.wait_for(0, "waybill_valkey_up 0\n").await;
        replicas.ready(0).await
    };
    let gap = Duration::from_millis(20);
    let (sum, (status, text)) = tokio::join!(replicas.storm(&[0, 1, 2], 300, gap), away);
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("valkey does not answer"), "{text}");
    for node in 0..3 {
        replicas.wait_for(node, "waybill_valkey_up 1\n").await;
    }
    sleep(Duration::from_secs(2)).await;
    let after = replicas.storm(&[0, 1, 2], 90, QUICK).await;
    eprintln!("{before:?} {sum:?} {after:?}");
    let admitted = before.admitted + sum.admitted + after.admitted;
    assert!(admitted <= 600, "{admitted}");
    assert!(admitted >= 570, "{admitted}");
    assert!(sum.slowest < LONG, "{sum:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_valkey_that_comes_back_empty_gives_nothing_out_twice() {
    let Some(mut valkey) = Valkey::start() else {
        return;
    };
    let rate = rows("requests = 400, window = \"day\"");
    let replicas = Replicas::start(&valkey, 3, &rate).await;
    let before = replicas.storm(&[0, 1, 2], 60, QUICK).await;
    valkey.kill();
    let dead = replicas.storm(&[0, 1, 2], 60, QUICK).await;
    replicas.wait_for(1, "waybill_valkey_up 0\n").await;
    valkey.come_back();
    let back = replicas
        .storm(&[0, 1, 2], 90, Duration::from_millis(50))
        .await;
    for node in 0..3 {
        replicas.wait_for(node, "waybill_valkey_up 1\n").await;
    }
    sleep(Duration::from_secs(2)).await;
    let after = replicas.storm(&[0, 1, 2], 150, QUICK).await;
    eprintln!("{before:?} {dead:?} {back:?} {after:?}");
    let admitted = before.admitted + dead.admitted + back.admitted + after.admitted;
    assert!(admitted <= 400, "{admitted}");
    assert!(admitted >= 380, "{admitted}");
    let (status, text) = replicas.ready(0).await;
    assert_eq!((status, text.as_str()), (200, r#"{"status":"ready"}"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_without_valkey_serve_within_their_shares() {
    let Some(mut valkey) = Valkey::start() else {
        return;
    };
    valkey.kill();
    let rate = rows("requests = 30, window = \"day\"");
    let replicas = Replicas::start(&valkey, 2, &rate).await;
    let (status, text) = replicas.ready(0).await;
    assert_eq!(status, 200, "{text}");
    let sum = replicas.storm(&[0, 1], 36, QUICK).await;
    assert!(sum.admitted <= 30 && sum.slowest < LONG, "{sum:?}");
    valkey.come_back();
    for node in 0..2 {
        replicas.wait_for(node, "waybill_valkey_up 1\n").await;
    }
    sleep(Duration::from_secs(2)).await;
    let after = replicas.storm(&[0, 1], 36, QUICK).await;
    assert_eq!(sum.admitted + after.admitted, 30, "{sum:?} {after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_once_are_counted_over_all_servers() {
    let Some(valkey) = Valkey::start() else {
        return;
    };
    let replicas = Replicas::start(&valkey, 2, &rows("concurrent = 2")).await;
    let slow = "delay=3s";
    let mut running = JoinSet::new();
    for node in 0..2 {
        let replicas = Arc::clone(&replicas);
        running.spawn(async move { replicas.call(node, slow).await.0 });
    }
    sleep(Duration::from_millis(1000)).await;
    for node in 0..2 {
        assert_eq!(replicas.call(node, "").await.0, 429);
    }
    assert_eq!(running.join_all().await, [200, 200]);
    let since = Instant::now();
    while replicas.call(1, "").await.0 != 200 {
        assert!(since.elapsed() < LONG, "no room was made");
        sleep(Duration::from_millis(50)).await;
    }
}
