//! Answers of providers, and what the caller sees of them.

use chat::{Dialect, Reason, Unit};
use serde_json::{Value, json};

use super::{hear, hear_whole, read, same, stream, to, translated, whole};
use crate::cases::{stamp, tree};

const ASKED: &str = r#"{"model":"m","input":"hi","stream":true,"instructions":"Be brief.","temperature":0.5,"tools":[{"type":"function","name":"run","parameters":{"type":"object"}}]}"#;

fn sse(events: &[Value]) -> String {
    let frames = events.iter().map(|event| {
        let kind = event["type"].as_str().expect("a type");
        format!("event: {kind}\ndata: {event}\n\n")
    });
    frames.collect()
}

fn call(arguments: &[&str], status: &str) -> Vec<Value> {
    let mut events = vec![
        json!({"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5"}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item":
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "run", "arguments": ""}}),
    ];
    for delta in arguments {
        events.push(
            json!({"type": "response.function_call_arguments.delta", "output_index": 0,
            "item_id": "fc_1", "delta": delta}),
        );
    }
    events.push(json!({"type": format!("response.{status}"), "response": {"id": "resp_1",
        "status": status, "model": "gpt-5", "output": [],
        "incomplete_details": if status == "incomplete" { json!({"reason": "max_output_tokens"}) } else { json!(null) }}}));
    events
}

#[test]
fn a_call_that_is_not_whole_is_never_finished() {
    let broken = sse(&call(&["{\"cmd\": \"rm -rf /tmp"], "completed"));
    let (heard, end) = hear(&[broken.as_bytes()]);
    assert!(end.is_err() && heard.finish.is_empty());
    for lane in [same(), translated()] {
        let seen = stream(&lane, (ASKED, stamp()), [broken.as_bytes()]);
        let last = seen.events().pop().expect("an event");
        assert_eq!(last["type"], "response.failed");
        let done = seen
            .events()
            .into_iter()
            .filter(|event| event["type"] == "response.output_item.done");
        assert_eq!(done.count(), 0);
    }
    // Cut at the output limit the caller is told that it was cut.
    let cut = sse(&call(&["{\"cmd\": \"rm"], "incomplete"));
    let (heard, end) = hear(&[cut.as_bytes()]);
    assert_eq!(end, Ok(()));
    assert_eq!(heard.finish[&0].reason, Reason::Length);
    let seen = stream(&translated(), (ASKED, stamp()), [cut.as_bytes()]);
    let item = seen
        .events()
        .into_iter()
        .find(|event| event["type"] == "response.output_item.done");
    assert_eq!(item.expect("an item")["item"]["status"], "incomplete");
}

/// An answer that calls a tool with free text.
fn patching(pieces: &[&str], is_done: bool) -> String {
    let item = |input: &str| {
        json!({"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "patch",
            "input": input})
    };
    let mut events = vec![
        json!({"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5"}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item("")}),
    ];
    for delta in pieces {
        events.push(
            json!({"type": "response.custom_tool_call_input.delta", "output_index": 0,
            "item_id": "ctc_1", "delta": delta}),
        );
    }
    if is_done {
        let item = item("*** \"a\"\n{");
        events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
    }
    events.push(
        json!({"type": "response.completed", "response": {"id": "resp_1", "model": "gpt-5",
        "status": "completed", "output": []}}),
    );
    sse(&events)
}

#[test]
fn free_text_is_heard_while_it_streams_and_goes_on_as_it_is() {
    let expected = [("patch".to_owned(), r#"{"input":"*** \"a\"\n{"}"#.to_owned())];
    // In pieces, and all at once at the end.
    for pieces in [&["*** \"a", "\"\n{"][..], &[]] {
        let text = patching(pieces, true);
        let (heard, end) = hear(&[text.as_bytes()]);
        assert_eq!((end, heard.called()), (Ok(()), expected.to_vec()));
        assert_eq!(heard.finish[&0].reason, Reason::ToolCalls);
        let asked = r#"{"model":"m","input":"hi","stream":true,"tools":[{"type":"custom","name":"patch"}]}"#;
        for lane in [same(), translated()] {
            let seen = stream(&lane, (asked, stamp()), [text.as_bytes()]);
            let done = seen.events().into_iter();
            let mut done = done.filter(|event| event["type"] == "response.output_item.done");
            let item = done.next().expect("an item")["item"].take();
            assert_eq!(item["type"], "custom_tool_call");
            assert_eq!(item["input"], "*** \"a\"\n{");
        }
    }
    // A text that nobody has ended is not whole.
    let (heard, end) = hear(&[patching(&["*** \"a"], false).as_bytes()]);
    assert!(end.is_err() && heard.finish.is_empty());
    let (heard, end) = hear_whole(
        &json!({"id": "r", "model": "m", "status": "completed", "output": [
        {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": ""}]}),
    );
    let nothing = ("patch".to_owned(), r#"{"input":""}"#.to_owned());
    assert_eq!((end, heard.called()), (Ok(()), vec![nothing]));
}

#[test]
fn arguments_that_come_only_at_the_end_are_told() {
    let mut events = call(&[], "completed");
    events.insert(2, json!({"type": "response.output_item.done", "output_index": 0, "item":
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "run", "arguments": "{\"a\":1}"}}));
    let (heard, end) = hear(&[sse(&events).as_bytes()]);
    assert_eq!(end, Ok(()));
    assert_eq!(heard.called(), [("run".to_owned(), "{\"a\":1}".to_owned())]);
    assert_eq!(heard.finish[&0].reason, Reason::ToolCalls);
}

#[test]
fn failures_inside_a_stream_are_errors() {
    for event in [
        json!({"type": "error", "code": "rate_limit_exceeded", "message": "slow down"}),
        json!({"type": "error", "error": {"type": "server_error", "message": "oops"}}),
        json!({"type": "response.failed", "response": {"status": "failed",
            "error": {"code": "server_error", "message": "oops"}}}),
        json!({"type": "response.cancelled", "response": {"status": "cancelled"}}),
        json!({"type": "response.completed"}),
    ] {
        let (_, end) = hear(&[sse(std::slice::from_ref(&event)).as_bytes()]);
        assert!(end.is_err(), "{event}");
    }
    let (_, end) = hear(&[b"data: [DONE]\n\n"]);
    assert!(end.is_err());
    for body in [
        json!({"error": {"message": "no", "code": "x"}}),
        json!({"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "no"}, "output": []}),
        json!({"id": "resp_1", "status": "queued", "output": []}),
        json!({"id": "resp_1", "status": "completed", "output": []}),
    ] {
        assert!(hear_whole(&body).1.is_err(), "{body}");
    }
}

#[test]
fn counts_become_disjoint_buckets() {
    let answer = |usage: Value| {
        json!({"id": "r", "model": "m", "status": "completed", "usage": usage, "output": [
            {"type": "web_search_call", "action": {"type": "search"}},
            {"type": "web_search_call", "action": {"type": "open_page"}},
            {"type": "message", "content": [{"type": "output_text", "text": "x"}]},
        ]})
    };
    let usage = json!({"input_tokens": 100, "output_tokens": 50, "total_tokens": 150,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        "output_tokens_details": {"reasoning_tokens": 30}, "cost_in_usd_ticks": 12_345});
    let (heard, end) = hear_whole(&answer(usage));
    assert_eq!(end, Ok(()));
    let count = |unit| heard.usage.count(unit);
    assert_eq!(
        [
            Unit::Input,
            Unit::CacheRead,
            Unit::CacheWrite,
            Unit::Output,
            Unit::Reasoning
        ]
        .map(count),
        [30, 60, 10, 20, 30]
    );
    assert_eq!(count(Unit::WebSearch), 1);
    assert_eq!(heard.usage.native_cost_nanos, Some(1_235));
}

#[test]
fn a_translated_answer_has_everything_that_clients_read() {
    let events = [
        json!({"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5"}}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "Hm"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning",
            "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}], "encrypted_content": "abc"}}),
        json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Go",
            "logprobs": [{"token": "Go", "logprob": -0.5, "top_logprobs": []}]}),
        json!({"type": "response.output_text.annotation.added", "output_index": 1, "content_index": 0,
            "annotation_index": 0, "annotation": {"type": "url_citation", "url": "https://example.com",
                "title": "T", "start_index": 0, "end_index": 2}}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "message",
            "id": "msg_1", "content": [{"type": "output_text", "text": "Go", "annotations": [{}]}]}}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed",
            "model": "gpt-5", "output": [{}, {}], "usage": {"input_tokens": 7, "output_tokens": 2}}}),
    ];
    let seen = stream(&translated(), (ASKED, stamp()), [sse(&events).as_bytes()]);
    assert_eq!(seen.end, Ok(()));
    let told = seen.events();
    let kinds: Vec<_> = told
        .iter()
        .map(|event| event["type"].as_str().expect("a type"))
        .collect();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.annotation.added",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let response = &told.last().expect("a last event")["response"];
    assert_eq!(response["instructions"], "Be brief.");
    assert_eq!(response["temperature"], 0.5);
    assert_eq!(response["tools"][0]["name"], "run");
    assert_eq!(response["output"][0]["encrypted_content"], "abc");
    assert_eq!(response["output"][0]["format"], "openai-responses-v1");
    let text = &response["output"][1]["content"][0];
    assert_eq!(text["annotations"][0]["url"], "https://example.com");
    assert_eq!(text["logprobs"][0]["token"], "Go");
    assert_eq!(response["usage"]["total_tokens"], 9);
    assert_eq!(response["usage"]["cost"].to_string(), "0.00012");
}

#[test]
fn what_belongs_to_a_call_comes_back_beside_it() {
    let answer = json!({"id": "r", "model": "m", "status": "completed", "output": [
        {"type": "function_call", "call_id": "call_1", "name": "run", "arguments": "{}"}]});
    let whole = whole(&translated(), (ASKED, stamp()), &answer).expect("an answer");
    let item = &whole["output"][0];
    assert_eq!(
        (&item["call_id"], &item["status"]),
        (&json!("call_1"), &json!("completed"))
    );
    assert_eq!(item["id"], "fc_gen-test_0");
    assert_eq!(whole["status"], "completed");
}

/// A stream of Chat Completions that calls tools: id, name, arguments.
fn calling(calls: &[(&str, &str, &str)]) -> String {
    let chunks = calls.iter().enumerate().map(|(index, (id, name, arguments))| {
        json!({"id": "a", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0,
            "delta": {"tool_calls": [{"index": index, "id": id, "type": "function",
                "function": {"name": name, "arguments": arguments}}]}}]})
    });
    let end = json!({"id": "a", "object": "chat.completion.chunk", "model": "m",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
    let mut frames = String::new();
    for chunk in chunks.chain([end]) {
        frames.push_str(&format!("data: {chunk}\n\n"));
    }
    frames.push_str("data: [DONE]\n\n");
    frames
}

#[test]
fn calls_are_told_in_the_callers_own_words() {
    let asked = json!({"model": "m", "input": "hi", "tools": [
        {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "send"}]},
        {"type": "custom", "name": "patch"},
    ]})
    .to_string();
    let frames = calling(&[
        ("c1", "agents__send", r#"{"to":"x"}"#),
        ("c2", "patch", r#"{"input":"a\n"}"#),
    ]);
    let lane = wire::lane(
        Dialect::OpenaiResponses,
        Dialect::OpenaiChat,
        Dialect::OpenaiChat,
    );
    let seen = stream(
        &lane.expect("a lane"),
        (&asked, stamp()),
        [frames.as_bytes()],
    );
    assert_eq!(seen.end, Ok(()));
    let told = seen.events();
    let of = |kind: &str| {
        told.iter()
            .filter(|event| event["type"] == kind)
            .collect::<Vec<_>>()
    };
    let output = &of("response.completed")[0]["response"]["output"];
    let (send, patch) = (&output[0], &output[1]);
    assert_eq!(
        (
            &send["type"],
            &send["namespace"],
            &send["name"],
            &send["arguments"]
        ),
        (
            &json!("function_call"),
            &json!("agents"),
            &json!("send"),
            &json!(r#"{"to":"x"}"#)
        )
    );
    assert_eq!(
        (
            &patch["type"],
            &patch["name"],
            &patch["input"],
            &patch["call_id"]
        ),
        (
            &json!("custom_tool_call"),
            &json!("patch"),
            &json!("a\n"),
            &json!("c2")
        )
    );
    assert_eq!(of("response.function_call_arguments.done").len(), 1);
    assert_eq!(
        of("response.custom_tool_call_input.delta")[0]["delta"],
        "a\n"
    );
    assert_eq!(
        of("response.custom_tool_call_input.done")[0]["input"],
        "a\n"
    );
}

/// Clients show summaries and nothing else, and give back ciphertext and nothing else.
#[test]
fn thoughts_of_other_families_are_shown_as_summaries_and_come_home_by_their_ciphertext() {
    let lane = wire::lane(
        Dialect::OpenaiResponses,
        Dialect::AnthropicMessages,
        Dialect::AnthropicMessages,
    );
    let answer = json!({"id": "m", "type": "message", "model": "claude", "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "sig=="},
            {"type": "redacted_thinking", "data": "dark"},
            {"type": "tool_use", "id": "c1", "name": "run", "input": {}},
        ], "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1}});
    let told = whole(&lane.expect("a lane"), (ASKED, stamp()), &answer).expect("an answer");
    let thought = &told["output"][0];
    assert_eq!(
        thought["summary"],
        json!([{"type": "summary_text", "text": "Hm"}])
    );
    assert_eq!(thought["format"], "anthropic-claude-v1");
    assert_eq!(thought["signature"], "sig==");
    assert_eq!(told["output"][1]["summary"], json!([]));

    let known = [
        "type",
        "summary",
        "encrypted_content",
        "call_id",
        "name",
        "arguments",
    ];
    let mut input = told["output"].clone();
    for item in input.as_array_mut().expect("items") {
        item.as_object_mut()
            .expect("an item")
            .retain(|name, _| known.contains(&name.as_str()));
    }
    input
        .as_array_mut()
        .expect("items")
        .push(json!({"type": "function_call_output", "call_id": "c1", "output": "done"}));
    let body = json!({"model": "m", "input": input, "max_output_tokens": 100});
    let incoming = read(&body).expect("a request");
    let body = body.to_string();
    let sent = lane
        .expect("a lane")
        .write((body.as_bytes(), &incoming), &to("claude-sonnet-4-5"))
        .expect("a body");
    assert_eq!(
        tree(&sent.body)["messages"][1]["content"],
        json!([
            {"type": "thinking", "thinking": "Hm", "signature": "sig=="},
            {"type": "redacted_thinking", "data": "dark"},
            {"type": "tool_use", "id": "c1", "name": "run", "input": {}},
        ])
    );
    // OpenAI would refuse what Claude has sealed.
    let sent = same()
        .write((body.as_bytes(), &incoming), &to("gpt-5"))
        .expect("a body");
    assert_eq!(tree(&sent.body)["input"].as_array().map(Vec::len), Some(2));
    assert_eq!(sent.dropped, ["input[0]", "input[1]"]);
}

/// Clients keep items as they are done: what belongs to a call must not come before it.
#[test]
fn the_seal_of_a_call_follows_the_call() {
    let answer = json!({"responseId": "r", "modelVersion": "gemini-3", "candidates": [{"index": 0,
        "content": {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "run",
            "args": {}}, "thoughtSignature": "c2ln"}]}, "finishReason": "STOP"}]});
    let frames = format!("data: {answer}\n\n");
    let lane = wire::lane(Dialect::OpenaiResponses, Dialect::Gemini, Dialect::Gemini);
    let seen = stream(
        &lane.expect("a lane"),
        (ASKED, stamp()),
        [frames.as_bytes()],
    );
    let told = seen.events();
    let done = told
        .iter()
        .filter(|event| event["type"] == "response.output_item.done");
    let mut input: Vec<Value> = done.map(|event| event["item"].clone()).collect();
    let kinds: Vec<_> = input.iter().map(|item| item["type"].clone()).collect();
    assert_eq!(kinds, ["function_call", "reasoning"]);
    assert_eq!(
        told.last().expect("an end")["response"]["output"],
        json!(input)
    );

    for item in &mut input {
        item.as_object_mut().expect("an item").remove("id");
    }
    input.push(json!({"type": "function_call_output", "call_id": "c1", "output": "done"}));
    let body = json!({"model": "m", "input": input});
    let incoming = read(&body).expect("a request");
    let sent = lane
        .expect("a lane")
        .write((body.to_string().as_bytes(), &incoming), &to("gemini-3"))
        .expect("a body");
    let parts = &tree(&sent.body)["contents"][1]["parts"];
    assert_eq!(parts.as_array().map(Vec::len), Some(1), "{parts}");
    assert_eq!(parts[0]["thoughtSignature"], "c2ln");
}
