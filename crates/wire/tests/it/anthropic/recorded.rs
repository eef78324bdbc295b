//! Recorded real traffic of this dialect, when it lies beside the repository.

use chat::{Reason, Unit};
use serde_json::Value;
use wire::anthropic_messages::AnthropicMessages;
use wire::codec::{Door as _, Inbound as _, Outbound as _};
use wire::{Beside, read_error};

use super::scene::{accumulated, endpoint, read, spliced, stream, tap, whole, written};
use crate::cases::tree;
use crate::recorded::recordings;

const FOLDER: &str = "exchanges/anthropic-messages";

fn exchanges() -> impl Iterator<Item = (String, Value)> {
    recordings(FOLDER).into_iter()
}

fn status(exchange: &Value) -> u64 {
    exchange["response"]["status"].as_u64().unwrap_or(0)
}

/// The first stream of a recording; one of them holds several.
fn sse(exchange: &Value) -> Option<&str> {
    let text = exchange["response"]["text"]
        .as_str()
        .filter(|_| exchange["response"]["kind"] == "sse" && status(exchange) == 200)?;
    let second = text.match_indices("event: message_start").nth(1);
    Some(second.map_or(text, |(at, _)| &text[..at]))
}

#[test]
fn requests_travel_byte_for_byte_but_for_the_model() {
    let mut seen = 0;
    for (name, exchange) in exchanges() {
        let body = &exchange["request"]["body"];
        if !body.is_object() || status(&exchange) != 200 {
            continue;
        }
        let written = spliced(body, &endpoint("claude-native"));
        let mut expected = body.clone();
        expected["model"] = "claude-native".into();
        let mut sent = tree(&written.body);
        if body.get("max_tokens").is_none() {
            sent.as_object_mut()
                .expect("an object")
                .shift_remove("max_tokens");
        }
        assert_eq!(sent, expected, "{name}");
        for field in ["messages", "tools", "system"] {
            if let Some(value) = body.get(field) {
                let sent = std::str::from_utf8(&written.body).expect("UTF-8");
                assert!(
                    sent.contains(&format!("\"{field}\":{value}")),
                    "{name}: {field} changed"
                );
            }
        }
        assert_eq!(written.dropped, Vec::<String>::new(), "{name}");
        seen += 1;
    }
    println!("{seen} requests passed through");
}

#[test]
fn requests_are_read_into_the_vocabulary_and_written_again() {
    let mut seen = 0;
    for (name, exchange) in exchanges() {
        let body = &exchange["request"]["body"];
        if !body.is_object() || status(&exchange) != 200 || exchange["op"] != "generate" {
            continue;
        }
        let (text, incoming) = read(body, None);
        let request = AnthropicMessages.parse(text.as_bytes(), &incoming);
        let request = request.unwrap_or_else(|error| panic!("{name}: {error}"));
        let native = body["model"].as_str().unwrap_or("claude-sonnet-4-5");
        let (again, dropped) = written(&request, &endpoint(native));
        if incoming.needs.features.is_empty() {
            check_again(&name, body, &again, &[request.unsaid, dropped].concat());
        }
        seen += 1;
    }
    println!("{seen} requests read and written");
}

/// The same conversation, but for the forms that mean the same.
fn check_again(name: &str, body: &Value, again: &Value, lost: &[String]) {
    let calls = |body: &Value| -> Vec<Value> {
        let messages = body["messages"].as_array().into_iter().flatten();
        let blocks =
            messages.flat_map(|message| message["content"].as_array().into_iter().flatten());
        blocks
            .filter(|block| {
                ["tool_use", "thinking", "redacted_thinking", "image"]
                    .iter()
                    .any(|kind| block["type"] == *kind)
            })
            .map(|block| {
                let mut block = block.clone();
                let members = block.as_object_mut().expect("an object");
                members.retain(|_, value| !value.is_null());
                block
            })
            .collect()
    };
    assert_eq!(calls(body), calls(again), "{name}: {lost:?}");
    for field in ["max_tokens", "tool_choice"] {
        if body.get(field).is_some() {
            assert_eq!(body[field], again[field], "{name}: {field}");
        }
    }
    let names = |body: &Value| -> Vec<Value> {
        let tools = body["tools"].as_array().into_iter().flatten();
        tools.map(|tool| tool["name"].clone()).collect()
    };
    assert_eq!(names(body), names(again), "{name}");
}

#[test]
fn whole_answers_mean_what_they_say() {
    let mut seen = 0;
    for (name, exchange) in exchanges() {
        let json = &exchange["response"]["json"];
        if status(&exchange) != 200 || !json["content"].is_array() {
            continue;
        }
        let (response, stamped) = whole(tap("anthropic/claude"), &json.to_string())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut expected = json.clone();
        expected["id"] = "gen-test".into();
        expected["model"] = "anthropic/claude".into();
        expected["provider"] = "Provider".into();
        for (field, value) in [
            ("cost", tree(b"0.0123")),
            ("is_byok", false.into()),
            ("cost_details", stamped["usage"]["cost_details"].clone()),
        ] {
            expected["usage"][field] = value;
        }
        assert_eq!(stamped, expected, "{name}");
        check_usage(&name, &json["usage"], &response.usage);
        let choice = response.choice(0).expect("a choice");
        let text: String = said(choice, &chat::Block::Text);
        let plain = json["content"].as_array().expect("content");
        let plain: String = plain
            .iter()
            .filter_map(|block| block["text"].as_str())
            .collect();
        assert_eq!(text, plain, "{name}");
        seen += 1;
    }
    println!("{seen} whole answers read");
}

fn said(choice: &chat::response::Choice, kind: &chat::Block<'_>) -> String {
    let blocks = choice.blocks.iter().filter(|said| said.block == *kind);
    blocks.map(|said| said.text.as_str()).collect()
}

fn check_usage(name: &str, usage: &Value, heard: &chat::Usage) {
    let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let mut beside = (0, 0);
    for one in usage["iterations"].as_array().into_iter().flatten() {
        if one["type"] == "compaction" || one["type"] == "advisor_message" {
            let of = |name: &str| one[name].as_u64().unwrap_or(0);
            beside.0 += of("input_tokens")
                + of("cache_read_input_tokens")
                + of("cache_creation_input_tokens");
            beside.1 += of("output_tokens");
        }
    }
    let prompt = count("/input_tokens")
        + count("/cache_read_input_tokens")
        + count("/cache_creation_input_tokens");
    assert_eq!(heard.prompt_tokens(), prompt + beside.0, "{name}: {usage}");
    assert_eq!(
        heard.completion_tokens(),
        count("/output_tokens") + beside.1,
        "{name}: {usage}"
    );
    let thinking = count("/output_tokens_details/thinking_tokens");
    assert_eq!(heard.count(Unit::Reasoning), thinking, "{name}: {usage}");
    assert_eq!(
        heard.count(Unit::CacheWrite1h),
        count("/cache_creation/ephemeral_1h_input_tokens"),
        "{name}: {usage}"
    );
}

#[test]
fn streams_go_out_as_they_came_in_at_every_split() {
    let mut seen = 0;
    for (position, (name, exchange)) in exchanges().enumerate() {
        let Some(text) = sse(&exchange) else { continue };
        let went = stream(tap("anthropic/claude"), [text.as_bytes()]);
        if let Err(error) = &went.end {
            println!("{name}: {error}");
            let is_whole = text.contains("message_stop") && text.contains("\"stop_reason\":\"");
            assert!(text.contains("\"error\"") || !is_whole, "{name}: {error}");
        } else {
            let mut expected = accumulated(text);
            let sent = accumulated(&went.out);
            expected["id"] = "gen-test".into();
            expected["model"] = "anthropic/claude".into();
            expected["provider"] = "Provider".into();
            for field in ["cost", "is_byok", "cost_details"] {
                expected["usage"][field] = sent["usage"][field].clone();
            }
            assert_eq!(sent, expected, "{name}");
            check_usage(&name, &expected["usage"], &went.response.usage);
            check_folded(&name, &expected, &went.response);
        }
        let bytes = text.as_bytes();
        for at in (1..=3).map(|n| (position * 7_919 + n * 104_729) % bytes.len()) {
            let (before, after) = bytes.split_at(at);
            let split = stream(tap("anthropic/claude"), [before, after]);
            assert_eq!(split, went, "{name}: split at {at}");
        }
        if bytes.len() < 20_000 {
            let single = stream(tap("anthropic/claude"), bytes.chunks(1));
            assert_eq!(single, went, "{name}: byte by byte");
        }
        seen += 1;
    }
    println!("{seen} streams read");
}

/// A stream means what the same answer would mean as a whole.
fn check_folded(name: &str, message: &Value, streamed: &chat::Response) {
    let mut message = message.clone();
    message["usage"] = serde_json::json!({"input_tokens": 1, "output_tokens": 1});
    let (response, _) = whole(tap("anthropic/claude"), &message.to_string()).expect("an answer");
    let same = |json: &str| serde_json::from_str::<Value>(json).unwrap_or_default();
    let (one, other) = (response.choice(0), streamed.choice(0));
    let (one, other) = (one.expect("a choice"), other.expect("a choice"));
    assert_eq!(one.finish, other.finish, "{name}");
    assert_eq!(one.blocks.len(), other.blocks.len(), "{name}");
    for (one, other) in one.blocks.iter().zip(&other.blocks) {
        assert_eq!(one.block, other.block, "{name}");
        assert_eq!(one.opaque, other.opaque, "{name}");
        match one.block {
            chat::Block::ToolCall { .. } => {
                let empty = other.text.is_empty() && one.text == "{}";
                assert!(empty || same(&one.text) == same(&other.text), "{name}");
            }
            _ => assert_eq!(one.text, other.text, "{name}"),
        }
    }
}

#[test]
fn a_stream_that_is_cut_is_an_error_and_no_tool_call_is_told_as_finished() {
    let mut seen = 0;
    for (name, exchange) in exchanges() {
        let Some(text) = sse(&exchange).filter(|text| text.len() <= 3_000) else {
            continue;
        };
        if stream(tap("anthropic/claude"), [text.as_bytes()])
            .end
            .is_err()
        {
            continue;
        }
        seen += 1;
        if seen > 8 {
            break;
        }
        let end = text.rfind("event: message_stop").unwrap_or(text.len());
        for at in 0..end {
            let cut = text.as_bytes().get(..at).expect("shorter");
            let went = stream(tap("anthropic/claude"), [cut]);
            assert!(went.end.is_err(), "{name}: cut at {at}");
            assert!(
                !went.out.contains("\"stop_reason\":\"tool_use\""),
                "{name}: cut at {at}"
            );
            assert!(went.out.contains("event: error"), "{name}: cut at {at}");
        }
    }
    println!("{seen} streams cut at every byte");
}

#[test]
fn errors_are_classified_and_never_blamed_on_the_callers_key() {
    for (name, exchange) in exchanges() {
        let status = status(&exchange);
        if status < 400 {
            continue;
        }
        let body = exchange["response"]["json"].to_string();
        let error = read_error(u16::try_from(status).expect("a status"), body.as_bytes());
        assert_ne!(error.kind.status(), 401, "{name}");
        let (status, envelope) = AnthropicMessages.write_error(&error, Some("gen-1"));
        let envelope = tree(&envelope);
        assert_eq!(envelope["type"], "error", "{name}");
        assert_eq!(envelope["request_id"], "gen-1", "{name}");
        assert!(
            status >= 400 && envelope["error"]["type"].is_string(),
            "{name}"
        );
    }
}

#[test]
fn documented_errors_are_read_from_streams_and_bodies() {
    for (name, exchange) in recordings("errors-documented") {
        if exchange["dialect"] != "anthropic-messages" {
            continue;
        }
        let Some(text) = sse(&exchange) else { continue };
        let went = stream(tap("anthropic/claude"), [text.as_bytes()]);
        let error = went.end.expect_err(&name);
        assert_eq!(error.next, chat::Next::TryNextEndpoint, "{name}: {error:?}");
        assert!(
            went.out.ends_with("\n\n") && went.out.contains("event: error"),
            "{name}"
        );
        println!("{name}: {:?} {}", error.kind, error.message);
    }
}

#[test]
fn an_answer_of_claude_read_and_written_again_is_the_same_answer() {
    let mut seen = 0;
    for (name, exchange) in exchanges() {
        let json = &exchange["response"]["json"];
        if status(&exchange) != 200 || !json["content"].is_array() {
            continue;
        }
        let mut reader = AnthropicMessages.reader();
        let mut fold = chat::response::Fold::default();
        let body = json.to_string();
        let listen: &mut wire::codec::Listen<'_> = &mut |event| fold.hear(event);
        reader.whole(body.as_bytes(), listen).expect("an answer");
        let response = fold.finish();
        let mut writer = AnthropicMessages.writer(&wire::codec::Asked {
            body: b"{}",
            request: &wire::Incoming::default(),
            stamp: crate::cases::stamp(),
        });
        let again = writer.whole(&response, &response.usage, &super::scene::cost());
        let again = tree(again.as_bytes());
        let kept = |message: &Value| -> Vec<Value> {
            let blocks = message["content"].as_array().expect("content").iter();
            let plain = blocks.filter(|block| {
                ["text", "thinking", "redacted_thinking", "tool_use"]
                    .iter()
                    .any(|kind| block["type"] == *kind)
            });
            plain
                .map(|block| {
                    let mut block = block.clone();
                    let members = block.as_object_mut().expect("an object");
                    members.shift_remove("citations");
                    members.shift_remove("caller");
                    block
                })
                .filter(|block| block["text"] != "")
                .collect()
        };
        assert_eq!(kept(&again), kept(json), "{name}");
        let finish = response.choice(0).and_then(|choice| choice.finish.clone());
        if finish.is_some_and(|finish| finish.reason != Reason::Stop) {
            assert_eq!(again["stop_reason"], json["stop_reason"], "{name}");
        }
        seen += 1;
    }
    println!("{seen} answers read and written");
}

#[test]
fn nothing_that_is_read_makes_the_door_fall() {
    for text in [
        "",
        "{}",
        "[]",
        "{\"messages\":1}",
        "{\"messages\":[{}]}",
        "\u{0}",
    ] {
        let read = AnthropicMessages.read_request(text.as_bytes(), Beside::default());
        assert!(read.is_err(), "{text}");
    }
}
