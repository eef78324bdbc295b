//! Log probabilities in the forms of Google and Cohere: whole and streamed, and only where asked for.

use serde_json::{Value, json};
use simulator::Simulator;

use crate::client::{Reply, send, start};

async fn gemini(simulator: &Simulator, verb: &str, config: Value) -> Reply {
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "generationConfig": config});
    let path = format!("/v1beta/models/g!text=Hey%20you:{verb}");
    send(simulator, "POST", &path, &[], &body).await
}

fn chosen(result: &Value) -> String {
    let list = result["chosenCandidates"].as_array().into_iter().flatten();
    list.filter_map(|token| token["token"].as_str()).collect()
}

#[tokio::test]
async fn google_tells_tokens_and_the_likeliest_beside_them() {
    let simulator = start().await;
    let asked = json!({"responseLogprobs": true, "logprobs": 2});
    let whole = gemini(&simulator, "generateContent", asked.clone())
        .await
        .json();
    let candidate = &whole["candidates"][0];
    assert_eq!(chosen(&candidate["logprobsResult"]), "Hey you");
    assert_eq!(candidate["avgLogprobs"], -0.25);
    let top = &candidate["logprobsResult"]["topCandidates"];
    assert_eq!(top[0]["candidates"].as_array().map(Vec::len), Some(2));
    assert_eq!(top[0]["candidates"][0]["token"], "Hey ");
    let streamed = gemini(&simulator, "streamGenerateContent?alt=sse", asked).await;
    let said: String = streamed
        .events()
        .iter()
        .map(|event| chosen(&event["candidates"][0]["logprobsResult"]))
        .collect();
    assert_eq!(said, "Hey you");
    let plain = gemini(&simulator, "generateContent", json!({}))
        .await
        .json();
    assert!(plain["candidates"][0].get("logprobsResult").is_none());
    let lone = gemini(&simulator, "generateContent", json!({"logprobs": 2})).await;
    assert_eq!(lone.status, 400);
}

#[tokio::test]
async fn cohere_tells_pieces_of_text_with_those_of_their_tokens() {
    let simulator = start().await;
    let ask = async |is_streamed: bool| {
        let body = json!({"model": "m!text=Hey%20you", "logprobs": true, "stream": is_streamed,
            "messages": [{"role": "user", "content": "Hello"}]});
        send(&simulator, "POST", "/v2/chat", &[], &body).await
    };
    let said = |entries: &[Value]| -> String {
        let texts = entries.iter().filter_map(|entry| entry["text"].as_str());
        texts.collect()
    };
    let whole = ask(false).await.json();
    let entries = whole["logprobs"].as_array().cloned().unwrap_or_default();
    assert_eq!(said(&entries), "Hey you");
    assert_eq!(entries[0]["logprobs"], json!([-0.25]));
    let events = ask(true).await.events();
    let entries: Vec<Value> = events
        .iter()
        .filter_map(|event| event.get("logprobs").cloned())
        .collect();
    assert_eq!(said(&entries), "Hey you");
}
