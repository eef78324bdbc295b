//! What runs beside the calls.

use std::time::Duration;

use simulator::Simulator;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::stage::{Scratch, start};

/// An engine that lists one model to whoever asks.
async fn engine() -> (String, tokio_util::task::AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let list = r#"{"object":"list","data":[{"id":"Llama3.2:3b","object":"model"}]}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{list}",
        list.len()
    );
    let serve = async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1024];
            if stream.read(&mut head).await.is_ok() {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    };
    let task = tokio_util::task::TaskTracker::new().spawn(serve);
    (url, tokio_util::task::AbortOnDropHandle::new(task))
}

#[tokio::test]
async fn an_engine_on_this_machine_is_found_by_itself() {
    let (url, _engine) = engine().await;
    let dir = Scratch::new();
    // Its standard port may be taken here, so its row says another one.
    let text = format!(
        "[providers.my-engine]\nname = \"My Engine\"\nkind = \"local\"\nbase_url = \"{url}\"\nauth = \"none\"\n"
    );
    let running = start(&text, &dir, &[]).await;
    let since = Instant::now();
    let found = loop {
        if let Some(model) = running.app.catalog.load().model("my-engine/llama3.2-3b") {
            break model.clone();
        }
        assert!(
            since.elapsed() < Duration::from_secs(10),
            "it was not found"
        );
        sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(&*found.endpoints[0].upstream_model, "Llama3.2:3b");
    assert!(found.endpoints[0].provider.is_enabled());
    running.stop().await;
}

#[tokio::test]
async fn looking_can_be_switched_off() {
    let (url, _engine) = engine().await;
    let dir = Scratch::new();
    let text = format!(
        "[discovery]\nlocal_engines = false\n[providers.my-engine]\nkind = \"local\"\nbase_url = \"{url}\"\nauth = \"none\"\n"
    );
    let running = start(&text, &dir, &[]).await;
    sleep(Duration::from_millis(200)).await;
    assert!(
        running
            .app
            .catalog
            .load()
            .model("my-engine/llama3.2-3b")
            .is_none()
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_providers_when_it_is_told_to() {
    let simulator = Simulator::start("127.0.0.1:0")
        .await
        .unwrap()
        .with_key("right");
    let dir = Scratch::new();
    let row = |slug: &str, credential: &str| {
        format!(
            "[providers.{slug}]\nname = \"{slug}\"\nbase_url = \"{}\"\ncredential = \"{credential}\"\n",
            simulator.base_url()
        )
    };
    dir.file(
        "waybill.toml",
        &format!("{}{}", row("good", "right"), row("bad", "wrong")),
    );
    let command = std::process::Command::new(env!("CARGO_BIN_EXE_waybill"))
        .args(["check", "--live"])
        .current_dir(&dir.0)
        .env_clear()
        .output();
    let output = command.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let live: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("live\t"))
        .collect();
    assert_eq!(live.len(), 2, "{said}");
    assert!(live[0].starts_with("live\tbad\trefuses"), "{live:?}");
    assert!(live[1].starts_with("live\tgood\tanswers"), "{live:?}");
    assert_eq!(output.status.code(), Some(1));
}
