//! `POST /models/{model}:…`: whole, streamed, counted, refused; to Google's dialect and to others.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use server::api::openapi::document;
use simulator::Simulator;

use crate::schema::assert_fits;
use crate::stage::{Scratch, Seen, Stage, providers, start};

const WHOLE: &str = "/v1beta/models/simulated/echo:generateContent";

fn hello() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]})
}

/// A stage with providers that speak Google's dialect beside the others.
async fn stage() -> Stage {
    let simulator = Simulator::start("127.0.0.1:0").await.unwrap();
    let root = simulator.root_url();
    let token = simulator.credential("google").unwrap();
    let more = format!(
        r#"
[providers.sim-gemini]
name = "Simulated Gemini"
kind = "simulated"
base_url = "{root}/v1beta"
dialects = ["gemini"]
auth = "none"

[[providers.sim-gemini.endpoints]]
model = "simulated/gemini"
upstream_model = "gemini-3-flash"
context_length = 100000
price = {{ input = "1.00", output = "2.00", cache_read = "0.10" }}

[providers.sim-vertex]
name = "Simulated Vertex"
kind = "simulated"
base_url = "{root}/v1"
dialects = ["vertex"]
auth = "google"
credential = {token:?}

[[providers.sim-vertex.endpoints]]
model = "simulated/vertex"
upstream_model = "gemini-2.5-flash"
context_length = 100000
price = {{ input = "1.00", output = "2.00" }}
"#
    );
    let dir = Scratch::new();
    let text = format!("{}\n{more}", providers(&simulator));
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

async fn ask(stage: &Stage, path: &str, body: &Value) -> Seen {
    let headers: &[(&str, &str)] = &[("x-goog-api-key", &stage.key)];
    let body = Bytes::from(body.to_string());
    stage.send((Method::POST, path), "", body, headers).await
}

fn said(answer: &Value) -> String {
    let parts = answer["candidates"][0]["content"]["parts"].as_array();
    let texts = parts
        .into_iter()
        .flatten()
        .filter_map(|part| part["text"].as_str());
    texts.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_dialect_behind_answers_in_googles_shape() {
    let stage = stage().await;
    let document = document().unwrap();
    for model in ["echo", "gemini", "vertex"] {
        for prefix in ["/v1beta", "/api/v1beta", "/v1", "/api/v1"] {
            let path = format!("{prefix}/models/simulated%2F{model}:generateContent");
            let seen = ask(&stage, &path, &hello()).await;
            let json = seen.json();
            assert_eq!(seen.status, 200, "{model}: {json:#}");
            assert_fits(&document, "GeminiResult", &json);
            assert_eq!(json["responseId"], seen.header("x-generation-id"));
            assert_eq!(json["modelVersion"], format!("simulated/{model}"));
            assert_eq!(json["candidates"][0]["finishReason"], "STOP", "{json:#}");
            assert!(!said(&json).is_empty(), "{json:#}");
            assert!(json["usageMetadata"]["promptTokenCount"].is_number());
            assert!(json["cost"].is_number(), "{json:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_events_or_one_array_of_the_same_answers() {
    let stage = stage().await;
    for model in ["echo", "gemini", "vertex"] {
        let path = format!("/v1beta/models/simulated/{model}:streamGenerateContent");
        let events = ask(&stage, &format!("{path}?alt=sse"), &hello()).await;
        assert_eq!(events.header("content-type"), "text/event-stream");
        let (events, _) = events.frames();
        let array = ask(&stage, &path, &hello()).await;
        assert_eq!(array.header("content-type"), "application/json");
        let array = array.json();
        let array = array.as_array().expect("an array");
        let text = |list: &[Value]| list.iter().map(said).collect::<String>();
        assert_eq!(text(&events), text(array), "{model}");
        assert!(!text(array).is_empty(), "{model}");
        for list in [events.as_slice(), array.as_slice()] {
            let (last, before) = list.split_last().unwrap();
            assert_eq!(last["candidates"][0]["finishReason"], "STOP", "{last:#}");
            assert!(last["cost"].is_number(), "{last:#}");
            assert!(last["usageMetadata"]["totalTokenCount"].is_number());
            assert!(before.iter().all(|chunk| chunk.get("cost").is_none()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_callers_are_served_by_googles_dialect_with_tools_and_back() {
    let stage = stage().await;
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": {
        "type": "object", "additionalProperties": false, "required": ["city"],
        "properties": {"city": {"type": "string", "format": "city-name"}}}}}]);
    for model in ["simulated/gemini", "simulated/vertex"] {
        for stream in [false, true] {
            let body = json!({"model": model, "stream": stream, "tools": tools, "tool_choice": "required",
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"}]});
            let seen = stage.chat(&body, "").await;
            assert_eq!(seen.status, 200, "{}", seen.text());
            let dropped = "tools[0].parameters#/properties/city/format";
            assert_eq!(seen.header("x-waybill-dropped"), dropped);
            let text = seen.text();
            assert!(
                text.contains("\"finish_reason\":\"tool_calls\""),
                "{model}: {text}"
            );
            assert!(text.contains("get_weather"), "{text}");
            if stream {
                continue;
            }
            let message = seen.json()["choices"][0]["message"].take();
            let id = message["tool_calls"][0]["id"].as_str().unwrap().to_owned();
            assert!(!id.is_empty());
            let again = json!({"model": model, "tools": tools, "messages": [
                {"role": "user", "content": "Weather?"}, message,
                {"role": "tool", "tool_call_id": id, "content": "sunny"}]});
            let seen = stage.chat(&again, "").await;
            assert_eq!(seen.status, 200, "{}", seen.text());
            assert_eq!(seen.json()["choices"][0]["finish_reason"], "stop");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_callers_use_tools_of_other_dialects() {
    let stage = stage().await;
    let tools = json!([{"function_declarations": [{"name": "get_weather", "parameters": {
        "type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}]}]);
    let mut body = hello();
    body["tools"] = tools;
    body["toolConfig"] = json!({"functionCallingConfig": {"mode": "ANY"}});
    let seen = ask(&stage, WHOLE, &body).await;
    let json = seen.json();
    let part = json["candidates"][0]["content"]["parts"][0].clone();
    assert_eq!(part["functionCall"]["name"], "get_weather", "{json:#}");
    assert!(part["functionCall"]["args"].is_object(), "{json:#}");
    assert_eq!(json["candidates"][0]["finishReason"], "STOP");
    body["toolConfig"] = Value::Null;
    body["contents"] = json!([{"role": "user", "parts": [{"text": "Weather?"}]},
        {"role": "model", "parts": [part]},
        {"role": "user", "parts": [{"functionResponse": {"name": "get_weather", "response": {"output": "sunny"}}}]}]);
    let seen = ask(&stage, WHOLE, &body).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_in_googles_shape_and_keys_are_taken_anywhere() {
    let stage = stage().await;
    let document = document().unwrap();
    let with = |name: &str, value: Value| {
        let mut body = hello();
        body[name] = value;
        body
    };
    for (path, body, status, word) in [
        (WHOLE, json!({}), 400, "INVALID_ARGUMENT"),
        (
            WHOLE,
            with("generationConfig", json!({"topP": 7})),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            WHOLE,
            with("tools", json!([{"googleSearch": {}}])),
            404,
            "NOT_FOUND",
        ),
        (
            "/v1beta/models/simulated/ech:generateContent",
            hello(),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            "/v1beta/models/simulated/echo:tuneContent",
            hello(),
            404,
            "NOT_FOUND",
        ),
    ] {
        let seen = ask(&stage, path, &body).await;
        let json = seen.json();
        assert_eq!(seen.status, status, "{json:#}");
        assert_fits(&document, "GeminiError", &json);
        assert_eq!(json["error"]["status"], word, "{json:#}");
    }
    let body = Bytes::from(hello().to_string());
    let seen = stage
        .send((Method::POST, WHOLE), "", body.clone(), &[])
        .await;
    assert_eq!(seen.json()["error"]["status"], "UNAUTHENTICATED");
    let path = format!("{WHOLE}?key={}", stage.key);
    let seen = stage.send((Method::POST, &path), "", body, &[]).await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    let asked = stage.simulator.ledger().last().unwrap().json().to_string();
    assert!(!asked.contains(&stage.key), "the key went to the provider");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_counted_and_models_are_listed() {
    let stage = stage().await;
    let document = document().unwrap();
    for (model, by) in [
        ("echo", "estimate"),
        ("gemini", "provider"),
        ("vertex", "provider"),
    ] {
        for body in [hello(), json!({"generateContentRequest": hello()})] {
            let seen = ask(
                &stage,
                &format!("/v1beta/models/{model}:countTokens"),
                &body,
            )
            .await;
            assert_eq!(seen.status, 200, "{}", seen.text());
            assert_eq!(seen.header("x-waybill-token-count"), by, "{model}");
            assert_fits(&document, "GeminiCount", &seen.json());
            assert!(seen.json()["totalTokens"].as_u64().unwrap() > 0);
        }
    }
    let list = stage.get("/v1beta/models", "").await.json();
    assert_fits(&document, "GeminiModels", &list);
    let headers: &[(&str, &str)] = &[("x-goog-api-key", &stage.key)];
    let asked = (Method::GET, "/v1/models");
    let same = stage.send(asked, "", Bytes::new(), headers).await.json();
    assert_eq!(same, list);
    let names: Vec<&str> = list["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"models/simulated/gemini"), "{names:?}");
    assert!(names.contains(&"models/simulated/vertex"), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_that_breaks_off_ends_in_an_error_and_is_still_json() {
    let stage = stage().await;
    for model in ["echo", "gemini"] {
        let path = format!("/v1beta/models/simulated/{model}:streamGenerateContent");
        let headers: &[(&str, &str)] =
            &[("x-simulate", "tokens=400,chunks=100,gap=1ms,abort=4000")];
        let body = Bytes::from(hello().to_string());
        let seen = stage
            .send((Method::POST, &path), &stage.key, body, headers)
            .await;
        let array = seen.json();
        let last = array.as_array().unwrap().last().unwrap();
        assert_eq!(last["error"]["status"], "UNAVAILABLE", "{model}: {last:#}");
    }
}
