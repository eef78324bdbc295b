//! `POST /responses`: whole, streamed, silent, refused.

use http::Method;
use serde_json::{Value, json};
use server::api::openapi::document;
use simulator::Simulator;

use crate::schema::assert_fits;
use crate::stage::{Scratch, Seen, Stage, providers, start};

const PATH: &str = "/api/v1/responses";

fn hello() -> Value {
    json!({"model": "simulated/echo", "input": "Hello"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_answer_is_a_response_object_with_its_cost() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    assert_fits(&document, "ResponsesRequest", &hello());
    for path in [PATH, "/v1/responses"] {
        let seen = stage.post(path, &stage.key, &hello()).await;
        let json = seen.json();
        assert_eq!(seen.status, 200, "{json:#}");
        assert_fits(&document, "ResponsesResult", &json);
        assert_eq!(json["id"], seen.header("x-generation-id"));
        assert_eq!(json["model"], "simulated/echo");
        assert_eq!(json["status"], "completed");
        let part = &json["output"][0]["content"][0];
        assert_eq!(part["type"], "output_text", "{json:#}");
        assert!(json["usage"]["cost"].is_number(), "{json:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_numbered_and_ends_with_its_usage() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    let mut body = hello();
    body["stream"] = json!(true);
    let seen = stage.post(PATH, &stage.key, &body).await;
    assert_eq!(seen.header("content-type"), "text/event-stream");
    let (events, is_done) = seen.frames();
    assert!(is_done, "{}", seen.text());
    for (number, event) in events.iter().enumerate() {
        assert_fits(&document, "ResponsesEvent", event);
        assert_eq!(event["sequence_number"], number);
    }
    assert_eq!(events[0]["type"], "response.created");
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert!(last["response"]["usage"]["cost"].is_number(), "{last:#}");
    assert_eq!(last["response"]["id"], seen.header("x-generation-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_in_this_dialect() {
    let stage = Stage::open().await;
    let document = document().unwrap();
    let with = |name: &str, value: Value| {
        let mut body = hello();
        body[name] = value;
        body
    };
    for (key, body, status, code) in [
        ("sk-wb-v1-unknown", hello(), 401, "server_error"),
        (
            &*stage.key,
            with("store", json!(true)),
            400,
            "invalid_prompt",
        ),
        (
            &*stage.key,
            with("previous_response_id", json!("resp_1")),
            400,
            "invalid_prompt",
        ),
        (
            &*stage.key,
            with("model", json!("simulated/ech")),
            400,
            "invalid_prompt",
        ),
        (
            &*stage.key,
            with("model", json!("simulated/locked")),
            404,
            "server_error",
        ),
        (
            &*stage.key,
            with("tools", json!([{"type": "web_search"}])),
            404,
            "server_error",
        ),
    ] {
        let seen = stage.post(PATH, key, &body).await;
        assert_eq!(seen.status, status, "{}", seen.text());
        let json = seen.json();
        assert_fits(&document, "ResponsesError", &json);
        assert_eq!(json["error"]["code"], code, "{json:#}");
    }
}

// === Providers of this dialect, and of Azure ===

/// A stage whose providers speak Responses, and Azure's two dialects; it is impatient.
async fn stage() -> Stage {
    let simulator = Simulator::start("127.0.0.1:0").await.unwrap();
    let root = simulator.root_url();
    let mut text = String::from("[timeouts]\nhold_ms = 150\nkeep_alive_ms = 150\n");
    text.push_str(&providers(&simulator));
    for (slug, base_url, dialect) in [
        ("native", format!("{root}/v1"), "openai-responses"),
        ("azure", format!("{root}/openai"), "azure-openai"),
    ] {
        text.push_str(&format!(
            "[providers.{slug}]\nname = \"{slug}\"\nkind = \"simulated\"\nbase_url = \"{base_url}\"\n\
             dialects = [\"{dialect}\"]\nauth = \"none\"\n[[providers.{slug}.endpoints]]\n\
             model = \"simulated/{slug}\"\nupstream_model = \"gpt-5-{slug}\"\ncontext_length = 100000\n\
             reasoning = true\ntools = true\nprice = {{ input = \"1.00\", output = \"2.00\" }}\n"
        ));
    }
    let dir = Scratch::new();
    let running = start(&text, &dir, &[]).await;
    let keys = running.first_keys.as_ref().expect("a first start");
    Stage {
        url: running.app.public_url.clone(),
        key: keys.inference.expose().to_owned(),
        management_key: keys.management.as_ref().unwrap().expose().to_owned(),
        simulator,
        running,
        dir,
    }
}

async fn ask(stage: &Stage, path: &str, body: &Value, script: &str) -> Seen {
    let headers = [("x-simulate", script)];
    let bytes = body.to_string().into();
    stage
        .send((Method::POST, path), &stage.key, bytes, &headers)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_loop_keeps_its_reasoning_at_a_provider_of_this_dialect() {
    let stage = stage().await;
    let tool = json!({"type": "function", "name": "look", "strict": false, "parameters":
        {"type": "object", "properties": {"at": {"type": "string"}}}});
    let mut input = vec![json!({"role": "user", "content": "Look around"})];
    for turn in 0..3 {
        let body = json!({"model": "simulated/native", "input": input, "tools": [tool],
            "tool_choice": "required", "reasoning": {"effort": "low", "summary": "auto"}});
        let seen = ask(&stage, PATH, &body, "reasoning=20").await;
        let json = seen.json();
        assert_eq!(seen.status, 200, "turn {turn}: {json:#}");
        let sent = stage.simulator.ledger().last().unwrap().json();
        assert_eq!(
            (&sent["store"], &sent["model"]),
            (&json!(false), &json!("gpt-5-native"))
        );
        let output = json["output"].as_array().unwrap();
        let ciphertext = |item: &&Value| item["encrypted_content"].is_string();
        assert!(output.iter().any(|item| ciphertext(&item)), "{json:#}");
        input.extend(output.iter().cloned());
        for call in output.iter().filter(|item| item["type"] == "function_call") {
            input.push(json!({"type": "function_call_output", "call_id": call["call_id"], "output": "a wall"}));
        }
        assert!(json["usage"]["output_tokens_details"]["reasoning_tokens"].as_u64() > Some(0));
        let record = stage.record(&seen).await;
        assert_eq!(record["finish_reason"], "tool_calls", "{record:#}");
    }
    assert!(input.len() >= 10, "{input:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_dialect_reaches_the_others_provider() {
    let stage = stage().await;
    for (path, model) in [
        ("/api/v1/chat/completions", "simulated/native"),
        ("/api/v1/chat/completions", "simulated/azure"),
        (PATH, "simulated/azure"),
        (PATH, "simulated/native"),
        (PATH, "simulated/echo"),
    ] {
        for stream in [false, true] {
            let body = match path == PATH {
                true => json!({"model": model, "input": "Hello", "stream": stream}),
                false => json!({"model": model, "stream": stream,
                    "messages": [{"role": "user", "content": "Hello"}]}),
            };
            let seen = ask(&stage, path, &body, "text=Good%20day").await;
            assert_eq!(seen.status, 200, "{path} {model}: {}", seen.text());
            let text = seen.text();
            assert!(text.contains("Good day") || text.contains("Good"), "{text}");
            assert!(!text.contains("\"error\":{"), "{path} {model}: {text}");
            let record = stage.record(&seen).await;
            assert!(
                record["native_tokens_completion"].as_u64() > Some(0),
                "{record:#}"
            );
        }
    }
    let sent = stage.simulator.ledger();
    let paths: Vec<_> = sent
        .entries()
        .iter()
        .map(|entry| entry.path.clone())
        .collect();
    let deployment = "/openai/deployments/gpt-5-azure/chat/completions";
    assert!(
        paths.iter().any(|path| path.starts_with(deployment)),
        "{paths:?}"
    );
    assert!(
        paths
            .iter()
            .any(|path| path.starts_with("/openai/v1/responses")),
        "{paths:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_bridged_by_events_with_data() {
    let stage = stage().await;
    for model in ["simulated/native", "simulated/echo"] {
        let body = json!({"model": model, "input": "Hello", "stream": true});
        let seen = ask(&stage, PATH, &body, "first-token=900ms,text=Good%20day").await;
        let (events, is_done) = seen.frames();
        assert!(is_done && !seen.text().contains("\n:"), "{}", seen.text());
        let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
        assert_eq!(
            (events[0]["type"].as_str(), count("response.created")),
            (Some("response.created"), 1)
        );
        assert!(count("response.in_progress") >= 3, "{}", seen.text());
        assert_eq!(count("response.completed"), 1);
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], number, "{model}");
        }
    }
}
