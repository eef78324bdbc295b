//! A loop of tools in which the model changes family and back: what one family sealed reaches no
//! other, what is taken out is named, and the same conversation keeps the same beginning.

use chat::Dialect;
use serde_json::{Value, json};
use wire::anthropic_messages::AnthropicMessages;
use wire::codec::Door as _;
use wire::{Beside, Incoming, Lane, Outgoing, Written, lane};

use super::scene::{endpoint, read};
use crate::cases::tree;

const TURNS: usize = 20;

fn to_chat() -> (Lane, Outgoing<'static>) {
    let lane = lane(
        Dialect::AnthropicMessages,
        Dialect::OpenaiChat,
        Dialect::OpenaiChat,
    );
    let to = Outgoing {
        dialect: Dialect::OpenaiChat,
        ..endpoint("gpt-5")
    };
    (lane.expect("a lane"), to)
}

fn to_claude() -> (Lane, Outgoing<'static>) {
    let same = Dialect::AnthropicMessages;
    (
        lane(same, same, same).expect("a lane"),
        endpoint("claude-sonnet-4-5"),
    )
}

fn sent((lane, to): &(Lane, Outgoing<'_>), body: &Value) -> (Value, Vec<String>) {
    let (text, incoming) = read(body, None);
    let Written { body, dropped, .. } = lane
        .write((text.as_bytes(), &incoming), to)
        .expect("a request");
    (tree(&body), dropped)
}

/// What the model of a turn says: it thinks, and calls a tool.
fn answer(turn: usize, signature: &str) -> Value {
    json!({"role": "assistant", "content": [
        {"type": "thinking", "thinking": format!("thought {turn}"), "signature": signature},
        {"type": "tool_use", "id": format!("t{turn}"), "name": "look", "input": {"turn": turn}},
    ]})
}

fn result(turn: usize) -> Value {
    json!({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": format!("t{turn}"), "content": format!("seen {turn}")},
    ]})
}

#[test]
fn a_loop_of_twenty_turns_survives_two_changes_of_family() {
    let (chat, claude) = (to_chat(), to_claude());
    let mut body = json!({
        "model": "m", "max_tokens": 8000,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {"turn": {"type": "integer"}}}}],
        "messages": [{"role": "user", "content": "look twenty times"}],
    });
    let mut last_prefix: Option<String> = None;
    for turn in 0..TURNS {
        let is_claude = !(7..14).contains(&turn);
        let (sent, dropped) = sent(if is_claude { &claude } else { &chat }, &body);
        let text = sent.to_string();
        let foreign = if is_claude {
            "waybill:"
        } else {
            "SIGNED-BY-CLAUDE"
        };
        assert!(!text.contains(foreign), "turn {turn}: {text}");
        let lost_some = dropped.iter().any(|path| path.starts_with("messages["));
        assert_eq!(lost_some, turn >= 7, "turn {turn}: {dropped:?}");
        // The call of the other family was made without a thought that Claude knows.
        assert_eq!(
            dropped.contains(&"thinking".to_owned()),
            turn == 14,
            "turn {turn}: {dropped:?}"
        );
        check_results(&sent, is_claude, turn);
        let prefix = sent["messages"].to_string();
        let prefix = prefix.trim_end_matches(']').to_owned();
        if turn != 7
            && turn != 14
            && let Some(last) = last_prefix
        {
            assert!(
                prefix.starts_with(&last),
                "turn {turn}: the beginning changed"
            );
        }
        last_prefix = Some(prefix);
        let signature = if is_claude {
            "SIGNED-BY-CLAUDE"
        } else {
            "waybill:none"
        };
        let messages = body["messages"].as_array_mut().expect("messages");
        messages.extend([answer(turn, signature), result(turn)]);
    }
}

/// Every call has its result, in the words of either dialect.
fn check_results(sent: &Value, is_claude: bool, turns: usize) {
    let text = sent["messages"].to_string();
    let count = |word: &str| text.matches(word).count();
    let (calls, results) = match is_claude {
        true => (
            count("\"type\":\"tool_use\""),
            count("\"type\":\"tool_result\""),
        ),
        false => (count("\"type\":\"function\""), count("\"role\":\"tool\"")),
    };
    assert_eq!((calls, results), (turns, turns));
}

#[test]
fn callers_of_this_dialect_reach_others_with_all_that_can_be_said() {
    let body = json!({
        "model": "m", "max_tokens": 100, "temperature": 0.5, "stop_sequences": ["X"],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        "tools": [{"name": "look", "description": "d", "input_schema": {"type": "object"}}],
        "system": "be brief",
        "messages": [{"role": "user", "content": [
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        ]}],
        "context_management": {"edits": []},
    });
    let (sent, dropped) = sent(&to_chat(), &body);
    assert_eq!(
        sent["messages"][0],
        json!({"role": "system", "content": "be brief"})
    );
    assert_eq!(sent["tool_choice"], "required");
    assert_eq!(sent["parallel_tool_calls"], false);
    assert_eq!(sent["response_format"]["type"], "json_schema");
    assert_eq!(sent["stop"], json!(["X"]));
    assert_eq!(
        sent["messages"][1]["content"][1]["image_url"]["url"],
        "data:image/png;base64,AAAA"
    );
    assert!(
        dropped.contains(&"context_management".to_owned()),
        "{dropped:?}"
    );
}

#[test]
fn what_only_claude_knows_makes_others_ineligible() {
    use chat::Feature;
    let features = |body: Value| {
        let read = AnthropicMessages.read_request(body.to_string().as_bytes(), Beside::default());
        let Incoming { needs, .. } = read.expect("a request");
        needs.features.iter().collect::<Vec<_>>()
    };
    let with =
        |block: Value| json!({"model": "m", "messages": [{"role": "user", "content": [block]}]});
    assert_eq!(
        features(with(
            json!({"type": "document", "source": {"type": "file", "file_id": "f"}})
        )),
        [Feature::StoredFiles]
    );
    assert_eq!(
        features(with(json!({"type": "compaction", "content": "x"}))),
        [Feature::NativeContent]
    );
    let mut body = with(json!({"type": "text", "text": "x"}));
    body["tools"] = json!([{"type": "web_search_20250305", "name": "web_search"}]);
    assert_eq!(features(body.clone()), [Feature::ServerTools]);
    body["tools"] = json!([{"type": "custom", "name": "mine", "input_schema": {"type": "object"}}]);
    assert_eq!(features(body), []);
}
