//! Recorded real traffic, when it lies beside the repository.

use chat::Error;
use serde_json::{Value, json};
use wire::codec::{Inbound as _, Outbound as _};
use wire::openai_responses::OpenaiResponses;

use super::{cost, hear, hear_whole, read, same, stream, to, translated, whole};
use crate::cases::{Heard, stamp};
use crate::recorded::recordings;

const ASKED: &str = r#"{"model":"m","input":"hi","stream":true}"#;

fn exchanges() -> Vec<(String, Value)> {
    let mut all = recordings("exchanges/openai-responses");
    // Edited by hand: its deltas say something else than its last event.
    all.retain(|(name, _)| name != "0548.json");
    // Compaction and the counting of tokens have paths of their own.
    all.retain(|(_, exchange)| exchange["op"] == "generate");
    all
}

/// A recorded stream; some recordings hold several, one behind the other.
fn sse(exchange: &Value) -> Option<&str> {
    let text = exchange["response"]["text"].as_str()?;
    let is_one = text.matches("\"response.created\"").count() <= 1;
    (is_one && exchange["response"]["kind"] == "sse").then_some(text)
}

/// What matters of what was heard.
fn gist(heard: &Heard) -> Value {
    json!({
        "text": format!("{:?}", heard.text),
        "reasoning": format!("{:?}", heard.reasoning),
        "calls": format!("{:?}", heard.calls.values().collect::<Vec<_>>()),
        "finish": format!("{:?}", heard.finish.values().map(|finish| finish.reason).collect::<Vec<_>>()),
    })
}

#[test]
fn recorded_requests_are_read_and_change_only_where_we_change_them() {
    let (mut passed, mut refused) = (0, Vec::new());
    for (name, exchange) in exchanges() {
        let body = &exchange["request"]["body"];
        if !body.is_object() {
            continue;
        }
        let needs_state = body["store"] == true
            || body["background"] == true
            || ["previous_response_id", "conversation"]
                .iter()
                .any(|field| !body[*field].is_null())
            || body.to_string().contains("\"item_reference\"");
        let incoming = match read(body) {
            Ok(incoming) => incoming,
            Err(error) => {
                let was_refused = exchange["response"]["status"].as_u64() >= Some(400);
                if !needs_state && !was_refused {
                    refused.push(format!("{name}: {error}"));
                }
                continue;
            }
        };
        assert!(!needs_state, "{name}: state was taken for granted");
        let sent = same()
            .write((body.to_string().as_bytes(), &incoming), &to("native"))
            .expect(&name);
        let (sent, written) = (crate::cases::tree(&sent.body), sent);
        assert_eq!(
            (&sent["model"], &sent["store"]),
            (&json!("native"), &json!(false))
        );
        for (field, value) in body.as_object().expect("an object") {
            let is_ours = ["model", "store", "provider", "background"].contains(&field.as_str());
            let is_shorter = field == "input" && !written.dropped.is_empty();
            assert!(
                is_ours || is_shorter || &sent[field] == value,
                "{name}: {field} changed"
            );
        }
        passed += 1;
    }
    assert!(refused.is_empty(), "refused:\n{}", refused.join("\n"));
    println!("{passed} requests passed through");
}

#[test]
fn recorded_requests_come_through_the_vocabulary_unchanged() {
    let mut seen = 0;
    for (name, exchange) in exchanges() {
        let body = &exchange["request"]["body"];
        let Ok(incoming) = read(body) else { continue };
        if !incoming.needs.features.is_empty() {
            continue;
        }
        let text = body.to_string();
        let first = OpenaiResponses
            .parse(text.as_bytes(), &incoming)
            .expect(&name);
        let written = OpenaiResponses.write(&first, &to("gpt-5.6")).expect(&name);
        let written = crate::cases::tree(&written.body);
        let again = read(&written).expect(&name);
        let mut second = OpenaiResponses
            .parse(written.to_string().as_bytes(), &again)
            .expect(&name);
        // Words that mean the same: a tool without parameters, and tools that are not strict.
        for (was, is) in first.tools.iter().zip(&mut second.tools) {
            is.strict = was.strict;
            is.parameters.clone_from(&was.parameters);
        }
        assert_eq!(second.unsaid, Vec::<String>::new(), "{name}");
        second.unsaid.clone_from(&first.unsaid);
        without_seals(&mut second);
        let mut first = first;
        without_seals(&mut first);
        assert_eq!(second, first, "{name}");
        seen += 1;
    }
    println!("{seen} requests came back from the vocabulary");
}

/// Reasoning that nobody sealed is not replayed; ids other than OpenAI's are not sent to it.
fn without_seals(request: &mut chat::Request) {
    use chat::request::Content;
    for message in &mut request.messages {
        message.parts.retain(|part| {
            part.opaque.is_some() || !matches!(part.content, Content::Reasoning { .. })
        });
        for part in &mut message.parts {
            if let Some(opaque) = &mut part.opaque {
                opaque.id = None;
            }
            if let Content::Reasoning { text, is_summary } = &mut part.content {
                text.clear();
                *is_summary = true;
            }
        }
    }
    request.messages.retain(|message| !message.parts.is_empty());
}

/// What a plain reading of a response object says: text, arguments of calls.
fn plain(response: &Value) -> (String, Vec<String>) {
    let (mut text, mut calls) = (String::new(), Vec::new());
    for item in response["output"].as_array().into_iter().flatten() {
        if item["type"] == "message" {
            for part in item["content"].as_array().into_iter().flatten() {
                text.push_str(part["text"].as_str().unwrap_or_default());
                text.push_str(part["refusal"].as_str().unwrap_or_default());
            }
        }
        if item["type"] == "function_call" {
            calls.push(item["arguments"].as_str().unwrap_or_default().to_owned());
        }
        // Free text is heard as the arguments that other dialects know.
        if let Some(text) = item["input"].as_str() {
            calls.push(format!("{{\"input\":{}}}", wire::splice::quoted(text)));
        }
    }
    (text, calls)
}

fn check_plain(name: &str, response: &Value, heard: &Heard) {
    let (text, calls) = plain(response);
    // ChatGPT's own service leaves the output out of the last event.
    if response["output"].as_array().is_some_and(Vec::is_empty) {
        return;
    }
    let said: String = heard.text.values().map(String::as_str).collect();
    assert_eq!(said, text, "{name}");
    let called: Vec<_> = heard.calls.values().map(|call| call.2.clone()).collect();
    assert_eq!(called, calls, "{name}");
    let count = |pointer: &str| {
        response
            .pointer(pointer)
            .and_then(Value::as_u64)
            .unwrap_or(0)
    };
    let usage = &heard.usage;
    assert_eq!(
        usage.prompt_tokens(),
        count("/usage/input_tokens"),
        "{name}"
    );
    assert_eq!(
        usage.completion_tokens(),
        count("/usage/output_tokens"),
        "{name}"
    );
}

fn is_failure(response: &Value) -> bool {
    response["error"].is_object() || !response["output"].is_array()
}

#[test]
fn recorded_whole_answers_mean_what_they_say() {
    let mut seen = 0;
    for (name, exchange) in exchanges() {
        let answer = &exchange["response"]["json"];
        if exchange["response"]["status"] != 200 || !answer.is_object() {
            continue;
        }
        let (heard, end) = hear_whole(answer);
        if let Err(error) = end {
            println!("{name}: {:?} {error}", error.kind);
            assert!(is_failure(answer), "{name}: {error} {:?}", error.detail);
            continue;
        }
        check_plain(&name, answer, &heard);
        let stamped = whole(&same(), (ASKED, stamp()), answer).expect(&name);
        for (field, value) in answer.as_object().expect("an object") {
            let is_ours = ["id", "model", "usage"].contains(&field.as_str());
            assert!(is_ours || &stamped[field] == value, "{name}: {field}");
        }
        assert_eq!(
            stamped["usage"]["cost"].to_string(),
            cost().total.expect("a cost")
        );
        let rewritten = whole(&translated(), (ASKED, stamp()), answer).expect(&name);
        let (again, end) = hear_whole(&rewritten);
        if plain(answer) != (String::new(), Vec::new()) {
            end.expect(&name);
            assert_eq!(gist(&again), gist(&heard), "{name}");
        }
        seen += 1;
    }
    println!("{seen} whole answers read and written");
}

#[test]
fn recorded_streams_mean_what_they_say_at_every_split() {
    let mut seen = 0;
    for (position, (name, exchange)) in exchanges().into_iter().enumerate() {
        let Some(text) = sse(&exchange) else { continue };
        let bytes = text.as_bytes();
        let (heard, end) = hear(&[bytes]);
        let last = last_response(text);
        match &end {
            Ok(()) => {
                let last = last.expect("an answer that ended has a last event");
                check_plain(&name, &last, &heard);
                if let (as_whole, Ok(())) = hear_whole(&last)
                    && last["output"]
                        .as_array()
                        .is_some_and(|output| !output.is_empty())
                {
                    assert_eq!(gist(&as_whole), gist(&heard), "{name}: whole and streamed");
                    assert_eq!(as_whole.usage, heard.usage, "{name}");
                }
                check_forwarded(&name, bytes, &heard);
            }
            Err(error) => {
                println!("{name}: {:?} {error}", error.kind);
                let is_failed = last.is_none_or(|last| is_failure(&last));
                assert!(is_failed, "{name}: {error} {:?}", error.detail);
            }
        }
        let sizes = [1, 7 + position % 90, 4_096];
        for size in sizes
            .into_iter()
            .filter(|size| *size > 1 || bytes.len() < 60_000)
        {
            let pieces: Vec<_> = bytes.chunks(size).collect();
            let (again, again_end) = hear(&pieces);
            assert_eq!(
                (&again, &again_end),
                (&heard, &end),
                "{name}: in pieces of {size}"
            );
        }
        seen += 1;
    }
    println!("{seen} streams read and written");
}

fn last_response(text: &str) -> Option<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let events = data.filter_map(|data| serde_json::from_str::<Value>(data.trim()).ok());
    let ends = [
        "response.completed",
        "response.incomplete",
        "response.failed",
    ];
    let mut last = events.filter(|event| ends.iter().any(|end| event["type"] == *end));
    last.next_back().map(|mut event| event["response"].take())
}

/// What the caller sees, in both lanes, means the same, is numbered, and is ours.
fn check_forwarded(name: &str, bytes: &[u8], heard: &Heard) {
    for lane in [same(), translated()] {
        let seen = stream(&lane, (ASKED, stamp()), [bytes]);
        assert_eq!(seen.end, Ok(()), "{name}");
        assert!(seen.bytes.ends_with(b"data: [DONE]\n\n"), "{name}");
        let events = seen.events();
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], number, "{name}: {event}");
            if event["response"].is_object() {
                assert_eq!(event["response"]["id"], "gen-test", "{name}");
                assert_eq!(event["response"]["model"], "author/model", "{name}");
            }
        }
        assert_eq!(events[0]["type"], "response.created", "{name}");
        let last = events.last().expect("a last event");
        assert!(
            last["response"]["usage"]["cost"].is_number(),
            "{name}: {last}"
        );
        let (again, end) = hear(&[&seen.bytes]);
        if !heard.text.is_empty() || !heard.calls.is_empty() {
            end.expect(name);
            assert_eq!(gist(&again), gist(heard), "{name}");
        }
    }
}

#[test]
fn a_recorded_stream_that_is_cut_is_an_error_and_no_call_is_finished() {
    let mut seen = 0;
    // One stream with a call is cut at each of its bytes, the others here and there.
    let mut is_thorough = true;
    for (name, exchange) in exchanges() {
        let Some(text) = sse(&exchange).filter(|text| text.len() <= 60_000) else {
            continue;
        };
        let (heard, end) = hear(&[text.as_bytes()]);
        if end.is_err() {
            continue;
        }
        seen += 1;
        let has_calls = !heard.calls.is_empty() && text.len() <= 9_000;
        let step = match has_calls && std::mem::replace(&mut is_thorough, false) {
            true => 1,
            false => text.len() / 23 + 1,
        };
        for at in (0..text.len()).step_by(step) {
            let (cut, end) = hear(&[&text.as_bytes()[..at]]);
            if end.is_ok() {
                assert_eq!(gist(&cut), gist(&heard), "{name}: cut at {at}");
            }
        }
        let half = &text.as_bytes()[..text.len() / 2];
        for lane in [same(), translated()] {
            let seen = stream(&lane, (ASKED, stamp()), [half]);
            let last = seen.events().pop().expect("an event");
            assert_eq!(last["type"], "response.failed", "{name}");
            assert_eq!(last["response"]["status"], "failed", "{name}");
            let (_, end) = hear(&[&seen.bytes]);
            end.expect_err(&name);
        }
    }
    println!("{seen} streams cut");
}

#[test]
fn recorded_errors_are_classified_and_told_in_this_dialect() {
    use wire::codec::Door as _;
    for (name, exchange) in exchanges() {
        let status = exchange["response"]["status"].as_u64().unwrap_or(0);
        if status < 400 {
            continue;
        }
        let body = exchange["response"]["json"].to_string();
        let error: Error =
            wire::read_error(u16::try_from(status).expect("a status"), body.as_bytes());
        let (status, told) = OpenaiResponses.write_error(&error, Some("gen-test"));
        assert_ne!(status, 401, "{name}");
        let told = crate::cases::tree(&told);
        assert!(told["error"]["code"].is_string() && told["error"]["message"].is_string());
        assert!(
            told["metadata"].is_null() && told.get("metadata").is_some(),
            "{name}"
        );
    }
}
