//! `GET /metrics`.

use crate::stage::{Stage, hello};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_counted_by_the_time_its_answer_has_ended() {
    let stage = Stage::open().await;
    let before = stage.get("/metrics", "").await;
    assert_eq!(before.status, 200);
    assert!(
        before
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    assert!(
        !before.text().contains("waybill_calls_total{"),
        "{}",
        before.text()
    );

    let answer = stage.chat(&hello("simulated/echo"), "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let usage = answer.json()["usage"].clone();

    let after = stage.get("/metrics", "").await.text();
    for line in [
        "waybill_calls_total{gen_ai_provider_name=\"sim-one\",outcome=\"completed\",status_class=\"2xx\"} 1".to_owned(),
        "waybill_attempts_total{gen_ai_provider_name=\"sim-one\",outcome=\"completed\"} 1".to_owned(),
        format!("waybill_units_total{{gen_ai_provider_name=\"sim-one\",unit=\"input\"}} {}", usage["prompt_tokens"]),
        "waybill_calls_in_flight 0".to_owned(),
        "waybill_usable_providers 2".to_owned(),
    ] {
        assert!(after.lines().any(|found| found == line), "no line {line} in\n{after}");
    }
}
