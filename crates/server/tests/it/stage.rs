//! A server on a free port with simulated providers behind it, and a plain client in front.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use relay::{Clock, HttpUpstream, Upstream as _};
use serde_json::Value;
use server::config::{self, Environment};
use server::setup::Setup;
use server::start::{self, Running};
use simulator::Simulator;

/// A directory that goes away with its owner.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let name = format!(
            "waybill-test-{}",
            hex::encode(server::clock::random::<8>().unwrap())
        );
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A clock that shows what it was last set to, Unix milliseconds.
pub(crate) struct Set(pub(crate) AtomicI64);

impl Clock for Set {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The whole scene.
pub(crate) struct Stage {
    pub(crate) simulator: Simulator,
    pub(crate) running: Running,
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) management_key: String,
    pub(crate) dir: Scratch,
}

/// What a client saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The message of an error answer whose status and envelope agree.
    #[track_caller]
    pub(crate) fn error(&self, status: u16, error_type: &str) -> String {
        let json = self.json();
        assert_eq!(self.status, status, "{json:#}");
        assert_eq!(json["error"]["code"], status, "{json:#}");
        assert_eq!(
            json["error"]["metadata"]["error_type"], error_type,
            "{json:#}"
        );
        json["error"]["message"].as_str().unwrap().to_owned()
    }

    /// The JSON of every data frame of a stream, and whether `[DONE]` was the last one.
    pub(crate) fn frames(&self) -> (Vec<Value>, bool) {
        let text = self.text();
        let data: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .collect();
        let is_done = data.last() == Some(&"[DONE]");
        let json = data.iter().filter(|frame| **frame != "[DONE]");
        (
            json.map(|frame| serde_json::from_str(frame).unwrap())
                .collect(),
            is_done,
        )
    }
}

/// Two simulated providers of one model, the second one dearer; a model without a price; and one
/// whose only provider has no credential.
pub(crate) fn providers(simulator: &Simulator) -> String {
    let url = simulator.base_url();
    format!(
        r#"
[discovery]
local_engines = false

[providers.sim-one]
name = "Simulated One"
kind = "simulated"
base_url = "{url}"
dialects = ["openai-chat"]
auth = "none"

[[providers.sim-one.endpoints]]
model = "simulated/echo"
upstream_model = "echo"
context_length = 100000
price = {{ input = "1.00", output = "2.00", cache_read = "0.10" }}

[[providers.sim-one.endpoints]]
model = "simulated/unpriced"
upstream_model = "unpriced"
context_length = 100000

[providers.sim-two]
name = "Simulated Two"
kind = "simulated"
base_url = "{url}"
dialects = ["openai-chat"]
auth = "none"

[[providers.sim-two.endpoints]]
model = "simulated/echo"
upstream_model = "echo-two"
context_length = 100000
price = {{ input = "10.00", output = "20.00" }}

[providers.sim-locked]
name = "Simulated Locked"
kind = "simulated"
base_url = "{url}"
dialects = ["openai-chat"]
auth = "bearer"
env = "SIM_LOCKED_API_KEY"

[[providers.sim-locked.endpoints]]
model = "simulated/locked"
upstream_model = "locked"
context_length = 100000
price = {{ input = "1.00", output = "2.00", cache_read = "0.10" }}
"#
    )
}

impl Stage {
    pub(crate) async fn open() -> Self {
        Self::open_with("", &[]).await
    }

    /// With more configuration, and variables.
    pub(crate) async fn open_with(more: &str, variables: &[(&str, &str)]) -> Self {
        Self::furnished(|_| more.to_owned(), variables, None).await
    }

    /// The same where the configuration names the simulator's base URL.
    pub(crate) async fn open_beside(
        more: impl Fn(&str) -> String,
        variables: &[(&str, &str)],
    ) -> Self {
        Self::furnished(|simulator| more(&simulator.base_url()), variables, None).await
    }

    /// The same where the configuration names the simulator's personas.
    pub(crate) async fn open_facing(
        more: impl Fn(&Simulator) -> String,
        variables: &[(&str, &str)],
    ) -> Self {
        Self::furnished(more, variables, None).await
    }

    /// With a clock of its own.
    pub(crate) async fn open_at(clock: Arc<dyn Clock>) -> Self {
        Self::furnished(|_| String::new(), &[], Some(clock)).await
    }

    async fn furnished(
        more: impl Fn(&Simulator) -> String,
        variables: &[(&str, &str)],
        clock: Option<Arc<dyn Clock>>,
    ) -> Self {
        let simulator = Simulator::start("127.0.0.1:0").await.unwrap();
        let dir = Scratch::new();
        let more = more(&simulator);
        let text = format!("{more}\n{}", providers(&simulator));
        // On the heap: a test need not have room for a whole start.
        let running = Box::pin(start_at(&text, &dir, (variables, clock))).await;
        let keys = running.first_keys.as_ref().expect("a first start");
        Self {
            url: running.app.public_url.clone(),
            key: keys.inference.expose().to_owned(),
            management_key: keys.management.as_ref().unwrap().expose().to_owned(),
            simulator,
            running,
            dir,
        }
    }

    pub(crate) async fn get(&self, path: &str, key: &str) -> Seen {
        self.send((Method::GET, path), key, Bytes::new(), &[]).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Seen {
        self.send((Method::POST, path), key, body.to_string().into(), &[])
            .await
    }

    /// A call with a script for the simulated providers.
    pub(crate) async fn chat(&self, body: &Value, script: &str) -> Seen {
        let headers: &[(&str, &str)] = if script.is_empty() {
            &[]
        } else {
            &[("x-simulate", script)]
        };
        let path = "/api/v1/chat/completions";
        self.send(
            (Method::POST, path),
            &self.key,
            body.to_string().into(),
            headers,
        )
        .await
    }

    pub(crate) async fn send(
        &self,
        (method, path): (Method, &str),
        key: &str,
        body: Bytes,
        headers: &[(&str, &str)],
    ) -> Seen {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request.body(Full::new(body)).unwrap()).await
    }

    /// What the house recorded of a call.
    pub(crate) async fn record(&self, seen: &Seen) -> Value {
        let id = seen.header("x-generation-id");
        let record = self
            .get(&format!("/api/v1/generation?id={id}"), &self.key)
            .await;
        assert_eq!(record.status, 200, "{}", record.text());
        record.json()["data"].take()
    }
}

/// Starts a server from the text of a configuration.
pub(crate) async fn start(text: &str, dir: &Scratch, variables: &[(&str, &str)]) -> Running {
    Box::pin(start_at(text, dir, (variables, None))).await
}

/// Variables of the environment, and the time where it is not the machine's own.
type Surroundings<'a> = (&'a [(&'a str, &'a str)], Option<Arc<dyn Clock>>);

async fn start_at(text: &str, dir: &Scratch, (variables, clock): Surroundings<'_>) -> Running {
    let environment: Environment = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut loaded = config::read("test.toml", text, &environment);
    loaded.config.server.listen = "127.0.0.1:0".parse().unwrap();
    loaded.config.server.data_dir.clone_from(&dir.0);
    let mut setup = Setup::from_loaded(loaded, environment).unwrap();
    if let Some(clock) = clock {
        setup.clock = clock;
    }
    start::start(setup, tokio::runtime::Handle::current())
        .await
        .unwrap()
}

/// One request to anywhere on this machine.
pub(crate) async fn send(request: Request<Full<Bytes>>) -> Seen {
    let client = HttpUpstream::new(Duration::from_secs(5)).unwrap();
    let response = client.send(request).await.unwrap();
    let (head, body) = response.into_parts();
    Seen {
        status: head.status,
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// The smallest request.
pub(crate) fn hello(model: &str) -> Value {
    serde_json::json!({ "model": model, "messages": [{ "role": "user", "content": "Hello there" }] })
}
