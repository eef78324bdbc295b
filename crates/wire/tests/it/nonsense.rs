//! Whatever comes, nobody panics: mutilated requests, answers, frames and errors.

use proptest::prelude::*;
use wire::Quirk;
use wire::openai_chat::{StreamTap, Whole, read_request, write_request};
use wire::{CostText, Outgoing, Passed, read_error};

use crate::cases::{stamp, tree};

/// Texts with every piece that the readers look at.
const SEEDS: [&str; 4] = [
    r#"{"model":"a","models":["b"],"messages":[{"role":"developer","name":"n","content":[{"type":"text","text":"é\u00e9"},{"type":"file","file":{"file_data":"x"}}]},{"role":"assistant","reasoning":"r","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}],"stream":true,"stream_options":{"x":1},"reasoning":{"effort":"low"},"temperature":1.5,"max_tokens":5,"provider":{"order":["x"]},"tools":[{"type":"function","function":{"name":"f"}}],"metadata":{"a":"b"}}"#,
    r#"{"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"a","reasoning_content":"é","tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\":1}"}}]},"finish_reason":"stop","usage":{"prompt_tokens":1}}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":9,"cost":1e-5},"system_fingerprint":null}"#,
    r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"t"}]},{"type":"text","text":"x"}],"tool_calls":null,"images":[{}]},"finish_reason":""}],"usage":{"prompt_tokens":7,"prompt_tokens_details":{"cached_tokens":9}}}"#,
    r#"{"error":{"message":"Please try again in 1.5s; key sk-12345678 é","type":"x","code":429,"metadata":{"raw":"r"}},"detail":[{"msg":"m"}]}"#,
];

fn mutilated() -> impl Strategy<Value = Vec<u8>> {
    let change = (
        any::<prop::sample::Index>(),
        0..4_u8,
        any::<prop::sample::Index>(),
    );
    (
        prop::sample::select(SEEDS.to_vec()),
        prop::collection::vec(change, 0..4),
    )
        .prop_map(|(seed, changes)| {
            let mut bytes = seed.as_bytes().to_vec();
            for (at, kind, other) in changes {
                if bytes.is_empty() {
                    break;
                }
                let (at, other) = (at.index(bytes.len()), other.index(bytes.len()));
                match kind {
                    0 => bytes[at] = bytes[other],
                    1 => bytes.insert(at, bytes[other]),
                    2 => drop(bytes.drain(at.min(other)..at.max(other))),
                    _ => bytes.extend_from_within(at.min(other)..at.max(other)),
                }
            }
            bytes
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic_and_what_is_written_is_json(bytes in mutilated()) {
        if let Ok(incoming) = read_request(&bytes) {
            let quirks: Vec<&'static Quirk> = Quirk::ALL.iter().collect();
            let supported = Some(chat::Parameters::default());
            for to in [
                Outgoing { native_model: "m\"", quirks: &[], supported: None, output_limit: None, output_most: None, dialect: chat::Dialect::OpenaiChat },
                Outgoing { native_model: "m", quirks: &quirks, supported, output_limit: Some(7), output_most: None, dialect: chat::Dialect::OpenaiChat },
            ] {
                let written = tree(&write_request(&bytes, &incoming, &to).body);
                prop_assert_eq!(&written["model"], to.native_model);
            }
        }
        let mut usage = chat::Usage::default();
        let mut listen = |event: chat::Event<'_>| {
            if let chat::Event::Usage(counted) = event {
                usage.merge(counted);
            }
        };
        let mut tap = StreamTap::new(stamp());
        if let Ok(Passed::Forward(frame)) = tap.frame(&bytes, &mut listen) {
            let json = frame.strip_prefix(b"data: ").expect("a data line");
            prop_assert!(!json.trim_ascii_end().contains(&b'\n'));
            prop_assert_eq!(&tree(json)["id"], "gen-test");
        }
        if let Ok(mut whole) = Whole::read(bytes.clone().into(), &stamp(), &mut listen) {
            let stamped = whole.write(&usage, &CostText::default());
            prop_assert_eq!(&tree(&stamped.expect("it was read"))["id"], "gen-test");
        }
        let error = read_error(500, &bytes);
        prop_assert!(error.message.chars().count() < 1_000);
    }
}
