//! What is written in this dialect out of the vocabulary, by the rules of each generation of Claude.

use chat::request::{
    CacheMark, Content, Effort, Format, Message, Part, Reasoning, Role, Source, Tool, ToolChoice,
};
use chat::{Dialect, Kind, Next, Request};
use serde_json::{Value, json};

use super::scene::{at, endpoint, written};
use crate::provider_side::translated;

fn user(text: &str) -> Message {
    Message::new(Role::User, vec![Part::text(text)])
}

fn hello() -> Request {
    Request {
        messages: vec![user("hi")],
        max_output_tokens: Some(10_000),
        ..Request::default()
    }
}

fn tool(name: &str) -> Tool {
    Tool {
        name: name.to_owned(),
        description: None,
        parameters: Some(
            json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}),
        ),
        free_text: None,
        strict: None,
        cache: None,
    }
}

fn number(text: &str) -> Option<serde_json::Number> {
    serde_json::from_str(text).ok()
}

/// How a model is told to think: the field, the effort, and what is dropped.
fn check_thinking(model: &str, reasoning: Reasoning, told: (&Value, Option<&str>), lost: &[&str]) {
    let request = Request {
        reasoning: Some(reasoning),
        ..hello()
    };
    let (body, dropped) = written(&request, &endpoint(model));
    let effort = body["output_config"]["effort"].as_str();
    assert_eq!((&body["thinking"], effort), told, "{model}");
    assert_eq!(dropped, lost, "{model}");
}

fn effort(effort: Effort) -> Reasoning {
    Reasoning {
        effort: Some(effort),
        ..Reasoning::default()
    }
}

fn budget(tokens: u64) -> Reasoning {
    Reasoning {
        max_tokens: Some(tokens),
        ..Reasoning::default()
    }
}

fn enabled(tokens: u64) -> Value {
    json!({"type": "enabled", "budget_tokens": tokens})
}

#[test]
fn older_generations_are_told_to_think_with_a_budget() {
    let nothing = Value::Null;
    let check = |model: &str, reasoning: Reasoning, thinking: &Value, lost: &[&str]| {
        check_thinking(model, reasoning, (thinking, None), lost);
    };
    let (old, new) = ("claude-3-5-haiku", "claude-sonnet-4-5");
    check(old, effort(Effort::High), &nothing, &["reasoning"]);
    check(new, effort(Effort::High), &enabled(8_000), &[]);
    check(new, effort(Effort::Minimal), &enabled(1_024), &[]);
    check(new, effort(Effort::None), &nothing, &[]);
    check(new, budget(10), &enabled(1_024), &[]);
    let too_much = ["reasoning.max_tokens"];
    check(new, budget(50_000), &enabled(9_999), &too_much);
}

#[test]
fn newer_generations_judge_themselves_how_much_to_think() {
    let adaptive = json!({"type": "adaptive", "display": "summarized"});
    let off = json!({"type": "disabled"});
    let check = check_thinking;
    let both = "claude-opus-4-6";
    check(both, effort(Effort::Minimal), (&adaptive, Some("low")), &[]);
    check(both, effort(Effort::Xhigh), (&adaptive, Some("high")), &[]);
    check(both, effort(Effort::Max), (&adaptive, Some("max")), &[]);
    check(both, budget(2_000), (&enabled(2_000), None), &[]);
    let lost = ["reasoning.max_tokens"];
    check("claude-opus-4-7", budget(2_000), (&adaptive, None), &lost);
    let xhigh = effort(Effort::Xhigh);
    check("claude-opus-4-8", xhigh, (&adaptive, Some("xhigh")), &[]);
    check("claude-opus-5", effort(Effort::None), (&off, None), &[]);
}

#[test]
fn verbosity_is_effort_and_wins() {
    let request = Request {
        verbosity: Some("low".to_owned()),
        reasoning: Some(Reasoning {
            effort: Some(Effort::High),
            ..Reasoning::default()
        }),
        ..hello()
    };
    let (body, _) = written(&request, &endpoint("claude-sonnet-4-6"));
    assert_eq!(body["output_config"]["effort"], "low");
    let (_, lost) = written(&request, &endpoint("claude-sonnet-4-5"));
    assert_eq!(lost, ["verbosity"]);
}

#[test]
fn sampling_is_told_as_far_as_it_is_taken() {
    let mut request = hello();
    request.sampling.temperature = number("0.7");
    request.sampling.top_p = number("0.9");
    request.sampling.top_k = number("5");
    request.sampling.stop = vec!["END".to_owned(), " ".to_owned()];
    let check = |request: &Request, model: &str, told: [&str; 3], dropped: &[&str]| {
        let (body, lost) = written(request, &endpoint(model));
        let said = ["temperature", "top_p", "top_k"].map(|name| body[name].to_string());
        assert_eq!(said, told, "{model}");
        assert_eq!(lost, dropped, "{model}");
        assert_eq!(body["stop_sequences"], json!(["END"]));
    };
    check(
        &request,
        "claude-3-5-sonnet",
        ["0.7", "0.9", "5"],
        &["stop"],
    );
    check(
        &request,
        "claude-opus-4-1",
        ["0.7", "null", "5"],
        &["top_p", "stop"],
    );
    check(
        &request,
        "claude-opus-4-7",
        ["null", "null", "null"],
        &["temperature", "top_p", "top_k", "stop"],
    );
    request.reasoning = Some(Reasoning {
        enabled: Some(true),
        ..Reasoning::default()
    });
    check(
        &request,
        "claude-sonnet-4-5",
        ["null", "null", "null"],
        &["temperature", "top_p", "top_k", "stop"],
    );
}

#[test]
fn an_output_limit_is_always_told() {
    let mut request = hello();
    request.max_output_tokens = None;
    let mut to = endpoint("claude-sonnet-4-5");
    assert_eq!(written(&request, &to).0["max_tokens"], 32_000);
    to.output_most = None;
    assert_eq!(written(&request, &to).0["max_tokens"], 8_192);
    to.output_most = Some(4_096);
    assert_eq!(written(&request, &to).0["max_tokens"], 4_096);
    to.output_limit = Some(77);
    request.max_output_tokens = Some(500);
    assert_eq!(written(&request, &to).0["max_tokens"], 77);
}

#[test]
fn a_forced_tool_and_thinking_do_not_go_together() {
    let request = Request {
        tools: vec![tool("look"), tool("leave")],
        tool_choice: Some(ToolChoice::Tool("look".to_owned())),
        parallel_tool_calls: Some(false),
        reasoning: Some(Reasoning {
            enabled: Some(true),
            ..Reasoning::default()
        }),
        ..hello()
    };
    let (body, lost) = written(&request, &endpoint("claude-sonnet-4-5"));
    let choice = json!({"type": "tool", "name": "look", "disable_parallel_tool_use": true});
    assert_eq!(body["tool_choice"], choice);
    assert_eq!(body.get("thinking"), None);
    assert_eq!(lost, ["reasoning"]);
    let allowed = Request {
        tool_choice: Some(ToolChoice::Allowed(true, vec!["leave".to_owned()])),
        reasoning: None,
        parallel_tool_calls: None,
        ..request
    };
    let (body, _) = written(&allowed, &endpoint("claude-sonnet-4-5"));
    assert_eq!(body["tool_choice"], json!({"type": "any"}));
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
}

#[test]
fn a_schema_is_told_where_it_is_known_and_is_a_tool_where_it_is_not() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]});
    let request = Request {
        format: Some(Format::JsonSchema {
            name: "n".to_owned(),
            description: None,
            schema: schema.clone(),
            strict: Some(true),
        }),
        ..hello()
    };
    let (body, lost) = written(&request, &endpoint("claude-sonnet-4-5"));
    let format = &body["output_config"]["format"];
    assert_eq!(format["type"], "json_schema");
    assert_eq!(format["schema"]["additionalProperties"], false);
    assert_eq!(lost, ["response_format#/properties/n/minimum"]);
    let (body, lost) = written(&request, &endpoint("claude-3-5-haiku-20241022"));
    assert_eq!(body["tools"][0]["input_schema"], schema);
    assert_eq!(
        body["tool_choice"],
        json!({"type": "tool", "name": "waybill_answer"})
    );
    assert!(lost.is_empty());
}

#[test]
fn strict_tools_have_strict_schemas_where_they_are_known() {
    let mut strict = tool("look");
    strict.strict = Some(true);
    let request = Request {
        tools: vec![strict],
        ..hello()
    };
    let (body, lost) = written(&request, &endpoint("claude-opus-4-6"));
    assert_eq!(body["tools"][0]["strict"], true);
    assert_eq!(lost, ["tools[0].parameters#/properties/n/minimum"]);
    let (body, lost) = written(&request, &endpoint("claude-3-7-sonnet"));
    assert_eq!(body["tools"][0].get("strict"), None);
    assert_eq!(lost, ["tools[0].strict"]);
}

fn result(id: &str, text: &str) -> Part {
    Content::ToolResult {
        call_id: id.to_owned(),
        name: None,
        parts: vec![Part::text(text)],
        is_error: false,
    }
    .into()
}

fn call(id: &str) -> Part {
    Content::ToolCall {
        id: id.to_owned(),
        name: "look".to_owned(),
        arguments: "{\"n\":1}".to_owned(),
    }
    .into()
}

#[test]
fn turns_alternate_and_results_come_first() {
    let request = Request {
        messages: vec![
            Message::new(Role::System, vec![Part::text("be brief")]),
            Message::new(Role::Developer, vec![Part::text("be kind")]),
            user("a"),
            user("b"),
            Message::new(Role::Assistant, vec![call("x:1"), call("y")]),
            Message::new(Role::Tool, vec![result("x:1", "one")]),
            Message::new(Role::System, vec![Part::text("now hurry")]),
            Message::new(Role::Tool, vec![result("y", "two")]),
            Message::new(Role::Assistant, vec![Part::text("so: \n")]),
        ],
        ..hello()
    };
    let (body, _) = written(&request, &endpoint("claude-sonnet-4-5"));
    let text = |text: &str| json!({"type": "text", "text": text});
    assert_eq!(body["system"], json!([text("be brief"), text("be kind")]));
    let result = |id: &str, said: &str| json!({"type": "tool_result", "tool_use_id": id, "content": [text(said)]});
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "look", "input": {"n": 1}});
    let expected = json!([
        {"role": "user", "content": [text("a"), text("b")]},
        {"role": "assistant", "content": [call("x_1"), call("y")]},
        {"role": "user", "content": [result("x_1", "one"), result("y", "two"), text("<system>\nnow hurry\n</system>")]},
        {"role": "assistant", "content": [text("so:")]},
    ]);
    assert_eq!(body["messages"], expected);
    // Tools that were called are named, even where none may be called now.
    assert_eq!(body["tools"][0]["name"], "look");
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
}

#[test]
fn pictures_and_documents_are_told_in_every_form() {
    let file = |source: Source| Content::File {
        filename: Some("a.pdf".to_owned()),
        is_cited: matches!(source, Source::Url(_)),
        source,
    };
    let base64 = |media_type: &str, data: &str| Source::Base64 {
        media_type: media_type.to_owned(),
        data: data.to_owned(),
    };
    let parts = vec![
        Content::Image {
            source: base64("image/jpg", "AAAA"),
            detail: None,
        }
        .into(),
        Content::Image {
            source: Source::Url("https://x/y.png".to_owned()),
            detail: None,
        }
        .into(),
        file(base64("application/pdf", "AAAA")).into(),
        file(base64("text/plain", "aGk=")).into(),
        file(Source::Url("https://x/y.pdf".to_owned())).into(),
    ];
    let request = Request {
        messages: vec![Message::new(Role::User, parts)],
        ..hello()
    };
    let (body, lost) = written(&request, &endpoint("claude-sonnet-4-5"));
    let blocks = &body["messages"][0]["content"];
    assert_eq!(blocks[0]["source"]["media_type"], "image/jpeg");
    assert_eq!(
        blocks[1]["source"],
        json!({"type": "url", "url": "https://x/y.png"})
    );
    assert_eq!(blocks[2]["source"]["type"], "base64");
    assert_eq!(blocks[2]["title"], "a.pdf");
    assert_eq!(blocks[3]["source"]["data"], "hi");
    assert_eq!(blocks[4]["source"]["type"], "url");
    assert_eq!(blocks[4]["citations"], json!({"enabled": true}));
    assert!(blocks[3].get("citations").is_none());
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn sound_and_films_are_left_to_endpoints_that_take_them() {
    let asked = |part: Value| {
        let text = json!({"type": "text", "text": "What is this?"});
        json!({"model": "m", "messages": [{"role": "user", "content": [text, part]}]})
    };
    let sound = json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}});
    let film = json!({"type": "video_url", "video_url": {"url": "https://x/y.mp4"}});
    for part in [sound, film] {
        let to = endpoint("claude-sonnet-4-5");
        let error = translated(Dialect::OpenaiChat, &asked(part), &to).expect_err("an error");
        assert_eq!(
            (error.kind, error.next),
            (Kind::InvalidRequest, Next::TryNextEndpoint)
        );
        assert!(error.message.contains("messages[0].content[1]"), "{error}");
    }
}

#[test]
fn breakpoints_are_four_at_most_and_the_last_ones_stay() {
    let marked = |text: &str, mark| Part {
        cache: Some(mark),
        ..Part::text(text)
    };
    let parts = (0..6)
        .map(|n| marked(&n.to_string(), CacheMark::Default))
        .chain([marked("hour", CacheMark::OneHour)])
        .collect();
    let mut request = Request {
        messages: vec![Message::new(Role::User, parts)],
        ..hello()
    };
    let marks = |body: &Value| -> Vec<String> {
        let blocks = body["messages"][0]["content"].as_array().unwrap();
        let marked = blocks
            .iter()
            .filter(|block| block.get("cache_control").is_some());
        marked
            .map(|block| block["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let named = |places: std::ops::Range<usize>| -> Vec<String> {
        places
            .map(|at| format!("messages[0].content[{at}].cache_control"))
            .collect()
    };
    let (body, lost) = written(&request, &endpoint("claude-sonnet-4-5"));
    assert_eq!(marks(&body), ["3", "4", "5", "hour"]);
    assert_eq!(lost, named(0..3));
    let hour = &body["messages"][0]["content"][6]["cache_control"];
    assert_eq!(hour, &json!({"type": "ephemeral", "ttl": "1h"}));
    request.cache = Some(CacheMark::Default);
    let (body, _) = written(&request, &endpoint("claude-sonnet-4-5"));
    assert_eq!(marks(&body), ["4", "5", "hour"]);
    assert_eq!(body["cache_control"], json!({"type": "ephemeral"}));
    let native = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    let (body, lost) = written(&request, &at(Dialect::BedrockConverse, native));
    assert_eq!(body.get("cache_control"), None);
    assert_eq!(
        marks(&body),
        ["4", "5", "hour"],
        "the last block is marked already"
    );
    assert_eq!(lost, named(0..4));
    assert_eq!(body["anthropic_version"], "bedrock-2023-05-31");
}

#[test]
fn what_cannot_be_said_is_named() {
    let mut request = hello();
    request.sampling.seed = number("1");
    request.sampling.frequency_penalty = number("1");
    request.sampling.min_p = number("0.1");
    request.service_tier = Some("flex".to_owned());
    request.prompt_cache_key = Some("k".to_owned());
    request.metadata = vec![("a".to_owned(), "b".to_owned())];
    let (_, lost) = written(&request, &endpoint("claude-sonnet-4-5"));
    let expected = [
        "service_tier",
        "min_p",
        "frequency_penalty",
        "seed",
        "metadata",
        "prompt_cache_key",
    ];
    assert_eq!(lost, expected);
}
