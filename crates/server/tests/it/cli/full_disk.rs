//! A disk that takes nothing more, for journal and database alike: calls get 503 with `Retry-After`,
//! nobody gets 401 for it, and when there is room again all goes on.
//!
//! The disk of a process is full when it may not make any file longer (`RLIMIT_FSIZE`).

use std::process::Command;
use std::time::Duration;

use http::Request;
use http_body_util::Full;
use simulator::Simulator;
use tokio::time::Instant;

use super::program::{Server, run, stderr, stdout};
use crate::stage::{Scratch, Seen, hello, providers, send};

/// Starts `serve` so that a write beyond the limit is an error and no signal.
fn serve(dir: &Scratch) -> Server {
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_waybill"))
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--config",
            "waybill.toml",
        ])
        .current_dir(&dir.0)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    Server::start(command)
}

fn limit_files(server: &Server, soft: &str) {
    let id = server.id().to_string();
    let status = Command::new("prlimit")
        .args(["--pid", &id, &format!("--fsize={soft}:")])
        .status();
    assert!(status.unwrap().success());
}

/// Makes a key on the command line.
fn make_key(dir: &Scratch, words: &[&str]) -> String {
    let always = ["key", "create", "--config", "waybill.toml"];
    let made = run(dir, &[&always[..], words].concat());
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let said = stdout(&made);
    let key = said.split_whitespace().find(|word| word.starts_with("sk-"));
    key.unwrap().to_owned()
}

async fn call(url: &str, key: &str) -> Seen {
    let request = Request::post(format!("{url}/api/v1/chat/completions"))
        .header("authorization", format!("Bearer {key}"));
    let body = hello("simulated/echo").to_string();
    send(request.body(Full::new(body.into())).unwrap()).await
}

/// Calls until the answer has that status; how often it did not.
async fn until(status: u16, (url, key): (&str, &str)) -> (Seen, u32) {
    let since = Instant::now();
    let mut others = 0;
    loop {
        let seen = call(url, key).await;
        if seen.status == status {
            return (seen, others);
        }
        assert!(
            [200, 503].contains(&seen.status.as_u16()),
            "{}",
            seen.text()
        );
        others += 1;
        assert!(since.elapsed() < Duration::from_secs(20), "{}", seen.text());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_calls_get_503_and_go_on_when_there_is_room() {
    let simulator = Simulator::start("127.0.0.1:0").await.unwrap();
    let dir = Scratch::new();
    dir.file(
        "waybill.toml",
        &format!("[server]\ndata_dir = \"place\"\n{}", providers(&simulator)),
    );
    let key = make_key(&dir, &["--name", "one", "--limit", "5"]);
    let key = key.as_str();
    let mut server = serve(&dir);
    let first = server.line();
    let url = first
        .split("ready at ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    assert_eq!(call(url, key).await.status, 200);

    let free = make_key(&dir, &["--name", "free"]);
    let free = free.as_str();
    let since = Instant::now();
    while call(url, free).await.status == 401 {
        assert!(since.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    limit_files(&server, "1");
    until(503, (url, free)).await;
    let (seen, served) = until(503, (url, key)).await;
    assert!(served <= 3, "{served} calls were served without a record");
    assert!(!seen.header("retry-after").is_empty(), "{}", seen.text());
    for _ in 0..5 {
        let seen = call(url, key).await;
        assert_eq!(seen.status, 503, "{}", seen.text());
    }
    assert_eq!(call(url, "sk-wb-v1-nobody").await.status, 401);

    limit_files(&server, "unlimited");
    until(200, (url, key)).await;
    until(200, (url, free)).await;
    let (rest, is_well) = server.stop();
    assert!(is_well, "{rest}");
    let verified = run(&dir, &["ledger", "verify", "--config", "waybill.toml"]);
    assert_eq!(
        stdout(&verified),
        "the books agree\n",
        "{}",
        stderr(&verified)
    );
}
