//! A stream that ends after any of its bytes ends, for every caller, in an error of its dialect; and
//! no tool call is ever shown as finished that is not whole.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chat::{Block, Dialect, Event};
use serde_json::{Value, json};
use wire::frame::{Decoder, Framing};

use super::source::{Answer, exchanges, message, ours};
use super::{CALLERS, fold, owned, read_stream, stream, tap};
use crate::cases::tree;

/// Longer streams take too long to be cut at each of their bytes.
const BYTES_MAX: usize = 4_000;

/// The shortest recorded stream of a dialect that calls a tool and is whole, and our own.
fn streams(dialect: Dialect) -> Vec<(String, Framing, Vec<u8>)> {
    let calls = |framing: Framing, bytes: &[u8]| {
        let events = read_stream(dialect, framing, bytes).unwrap_or_default();
        let mut calls = events.iter();
        calls.any(|event| matches!(event, Event::BlockStart(_, Block::ToolCall { .. })))
    };
    let of_dialect = |all: Vec<super::source::Exchange>| {
        let all = all.into_iter().filter(|one| one.dialect == dialect);
        let all = all.filter_map(|one| match one.answer {
            Answer::Stream(framing, bytes) if calls(framing, &bytes) => {
                Some((one.name, framing, bytes))
            }
            _ => None,
        });
        all.min_by_key(|(_, _, bytes)| bytes.len())
    };
    let mut found: Vec<_> = [of_dialect(exchanges()), of_dialect(ours())]
        .into_iter()
        .flatten()
        .collect();
    found.dedup_by(|one, other| one.0 == other.0);
    found.retain(|(_, _, bytes)| bytes.len() <= BYTES_MAX);
    found
}

fn cut_everywhere(to: Dialect, body: Dialect, (name, framing, bytes): (&str, Framing, &[u8])) {
    for caller in CALLERS {
        let lane = wire::lane(caller, to, body).expect("a lane");
        assert_eq!(lane.framing(), framing, "{name}");
        let whole = stream(tap(&lane, caller, true), framing, bytes);
        assert_eq!(whole.end, Ok(()), "{name} for {caller}");
        let mut checked = String::new();
        let calls = calls(caller, &whole.sent);
        for at in 0..bytes.len() {
            let went = stream(tap(&lane, caller, true), framing, &bytes[..at]);
            let place = format!("{name} for {caller}, cut at {at}");
            match &went.end {
                // Nothing but the terminator was missing, or the counts that come last.
                Ok(()) => assert_eq!(words(&went.sent), words(&whole.sent), "{place}"),
                Err(error) => {
                    assert!(error.kind.status() >= 500, "{place}: {error}");
                    if went.sent != checked {
                        check_error(caller, &went.sent, &place);
                        check_calls(caller, (&went.sent, &calls), &place);
                        checked = went.sent;
                    }
                }
            }
        }
    }
}

/// The frames as trees.
fn told(sent: &str) -> Vec<Value> {
    data(sent).map(|data| tree(data.as_bytes())).collect()
}

/// The frames without what was counted.
fn words(sent: &str) -> Vec<Value> {
    fn uncounted(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|name, _| !matches!(name.as_str(), "usage" | "usageMetadata"));
                members.values_mut().for_each(uncounted);
            }
            Value::Array(list) => list.iter_mut().for_each(uncounted),
            _ => {}
        }
    }
    let mut all = told(sent);
    all.iter_mut().for_each(uncounted);
    all
}

/// The calls in what a caller was sent, as its dialect's reader tells them; none where nobody reads it.
fn calls(caller: Dialect, sent: &str) -> Vec<String> {
    if wire::reader(caller).is_none() {
        return Vec::new();
    }
    let events = read_stream(caller, Framing::Sse, sent.as_bytes()).expect("a whole answer");
    let blocks = fold(&events)
        .choices
        .into_iter()
        .flat_map(|choice| choice.blocks);
    let calls = blocks.filter(|said| matches!(said.block, Block::ToolCall { .. }));
    calls.map(|said| said.text).collect()
}

fn data(sent: &str) -> impl Iterator<Item = &str> {
    let data = sent.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]")
}

/// The last frame is an error as clients of the dialect know it.
fn check_error(caller: Dialect, sent: &str, place: &str) {
    let last = tree(data(sent).last().expect("a frame").as_bytes());
    let name = sent
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("event: "));
    let is_text = |pointer: &str| last.pointer(pointer).is_some_and(Value::is_string);
    let is_said = match caller {
        Dialect::OpenaiChat | Dialect::OpenaiCompletions => {
            is_text("/error/message")
                && last["choices"][0]["finish_reason"] == "error"
                && last["error"]["code"].is_number()
        }
        Dialect::OpenaiResponses => {
            name == Some("response.failed")
                && last["type"] == "response.failed"
                && last["response"]["status"] == "failed"
                && is_text("/response/error/code")
                && is_text("/response/error/message")
                && last["sequence_number"].is_number()
        }
        Dialect::AnthropicMessages => {
            name == Some("error")
                && last["type"] == "error"
                && is_text("/error/type")
                && is_text("/error/message")
        }
        Dialect::Gemini => {
            last["error"]["code"].is_number()
                && is_text("/error/message")
                && is_text("/error/status")
        }
        _ => false,
    };
    assert!(is_said, "{place}: {last}");
    if caller == Dialect::OpenaiResponses {
        let numbers: Vec<_> = told(sent)
            .iter()
            .map(|frame| frame["sequence_number"].as_u64())
            .collect();
        let counted: Vec<_> = (0..).map(Some).take(numbers.len()).collect();
        assert_eq!(numbers, counted, "{place}");
    }
}

/// What a client of the dialect makes of it: an error, and no finished call that is not whole.
fn check_calls(caller: Dialect, (sent, whole): (&str, &[String]), place: &str) {
    let Some(mut reader) = wire::reader(caller) else {
        return;
    };
    let mut events = Vec::new();
    let mut decoder = Decoder::new(Framing::Sse);
    decoder.push(sent.as_bytes());
    decoder.finish();
    let mut has_failed = false;
    while let Some(frame) = decoder.next() {
        let read = reader.frame(&frame.expect("a frame"), &mut |event| {
            events.push(owned(event))
        });
        has_failed |= read.is_err();
    }
    assert!(has_failed, "{place}: no error: {sent}");
    // A choice may have finished before the stream broke off; its calls are whole then.
    let has_finished = events
        .iter()
        .any(|event| matches!(event, Event::Finish(..)));
    let is_told = |at| has_finished || events.contains(&Event::BlockEnd(at));
    for event in &events {
        let Event::BlockStart(at, Block::ToolCall { .. }) = event else {
            continue;
        };
        let response = fold(&events);
        let said = &response.choices[0].blocks[usize::try_from(at.block).expect("few")].text;
        let is_whole = whole.contains(said);
        assert!(
            is_whole || !is_told(*at),
            "{place}: an unclosed call: {said}"
        );
    }
}

fn check(dialect: Dialect) {
    for (name, framing, bytes) in streams(dialect) {
        cut_everywhere(dialect, dialect, (&name, framing, &bytes));
    }
}

#[test]
fn chat_can_be_cut_anywhere() {
    check(Dialect::OpenaiChat);
}

#[test]
fn responses_can_be_cut_anywhere() {
    check(Dialect::OpenaiResponses);
}

#[test]
fn messages_can_be_cut_anywhere() {
    check(Dialect::AnthropicMessages);
}

#[test]
fn gemini_can_be_cut_anywhere() {
    check(Dialect::Gemini);
}

#[test]
fn converse_can_be_cut_anywhere() {
    check(Dialect::BedrockConverse);
}

#[test]
fn cohere_can_be_cut_anywhere() {
    check(Dialect::Cohere);
}

#[test]
fn messages_inside_aws_messages_can_be_cut_anywhere() {
    let (name, _, bytes) = streams(Dialect::AnthropicMessages).pop().expect("our own");
    let text = String::from_utf8(bytes).expect("UTF-8");
    let wrapped =
        data(&text).map(|data| message("chunk", &json!({"bytes": STANDARD.encode(data)})));
    let bytes = wrapped.collect::<Vec<_>>().concat();
    let stream = (&*name, Framing::EventStreamOfBytes, &*bytes);
    cut_everywhere(Dialect::BedrockConverse, Dialect::AnthropicMessages, stream);
}

/// Providers have words for answers that failed, and say them in a 200. Nobody is told that such an
/// answer is whole, or that the model refused: it is an error, so that another endpoint may be asked.
#[test]
fn an_answer_that_failed_is_an_error_for_everybody() {
    let gemini = json!({"candidates": [{"index": 0, "finishReason": "MALFORMED_FUNCTION_CALL",
        "content": {"role": "model", "parts": [{"text": "Half"}]}}], "usageMetadata": {
        "promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}});
    let cohere = json!({"id": "1", "finish_reason": "ERROR", "message": {"role": "assistant",
        "content": [{"type": "text", "text": "Half"}]}});
    for (body, answer) in [(Dialect::Gemini, &gemini), (Dialect::Cohere, &cohere)] {
        for caller in CALLERS.into_iter().filter(|caller| *caller != body) {
            let place = format!("{body} for {caller}");
            let lane = wire::lane(caller, body, body).expect("a lane");
            let mut reasons = Vec::new();
            let failed =
                tap(&lane, caller, false).read_whole(&answer.to_string().into(), &mut |event| {
                    if let Event::Finish(_, finish) = event {
                        reasons.push(finish.reason);
                    }
                });
            let error = failed.expect_err(&place);
            assert_eq!(error.next, chat::Next::TryNextEndpoint, "{place}");
            assert_eq!(
                reasons,
                [chat::Reason::Error],
                "{place}: who counts is told"
            );
        }
    }
    for caller in CALLERS
        .into_iter()
        .filter(|caller| *caller != Dialect::Gemini)
    {
        let lane = wire::lane(caller, Dialect::Gemini, Dialect::Gemini).expect("a lane");
        let mut half = gemini.clone();
        half["candidates"][0]["finishReason"] = Value::Null;
        let stream_of = format!("data: {half}\r\n\r\ndata: {gemini}\r\n\r\n");
        let went = stream(tap(&lane, caller, true), Framing::Sse, stream_of.as_bytes());
        assert!(went.end.is_err(), "{caller}");
        check_error(caller, &went.sent, &format!("for {caller}"));
    }
}
