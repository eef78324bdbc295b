//! The door itself: slow and broken requests, many connections, the end.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stage::{Stage, hello};

async fn connect(stage: &Stage) -> TcpStream {
    TcpStream::connect(stage.running.address).await.unwrap()
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let reading = stream.read_to_string(&mut text);
    tokio::time::timeout(Duration::from_secs(10), reading)
        .await
        .unwrap()
        .unwrap();
    text
}

fn head(stage: &Stage, length: usize) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         connection: close\r\ncontent-length: {length}\r\n\r\n",
        stage.key
    )
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_a_request_timeout() {
    let stage = Stage::open_with("[timeouts]\nrequest_body_ms = 100\n", &[]).await;
    let mut stream = connect(&stage).await;
    stream
        .write_all(head(&stage, 1000).as_bytes())
        .await
        .unwrap();
    stream.write_all(b"{\"model\":").await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"error_type\":\"timeout\""), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_ends_the_connection() {
    let stage = Stage::open_with("[timeouts]\nrequest_head_ms = 100\n", &[]).await;
    let mut stream = connect(&stage).await;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost:")
        .await
        .unwrap();
    let answer = read_all(&mut stream).await;
    assert!(!answer.contains("200"), "{answer}");
}

#[tokio::test]
async fn a_long_body_that_was_announced_is_refused_and_the_answer_arrives() {
    let stage = Stage::open_with("[limits]\nbody_bytes_max = 65536\n", &[]).await;
    let mut stream = connect(&stage).await;
    let body = vec![b'x'; 100_000];
    stream
        .write_all(head(&stage, body.len()).as_bytes())
        .await
        .unwrap();
    stream.write_all(&body).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("x-generation-id"), "{answer}");
}

#[tokio::test]
async fn calls_in_flight_end_before_the_server_does_and_their_records_are_kept() {
    let stage = Stage::open().await;
    let mut body = hello("simulated/echo");
    body["stream"] = json!(true);
    let Stage {
        simulator,
        running,
        url,
        key,
        dir,
        ..
    } = stage;
    let request = http::Request::post(format!("{url}/v1/chat/completions"))
        .header("authorization", format!("Bearer {key}"))
        .header("x-simulate", "chunks=20,gap=20ms")
        .body(http_body_util::Full::new(body.to_string().into()))
        .unwrap();
    let call = tokio_util::task::TaskTracker::new().spawn(crate::stage::send(request));
    let started = |entry: &simulator::Entry| entry.status == Some(200);
    simulator
        .ledger()
        .wait_for(started, Duration::from_secs(5))
        .await
        .unwrap();
    running.stop().await;
    let seen = call.await.unwrap();
    assert!(seen.frames().1, "the stream was cut: {}", seen.text());
    let again = crate::stage::start(&crate::stage::providers(&simulator), &dir, &[]).await;
    assert!(again.first_keys.is_none(), "keys are shown once");
    let id = ledger::GenerationId::from_text(seen.header("x-generation-id"));
    assert!(again.app.recorder.get(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_new_connection_waits_when_all_places_are_taken() {
    let stage = Stage::open_with("[server]\nconnections_max = 1\n", &[]).await;
    let mut first = connect(&stage).await;
    first
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 15];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let mut second = connect(&stage).await;
    second
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let early = tokio::time::timeout(Duration::from_millis(100), second.read_u8()).await;
    assert!(early.is_err(), "it should wait");
    drop(first);
    assert!(read_all(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_panic_is_an_error_of_ours_and_takes_nothing_else_with_it() {
    use axum::routing::{get, post};
    let router = axum::Router::new()
        .route("/desk", get(async || -> &str { panic!("at the desk") }))
        .route(
            "/v1/chat/completions",
            post(async || -> &str { panic!("in a call") }),
        )
        .route("/well", get(async || "well"));
    let listener = server::listen::bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let manners = server::listen::Manners {
        connections_max: 10,
        request_head: Duration::from_secs(1),
        drain: Duration::from_secs(1),
    };
    let stop = tokio_util::sync::CancellationToken::new();
    let desk = tokio::runtime::Handle::current();
    let door = server::listen::serve(listener, router, desk, manners, stop.clone());
    let visit = async {
        for (request, path) in [
            (http::Request::get(format!("{url}/desk")), "desk"),
            (
                http::Request::post(format!("{url}/v1/chat/completions")),
                "call",
            ),
        ] {
            let seen = crate::stage::send(request.body(http_body_util::Full::default()).unwrap());
            let message = seen.await.error(500, "server");
            assert!(!message.contains(path), "the cause is masked: {message}");
        }
        let well = http::Request::get(format!("{url}/well"));
        let seen = crate::stage::send(well.body(http_body_util::Full::default()).unwrap()).await;
        assert_eq!(seen.text(), "well");
        stop.cancel();
    };
    tokio::join!(door, visit);
}

#[tokio::test]
async fn every_job_ends_when_the_server_is_told_to_stop() {
    let stage = Stage::open().await;
    let seen = stage.chat(&hello("simulated/echo"), "").await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    let app = std::sync::Arc::clone(&stage.running.app);
    stage.running.stop().await;
    assert!(app.tasks.is_empty(), "{} jobs go on", app.tasks.len());
}
