//! What is to be cited, and what is: the bytes travel where the same dialect is spoken, and what is
//! written out of the vocabulary says the same.

use chat::Dialect;
use serde_json::{Value, json};

use super::scene::{accumulated, at, endpoint, parsed, spliced, stream, tap, whole, written};

/// Search results in the user's turn and in a result of a tool, and a document of texts.
fn asked() -> Value {
    let found = json!({"type": "search_result", "source": "https://x.test/t", "title": "T",
        "content": [{"type": "text", "text": "Low."}], "citations": {"enabled": true}});
    let mut marked = found.clone();
    marked["cache_control"] = json!({"type": "ephemeral"});
    let document = json!({"type": "document",
        "source": {"type": "content", "content": [{"type": "text", "text": "High."}]},
        "title": "D", "citations": {"enabled": true}});
    json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": [marked, document, {"type": "text", "text": "Low?"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "t", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": [found]}]}]})
}

/// An answer that cites all of it.
fn content() -> Value {
    json!([{"type": "text", "text": "Low.", "citations": [
        {"type": "search_result_location", "cited_text": "Low.", "search_result_index": 0,
            "source": "https://x.test/t", "title": "T", "start_block_index": 0, "end_block_index": 1},
        {"type": "content_block_location", "cited_text": "High.", "document_index": 0,
            "document_title": "D", "start_block_index": 0, "end_block_index": 1},
    ]}])
}

fn answer() -> String {
    let usage = json!({"input_tokens": 1, "output_tokens": 1});
    let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "c",
        "content": content(), "stop_reason": "end_turn", "stop_sequence": null, "usage": usage});
    answer.to_string()
}

fn frames() -> String {
    let block = |delta: &Value| json!({"type": "content_block_delta", "index": 0, "delta": delta});
    let text = json!({"type": "text", "text": ""});
    let mut all = vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "content": [],
            "usage": {"input_tokens": 1, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": text}),
    ];
    for citation in content()[0]["citations"].as_array().into_iter().flatten() {
        all.push(block(
            &json!({"type": "citations_delta", "citation": citation}),
        ));
    }
    all.push(block(&json!({"type": "text_delta", "text": "Low."})));
    all.push(json!({"type": "content_block_stop", "index": 0}));
    all.push(
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 2}}),
    );
    all.push(json!({"type": "message_stop"}));
    let frame = |data: &Value| {
        let name = data["type"].as_str().unwrap_or_default();
        format!("event: {name}\ndata: {data}\n\n")
    };
    all.iter().map(frame).collect()
}

#[test]
fn what_is_to_be_cited_reaches_every_host_byte_for_byte() {
    let body = asked();
    let messages = body["messages"].to_string();
    for to in [
        endpoint("claude-sonnet-4-5"),
        at(Dialect::Vertex, "claude-sonnet-4-5@20250929"),
        at(
            Dialect::BedrockConverse,
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
    ] {
        let sent = spliced(&body, &to);
        let text = String::from_utf8_lossy(&sent.body);
        assert!(text.contains(&messages), "{}: {text}", to.dialect);
        assert_eq!(sent.dropped, Vec::<String>::new(), "{}", to.dialect);
    }
}

#[test]
fn what_is_cited_comes_back_as_it_was_said() {
    let (_, told) = whole(tap("anthropic/claude"), &answer()).expect("an answer");
    assert_eq!(told["content"], content());
    let went = stream(tap("anthropic/claude"), [frames().as_bytes()]);
    assert_eq!(went.end, Ok(()));
    assert_eq!(accumulated(&went.out)["content"], content());
}

#[test]
fn out_of_the_vocabulary_it_is_said_likewise() {
    let (sent, dropped) = written(&parsed(&asked()), &endpoint("claude-sonnet-4-5"));
    let (sent, asked) = (&sent["messages"], &asked()["messages"]);
    for place in ["/0/content", "/2/content/0/content"] {
        assert_eq!(sent.pointer(place), asked.pointer(place), "{place}");
    }
    assert_eq!(dropped, Vec::<String>::new());
    let (caller, host) = (Dialect::AnthropicMessages, Dialect::AnthropicMessages);
    let lane = wire::translation(caller, host, host).expect("a lane");
    let (_, told) = whole(crate::matrix::tap(&lane, caller, false), &answer()).expect("an answer");
    assert_eq!(told["content"], content());
    let went = stream(
        crate::matrix::tap(&lane, caller, true),
        [frames().as_bytes()],
    );
    assert_eq!(went.end, Ok(()));
    assert_eq!(accumulated(&went.out)["content"], content());
}
