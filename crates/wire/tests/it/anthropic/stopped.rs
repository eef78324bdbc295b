//! Callers of Messages learn that an answer ended before a text of theirs, where its provider says so.

use bytes::Bytes;
use chat::{Dialect, Usage};
use serde_json::{Value, json};
use wire::frame::Framing;
use wire::{Asked, Beside, CostText, Tap};

use crate::cases::{stamp, tree};
use crate::matrix;

fn tap(stops: &Value, to: Dialect) -> Box<dyn Tap> {
    let body = json!({"model": "m", "max_tokens": 9, "stop_sequences": stops,
        "messages": [{"role": "user", "content": "Count."}]});
    let body = body.to_string();
    let door = wire::door(Dialect::AnthropicMessages).expect("a door");
    let request = door.read_request(body.as_bytes(), Beside::default());
    let lane = wire::lane(Dialect::AnthropicMessages, to, to).expect("a lane");
    lane.tap(&Asked {
        body: body.as_bytes(),
        request: &request.expect("a request"),
        stamp: stamp(),
    })
}

/// How an answer with a word of the provider's ends.
fn whole(stops: &Value, word: &str) -> (Value, Value) {
    let message = json!({"role": "assistant", "content": [{"text": "One, two"}]});
    let answer = json!({"output": {"message": message}, "stopReason": word,
        "usage": {"inputTokens": 1, "outputTokens": 2}});
    let mut tap = tap(stops, Dialect::BedrockConverse);
    let read = tap.read_whole(&Bytes::from(answer.to_string()), &mut |_| ());
    read.expect("an answer");
    let told = tap.write_whole(&Usage::default(), &CostText::default());
    let told = tree(&told.expect("written"));
    (told["stop_reason"].clone(), told["stop_sequence"].clone())
}

#[test]
fn an_answer_ends_before_the_callers_text() {
    for (stops, word, reason, text) in [
        (
            json!(["three"]),
            "stop_sequence",
            "stop_sequence",
            json!("three"),
        ),
        // Which of them it was, nobody says.
        (
            json!(["three", "four"]),
            "stop_sequence",
            "stop_sequence",
            Value::Null,
        ),
        (json!(["three"]), "end_turn", "end_turn", Value::Null),
        (json!(["three"]), "max_tokens", "max_tokens", Value::Null),
    ] {
        assert_eq!(whole(&stops, word), (json!(reason), text), "{stops} {word}");
    }
}

#[test]
fn so_does_a_stream() {
    let events = [
        json!({"type": "message-start", "id": "1", "delta": {"message": {"role": "assistant"}}}),
        json!({"type": "content-start", "index": 0,
            "delta": {"message": {"content": {"type": "text", "text": "One"}}}}),
        json!({"type": "content-end", "index": 0}),
        json!({"type": "message-end", "delta": {"finish_reason": "STOP_SEQUENCE"}}),
    ];
    let frames: String = events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect();
    let stops = json!(["three"]);
    let went = matrix::stream(
        tap(&stops, Dialect::Cohere),
        Framing::Sse,
        frames.as_bytes(),
    );
    assert_eq!(went.end, Ok(()));
    let ending = r#""delta":{"stop_reason":"stop_sequence","stop_sequence":"three""#;
    assert!(went.sent.contains(ending), "{}", went.sent);
}
