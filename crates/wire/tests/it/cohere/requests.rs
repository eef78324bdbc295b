//! Requests written for Cohere's Chat.

use chat::{Dialect, Next};
use serde_json::{Value, json};

use crate::provider_side::{endpoint, translated, written};

fn of_chat(body: &Value, model: &str) -> (Value, Vec<String>) {
    written(Dialect::OpenaiChat, body, &endpoint(Dialect::Cohere, model))
}

fn asked(more: &Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let fields = body.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    body
}

fn tool(name: &str, is_strict: bool) -> Value {
    json!({"type": "function", "function": {
        "name": name,
        "strict": is_strict,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "minLength": 1}},
            "required": ["city"],
        },
    }})
}

#[test]
fn a_conversation_keeps_its_roles_and_shows_pictures_to_the_model_only_as_a_user() {
    let body = json!({
        "model": "m",
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url":
                    {"url": "data:image/png;base64,AAAA", "detail": "original"}},
                {"type": "file", "file": {"filename": "facts.txt",
                    "file_data": "data:text/plain;base64,SXQgaXMgd2FybS4="}}]},
            {"role": "assistant", "content": "I look.", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "look", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "a", "content": [
                {"type": "text", "text": "a cat"},
                {"type": "image_url", "image_url": {"url": "https://x.test/cat.png"}}]},
            {"role": "assistant", "content": "A cat."},
            {"role": "user", "content": "Sure?"},
        ],
        "tools": [tool("look", false)],
        "stream": true,
    });
    let (sent, dropped) = of_chat(&body, "command-a-03-2025");
    let function = json!({"name": "look", "arguments": "{}"});
    let call = json!({"id": "a", "type": "function", "function": function});
    assert_eq!(
        sent["messages"],
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url":
                    {"url": "data:image/png;base64,AAAA", "detail": "high"}}]},
            {"role": "assistant", "tool_plan": "I look.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "a", "content": "a cat"},
            {"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "https://x.test/cat.png"}}]},
            {"role": "assistant", "content": "A cat."},
            {"role": "user", "content": "Sure?"},
        ])
    );
    let document = json!({"data": {"title": "facts.txt", "text": "It is warm."}});
    assert_eq!(sent["documents"], json!([document]));
    assert_eq!(sent["stream"], true);
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn what_cannot_be_shown_is_left_to_others() {
    for part in [
        json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}),
        json!({"type": "file", "file": {"filename": "a.pdf",
            "file_data": "data:application/pdf;base64,AAAA"}}),
    ] {
        let body = asked(&json!({"messages": [{"role": "user", "content": [part]}]}));
        let to = endpoint(Dialect::Cohere, "command-a-03-2025");
        let error = translated(Dialect::OpenaiChat, &body, &to).unwrap_err();
        assert_eq!(error.next, Next::TryNextEndpoint);
        assert_eq!(error.kind.status(), 400);
    }
}

#[test]
fn tools_are_strict_together_and_demanded_by_leaving_out_the_others() {
    let both = json!([tool("one", true), tool("two", true)]);
    let (sent, dropped) = of_chat(&asked(&json!({"tools": both})), "m");
    assert_eq!(sent["strict_tools"], true);
    let pointer = "parameters#/properties/city/minLength";
    assert_eq!(
        dropped,
        [format!("tools[0].{pointer}"), format!("tools[1].{pointer}")]
    );

    let mixed = json!([tool("one", true), tool("two", false)]);
    let (sent, dropped) = of_chat(&asked(&json!({"tools": mixed})), "m");
    assert!(sent.get("strict_tools").is_none());
    assert_eq!(dropped, ["tools[0].strict"]);

    let named = json!({"type": "function", "function": {"name": "two"}});
    for (choice, word, count) in [
        (json!("auto"), Value::Null, 2),
        (json!("none"), json!("NONE"), 2),
        (json!("required"), json!("REQUIRED"), 2),
        (named, json!("REQUIRED"), 1),
    ] {
        let tools = [tool("one", false), tool("two", false)];
        let (sent, _) = of_chat(&asked(&json!({"tools": tools, "tool_choice": choice})), "m");
        assert_eq!(sent["tool_choice"], word, "{choice}");
        assert_eq!(
            sent["tools"].as_array().map(Vec::len),
            Some(count),
            "{choice}"
        );
    }
}

#[test]
fn the_form_of_the_answer_excludes_tools() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}},
        "required": ["n"]});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let (sent, dropped) = of_chat(&asked(&json!({"response_format": format})), "m");
    let lowered = json!({"type": "object", "properties": {"n": {"type": "integer"}},
        "required": ["n"]});
    let expected = json!({"type": "json_object", "json_schema": lowered});
    assert_eq!(sent["response_format"], expected);
    assert_eq!(dropped, ["response_format#/properties/n/minimum"]);
    let body = asked(&json!({"response_format": format, "tools": [tool("one", false)]}));
    let (sent, dropped) = of_chat(&body, "m");
    assert!(sent.get("response_format").is_none());
    assert_eq!(dropped, ["response_format"]);
}

#[test]
fn thinkers_are_told_how_much() {
    let thinker = "command-a-reasoning-08-2025";
    for (reasoning, expected) in [
        (json!({"enabled": true}), json!({"type": "enabled"})),
        (
            json!({"max_tokens": 900}),
            json!({"type": "enabled", "token_budget": 900}),
        ),
        (
            json!({"effort": "low"}),
            json!({"type": "enabled", "token_budget": 1_000}),
        ),
        (json!({"effort": "none"}), json!({"type": "disabled"})),
    ] {
        let body = asked(&json!({"reasoning": reasoning, "max_tokens": 5_000}));
        let (sent, dropped) = of_chat(&body, thinker);
        assert_eq!(sent["thinking"], expected, "{reasoning}");
        assert_eq!(dropped, Vec::<String>::new());
    }
    let body = asked(&json!({"reasoning": {"effort": "low"}}));
    let (sent, dropped) = of_chat(&body, "command-a-03-2025");
    assert!(sent.get("thinking").is_none());
    assert_eq!(dropped, ["reasoning"]);
}

#[test]
fn only_unsealed_thoughts_go_back_and_only_to_thinkers() {
    let answer = |details: Value| {
        asked(&json!({"messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Ho", "reasoning_details": [details]},
            {"role": "user", "content": "?"}]}))
    };
    let plain = json!({"type": "reasoning.text", "text": "Hm."});
    let sealed = json!({"type": "reasoning.text", "text": "Hm.", "signature": "c2ln",
        "format": "anthropic-claude-v1"});
    let thinker = "command-a-reasoning-08-2025";
    for (details, model, goes_back) in [
        (&plain, thinker, true),
        (&sealed, thinker, false),
        (&plain, "command-a-03-2025", false),
    ] {
        let (sent, dropped) = of_chat(&answer(details.clone()), model);
        let content = &sent["messages"][1]["content"];
        assert_eq!(
            content[0]["thinking"] == "Hm.",
            goes_back,
            "{model} {content}"
        );
        let name = "messages[1].reasoning_details".to_owned();
        assert_eq!(dropped.contains(&name), !goes_back, "{model} {dropped:?}");
    }
}

#[test]
fn numbers_are_brought_within_what_is_known() {
    let body = asked(&json!({
        "top_p": 1, "top_k": 900, "presence_penalty": -1, "frequency_penalty": 0.5,
        "temperature": 0.7, "seed": 3, "stop": ["a", "b"], "min_p": 0.1,
    }));
    let (sent, dropped) = of_chat(&body, "m");
    assert_eq!((&sent["p"], &sent["k"]), (&json!(0.99), &json!(500)));
    assert_eq!(sent["presence_penalty"], 0);
    assert_eq!(sent["frequency_penalty"], 0.5);
    assert_eq!(sent["stop_sequences"], json!(["a", "b"]));
    assert_eq!(dropped, ["top_p", "top_k", "presence_penalty", "min_p"]);
}

#[test]
fn log_probabilities_are_asked_for_but_not_those_of_other_tokens() {
    for (more, dropped) in [
        (json!({"logprobs": true}), vec![]),
        (json!({"logprobs": true, "top_logprobs": 0}), vec![]),
        (
            json!({"logprobs": true, "top_logprobs": 2}),
            vec!["top_logprobs"],
        ),
    ] {
        let (sent, named) = of_chat(&asked(&more), "command-a-03-2025");
        assert_eq!(
            (&sent["logprobs"], named),
            (
                &json!(true),
                dropped.into_iter().map(str::to_owned).collect()
            )
        );
    }
    let mut to = endpoint(Dialect::Cohere, "command-a-03-2025");
    to.supported = Some(chat::Parameters::default());
    let (sent, named) = written(Dialect::OpenaiChat, &asked(&json!({"logprobs": true})), &to);
    assert_eq!(
        (&sent["logprobs"], named),
        (&Value::Null, vec!["logprobs".to_owned()])
    );
}
