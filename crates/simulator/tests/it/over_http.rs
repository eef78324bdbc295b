//! The simulator's own pages: ledger, scripts, personas, for clients in other languages.

use serde_json::{Value, json};

use crate::client::{chat, question, send, start, streamed};

#[tokio::test]
async fn the_ledger_is_readable_and_can_be_cleared() {
    let simulator = start().await;
    for model in ["a", "b!status=500", "a"] {
        chat(&simulator, &question(model)).await;
    }
    let seen = send(&simulator, "GET", "/ledger?model=a", &[], &Value::Null)
        .await
        .json();
    assert_eq!(
        seen["totals"]["requests"], 3,
        "reading the ledger is no call"
    );
    assert_eq!(seen["totals"]["by_status"], json!({"200": 2, "500": 1}));
    let seqs: Vec<_> = seen["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|e| e["seq"].clone())
        .collect();
    assert_eq!(seqs, [1, 3]);
    let entry = &seen["entries"][0];
    assert_eq!(entry["usage_sent"]["prompt"], 7);
    assert_eq!(
        (&entry["finished"], &entry["disconnected"]),
        (&json!(true), &json!(false))
    );
    let body: Value = serde_json::from_str(entry["body"].as_str().expect("text")).expect("JSON");
    assert_eq!(body, question("a"));
    let seen = send(
        &simulator,
        "GET",
        "/ledger?after=1&limit=1",
        &[],
        &Value::Null,
    )
    .await
    .json();
    assert_eq!(seen["entries"][0]["seq"], 2);
    send(&simulator, "DELETE", "/ledger", &[], &Value::Null).await;
    let seen = send(&simulator, "GET", "/ledger", &[], &Value::Null)
        .await
        .json();
    assert_eq!(
        (&seen["totals"]["requests"], &seen["entries"]),
        (&json!(0), &json!([]))
    );
}

#[tokio::test]
async fn scripts_can_be_given_queued_and_taken_back() {
    let simulator = start().await;
    let post = async |body: Value| send(&simulator, "POST", "/script", &[], &body).await.status;
    assert_eq!(
        post(json!({"model": "m", "script": "status=429", "times": 2})).await,
        200
    );
    assert_eq!(post(json!({"model": "m", "text": "Hello, you"})).await, 200);
    assert_eq!(chat(&simulator, &question("m")).await.status, 429);
    assert_eq!(chat(&simulator, &question("m")).await.status, 429);
    assert_eq!(
        chat(&simulator, &streamed("m")).await.joined("content"),
        "Hello, you"
    );
    let raw = json!({"status": 201, "headers": {"content-type": "text/plain"},
        "body_base64": "aGFsbG8g8J+nvg==", "writes": [1, 2]});
    assert_eq!(post(json!({"model": "m", "raw": raw})).await, 200);
    let reply = chat(&simulator, &question("m")).await;
    assert_eq!((reply.status, reply.text()), (201, "hallo 🧾".to_owned()));
    assert_eq!(simulator.ledger().last().map(|e| e.chunks_written), Some(3));
    send(&simulator, "DELETE", "/script", &[], &Value::Null).await;
    assert_eq!(chat(&simulator, &question("m")).await.status, 200);
    for bad in [
        json!({"script": "nonsense"}),
        json!({"times": 0}),
        json!({"raw": {"status": 99}}),
        json!({"raw": {"body_base64": "*"}}),
        json!({"raw": {"writes": [0]}}),
    ] {
        assert_eq!(post(bad.clone()).await, 400, "{bad}");
    }
}

#[tokio::test]
async fn the_page_says_that_everything_is_simulated_and_explains_the_grammar() {
    let simulator = start().await;
    let reply = send(&simulator, "GET", "/", &[], &Value::Null).await;
    assert_eq!(
        reply.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(reply.header("x-simulated"), Some("true"));
    let page = reply.text();
    assert!(page.contains("Nothing here is a real model."));
    for row in simulator::GRAMMAR {
        assert!(page.contains(row.example), "{}", row.example);
    }
}
