//! What runs beside the calls.

use std::time::Duration;

use catalog::EndpointId;
use ledger::Amount;
use serde_json::json;
use server::config::probes::Probe;
use server::config::{Environment, read};
use server::jobs::probe_endpoints::{Spent, once};
use simulator::Simulator;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::stage::{Scratch, Stage, start};

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

#[tokio::test]
async fn endpoints_are_probed_where_it_is_quiet_and_within_their_budget() {
    let stage = Stage::open().await;
    let app = &stage.running.app;
    let probe = |endpoint: &str, nanos: i64| Probe {
        endpoint: endpoint.to_owned(),
        per_hour: 4,
        cost_per_hour: Amount::from_nanos(nanos),
    };
    let echo = probe("simulated/echo@sim-one", 1_000_000);
    let mut spent = Spent::default();
    let asked = async |probe: &Probe, spent: &mut Spent| once(app, probe, spent).await;
    // Nobody, nobody with a credential, nobody with a price, nobody who may.
    for other in [
        "simulated/none@sim-one",
        "simulated/locked@sim-locked",
        "simulated/unpriced@sim-one",
    ] {
        let other = probe(other, 1_000_000);
        assert_eq!(asked(&other, &mut spent).await, None, "{other:?}");
    }
    let poor = probe("simulated/echo@sim-one", 10);
    assert_eq!(asked(&poor, &mut spent).await, None);
    let id = asked(&echo, &mut spent).await.expect("a probe");
    let path = format!("/v1/generation?id={id}");
    let record = stage.get(&path, &stage.key).await.json()["data"].take();
    assert_eq!(record["endpoint"], "sim-one", "{record:#}");
    assert_eq!(record["app_title"], "Waybill probe");
    assert_eq!(record["tokens_completion"], 1);
    assert!(record["total_cost"].as_f64().unwrap() > 0.0, "{record:#}");
    let ledger = stage.simulator.ledger();
    assert_eq!(ledger.entries().len(), 1);
    // Now it has been heard of; a fresh budget makes no difference.
    assert_eq!(asked(&echo, &mut Spent::default()).await, None);
    let heard = app.relay.health();
    let id = EndpointId::new("simulated/echo@sim-one");
    let now_ms = app.clock.now_ms();
    assert!(heard.was_heard(&id, 60_000, now_ms));
    assert!(!heard.was_heard(&id, 60_000, now_ms + 61_000));
    // The other one is quiet, until a call comes by.
    let other = probe("simulated/echo@sim-two", 1_000_000);
    let body = json!({ "model": "simulated/echo", "provider": { "only": ["sim-two"] },
        "messages": [{ "role": "user", "content": "Hello" }] });
    let call = stage.post("/v1/chat/completions", &stage.key, &body).await;
    assert_eq!(call.status, 200, "{}", call.text());
    assert_eq!(asked(&other, &mut spent).await, None);
    assert_eq!(app.store.verify().await.unwrap(), None);
}

#[test]
fn probes_are_rows_of_the_configuration() {
    let read = |row: &str| {
        let text = format!("[probes]\nendpoint = [{row}]\n");
        let loaded = read("waybill.toml", &text, &Environment::default());
        loaded.into_config().map(|config| config.probes)
    };
    assert_eq!(read("").unwrap(), []);
    let full = r#"{ endpoint = "a/b@c", per_hour = 12, usd_per_hour = "0.5" }"#;
    let probe = &read(full).unwrap()[0];
    assert_eq!(
        (probe.per_hour, probe.cost_per_hour.nanos()),
        (12, 500_000_000)
    );
    let probe = &read(r#"{ endpoint = "a/b@c" }"#).unwrap()[0];
    assert_eq!(
        (probe.per_hour, probe.cost_per_hour.nanos()),
        (4, 1_000_000)
    );
    for wrong in [
        r#"{ endpoint = "a/b" }"#,
        r#"{ endpoint = "a/b@c", per_hour = 13 }"#,
        r#"{ endpoint = "a/b@c", usd_per_hour = "much" }"#,
        r#"{ endpoint = "a/b@c", often = true }"#,
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
