//! `POST /embeddings`, `/rerank` and `/completions`: answered, priced, recorded and refused.

use serde_json::{Value, json};
use server::api::openapi::document;
use simulator::Simulator;

use crate::schema::assert_fits;
use crate::stage::{Seen, Stage};

/// Models for vectors and scores at hosts of the OpenAI dialect.
fn models(stage_url: &str) -> String {
    format!(
        r#"
[providers.sim-vectors]
name = "Simulated Vectors"
kind = "simulated"
base_url = "{stage_url}"
dialects = ["openai-chat"]
auth = "none"

[[providers.sim-vectors.endpoints]]
model = "simulated/vectors"
upstream_model = "vectors"
output = ["embeddings"]
context_length = 8
price = {{ input = "1.00", output = "0" }}

[[providers.sim-vectors.endpoints]]
model = "simulated/scores"
upstream_model = "scores"
output = ["rerank"]
price = {{ input = "1.00", output = "0", request = "0.002" }}
"#
    )
}

/// The stage, and a second simulator for vectors and scores: its address is known when it runs.
async fn stage() -> (Stage, Simulator) {
    let simulator = Simulator::start("127.0.0.1:0").await.unwrap();
    let more = models(&simulator.base_url());
    (Stage::open_with(&more, &[]).await, simulator)
}

#[track_caller]
fn assert_schema(name: &str, answer: &Value) {
    assert_fits(&document().unwrap(), name, answer);
}

async fn record(stage: &Stage, seen: &Seen) -> Value {
    let id = seen.header("x-generation-id");
    let found = stage
        .get(&format!("/api/v1/generation?id={id}"), &stage.key)
        .await;
    assert_eq!(found.status, 200);
    found.json()["data"].clone()
}

#[tokio::test]
async fn embeddings_are_passed_on_priced_and_recorded() {
    let (stage, _simulator) = stage().await;
    let body = json!({"model": "simulated/vectors", "dimensions": 4,
        "input": ["one two three four five six seven eight nine", "two"], "provider": {}});
    let seen = stage.post("/api/v1/embeddings", &stage.key, &body).await;
    let json = seen.json();
    assert_eq!(seen.status, 200, "{json:#}");
    assert_schema("EmbeddingsResult", &json);
    assert_eq!(json["id"], seen.header("x-generation-id"));
    assert_eq!(json["model"], "simulated/vectors");
    assert_eq!(json["data"][1]["embedding"].as_array().unwrap().len(), 4);
    let tokens = json["usage"]["prompt_tokens"].as_i64().unwrap();
    let cost = ledger::Amount::from_usd(&json["usage"]["cost"].to_string()).unwrap();
    assert_eq!(cost.nanos(), tokens * 1000, "{json:#}");
    let record = record(&stage, &seen).await;
    assert_eq!(record["api_type"], "embeddings");
    assert_eq!(record["usage"], json["usage"]["cost"]);
}

#[tokio::test]
async fn googles_clients_are_given_vectors_in_their_words() {
    let (stage, _simulator) = stage().await;
    let one = |text: &str| {
        json!({"model": "models/simulated/vectors", "content": {"parts": [{ "text": text }]},
            "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 4})
    };
    let path = |verb: &str| format!("/v1beta/models/simulated/vectors:{verb}");
    let batch = json!({ "requests": [one("one two three"), one("two")] });
    let seen = stage
        .post(&path("batchEmbedContents"), &stage.key, &batch)
        .await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    assert_schema("GeminiVectors", &seen.json());
    let vectors = seen.json()["embeddings"].as_array().unwrap().len();
    assert_eq!(vectors, 2);
    assert_eq!(record(&stage, &seen).await["api_type"], "embeddings");
    let seen = stage
        .post(&path("embedContent"), &stage.key, &one("one"))
        .await;
    let values = &seen.json()["embedding"]["values"];
    assert_eq!(values.as_array().map(Vec::len), Some(4), "{values}");

    let mut titled = one("one");
    titled["title"] = json!("T");
    let refused = stage.post(&path("embedContent"), &stage.key, &titled).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"]["status"], "INVALID_ARGUMENT");
    let stranger = stage
        .post(&path("embedContent"), "sk-wb-v1-no", &one("one"))
        .await;
    assert_eq!(stranger.status, 401);
    assert_eq!(stranger.json()["error"]["status"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn documents_come_back_in_order_with_their_text() {
    let (stage, _simulator) = stage().await;
    let body = json!({"model": "simulated/scores", "query": "red fish", "top_n": 2,
        "documents": ["a blue bird", {"text": "red fish"}, "one fish"]});
    let seen = stage.post("/v1/rerank", &stage.key, &body).await;
    let json = seen.json();
    assert_eq!(seen.status, 200, "{json:#}");
    assert_schema("RerankResult", &json);
    assert_eq!(json["results"].as_array().unwrap().len(), 2);
    assert_eq!(json["results"][0]["index"], 1);
    assert_eq!(json["results"][0]["document"], json!({"text": "red fish"}));
    assert_eq!(json["results"][1]["document"], json!({"text": "one fish"}));
    let tokens = json["usage"]["total_tokens"].as_i64().unwrap();
    let cost = ledger::Amount::from_usd(&json["usage"]["cost"].to_string()).unwrap();
    assert_eq!(cost.nanos(), tokens * 1000 + 2_000_000, "{json:#}");
    assert_eq!(record(&stage, &seen).await["api_type"], "rerank");
}

#[tokio::test]
async fn a_prompt_is_answered_in_the_legacy_form() {
    let (stage, _simulator) = stage().await;
    let body = json!({"model": "simulated/echo", "prompt": "Say it", "echo": true});
    let send = |body: Value| {
        let headers = [("x-simulate", "text=%20again")];
        let stage = &stage;
        async move {
            stage
                .send(
                    (http::Method::POST, "/api/v1/completions"),
                    &stage.key,
                    body.to_string().into(),
                    &headers,
                )
                .await
        }
    };
    let seen = send(body.clone()).await;
    let json = seen.json();
    assert_eq!(seen.status, 200, "{json:#}");
    assert_schema("CompletionResult", &json);
    assert_eq!(json["object"], "text_completion");
    assert_eq!(json["choices"][0]["text"], "Say it again");
    assert_eq!(json["choices"][0]["finish_reason"], "stop");
    assert!(json["usage"]["cost"].is_number());
    assert_eq!(record(&stage, &seen).await["api_type"], "completions");
    let mut streamed = body;
    streamed["stream"] = json!(true);
    let (frames, is_done) = send(streamed).await.frames();
    assert!(is_done);
    let text: String = frames
        .iter()
        .filter_map(|frame| frame["choices"][0]["text"].as_str())
        .collect();
    assert_eq!(text, "Say it again");
    assert!(frames.last().unwrap()["usage"]["cost"].is_number());
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_fields_name() {
    let (stage, _simulator) = stage().await;
    for (path, body, field) in [
        (
            "completions",
            json!({"model": "m", "prompt": ["a", "b"]}),
            "prompt",
        ),
        (
            "completions",
            json!({"model": "m", "prompt": [1, 2]}),
            "prompt",
        ),
        (
            "completions",
            json!({"model": "m", "prompt": "a", "suffix": "b"}),
            "suffix",
        ),
        (
            "completions",
            json!({"model": "m", "prompt": "a", "best_of": 2}),
            "best_of",
        ),
        ("completions", json!({"model": "m"}), "prompt"),
        ("embeddings", json!({"model": "m"}), "input"),
        (
            "embeddings",
            json!({"model": "m", "input": [true]}),
            "input[0]",
        ),
        (
            "rerank",
            json!({"model": "m", "query": "a", "documents": []}),
            "documents",
        ),
    ] {
        let seen = stage
            .post(&format!("/api/v1/{path}"), &stage.key, &body)
            .await;
        assert_eq!(seen.status, 400, "{body}");
        assert_eq!(seen.json()["error"]["metadata"]["field"], field, "{body}");
    }
    let wrong_kind = json!({"model": "simulated/echo", "input": "x"});
    let seen = stage
        .post("/api/v1/embeddings", &stage.key, &wrong_kind)
        .await;
    assert!(seen.status == 404 || seen.status == 400, "{}", seen.json());
}
