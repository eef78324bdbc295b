//! The link under TLS, to a server of this test's own whose certificate only those trust who are told to.
//!
//! Where `TEST_VALKEY_URL` is set (`scripts/with-services` sees to a server's program being there) it has
//! to run; elsewhere it runs if a program is there, and says so if none is.
#![expect(clippy::print_stderr, reason = "a test that did nothing should say so")]

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cluster::Link;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::lease::{claim, one};

/// Made for the tests of relay; it opens nothing.
const CERTIFICATE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../relay/tests/it/throwaway-certificate.pem"
);
const ITS_KEY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../relay/tests/it/throwaway-certificate-key.pem"
);

const PROGRAMS: [&str; 2] = ["valkey-server", "redis-server"];

/// A free port may be taken by somebody else before the server has it.
const PORT_TRIES: usize = 5;

const PATIENCE: Duration = Duration::from_secs(30);

/// A server that answers under TLS alone; it is stopped when this is dropped.
struct Server {
    process: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts the first program that is there; none when none is.
    async fn start() -> Option<Self> {
        for _ in 0..PORT_TRIES {
            let mut server = PROGRAMS.iter().find_map(|program| Self::spawn(program))?;
            if server.listens().await {
                return Some(server);
            }
        }
        panic!("no server listens under TLS; is it built without?");
    }

    fn spawn(program: &str) -> Option<Self> {
        let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = probe.local_addr().unwrap().port();
        drop(probe);
        let port_text = port.to_string();
        let process = Command::new(program)
            .args([
                "--bind",
                "127.0.0.1",
                "--port",
                "0",
                "--tls-port",
                &port_text,
            ])
            .args(["--tls-cert-file", CERTIFICATE, "--tls-key-file", ITS_KEY])
            .args([
                "--tls-ca-cert-file",
                CERTIFICATE,
                "--tls-auth-clients",
                "no",
            ])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self { process, port })
    }

    /// Waits until it takes connections; false when it has ended.
    async fn listens(&mut self) -> bool {
        let waiting = async {
            while self.process.try_wait().unwrap().is_none() {
                let to = (Ipv4Addr::LOCALHOST, self.port);
                if tokio::net::TcpStream::connect(to).await.is_ok() {
                    return true;
                }
                sleep(Duration::from_millis(10)).await;
            }
            false
        };
        timeout(PATIENCE, waiting).await.unwrap()
    }

    fn url(&self) -> String {
        format!("rediss://localhost:{}/0", self.port)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told so where services are"
)]
async fn server() -> Option<Server> {
    let server = Server::start().await;
    if server.is_none() {
        let is_promised = std::env::var("TEST_VALKEY_URL").is_ok();
        assert!(!is_promised, "none of {PROGRAMS:?} is installed");
        eprintln!("none of {PROGRAMS:?} is installed: nothing was tested");
    }
    server
}

fn tended(link: Link) -> (Arc<Link>, impl Drop) {
    let (link, stop) = (Arc::new(link), CancellationToken::new());
    let (of_task, told) = (Arc::clone(&link), stop.clone());
    TaskTracker::new().spawn(async move { of_task.tend(told).await });
    (link, stop.drop_guard())
}

#[tokio::test]
async fn who_vouches_for_a_server_is_trusted_and_nobody_else() {
    let Some(server) = server().await else { return };
    let authority = std::fs::read(CERTIFICATE).unwrap();
    let trusting = Link::trusting(&authority, &server.url(), "trusting".to_owned(), 1);
    let (trusting, _until) = tended(trusting.unwrap());
    let there = async {
        while !trusting.is_there() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, there).await.unwrap();
    assert_eq!(one(&trusting, &claim("tls", 100, 0, 6)).await, (6, 0));

    // Nobody public has signed it, nor is it anybody else's; the server is there for either.
    let strange = Link::new(&server.url(), "strange".to_owned(), 1).unwrap();
    let by_address = server.url().replace("localhost", "127.0.0.1");
    let elsewhere = Link::trusting(&authority, &by_address, "elsewhere".to_owned(), 1).unwrap();
    let ((strange, _until_then), (elsewhere, _until_now)) = (tended(strange), tended(elsewhere));
    for _ in 0..200 {
        assert!(!strange.is_there() && !elsewhere.is_there());
        sleep(Duration::from_millis(5)).await;
    }
    assert!(trusting.is_there());
}
