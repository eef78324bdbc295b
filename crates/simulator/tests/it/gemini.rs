//! Gemini: both forms of streams, thought signatures, counts, embeddings, and what is refused.

use serde_json::{Value, json};
use simulator::Simulator;

use crate::client::{Reply, send, start};

const MODELS: &str = "/v1beta/models";

async fn generate(
    simulator: &Simulator,
    verb: &str,
    model: &str,
    change: impl Fn(&mut Value),
) -> Reply {
    let mut body = json!({"contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]});
    change(&mut body);
    let path = format!("{MODELS}/{model}:{verb}");
    send(simulator, "POST", &path, &[], &body).await
}

fn with_tool(body: &mut Value) {
    body["tools"] = json!([{"functionDeclarations": [{"name": "f", "parameters":
        {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}}}]}]);
}

fn texts(parts: &Value) -> String {
    let parts = parts.as_array().into_iter().flatten();
    parts.filter_map(|part| part["text"].as_str()).collect()
}

#[tokio::test]
async fn whole_sse_and_array_say_the_same() {
    let simulator = start().await;
    let whole = generate(&simulator, "generateContent", "g", |_| {})
        .await
        .json();
    let text = texts(&whole["candidates"][0]["content"]["parts"]);
    assert!(text.starts_with("This is a simulated answer"));
    assert_eq!(whole["candidates"][0]["finishReason"], "STOP");
    assert_eq!(whole["usageMetadata"]["promptTokenCount"], 7);
    let sse = generate(&simulator, "streamGenerateContent?alt=sse", "g", |_| {}).await;
    assert!(sse.text().ends_with("\r\n\r\n"));
    let array = generate(&simulator, "streamGenerateContent", "g", |_| {}).await;
    assert_eq!(
        array.header("content-type"),
        Some("application/json; charset=UTF-8")
    );
    for chunks in [json!(sse.events()), array.json()] {
        let chunks = chunks.as_array().expect("chunks").clone();
        let said: String = chunks
            .iter()
            .map(|chunk| texts(&chunk["candidates"][0]["content"]["parts"]))
            .collect();
        assert_eq!(said, text);
        let last = chunks.last().expect("a chunk");
        assert_eq!(last["candidates"][0]["finishReason"], "STOP");
        assert_eq!(last["usageMetadata"], whole["usageMetadata"]);
    }
    let entry = simulator.ledger().last().expect("an entry");
    assert_eq!((entry.model.as_str(), entry.stream), ("g", true));
    assert_eq!(
        entry.completion_tokens,
        whole["usageMetadata"]["candidatesTokenCount"]
            .as_u64()
            .expect("a count")
    );
}

#[tokio::test]
async fn a_tool_loop_needs_its_thought_signature() {
    let simulator = start().await;
    let path = "gemini-3-pro!tools=2";
    let first = generate(&simulator, "generateContent", path, with_tool)
        .await
        .json();
    let model = first["candidates"][0]["content"].clone();
    let parts = model["parts"].as_array().expect("parts");
    assert!(parts[0]["thoughtSignature"].is_string());
    assert!(parts[1].get("thoughtSignature").is_none(), "only the first");
    let answer = json!({"functionResponse": {"name": "f", "response": {"result": 7}}});
    let again = async |model: Value, name: &str, answers: usize| {
        generate(&simulator, "generateContent", name, |body| {
            with_tool(body);
            let contents = body["contents"].as_array_mut().expect("contents");
            contents.push(model.clone());
            contents.push(json!({"role": "user", "parts": vec![answer.clone(); answers]}));
        })
        .await
    };
    assert_eq!(again(model.clone(), "gemini-3-pro", 2).await.status, 200);
    let mut bare = model.clone();
    bare["parts"][0]
        .as_object_mut()
        .expect("fields")
        .remove("thoughtSignature");
    let reply = again(bare.clone(), "gemini-3-pro", 2).await;
    assert_eq!(reply.status, 400);
    assert!(
        reply.text().contains("missing a thought_signature"),
        "{}",
        reply.text()
    );
    assert_eq!(again(bare.clone(), "gemini-2.5-flash", 2).await.status, 200);
    let mut stand_in = model.clone();
    stand_in["parts"][0]["thoughtSignature"] = json!("skip_thought_signature_validator");
    assert_eq!(again(stand_in, "gemini-3-pro", 2).await.status, 200);
    let mut forged = model.clone();
    forged["parts"][0]["thoughtSignature"] = json!("Zm9yZ2Vk");
    assert_eq!(again(forged, "gemini-2.5-flash", 2).await.status, 400);
    assert_eq!(again(model, "gemini-3-pro", 1).await.status, 400);
}

#[tokio::test]
async fn thoughts_are_counted_apart_and_shown_when_asked() {
    let simulator = start().await;
    let hidden = generate(&simulator, "generateContent", "g!reasoning=5", |_| {})
        .await
        .json();
    let parts = &hidden["candidates"][0]["content"]["parts"];
    assert!(parts[0].get("thought").is_none() && parts[0]["thoughtSignature"].is_string());
    let usage = &hidden["usageMetadata"];
    assert_eq!(usage["thoughtsTokenCount"], 5);
    let sum = [
        "promptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
    ];
    let sum: u64 = sum.iter().filter_map(|name| usage[*name].as_u64()).sum();
    assert_eq!(usage["totalTokenCount"], sum);
    let shown = generate(&simulator, "generateContent", "g", |body| {
        body["generationConfig"] = json!({"thinkingConfig": {"includeThoughts": true}});
    })
    .await
    .json();
    assert_eq!(
        shown["candidates"][0]["content"]["parts"][0]["thought"],
        true
    );
}

#[tokio::test]
async fn bad_requests_get_googles_errors() {
    let simulator = start().await;
    let call = json!({"functionCall": {"name": "f", "args": {}}});
    let cases = [
        (json!({"contents": []}), "contents is not specified"),
        (json!({"messages": []}), "Unknown name \"messages\""),
        (
            json!({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}),
            "valid role",
        ),
        (
            json!({"contents": [{"parts": [{"type": "text", "text": "x"}]}]}),
            "Unknown name \"type\"",
        ),
        (json!({"contents": [{"parts": []}]}), "must not be empty"),
        (
            json!({"contents": [{"role": "model", "parts": [call]}]}),
            "function call turn",
        ),
        (
            json!({"generationConfig": {"maxTokens": 5}}),
            "Unknown name \"maxTokens\"",
        ),
        (
            json!({"tools": [{"functionDeclarations": [{"name": "f", "parameters":
                {"type": "object", "$schema": "x"}}]}]}),
            "Unknown name \"$schema\"",
        ),
        (
            json!({"tools": [{"functionDeclarations": [{"name": "f", "parameters":
                {"type": "object", "additionalProperties": false}}]}]}),
            "Unknown name \"additionalProperties\"",
        ),
        (
            json!({"cachedContent": "cachedContents/x"}),
            "CachedContent not found",
        ),
    ];
    for (change, expected) in cases {
        let reply = generate(&simulator, "generateContent", "g", |body| {
            for (name, value) in change.as_object().expect("fields") {
                body[name] = value.clone();
            }
        })
        .await;
        let error = &reply.json()["error"];
        assert_eq!(error["code"], reply.status, "{change}");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(expected), "{change}: {message}");
    }
    let reply = generate(&simulator, "generateContent", "g!status=429", |_| {}).await;
    assert_eq!(reply.json()["error"]["status"], "RESOURCE_EXHAUSTED");
}

#[tokio::test]
async fn an_error_inside_a_stream_keeps_the_framing_whole() {
    let simulator = start().await;
    let verb = "streamGenerateContent";
    let array = generate(&simulator, verb, "g!error=2,status=200", |_| {})
        .await
        .json();
    let last = array
        .as_array()
        .expect("an array")
        .last()
        .expect("an item")
        .clone();
    assert_eq!(last["error"]["status"], "INTERNAL");
    let sse = generate(
        &simulator,
        "streamGenerateContent?alt=sse",
        "g!error=2",
        |_| {},
    )
    .await;
    assert!(sse.events().pop().expect("an event")["error"].is_object());
    let blocked = generate(&simulator, "generateContent", "g!refusal", |_| {})
        .await
        .json();
    assert_eq!(blocked["candidates"][0]["finishReason"], "SAFETY");
}

#[tokio::test]
async fn counts_embeddings_and_keys_are_googles() {
    let simulator = start().await.with_key("secret-key");
    let path = format!("{MODELS}/g:countTokens?key=secret-key");
    let body = json!({"contents": [{"parts": [{"text": "Hello there"}]}]});
    let reply = send(&simulator, "POST", &path, &[], &body).await;
    assert_eq!(reply.json()["totalTokens"], 7);
    let denied = send(
        &simulator,
        "POST",
        &format!("{MODELS}/g:countTokens"),
        &[],
        &body,
    )
    .await;
    assert_eq!(denied.status, 400);
    assert_eq!(
        denied.json()["error"]["details"][0]["reason"],
        "API_KEY_INVALID"
    );
    let key = [("x-goog-api-key", "secret-key")];
    let body = json!({"content": {"parts": [{"text": "one"}]}, "outputDimensionality": 3});
    let one = send(
        &simulator,
        "POST",
        &format!("{MODELS}/e:embedContent"),
        &key,
        &body,
    )
    .await;
    let mut request = body.clone();
    request["model"] = json!("models/e");
    let batch = json!({"requests": [request, request]});
    let path = format!("{MODELS}/e:batchEmbedContents");
    let two = send(&simulator, "POST", &path, &key, &batch).await.json();
    assert_eq!(one.json()["embedding"], two["embeddings"][1]);
    assert_eq!(
        two["embeddings"][0]["values"].as_array().map(Vec::len),
        Some(3)
    );
}
