//! `GET /metrics`.

use crate::stage::{Stage, hello};

/// What the simulated provider takes, far more than Waybill ever does.
const PROVIDER_US: u64 = 400_000;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_what_was_our_own_time_and_providers_are_not() {
    let stage = Stage::open().await;
    let mut streamed = hello("simulated/echo");
    streamed["stream"] = true.into();
    for (body, script) in [
        (hello("simulated/echo"), "delay=400ms"),
        (streamed.clone(), "delay=200ms,first-token=200ms"),
        (streamed, "status=503,delay=200ms"),
        (hello("simulated/echo"), "status=400,delay=400ms"),
    ] {
        let answer = stage.chat(&body, script).await;
        let own: u64 = answer.header("x-waybill-overhead-us").parse().unwrap();
        assert!((1..PROVIDER_US / 2).contains(&own), "{script}: {own} us");
        let record = stage.record(&answer).await;
        let recorded = record["overhead_us"].as_u64().unwrap();
        assert!(recorded <= own, "{script}: {recorded} {own}");
        assert!(
            record["latency"].as_u64().unwrap() >= PROVIDER_US / 1000,
            "{record:#}"
        );
    }
    let metrics = stage.get("/metrics", "").await.text();
    assert!(
        metrics.contains("waybill_overhead_seconds_count 4"),
        "{metrics}"
    );
    let refused = stage
        .post("/api/v1/chat/completions", "", &hello("simulated/echo"))
        .await;
    assert_eq!(refused.header("x-waybill-overhead-us"), "");
}

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
