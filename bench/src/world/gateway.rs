//! Waybill itself: built with Cargo, started with one simulated provider, ready, and with a key to call it.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use tokio::time::{Instant, sleep, timeout};

use super::child::Child;
use super::config;
use super::room::Room;
use crate::load::line::{Line, excerpt};
use crate::load::order::Workload;

/// What is built: the binary of the release, with the demo that `make demo` needs as well.
pub(crate) const BUILD: [&str; 9] = [
    "build",
    "--release",
    "--locked",
    "-p",
    "server",
    "--bin",
    "waybill",
    "--features",
    "demo",
];
/// Longest start that is waited for.
const START: Duration = Duration::from_secs(30);
/// Longest wait for one answer of something that may not be the gateway at all.
const PATIENCE: Duration = Duration::from_millis(500);
/// A key without any limit.
pub(crate) const PLAIN_KEY: &str = r#"{"name":"bench"}"#;
/// Longest wait for a new key to work.
const KEY: Duration = Duration::from_secs(5);
/// Between two questions whether a new key works.
const LOOK: Duration = Duration::from_millis(1);

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) child: Child,
    pub(crate) addr: SocketAddr,
    /// From the start of the process to the first 200 of `/readyz`.
    pub(crate) start: Duration,
}

/// What one gateway has beyond the others.
#[derive(Default)]
pub(crate) struct More {
    /// Lines of its configuration.
    pub(crate) config: String,
    /// Another system of record than SQLite in its directory; may hold a password.
    pub(crate) storage: Option<String>,
}

/// How it is started.
pub(crate) struct Setup {
    pub(crate) binary: PathBuf,
    pub(crate) upstream: SocketAddr,
    /// The configuration that all of them share.
    config: String,
    /// Its first management key; not printable on purpose.
    root_key: String,
}

/// Builds the binary and says where it is.
pub(crate) fn build(root: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    let status = cargo
        .args(BUILD)
        .current_dir(root)
        .stdin(Stdio::null())
        .status();
    if !status.context("cannot start cargo")?.success() {
        bail!(
            "cargo {} failed; or name a binary with --binary PATH",
            BUILD.join(" ")
        );
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(root.join(target).join("release").join("waybill"))
}

impl Setup {
    pub(crate) fn new(
        binary: PathBuf,
        upstream: SocketAddr,
        workloads: &[Workload],
    ) -> Result<Self> {
        let mut random = [0_u8; 32];
        File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random))?;
        let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            binary,
            upstream,
            config: config::gateway(upstream, workloads),
            root_key: format!("sk-wb-v1-{digits}"),
        })
    }

    /// Starts it on this directory and waits until it is ready to serve.
    pub(crate) async fn start(&self, room: &Room, directory: &str) -> Result<Gateway> {
        self.start_with(room, directory, &More::default()).await
    }

    /// The same with more in its configuration.
    pub(crate) async fn start_with(
        &self,
        room: &Room,
        directory: &str,
        more: &More,
    ) -> Result<Gateway> {
        let text = [&self.config[..], &more.config].concat();
        fs::write(room.file(&format!("{directory}.toml")), text)
            .context("cannot write the configuration")?;
        let mut command = self.command(room, directory, &["serve", "--listen", "127.0.0.1:0"]);
        if let Some(url) = &more.storage {
            command.env("WAYBILL__STORAGE__URL", url);
        }
        let mut child = Child::start("waybill", command, &room.file(&format!("{directory}.log")))?;
        let until = child.began + START;
        let addr = loop {
            if let Some(addr) = ready_one(&child.addresses(), self.upstream).await {
                break addr;
            }
            child.still_runs(until).await?;
        };
        let start = child.began.elapsed();
        Ok(Gateway { child, addr, start })
    }

    /// The program on one directory, in an environment that holds nothing of whoever runs this:
    /// neither settings nor credentials may change the figures.
    pub(crate) fn command(&self, room: &Room, directory: &str, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(words)
            .arg("--config")
            .arg(room.file(&format!("{directory}.toml")))
            .arg("--data-dir")
            .arg(room.file(directory))
            .current_dir(room.file(""))
            .env_clear()
            .env("WAYBILL_ROOT_KEY", &self.root_key);
        for name in ["PATH", "HOME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// Asks the gateway for something with the management key.
    pub(crate) async fn ask(
        &self,
        gateway: &Gateway,
        what: (Method, &str),
        body: impl Into<Bytes>,
    ) -> Result<(StatusCode, Bytes)> {
        let ask = request(gateway.addr, what, Some(&self.root_key), body.into())?;
        Line::open(gateway.addr).await?.fetch(ask).await
    }

    /// Somebody who makes many things with the management key.
    pub(super) fn poster(&self, addr: SocketAddr) -> Poster {
        Poster {
            addr,
            root_key: self.root_key.clone(),
        }
    }

    /// Makes a key for inference, as any program would, and waits until it works.
    pub(crate) async fn make_key(&self, gateway: &Gateway, terms: &'static str) -> Result<String> {
        let what = (Method::POST, "/api/v1/keys");
        let (status, body) = self.ask(gateway, what, terms).await?;
        let mut line = Line::open(gateway.addr).await?;
        let key = read_key(&body).with_context(|| {
            let shown = if status.is_success() {
                String::new()
            } else {
                excerpt(&body)
            };
            format!("POST /api/v1/keys answered {status} without a key: {shown}")
        })?;
        let until = Instant::now() + KEY;
        loop {
            let ask = request(
                gateway.addr,
                (Method::GET, "/api/v1/key"),
                Some(&key),
                Bytes::new(),
            )?;
            let (status, body) = line.fetch(ask).await?;
            if status == StatusCode::OK {
                return Ok(key);
            }
            if Instant::now() >= until {
                bail!(
                    "GET /api/v1/key answers the new key with {status}: {}",
                    excerpt(&body)
                );
            }
            sleep(LOOK).await;
        }
    }
}

/// Who posts things with the management key, over whatever connection.
pub(super) struct Poster {
    pub(super) addr: SocketAddr,
    root_key: String,
}

impl Poster {
    pub(super) fn post(&self, path: &str, body: String) -> Result<Request<Full<Bytes>>> {
        let what = (Method::POST, path);
        request(self.addr, what, Some(&self.root_key), body.into())
    }
}

fn request(
    addr: SocketAddr,
    (method, path): (Method, &str),
    key: Option<&str>,
    body: Bytes,
) -> Result<Request<Full<Bytes>>> {
    let mut request = Request::builder().method(method).uri(path);
    request = request
        .header(header::HOST, addr.to_string())
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    Ok(request.body(Full::new(body))?)
}

/// Which of the printed addresses is a gateway that is ready; others may be of providers it knows.
async fn ready_one(printed: &[SocketAddr], upstream: SocketAddr) -> Option<SocketAddr> {
    for addr in printed.iter().filter(|addr| **addr != upstream) {
        if matches!(timeout(PATIENCE, is_ready(*addr)).await, Ok(true)) {
            return Some(*addr);
        }
    }
    None
}

async fn is_ready(addr: SocketAddr) -> bool {
    matches!(
        look(addr, (Method::GET, "/readyz")).await,
        Ok((StatusCode::OK, _))
    )
}

/// Asks anybody for something that needs no key.
pub(super) async fn look(addr: SocketAddr, what: (Method, &str)) -> Result<(StatusCode, Bytes)> {
    let ask = request(addr, what, None, Bytes::new())?;
    Line::open(addr).await?.fetch(ask).await
}

pub(super) fn read_key(body: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    value.get("key")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_beside_its_record_as_in_openrouters_answer() {
        let body = br#"{"data":{"hash":"h","name":"bench"},"key":"sk-wb-v1-00"}"#;
        assert_eq!(read_key(body), Some("sk-wb-v1-00".to_owned()));
        assert_eq!(read_key(br#"{"error":{"code":401}}"#), None);
    }
}
