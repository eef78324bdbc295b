//! Answers of Converse, whole and streamed: what they mean, and how they break.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chat::opaque::{Format, Seal};
use chat::{Block, Kind, Opaque, Reason};
use serde_json::{Value, json};
use wire::bedrock::BedrockConverse;
use wire::frame::Framing;
use wire::frame::eventstream::{Header, Message, Value as HeaderValue};

use crate::provider_side::{Read, at_every_split, cut_everywhere, stream, whole};

/// A stream of messages, each of a kind.
pub(super) fn messages(list: &[(&str, Value)]) -> Vec<u8> {
    let text = |name: &str, value: &str| Header {
        name: name.into(),
        value: HeaderValue::Text(value.into()),
    };
    let encode = |(kind, payload): &(&str, Value)| {
        let headers = match kind.strip_prefix("exception:") {
            Some(kind) => vec![
                text(":message-type", "exception"),
                text(":exception-type", kind),
            ],
            None => vec![text(":message-type", "event"), text(":event-type", kind)],
        };
        let payload = payload.to_string().into();
        Message { headers, payload }.encode()
    };
    list.iter().flat_map(encode).collect()
}

pub(super) fn delta(index: u64, delta: &Value) -> (&'static str, Value) {
    let event = json!({"contentBlockIndex": index, "delta": delta, "p": "abc"});
    ("contentBlockDelta", event)
}

pub(super) fn stop(index: u64) -> (&'static str, Value) {
    ("contentBlockStop", json!({"contentBlockIndex": index}))
}

fn call(index: u64, id: &str) -> (&'static str, Value) {
    let start = json!({"toolUse": {"toolUseId": id, "name": "weather"}});
    (
        "contentBlockStart",
        json!({"contentBlockIndex": index, "start": start}),
    )
}

pub(super) fn last(reason: &str) -> [(&'static str, Value); 2] {
    let usage = json!({"inputTokens": 10, "outputTokens": 5, "totalTokens": 15});
    [
        ("messageStop", json!({"stopReason": reason})),
        (
            "metadata",
            json!({"usage": usage, "metrics": {"latencyMs": 1}}),
        ),
    ]
}

/// Thoughts with a signature, redacted ones, text, and two calls, one without arguments.
fn full() -> Vec<(&'static str, Value)> {
    let mut list = vec![
        ("messageStart", json!({"role": "assistant"})),
        delta(0, &json!({"reasoningContent": {"text": "Let me "}})),
        delta(0, &json!({"reasoningContent": {"text": "see."}})),
        delta(0, &json!({"reasoningContent": {"signature": "c2ln"}})),
        stop(0),
        delta(
            1,
            &json!({"reasoningContent": {"redactedContent": STANDARD.encode("ZGF0YQ==")}}),
        ),
        stop(1),
        delta(2, &json!({"text": "I "})),
        delta(2, &json!({"text": "ask. {é"})),
        stop(2),
        call(3, "tooluse_1"),
        delta(3, &json!({"toolUse": {"input": ""}})),
        delta(3, &json!({"toolUse": {"input": "{\"city\":"}})),
        delta(3, &json!({"toolUse": {"input": "\"}\"}"}})),
        stop(3),
        call(4, "tooluse_2"),
        stop(4),
    ];
    list.extend(last("tool_use"));
    list
}

fn read(list: &[(&str, Value)]) -> Read {
    let of = (
        &BedrockConverse as &dyn wire::codec::Outbound,
        Framing::EventStream,
    );
    at_every_split(of, &messages(list), "a stream")
}

#[test]
fn a_stream_and_a_whole_answer_mean_the_same() {
    let streamed = read(&full());
    streamed.end.clone().expect("a whole answer");
    let content = json!([
        {"reasoningContent": {"reasoningText": {"text": "Let me see.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": STANDARD.encode("ZGF0YQ==")}},
        {"text": "I ask. {é"},
        {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "}"}}},
        {"toolUse": {"toolUseId": "tooluse_2", "name": "weather", "input": {}}},
    ]);
    let answer = json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15},
    });
    let whole = whole(&BedrockConverse, &answer.to_string());
    whole.end.clone().expect("a whole answer");
    let blocks = |read: &Read| {
        let blocks = read.response.choices[0].blocks.clone();
        let strip = |mut block: chat::response::Said| {
            if block.text == "{}" {
                block.text.clear();
            }
            block
        };
        blocks.into_iter().map(strip).collect::<Vec<_>>()
    };
    assert_eq!(blocks(&streamed), blocks(&whole));
    let said = blocks(&streamed);
    let sealed = |seal: Seal, value: &str| {
        Some(Opaque {
            format: Format::AnthropicClaude,
            seal,
            value: value.to_owned(),
            id: None,
        })
    };
    assert_eq!(said[0].opaque, sealed(Seal::Signature, "c2ln"));
    // What Claude's own dialect calls `data`, so that it can go back to any host of Claude.
    assert_eq!(said[1].opaque, sealed(Seal::Encrypted, "ZGF0YQ=="));
    assert_eq!(said[1].block, Block::Reasoning { is_summary: false });
    assert_eq!(said[2].text, "I ask. {é");
    assert_eq!(streamed.heard.finish[&0].reason, Reason::ToolCalls);
    assert_eq!(streamed.heard.usage.prompt_tokens(), 10);
}

#[test]
fn a_cut_ends_in_an_error_and_finishes_no_call() {
    cut_everywhere(&BedrockConverse, Framing::EventStream, &messages(&full()));
}

#[test]
fn an_unclosed_call_is_an_error_unless_the_answer_was_cut() {
    let begun = |reason: &str| {
        let mut list = vec![
            call(0, "tooluse_1"),
            delta(0, &json!({"toolUse": {"input": "{\"city\":\"Par"}})),
            stop(0),
        ];
        list.extend(last(reason));
        read(&list)
    };
    for reason in ["tool_use", "end_turn"] {
        let read = begun(reason);
        assert!(
            read.end.is_err() && read.heard.finish.is_empty(),
            "{reason}"
        );
    }
    let cut = begun("max_tokens");
    cut.end.expect("cut at the limit");
    assert_eq!(cut.heard.finish[&0].reason, Reason::Length);
}

#[test]
fn exceptions_and_guardrails_are_what_they_say() {
    for (kind, expected) in [
        ("exception:throttlingException", Kind::RateLimitExceeded),
        ("exception:validationException", Kind::InvalidRequest),
        (
            "exception:modelStreamErrorException",
            Kind::ProviderUnavailable,
        ),
        (
            "exception:serviceUnavailableException",
            Kind::ProviderOverloaded,
        ),
    ] {
        let list = [
            delta(0, &json!({"text": "Half"})),
            (kind, json!({"message": "no more"})),
        ];
        let read = stream(&BedrockConverse, Framing::EventStream, [&*messages(&list)]);
        assert_eq!(read.end.unwrap_err().kind, expected, "{kind}");
    }
    let mut list = vec![delta(0, &json!({"text": "I may not."})), stop(0)];
    list.extend(last("guardrail_intervened"));
    assert_eq!(read(&list).heard.finish[&0].reason, Reason::ContentFilter);
}

#[test]
fn what_the_provider_runs_itself_is_nobodys_call() {
    let content = json!([
        {"toolUse": {"toolUseId": "a", "name": "code", "input": {}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "a", "content": [{"json": {"out": "7"}}]}},
        {"text": "7"},
    ]);
    let answer = json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "end_turn",
    });
    let read = whole(&BedrockConverse, &answer.to_string());
    read.end.expect("a whole answer");
    assert_eq!(read.heard.called(), []);
    assert_eq!(read.heard.finish[&0].reason, Reason::Stop);
    let unsaid = ["content.server_tool_use", "content.toolResult"];
    assert_eq!(read.response.unsaid, unsaid);
}

#[test]
fn the_tool_that_stands_for_the_form_of_the_answer_is_the_answer() {
    let start = json!({"toolUse": {"toolUseId": "a", "name": "waybill_answer"}});
    let mut list = vec![
        (
            "contentBlockStart",
            json!({"contentBlockIndex": 0, "start": start}),
        ),
        delta(0, &json!({"toolUse": {"input": "{\"age\":"}})),
        delta(0, &json!({"toolUse": {"input": "7}"}})),
        stop(0),
    ];
    list.extend(last("tool_use"));
    let read = read(&list);
    read.end.expect("a whole answer");
    assert_eq!(read.heard.text[&0], "{\"age\":7}");
    assert_eq!(read.heard.finish[&0].reason, Reason::Stop);
}

#[test]
fn answers_that_are_none_are_errors() {
    for body in [
        "{}",
        "[]",
        r#"{"message":"no"}"#,
        r#"{"output":{"message":{"content":[]}}}"#,
    ] {
        let read = whole(&BedrockConverse, body);
        assert!(read.end.is_err(), "{body}");
    }
}
