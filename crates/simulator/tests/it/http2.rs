//! The same over HTTP/2 with prior knowledge.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use simulator::Simulator;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::{start, streamed};

async fn connect(simulator: &Simulator, tasks: &mut JoinSet<()>) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(simulator.addr())
        .await
        .expect("connects");
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("shakes hands");
    tasks.spawn(async move {
        let _ = connection.await;
    });
    sender
}

fn request(simulator: &Simulator, model: &str) -> http::Request<Full<Bytes>> {
    let body = Full::new(Bytes::from(streamed(model).to_string()));
    let url = format!("{}/chat/completions", simulator.base_url());
    http::Request::post(url).body(body).expect("a request")
}

#[tokio::test]
async fn answers_come_over_http2_and_a_cancelled_stream_is_noticed() {
    let simulator = start().await;
    let mut tasks = JoinSet::new();
    let mut sender = connect(&simulator, &mut tasks).await;
    let reply = sender
        .send_request(request(&simulator, "m"))
        .await
        .expect("answers");
    assert_eq!(reply.version(), http::Version::HTTP_2);
    let body = reply
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    assert!(body.ends_with(b"data: [DONE]\n\n"));
    let ledger = simulator.ledger();
    assert!(ledger.last().is_some_and(|entry| entry.is_finished()));

    let reply = sender
        .send_request(request(&simulator, "m!hang=2"))
        .await
        .expect("answers");
    drop(reply);
    let gone = |entry: &simulator::Entry| entry.disconnected_at().is_some();
    assert!(
        ledger
            .wait_for(gone, Duration::from_secs(1))
            .await
            .is_some()
    );

    let reply = sender
        .send_request(request(&simulator, "m!reset=100"))
        .await
        .expect("answers");
    assert!(reply.into_body().collect().await.is_err());
}
