//! Answers of Cohere's, whole and streamed: what they mean, and how they break.

use chat::{Block, Kind, Reason};
use serde_json::{Value, json};
use wire::cohere::Cohere;
use wire::frame::Framing;

use crate::provider_side::{Read, at_every_split, cut_everywhere, whole};

fn event(kind: &str, index: Option<u64>, message: &Value) -> String {
    let mut event = json!({"type": kind});
    if let Some(index) = index {
        event["index"] = json!(index);
    }
    if !message.is_null() {
        event["delta"] = json!({"message": message});
    }
    format!("event: {kind}\ndata: {event}\n\n")
}

fn end(reason: &str) -> String {
    let usage = json!({
        "billed_units": {"input_tokens": 8, "output_tokens": 50},
        "tokens": {"input_tokens": 1394, "output_tokens": 55, "reasoning_tokens": 38},
        "cached_tokens": 1360,
    });
    let delta = json!({"finish_reason": reason, "usage": usage});
    let end = json!({"type": "message-end", "delta": delta});
    format!("event: message-end\ndata: {end}\n\n")
}

fn source() -> Value {
    json!({"type": "document", "id": "doc:0", "document": {
        "id": "doc:0", "title": "Facts", "text": "It is 20 degrees.", "url": "https://x.test"}})
}

/// A thought, a text that cites, a call in two pieces, and one without arguments.
fn full() -> String {
    let call = |id: &str| {
        let function = json!({"name": "weather", "arguments": ""});
        json!({"tool_calls": {"id": id, "type": "function", "function": function}})
    };
    let arguments = |said: &str| json!({"tool_calls": {"function": {"arguments": said}}});
    let start = json!({"id": "id-1", "type": "message-start",
        "delta": {"message": {"role": "assistant", "content": [], "tool_plan": ""}}});
    let citation = json!({"start": 0, "end": 4, "text": "Warm", "sources": [source()]});
    [
        format!("event: message-start\ndata: {start}\n\n"),
        event(
            "content-start",
            Some(0),
            &json!({"content": {"type": "thinking", "thinking": ""}}),
        ),
        event(
            "content-delta",
            Some(0),
            &json!({"content": {"thinking": "Let me see."}}),
        ),
        event("content-end", Some(0), &Value::Null),
        event(
            "content-start",
            Some(1),
            &json!({"content": {"type": "text", "text": ""}}),
        ),
        event(
            "content-delta",
            Some(1),
            &json!({"content": {"text": "Warm"}}),
        ),
        event(
            "content-delta",
            Some(1),
            &json!({"content": {"text": " é"}}),
        ),
        event("citation-start", Some(0), &json!({"citations": citation})),
        event("citation-end", Some(0), &Value::Null),
        event("content-end", Some(1), &Value::Null),
        event("tool-call-start", Some(0), &call("weather_1")),
        event("tool-call-delta", Some(0), &arguments("{\"city\":")),
        event("tool-call-delta", Some(0), &arguments("\"}\"}")),
        event("tool-call-end", Some(0), &Value::Null),
        event("tool-call-start", Some(1), &call("weather_2")),
        event("tool-call-end", Some(1), &Value::Null),
        end("TOOL_CALL"),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat()
}

fn read(stream: &str) -> Read {
    let of = (&Cohere as &dyn wire::codec::Outbound, Framing::Sse);
    at_every_split(of, stream.as_bytes(), "a stream")
}

#[test]
fn a_stream_and_a_whole_answer_mean_the_same() {
    let streamed = read(&full());
    streamed.end.clone().expect("a whole answer");
    let call = |id: &str, arguments: &str| {
        let function = json!({"name": "weather", "arguments": arguments});
        json!({"id": id, "type": "function", "function": function})
    };
    let answer = json!({
        "id": "id-1",
        "finish_reason": "TOOL_CALL",
        "message": {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Let me see."},
                {"type": "text", "text": "Warm é"}],
            "citations": [{"start": 0, "end": 4, "text": "Warm", "content_index": 1,
                "sources": [source()]}],
            "tool_calls": [call("weather_1", "{\"city\":\"}\"}"), call("weather_2", "")],
        },
        "usage": {"billed_units": {"input_tokens": 8, "output_tokens": 50},
            "tokens": {"reasoning_tokens": 38}},
    });
    let whole = whole(&Cohere, &answer.to_string());
    whole.end.clone().expect("a whole answer");
    assert_eq!(streamed.response.choices, whole.response.choices);
    assert_eq!(streamed.response.native_id.as_deref(), Some("id-1"));
    let said = &streamed.response.choices[0].blocks;
    assert_eq!(said[0].block, Block::Reasoning { is_summary: false });
    let cited = &said[1].citations[0];
    assert_eq!(
        (cited.url.as_str(), cited.span),
        ("https://x.test", Some((0, 4)))
    );
    assert_eq!(cited.quote.as_deref(), Some("It is 20 degrees."));
    assert_eq!(streamed.heard.finish[&0].reason, Reason::ToolCalls);
    let usage = &streamed.heard.usage;
    assert_eq!((usage.prompt_tokens(), usage.completion_tokens()), (8, 50));
}

#[test]
fn a_cut_ends_in_an_error_and_finishes_no_call() {
    cut_everywhere(&Cohere, Framing::Sse, full().as_bytes());
}

#[test]
fn a_plan_is_what_is_said_before_the_calls() {
    let function = json!({"name": "weather", "arguments": "{}"});
    let call = json!({"tool_calls": {"id": "a", "type": "function", "function": function}});
    let stream = [
        event("tool-plan-delta", None, &json!({"tool_plan": "I will "})),
        event("tool-plan-delta", None, &json!({"tool_plan": "look."})),
        event("tool-call-start", Some(0), &call),
        end("TOOL_CALL"),
    ];
    let read = read(&stream.concat());
    read.end.expect("a whole answer");
    assert_eq!(read.heard.text[&0], "I will look.");
    assert_eq!(
        read.heard.called(),
        [("weather".to_owned(), "{}".to_owned())]
    );
}

#[test]
fn an_unclosed_call_is_an_error_unless_the_answer_was_cut() {
    let function = json!({"name": "weather", "arguments": "{\"city\":"});
    let call = json!({"tool_calls": {"id": "a", "type": "function", "function": function}});
    let begun = |reason: &str| {
        let start = event("tool-call-start", Some(0), &call.clone());
        read(&format!("{start}{}", end(reason)))
    };
    let broken = begun("TOOL_CALL");
    assert!(broken.end.is_err() && broken.heard.finish.is_empty());
    let cut = begun("MAX_TOKENS");
    cut.end.expect("cut at the limit");
    assert_eq!(cut.heard.finish[&0].reason, Reason::Length);
}

#[test]
fn failures_inside_an_answer_are_errors() {
    let delta = json!({"finish_reason": "ERROR", "error": "out of luck"});
    let failed = json!({"type": "message-end", "delta": delta});
    let said = event(
        "content-delta",
        Some(0),
        &json!({"content": {"text": "Half"}}),
    );
    let read_ = read(&format!("{said}data: {failed}\n\n"));
    let error = read_.end.unwrap_err();
    assert_eq!(error.kind, Kind::ProviderUnavailable);
    assert!(error.message.contains("out of luck"), "{error}");
    let read_ = read("data: {\"id\":\"x\",\"message\":\"no\"}\n\n");
    assert!(read_.end.is_err());
    for body in [
        "{}",
        "[]",
        r#"{"id":"x","message":"no"}"#,
        r#"{"message":{}}"#,
    ] {
        assert!(whole(&Cohere, body).end.is_err(), "{body}");
    }
}

#[test]
fn log_probabilities_are_told_in_openais_form_whole_and_streamed() {
    let delta = |content: Value, logprobs: Value| {
        let event = json!({"type": "content-delta", "index": 0,
            "delta": {"message": {"content": content}}, "logprobs": logprobs});
        format!("data: {event}\n\n")
    };
    let one = json!({"text": "Warm", "token_ids": [7], "logprobs": [-0.25]});
    let two = json!({"text": " é", "token_ids": [8, 9], "logprobs": [-0.5, -1.0]});
    let unnamed = json!({"token_ids": [8, 9], "logprobs": [-0.5, -1.0]});
    let token = |text: &str, logprob: f64| json!({"token": text, "logprob": logprob, "bytes": text.as_bytes(), "top_logprobs": []});
    let expected = [token("Warm", -0.25), token(" é", -1.5)];
    let stream = [
        delta(json!({"text": "Warm"}), one.clone()),
        delta(json!({"text": " é"}), unnamed),
        end("COMPLETE"),
    ];
    let streamed = read(&stream.concat());
    streamed.end.expect("a whole answer");
    assert_eq!(streamed.response.choices[0].blocks[0].logprobs, expected);

    let content = json!([{"type": "text", "text": "Warm é"}]);
    let message = json!({"role": "assistant", "content": content});
    let answer = |message: &Value| json!({"id": "i", "finish_reason": "COMPLETE", "message": message, "logprobs": [one, two]});
    let told = whole(&Cohere, &answer(&message).to_string());
    told.end.expect("a whole answer");
    assert_eq!(told.response.choices[0].blocks[0].logprobs, expected);

    // What has no text has none that could be told.
    let thought = delta(json!({"thinking": "hm"}), one.clone());
    let thought = read(&format!("{thought}{}", end("COMPLETE")));
    assert_eq!(thought.response.unsaid, ["logprobs"]);
    let function = json!({"name": "f", "arguments": "{}"});
    let call = json!({"id": "a", "type": "function", "function": function});
    let called = json!({"role": "assistant", "tool_calls": [call]});
    let called = whole(&Cohere, &answer(&called).to_string());
    assert_eq!(called.response.unsaid, ["logprobs"]);
    called.end.expect("a whole answer");
}
