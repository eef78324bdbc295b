//! Requests at the door: what is refused, what only this dialect can say, what goes to the provider.

use chat::{Dialect, Feature, Features, Modality, Parameter};
use serde_json::{Value, json};
use wire::codec::Inbound as _;
use wire::openai_responses::OpenaiResponses;
use wire::{Outgoing, Quirk};

use super::{read, same, to};
use crate::cases::tree;

fn asked(more: &Value) -> Value {
    let mut body = json!({"model": "m", "input": "hi"});
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

#[test]
fn state_that_is_not_kept_is_refused_with_the_way_out() {
    for (more, field, way_out) in [
        (
            json!({"store": true}),
            "store",
            "send the whole conversation",
        ),
        (
            json!({"previous_response_id": "resp_1"}),
            "previous_response_id",
            "send the earlier input and output items again",
        ),
        (
            json!({"conversation": {"id": "conv_1"}}),
            "conversation",
            "send the earlier items",
        ),
        (json!({"background": true}), "background", "stream: true"),
        (
            json!({"input": [{"type": "item_reference", "id": "msg_1"}]}),
            "input[0]",
            "send the item itself",
        ),
    ] {
        let error = read(&asked(&more)).expect_err(field);
        assert_eq!(error.kind.status(), 400);
        assert!(error.message.contains(way_out), "{}", error.message);
        let at = error.metadata.and_then(|facts| facts.field);
        assert_eq!(at.as_deref(), Some(field));
    }
    let fine = json!({
        "store": false, "previous_response_id": null, "conversation": null, "background": false,
    });
    assert!(read(&asked(&fine)).is_ok());
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (body, place) in [
        (json!({"model": "m"}), "input"),
        (json!({"model": "m", "input": 7}), "input"),
        (
            asked(&json!({"input": [{"role": "robot", "content": ""}]})),
            "input[0].role",
        ),
        (
            asked(&json!({"input": [{"content": "x"}]})),
            "input[0].type",
        ),
        (
            asked(&json!({"input": [{"role": "user", "content": [{"type": "input_text"}]}]})),
            "input[0].content[0].text",
        ),
        (
            asked(&json!({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]})),
            "input[0].call_id",
        ),
        (asked(&json!({"temperature": 3})), "temperature"),
        (
            asked(&json!({"text": {"format": {"type": "json_schema", "name": "x"}}})),
            "text.format.schema",
        ),
        (
            asked(&json!({"reasoning": {"effort": "low", "max_tokens": 9}})),
            "reasoning",
        ),
        (
            asked(&json!({"tools": [{"type": "function"}]})),
            "tools[0].name",
        ),
    ] {
        let error = read(&body).expect_err(place);
        let at = error
            .metadata
            .as_ref()
            .and_then(|facts| facts.field.as_deref());
        assert_eq!(at, Some(place), "{}", error.message);
    }
}

#[test]
fn what_only_some_dialects_can_say_is_seen() {
    let features = |more: &Value| read(&asked(more)).expect("a request").needs.features;
    for (more, feature) in [
        (
            json!({"tools": [{"type": "web_search"}]}),
            Feature::ServerTools,
        ),
        (
            json!({"tools": [{"type": "mcp", "server_label": "x"}]}),
            Feature::ServerTools,
        ),
        (json!({"tools": [{"type": "shell"}]}), Feature::ServerTools),
        (
            json!({"tool_choice": {"type": "apply_patch"}}),
            Feature::ServerTools,
        ),
        (json!({"prompt": {"id": "pmpt_1"}}), Feature::StoredState),
        (
            json!({"input": [{"type": "compaction", "encrypted_content": "x"}]}),
            Feature::NativeContent,
        ),
        (
            json!({"context_management": [{"type": "compaction"}]}),
            Feature::NativeContent,
        ),
        (
            json!({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}),
            Feature::StoredFiles,
        ),
        (
            json!({"include": ["message.output_text.logprobs"]}),
            Feature::Logprobs,
        ),
        (json!({"top_logprobs": 3}), Feature::Logprobs),
        (
            json!({"modalities": ["text", "image"]}),
            Feature::ImageOutput,
        ),
    ] {
        let expected = Features::default().with(feature);
        assert_eq!(features(&more), expected, "{more}");
    }
    let plain = json!({
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        "include": ["reasoning.encrypted_content"],
    });
    assert!(features(&plain).is_empty());
}

/// What an agent offers beside tools of its own keeps no call from anybody, but is kept in mind.
#[test]
fn what_is_better_said_in_this_dialect_is_seen_apart() {
    let own = json!({"type": "function", "name": "f", "parameters": {}});
    let search = json!({"type": "web_search"});
    for (more, preferred) in [
        (
            json!({"tools": [{"type": "custom", "name": "sql"}]}),
            Feature::CustomTools,
        ),
        (
            json!({"tools": [{"type": "namespace", "name": "n", "tools": [own]}]}),
            Feature::Namespaces,
        ),
        (
            json!({"input": [{"type": "custom_tool_call_output", "call_id": "c", "output": "x"}]}),
            Feature::CustomTools,
        ),
        (json!({"tools": [own, search]}), Feature::ServerTools),
        (
            json!({"input": [{"type": "web_search_call", "id": "ws_1", "status": "completed"}]}),
            Feature::NativeContent,
        ),
    ] {
        let needs = read(&asked(&more)).expect("a request").needs;
        assert!(needs.features.is_empty(), "{more}");
        assert_eq!(needs.preferred, Features::default().with(preferred));
    }
    let forced = json!({"tools": [own, search], "tool_choice": {"type": "web_search"}});
    let needs = read(&asked(&forced)).expect("a request").needs;
    assert!(needs.features.contains(Feature::ServerTools));
}

#[test]
fn tools_of_this_dialect_alone_are_told_under_names_that_others_take() {
    let schema = json!({"type": "object", "properties": {"to": {"type": "string"}}});
    let body = json!({
        "model": "m",
        "input": [
            {"role": "user", "content": "hi"},
            {"type": "function_call", "call_id": "c1", "namespace": "agents", "name": "send", "arguments": "{\"to\":\"x\"}"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** \"a\"\n"},
            {"type": "function_call_output", "call_id": "c1", "output": "sent"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "patched"},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        ],
        "tools": [
            {"type": "namespace", "name": "agents", "description": "Agents.", "tools": [
                {"type": "function", "name": "send", "description": "Send.", "parameters": schema}]},
            {"type": "custom", "name": "patch", "description": "Patch.",
                "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}},
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "custom", "name": "patch"},
    });
    let lane = wire::lane(
        Dialect::OpenaiResponses,
        Dialect::AnthropicMessages,
        Dialect::AnthropicMessages,
    );
    let incoming = read(&body).expect("a request");
    let text = body.to_string();
    let sent = lane
        .expect("a lane")
        .write((text.as_bytes(), &incoming), &to("claude-sonnet-4-5"))
        .expect("a body");
    let told = tree(&sent.body);
    let names: Vec<_> = told["tools"].as_array().expect("tools").iter().collect();
    let names: Vec<_> = names.iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["agents__send", "patch"]);
    let input = &told["tools"][1]["input_schema"]["properties"]["input"];
    assert!(
        input["description"]
            .as_str()
            .expect("text")
            .ends_with("start: /.+/")
    );
    assert_eq!(told["tool_choice"]["name"], "patch");
    assert_eq!(
        told["messages"][1]["content"],
        json!([
            {"type": "tool_use", "id": "c1", "name": "agents__send", "input": {"to": "x"}},
            {"type": "tool_use", "id": "c2", "name": "patch", "input": {"input": "*** \"a\"\n"}},
        ])
    );
    assert_eq!(told["messages"][2]["content"][1]["tool_use_id"], "c2");
    for lost in ["tools[1].format", "tools[2]", "input[5]"] {
        assert!(sent.dropped.iter().any(|dropped| dropped == lost), "{lost}");
    }
}

#[test]
fn routing_learns_what_it_needs() {
    let body = asked(&json!({
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ]},
        ],
        "stream": true, "max_output_tokens": 99, "tools": [{"type": "function", "name": "f"}],
        "text": {"format": {"type": "json_schema", "name": "x", "schema": {}}, "verbosity": "low"},
        "models": ["b", "c"], "session_id": "s", "prompt_cache_key": "k", "metadata": {"a": "b"},
    }));
    let read = read(&body).expect("a request");
    let needs = &read.needs;
    assert!(needs.stream && needs.max_output_tokens == Some(99) && needs.prompt_tokens > 1_000);
    for modality in [Modality::Image, Modality::Audio] {
        assert!(needs.input.contains(modality));
    }
    for parameter in [
        Parameter::MaxTokens,
        Parameter::Tools,
        Parameter::StructuredOutputs,
        Parameter::Verbosity,
    ] {
        assert!(needs.parameters.contains(parameter), "{parameter:?}");
    }
    assert_eq!(read.models, ["b", "c"]);
    assert_eq!(read.metadata, [("a".to_owned(), "b".to_owned())]);
}

#[test]
fn a_request_passes_with_few_edits_between_its_bytes() {
    let body = concat!(
        "{\"model\":\"m\", \"input\":[{\"type\":\"message\",\"role\":\"assistant\",\"phase\":\"commentary\",",
        "\"content\":[{\"type\":\"output_text\",\"text\":\"\\u00e9\",\"annotations\":[]}]}],",
        "\"models\":[\"x\"],\"provider\":{\"only\":[\"a\"]},\"new_field\":1.50,\"temperature\":0.70}",
    );
    let incoming = read(&tree(body.as_bytes())).expect("a request");
    assert!(incoming.provider.is_some());
    let incoming = wire::door(chat::Dialect::OpenaiResponses)
        .expect("a door")
        .read_request(body.as_bytes(), wire::Beside::default())
        .expect("a request");
    let sent = same()
        .write((body.as_bytes(), &incoming), &to("gpt-4o"))
        .expect("a body");
    let expected = concat!(
        "{\"model\":\"gpt-4o\", \"input\":[{\"type\":\"message\",\"role\":\"assistant\",\"phase\":\"commentary\",",
        "\"content\":[{\"type\":\"output_text\",\"text\":\"\\u00e9\",\"annotations\":[]}]}],",
        "\"new_field\":1.50,\"temperature\":0.70,\"store\":false}",
    );
    assert_eq!(std::str::from_utf8(&sent.body), Ok(expected));
    assert_eq!(sent.dropped, Vec::<String>::new());
}

#[test]
fn additions_of_openrouter_are_turned_into_what_is_meant() {
    let body = asked(&json!({
        "reasoning": {"max_tokens": 9_000, "summary": "auto"}, "max_output_tokens": 10_000,
        "top_k": 3, "cache_control": {"type": "ephemeral"},
    }));
    let text = body.to_string();
    let incoming = read(&body).expect("a request");
    let sent = same()
        .write((text.as_bytes(), &incoming), &to("o4-mini"))
        .expect("a body");
    let json = tree(&sent.body);
    assert_eq!(
        json["reasoning"],
        json!({"summary": "auto", "effort": "xhigh"})
    );
    assert_eq!(json["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!(sent.dropped, ["cache_control", "top_k"]);
    let quirks = [Quirk::from_name("openrouter-reasoning").expect("a quirk")];
    let to = Outgoing {
        quirks: &quirks,
        output_limit: Some(50),
        ..to("gpt-4o")
    };
    let sent = same()
        .write((text.as_bytes(), &incoming), &to)
        .expect("a body");
    let json = tree(&sent.body);
    assert_eq!(
        (&json["reasoning"], &json["top_k"]),
        (&body["reasoning"], &json!(3))
    );
    assert_eq!(json["max_output_tokens"], 50);
    assert!(json.get("include").is_none() && sent.dropped.is_empty());
}

#[test]
fn a_turn_in_several_items_becomes_one_message() {
    use chat::opaque::{Format, Seal};
    use chat::request::{Content, Role};
    let body = asked(&json!({
        "instructions": "Be brief.",
        "input": [
            {"role": "developer", "content": "Rules"},
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?",
                "prompt_cache_breakpoint": {"mode": "explicit"}}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}],
                "encrypted_content": "abc"},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                "phase": "commentary",
                "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}]},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
            {"type": "reasoning", "id": "c1", "summary": [], "encrypted_content": "sig",
                "format": "google-gemini-v1"},
            {"type": "function_call", "call_id": "c2", "name": "time", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c2", "output": "noon"},
            {"type": "function_call_output", "call_id": "c1",
                "output": [{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]},
        ],
    }));
    let incoming = read(&body).expect("a request");
    let request = OpenaiResponses
        .parse(body.to_string().as_bytes(), &incoming)
        .expect("parsed");
    let roles: Vec<_> = request
        .messages
        .iter()
        .map(|message| message.role)
        .collect();
    assert_eq!(
        roles,
        [
            Role::System,
            Role::Developer,
            Role::User,
            Role::Assistant,
            Role::Tool
        ]
    );
    assert!(request.messages[2].parts[0].cache.is_some());
    let said = &request.messages[3].parts;
    assert_eq!(said.len(), 4);
    let sealed = said[0].opaque.as_ref().expect("sealed");
    assert_eq!(
        (sealed.format, sealed.seal),
        (Format::OpenaiResponses, Seal::Encrypted)
    );
    let beside = said[2].opaque.as_ref().expect("sealed");
    assert_eq!(
        (beside.format, &*beside.value),
        (Format::GoogleGemini, "sig")
    );
    assert!(matches!(&said[3].content, Content::ToolCall { id, .. } if id == "c2"));
    let Content::ToolResult { name, .. } = &request.messages[4].parts[0].content else {
        panic!("no result")
    };
    assert_eq!(name.as_deref(), Some("time"));
    assert_eq!(request.unsaid, ["input[3].phase"]);
}

#[test]
fn reasoning_that_nobody_kept_is_taken_out_and_named() {
    let lost = json!({"type": "reasoning", "id": "rs_1", "summary": []});
    let sealed =
        json!({"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "x"});
    let open = json!({"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm"}]});
    let user = json!({"role": "user", "content": "hi"});
    for (input, kept) in [
        (json!([lost, user, lost, sealed]), json!([user, sealed])),
        (json!([user, open, lost, lost]), json!([user, open])),
        (json!([lost]), json!([])),
        (json!([user, sealed]), json!([user, sealed])),
    ] {
        let body = asked(&json!({ "input": input }));
        let text = body.to_string();
        let incoming = read(&body).expect("a request");
        let sent = same()
            .write((text.as_bytes(), &incoming), &to("my-deployment"))
            .expect("a body");
        assert_eq!(tree(&sent.body)["input"], kept, "{input}");
        let lost = input.as_array().expect("items").len() - kept.as_array().expect("items").len();
        assert_eq!(sent.dropped.len(), lost);
    }
}
