//! What an answer says: tools, JSON, reasoning, limits, and what a script changes about it.

use serde_json::{Value, json};
use simulator::count_tokens;

use crate::client::{Reply, chat, question, start, streamed};

fn tools() -> Value {
    json!([
        {"type": "function", "function": {"name": "weather", "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "minLength": 12},
                "unit": {"enum": ["celsius", "kelvin"]},
                "days": {"type": "integer", "minimum": 3},
                "exact": {"type": "boolean"},
                "at": {"$ref": "#/$defs/at"},
            },
            "required": ["city"],
            "$defs": {"at": {"type": "array", "items": {"type": "number"}, "minItems": 2}},
        }}},
        {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}},
    ])
}

fn with_tools(mut body: Value, choice: Value) -> Value {
    body["tools"] = tools();
    body["tool_choice"] = choice;
    body
}

/// The tool calls of a stream, put together from their fragments: name and arguments by index.
fn assembled(reply: &Reply) -> Vec<(String, String)> {
    let mut calls: Vec<(String, String)> = Vec::new();
    for event in reply.events() {
        let deltas = event
            .pointer("/choices/0/delta/tool_calls")
            .cloned()
            .unwrap_or(json!([]));
        for delta in deltas.as_array().expect("an array") {
            let index = usize::try_from(delta["index"].as_u64().expect("index")).expect("small");
            if let Some(name) = delta["function"]["name"].as_str() {
                assert_eq!(calls.len(), index);
                assert!(delta["id"].is_string() && delta["type"] == "function");
                calls.push((name.to_owned(), String::new()));
            }
            calls[index]
                .1
                .push_str(delta["function"]["arguments"].as_str().expect("arguments"));
        }
    }
    calls
}

#[tokio::test]
async fn a_required_tool_is_called_with_arguments_that_fit_its_schema() {
    let simulator = start().await;
    let body = with_tools(question("m"), json!("required"));
    let choice = chat(&simulator, &body).await.json()["choices"][0].clone();
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "weather");
    let arguments = call["function"]["arguments"].as_str().expect("text");
    let arguments: Value = serde_json::from_str(arguments).expect("JSON");
    assert_eq!(
        arguments,
        json!({"city": "simulatedxxx", "unit": "celsius", "days": 3, "exact": true, "at": [1, 1]})
    );
}

#[tokio::test]
async fn a_forced_tool_is_called_by_name_and_an_optional_one_is_not() {
    let simulator = start().await;
    let forced = json!({"type": "function", "function": {"name": "clock"}});
    let reply = chat(&simulator, &with_tools(streamed("m"), forced)).await;
    assert_eq!(assembled(&reply), [("clock".to_owned(), "{}".to_owned())]);
    for choice in ["auto", "none"] {
        let reply = chat(&simulator, &with_tools(streamed("m"), json!(choice))).await;
        assert_eq!(reply.finishes(), ["stop"], "{choice}");
    }
    let reply = chat(
        &simulator,
        &with_tools(streamed("m!no-tools"), json!("required")),
    )
    .await;
    assert_eq!(reply.finishes(), ["stop"]);
}

#[tokio::test]
async fn a_script_calls_tools_in_parallel_unless_the_request_forbids_it() {
    let simulator = start().await;
    let mut body = with_tools(
        streamed("m!tools=3,arguments=%7B%22a%22%3A1%7D"),
        json!("auto"),
    );
    let reply = chat(&simulator, &body).await;
    let names: Vec<_> = assembled(&reply)
        .into_iter()
        .map(|(name, arguments)| {
            assert_eq!(arguments, "{\"a\":1}");
            name
        })
        .collect();
    assert_eq!(names, ["weather", "clock", "weather"]);
    assert_eq!(reply.finishes(), ["tool_calls"]);
    body["parallel_tool_calls"] = json!(false);
    assert_eq!(assembled(&chat(&simulator, &body).await).len(), 1);
    assert_eq!(
        chat(&simulator, &streamed("m!tools")).await.finishes(),
        ["stop"],
        "none offered"
    );
}

#[tokio::test]
async fn an_unclosed_tool_call_stops_half_way_and_says_that_all_is_well() {
    let simulator = start().await;
    let body = with_tools(streamed("m!unclosed-tool"), json!("required"));
    let reply = chat(&simulator, &body).await;
    let calls = assembled(&reply);
    assert!(calls[0].1.starts_with('{'));
    assert!(serde_json::from_str::<Value>(&calls[0].1).is_err());
    assert_eq!(reply.finishes(), ["tool_calls"]);
    assert_eq!(reply.frames().last().map(String::as_str), Some("[DONE]"));
}

#[tokio::test]
async fn json_formats_are_answered_with_json_that_fits() {
    let simulator = start().await;
    let mut body = question("m");
    body["response_format"] = json!({"type": "json_object"});
    let text = chat(&simulator, &body).await.json()["choices"][0]["message"]["content"].clone();
    let value: Value = serde_json::from_str(text.as_str().expect("text")).expect("JSON");
    assert_eq!(value["simulated"], true);
    let schema = json!({"type": "object", "properties": {"n": {"type": ["integer", "null"], "maximum": -5},
        "s": {"anyOf": [{"const": "x"}, {"type": "null"}]}, "d": {"type": "string", "format": "date"}}});
    body["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema}});
    body["stream"] = json!(true);
    let text = chat(&simulator, &body).await.joined("content");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value, json!({"n": -5, "s": "x", "d": "2026-01-01"}));
}

#[tokio::test]
async fn reasoning_comes_first_in_the_field_that_is_scripted_and_is_counted() {
    let simulator = start().await;
    let reply = chat(&simulator, &streamed("m!reasoning=40,usage=always")).await;
    assert_eq!(count_tokens(&reply.joined("reasoning_content")), 40);
    let events = reply.events();
    let has = |field: &'static str| {
        events.iter().position(move |e| {
            e.pointer(&format!("/choices/0/delta/{field}"))
                .is_some_and(|t| t != "")
        })
    };
    assert!(has("reasoning_content") < has("content"));
    let usage = &reply.usages()[0];
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 40);
    assert_eq!(
        usage["completion_tokens"],
        40 + count_tokens(&reply.joined("content"))
    );
    let other = chat(
        &simulator,
        &question("m!reasoning=2,reasoning-field=reasoning"),
    )
    .await
    .json();
    assert_eq!(other["choices"][0]["message"]["reasoning"], "Simulate");
    let hidden = chat(&simulator, &question("m!reasoning,reasoning-field=none"))
        .await
        .json();
    assert!(
        hidden["choices"][0]["message"]
            .get("reasoning_content")
            .is_none()
    );
    assert_eq!(
        hidden["usage"]["completion_tokens_details"]["reasoning_tokens"],
        12
    );
}

#[tokio::test]
async fn token_limits_cut_the_answer_to_length() {
    let simulator = start().await;
    for field in ["max_tokens", "max_completion_tokens"] {
        let mut body = question("m");
        body[field] = json!(5);
        let value = chat(&simulator, &body).await.json();
        assert_eq!(value["choices"][0]["finish_reason"], "length");
        assert_eq!(
            value["choices"][0]["message"]["content"],
            "This is a simulated "
        );
        assert_eq!(value["usage"]["completion_tokens"], 5);
    }
    let mut body = question("m!reasoning=40");
    body["max_tokens"] = json!(5);
    let value = chat(&simulator, &body).await.json();
    assert_eq!(value["choices"][0]["message"]["content"], "");
    assert_eq!(
        value["usage"]["completion_tokens_details"]["reasoning_tokens"],
        5
    );
}

#[tokio::test]
async fn stops_choices_and_logprobs_are_honoured() {
    let simulator = start().await;
    let mut body = question("m");
    body["stop"] = json!(["nowhere", " answer"]);
    let value = chat(&simulator, &body).await.json();
    assert_eq!(
        value["choices"][0]["message"]["content"],
        "This is a simulated"
    );
    assert_eq!(value["choices"][0]["finish_reason"], "stop");
    let mut body = streamed("m");
    body["n"] = json!(2);
    let indices: Vec<_> = chat(&simulator, &body)
        .await
        .events()
        .iter()
        .map(|e| e["choices"][0]["index"].clone())
        .collect();
    assert!(indices.contains(&json!(0)) && indices.contains(&json!(1)));
    let mut body = question("m!text=Hey%20you%C3%BC");
    body["logprobs"] = json!(true);
    let value = chat(&simulator, &body).await.json();
    let tokens: String = value["choices"][0]["logprobs"]["content"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| entry["token"].as_str().expect("token"))
        .collect();
    assert_eq!(tokens, "Hey youü");
}

#[tokio::test]
async fn length_pieces_and_model_name_are_as_scripted() {
    let simulator = start().await;
    let reply = chat(
        &simulator,
        &streamed("m!chunks=100,tokens=1000,served-model=gpt-2"),
    )
    .await;
    assert_eq!(reply.joined("content").len(), 4000);
    assert_eq!(
        reply.frames().len(),
        100 + 3,
        "role, finish and [DONE] beside the text"
    );
    assert!(reply.events().iter().all(|event| event["model"] == "gpt-2"));
    let reply = chat(&simulator, &streamed("m!chunks=7")).await;
    assert_eq!(reply.frames().len(), 7 + 3);
    let reply = chat(&simulator, &streamed("m!chunks=500")).await;
    assert_eq!(
        reply.frames().len(),
        500 + 3,
        "the text grows with the pieces"
    );
}

#[tokio::test]
async fn an_answer_can_be_empty_huge_or_end_for_another_reason() {
    let simulator = start().await;
    let reply = chat(&simulator, &streamed("m!empty")).await;
    assert_eq!(
        (reply.joined("content"), reply.finishes()),
        (String::new(), vec!["stop".to_owned()])
    );
    let reply = chat(&simulator, &streamed("m!huge=300000")).await;
    assert_eq!(reply.joined("content").len(), 300_000);
    assert_eq!(reply.frames().len(), 1 + 3);
    let reply = chat(&simulator, &streamed("m!finish=content_filter")).await;
    assert_eq!(reply.finishes(), ["content_filter"]);
    let reply = chat(&simulator, &streamed("m!finish=missing")).await;
    assert!(reply.finishes().is_empty());
    assert_eq!(reply.frames().last().map(String::as_str), Some("[DONE]"));
}
