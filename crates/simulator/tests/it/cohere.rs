//! Cohere's second version: chat events, tools, embeddings and rankings.

use serde_json::{Value, json};
use simulator::Simulator;

use crate::client::{Reply, send, start};

async fn chat(simulator: &Simulator, model: &str, change: impl Fn(&mut Value)) -> Reply {
    let mut body =
        json!({"model": model, "messages": [{"role": "user", "content": "Hello there"}]});
    change(&mut body);
    send(simulator, "POST", "/v2/chat", &[], &body).await
}

fn with_tool(body: &mut Value) {
    body["tools"] = json!([{"type": "function", "function": {"name": "f", "parameters":
        {"type": "object", "properties": {"n": {"type": "integer"}}}}}]);
    body["tool_choice"] = json!("REQUIRED");
}

#[tokio::test]
async fn whole_and_streamed_answers_agree() {
    let simulator = start().await;
    let thinking = |body: &mut Value| body["thinking"] = json!({"type": "enabled"});
    let whole = chat(&simulator, "m", thinking).await.json();
    assert_eq!(whole["finish_reason"], "COMPLETE");
    let reply = chat(&simulator, "m", |body| {
        thinking(body);
        body["stream"] = json!(true);
    })
    .await;
    let events = reply.events();
    let said = |pointer: &str| -> String {
        events
            .iter()
            .filter_map(|e| e.pointer(pointer)?.as_str())
            .collect()
    };
    let content = &whole["message"]["content"];
    assert_eq!(
        json!(said("/delta/message/content/thinking")),
        content[0]["thinking"]
    );
    assert_eq!(
        json!(said("/delta/message/content/text")),
        content[1]["text"]
    );
    let last = events.last().expect("an event");
    assert_eq!(last["type"], "message-end");
    assert_eq!(last["delta"]["usage"], whole["usage"]);
    assert_eq!(reply.frames().last().map(String::as_str), Some("[DONE]"));
}

#[tokio::test]
async fn tools_are_called_and_answered() {
    let simulator = start().await;
    let first = chat(&simulator, "m", with_tool).await.json();
    assert_eq!(first["finish_reason"], "TOOL_CALL");
    let call = first["message"]["tool_calls"][0].clone();
    assert_eq!(call["function"]["arguments"], "{\"n\":1}");
    let again = async |id: Value| {
        chat(&simulator, "m", |body| {
            body["messages"] = json!([body["messages"][0], first["message"],
                {"role": "tool", "tool_call_id": id, "content": "7"}]);
        })
        .await
        .status
    };
    assert_eq!(again(call["id"].clone()).await, 200);
    assert_eq!(again(json!("other")).await, 400);
    let reply = chat(&simulator, "m", |body| {
        with_tool(body);
        body["stream"] = json!(true);
    })
    .await;
    let events = reply.events();
    let arguments = events.iter().filter_map(|e| {
        e.pointer("/delta/message/tool_calls/function/arguments")?
            .as_str()
    });
    assert_eq!(arguments.collect::<String>(), "{\"n\":1}");
}

#[tokio::test]
async fn what_cohere_does_not_know_is_refused() {
    let simulator = start().await;
    let reply = chat(&simulator, "m", |body| body["top_p"] = json!(0.5)).await;
    assert_eq!(reply.status, 422);
    assert!(
        reply.json()["message"]
            .as_str()
            .expect("text")
            .contains("'top_p'")
    );
    let roles = |body: &mut Value| body["messages"][0]["role"] = json!("developer");
    assert_eq!(chat(&simulator, "m", roles).await.status, 400);
    let reply = chat(&simulator, "m!error=1", |body| body["stream"] = json!(true)).await;
    let last = reply.events().pop().expect("an event");
    assert_eq!(last["delta"]["finish_reason"], "ERROR");
}

#[tokio::test]
async fn embeddings_and_rankings_come_in_each_hosts_form() {
    let simulator = start().await;
    let body = json!({"model": "e", "texts": ["one", "two"], "input_type": "search_query"});
    let cohere = send(&simulator, "POST", "/v2/embed", &[], &body)
        .await
        .json();
    let body = json!({"model": "e", "input": ["one", "two"]});
    let openai = send(&simulator, "POST", "/v1/embeddings", &[], &body)
        .await
        .json();
    assert_eq!(
        cohere["embeddings"]["float"][1],
        openai["data"][1]["embedding"]
    );
    assert_eq!(
        openai["usage"],
        json!({"prompt_tokens": 2, "total_tokens": 2})
    );
    let body = json!({"model": "e", "input": "one", "encoding_format": "base64"});
    let reply = send(&simulator, "POST", "/v1/embeddings", &[], &body)
        .await
        .json();
    assert!(reply["data"][0]["embedding"].is_string());
    let ranked = json!({"model": "r", "query": "red fox", "top_n": 2,
        "documents": ["a blue whale", "the quick red fox", "a red car"]});
    let cohere = send(&simulator, "POST", "/v2/rerank", &[], &ranked)
        .await
        .json();
    let plain = send(&simulator, "POST", "/v1/rerank", &[], &ranked)
        .await
        .json();
    assert_eq!(cohere["results"], plain["results"]);
    let order: Vec<_> = plain["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|result| result["index"].as_u64())
        .collect();
    assert_eq!(order, [Some(1), Some(2)]);
    assert_eq!(cohere["meta"]["billed_units"]["search_units"], 1);
    assert!(plain["usage"]["total_tokens"].is_u64());
    let missing = json!({"model": "r!usage=missing", "query": "x", "documents": ["x"]});
    let reply = send(&simulator, "POST", "/v1/rerank", &[], &missing)
        .await
        .json();
    assert!(reply.get("usage").is_none());
}

#[tokio::test]
async fn legacy_completions_go_on_with_a_prompt() {
    let simulator = start().await;
    let body = json!({"model": "m", "prompt": "Once", "max_tokens": 200});
    let whole = send(&simulator, "POST", "/v1/completions", &[], &body)
        .await
        .json();
    assert_eq!(whole["object"], "text_completion");
    let mut body = body;
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let reply = send(&simulator, "POST", "/v1/completions", &[], &body).await;
    let events = reply.events();
    let texts = events
        .iter()
        .filter_map(|e| e.pointer("/choices/0/text")?.as_str());
    assert_eq!(
        json!(texts.collect::<String>()),
        whole["choices"][0]["text"]
    );
    assert_eq!(reply.usages(), [whole["usage"].clone()]);
}
