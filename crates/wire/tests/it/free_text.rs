//! Tools that Chat's callers want called with free text: to Responses in its own words, to all others
//! as an object with the text in it; the calls come back as the caller knows them.

use bytes::Bytes;
use chat::{Dialect, Feature, Features, Usage};
use serde_json::{Value, json};
use wire::frame::Framing;
use wire::openai_chat::read_request;
use wire::{Asked, CostText};

use crate::cases::{stamp, tree};
use crate::matrix;
use crate::provider_side::{endpoint, written};

const TEXT: &str = "*** \"a\"\n{ü";

/// A conversation in which such a tool was called, and may be called again.
fn asked(is_streamed: bool) -> Value {
    json!({
        "model": "m",
        "stream": is_streamed,
        "messages": [
            {"role": "user", "content": "Patch it."},
            {"role": "assistant", "tool_calls": [
                {"id": "c1", "type": "custom", "custom": {"name": "patch", "input": TEXT}},
                {"id": "c2", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "patched"},
            {"role": "tool", "tool_call_id": "c2", "content": "seen"},
            {"role": "user", "content": "Once more."},
        ],
        "tools": [
            {"type": "custom", "custom": {"name": "patch", "description": "Patches", "format":
                {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /.+/"}}}},
            {"type": "custom", "custom": {"name": "say", "format": {"type": "text"}}},
            {"type": "function", "function": {"name": "look"}},
        ],
        "tool_choice": {"type": "custom", "custom": {"name": "patch"}},
    })
}

fn told(to: Dialect) -> (Value, Vec<String>) {
    written(Dialect::OpenaiChat, &asked(false), &endpoint(to, "m"))
}

#[test]
fn responses_is_told_in_its_own_words() {
    let (sent, dropped) = told(Dialect::OpenaiResponses);
    assert_eq!(dropped, Vec::<String>::new());
    assert_eq!(
        sent["tools"],
        json!([
            {"type": "custom", "name": "patch", "description": "Patches",
                "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}},
            {"type": "custom", "name": "say"},
            {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}},
                "strict": false},
        ])
    );
    assert_eq!(
        sent["tool_choice"],
        json!({"type": "custom", "name": "patch"})
    );
    assert_eq!(
        sent["input"].as_array().map(|items| &items[1..5]),
        Some(
            &[
                json!({"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": TEXT}),
                json!({"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"}),
                json!({"type": "custom_tool_call_output", "call_id": "c1", "output": "patched"}),
                json!({"type": "function_call_output", "call_id": "c2", "output": "seen"}),
            ][..]
        )
    );
    let mut some = asked(false);
    some["tool_choice"] = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
        "tools": [{"type": "custom", "custom": {"name": "say"}},
            {"type": "function", "function": {"name": "look"}}]}});
    let to = endpoint(Dialect::OpenaiResponses, "m");
    let (sent, _) = written(Dialect::OpenaiChat, &some, &to);
    assert_eq!(
        sent["tool_choice"],
        json!({"type": "allowed_tools", "mode": "required", "tools": [
            {"type": "custom", "name": "say"}, {"type": "function", "name": "look"}]})
    );
}

#[test]
fn others_are_told_of_an_object_and_the_grammar_is_named() {
    let (sent, dropped) = told(Dialect::AnthropicMessages);
    assert_eq!(dropped, ["tools[0].format"]);
    let input = &sent["tools"][0]["input_schema"]["properties"]["input"];
    let description = input["description"].as_str().unwrap_or_default();
    assert!(description.ends_with("start: /.+/"), "{description}");
    assert_eq!(
        sent["tool_choice"],
        json!({"type": "tool", "name": "patch"})
    );
    let call = &sent["messages"][1]["content"][0];
    assert_eq!(
        (&call["name"], &call["input"]),
        (&json!("patch"), &json!({"input": TEXT}))
    );
}

#[test]
fn such_tools_prefer_responses_and_keep_a_call_from_nobody() {
    let needs = read_request(asked(false).to_string().as_bytes());
    let needs = needs.expect("a request").needs;
    assert_eq!(needs.features, Features::default());
    assert_eq!(
        needs.preferred,
        Features::default().with(Feature::CustomTools)
    );
    // What was called before is said likewise, though it is offered no more.
    let mut before = asked(false);
    for name in ["tools", "tool_choice"] {
        before.as_object_mut().expect("fields").remove(name);
    }
    let needs_before = read_request(before.to_string().as_bytes());
    let needs_before = needs_before.expect("a request").needs;
    assert_eq!(needs_before.preferred, needs.preferred);
    for (to, says) in [
        (Dialect::OpenaiChat, true),
        (Dialect::OpenaiResponses, true),
        (Dialect::AnthropicMessages, false),
    ] {
        assert_eq!(
            Dialect::OpenaiChat.reaches(to, needs.preferred),
            says,
            "{to}"
        );
    }
}

/// Answers of providers that call both kinds of tools: whole, and in frames.
fn answers() -> Vec<(Dialect, String, String)> {
    let object = json!({"input": TEXT}).to_string();
    let frames = |events: &[Value]| -> String {
        let frame = |event: &Value| {
            format!(
                "event: {}\ndata: {event}\n\n",
                event["type"].as_str().unwrap_or("x")
            )
        };
        events.iter().map(frame).collect()
    };
    let custom = |input: &str| {
        json!({"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "patch",
            "input": input})
    };
    let look = json!({"type": "function_call", "id": "fc_1", "call_id": "call_2", "name": "look",
        "arguments": "{}"});
    let response = json!({"id": "r", "model": "m", "status": "completed",
        "output": [custom(TEXT), look]});
    let (one, two) = TEXT.split_at(5);
    let delta = |delta: &str| {
        json!({"type": "response.custom_tool_call_input.delta", "output_index": 0,
            "item_id": "ctc_1", "delta": delta})
    };
    let of_responses = frames(&[
        json!({"type": "response.created", "response": {"id": "r", "model": "m"}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": custom("")}),
        delta(one),
        delta(two),
        json!({"type": "response.output_item.done", "output_index": 0, "item": custom(TEXT)}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": look}),
        json!({"type": "response.completed", "response": response}),
    ]);
    let use_of = |id: &str, name: &str, input: Value| json!({"type": "tool_use", "id": id, "name": name, "input": input});
    let message = json!({"id": "m", "type": "message", "role": "assistant", "model": "m",
        "content": [use_of("call_1", "patch", json!({"input": TEXT})), use_of("call_2", "look", json!({}))],
        "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 2}});
    let start = |index: usize, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let piece = |index: usize, json: &str| {
        json!({"type": "content_block_delta", "index": index,
            "delta": {"type": "input_json_delta", "partial_json": json}})
    };
    // Between the halves of an escape, too.
    let cut = object.find("\\n").map_or(0, |at| at + 1);
    let mut empty = message.clone();
    empty["content"] = json!([]);
    empty["stop_reason"] = Value::Null;
    let of_messages = frames(&[
        json!({"type": "message_start", "message": empty}),
        start(0, use_of("call_1", "patch", json!({}))),
        piece(0, &object[..4]),
        piece(0, &object[4..cut]),
        piece(0, &object[cut..]),
        json!({"type": "content_block_stop", "index": 0}),
        start(1, use_of("call_2", "look", json!({}))),
        piece(1, "{}"),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}}),
        json!({"type": "message_stop"}),
    ]);
    vec![
        (Dialect::OpenaiResponses, response.to_string(), of_responses),
        (Dialect::AnthropicMessages, message.to_string(), of_messages),
    ]
}

#[test]
fn calls_with_free_text_come_back_as_such_whole_and_as_they_are_said() {
    for (from, whole, frames) in answers() {
        let lane = wire::lane(Dialect::OpenaiChat, from, from).expect("a lane");
        let body = asked(false).to_string();
        let request = read_request(body.as_bytes()).expect("a request");
        let tap = || {
            lane.tap(&Asked {
                body: body.as_bytes(),
                request: &request,
                stamp: stamp(),
            })
        };
        let mut read = tap();
        read.read_whole(&Bytes::from(whole), &mut |_| ())
            .expect("an answer");
        let seen = read.write_whole(&Usage::default(), &CostText::default());
        let seen = tree(&seen.expect("written"));
        let expected = json!([
            {"id": "call_1", "type": "custom", "custom": {"name": "patch", "input": TEXT}},
            {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
        ]);
        assert_eq!(
            seen["choices"][0]["message"]["tool_calls"], expected,
            "{from}"
        );
        assert_eq!(seen["choices"][0]["finish_reason"], "tool_calls", "{from}");

        let went = matrix::stream(tap(), Framing::Sse, frames.as_bytes());
        assert_eq!(went.end, Ok(()), "{from}");
        let chunks: Vec<Value> = went
            .sent
            .lines()
            .filter_map(|line| line.strip_prefix("data: {"))
            .map(|json| tree(format!("{{{json}").as_bytes()))
            .collect();
        let calls: Vec<&Value> = chunks
            .iter()
            .flat_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].as_array())
            .flatten()
            .collect();
        let of = |index: u64| calls.iter().filter(move |call| call["index"] == index);
        let patch: Vec<_> = of(0).collect();
        assert_eq!(
            (&patch[0]["id"], &patch[0]["type"]),
            (&json!("call_1"), &json!("custom"))
        );
        assert_eq!(patch[0]["custom"], json!({"name": "patch", "input": ""}));
        let said: Vec<_> = patch[1..]
            .iter()
            .filter_map(|call| call["custom"]["input"].as_str())
            .collect();
        assert!(said.len() > 1, "{from}: as it is said: {said:?}");
        assert_eq!(said.concat(), TEXT, "{from}");
        let look: String = of(1)
            .filter_map(|call| call["function"]["arguments"].as_str())
            .collect();
        assert_eq!(look, "{}", "{from}");
    }
}
