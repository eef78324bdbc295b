//! `POST /messages` and `POST /messages/count_tokens`, with Claude and with others behind.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use server::api::openapi::document;

use crate::schema::assert_fits;
use crate::stage::{Seen, Stage};

/// A provider that speaks this dialect, and one that does not.
fn more(url: &str) -> String {
    format!(
        r#"
[providers.sim-claude]
name = "Simulated Claude"
kind = "simulated"
base_url = "{url}"
dialects = ["anthropic-messages"]
auth = "header:x-api-key"
env = "SIM_CLAUDE_KEY"

[[providers.sim-claude.endpoints]]
model = "simulated/claude"
upstream_model = "claude-sonnet-4-5"
context_length = 200000
price = {{ input = "3.00", output = "15.00" }}
"#
    )
}

async fn open() -> Stage {
    Stage::open_beside(more, &[("SIM_CLAUDE_KEY", "sk-sim")]).await
}

fn hello(model: &str) -> Value {
    json!({
        "model": model,
        "max_tokens": 4000,
        "messages": [{"role": "user", "content": "Hello there"}],
    })
}

async fn ask(stage: &Stage, body: &Value, headers: &[(&str, &str)]) -> Seen {
    let headers = [headers, &[("x-api-key", stage.key.as_str())]].concat();
    let body = body.to_string().into();
    let to = (Method::POST, "/api/v1/messages");
    stage.send(to, "", body, &headers).await
}

fn events(seen: &Seen) -> Vec<Value> {
    let text = seen.text();
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    lines
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

#[tokio::test]
async fn claude_answers_in_its_own_dialect() {
    let stage = open().await;
    let mut body = hello("simulated/claude");
    body["provider"] = json!({"allow_fallbacks": false});
    body["unknown_field_of_tomorrow"] = json!(1);
    body["session_id"] = json!("s");
    body["trace"] = json!({"trace_id": "t"});
    let seen = ask(
        &stage,
        &body,
        &[
            ("anthropic-beta", "one-2025-01-01"),
            ("x-simulate", "text=Good%20day"),
        ],
    )
    .await;
    let entry = stage.simulator.ledger().last().unwrap();
    let sent = entry.json();
    assert_eq!(sent["model"], "claude-sonnet-4-5");
    for name in ["provider", "session_id", "trace"] {
        assert!(sent.get(name).is_none(), "{name} went up");
    }
    assert!(
        entry.header("x-api-key").is_some(),
        "the credential goes in its own header"
    );
    assert_eq!(entry.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(entry.header("anthropic-beta"), Some("one-2025-01-01"));
    if seen.status == 400 {
        // The simulated provider judges as Anthropic does: what nobody knows is refused there.
        assert!(
            seen.json()["error"]["message"]
                .as_str()
                .unwrap()
                .contains("unknown_field_of_tomorrow")
        );
        body.as_object_mut()
            .unwrap()
            .remove("unknown_field_of_tomorrow");
    }
    let seen = ask(&stage, &body, &[("x-simulate", "text=Good%20day")]).await;
    let json = seen.json();
    assert_eq!(seen.status, 200, "{json:#}");
    assert_fits(&document().unwrap(), "MessagesResult", &json);
    assert_eq!(json["content"][0]["text"], "Good day");
    assert_eq!(json["model"], "simulated/claude");
    assert_eq!(json["provider"], "Simulated Claude");
    assert_eq!(json["id"], seen.header("x-generation-id"));
    assert_eq!(json["id"], seen.header("request-id"));
    let usage = &json["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap();
    let nanos = count("input_tokens") * 3000 + count("output_tokens") * 15000;
    let cost = ledger::Amount::from_usd(&usage["cost"].to_string()).unwrap();
    assert_eq!(cost.nanos(), i64::try_from(nanos).unwrap(), "{usage:#}");
}

#[tokio::test]
async fn a_stream_is_named_events_with_the_cost_at_its_end() {
    let stage = open().await;
    for model in ["simulated/claude", "simulated/echo"] {
        let mut body = hello(model);
        body["stream"] = json!(true);
        let seen = ask(
            &stage,
            &body,
            &[("x-simulate", "chunks=3,text=one%20two%20three")],
        )
        .await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        assert_eq!(seen.header("content-type"), "text/event-stream");
        let events = events(&seen);
        let kinds: Vec<_> = events
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        assert_eq!(kinds.first(), Some(&"message_start"), "{kinds:?}");
        assert_eq!(kinds.last(), Some(&"message_stop"), "{kinds:?}");
        let document = document().unwrap();
        for event in &events {
            assert_fits(&document, "MessagesEvent", event);
        }
        assert_eq!(events[0]["message"]["id"], seen.header("x-generation-id"));
        assert_eq!(events[0]["message"]["model"], model);
        let text: String = events
            .iter()
            .filter_map(|event| event["delta"]["text"].as_str())
            .collect();
        assert_eq!(text, "one two three", "{model}");
        let delta = &events[events.len() - 2];
        assert_eq!(delta["delta"]["stop_reason"], "end_turn", "{delta:#}");
        assert!(delta["usage"]["cost"].is_number(), "{delta:#}");
        assert!(
            delta["usage"]["output_tokens"].as_u64().unwrap() > 0,
            "{delta:#}"
        );
    }
}

#[tokio::test]
async fn any_model_answers_at_this_door_and_what_it_is_not_told_is_named() {
    let stage = open().await;
    let mut body = hello("simulated/echo");
    body["system"] =
        json!([{"type": "text", "text": "Be brief", "cache_control": {"type": "ephemeral"}}]);
    body["tools"] = json!([{"name": "look", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}]);
    body["context_management"] = json!({"edits": []});
    let headers = [
        ("anthropic-beta", "context-management-2025-06-27"),
        ("x-simulate", "tools=1"),
    ];
    let seen = ask(&stage, &body, &headers).await;
    let json = seen.json();
    assert_eq!(seen.status, 200, "{json:#}");
    assert_fits(&document().unwrap(), "MessagesResult", &json);
    assert_eq!(json["stop_reason"], "tool_use", "{json:#}");
    let calls = json["content"].as_array().unwrap();
    let call = calls
        .iter()
        .find(|block| block["type"] == "tool_use")
        .unwrap();
    assert_eq!(call["name"], "look");
    assert!(call["input"].is_object());
    let dropped = seen.header("x-waybill-dropped");
    assert!(dropped.contains("context_management"), "{dropped}");
    assert!(
        dropped.contains("context-management-2025-06-27"),
        "{dropped}"
    );
    let sent = stage.simulator.ledger().last().unwrap().json();
    assert_eq!(sent["messages"][0]["role"], "system");
    assert_eq!(sent["tools"][0]["function"]["name"], "look");
}

#[tokio::test]
async fn claude_answers_callers_of_openais_dialect() {
    let stage = open().await;
    let mut body = crate::stage::hello("simulated/claude");
    body["reasoning"] = json!({"effort": "high"});
    body["max_tokens"] = json!(4000);
    let seen = stage.chat(&body, "text=Good%20day").await;
    let json = seen.json();
    assert_eq!(seen.status, 200, "{json:#}");
    let message = &json["choices"][0]["message"];
    assert_eq!(message["content"], "Good day", "{json:#}");
    let detail = &message["reasoning_details"][0];
    assert_eq!(detail["format"], "anthropic-claude-v1", "{json:#}");
    assert!(detail["signature"].is_string(), "{json:#}");
    let sent = stage.simulator.ledger().last().unwrap().json();
    assert_eq!(
        sent["thinking"],
        json!({"type": "enabled", "budget_tokens": 3200})
    );
}

#[tokio::test]
async fn failures_are_told_in_this_dialect() {
    let stage = open().await;
    let document = document().unwrap();
    let check = |seen: &Seen, status: u16, kind: &str| {
        let json = seen.json();
        assert_eq!(seen.status, status, "{json:#}");
        assert_eq!(json["error"]["type"], kind, "{json:#}");
        assert_fits(&document, "MessagesError", &json);
    };
    let nobody = stage
        .send(
            (Method::POST, "/v1/messages"),
            "",
            hello("simulated/claude").to_string().into(),
            &[],
        )
        .await;
    check(&nobody, 401, "authentication_error");
    let broken = ask(&stage, &json!({"model": "simulated/claude"}), &[]).await;
    check(&broken, 400, "invalid_request_error");
    assert_eq!(broken.json()["request_id"], broken.header("request-id"));
    let unknown = ask(&stage, &hello("no/such"), &[]).await;
    check(&unknown, 400, "invalid_request_error");
    let overloaded = ask(
        &stage,
        &hello("simulated/claude"),
        &[("x-simulate", "status=529")],
    )
    .await;
    check(&overloaded, 503, "overloaded_error");
    let mut body = hello("simulated/claude");
    body["stream"] = json!(true);
    let cut = ask(&stage, &body, &[("x-simulate", "chunks=5,error=2")]).await;
    assert_eq!(cut.status, 200);
    let events = events(&cut);
    let last = events.last().unwrap();
    assert_eq!(last["type"], "error", "{last:#}");
    assert_eq!(last["request_id"], cut.header("x-generation-id"));
}

#[tokio::test]
async fn silence_is_filled_with_pings() {
    let stage = Stage::open_beside(
        |url| {
            format!(
                "[timeouts]\nhold_ms = 50\nkeep_alive_ms = 50\n{}",
                more(url)
            )
        },
        &[("SIM_CLAUDE_KEY", "sk-sim")],
    )
    .await;
    let mut body = hello("simulated/claude");
    body["stream"] = json!(true);
    let call = ask(
        &stage,
        &body,
        &[("x-simulate", "first-token=400ms,text=ok")],
    );
    let seen = tokio::time::timeout(Duration::from_secs(20), call)
        .await
        .unwrap();
    let kinds: Vec<_> = events(&seen)
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(kinds.first().unwrap(), "ping", "{kinds:?}");
    assert_eq!(kinds.last().unwrap(), "message_stop", "{kinds:?}");
}

#[tokio::test]
async fn tokens_are_counted_by_the_provider_or_estimated() {
    let stage = open().await;
    let count = async |model: &str, script: &str| {
        let body =
            json!({"model": model, "messages": [{"role": "user", "content": "Count these words"}]});
        let headers = [("x-simulate", script)];
        let headers = if script.is_empty() {
            &[][..]
        } else {
            &headers[..]
        };
        let to = (Method::POST, "/api/v1/messages/count_tokens");
        stage
            .send(to, &stage.key, body.to_string().into(), headers)
            .await
    };
    let before = stage.simulator.ledger().entries().len();
    let counted = count("simulated/claude", "").await;
    assert_eq!(counted.status, 200, "{}", counted.text());
    assert!(counted.json()["input_tokens"].as_u64().unwrap() > 0);
    assert_eq!(counted.header("x-waybill-token-count"), "provider");
    let sent = stage.simulator.ledger().last().unwrap().json();
    assert!(
        sent.get("max_tokens").is_none() && sent["model"] == "claude-sonnet-4-5",
        "{sent:#}"
    );
    let failed = count("simulated/claude", "status=500").await;
    assert_eq!(
        failed.header("x-waybill-token-count"),
        "estimate",
        "{}",
        failed.text()
    );
    assert_eq!(stage.simulator.ledger().entries().len(), before + 2);
    let estimated = count("simulated/echo", "").await;
    assert_eq!(estimated.status, 200, "{}", estimated.text());
    assert_eq!(estimated.header("x-waybill-token-count"), "estimate");
    assert_eq!(
        stage.simulator.ledger().entries().len(),
        before + 2,
        "nobody was asked"
    );
    let id = counted.header("x-generation-id");
    assert_eq!(id, "", "a count is no generation");
}

#[tokio::test]
async fn a_model_that_only_this_dialect_reaches_is_listed() {
    let stage = open().await;
    let seen = stage.get("/api/v1/models", "").await.json();
    let ids: Vec<_> = seen["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| &model["id"])
        .collect();
    assert!(ids.contains(&&json!("simulated/claude")), "{ids:?}");
}

/// The simulated Claude refuses thoughts that it has not signed for these very words, and calls
/// without their results, as the real one does.
#[tokio::test]
async fn a_loop_of_twenty_tools_survives_two_changes_of_family() {
    let stage = open().await;
    let mut body = hello("simulated/claude");
    body["thinking"] = json!({"type": "enabled", "budget_tokens": 2000});
    body["tools"] = json!([{"name": "look", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}]);
    let mut beginning = String::new();
    for turn in 0..20 {
        let is_claude = !(7..14).contains(&turn);
        body["model"] = json!(if is_claude {
            "simulated/claude"
        } else {
            "simulated/echo"
        });
        body["stream"] = json!(turn % 2 == 0);
        let seen = ask(&stage, &body, &[("x-simulate", "tools=1,reasoning=12")]).await;
        assert_eq!(seen.status, 200, "turn {turn}: {}", seen.text());
        let answer = match body["stream"] == true {
            true => wire_content(&seen),
            false => seen.json()["content"].clone(),
        };
        let blocks = answer.as_array().unwrap();
        let kinds: Vec<_> = blocks
            .iter()
            .map(|block| block["type"].as_str().unwrap())
            .collect();
        assert!(kinds.contains(&"tool_use"), "turn {turn}: {answer:#}");
        let dropped = seen.header("x-waybill-dropped");
        // From the first change on there is always a thought that the model may not see.
        assert_eq!(
            dropped.contains("messages["),
            turn >= 7,
            "turn {turn}: {dropped}"
        );
        let sent = stage.simulator.ledger().last().unwrap().json()["messages"].to_string();
        assert!(!sent.contains("waybill:"), "turn {turn}: {sent}");
        let sent = sent.trim_end_matches(']').to_owned();
        assert!(
            turn == 7 || turn == 14 || sent.starts_with(&beginning),
            "turn {turn}: the beginning changed, and its cache is lost"
        );
        beginning = sent;
        let results: Vec<_> = blocks
            .iter()
            .filter(|block| block["type"] == "tool_use")
            .map(
                |call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": "seen"}),
            )
            .collect();
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": answer}));
        messages.push(json!({"role": "user", "content": results}));
    }
}

/// The content of a streamed answer, put together as clients do.
fn wire_content(seen: &Seen) -> Value {
    let mut content: Vec<Value> = Vec::new();
    let mut inputs: Vec<String> = Vec::new();
    for event in events(seen) {
        if event["type"] == "content_block_start" {
            content.push(event["content_block"].clone());
            inputs.push(String::new());
        }
        if event["type"] != "content_block_delta" {
            continue;
        }
        let (block, input) = (content.last_mut().unwrap(), inputs.last_mut().unwrap());
        for name in ["text", "thinking", "signature"] {
            if let Some(more) = event["delta"][name].as_str() {
                block[name] = format!("{}{more}", block[name].as_str().unwrap_or_default()).into();
            }
        }
        input.push_str(event["delta"]["partial_json"].as_str().unwrap_or_default());
    }
    for (block, input) in content.iter_mut().zip(inputs) {
        if !input.is_empty() {
            block["input"] = serde_json::from_str(&input).unwrap();
        }
    }
    content.into()
}
