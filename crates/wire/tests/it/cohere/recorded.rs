//! Recorded real traffic, when it lies beside the repository.

use chat::{Dialect, Next, Unit};
use serde_json::Value;
use wire::cohere::Cohere;
use wire::frame::Framing;
use wire::read_error;

use crate::provider_side::{Read, at_every_split, endpoint, status, translated, whole};
use crate::recorded::recordings;

/// Chats of the second version.
fn exchanges() -> Vec<(String, Value)> {
    let mut all = recordings("exchanges/cohere");
    all.retain(|(_, exchange)| {
        exchange["op"] == "generate" && exchange["request"]["path"] == "/v2/chat"
    });
    all
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What a plain reading of an answer says: text, thoughts, names and arguments of calls.
fn plain(message: &Value) -> (String, String, Vec<(String, String)>) {
    let (mut said, mut thought) = (text(&message["tool_plan"]).to_owned(), String::new());
    for content in message["content"].as_array().into_iter().flatten() {
        said.push_str(text(&content["text"]));
        thought.push_str(text(&content["thinking"]));
    }
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    let calls = calls.map(|call| {
        let function = &call["function"];
        let name = text(&function["name"]).to_owned();
        (name, text(&function["arguments"]).to_owned())
    });
    (said, thought, calls.collect())
}

fn check(name: &str, answer: &Value, read: &Read) {
    read.end
        .clone()
        .unwrap_or_else(|error| panic!("{name}: {error} {:?}", error.detail));
    let (said, thought, calls) = plain(&answer["message"]);
    let heard = |map: &std::collections::BTreeMap<u32, String>| map.get(&0).cloned();
    assert_eq!(heard(&read.heard.text).unwrap_or_default(), said, "{name}");
    assert_eq!(
        heard(&read.heard.reasoning).unwrap_or_default(),
        thought,
        "{name}"
    );
    assert_eq!(read.heard.called(), calls, "{name}");
    let usage = &read.heard.usage;
    let billed = &answer["usage"]["billed_units"];
    assert_eq!(
        usage.get(Unit::Input),
        billed["input_tokens"].as_u64(),
        "{name}"
    );
    let output = billed["output_tokens"].as_u64().unwrap_or(0);
    assert_eq!(usage.completion_tokens(), output, "{name}");
    let finish = &read.heard.finish[&0];
    assert_eq!(
        finish.native.as_deref(),
        answer["finish_reason"].as_str(),
        "{name}"
    );
    let cited: usize = read.response.choices[0]
        .blocks
        .iter()
        .map(|it| it.citations.len())
        .sum();
    let sources = answer["message"]["citations"]
        .as_array()
        .into_iter()
        .flatten();
    let sources: usize = sources
        .map(|it| it["sources"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!(cited, sources, "{name}");
}

#[test]
fn recorded_answers_mean_what_they_say() {
    let mut seen = 0;
    for (name, exchange) in exchanges() {
        let json = &exchange["response"]["json"];
        if status(&exchange) == 200 && json.is_object() {
            check(&name, json, &whole(&Cohere, &json.to_string()));
            seen += 1;
        }
    }
    println!("{seen} whole answers read");
}

#[test]
fn recorded_streams_mean_what_they_say_at_every_split() {
    let mut seen = 0;
    for (name, exchange) in exchanges() {
        if exchange["response"]["kind"] != "sse" {
            continue;
        }
        let stream = text(&exchange["response"]["text"]);
        let read = at_every_split((&Cohere, Framing::Sse), stream.as_bytes(), &name);
        check(&name, &put_together(stream), &read);
        seen += 1;
    }
    println!("{seen} streams read");
}

/// The whole answer that a stream stands for.
fn put_together(stream: &str) -> Value {
    let mut contents: Vec<Value> = Vec::new();
    let (mut plan, mut calls, mut citations) = (String::new(), Vec::<Value>::new(), Vec::new());
    let mut last = Value::Null;
    for line in stream.lines().filter_map(|line| line.strip_prefix("data:")) {
        let Ok(event) = serde_json::from_str::<Value>(line.trim()) else {
            continue;
        };
        let message = &event["delta"]["message"];
        match text(&event["type"]) {
            "content-start" => contents.push(message["content"].clone()),
            "content-delta" => {
                let content = contents.last_mut().expect("begun");
                for name in ["text", "thinking"] {
                    if let Some(more) = message["content"][name].as_str() {
                        content[name] = format!("{}{more}", text(&content[name])).into();
                    }
                }
            }
            "tool-plan-delta" => plan.push_str(text(&message["tool_plan"])),
            "tool-call-start" => calls.push(message["tool_calls"].clone()),
            "tool-call-delta" => {
                let call = &mut calls.last_mut().expect("begun")["function"];
                let more = text(&message["tool_calls"]["function"]["arguments"]);
                call["arguments"] = format!("{}{more}", text(&call["arguments"])).into();
            }
            "citation-start" => citations.push(message["citations"].clone()),
            "message-end" => last = event["delta"].clone(),
            _ => {}
        }
    }
    last["message"] = serde_json::json!({
        "tool_plan": plan,
        "content": contents,
        "tool_calls": calls,
        "citations": citations,
    });
    last
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
        println!("{name} {status} {:?} {:?}", error.kind, error.next);
        let expected = match status {
            401 => (502, Next::TryNextEndpoint),
            _ => (400, Next::Stop),
        };
        assert_eq!(
            (error.kind.status(), error.next),
            expected,
            "{name}: {error}"
        );
        if body.contains("too many tokens") {
            assert_eq!(error.kind, chat::Kind::ContextLengthExceeded, "{name}");
        }
    }
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
            let to = endpoint(Dialect::Cohere, "command-a-03-2025");
            match translated(from, body, &to) {
                Ok(_) => seen += 1,
                // What cannot be shown here may be elsewhere, and what the door refuses is its matter.
                Err(error) => assert_eq!(error.kind.status(), 400, "{name}: {error}"),
            }
        }
    }
    println!("{seen} requests written");
}
