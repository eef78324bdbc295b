//! `GET /healthz` and `GET /readyz`.

use crate::stage::Stage;

#[tokio::test]
async fn a_server_that_runs_is_alive_and_ready() {
    let stage = Stage::open().await;
    assert_eq!(stage.get("/healthz", "").await.json()["status"], "ok");
    assert_eq!(stage.get("/readyz", "").await.json()["status"], "ready");
}

#[tokio::test]
async fn a_server_without_its_database_is_alive_but_not_ready_and_still_serves_calls() {
    let stage = Stage::open().await;
    stage.running.app.store.close().await;
    assert_eq!(stage.get("/healthz", "").await.status, 200);
    let ready = stage.get("/readyz", "").await;
    assert_eq!(ready.status, 503);
    assert!(
        ready.json()["reasons"][0]
            .as_str()
            .unwrap()
            .contains("database")
    );
    // What needs the database says so, and never that the key is wrong.
    stage
        .get("/api/v1/key", &stage.key)
        .await
        .error(503, "server");
    let call = stage.chat(&crate::stage::hello("simulated/echo"), "").await;
    assert_eq!(call.status, 200, "{}", call.text());
}
