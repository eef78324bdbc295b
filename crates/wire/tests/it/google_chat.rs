//! Google's host of Chat Completions: signatures in `extra_content`, there and back.

use chat::{Dialect, Event};
use serde_json::{Value, json};
use wire::{CostText, Lane, Outgoing, Quirk};

use crate::cases::tree;
use crate::matrix::{beside, inbound, read_whole, tap};

fn answer() -> Value {
    let extra = |value: &str| json!({"google": {"thought_signature": value}});
    json!({"id": "1", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "tool_calls",
        "message": {"role": "assistant", "content": "Let me look.", "extra_content": extra("of text"),
            "tool_calls": [{"id": "c1", "type": "function", "extra_content": extra("of call"),
                "function": {"name": "look", "arguments": "{}"}}]}}]})
}

fn details() -> Value {
    json!([
        {"type": "reasoning.encrypted", "data": "of text", "format": "google-gemini-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "of call", "id": "c1", "format": "google-gemini-v1",
            "index": 0},
    ])
}

#[test]
fn callers_find_signatures_where_openrouters_clients_look() {
    let chat = Dialect::OpenaiChat;
    let lane = wire::lane(chat, chat, chat).expect("a lane");
    let mut tap = tap(&lane, chat, false);
    tap.read_whole(&answer().to_string().into(), &mut |_| {})
        .expect("an answer");
    let whole = tap.write_whole(&chat::Usage::default(), &CostText::default());
    let message = &tree(&whole.expect("an answer"))["choices"][0]["message"];
    assert_eq!(message["reasoning_details"], details());
    assert_eq!(
        message["extra_content"],
        answer()["choices"][0]["message"]["extra_content"]
    );
}

#[test]
fn signatures_are_told_with_what_they_vouch_for() {
    let answer = answer().to_string();
    let events = read_whole(Dialect::OpenaiChat, answer.as_bytes()).expect("an answer");
    let sealed: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Sealed(at, opaque) => Some((at.block, opaque.value.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(sealed, [(0, "of text"), (1, "of call")]);
}

/// What a provider is sent in a lane.
fn sent(from: Dialect, to: Dialect, body: &Value, quirks: &[&'static Quirk]) -> Value {
    let text = body.to_string();
    let request = inbound(from).read_request(text.as_bytes(), beside(from, false));
    let to_endpoint = Outgoing {
        dialect: to,
        native_model: "gemini-3-pro-preview",
        quirks,
        supported: None,
        output_limit: None,
        output_most: None,
    };
    let lane: Lane = wire::lane(from, to, to).expect("a lane");
    let written = lane.write(
        (text.as_bytes(), &request.expect("a request")),
        &to_endpoint,
    );
    tree(&written.expect("written").body)
}

fn history(message: &Value) -> Value {
    json!({"model": "author/model", "messages": [{"role": "user", "content": "Look."}, message,
        {"role": "tool", "tool_call_id": "c1", "content": "seen"}]})
}

#[test]
fn signatures_come_back_from_either_place_and_from_other_dialects() {
    let mut kept = answer()["choices"][0]["message"].clone();
    let google: Vec<_> = Quirk::from_name("google-thought-signatures")
        .into_iter()
        .collect();
    let check = |message: &Value| {
        assert_eq!(
            message["extra_content"]["google"]["thought_signature"],
            "of text"
        );
        let call = &message["tool_calls"][0];
        assert_eq!(
            call["extra_content"]["google"]["thought_signature"],
            "of call"
        );
        assert!(message.get("reasoning_details").is_none(), "{message}");
    };
    let chat = Dialect::OpenaiChat;
    check(&sent(chat, chat, &history(&kept), &google)["messages"][1]);
    // The same to Gemini's own dialect.
    let native = sent(chat, Dialect::Gemini, &history(&kept), &[]);
    let parts = &native["contents"][1]["parts"];
    assert_eq!(parts[0]["thoughtSignature"], "of text");
    assert_eq!(parts[1]["thoughtSignature"], "of call");
    // Callers who keep what OpenRouter's clients keep.
    let members = kept.as_object_mut().expect("a message");
    members.shift_remove("extra_content");
    members.insert("reasoning_details".to_owned(), details());
    let call = members["tool_calls"][0].as_object_mut().expect("a call");
    call.shift_remove("extra_content");
    check(&sent(chat, chat, &history(&kept), &google)["messages"][1]);
    // Callers of Gemini's dialect.
    let body = json!({"contents": [
        {"role": "user", "parts": [{"text": "Look."}]},
        {"role": "model", "parts": [{"text": "Let me look.", "thoughtSignature": "of text"},
            {"functionCall": {"id": "c1", "name": "look", "args": {}}, "thoughtSignature": "of call"}]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "c1", "name": "look", "response": {"output": "seen"}}}]}]});
    check(&sent(Dialect::Gemini, chat, &body, &google)["messages"][1]);
}
