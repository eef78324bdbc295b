//! Our own fixtures, in the shapes of real traffic: folded, split at every byte and cut at every byte.

use std::fs;
use std::path::PathBuf;

use chat::{Reason, Unit};
use serde_json::Value;

use crate::cases::{Streamed, cut_everywhere, frames, stream};
use crate::frames::decode;

/// The bytes of a fixture.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).expect(name)
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/openai-chat")
}

fn streams() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(folder())
        .expect("fixtures")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".stream.sse"))
        .map(|name| (name.clone(), fixture(&name)))
        .collect();
    all.sort();
    assert!(all.len() >= 12, "fixtures are missing");
    all
}

fn whole(name: &str) -> Streamed {
    let streamed = stream([fixture(name).as_slice()]);
    assert_eq!(streamed.end, Ok(()), "{name}");
    assert!(streamed.is_done, "{name}");
    streamed
}

#[test]
fn any_split_of_a_stream_gives_the_same_events_and_bytes() {
    for (name, bytes) in streams() {
        let expected = whole(&name);
        // The tap sees frames only, so the same frames at every split mean the same events.
        let all = decode(&[&bytes]);
        for at in 0..=bytes.len() {
            let (before, after) = bytes.split_at(at);
            assert_eq!(decode(&[before, after]), all, "{name}: split at {at}");
        }
        assert_eq!(stream(bytes.chunks(1)), expected, "{name}: byte by byte");
        assert_eq!(stream(bytes.chunks(13)), expected, "{name}: in pieces");
    }
}

#[test]
fn a_cut_stream_is_an_error_unless_every_choice_had_ended() {
    for (name, bytes) in streams() {
        let expected = whole(&name);
        let mut errors = 0;
        cut_everywhere(&bytes, |at, heard, end| match end {
            Err(_) => errors += 1,
            Ok(()) => {
                assert_eq!(heard.text, expected.heard.text, "{name}: cut at {at}");
                assert_eq!(heard.calls, expected.heard.calls, "{name}: cut at {at}");
                assert_eq!(heard.finish, expected.heard.finish, "{name}: cut at {at}");
            }
        });
        assert!(
            errors > bytes.len() / 3,
            "{name}: only {errors} cuts were noticed"
        );
    }
}

#[test]
fn every_forwarded_frame_is_stamped_and_has_what_strict_clients_require() {
    for (name, _) in streams() {
        for frame in frames(&whole(&name).forwarded) {
            assert_eq!(frame["id"], "gen-test", "{name}");
            assert_eq!(frame["model"], "author/model", "{name}");
            assert_eq!(frame["provider"], "Provider", "{name}");
            assert_eq!(frame["object"], "chat.completion.chunk", "{name}");
            assert!(frame["created"].is_i64(), "{name}");
            assert!(frame.get("usage").is_none(), "{name}");
            assert!(
                frame.get("system_fingerprint").is_none_or(Value::is_string),
                "{name}"
            );
            for choice in frame["choices"].as_array().expect("choices") {
                check_choice(&name, choice);
            }
        }
    }
}

fn check_choice(name: &str, choice: &Value) {
    assert!(
        choice["index"].is_u64() && choice["delta"].is_object(),
        "{name}"
    );
    assert!(choice.get("native_finish_reason").is_some(), "{name}");
    let reason = choice.get("finish_reason").expect("finish_reason");
    assert!(
        reason
            .as_str()
            .is_none_or(|word| Reason::from_name(word).is_some()),
        "{name}"
    );
    let delta = &choice["delta"];
    assert!(
        delta.get("role").is_none_or(|role| role == "assistant"),
        "{name}"
    );
    assert!(
        delta
            .get("content")
            .is_none_or(|said| said.is_null() || said.is_string()),
        "{name}"
    );
    assert!(
        delta.get("tool_calls").is_none_or(Value::is_array),
        "{name}"
    );
    assert!(
        delta.get("reasoning_details").is_none_or(Value::is_array),
        "{name}"
    );
    for call in delta["tool_calls"].as_array().into_iter().flatten() {
        assert!(call["index"].is_u64(), "{name}");
        assert!(call.get("id").is_none_or(Value::is_string), "{name}");
        assert!(
            call.get("type").is_none_or(|kind| kind == "function"),
            "{name}"
        );
        assert!(
            call["function"].get("name").is_none_or(Value::is_string),
            "{name}"
        );
    }
    if delta["reasoning_content"]
        .as_str()
        .is_some_and(|said| !said.is_empty())
    {
        assert_eq!(delta["reasoning"], delta["reasoning_content"], "{name}");
        assert_eq!(
            delta["reasoning_details"][0]["text"], delta["reasoning"],
            "{name}"
        );
    }
}

#[test]
fn each_stream_says_what_its_provider_meant() {
    let text = |name: &str| whole(name).heard.text.remove(&0).unwrap_or_default();
    assert_eq!(text("openai-text.stream.sse"), "Grüezi, \"Welt\" 🌍\n");
    assert_eq!(text("openai-refusal.stream.sse"), "I will not do that.");
    assert_eq!(text("azure-filter-chunk-first.stream.sse"), "Hi");

    let tools = whole("openai-tools-parallel.stream.sse").heard;
    let expected = [("weather", "{\"city\":\"Zürich {\\\"}\"}"), ("clock", "{}")];
    assert_eq!(
        tools.called(),
        expected.map(|(name, args)| (name.to_owned(), args.to_owned()))
    );
    assert_eq!(tools.finish[&0].reason, Reason::ToolCalls);

    let two = whole("openai-logprobs-two-choices.stream.sse").heard;
    assert_eq!(
        (two.text[&0].as_str(), two.text[&1].as_str()),
        ("Hi", "Hey")
    );
    assert_eq!(
        (two.finish[&0].reason, two.finish[&1].reason),
        (Reason::Stop, Reason::Length)
    );

    let thinking = whole("mistral-thinking-parts.stream.sse").heard;
    assert_eq!(thinking.reasoning[&0], "Hm, \"so\"");
    assert_eq!(thinking.text[&0], "Ja.");
    let finish = &thinking.finish[&0];
    assert_eq!(
        (finish.reason, finish.native.as_deref()),
        (Reason::Length, Some("model_length"))
    );

    let ollama = whole("ollama-tool-said-stop.stream.sse").heard;
    let finish = &ollama.finish[&0];
    assert_eq!(
        (finish.reason, finish.native.as_deref()),
        (Reason::ToolCalls, Some("stop"))
    );

    let renumbered = whole("vllm-nulls-and-crlf.stream.sse");
    assert_eq!(renumbered.heard.calls.len(), 2);
    let frames = frames(&renumbered.forwarded);
    assert_eq!(
        frames[2]["choices"][0]["delta"]["tool_calls"][1]["index"],
        1
    );

    let upstream = whole("openrouter-upstream.stream.sse").heard;
    assert_eq!(upstream.finish[&0].native.as_deref(), Some("end_turn"));
    assert_eq!(upstream.native_id.as_deref(), Some("gen-upstream"));
    assert_eq!(upstream.starts, 1);
}

#[test]
fn each_stream_counts_as_its_provider_counted() {
    let check = |name: &str, expected: &[(Unit, u64)], nanos: Option<i64>| {
        let usage = whole(name).heard.usage;
        assert_eq!(
            usage
                .iter()
                .filter(|(_, count)| *count > 0)
                .collect::<Vec<_>>(),
            expected,
            "{name}"
        );
        assert_eq!(usage.native_cost_nanos, nanos, "{name}");
        assert!(
            usage.native.is_some_and(|native| native.starts_with('{')),
            "{name}"
        );
    };
    use Unit::{CacheRead, CacheWrite, Input, Output, Reasoning};
    check(
        "openai-text.stream.sse",
        &[(Input, 5), (CacheRead, 4), (Output, 3), (Reasoning, 2)],
        None,
    );
    let deepseek = [(Input, 4), (CacheRead, 16), (Output, 2), (Reasoning, 6)];
    check("deepseek-reasoning.stream.sse", &deepseek, None);
    check(
        "groq-usage-in-last-chunk.stream.sse",
        &[(Input, 12), (Output, 2)],
        None,
    );
    let xai = [(Input, 1), (CacheRead, 11), (Output, 1), (Reasoning, 290)];
    check(
        "xai-reasoning-not-in-completion.stream.sse",
        &xai,
        Some(146_626),
    );
    let upstream = [
        (Input, 12),
        (CacheRead, 10),
        (CacheWrite, 8),
        (Output, 6),
        (Reasoning, 4),
    ];
    check("openrouter-upstream.stream.sse", &upstream, Some(325_001));
    check(
        "moonshot-usage-in-choice.stream.sse",
        &[(Input, 3), (CacheRead, 16), (Output, 3)],
        None,
    );
}
