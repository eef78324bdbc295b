//! Thoughts in a conversation: Claude sees its own and no others, and so does everybody else.

use serde_json::{Value, json};
use wire::anthropic_messages::AnthropicMessages;
use wire::codec::{Asked, Transparent as _};
use wire::{Incoming, Stamp};

use super::scene::{accumulated, endpoint, spliced, stamp_of, stream, tap, whole};
use crate::cases::tree;

/// A conversation in which somebody thought, and called a tool.
fn conversation(thought: &Value) -> Value {
    json!({
        "model": "m", "max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 2000},
        "messages": [
            {"role": "user", "content": "look"},
            {"role": "assistant", "content": [thought, {"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "seen"}]},
        ],
    })
}

#[test]
fn claude_gets_its_own_thoughts_back_untouched() {
    let body = conversation(&json!({"type": "thinking", "thinking": "hm", "signature": "EqQB"}));
    let written = spliced(&body, &endpoint("claude-sonnet-4-5"));
    assert_eq!(tree(&written.body)["messages"], body["messages"]);
    assert!(written.dropped.is_empty());
}

#[test]
fn claude_is_shown_no_thought_that_it_has_not_signed() {
    for thought in [
        json!({"type": "thinking", "thinking": "hm", "signature": "waybill:none"}),
        json!({"type": "thinking", "thinking": "hm", "signature": ""}),
        json!({"type": "thinking", "thinking": "hm", "signature": "waybill:openai-responses-v1:encrypted:rs_1:gAAA"}),
        json!({"type": "redacted_thinking", "data": "waybill:google-gemini-v1:signature::CiQ="}),
    ] {
        let body = conversation(&thought);
        let written = spliced(&body, &endpoint("claude-sonnet-4-5"));
        let sent = tree(&written.body);
        let text = sent.to_string();
        assert!(
            !text.contains("waybill:") && !text.contains("\"hm\""),
            "{text}"
        );
        assert_eq!(sent["messages"][1]["content"].as_array().unwrap().len(), 1);
        // Models of that generation refuse to go on with a call that they have not thought about.
        assert_eq!(sent["thinking"], json!({"type": "disabled"}));
        assert_eq!(written.dropped, ["thinking", "messages[1].content[0]"]);
        let newer = spliced(&body, &endpoint("claude-sonnet-4-6"));
        assert_eq!(tree(&newer.body)["thinking"]["type"], "enabled");
        assert_eq!(newer.dropped, ["messages[1].content[0]"]);
    }
}

#[test]
fn an_answer_that_was_nothing_but_a_foreign_thought_is_left_out() {
    let foreign = json!({"type": "thinking", "thinking": "hm", "signature": "waybill:none"});
    let body = json!({
        "model": "m", "max_tokens": 10,
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [foreign, foreign]},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": [foreign, {"type": "text", "text": "c"}, foreign]},
        ],
    });
    let written = spliced(&body, &endpoint("claude-sonnet-4-6"));
    let expected = json!([
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": [{"type": "text", "text": "c"}]},
    ]);
    assert_eq!(tree(&written.body)["messages"], expected);
    assert_eq!(written.dropped.len(), 4);
}

#[test]
fn claude_is_known_by_its_own_name_and_not_by_the_houses() {
    let claude = AnthropicMessages.tap(&Asked {
        body: b"{}",
        request: &Incoming::default(),
        stamp: Stamp {
            model: "house/assistant".to_owned(),
            ..stamp_of("claude-sonnet-4-5")
        },
    });
    let answer = json!({
        "id": "x", "type": "message", "role": "assistant", "model": "c", "stop_reason": "end_turn",
        "content": [{"type": "thinking", "thinking": "hm", "signature": "EqQB"}],
        "usage": {"input_tokens": 1, "output_tokens": 2},
    });
    let (_, seen) = whole(claude, &answer.to_string()).unwrap();
    assert_eq!(seen["content"], answer["content"]);
}

#[test]
fn seals_of_other_makers_are_tagged_on_the_way_down_and_bare_on_the_way_up() {
    let answer = json!({
        "id": "x", "type": "message", "role": "assistant", "model": "kimi", "stop_reason": "end_turn",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig-of-kimi"},
            {"type": "text", "text": "ok"},
        ],
        "usage": {"input_tokens": 1, "output_tokens": 2},
    });
    let (_, seen) = whole(tap("moonshotai/kimi-k2"), &answer.to_string()).unwrap();
    let signature = seen["content"][0]["signature"].as_str().unwrap();
    assert_eq!(signature, "waybill:unknown:signature::sig-of-kimi");
    let streamed = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[]}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"sig-\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"of-kimi\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let went = stream(tap("moonshotai/kimi-k2"), [streamed.as_bytes()]);
    let message = accumulated(&went.out);
    assert_eq!(message["content"][0]["signature"], signature);

    let body = conversation(&seen["content"][0]);
    let back = tree(&spliced(&body, &endpoint("kimi-k2")).body);
    assert_eq!(back["messages"][1]["content"][0], answer["content"][0]);
    let other = tree(&spliced(&body, &endpoint("claude-opus-4-8")).body);
    assert_eq!(other["messages"][1]["content"][0]["type"], "tool_use");
}
