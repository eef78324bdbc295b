//! The door: signs of life, errors, and answers that stand for errors.

use std::time::Duration;

use chat::{Error, Kind};
use serde_json::{Value, json};
use wire::codec::Door as _;
use wire::openai_responses::OpenaiResponses;

use super::{same, stream, translated};
use crate::cases::{stamp, tree};

fn events(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let data = data.filter(|data| *data != "[DONE]");
    data.map(|data| tree(data.as_bytes())).collect()
}

const SSE: &str = concat!(
    "data: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"model\":\"n\",\"output\":[]}}\n\n",
    "data: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"item_id\":\"m\",\"output_index\":0,\"content_index\":0,\"delta\":\"Hi\"}\n\n",
    "data: {\"type\":\"response.completed\",\"sequence_number\":2,\"response\":{\"id\":\"resp_1\",\"model\":\"n\",\"status\":\"completed\",\"output\":[]}}\n\n",
);

#[test]
fn signs_of_life_are_events_and_open_the_stream_once() {
    for lane in [same(), translated()] {
        let stamp = stamp();
        let mut bytes = Vec::from(OpenaiResponses.sign_of_life(&stamp));
        bytes.extend_from_slice(&OpenaiResponses.sign_of_life(&stamp));
        let asked = r#"{"model":"m","input":"hi","stream":true}"#;
        bytes.extend_from_slice(&stream(&lane, (asked, stamp.clone()), [SSE.as_bytes()]).bytes);
        let events = events(&bytes);
        let kinds: Vec<_> = events
            .iter()
            .map(|event| event["type"].as_str().expect("a type"))
            .collect();
        assert_eq!(
            kinds[..3],
            [
                "response.created",
                "response.in_progress",
                "response.in_progress"
            ]
        );
        let opened = kinds.iter().filter(|kind| **kind == "response.created");
        assert_eq!(opened.count(), 1, "{kinds:?}");
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], number, "{event}");
        }
        assert_eq!(events[0]["response"]["status"], "in_progress");
    }
}

#[test]
fn an_attempt_that_was_given_up_leaves_no_gap() {
    for lane in [same(), translated()] {
        let stamp = stamp();
        let asked = r#"{"model":"m","input":"hi","stream":true}"#;
        let incoming = OpenaiResponses
            .read_request(asked.as_bytes(), wire::Beside::default())
            .expect("a request");
        let mut tap = lane.tap(&wire::Asked {
            body: asked.as_bytes(),
            request: &incoming,
            stamp: stamp.clone(),
        });
        let mut decoder = wire::frame::sse::Decoder::new();
        decoder.push(SSE.as_bytes());
        while let Some(frame) = decoder.next() {
            tap.frame(&frame.expect("a frame"), &mut |_| {})
                .expect("sound");
        }
        drop(tap);
        let seen = stream(&lane, (asked, stamp), [SSE.as_bytes()]);
        let events = seen.events();
        assert_eq!(events[0]["type"], "response.created");
        assert_eq!(events[0]["sequence_number"], 0);
    }
}

#[test]
fn errors_are_told_in_this_dialects_words() {
    for (kind, status, code) in [
        (Kind::RateLimitExceeded, 429, "rate_limit_exceeded"),
        (Kind::InvalidRequest, 400, "invalid_prompt"),
        (Kind::InvalidPrompt, 400, "server_error"),
        (
            Kind::ContentPolicyViolation,
            400,
            "image_content_policy_violation",
        ),
        (Kind::ProviderUnavailable, 502, "server_error"),
    ] {
        let mut error = Error::caller(kind, "no");
        error.metadata_mut().retry_after = Some(Duration::from_secs(3));
        let (told, body) = OpenaiResponses.write_error(&error, Some("gen-1"));
        let body = tree(&body);
        assert_eq!((told, &body["error"]["code"]), (status, &json!(code)));
        assert_eq!(body["error"]["metadata"]["generation_id"], "gen-1");
        assert_eq!(body.get("metadata"), Some(&Value::Null));
        let frame = OpenaiResponses.error_frame(&stamp(), &error);
        assert!(frame.ends_with(b"data: [DONE]\n\n"));
        let last = events(&frame).pop().expect("an event");
        assert_eq!(last["type"], "response.failed");
        assert_eq!(
            last["response"]["error"],
            json!({"code": code, "message": "no"})
        );
        assert_eq!(last["response"]["error_type"], kind.error_type());
        assert_eq!(OpenaiResponses.instead_of_error(&stamp(), &error), None);
    }
}

#[test]
fn a_prompt_that_does_not_fit_is_an_answer_that_was_cut() {
    let error = Error::caller(Kind::ContextLengthExceeded, "too long");
    let body = OpenaiResponses
        .instead_of_error(&stamp(), &error)
        .expect("an answer");
    let body = tree(&body);
    assert_eq!(body["status"], "incomplete");
    assert_eq!(
        body["incomplete_details"],
        json!({"reason": "max_output_tokens"})
    );
    assert_eq!(
        (&body["error"], &body["output"]),
        (&Value::Null, &json!([]))
    );
    let last = events(&OpenaiResponses.error_frame(&stamp(), &error))
        .pop()
        .expect("an event");
    assert_eq!(last["type"], "response.incomplete");
}

#[test]
fn our_own_bugs_are_masked() {
    let error = Error::gateway(Kind::Server, "index out of bounds");
    let frame = OpenaiResponses.error_frame(&stamp(), &error);
    assert!(!String::from_utf8_lossy(&frame).contains("bounds"));
}
