//! Requests written for Converse.

use chat::{Dialect, Next};
use serde_json::{Value, json};

use crate::provider_side::{endpoint, translated, written};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "us.amazon.nova-pro-v1:0";

fn of_chat(body: &Value, model: &str) -> (Value, Vec<String>) {
    let to = endpoint(Dialect::BedrockConverse, model);
    written(Dialect::OpenaiChat, body, &to)
}

fn asked(more: &Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let fields = body.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    body
}

fn tool(name: &str, more: &Value) -> Value {
    let mut function = json!({
        "name": name,
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    });
    let fields = function.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    json!({"type": "function", "function": function})
}

#[test]
fn a_conversation_alternates_and_results_come_first() {
    let body = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA"}},
                {"type": "file", "file": {"filename": "Q3: plan.pdf",
                    "file_data": "data:application/pdf;base64,BBBB"}}]},
            {"role": "assistant", "content": "I look.", "tool_calls": [
                {"id": "call.1", "type": "function",
                 "function": {"name": "look", "arguments": "{\"at\":1}"}},
                {"id": "c2", "type": "function", "function": {"name": "look", "arguments": ""}}]},
            {"role": "system", "content": "Hurry."},
            {"role": "tool", "tool_call_id": "call.1", "content": "a cat"},
            {"role": "tool", "tool_call_id": "c2", "content": ""},
            {"role": "user", "content": "  "},
            {"role": "user", "content": "And?"},
        ],
        "tools": [tool("look", &json!({"description": ""}))],
        "max_tokens": 100,
        "temperature": 0.5,
        "stop": ["END", " "],
        "metadata": {"team": "a/b", "bad": "ü"},
        "service_tier": "flex",
        "seed": 1,
    });
    let (sent, dropped) = of_chat(&body, NOVA);
    assert_eq!(sent["system"], json!([{"text": "Be brief."}]));
    assert_eq!(
        sent["messages"],
        json!([
            {"role": "user", "content": [
                {"text": "What is this?"},
                {"image": {"format": "jpeg", "source": {"bytes": "AAAA"}}},
                {"document": {"format": "pdf", "name": "Q3 plan", "source": {"bytes": "BBBB"}}}]},
            {"role": "assistant", "content": [
                {"text": "I look."},
                {"toolUse": {"toolUseId": "call_1", "name": "look", "input": {"at": 1}}},
                {"toolUse": {"toolUseId": "c2", "name": "look", "input": {}}}]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "call_1", "content": [{"text": "a cat"}]}},
                {"toolResult": {"toolUseId": "c2", "content": [{"text": "(nothing)"}]}},
                {"text": "<system>\nHurry.\n</system>"},
                {"text": "And?"}]},
        ])
    );
    let inference = json!({"maxTokens": 100, "temperature": 0.5, "stopSequences": ["END"]});
    assert_eq!(sent["inferenceConfig"], inference);
    assert_eq!(sent["requestMetadata"], json!({"team": "a/b"}));
    assert_eq!(sent["serviceTier"], json!({"type": "flex"}));
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let spec = json!({"name": "look", "inputSchema": {"json": schema}});
    assert_eq!(sent["toolConfig"], json!({"tools": [{"toolSpec": spec}]}));
    for name in ["stop", "metadata.bad", "seed"] {
        assert!(dropped.iter().any(|it| it == name), "{name} in {dropped:?}");
    }
}

#[test]
fn nothing_that_must_be_seen_is_dropped() {
    for part in [
        json!({"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}),
        json!({"type": "image_url", "image_url": {"url": "data:image/heic;base64,AAAA"}}),
    ] {
        let body = asked(&json!({"messages": [{"role": "user", "content": [part]}]}));
        let to = endpoint(Dialect::BedrockConverse, CLAUDE);
        let error = translated(Dialect::OpenaiChat, &body, &to).unwrap_err();
        assert_eq!(error.next, Next::TryNextEndpoint);
        let field = error.metadata.and_then(|it| it.field);
        assert_eq!(field.as_deref(), Some("messages[0].content[0]"));
    }
}

#[test]
fn each_family_is_told_to_think_in_its_own_way() {
    for (model, reasoning, expected) in [
        (
            CLAUDE,
            json!({"max_tokens": 2000}),
            json!({"thinking": {"type": "enabled", "budget_tokens": 2000}}),
        ),
        (
            "us.anthropic.claude-sonnet-4-6",
            json!({"effort": "high"}),
            json!({"thinking": {"type": "adaptive", "display": "summarized"},
                "output_config": {"effort": "high"}}),
        ),
        (
            "us.amazon.nova-2-lite-v1:0",
            json!({"effort": "low"}),
            json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}),
        ),
        (
            "openai.gpt-oss-120b-1:0",
            json!({"effort": "medium"}),
            json!({"reasoning_effort": "medium"}),
        ),
        (
            "qwen.qwen3-32b-v1:0",
            json!({"effort": "medium"}),
            json!({"reasoning_config": "high"}),
        ),
        (NOVA, json!({"effort": "high"}), Value::Null),
    ] {
        let body = asked(&json!({"reasoning": reasoning, "max_tokens": 8000}));
        let (sent, dropped) = of_chat(&body, model);
        assert_eq!(sent["additionalModelRequestFields"], expected, "{model}");
        let is_dropped = dropped.contains(&"reasoning".to_owned());
        assert_eq!(is_dropped, expected.is_null(), "{model}: {dropped:?}");
    }
    // A budget is a part of a limit, which must then be said.
    let (sent, _) = of_chat(&asked(&json!({"reasoning": {"effort": "medium"}})), CLAUDE);
    assert_eq!(sent["inferenceConfig"]["maxTokens"], 32_000);
    // The highest effort excludes a limit.
    let (sent, _) = of_chat(
        &asked(&json!({"reasoning": {"effort": "high"}, "max_tokens": 10})),
        "amazon.nova-2-lite-v1:0",
    );
    let config = &sent["additionalModelRequestFields"]["reasoningConfig"];
    assert_eq!(config["maxReasoningEffort"], "medium");
}

#[test]
fn top_k_goes_where_each_family_has_it() {
    for (model, expected) in [
        (CLAUDE, json!({"top_k": 5})),
        (NOVA, json!({"inferenceConfig": {"topK": 5}})),
        ("cohere.command-r-v1:0", json!({"k": 5})),
        ("meta.llama3-8b-instruct-v1:0", Value::Null),
    ] {
        let (sent, dropped) = of_chat(&asked(&json!({"top_k": 5})), model);
        assert_eq!(sent["additionalModelRequestFields"], expected, "{model}");
        assert_eq!(dropped.contains(&"top_k".to_owned()), expected.is_null());
    }
}

#[test]
fn a_tool_is_demanded_as_far_as_a_family_knows_it() {
    let named = json!({"type": "function", "function": {"name": "two"}});
    for (model, choice, expected, count) in [
        (CLAUDE, json!("auto"), json!({"auto": {}}), 2),
        (CLAUDE, json!("required"), json!({"any": {}}), 2),
        (CLAUDE, named.clone(), json!({"tool": {"name": "two"}}), 2),
        (
            "mistral.mistral-large-2402-v1:0",
            named.clone(),
            json!({"any": {}}),
            1,
        ),
        (
            "meta.llama3-1-70b-instruct-v1:0",
            json!("auto"),
            Value::Null,
            2,
        ),
    ] {
        let tools = [tool("one", &json!({})), tool("two", &json!({}))];
        let body = asked(&json!({"tools": tools, "tool_choice": choice}));
        let (sent, dropped) = of_chat(&body, model);
        let config = &sent["toolConfig"];
        assert_eq!(config["toolChoice"], expected, "{model} {choice}");
        assert_eq!(config["tools"].as_array().map(Vec::len), Some(count));
        assert_eq!(dropped, Vec::<String>::new(), "{model} {choice}");
    }
    let body = asked(&json!({"tools": [tool("one", &json!({}))], "tool_choice": "none"}));
    assert!(of_chat(&body, CLAUDE).0.get("toolConfig").is_none());
    let body = asked(&json!({"tools": [tool("one", &json!({}))], "tool_choice": "required"}));
    let (sent, dropped) = of_chat(&body, "meta.llama3-1-70b-instruct-v1:0");
    assert!(sent["toolConfig"].get("toolChoice").is_none());
    assert_eq!(dropped, ["tool_choice"]);
}

#[test]
fn the_form_of_the_answer_is_said_or_stood_for_by_a_tool() {
    let schema = json!({
        "type": "object",
        "properties": {"age": {"type": "integer", "minimum": 0}},
        "required": ["age"],
    });
    let format = json!({"type": "json_schema", "json_schema": {"name": "p", "schema": schema}});
    let body = asked(&json!({"response_format": format}));
    let (sent, dropped) = of_chat(&body, CLAUDE);
    let structure = &sent["outputConfig"]["textFormat"]["structure"]["jsonSchema"];
    assert_eq!(structure["name"], "p");
    let told: Value = serde_json::from_str(structure["schema"].as_str().unwrap()).unwrap();
    assert_eq!(told["additionalProperties"], false);
    assert_eq!(dropped, ["response_format#/properties/age/minimum"]);

    let (sent, dropped) = of_chat(&body, NOVA);
    let config = &sent["toolConfig"];
    assert_eq!(config["toolChoice"]["tool"]["name"], "waybill_answer");
    assert_eq!(
        config["tools"][0]["toolSpec"]["inputSchema"]["json"],
        schema
    );
    assert_eq!(dropped, Vec::<String>::new());

    let (sent, dropped) = of_chat(&body, "meta.llama3-8b-instruct-v1:0");
    assert!(sent.get("toolConfig").is_none());
    assert_eq!(dropped, ["response_format"]);
}

#[test]
fn strict_tools_are_lowered_where_they_are_known() {
    let strict = json!({"strict": true, "parameters": {
        "type": "object", "properties": {"n": {"type": "integer", "maximum": 5}}}});
    let body = asked(&json!({"tools": [tool("one", &strict)]}));
    let (sent, dropped) = of_chat(&body, CLAUDE);
    assert_eq!(sent["toolConfig"]["tools"][0]["toolSpec"]["strict"], true);
    assert_eq!(dropped, ["tools[0].parameters#/properties/n/maximum"]);
    let (sent, dropped) = of_chat(&body, NOVA);
    assert!(
        sent["toolConfig"]["tools"][0]["toolSpec"]
            .get("strict")
            .is_none()
    );
    assert_eq!(dropped, ["tools[0].strict"]);
}

// === Caching ===

fn of_messages(body: &Value, model: &str) -> (Value, Vec<String>) {
    let to = endpoint(Dialect::BedrockConverse, model);
    written(Dialect::AnthropicMessages, body, &to)
}

/// How many cache points there are in a value.
fn points(value: &Value) -> usize {
    value.to_string().matches("\"cachePoint\"").count()
}

fn cached(marks: usize) -> Value {
    let mark = json!({"type": "ephemeral", "ttl": "1h"});
    let mut said = Vec::new();
    for at in 0..marks {
        said.push(json!({"type": "text", "text": format!("{at}"), "cache_control": mark}));
    }
    json!({
        "model": "m", "max_tokens": 10,
        "system": [{"type": "text", "text": "Rules.", "cache_control": mark}],
        "tools": [{"name": "t", "input_schema": {"type": "object"}, "cache_control": mark}],
        "messages": [{"role": "user", "content": said}],
    })
}

#[test]
fn cache_points_follow_what_is_marked_and_are_never_too_many() {
    let (sent, dropped) = of_messages(&cached(1), CLAUDE);
    let hour = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
    assert_eq!(sent["toolConfig"]["tools"][1], hour);
    assert_eq!(sent["system"][1], hour);
    assert_eq!(sent["messages"][0]["content"][1], hour);
    assert_eq!(dropped, Vec::<String>::new());

    let (sent, dropped) = of_messages(&cached(6), CLAUDE);
    assert_eq!(points(&sent), 4);
    assert_eq!(
        sent["messages"][0]["content"].as_array().map(Vec::len),
        Some(10)
    );
    assert_eq!(dropped.len(), 4);

    // Nova caches no tools, and nothing for an hour; others nothing at all.
    let (sent, dropped) = of_messages(&cached(1), NOVA);
    assert_eq!(
        sent["system"][1],
        json!({"cachePoint": {"type": "default"}})
    );
    assert_eq!((points(&sent), dropped.len()), (2, 1));
    let (sent, dropped) = of_messages(&cached(1), "qwen.qwen3-32b-v1:0");
    assert_eq!((points(&sent), dropped.len()), (0, 3));
}

#[test]
fn caching_of_the_whole_prompt_is_a_point_at_its_end() {
    let mut body = cached(0);
    body["cache_control"] = json!({"type": "ephemeral"});
    body["messages"] = json!([{"role": "user", "content": "Hi"}]);
    let (sent, dropped) = of_messages(&body, CLAUDE);
    let last = json!({"cachePoint": {"type": "default"}});
    assert_eq!(sent["messages"][0]["content"][1], last);
    assert_eq!((points(&sent), dropped), (3, vec![]));
}

// === What goes back ===

#[test]
fn claudes_thoughts_go_back_to_claude_and_to_nobody_else() {
    let body = json!({
        "model": "m", "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "tools": [{"name": "t", "input_schema": {"type": "object"}}],
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "ZGF0YQ=="},
                {"type": "tool_use", "id": "a", "name": "t", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a",
                "is_error": true, "content": [
                    {"type": "text", "text": "no"},
                    {"type": "image", "source":
                        {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]}]},
        ],
    });
    let (sent, dropped) = of_messages(&body, CLAUDE);
    let answer = &sent["messages"][1]["content"];
    let thought = json!({"reasoningText": {"text": "Hm.", "signature": "c2ln"}});
    assert_eq!(answer[0]["reasoningContent"], thought);
    assert_eq!(
        answer[1]["reasoningContent"]["redactedContent"],
        "WkdGMFlRPT0="
    );
    let image = json!({"image": {"format": "png", "source": {"bytes": "AAAA"}}});
    let content = json!([{"text": "no"}, image]);
    let result = json!({"toolUseId": "a", "content": content, "status": "error"});
    assert_eq!(sent["messages"][2]["content"][0]["toolResult"], result);
    assert_eq!(
        sent["additionalModelRequestFields"]["thinking"]["budget_tokens"],
        2000
    );
    assert_eq!(dropped, Vec::<String>::new());

    let (sent, dropped) = of_messages(&body, NOVA);
    assert_eq!(
        sent["messages"][1]["content"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(
        dropped.contains(&"messages[1].reasoning_details".to_owned()),
        "{dropped:?}"
    );
}

#[test]
fn mistral_is_answered_with_objects() {
    let call = json!({"id": "a", "type": "function",
        "function": {"name": "t", "arguments": "{}"}});
    for (said, object) in [
        ("{\"c\":20}", json!({"c": 20})),
        ("twenty", json!({"output": "twenty"})),
    ] {
        let body = asked(&json!({"messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "a", "content": said}]}));
        let (sent, _) = of_chat(&body, "mistral.mistral-large-2402-v1:0");
        let result = &sent["messages"][2]["content"][0]["toolResult"];
        assert_eq!(result["content"], json!([{"json": object}]));
        // The tool is named, as it must be where it was called.
        assert_eq!(sent["toolConfig"]["tools"][0]["toolSpec"]["name"], "t");
    }
}

#[test]
fn no_cache_point_stands_behind_a_document_that_is_made_text() {
    let mark = json!({"type": "ephemeral"});
    let file = |name: &str, kind: &str| {
        let data = format!("data:{kind};base64,AAAA");
        json!({"type": "file", "file": {"filename": name, "file_data": data}, "cache_control": mark})
    };
    let (text, pdf) = (
        file("a.md", "text/markdown"),
        file("b.pdf", "application/pdf"),
    );
    let asked =
        |content: &Value| asked(&json!({"messages": [{"role": "user", "content": content}]}));
    let question = json!({"type": "text", "text": "What?"});
    let kinds = |content: Value| -> (Vec<String>, bool) {
        let (body, dropped) = of_chat(&asked(&content), CLAUDE);
        let blocks = body["messages"][0]["content"].as_array().expect("blocks");
        let first = |block: &Value| block.as_object().and_then(|it| it.keys().next().cloned());
        let is_named = dropped.iter().any(|name| name.ends_with("cache_control"));
        (blocks.iter().filter_map(first).collect(), is_named)
    };
    for (content, expected, is_named) in [
        (
            json!([question, text]),
            vec!["text", "cachePoint", "document"],
            true,
        ),
        (json!([text, question]), vec!["document", "text"], true),
        (
            json!([pdf, text, question]),
            vec!["document", "cachePoint", "document", "text"],
            true,
        ),
        (
            json!([pdf, question]),
            vec!["document", "cachePoint", "text"],
            false,
        ),
    ] {
        assert_eq!(
            kinds(content.clone()),
            (expected.iter().map(ToString::to_string).collect(), is_named),
            "{content}"
        );
    }
}

#[test]
fn what_converse_alone_knows_may_be_said_in_its_own_words() {
    let own = json!({
        "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
        "performanceConfig": {"latency": "optimized"},
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}},
    });
    let (body, dropped) = of_chat(&asked(&own), CLAUDE);
    assert_eq!(body["guardrailConfig"], own["guardrailConfig"]);
    assert_eq!(body["performanceConfig"], own["performanceConfig"]);
    let fields = &body["additionalModelRequestFields"];
    assert_eq!(fields["thinking"]["budget_tokens"], 2000);
    assert_eq!(dropped, Vec::<String>::new());
    // In any other dialect they are named.
    let to = endpoint(Dialect::Gemini, "gemini-3-pro-preview");
    let (_, mut dropped) = written(Dialect::OpenaiChat, &asked(&own), &to);
    dropped.sort();
    let names = [
        "additionalModelRequestFields",
        "guardrailConfig",
        "performanceConfig",
    ];
    assert_eq!(dropped, names);
    // Callers of other dialects say them likewise.
    let to = endpoint(Dialect::BedrockConverse, NOVA);
    let turn = json!([{"role": "user", "content": "Hi"}]);
    for (from, mut asked) in [
        (
            Dialect::AnthropicMessages,
            json!({"max_tokens": 9, "messages": turn}),
        ),
        (Dialect::OpenaiResponses, json!({"input": turn})),
        (
            Dialect::Gemini,
            json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}),
        ),
    ] {
        if from != Dialect::Gemini {
            asked["model"] = json!("m");
        }
        for name in ["guardrailConfig", "performanceConfig"] {
            asked[name] = own[name].clone();
        }
        let (body, dropped) = written(from, &asked, &to);
        assert_eq!(body["guardrailConfig"], own["guardrailConfig"], "{from}");
        assert_eq!(
            body["performanceConfig"], own["performanceConfig"],
            "{from}"
        );
        assert_eq!(dropped, Vec::<String>::new(), "{from}");
        // To others than Amazon they are named.
        let (body, mut dropped) = written(from, &asked, &endpoint(Dialect::OpenaiChat, "gpt-5.1"));
        dropped.sort();
        assert_eq!(dropped, ["guardrailConfig", "performanceConfig"], "{from}");
        assert!(body.get("guardrailConfig").is_none(), "{from}");
    }
}

#[test]
fn prompts_are_counted_in_the_form_that_would_be_sent() {
    let ask = |from: Dialect, body: Dialect, model: &'static str, request: &Value| {
        let text = request.to_string();
        let read = wire::door(from).expect("a door");
        let incoming = read
            .read_request(text.as_bytes(), wire::Beside::default())
            .expect("a request");
        let lane = wire::lane(from, Dialect::BedrockConverse, body).expect("a lane");
        let to = endpoint(Dialect::BedrockConverse, model);
        let asked = lane.write_count((text.as_bytes(), &incoming), &to);
        let question = asked.expect("written").expect("a question");
        assert_eq!(lane.read_count(br#"{"inputTokens":42}"#), Some(42));
        assert_eq!(lane.read_count(br#"{"message":"no"}"#), None);
        crate::cases::tree(&question.body)
    };
    let messages = json!({"model": "m", "max_tokens": 9, "system": "Be brief.",
        "messages": [{"role": "user", "content": "Hi"}]});
    let converse = ask(
        Dialect::AnthropicMessages,
        Dialect::BedrockConverse,
        NOVA,
        &messages,
    );
    let counted = &converse["input"]["converse"];
    assert_eq!(counted["messages"][0]["content"][0]["text"], "Hi");
    assert_eq!(counted["system"][0]["text"], "Be brief.");
    assert!(counted.get("inferenceConfig").is_none(), "{counted}");
    let invoke = ask(
        Dialect::AnthropicMessages,
        Dialect::AnthropicMessages,
        CLAUDE,
        &messages,
    );
    let body = invoke["input"]["invokeModel"]["body"]
        .as_str()
        .expect("base64");
    let body = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body);
    let body = crate::cases::tree(&body.expect("base64"));
    assert_eq!(body["anthropic_version"], "bedrock-2023-05-31");
    assert_eq!(
        (&body["system"], &body["max_tokens"]),
        (&json!("Be brief."), &json!(9))
    );
}
