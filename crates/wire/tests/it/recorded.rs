//! Recorded real traffic, when it lies beside the repository: requests pass through, and answers
//! mean to us what a plain reading of the recording says.

use std::fs;
use std::path::PathBuf;

use chat::{Reason, Unit};
use serde_json::Value;
use wire::openai_chat::{Whole, read_request, write_request};
use wire::{CostText, Outgoing, read_error};

use crate::cases::{Heard, Streamed, cut_everywhere, frames, stamp, stream, tree};

/// The folder of recordings; absent on most machines.
#[expect(clippy::print_stdout, reason = "a test says what it could not check")]
pub(crate) fn recordings(folder: &str) -> Vec<(String, Value)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = root.join("../shared/data").join(folder);
    let Ok(entries) = fs::read_dir(&shared) else {
        println!(
            "no recorded traffic in {}: nothing to check",
            shared.display()
        );
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let exchanges: Vec<_> = paths
        .into_iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| {
            let name = path
                .file_name()
                .expect("a file")
                .to_string_lossy()
                .into_owned();
            (name, tree(&fs::read(&path).expect("readable")))
        })
        .collect();
    println!("{} recordings in {folder}", exchanges.len());
    exchanges
}

fn status(exchange: &Value) -> u64 {
    exchange["response"]["status"].as_u64().unwrap_or(0)
}

/// Requests that the provider refused for their shape; we refuse some of them as well.
fn was_accepted(exchange: &Value) -> bool {
    status(exchange) == 200
}

#[test]
fn recorded_requests_are_accepted_and_change_only_where_we_change_them() {
    let mut seen = 0;
    let mut refused = Vec::new();
    for (name, exchange) in recordings("exchanges/openai-chat") {
        let body = &exchange["request"]["body"];
        if !body.is_object() {
            continue;
        }
        let written = body.to_string();
        let incoming = match read_request(written.as_bytes()) {
            Ok(incoming) => incoming,
            Err(error) => {
                if was_accepted(&exchange) {
                    refused.push(format!("{name}: {error}"));
                }
                continue;
            }
        };
        // Those recordings that give state back give it to Claude, whose it is.
        let to = Outgoing {
            native_model: "claude-native",
            quirks: &[],
            supported: None,
            output_limit: None,
            output_most: None,
            dialect: chat::Dialect::OpenaiChat,
        };
        let sent = write_request(written.as_bytes(), &incoming, &to);
        for field in ["messages", "tools"] {
            if let Some(value) = body.get(field) {
                let span = format!("\"{field}\":{value}");
                let sent = std::str::from_utf8(&sent.body).expect("UTF-8");
                assert!(sent.contains(&span), "{name}: {field} changed");
            }
        }
        assert_eq!(
            without_ours(tree(&sent.body)),
            without_ours(body.clone()),
            "{name}"
        );
        assert_eq!(tree(&sent.body)["model"], "claude-native", "{name}");
        seen += 1;
    }
    assert!(refused.is_empty(), "refused:\n{}", refused.join("\n"));
    println!("{seen} requests passed through");
}

/// A request without the fields that we set or remove.
fn without_ours(mut body: Value) -> Value {
    let fields = body.as_object_mut().expect("an object");
    for name in [
        "model",
        "models",
        "route",
        "provider",
        "preset",
        "plugins",
        "session_id",
        "trace",
        "debug",
        "usage",
        "transforms",
        "stream_options",
        "reasoning",
        "include_reasoning",
    ] {
        fields.remove(name);
    }
    body
}

#[test]
fn recorded_errors_are_classified_and_never_blamed_on_the_callers_key() {
    for (name, exchange) in recordings("exchanges/openai-chat") {
        let status = status(&exchange);
        if status < 400 {
            continue;
        }
        let body = exchange["response"]["json"].to_string();
        let error = read_error(u16::try_from(status).expect("a status"), body.as_bytes());
        assert_ne!(error.kind.status(), 401, "{name}");
        let is_ours = matches!(status, 401..=403 | 500..) || body.contains("tool_use_failed");
        assert_eq!(error.kind.status() >= 500, is_ours, "{name}: {error:?}");
        println!(
            "{name} {status} {:?} {:?} {}",
            error.kind, error.next, error.message
        );
    }
}

#[test]
fn recorded_whole_answers_mean_what_they_say() {
    let mut seen = 0;
    for (name, exchange) in recordings("exchanges/openai-chat") {
        let json = &exchange["response"]["json"];
        if status(&exchange) != 200 || !json.is_object() {
            continue;
        }
        let body = json.to_string();
        let mut heard = Heard::default();
        let read = Whole::read(body.clone().into(), &stamp(), &mut |event| {
            heard.hear(event);
        });
        if json.get("choices").is_none() {
            let error = read.expect_err("an error in a 200 body");
            println!("{name}: {:?} {error}", error.kind);
            continue;
        }
        let mut whole = match read {
            Ok(whole) => whole,
            Err(error) => panic!("{name}: {error} {:?}", error.detail),
        };
        for (position, choice) in json["choices"]
            .as_array()
            .expect("choices")
            .iter()
            .enumerate()
        {
            let index = u32::try_from(position).expect("few choices");
            let message = &choice["message"];
            let said =
                [&message["content"], &message["refusal"]].map(|text| text.as_str().unwrap_or(""));
            if message["content"].is_null() || message["content"].is_string() {
                assert_eq!(
                    heard.text.get(&index).map_or("", String::as_str),
                    said.concat(),
                    "{name}"
                );
            }
            check_reasoning(&name, message, heard.reasoning.get(&index));
            check_finish(&name, choice, &heard, index);
        }
        assert_eq!(heard.called(), plain_calls(json, "message"), "{name}");
        check_usage(&name, &json["usage"], &heard);
        check_stamped(&name, &body, (&mut whole, &heard));
        seen += 1;
    }
    println!("{seen} whole answers read");
}

fn check_reasoning(name: &str, message: &Value, heard: Option<&String>) {
    let plain = ["reasoning", "reasoning_content"]
        .into_iter()
        .find_map(|field| message[field].as_str().filter(|text| !text.is_empty()));
    if let Some(plain) = plain {
        assert_eq!(heard.map(String::as_str), Some(plain), "{name}");
    }
}

fn check_finish(name: &str, choice: &Value, heard: &Heard, index: u32) {
    let finish = heard
        .finish
        .get(&index)
        .unwrap_or_else(|| panic!("{name}: no finish"));
    match choice["finish_reason"].as_str().unwrap_or("") {
        "" => assert_ne!(finish.reason, Reason::Error, "{name}"),
        "function_call" => assert_eq!(finish.reason, Reason::ToolCalls, "{name}"),
        "stop" => assert!(
            matches!(finish.reason, Reason::Stop | Reason::ToolCalls),
            "{name}"
        ),
        word => assert_eq!(finish.reason.name(), word, "{name}"),
    }
}

fn plain_calls(answer: &Value, body: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let mut calls = Vec::new();
    for choice in answer["choices"].as_array().into_iter().flatten() {
        let message = &choice[body];
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            calls.push((text(&function["name"]), text(&function["arguments"])));
        }
        if message["function_call"].is_object() {
            let function = &message["function_call"];
            let called = (text(&function["name"]), text(&function["arguments"]));
            // A member that is filled in with nothing calls nothing.
            if called != (String::new(), String::new()) {
                calls.push(called);
            }
        }
    }
    calls
}

fn check_usage(name: &str, usage: &Value, heard: &Heard) {
    let Some(prompt) = usage["prompt_tokens"].as_u64() else {
        return;
    };
    let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let (completion, total) = (count("/completion_tokens"), count("/total_tokens"));
    let cached = count("/prompt_tokens_details/cached_tokens");
    let beside = if cached > prompt { cached } else { 0 };
    let heard = &heard.usage;
    assert_eq!(heard.prompt_tokens(), prompt + beside, "{name}: {usage}");
    let hidden = total.saturating_sub(prompt + completion);
    assert_eq!(
        heard.completion_tokens(),
        completion + hidden,
        "{name}: {usage}"
    );
    let reasoning = count("/completion_tokens_details/reasoning_tokens");
    assert_eq!(
        heard.count(Unit::Reasoning),
        reasoning.max(hidden),
        "{name}: {usage}"
    );
}

fn check_stamped(name: &str, body: &str, (whole, heard): (&mut Whole, &Heard)) {
    let cost = CostText {
        total: Some("0.00001".to_owned()),
        ..CostText::default()
    };
    let stamped = whole.write(&heard.usage, &cost).expect("an answer");
    let stamped = tree(&stamped);
    assert_eq!(stamped["id"], "gen-test", "{name}");
    assert_eq!(stamped["object"], "chat.completion", "{name}");
    assert_eq!(
        stamped["usage"]["prompt_tokens"],
        heard.usage.prompt_tokens(),
        "{name}"
    );
    let before = tree(body.as_bytes());
    for (was, is) in before["choices"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(stamped["choices"].as_array().into_iter().flatten())
    {
        if was["message"]["content"].is_string() {
            assert_eq!(
                was["message"]["content"], is["message"]["content"],
                "{name}"
            );
        }
        for (field, value) in was["message"].as_object().into_iter().flatten() {
            let is_edited =
                value.is_null() || ["content", "tool_calls", "role"].contains(&field.as_str());
            assert!(
                is_edited || &is["message"][field] == value,
                "{name}: {field}"
            );
        }
    }
}

fn sse(exchange: &Value) -> Option<&str> {
    exchange["response"]["text"]
        .as_str()
        .filter(|_| exchange["response"]["kind"] == "sse")
}

#[test]
fn recorded_streams_mean_what_they_say_at_every_split() {
    let mut seen = 0;
    for (position, (name, exchange)) in recordings("exchanges/openai-chat").into_iter().enumerate()
    {
        let Some(text) = sse(&exchange) else { continue };
        let whole = stream([text.as_bytes()]);
        if let Err(error) = &whole.end {
            println!("{name}: {:?} {error}", error.kind);
            // Snowflake's streams have no finish reason at all, and count as broken off.
            let never_finishes = !text.contains("\"finish_reason\":\"");
            assert!(
                text.contains("\"error\"") || never_finishes,
                "{name}: {error}"
            );
        } else {
            check_stream(&name, text, &whole);
        }
        check_splits(&name, text.as_bytes(), &whole, position);
        seen += 1;
    }
    println!("{seen} streams read");
}

fn check_stream(name: &str, text: &str, streamed: &Streamed) {
    let chunks: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .filter(|data| !data.contains("[DONE]"))
        .map(|data| tree(data.trim().as_bytes()))
        .collect();
    let mut said = String::new();
    let mut arguments = String::new();
    for choice in chunks
        .iter()
        .flat_map(|chunk| chunk["choices"].as_array().into_iter().flatten())
    {
        let delta = &choice["delta"];
        said.push_str(delta["content"].as_str().unwrap_or(""));
        said.push_str(delta["refusal"].as_str().unwrap_or(""));
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            arguments.push_str(call["function"]["arguments"].as_str().unwrap_or(""));
        }
        if let Some(word) = choice["finish_reason"]
            .as_str()
            .filter(|word| *word == "length")
        {
            assert_eq!(streamed.heard.finish[&0].reason.name(), word, "{name}");
        }
    }
    let heard = &streamed.heard;
    if heard.text.len() <= 1 {
        assert_eq!(
            heard.text.values().next().map_or("", String::as_str),
            said,
            "{name}"
        );
    }
    let called: String = heard.calls.values().map(|call| call.2.as_str()).collect();
    assert_eq!(
        called.len(),
        {
            let function: usize = chunks
                .iter()
                .filter_map(|chunk| {
                    chunk["choices"][0]["delta"]["function_call"]["arguments"].as_str()
                })
                .map(str::len)
                .sum();
            arguments.len() + function
        },
        "{name}"
    );
    let usage = chunks
        .iter()
        .rev()
        .map(|chunk| &chunk["usage"])
        .find(|usage| usage.is_object());
    if let Some(usage) = usage {
        check_usage(name, usage, heard);
    }
    check_forwarded(name, &streamed.forwarded, &said);
}

fn check_forwarded(name: &str, forwarded: &[u8], said: &str) {
    let forwarded = frames(forwarded);
    let mut repeated = String::new();
    for frame in &forwarded {
        assert_eq!(frame["id"], "gen-test", "{name}");
        assert_eq!(frame["object"], "chat.completion.chunk", "{name}");
        assert!(frame.get("usage").is_none(), "{name}");
        assert!(
            !frame["created"].is_null() && frame["choices"].is_array(),
            "{name}"
        );
        for choice in frame["choices"].as_array().into_iter().flatten() {
            assert!(choice.get("finish_reason").is_some(), "{name}");
            repeated.push_str(choice["delta"]["content"].as_str().unwrap_or(""));
            repeated.push_str(choice["delta"]["refusal"].as_str().unwrap_or(""));
        }
    }
    assert_eq!(
        repeated, said,
        "{name}: the caller sees what the provider said"
    );
}

/// Short streams at every single split, long ones at a few seeded ones, all of them byte by byte.
fn check_splits(name: &str, bytes: &[u8], whole: &Streamed, seed: usize) {
    let points: Vec<usize> = if bytes.len() <= 1_500 {
        (0..=bytes.len()).collect()
    } else {
        (1..=4)
            .map(|n| (seed * 7_919 + n * 104_729) % bytes.len())
            .collect()
    };
    for at in points {
        let (before, after) = bytes.split_at(at);
        assert_eq!(&stream([before, after]), whole, "{name}: split at {at}");
    }
    if bytes.len() <= 20_000 {
        assert_eq!(&stream(bytes.chunks(1)), whole, "{name}: byte by byte");
    }
    assert_eq!(
        &stream(bytes.chunks(7 + seed % 90)),
        whole,
        "{name}: in pieces, seed {seed}"
    );
}

#[test]
fn a_recorded_stream_that_is_cut_is_an_error_unless_everything_was_said() {
    let mut seen = 0;
    for (name, exchange) in recordings("exchanges/openai-chat") {
        let Some(text) = sse(&exchange).filter(|text| text.len() <= 12_000) else {
            continue;
        };
        let whole = stream([text.as_bytes()]);
        if whole.end.is_err() {
            continue;
        }
        seen += 1;
        cut_everywhere(text.as_bytes(), |at, heard, end| {
            if end.is_ok() {
                assert_eq!(heard.text, whole.heard.text, "{name}: cut at {at}");
                assert_eq!(heard.calls, whole.heard.calls, "{name}: cut at {at}");
                assert_eq!(heard.finish, whole.heard.finish, "{name}: cut at {at}");
            }
        });
    }
    println!("{seen} streams cut at every byte");
}

#[test]
fn documented_errors_are_classified() {
    for (name, exchange) in recordings("errors-documented") {
        if exchange["dialect"] != "openai-chat" {
            continue;
        }
        let response = &exchange["response"];
        let status = response["status"].as_u64().unwrap_or(0);
        if status >= 400 {
            let body = match &response["json"] {
                Value::Null => response["text"].as_str().unwrap_or("").to_owned(),
                json => json.to_string(),
            };
            let error = read_error(u16::try_from(status).expect("a status"), body.as_bytes());
            println!(
                "{name} {status} {:?} {:?} {}",
                error.kind, error.next, error.message
            );
            if status == 429 || status >= 500 {
                assert_eq!(error.next, chat::Next::TryNextEndpoint, "{name}: {error:?}");
            }
        } else if let Some(text) = sse(&exchange) {
            let error = stream([text.as_bytes()]).end.expect_err(&name);
            println!("{name} in stream {:?} {}", error.kind, error.message);
        }
    }
}
