//! Providers of Chat Completions who know tools that are called with free text, and those who do not:
//! what they are told, and what callers are told of their answers.

use bytes::Bytes;
use chat::{Dialect, Usage};
use serde_json::{Value, json};
use wire::frame::Framing;
use wire::{Asked, Beside, CostText, Lane, Outgoing, Quirk, Written};

use crate::cases::{stamp, tree};
use crate::matrix;
use crate::provider_side::endpoint;

const TEXT: &str = "*** \"a\"\n{ü";

/// The tools, of which one has a grammar, in a caller's words.
fn tools(caller: Dialect) -> Value {
    let grammar = json!({"syntax": "regex", "definition": "\\*+ .+"});
    match caller {
        Dialect::OpenaiResponses => json!([
            {"type": "custom", "name": "patch", "description": "Patches",
                "format": {"type": "grammar", "syntax": "regex", "definition": "\\*+ .+"}},
            {"type": "custom", "name": "say"},
            {"type": "function", "name": "look", "parameters": {"type": "object"}},
        ]),
        _ => json!([
            {"type": "custom", "custom": {"name": "patch", "description": "Patches",
                "format": {"type": "grammar", "grammar": grammar}}},
            {"type": "custom", "custom": {"name": "say"}},
            {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}},
        ]),
    }
}

/// A conversation in which both kinds of tools were called, and one with free text must be called.
fn asked(caller: Dialect) -> Value {
    let tools = tools(caller);
    match caller {
        Dialect::OpenaiResponses => json!({
            "model": "m",
            "tools": tools,
            "tool_choice": {"type": "custom", "name": "patch"},
            "input": [
                {"role": "user", "content": "Patch it."},
                {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": TEXT},
                {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"},
                {"type": "custom_tool_call_output", "call_id": "c1", "output": "patched"},
                {"type": "function_call_output", "call_id": "c2", "output": "seen"},
                {"role": "user", "content": "Once more."},
            ],
        }),
        _ => json!({
            "model": "m",
            "messages": [
                {"role": "user", "content": "Patch it."},
                {"role": "assistant", "content": null, "tool_calls": called()},
                {"role": "tool", "tool_call_id": "c1", "content": "patched"},
                {"role": "tool", "tool_call_id": "c2", "content": "seen"},
                {"role": "user", "content": "Once more."},
            ],
            "tools": tools,
            "tool_choice": {"type": "custom", "custom": {"name": "patch"}},
        }),
    }
}

/// Both calls in Chat's words.
fn called() -> Value {
    json!([
        {"id": "c1", "type": "custom", "custom": {"name": "patch", "input": TEXT}},
        {"id": "c2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
    ])
}

/// The lane in which everything is written anew, from Chat as well.
fn anew(caller: Dialect) -> Lane {
    let chat = Dialect::OpenaiChat;
    wire::translation(caller, chat, chat).expect("a lane")
}

fn written(caller: Dialect, body: &Value, to: &Outgoing<'_>) -> (Value, Vec<String>) {
    let text = body.to_string();
    let door = wire::door(caller).expect("a door");
    let request = door.read_request(text.as_bytes(), Beside::default());
    let request = request.expect("a request");
    let written = anew(caller).write((text.as_bytes(), &request), to);
    let Written { body, dropped, .. } = written.expect("a body");
    (tree(&body), dropped)
}

const CALLERS: [Dialect; 2] = [Dialect::OpenaiResponses, Dialect::OpenaiChat];

#[test]
fn who_knows_free_text_is_told_in_the_dialects_own_words() {
    for (habit, model) in [
        ("free-text-tools", "any"),
        ("free-text-tools-gpt-5", "gpt-5.4"),
    ] {
        let habits = [Quirk::from_name(habit).expect("a habit")];
        let to = Outgoing {
            quirks: &habits,
            ..endpoint(Dialect::OpenaiChat, model)
        };
        for caller in CALLERS {
            let mut body = asked(caller);
            let (sent, dropped) = written(caller, &body, &to);
            assert_eq!(dropped, Vec::<String>::new(), "{caller}");
            assert_eq!(sent["tools"], tools(Dialect::OpenaiChat), "{caller}");
            assert_eq!(
                sent["tool_choice"],
                json!({"type": "custom", "custom": {"name": "patch"}}),
                "{caller}"
            );
            assert_eq!(
                sent["messages"],
                asked(Dialect::OpenaiChat)["messages"],
                "{caller}"
            );
            // All are shown, and some are allowed: what is cached of the prompt stays the same.
            let named = |kind: &str, name: &str| match caller {
                Dialect::OpenaiResponses => json!({"type": kind, "name": name}),
                _ => json!({"type": kind, kind: {"name": name}}),
            };
            let some = json!([named("custom", "say"), named("function", "look")]);
            body["tool_choice"] = match caller {
                Dialect::OpenaiResponses => {
                    json!({"type": "allowed_tools", "mode": "required", "tools": some})
                }
                _ => json!({"type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": some}}),
            };
            let (sent, _) = written(caller, &body, &to);
            assert_eq!(sent["tools"], tools(Dialect::OpenaiChat), "{caller}");
            assert_eq!(
                sent["tool_choice"],
                json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
                    {"type": "custom", "custom": {"name": "say"}},
                    {"type": "function", "function": {"name": "look"}}]}}),
                "{caller}"
            );
        }
    }
}

#[test]
fn who_does_not_is_told_of_functions_and_the_grammar_is_named() {
    let known = [Quirk::from_name("free-text-tools-gpt-5").expect("a habit")];
    for (habits, model) in [(&[][..], "deepseek-chat"), (&known[..], "gpt-4o")] {
        let to = Outgoing {
            quirks: habits,
            ..endpoint(Dialect::OpenaiChat, model)
        };
        for caller in CALLERS {
            let (sent, dropped) = written(caller, &asked(caller), &to);
            assert_eq!(dropped, ["tools[0].format"], "{caller}");
            let kinds: Vec<_> = sent["tools"].as_array().expect("tools").iter().collect();
            assert!(kinds.iter().all(|tool| tool["type"] == "function"));
            let input = &kinds[0]["function"]["parameters"]["properties"]["input"];
            let said = input["description"].as_str().unwrap_or_default();
            assert!(said.ends_with("\\*+ .+"), "{said}");
            assert_eq!(
                sent["tool_choice"],
                json!({"type": "function", "function": {"name": "patch"}})
            );
            let call = &sent["messages"][1]["tool_calls"][0];
            assert_eq!(call["type"], "function", "{caller}");
            assert_eq!(
                tree(
                    call["function"]["arguments"]
                        .as_str()
                        .expect("text")
                        .as_bytes()
                ),
                json!({"input": TEXT})
            );
        }
    }
}

fn answer(calls: &Value) -> String {
    let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
    json!({"id": "r", "object": "chat.completion", "created": 1, "model": "gpt-5.4", "choices": [
        {"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}})
    .to_string()
}

/// Chunks as OpenAI sends them, the text in pieces; every call at the index 0 where `is_unsorted`, as
/// some hosts have it.
fn chunks(is_unsorted: bool) -> String {
    let (one, two) = TEXT.split_at(5);
    let second = if is_unsorted { 0 } else { 1 };
    let calls = [
        json!({"index": 0, "id": "c1", "type": "custom", "custom": {"name": "patch", "input": ""}}),
        json!({"index": 0, "custom": {"input": one}}),
        json!({"index": 0, "custom": {"input": two}}),
        json!({"index": second, "id": "c2", "type": "function",
            "function": {"name": "look", "arguments": ""}}),
        json!({"index": second, "function": {"arguments": "{}"}}),
    ];
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let chunk = json!({"id": "r", "object": "chat.completion.chunk", "created": 1,
            "model": "gpt-5.4", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let calls = calls.map(|call| chunk(json!({"tool_calls": [call]}), Value::Null));
    let end = chunk(json!({}), json!("tool_calls"));
    format!("{}{end}data: [DONE]\n\n", calls.concat())
}

/// What a caller is told of a whole answer, and of frames.
fn heard(caller: Dialect, whole: &str, frames: &str) -> (Value, Vec<Value>) {
    let body = asked(caller).to_string();
    let door = wire::door(caller).expect("a door");
    let request = door.read_request(body.as_bytes(), Beside::default());
    let request = request.expect("a request");
    let tap = || {
        anew(caller).tap(&Asked {
            body: body.as_bytes(),
            request: &request,
            stamp: stamp(),
        })
    };
    let mut read = tap();
    let is_read = read.read_whole(&Bytes::from(whole.to_owned()), &mut |_| ());
    is_read.expect("an answer");
    let told = read.write_whole(&Usage::default(), &CostText::default());
    let went = matrix::stream(tap(), Framing::Sse, frames.as_bytes());
    assert_eq!(went.end, Ok(()), "{caller}");
    let lines = went.sent.lines();
    let events = lines.filter_map(|line| line.strip_prefix("data: {"));
    let events = events.map(|json| tree(format!("{{{json}").as_bytes()));
    (tree(&told.expect("written")), events.collect())
}

#[test]
fn callers_of_responses_hear_free_text_whole_and_as_it_is_said() {
    for is_unsorted in [false, true] {
        let frames = chunks(is_unsorted);
        let (told, events) = heard(Dialect::OpenaiResponses, &answer(&called()), &frames);
        let is = |item: &Value, name: &str, kind: &str, id: &str| {
            assert_eq!(
                (&item["type"], &item["name"], &item["call_id"]),
                (&json!(kind), &json!(name), &json!(id))
            );
        };
        let of = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
        let last = of("response.completed").next().expect("an end");
        for output in [&told["output"], &last["response"]["output"]] {
            let output = output.as_array().expect("items");
            assert_eq!(output.len(), 2, "{output:?}");
            is(&output[0], "patch", "custom_tool_call", "c1");
            is(&output[1], "look", "function_call", "c2");
            assert_eq!(
                (&output[0]["input"], &output[1]["arguments"]),
                (&json!(TEXT), &json!("{}"))
            );
        }
        let pieces: Vec<_> = of("response.custom_tool_call_input.delta")
            .filter_map(|event| event["delta"].as_str())
            .collect();
        assert_eq!((pieces.len(), pieces.concat()), (2, TEXT.to_owned()));
        let done = of("response.custom_tool_call_input.done").next();
        assert_eq!(done.expect("its end")["input"], TEXT);
        // One item ends before the next one begins.
        let order: Vec<_> = events
            .iter()
            .filter_map(|event| event["type"].as_str())
            .filter(|kind| kind.starts_with("response.output_item"))
            .collect();
        let (added, done) = ("response.output_item.added", "response.output_item.done");
        assert_eq!(order, [added, done, added, done]);
    }
}

#[test]
fn callers_of_chat_hear_it_as_it_was_said() {
    let (told, events) = heard(Dialect::OpenaiChat, &answer(&called()), &chunks(false));
    let choice = &told["choices"][0];
    assert_eq!(choice["message"]["tool_calls"], called());
    assert_eq!(choice["finish_reason"], "tool_calls");
    let calls = events.iter().flat_map(|chunk| {
        let calls = chunk["choices"][0]["delta"]["tool_calls"].as_array();
        calls.into_iter().flatten()
    });
    let said: String = calls
        .filter_map(|call| call["custom"]["input"].as_str())
        .collect();
    assert_eq!(said, TEXT);
}

#[test]
fn functions_that_stand_for_free_text_come_back_as_it() {
    let arguments = json!({"input": TEXT}).to_string();
    let calls = json!([
        {"id": "c1", "type": "function", "function": {"name": "patch", "arguments": arguments}},
        {"id": "c2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
    ]);
    let (told, _) = heard(Dialect::OpenaiChat, &answer(&calls), &chunks(false));
    assert_eq!(told["choices"][0]["message"]["tool_calls"], called());
    let (told, _) = heard(Dialect::OpenaiResponses, &answer(&calls), &chunks(false));
    assert_eq!(told["output"][0]["input"], TEXT);
}

#[test]
fn a_text_that_goes_on_after_its_end_makes_the_answer_an_error() {
    let late = json!({"choices": [{"index": 0, "delta":
        {"tool_calls": [{"index": 0, "custom": {"input": "more"}}]}}]});
    let sorted = chunks(false);
    let (before, end) = sorted.split_at(sorted.rfind("data: {").expect("an end"));
    let frames = format!("{before}data: {late}\n\n{end}");
    let body = asked(Dialect::OpenaiResponses).to_string();
    let door = wire::door(Dialect::OpenaiResponses).expect("a door");
    let request = door.read_request(body.as_bytes(), Beside::default());
    let tap = anew(Dialect::OpenaiResponses).tap(&Asked {
        body: body.as_bytes(),
        request: &request.expect("a request"),
        stamp: stamp(),
    });
    let went = matrix::stream(tap, Framing::Sse, frames.as_bytes());
    assert!(went.end.is_err(), "{:?}", went.end);
}
