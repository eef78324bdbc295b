//! Several answers at once: asked for in both dialects' words, and told of each answer apart.

use chat::{Dialect, Next, Unit};
use serde_json::{Value, json};

use super::{beside, endpoint, read, stream, tap, whole};
use crate::provider_side::{translated, written};
use wire::codec::Door;

fn of_chat(more: &Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let fields = body.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    body
}

#[test]
fn several_answers_are_asked_for_in_each_dialects_words() {
    let to = endpoint("gemini-2.5-flash");
    let (sent, dropped) = written(Dialect::OpenaiChat, &of_chat(&json!({"n": 3})), &to);
    assert_eq!(sent["generationConfig"]["candidateCount"], 3);
    assert_eq!(dropped, Vec::<String>::new());
    let (sent, _) = written(Dialect::OpenaiChat, &of_chat(&json!({"n": 1})), &to);
    assert_eq!(sent["generationConfig"], Value::Null);
    // Google gives no more than eight, and streams none of them: the next endpoint may.
    for more in [json!({"n": 9}), json!({"n": 2, "stream": true})] {
        let error = translated(Dialect::OpenaiChat, &of_chat(&more), &to).unwrap_err();
        assert_eq!(error.next, Next::TryNextEndpoint, "{more}");
        let field = error.metadata.and_then(|it| it.field);
        assert_eq!(field.as_deref(), Some("n"), "{more}");
    }
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {"candidateCount": 2}});
    let to = crate::provider_side::endpoint(Dialect::OpenaiChat, "gpt-5.1");
    let (sent, dropped) = written(Dialect::Gemini, &body, &to);
    assert_eq!(sent["n"], 2);
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn who_refuses_several_answers_sends_the_call_to_the_next() {
    for words in [
        "Multiple candidates is not enabled for this model",
        "Only one candidate can be specified",
        "Unable to submit request because candidateCount must be 1 but the entered value was 2.",
        "Unable to submit request because it has a candidateCount value of 2 but the supported range is from 1 to 1.",
    ] {
        let body = json!({"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}});
        let error = wire::read_error(400, body.to_string().as_bytes());
        assert_eq!(error.next, Next::TryNextEndpoint, "{words}");
        assert!(error.message.contains(words), "{error}");
    }
}

fn candidate(index: u64, text: &str, finish: Option<&str>) -> Value {
    let mut candidate = json!({"index": index,
        "content": {"role": "model", "parts": [{"text": text}]}});
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish);
    }
    candidate
}

/// What two answers have cost: all their tokens in one count.
fn counted() -> Value {
    json!({"promptTokenCount": 10, "candidatesTokenCount": 7, "totalTokenCount": 17})
}

#[test]
fn candidates_are_choices_whole_and_streamed_and_are_counted_once() {
    let asked = of_chat(&json!({"n": 2})).to_string();
    let request = wire::openai_chat::read_request(asked.as_bytes()).expect("a request");
    let tap = || tap(Dialect::OpenaiChat, asked.as_bytes(), &request);
    let answer = json!({"candidates": [
            candidate(0, "Hello", Some("STOP")), candidate(1, "Hi there", Some("MAX_TOKENS"))],
        "usageMetadata": counted()});
    let (heard, _, seen) = whole(tap(), &answer).expect("an answer");
    let said: Vec<_> = seen["choices"].as_array().into_iter().flatten().collect();
    let said: Vec<_> = said
        .iter()
        .map(|choice| {
            (
                &choice["index"],
                &choice["message"]["content"],
                &choice["finish_reason"],
            )
        })
        .collect();
    let expected = [
        (json!(0), json!("Hello"), json!("stop")),
        (json!(1), json!("Hi there"), json!("length")),
    ];
    assert_eq!(
        said,
        [
            (&expected[0].0, &expected[0].1, &expected[0].2),
            (&expected[1].0, &expected[1].1, &expected[1].2),
        ]
    );
    let is = |unit, count| assert_eq!(heard.usage.get(unit), Some(count), "{unit:?}");
    is(Unit::Input, 10);
    is(Unit::Output, 7);
    assert_eq!(seen["usage"]["completion_tokens"], 7);

    // In one chunk, and in chunks of their own.
    let frames = [
        json!({"candidates": [candidate(0, "Hel", None), candidate(1, "Hi ", None)]}),
        json!({"candidates": [candidate(1, "there", Some("MAX_TOKENS"))]}),
        json!({"candidates": [candidate(0, "lo", Some("STOP"))], "usageMetadata": counted()}),
    ];
    let text: String = frames
        .iter()
        .map(|frame| format!("data: {frame}\n\n"))
        .collect();
    let streamed = stream(tap(), [text.as_bytes()]);
    assert_eq!(streamed.end, Ok(()));
    assert_eq!(streamed.heard.usage.get(Unit::Output), Some(7));
    let mut said = [String::new(), String::new()];
    let mut ends = [Value::Null, Value::Null];
    for line in streamed
        .sent
        .lines()
        .filter_map(|line| line.strip_prefix("data: {"))
    {
        let chunk: Value = serde_json::from_str(&format!("{{{line}")).expect("JSON");
        for choice in chunk["choices"].as_array().into_iter().flatten() {
            let at = usize::from(choice["index"] == 1);
            said[at].push_str(choice["delta"]["content"].as_str().unwrap_or_default());
            if !choice["finish_reason"].is_null() {
                ends[at] = choice["finish_reason"].clone();
            }
        }
    }
    assert_eq!(said, ["Hello", "Hi there"]);
    assert_eq!(ends, [json!("stop"), json!("length")]);
}

/// The same in Chat's words.
fn usage() -> Value {
    json!({"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17})
}

/// A stream of Chat's with two choices.
fn two_choices() -> String {
    let chunk = |index: u64, delta: Value, finish: Option<&str>| json!({"id": "c", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]});
    let frames = [
        chunk(0, json!({"content": "Hel"}), None),
        chunk(1, json!({"content": "Hi"}), None),
        chunk(0, json!({"content": "lo"}), Some("stop")),
        chunk(1, json!({}), Some("stop")),
        json!({"id": "c", "choices": [], "usage": usage()}),
    ];
    let frames = frames.iter().map(|frame| format!("data: {frame}\n\n"));
    frames.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

#[test]
fn choices_are_candidates_whole_and_streamed() {
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {"candidateCount": 2}});
    let choice = |index: u64, text: &str| {
        json!({"index": index, "message": {"role": "assistant", "content": text},
            "finish_reason": "stop"})
    };
    let usage = usage();
    let answer = json!({"id": "c", "model": "m", "choices": [choice(0, "Hello"), choice(1, "Hi")],
        "usage": usage});
    let tap = |is_streamed: bool| {
        let lane = wire::lane(Dialect::Gemini, Dialect::OpenaiChat, Dialect::OpenaiChat);
        let incoming = match is_streamed {
            true => super::GEMINI
                .read_request(body.to_string().as_bytes(), beside(true))
                .expect("a request"),
            false => read(&body),
        };
        lane.expect("a lane").tap(&wire::Asked {
            body: body.to_string().as_bytes(),
            request: &incoming,
            stamp: crate::cases::stamp(),
        })
    };
    let (_, _, seen) = whole(tap(false), &answer).expect("an answer");
    let texts: Vec<_> = [0, 1]
        .map(|at| seen["candidates"][at]["content"]["parts"][0]["text"].clone())
        .into();
    assert_eq!(texts, ["Hello", "Hi"]);
    assert_eq!(seen["candidates"][1]["index"], 1);
    assert_eq!(seen["usageMetadata"]["candidatesTokenCount"], 7);

    let text = two_choices();
    let streamed = stream(tap(true), [text.as_bytes()]);
    assert_eq!(streamed.end, Ok(()));
    let mut said = [String::new(), String::new()];
    let mut last = Value::Null;
    for line in streamed
        .sent
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
    {
        last = serde_json::from_str(line).expect("JSON");
        for candidate in last["candidates"].as_array().into_iter().flatten() {
            let text = candidate["content"]["parts"][0]["text"].as_str();
            said[usize::from(candidate["index"] == 1)].push_str(text.unwrap_or_default());
        }
    }
    assert_eq!(said, ["Hello", "Hi"]);
    let ends: Vec<_> = last["candidates"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(
        ends.iter()
            .filter(|it| it["finishReason"] == "STOP")
            .count(),
        2,
        "{last}"
    );
}
