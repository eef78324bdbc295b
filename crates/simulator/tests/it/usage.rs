//! Usage: missing, wrong, too often, in the wrong place; and what the ledger says about it.

use serde_json::json;
use simulator::Usage;

use crate::client::{chat, counted, question, start, streamed};

#[tokio::test]
async fn usage_can_be_missing() {
    let simulator = start().await;
    assert!(
        chat(&simulator, &counted("m!usage=missing"))
            .await
            .usages()
            .is_empty()
    );
    assert!(
        chat(&simulator, &question("m!usage=missing"))
            .await
            .json()
            .get("usage")
            .is_none()
    );
    let entry = simulator.ledger().last().expect("an entry");
    assert_eq!(entry.usage_sent, None);
    assert!(entry.completion_tokens > 0, "the simulator still counts");
}

#[tokio::test]
async fn usage_can_be_wrong_by_a_factor_and_the_ledger_knows_both() {
    let simulator = start().await;
    let reply = chat(&simulator, &counted("m!tokens=100,usage=x2.5")).await;
    let usage = &reply.usages()[0];
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"]),
        (&json!(17), &json!(250))
    );
    let entry = simulator.ledger().last().expect("an entry");
    assert_eq!((entry.prompt_tokens, entry.completion_tokens), (7, 100));
    let sent = Usage {
        prompt: 17,
        completion: 250,
        ..Usage::default()
    };
    assert_eq!(entry.usage_sent, Some(sent));
}

#[tokio::test]
async fn usage_can_run_along_on_every_chunk() {
    let simulator = start().await;
    let usages = chat(&simulator, &streamed("m!tokens=10,usage=every"))
        .await
        .usages();
    let counts: Vec<_> = usages
        .iter()
        .filter_map(|usage| usage["completion_tokens"].as_u64())
        .collect();
    assert_eq!(counts, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]);
}

#[tokio::test]
async fn usage_can_come_unasked_or_on_the_finish_chunk() {
    let simulator = start().await;
    let always = chat(&simulator, &streamed("m!usage=always")).await;
    assert_eq!(
        always.events().last().map(|e| e["choices"].clone()),
        Some(json!([]))
    );
    assert_eq!(always.usages().len(), 1);
    let last = chat(&simulator, &streamed("m!usage=last")).await;
    let event = last.events().pop().expect("an event");
    assert_eq!(event["choices"][0]["finish_reason"], "stop");
    assert!(event["usage"]["total_tokens"].is_u64());
}

#[tokio::test]
async fn cached_tokens_are_part_of_the_prompt_and_never_more() {
    let simulator = start().await;
    let value = chat(&simulator, &question("m!cached=3")).await.json();
    assert_eq!(value["usage"]["prompt_tokens_details"]["cached_tokens"], 3);
    let value = chat(&simulator, &question("m!cached=3000")).await.json();
    assert_eq!(value["usage"]["prompt_tokens_details"]["cached_tokens"], 7);
}

#[tokio::test]
async fn prompt_tokens_count_text_parts_media_and_tools() {
    let simulator = start().await;
    let mut body = question("m");
    body["messages"] = json!([
        {"role": "system", "content": "12345678"},
        {"role": "user", "content": [
            {"type": "text", "text": "1234"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]},
    ]);
    let value = chat(&simulator, &body).await.json();
    assert_eq!(value["usage"]["prompt_tokens"], (4 + 2) + (4 + 1 + 85));
    body["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
    let weight = (body["tools"].to_string().len() as u64).div_ceil(4);
    let value = chat(&simulator, &body).await.json();
    assert_eq!(value["usage"]["prompt_tokens"], 96 + weight);
}
