//! The same dialect on both sides: what is edited, and that nothing else is.

use chat::{Dialect, Kind};
use serde_json::json;

use super::scene::{at, endpoint, frames, mistake, read, spliced, stream, tap};
use crate::cases::tree;

#[test]
fn what_speaks_to_us_does_not_go_up_and_the_rest_stays_byte_for_byte() {
    let body = json!({
        "session_id": "s", "model": "anthropic/claude", "models": ["a/b"],
        "fallbacks": [{"model": "c/d"}], "zeta": {"b": 1.0, "a": [1e3]}, "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi", "later": null}],
        "provider": {}, "route": "fallback", "plugins": [], "user": "u", "trace": {"trace_id": "t"},
    });
    let written = spliced(&body, &endpoint("claude-x"));
    let expected = r#"{"model":"claude-x","zeta":{"b":1.0,"a":[1000.0]},"max_tokens":9,"messages":[{"role":"user","content":"hi","later":null}]}"#;
    assert_eq!(std::str::from_utf8(&written.body), Ok(expected));
    assert_eq!(written.dropped, Vec::<String>::new());
    let headers = [
        ("anthropic-version", "2023-06-01".to_owned()),
        ("anthropic-beta", "one-2025,two-2025".to_owned()),
    ];
    assert_eq!(written.headers, headers);
}

#[test]
fn fallbacks_are_models_and_an_end_user_may_have_either_name() {
    let body = json!({
        "model": "a", "models": ["b"], "fallbacks": [{"model": "c"}],
        "metadata": {"user_id": "me"}, "messages": [{"role": "user", "content": "hi"}],
    });
    let (_, incoming) = super::scene::read(&body, None);
    assert_eq!(incoming.models, ["b", "c"]);
    assert_eq!(incoming.user.as_deref(), Some("me"));
}

#[test]
fn hosts_take_the_same_body_in_their_own_wrappers() {
    let body = json!({
        "model": "m", "max_tokens": 9, "stream": true, "cache_control": {"type": "ephemeral"},
        "messages": [{"role": "user", "content": "hi"}],
    });
    let vertex = spliced(&body, &at(Dialect::Vertex, "claude-sonnet-4-5@20250929"));
    let sent = tree(&vertex.body);
    assert_eq!(sent["anthropic_version"], "vertex-2023-10-16");
    assert!(sent.get("model").is_none() && sent["stream"] == true);
    assert_eq!(sent["cache_control"]["type"], "ephemeral");
    assert_eq!(
        vertex.headers,
        [("anthropic-beta", "one-2025,two-2025".to_owned())]
    );
    let native = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
    let bedrock = spliced(&body, &at(Dialect::BedrockConverse, native));
    assert_eq!(
        tree(&bedrock.body),
        json!({
            "max_tokens": 9,
            "messages": [{"role": "user", "content": [
                {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
            ]}],
            "anthropic_version": "bedrock-2023-05-31",
            "anthropic_beta": ["one-2025", "two-2025"],
        })
    );
    assert!(bedrock.headers.is_empty() && bedrock.dropped.is_empty());
}

#[test]
fn what_bedrock_alone_knows_travels_in_its_headers_and_nowhere_else() {
    let guardrail = json!({"guardrailIdentifier": "gr1", "guardrailVersion": "2", "trace": "enabled",
        "streamProcessingMode": "async"});
    let body = json!({
        "model": "m", "max_tokens": 9, "stream": true, "service_tier": "flex",
        "guardrailConfig": guardrail, "performanceConfig": {"latency": "optimized"},
        "messages": [{"role": "user", "content": "hi"}],
    });
    let claude = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
    let bedrock = at(Dialect::BedrockConverse, claude);
    let written = spliced(&body, &bedrock);
    let header = |name, said: &str| (name, said.to_owned());
    let headers = [
        header("x-amzn-bedrock-guardrailidentifier", "gr1"),
        header("x-amzn-bedrock-guardrailversion", "2"),
        header("x-amzn-bedrock-trace", "ENABLED"),
        header("x-amzn-bedrock-performanceconfig-latency", "optimized"),
        header("x-amzn-bedrock-service-tier", "flex"),
    ];
    assert_eq!(written.headers, headers);
    assert_eq!(written.dropped, Vec::<String>::new());
    let sent = json!({
        "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}],
        "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["one-2025", "two-2025"],
        "amazon-bedrock-guardrailConfig": {"streamProcessingMode": "ASYNCHRONOUS"},
    });
    assert_eq!(tree(&written.body), sent);
    // Out of the vocabulary, as when an answer is gone on with, it is said in the same headers.
    let (text, incoming) = read(&body, None);
    let lane = wire::translation(
        Dialect::AnthropicMessages,
        Dialect::BedrockConverse,
        Dialect::AnthropicMessages,
    );
    let lane = lane.expect("a lane");
    let anew = lane.write((text.as_bytes(), &incoming), &bedrock);
    let anew = anew.expect("a request");
    assert_eq!((&anew.headers[..], anew.dropped), (&headers[..], vec![]));
    assert_eq!(
        tree(&anew.body)["amazon-bedrock-guardrailConfig"],
        sent["amazon-bedrock-guardrailConfig"]
    );
    // Anthropic itself would refuse them.
    let written = spliced(&body, &endpoint("claude-sonnet-4-5"));
    assert_eq!(written.dropped, ["guardrailConfig", "performanceConfig"]);
    assert_eq!(tree(&written.body)["service_tier"], "flex");
    let (anew, dropped) =
        super::scene::written(&super::scene::parsed(&body), &endpoint("claude-x"));
    assert!(anew.get("guardrailConfig").is_none() && dropped.contains(&"service_tier".to_owned()));
}

#[test]
fn a_fifth_breakpoint_is_never_added() {
    let mark = json!({"type": "ephemeral"});
    let marked = json!({"type": "text", "text": "a", "cache_control": mark});
    let mut body = json!({
        "model": "m", "max_tokens": 9, "cache_control": mark,
        "system": [marked, marked],
        "messages": [{"role": "user", "content": [marked, {"type": "text", "text": "b"}]}],
    });
    let bedrock = at(
        Dialect::BedrockConverse,
        "anthropic.claude-opus-4-1-20250805-v1:0",
    );
    let three = spliced(&body, &bedrock);
    assert!(three.dropped.is_empty());
    let last = &tree(&three.body)["messages"][0]["content"][1];
    assert_eq!(last["cache_control"], mark);
    body["tools"] =
        json!([{"name": "t", "input_schema": {"type": "object"}, "cache_control": mark}]);
    let four = spliced(&body, &bedrock);
    assert_eq!(four.dropped, ["cache_control"]);
    assert!(
        tree(&four.body)["messages"][0]["content"][1]
            .get("cache_control")
            .is_none()
    );
}

#[test]
fn an_output_limit_of_ours_wins_and_thinking_fits_under_it() {
    let body = json!({
        "model": "m", "max_tokens": 32000, "thinking": {"type": "enabled", "budget_tokens": 20000},
        "messages": [{"role": "user", "content": "hi"}],
    });
    let check = |limit: u64, thinking: serde_json::Value, dropped: &[&str]| {
        let mut to = endpoint("claude-sonnet-4-5");
        to.output_limit = Some(limit);
        let written = spliced(&body, &to);
        let sent = tree(&written.body);
        assert_eq!(
            (&sent["max_tokens"], &sent["thinking"]),
            (&json!(limit), &thinking)
        );
        assert_eq!(written.dropped, dropped);
    };
    let enabled = |budget: u64| json!({"type": "enabled", "budget_tokens": budget});
    check(30000, enabled(20000), &[]);
    check(5000, enabled(4999), &["thinking.budget_tokens"]);
    check(500, json!({"type": "disabled"}), &["thinking"]);
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (body, field) in [
        (json!({"model": "m"}), "messages"),
        (json!({"messages": []}), "messages"),
        (
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            "messages[0].role",
        ),
        (
            json!({"messages": [{"role": "user"}]}),
            "messages[0].content",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
            "messages[0].content[0].text",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "image"}]}]}]}),
            "messages[0].content[0].content[0].source",
        ),
        (
            json!({"messages": [{"role": "user", "content": "x"}], "fallbacks": [{}]}),
            "fallbacks.fallbacks[0].model",
        ),
        (
            json!({"messages": [{"role": "user", "content": "x"}], "temperature": 3}),
            "temperature",
        ),
    ] {
        let error = mistake(&body);
        assert_eq!(error.kind, Kind::InvalidRequest, "{body}");
        let found = error
            .metadata
            .and_then(|facts| facts.field)
            .unwrap_or_default();
        assert!(
            field.ends_with(&found) && !found.is_empty(),
            "{body}: {found}"
        );
    }
}

const CALL: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"c\",\"content\":[],\"usage\":{\"input_tokens\":5,\"output_tokens\":1,\"cache_creation_input_tokens\":30,\"cache_creation\":{\"ephemeral_5m_input_tokens\":10,\"ephemeral_1h_input_tokens\":20}}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"rm\",\"input\":{}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"path\\\": \\\"/tm\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";

fn ended(reason: &str) -> String {
    format!(
        "{CALL}event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"{reason}\"}},\"usage\":{{\"output_tokens\":9,\"cache_creation_input_tokens\":30}}}}\n\nevent: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
    )
}

#[test]
fn a_tool_call_that_did_not_close_is_shown_as_ended_only_where_it_was_cut() {
    let broken = stream(tap("anthropic/claude"), [ended("tool_use").as_bytes()]);
    assert!(broken.end.is_err());
    assert!(!broken.out.contains("content_block_stop"), "{}", broken.out);
    assert!(!broken.out.contains("message_stop"), "{}", broken.out);
    let cut = stream(tap("anthropic/claude"), [ended("max_tokens").as_bytes()]);
    assert_eq!(cut.end, Ok(()));
    let names: Vec<_> = frames(&cut.out).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
}

#[test]
fn what_was_written_to_the_cache_for_an_hour_stays_apart_to_the_end() {
    let went = stream(tap("anthropic/claude"), [ended("max_tokens").as_bytes()]);
    let usage = &went.response.usage;
    let count = |unit| usage.get(unit);
    assert_eq!(count(chat::Unit::CacheWrite), Some(10));
    assert_eq!(count(chat::Unit::CacheWrite1h), Some(20));
    assert_eq!(count(chat::Unit::Output), Some(9));
    assert_eq!(count(chat::Unit::Input), Some(5));
}

#[test]
fn an_error_in_a_stream_is_the_providers_and_ends_it() {
    let text = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[]}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let went = stream(tap("anthropic/claude"), [text.as_bytes()]);
    let error = went.end.expect_err("overloaded");
    assert_eq!(error.kind, Kind::ProviderOverloaded);
    let frames = frames(&went.out);
    let (name, last) = frames.last().expect("a frame");
    assert_eq!(name, "error");
    assert_eq!(last["error"]["type"], "overloaded_error");
    assert_eq!(last["request_id"], "gen-test");
}
