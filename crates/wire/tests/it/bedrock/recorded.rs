//! Recorded real traffic, when it lies beside the repository.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chat::{Dialect, Next, Reason, Unit};
use serde_json::Value;
use wire::anthropic_messages::AnthropicMessages;
use wire::bedrock::BedrockConverse;
use wire::frame::{Decoder, Framing};
use wire::read_error;

use crate::cases::tree;
use crate::provider_side::{Read, at_every_split, endpoint, status, translated, whole};
use crate::recorded::recordings;

fn exchanges() -> Vec<(String, Value)> {
    let mut all = recordings("exchanges/bedrock-converse");
    all.retain(|(_, exchange)| exchange["op"] == "generate");
    all
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn bytes(exchange: &Value) -> Option<Vec<u8>> {
    let base64 = exchange["response"]["base64"].as_str()?;
    Some(STANDARD.decode(base64).expect("base64"))
}

/// What a plain reading of an answer says: text, thoughts, and calls with their arguments as trees.
fn plain(answer: &Value) -> (String, String, Vec<(String, Value)>) {
    let (mut said, mut thought, mut calls) = (String::new(), String::new(), Vec::new());
    let blocks = answer["output"]["message"]["content"].as_array();
    for block in blocks.into_iter().flatten() {
        said.push_str(text(&block["text"]));
        for part in block["citationsContent"]["content"]
            .as_array()
            .into_iter()
            .flatten()
        {
            said.push_str(text(&part["text"]));
        }
        thought.push_str(text(&block["reasoningContent"]["reasoningText"]["text"]));
        let call = &block["toolUse"];
        if call.is_object() && call["type"] != "server_tool_use" {
            calls.push((text(&call["name"]).to_owned(), call["input"].clone()));
        }
    }
    (said, thought, calls)
}

fn check(name: &str, answer: &Value, read: &Read) {
    read.end
        .clone()
        .unwrap_or_else(|error| panic!("{name}: {error} {:?}", error.detail));
    let (said, thought, calls) = plain(answer);
    let heard = |map: &BTreeMap<u32, String>| map.get(&0).cloned().unwrap_or_default();
    assert_eq!(heard(&read.heard.text), said, "{name}");
    assert_eq!(heard(&read.heard.reasoning), thought, "{name}");
    let called: Vec<(String, Value)> = read
        .heard
        .called()
        .into_iter()
        .map(|(name, arguments)| {
            let arguments = if arguments.is_empty() {
                "{}"
            } else {
                &arguments
            };
            (name, tree(arguments.as_bytes()))
        })
        .collect();
    assert_eq!(called, calls, "{name}");
    let usage = &read.heard.usage;
    let count = |field: &str| answer["usage"][field].as_u64().unwrap_or(0);
    let cached = count("cacheReadInputTokens") + count("cacheWriteInputTokens");
    assert_eq!(
        usage.prompt_tokens(),
        count("inputTokens") + cached,
        "{name}"
    );
    assert_eq!(
        usage.count(Unit::CacheRead),
        count("cacheReadInputTokens"),
        "{name}"
    );
    assert_eq!(usage.completion_tokens(), count("outputTokens"), "{name}");
    let finish = &read.heard.finish[&0];
    let expected = match text(&answer["stopReason"]) {
        "max_tokens" => Reason::Length,
        "guardrail_intervened" | "content_filtered" => Reason::ContentFilter,
        _ if !calls.is_empty() => Reason::ToolCalls,
        // Two recordings stop for a tool that the provider itself has run.
        "tool_use" => Reason::ToolCalls,
        _ => Reason::Stop,
    };
    assert_eq!(finish.reason, expected, "{name}");
    assert_eq!(
        finish.native.as_deref(),
        answer["stopReason"].as_str(),
        "{name}"
    );
}

#[test]
fn recorded_answers_mean_what_they_say() {
    let mut seen = 0;
    for (name, exchange) in exchanges() {
        let json = &exchange["response"]["json"];
        if status(&exchange) == 200 && json.is_object() {
            check(&name, json, &whole(&BedrockConverse, &json.to_string()));
            seen += 1;
        }
    }
    println!("{seen} whole answers read");
}

#[test]
fn recorded_streams_mean_what_they_say_at_every_split() {
    let mut seen = 0;
    for (name, exchange) in exchanges() {
        let Some(bytes) = bytes(&exchange) else {
            continue;
        };
        let of = (
            &BedrockConverse as &dyn wire::codec::Outbound,
            Framing::EventStream,
        );
        let read = at_every_split(of, &bytes, &name);
        check(&name, &put_together(&bytes), &read);
        seen += 1;
    }
    println!("{seen} streams read");
}

/// The whole answer that a stream stands for.
fn put_together(bytes: &[u8]) -> Value {
    let mut blocks: BTreeMap<u64, Value> = BTreeMap::new();
    let mut inputs: BTreeMap<u64, String> = BTreeMap::new();
    let mut answer = Value::Null;
    let mut decoder = Decoder::new(Framing::EventStream);
    decoder.push(bytes);
    while let Some(frame) = decoder.next() {
        let frame = frame.expect("a message");
        let event = tree(&frame.data);
        let index = event["contentBlockIndex"].as_u64().unwrap_or(0);
        match frame.event.as_deref().unwrap_or_default() {
            b"contentBlockStart" => {
                blocks.insert(index, event["start"].clone());
            }
            b"contentBlockDelta" => {
                let delta = &event["delta"];
                let block = blocks.entry(index).or_insert(Value::Null);
                if let Some(more) = delta["text"].as_str() {
                    block["text"] = format!("{}{more}", text(&block["text"])).into();
                }
                if let Some(more) = delta["reasoningContent"]["text"].as_str() {
                    let block = &mut block["reasoningContent"]["reasoningText"];
                    block["text"] = format!("{}{more}", text(&block["text"])).into();
                }
                if let Some(more) = delta["toolUse"]["input"].as_str() {
                    inputs.entry(index).or_default().push_str(more);
                }
            }
            b"messageStop" => answer["stopReason"] = event["stopReason"].clone(),
            b"metadata" => answer["usage"] = event["usage"].clone(),
            _ => {}
        }
    }
    for (index, block) in &mut blocks {
        if block["toolUse"].is_object() {
            let input = inputs.get(index).filter(|input| !input.is_empty());
            let input = input.map_or("{}", String::as_str);
            block["toolUse"]["input"] = tree(input.as_bytes());
        }
    }
    answer["output"]["message"]["content"] = blocks.into_values().collect();
    answer
}

#[test]
fn recorded_errors_are_classified() {
    for (name, exchange) in exchanges() {
        let status = status(&exchange);
        if status < 400 {
            continue;
        }
        let body = exchange["response"]["json"].to_string();
        let error = read_error(status, body.as_bytes());
        println!(
            "{name} {status} {:?} {:?} {}",
            error.kind, error.next, error.message
        );
        let expected = match status {
            // Ours to mend, or another's to serve.
            403 => Next::TryNextEndpoint,
            _ if body.contains("identifier is invalid") => Next::TryNextEndpoint,
            _ => Next::Stop,
        };
        assert_eq!(error.next, expected, "{name}: {error}");
        assert_ne!(error.kind.status(), 403, "{name}: {error}");
    }
}

#[test]
fn recorded_answers_of_claude_through_invoke_model_are_read() {
    let (mut wholes, mut streams) = (0, 0);
    for (name, exchange) in recordings("exchanges/bedrock-invoke") {
        let is_claude = text(&exchange["model"]).contains("claude");
        let is_messages = exchange["request"]["body"]["messages"].is_array();
        if !is_claude || !is_messages || status(&exchange) != 200 {
            continue;
        }
        let read = match bytes(&exchange) {
            Some(bytes) => {
                streams += 1;
                let of = (
                    &AnthropicMessages as &dyn wire::codec::Outbound,
                    Framing::EventStreamOfBytes,
                );
                at_every_split(of, &bytes, &name)
            }
            None => {
                wholes += 1;
                whole(
                    &AnthropicMessages,
                    &exchange["response"]["json"].to_string(),
                )
            }
        };
        read.end
            .unwrap_or_else(|error| panic!("{name}: {error} {:?}", error.detail));
        let counts = !exchange["response"]["json"]["usage"].is_null() || exchange["stream"] == true;
        assert_eq!(read.heard.usage.completion_tokens() > 0, counts, "{name}");
        assert!(!read.response.choices[0].blocks.is_empty(), "{name}");
    }
    println!("{wholes} whole answers and {streams} streams read");
}

#[test]
fn recorded_requests_of_callers_can_be_written() {
    let mut seen = 0;
    for (folder, from) in [
        ("exchanges/openai-chat", Dialect::OpenaiChat),
        ("exchanges/openai-responses", Dialect::OpenaiResponses),
        ("exchanges/anthropic-messages", Dialect::AnthropicMessages),
    ] {
        for (name, exchange) in recordings(folder) {
            let body = &exchange["request"]["body"];
            if !body.is_object() || exchange["op"] != "generate" || status(&exchange) != 200 {
                continue;
            }
            for model in [
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                "amazon.nova-pro-v1:0",
            ] {
                let to = endpoint(Dialect::BedrockConverse, model);
                match translated(from, body, &to) {
                    Ok(_) => seen += 1,
                    // What cannot be shown here may be elsewhere; what the door refuses is its matter.
                    Err(error) => assert_eq!(error.kind.status(), 400, "{name}: {error}"),
                }
            }
        }
    }
    println!("{seen} requests written");
}
