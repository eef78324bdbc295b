//! Recorded real traffic of AI Studio and Vertex, when it lies beside the repository.

use chat::{Dialect, Feature, Reason, Unit};
use serde_json::{Value, json};
use wire::codec::{Door, Inbound, Outbound, Transparent};

use super::{GEMINI, Streamed, beside, endpoint, parse, stream, tap, whole};
use crate::cases::tree;
use crate::recorded::recordings;

const FOLDERS: [&str; 2] = ["exchanges/google-generative", "exchanges/vertex"];

/// Recorded calls of a model that were answered: name, body, exchange.
fn calls() -> impl Iterator<Item = (String, Value, Value)> {
    let all = FOLDERS.into_iter().flat_map(recordings);
    all.filter_map(|(name, exchange)| {
        let body = exchange["request"]["body"].clone();
        let is_call = exchange["request"]["path"]
            .as_str()
            .is_some_and(|path| path.contains("enerateContent"));
        let is_answered = exchange["response"]["status"] == 200;
        (is_call && is_answered).then_some((name, body, exchange))
    })
}

#[test]
fn recorded_requests_pass_through_untouched() {
    let mut seen = 0;
    for (name, body, _) in calls().filter(|(_, body, _)| body.is_object()) {
        let text = body.to_string();
        let incoming = GEMINI
            .read_request(text.as_bytes(), beside(true))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut to = endpoint("gemini-2.5-flash");
        let sent = GEMINI
            .splice((text.as_bytes(), &incoming), &to)
            .expect("spliced");
        let mut expected = body.clone();
        let fields = expected.as_object_mut().expect("an object");
        ["model", "labels"]
            .iter()
            .for_each(|name| drop(fields.remove(*name)));
        assert_eq!(tree(&sent.body), expected, "{name}");
        assert_eq!(
            sent.dropped.is_empty(),
            body.get("labels").is_none(),
            "{name}"
        );
        to.output_limit = Some(77);
        let sent = GEMINI
            .splice((text.as_bytes(), &incoming), &to)
            .expect("spliced");
        let config = &tree(&sent.body)["generationConfig"];
        let config = if config.is_null() {
            &tree(&sent.body)["generation_config"]
        } else {
            config
        };
        assert_eq!(config["maxOutputTokens"], 77, "{name}");
        assert!(config.get("max_output_tokens").is_none(), "{name}");
        seen += 1;
    }
    println!("{seen} requests passed through");
}

#[test]
fn recorded_requests_are_read_and_written_anew() {
    let (mut seen, mut dropped) = (0, std::collections::BTreeMap::<String, usize>::new());
    for (name, body, _) in calls().filter(|(_, body, _)| body.is_object()) {
        let incoming = GEMINI
            .read_request(body.to_string().as_bytes(), beside(true))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let request = GEMINI
            .parse(body.to_string().as_bytes(), &incoming)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        if incoming.needs.features.contains(Feature::StoredFiles) {
            assert!(
                GEMINI.write(&request, &endpoint("gemini-3-flash")).is_err(),
                "{name}"
            );
            continue;
        }
        let written = GEMINI
            .write(&request, &endpoint("gemini-3-flash"))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        for lost in &written.dropped {
            *dropped.entry(lost.clone()).or_default() += 1;
        }
        let again = parse(&tree(&written.body));
        let plain = |parts: &[chat::request::Message]| -> Vec<Value> {
            let parts = parts.iter().flat_map(|message| &message.parts);
            parts
                .map(|part| json!(format!("{:?}", part.content)))
                .collect()
        };
        if written.dropped.is_empty() && request.unsaid.is_empty() {
            assert_eq!(plain(&request.messages), plain(&again.messages), "{name}");
            let is_some = matches!(
                request.tool_choice,
                Some(chat::request::ToolChoice::Allowed(..))
            );
            assert!(
                is_some || request.tools.len() == again.tools.len(),
                "{name}"
            );
            assert_eq!(request.sampling, again.sampling, "{name}");
        }
        seen += 1;
    }
    println!("{seen} requests written anew; lost: {dropped:#?}");
}

#[test]
fn recorded_whole_answers_mean_the_same_in_both_lanes() {
    let mut seen = 0;
    for (name, body, exchange) in calls() {
        if exchange["response"]["kind"] != "json" || exchange["response"]["json"].is_array() {
            continue;
        }
        let answer = &exchange["response"]["json"];
        let body = if body.is_object() {
            body
        } else {
            json!({"contents": [{"parts": [{"text": "x"}]}]})
        };
        let text = body.to_string();
        let incoming = GEMINI
            .read_request(text.as_bytes(), beside(false))
            .expect("a request");
        let same = whole(tap(Dialect::Gemini, text.as_bytes(), &incoming), answer);
        let (heard, _, sent) = match same {
            Ok(same) => same,
            Err(error) => panic!("{name}: {error} {answer}"),
        };
        let mut expected = answer.clone();
        expected["modelVersion"] = json!("author/model");
        expected["responseId"] = json!("gen-test");
        expected["cost"] = json!(0.0125);
        if expected.get("usageMetadata").is_none() {
            expected["usageMetadata"] = sent["usageMetadata"].clone();
        }
        assert_eq!(sent, expected, "{name}");
        check_usage(&name, answer, &heard.usage);
        let chat =
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}]}).to_string();
        let request = wire::openai_chat::read_request(chat.as_bytes()).expect("a request");
        let translated = whole(tap(Dialect::OpenaiChat, chat.as_bytes(), &request), answer);
        if heard.finish[&0].reason == Reason::Error {
            assert!(translated.is_err(), "{name}: an answer that failed is none");
            seen += 1;
            continue;
        }
        let (told, _, chat) = translated.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(told.finish, heard.finish, "{name}");
        assert_eq!(told.usage, heard.usage, "{name}");
        assert_eq!(told.calls, heard.calls, "{name}");
        assert!(
            chat["choices"][0]["finish_reason"].is_string(),
            "{name}: {chat}"
        );
        let has_calls = !heard.calls.is_empty();
        let reason = &heard.finish[&0].reason;
        assert!(!has_calls || *reason != Reason::Stop, "{name}");
        seen += 1;
    }
    println!("{seen} whole answers");
}

/// The buckets add up to what Google says.
fn check_usage(name: &str, answer: &Value, usage: &chat::Usage) {
    let said = &answer["usageMetadata"];
    let count = |name: &str| said[name].as_u64().unwrap_or(0);
    let prompt = count("promptTokenCount") + count("toolUsePromptTokenCount");
    assert_eq!(usage.prompt_tokens(), prompt, "{name}: {said}");
    assert_eq!(
        usage.count(Unit::CacheRead),
        count("cachedContentTokenCount"),
        "{name}"
    );
    assert_eq!(
        usage.count(Unit::Reasoning),
        count("thoughtsTokenCount"),
        "{name}"
    );
    if count("totalTokenCount") > 0 {
        assert_eq!(
            usage.prompt_tokens() + usage.completion_tokens(),
            count("totalTokenCount"),
            "{name}: {said} {usage:?}"
        );
    }
}

/// Recorded streams: name and text.
fn streams() -> impl Iterator<Item = (String, String)> {
    calls().filter_map(|(name, _, exchange)| {
        let text = exchange["response"]["text"].as_str()?;
        (exchange["response"]["kind"] == "sse").then(|| (name, text.to_owned()))
    })
}

fn through(from: Dialect, text: &str, size: usize) -> Streamed {
    let body = match from {
        Dialect::Gemini => r#"{"contents":[{"parts":[{"text":"x"}]}]}"#,
        _ => r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#,
    };
    let door = wire::door(from).expect("a door");
    let incoming = door
        .read_request(body.as_bytes(), beside(true))
        .expect("a request");
    let tap = tap(from, body.as_bytes(), &incoming);
    stream(tap, text.as_bytes().chunks(size))
}

#[test]
fn recorded_streams_mean_the_same_in_pieces_and_in_both_lanes() {
    let mut seen = 0;
    for (name, text) in streams() {
        let same = through(Dialect::Gemini, &text, usize::MAX);
        assert_eq!(same.end, Ok(()), "{name}");
        assert!(!same.heard.finish.is_empty(), "{name}");
        let told = through(Dialect::OpenaiChat, &text, usize::MAX);
        assert_eq!(told.end, Ok(()), "{name}");
        assert_eq!(same.heard.finish, told.heard.finish, "{name}");
        assert_eq!(same.heard.usage, told.heard.usage, "{name}");
        assert_eq!(same.heard.text, told.heard.text, "{name}");
        assert_eq!(same.heard.called(), told.heard.called(), "{name}");
        for size in [1, 7, 64] {
            for from in [Dialect::Gemini, Dialect::OpenaiChat] {
                let pieces = through(from, &text, size);
                let one = if from == Dialect::Gemini {
                    &same
                } else {
                    &told
                };
                assert_eq!(pieces.sent, one.sent, "{name}");
                assert_eq!(pieces.response, one.response, "{name}");
            }
        }
        check_frames(&name, &text, &same.sent);
        seen += 1;
    }
    println!("{seen} streams");
}

/// What is forwarded is what came, with our stamps.
fn check_frames(name: &str, text: &str, sent: &str) {
    let trees = |text: &str| -> Vec<Value> {
        let text = text.replace("\r\n", "\n");
        let frames = text
            .split("\n\n")
            .filter_map(|frame| frame.trim().strip_prefix("data: "));
        frames
            .map(|frame| tree(frame.replace("\ndata: ", "").as_bytes()))
            .collect()
    };
    let (came, went) = (trees(text), trees(sent));
    assert_eq!(came.len(), went.len(), "{name}");
    for (at, (mut came, went)) in came.into_iter().zip(&went).enumerate() {
        came["responseId"] = json!("gen-test");
        came["modelVersion"] = json!("author/model");
        if at + 1 == went_len(sent) {
            came["cost"] = json!(0.0125);
            if came.get("usageMetadata").is_none() {
                came["usageMetadata"] = went["usageMetadata"].clone();
            }
        }
        assert_eq!(&came, went, "{name}");
    }
}

fn went_len(sent: &str) -> usize {
    sent.matches("\n\n").count()
}

#[test]
fn a_recorded_stream_that_is_cut_anywhere_never_shows_a_finished_call() {
    let with_calls = streams().filter(|(_, text)| text.contains("functionCall"));
    let mut seen = 0;
    for (name, text) in with_calls.filter(|(_, text)| text.len() < 6_000).take(2) {
        let is_whole = |at: usize| text[..at].contains("\"finishReason\"");
        for at in (1..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let cut = through(Dialect::OpenaiChat, &text[..at], usize::MAX);
            if !is_whole(at) {
                assert!(cut.end.is_err(), "{name} at {at}");
                assert!(
                    !cut.sent.contains("tool_calls\"") || cut.heard.finish.is_empty(),
                    "{name} at {at}"
                );
            }
        }
        seen += 1;
    }
    println!("{seen} streams cut at every byte");
}
