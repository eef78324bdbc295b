//! Recorded real traffic goes through: request in, the provider's recorded answer back. The
//! recordings are not part of the repository; without them this says so and proves nothing.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use simulator::{Raw, Script};

use crate::house::House;
use crate::reading::{Choice, Seen};

/// The recordings of this dialect, when they lie beside the checkout.
fn recordings() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join("../shared/data/exchanges/openai-chat");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("no recorded traffic beside the checkout: nothing is compared with it");
        return Vec::new();
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn request_of(exchange: &Value) -> Value {
    let recorded = &exchange["request"]["body"];
    let mut request = if recorded["messages"].is_array() {
        recorded.clone()
    } else {
        json!({ "messages": [{ "role": "user", "content": "Hello" }] })
    };
    request["model"] = "test/echo".into();
    request["stream"] = (exchange["response"]["kind"] == "sse").into();
    // What belongs to another router than ours is not part of this comparison.
    for field in ["models", "provider", "route"] {
        request.as_object_mut().unwrap().remove(field);
    }
    request
}

/// The recorded body, and whether it is a stream.
fn answer_of(exchange: &Value) -> Option<(String, bool)> {
    let response = &exchange["response"];
    match response["kind"].as_str()? {
        "json" => Some((response["json"].to_string(), false)),
        "sse" => Some((response["text"].as_str()?.to_owned(), true)),
        _ => None,
    }
}

/// Prompt tokens as they must be shown: some providers leave the cached ones out of the sum, which
/// shows when there are more of them than there are in all.
fn prompt_tokens(usage: &Value) -> u64 {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let (prompt, cached) = (
        count(&usage["prompt_tokens"]),
        count(&usage["prompt_tokens_details"]["cached_tokens"]),
    );
    if cached > prompt {
        prompt + cached
    } else {
        prompt
    }
}

/// What differs between the recording and what arrived; empty when nothing does.
fn differences(recorded: &Seen, arrived: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, expected: String, actual: String| {
        if expected != actual {
            found.push(format!("{what}: recorded {expected}, arrived {actual}"));
        }
    };
    compare("done", "true".to_owned(), arrived.done.to_string());
    for (index, expected) in &recorded.choices {
        let actual = arrived.choices.get(index).cloned().unwrap_or_default();
        compare("content", expected.content.clone(), actual.content.clone());
        compare(
            "reasoning",
            expected.reasoning.clone(),
            actual.reasoning.clone(),
        );
        compare("refusal", expected.refusal.clone(), actual.refusal.clone());
        // Tool calls are compared in order: their indexes arrive without gaps.
        let tools = |choice: &Choice| format!("{:?}", choice.tools.values().collect::<Vec<_>>());
        compare("tools", tools(expected), tools(&actual));
    }
    if let (Some(expected), Some(actual)) = (&recorded.usage, &arrived.usage) {
        let tokens = |usage| prompt_tokens(usage).to_string();
        compare("prompt tokens", tokens(expected), tokens(actual));
    }
    found
}

/// Sends one recorded answer through, cut into pieces of `size` bytes.
async fn replay(exchange: &Value, (body, is_stream): &(String, bool), size: usize) -> Vec<String> {
    let house = House::open(&[("a", "1", "")]).await;
    let content_type = if *is_stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    let pieces = std::iter::repeat_n(size, (body.len() / size).min(400));
    let raw = Raw::new(content_type, body.clone()).in_writes(pieces);
    house.simulator.script_once("*", Script::raw(raw));
    let (recorded, answer) = (
        read(body.as_bytes(), *is_stream),
        house.send(&request_of(exchange)).await,
    );
    let has_finished = recorded
        .choices
        .values()
        .any(|choice| choice.finish.is_some());
    match answer {
        // An answer that never says that it is finished must not arrive as a finished one.
        Ok(answer) if *is_stream && !has_finished => {
            let seen = read(&answer.body, true);
            if seen.done || seen.error.is_none() {
                vec!["looks finished".to_owned()]
            } else {
                Vec::new()
            }
        }
        Err(_) if *is_stream && !has_finished => Vec::new(),
        Ok(answer) => differences(&recorded, &read(&answer.body, *is_stream)),
        Err(error) => vec![format!("{:?}: {error}", error.kind)],
    }
}

fn read(body: &[u8], is_stream: bool) -> Seen {
    if is_stream {
        Seen::stream(body)
    } else {
        Seen::whole(body)
    }
}

#[tokio::test]
async fn every_recorded_answer_arrives_as_it_was_recorded() {
    let (mut compared, mut failures) = (0, Vec::new());
    for file in recordings() {
        let exchange: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let Some(answer) = answer_of(&exchange) else {
            continue;
        };
        let recorded = read(answer.0.as_bytes(), answer.1);
        let is_answer = exchange["response"]["status"] == 200 && recorded.error.is_none();
        if !is_answer || recorded.choices.is_empty() {
            continue;
        }
        // The same bytes cut in many ways: in one piece, in tiny ones, and in odd ones.
        for size in [answer.0.len().max(1), 1, 7, 61] {
            compared += 1;
            let found = replay(&exchange, &answer, size).await;
            failures.extend(
                found
                    .iter()
                    .map(|found| format!("{} by {size}: {found}", exchange["id"])),
            );
        }
    }
    println!("{compared} recorded answers compared");
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
