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

#[tokio::test]
async fn an_answer_with_a_tool_call_that_does_not_fit_says_so_and_is_found() {
    let stage = Stage::open().await;
    let mut request = hello("simulated/echo");
    request["tools"] = json!([{"type": "function", "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }}]);
    for streams in [false, true] {
        request["stream"] = json!(streams);
        let fits = stage.chat(&request, "tools").await;
        assert_eq!(stage.record(&fits).await["signs"], json!([]), "{streams}");
        let wrong = stage.chat(&request, "tools,arguments=%7B%7D").await;
        assert_eq!(wrong.status, 200, "{}", wrong.text());
        let signs = &stage.record(&wrong).await["signs"];
        assert_eq!(signs, &json!(["invalid_tools"]), "{streams}");
    }
    let path = "/api/v1/generations?sign=invalid_tools";
    let listed = stage.get(path, &stage.management_key).await.json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2));
    let question = json!({"metrics": ["invalid_tools_count", "invalid_tools_rate"]});
    let path = "/api/v1/analytics/query";
    let counted = stage.post(path, &stage.management_key, &question).await;
    let row = &counted.json()["data"]["data"][0];
    assert_eq!(row["invalid_tools_count"], 2);
    assert_eq!(row["invalid_tools_rate"], 0.5);
}
