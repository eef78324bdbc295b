//! `GET /generation`: readable at once, complete, and nobody else's business.

use serde_json::json;

use crate::stage::{Stage, hello};

#[tokio::test]
async fn the_record_is_there_when_the_answer_has_ended() {
    let stage = Stage::open().await;
    let mut body = hello("simulated/echo");
    body["user"] = json!("customer-7");
    body["session_id"] = json!("session-9");
    for stream in [false, true] {
        body["stream"] = json!(stream);
        let seen = stage.chat(&body, "").await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        let record = stage.record(&seen).await;
        assert_eq!(record["streamed"], stream);
        assert_eq!(record["cancelled"], false);
        assert_eq!(record["model"], "simulated/echo");
        assert_eq!(record["provider_name"], "Simulated One");
        assert_eq!(record["finish_reason"], "stop");
        assert_eq!(record["external_user"], "customer-7");
        assert_eq!(record["session_id"], "session-9");
        assert_eq!(record["provider_responses"][0]["status"], 200);
        assert!(
            record["native_tokens_prompt"].as_u64().unwrap() > 0,
            "{record:#}"
        );
        assert!(record["total_cost"].is_number(), "{record:#}");
        assert_eq!(record["usage_source"], "provider");
        assert_eq!(record["unpriced"], json!(null));
    }
}

#[tokio::test]
async fn a_record_has_the_cost_by_unit_the_reported_one_and_what_a_cache_saved() {
    let stage = Stage::open().await;
    let answer = json!({
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "service_tier": "priority",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ha"},
            "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 60, "completion_tokens": 2, "total_tokens": 62, "cost": 0.5,
            "prompt_tokens_details": {"cached_tokens": 20}},
    });
    let raw = simulator::Raw::new("application/json", answer.to_string());
    stage
        .simulator
        .script_once("*", simulator::Script::raw(raw));
    let seen = stage.chat(&hello("simulated/echo"), "").await;
    let record = stage.record(&seen).await;
    assert_eq!(record["reported_cost"].to_string(), "0.5");
    assert!(record["cost_gap"].as_f64().unwrap() < -0.4, "{record:#}");
    assert_eq!(record["service_tier"], "priority");
    assert!(record["cache_discount"].is_number(), "{record:#}");
    let units = record["usage_units"].as_array().unwrap();
    let costs: f64 = units
        .iter()
        .map(|unit| unit["cost"].as_f64().unwrap())
        .sum();
    let total = record["total_cost"].as_f64().unwrap();
    assert!((costs - total).abs() < 1e-9 && total > 0.0, "{record:#}");
    let metrics = stage.get("/metrics", "").await.text();
    assert!(metrics.contains("waybill_cost_gaps_total 1"), "{metrics}");
}

#[tokio::test]
async fn the_recorded_plan_says_why_and_gives_the_same_plan_again() {
    let stage = Stage::open().await;
    let mut body = hello("simulated/echo");
    body["provider"] = json!({ "ignore": ["sim-two"] });
    let seen = stage.chat(&body, "").await;
    let plan = stage.record(&seen).await["plan"].take();
    assert_eq!(plan["attempts"][0]["endpoint"], "sim-one");
    let left_out =
        json!([{ "model": "simulated/echo", "endpoint": "sim-two", "excluded_by": "ignore" }]);
    assert_eq!(plan["excluded"], left_out);
    assert_eq!(plan["passed_over"], json!([]));
    let input = catalog::Input::from_json(&plan["input"].to_string()).unwrap();
    let again = input.replay(&stage.running.app.catalog.load()).unwrap();
    assert_eq!(again.mode.name(), plan["mode"]);
    let tags: Vec<&str> = again.attempts.iter().map(|a| &*a.endpoint.tag).collect();
    assert_eq!(tags, ["sim-one"]);
    assert_eq!(again.excluded[0].filter.name(), "ignore");
}

#[tokio::test]
async fn a_limit_that_passes_an_endpoint_over_is_named_in_record_and_plan() {
    let more = "[limits]\nrate = [{ per = \"endpoint\", requests = 1, window = \"day\" }]\n";
    let stage = Stage::open_with(more, &[]).await;
    let mut body = hello("simulated/echo");
    body["provider"] = json!({ "order": ["sim-one", "sim-two"] });
    assert_eq!(stage.chat(&body, "").await.status, 200);
    let plan = stage.post("/api/v1/plan", &stage.key, &body).await.json();
    let outlook = |place: usize| plan["data"]["attempts"][place]["passed_over"].clone();
    assert_eq!(
        (outlook(0), outlook(1)),
        (json!("limit"), json!(null)),
        "{plan:#}"
    );
    let record = stage.record(&stage.chat(&body, "").await).await;
    assert_eq!(record["endpoint"], "sim-two");
    let passed = json!([{ "model": "simulated/echo", "endpoint": "sim-one", "reason": "limit" }]);
    assert_eq!(record["plan"]["passed_over"], passed);
}

#[tokio::test]
async fn a_call_without_a_known_price_is_unpriced_and_not_free() {
    let stage = Stage::open().await;
    let seen = stage.chat(&hello("simulated/unpriced"), "").await;
    assert_eq!(seen.json()["usage"]["cost"], json!(null));
    let record = stage.record(&seen).await;
    assert_eq!(record["total_cost"], json!(null));
    assert!(record["unpriced"].is_string(), "{record:#}");
}

#[tokio::test]
async fn failed_calls_have_a_record_as_well() {
    let stage = Stage::open().await;
    let seen = stage
        .chat(&hello("simulated/echo"), "status=400,message=no")
        .await;
    assert_eq!(seen.status, 400);
    let record = stage.record(&seen).await;
    assert_eq!(record["status"], 400);
    assert_eq!(record["provider_responses"].as_array().unwrap().len(), 1);
    assert_eq!(record["finish_reason"], json!(null));
}

#[tokio::test]
async fn only_the_workspace_and_management_see_a_record() {
    let stage = Stage::open().await;
    let id = stage
        .chat(&hello("simulated/echo"), "")
        .await
        .header("x-generation-id")
        .to_owned();
    let path = format!("/api/v1/generation?id={id}");
    assert_eq!(stage.get(&path, &stage.management_key).await.status, 200);
    stage.get(&path, "").await.error(401, "authentication");
    stage
        .get("/api/v1/generation?id=gen-nothing", &stage.key)
        .await
        .error(404, "not_found");
    stage
        .get("/api/v1/generation", &stage.key)
        .await
        .error(400, "invalid_request");
    let store = &stage.running.app.store;
    let workspace = store::NewWorkspace {
        id: "11111111-1111-4111-8111-111111111111".into(),
        slug: "others".into(),
        name: "Others".into(),
        description: None,
        created_at_ms: 0,
    };
    store.workspaces().create(&workspace).await.unwrap();
    let made = json!({ "name": "stranger", "workspace_id": workspace.id });
    let made = stage
        .post("/api/v1/keys", &stage.management_key, &made)
        .await
        .json();
    let stranger = made["key"].as_str().unwrap();
    stage.get(&path, stranger).await.error(404, "not_found");
}
