//! `GET /observability/attention`: an endpoint that answers as it never did.

use serde_json::json;

use crate::stage::{Stage, hello};

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_whose_answers_are_suddenly_cut_short_is_listed() {
    let stage = Stage::open().await;
    let mut request = hello("simulated/echo");
    request["provider"] = json!({"only": ["sim-one"]});
    for number in 0..160 {
        let script = if number < 110 { "" } else { "finish=length" };
        let answer = stage.chat(&request, script).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        if number == 159 {
            assert_eq!(stage.record(&answer).await["signs"], json!(["cut_short"]));
        }
    }
    let path = "/api/v1/observability/attention";
    let list = stage.get(path, &stage.management_key).await.json();
    assert_eq!(
        list["data"],
        json!([{
            "endpoint": "simulated/echo@sim-one", "what": "cut_short", "recent": 1000, "before": 0,
            "recent_answers": 50, "before_answers": 110,
        }])
    );
    let metrics = stage.get("/metrics", "").await.text();
    for line in [
        "waybill_remarkable_answers_total{sign=\"cut_short\"} 50",
        "waybill_drifting_endpoints 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "no {line} in\n{metrics}"
        );
    }
    assert_eq!(stage.get(path, &stage.key).await.status, 403);
}
