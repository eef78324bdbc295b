//! Requests in Google's dialect: read, refused, written for Google.

use chat::request::{
    CacheMark, Content, Effort, Format, Message, Part, Reasoning, Role, Source, Tool, ToolChoice,
};
use chat::{Dialect, Feature, Kind, Modality, Opaque, Parameter, Parameters, Request, Seal};
use serde_json::{Value, json};
use wire::codec::{Door, Outbound, Transparent};

use super::{GEMINI, beside, endpoint, parse, read, write};
use crate::cases::tree;

fn of_user(parts: Vec<Part>) -> Message {
    Message::new(Role::User, parts)
}

fn ask(messages: Vec<Message>) -> Request {
    Request {
        messages,
        ..Request::default()
    }
}

fn seal(format: chat::opaque::Format) -> Opaque {
    Opaque {
        format,
        seal: Seal::Signature,
        value: "c2lnbmVk".to_owned(),
        id: None,
    }
}

#[test]
fn what_routing_and_money_need_is_read_in_both_cases() {
    for body in [
        json!({"contents": [{"role": "user", "parts": [{"text": "x"},
                {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}],
            "generationConfig": {"maxOutputTokens": 9, "candidateCount": 2, "topK": 4,
                "responseModalities": ["TEXT", "IMAGE"], "thinkingConfig": {"thinkingBudget": 1}},
            "tools": [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}],
            "cachedContent": "cachedContents/1", "serviceTier": "flex",
            "provider": {"only": ["x"]}, "session_id": "s", "user": "u"}),
        json!({"contents": [{"role": "user", "parts": [{"text": "x"},
                {"inline_data": {"mime_type": "image/png", "data": "AA=="}}]}],
            "generation_config": {"max_output_tokens": 9, "candidate_count": 2, "top_k": 4,
                "response_modalities": ["TEXT", "IMAGE"], "thinking_config": {"thinking_budget": 1}},
            "tools": [{"function_declarations": [{"name": "f"}]}, {"google_search": {}}],
            "cached_content": "cachedContents/1", "service_tier": "flex",
            "provider": {"only": ["x"]}, "session_id": "s", "user": "u"}),
    ] {
        let read = read(&body);
        let needs = &read.needs;
        assert_eq!(read.model.as_deref(), Some("google/gemini-2.5-flash"));
        assert_eq!(needs.max_output_tokens, Some(9));
        assert_eq!(needs.choices, 2);
        assert!(needs.input.contains(Modality::Image));
        assert!(needs.output.contains(Modality::Image));
        for parameter in [Parameter::Tools, Parameter::TopK, Parameter::Reasoning] {
            assert!(needs.parameters.contains(parameter), "{parameter:?}");
        }
        for feature in [
            Feature::Choices,
            Feature::ServerTools,
            Feature::StoredState,
            Feature::ImageOutput,
        ] {
            assert!(needs.features.contains(feature), "{feature:?}");
        }
        assert_eq!(read.service_tier.as_deref(), Some("flex"));
        assert_eq!(read.session_id.as_deref(), Some("s"));
        assert_eq!(read.user.as_deref(), Some("u"));
        assert!(read.provider.is_some());
    }
}

#[test]
fn mistakes_say_where_they_are() {
    for (body, field) in [
        (json!({}), "contents"),
        (json!({"contents": 1}), "contents"),
        (
            json!({"contents": [{"role": "assistant", "parts": []}]}),
            "contents[0].role",
        ),
        (
            json!({"contents": [{"parts": [{"text": 1}]}]}),
            "contents[0].parts[0].text",
        ),
        (
            json!({"contents": [{"parts": [{"functionCall": {"args": {}}}]}]}),
            "contents[0].parts[0].functionCall.name",
        ),
        (
            json!({"contents": [{"parts": [{"text": "x"}]}], "generation_config": {"top_p": 2}}),
            "generationConfig.topP",
        ),
    ] {
        let text = body.to_string();
        let error = GEMINI
            .read_request(text.as_bytes(), beside(false))
            .unwrap_err();
        assert_eq!(error.kind, Kind::InvalidRequest, "{body}");
        let found = error.metadata.and_then(|metadata| metadata.field);
        assert_eq!(found.as_deref(), Some(field), "{body}: {}", error.message);
    }
}

#[test]
fn our_fields_and_declined_ones_do_not_travel() {
    let body = r#"{ "model":"models/x","contents": [{"parts":[{"text":"x"}]}],"provider":{},"user":"u",
        "generationConfig": {"temperature": 1.0, "topK": 4 , "max_output_tokens":500}}"#;
    let incoming = GEMINI.read_request(body.as_bytes(), beside(false)).unwrap();
    let mut to = endpoint("gemini-2.5-flash");
    let all: Parameters = Parameter::ALL.iter().copied().collect();
    to.supported = Some(all.minus(Parameters::default().with(Parameter::TopK)));
    to.output_limit = Some(100);
    let sent = GEMINI.splice((body.as_bytes(), &incoming), &to).unwrap();
    let text = std::str::from_utf8(&sent.body).unwrap();
    assert_eq!(
        text,
        r#"{ "contents": [{"parts":[{"text":"x"}]}],"generationConfig": {"temperature": 1.0,"maxOutputTokens":100}}"#
    );
    assert_eq!(sent.dropped, ["generationConfig.topK"]);
}

/// A request that asks for much.
fn much() -> Request {
    let tool = Tool {
        name: "get_weather".to_owned(),
        description: Some("the weather".to_owned()),
        parameters: Some(json!({"type": "object", "properties": {"city": {"const": 3}}})),
        free_text: None,
        strict: Some(true),
        cache: Some(CacheMark::Default),
    };
    let mut request = ask(vec![
        Message::new(Role::System, vec![Part::text("Be brief.")]),
        of_user(vec![
            Part::text("Look:"),
            Content::Image {
                source: Source::Url("https://example.com/a.png?x".to_owned()),
                detail: Some("high".to_owned()),
            }
            .into(),
            Content::Audio {
                data: "AA==".to_owned(),
                format: "mp3".to_owned(),
            }
            .into(),
            Content::File {
                source: Source::of_url("data:application/pdf;base64,AA=="),
                filename: None,
                is_cited: false,
            }
            .into(),
        ]),
        of_user(vec![Part::text("And?")]),
    ]);
    request.tools = vec![tool];
    request.tool_choice = Some(ToolChoice::Tool("get_weather".to_owned()));
    request.parallel_tool_calls = Some(false);
    request.sampling.stop = (0..7).map(|at| format!("s{at}")).collect();
    request.sampling.temperature = serde_json::Number::from_f64(0.5);
    request.sampling.min_p = serde_json::Number::from_f64(0.5);
    request.max_output_tokens = Some(1000);
    request.reasoning = Some(Reasoning {
        effort: Some(Effort::Low),
        ..Reasoning::default()
    });
    request.service_tier = Some("priority".to_owned());
    request
}

#[test]
fn a_whole_request_is_written_in_googles_words() {
    let written = write(&much(), "gemini-3-flash");
    assert_eq!(
        tree(&written.body),
        json!({
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "tools": [{"functionDeclarations": [{"name": "get_weather", "description": "the weather",
                "parameters": {"type": "object", "properties": {"city": {"type": "integer", "description": "One of: 3."}}}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}},
            "contents": [{"role": "user", "parts": [
                {"text": "Look:"},
                {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png?x"}},
                {"inlineData": {"mimeType": "audio/mp3", "data": "AA=="}},
                {"inlineData": {"mimeType": "application/pdf", "data": "AA=="}},
                {"text": "And?"}]}],
            "generationConfig": {"temperature": 0.5, "stopSequences": ["s0", "s1", "s2", "s3", "s4"],
                "maxOutputTokens": 1000, "thinkingConfig": {"thinkingLevel": "low", "includeThoughts": true}},
            "serviceTier": "priority"})
    );
    assert_eq!(
        written.dropped,
        [
            "messages[].content[].image_url.detail",
            "tools[0].parameters#/properties/city/const",
            "tools[].cache_control",
            "tools[].strict",
            "min_p",
            "stop[5..]",
            "parallel_tool_calls",
        ]
    );
}

#[test]
fn an_answer_in_json_is_asked_for_where_it_can_be() {
    let mut request = ask(vec![of_user(vec![Part::text("x")])]);
    let schema = json!({"type": "object", "properties": {"a": {"type": ["string", "null"]}},
        "additionalProperties": false, "required": ["a"]});
    request.format = Some(Format::JsonSchema {
        name: "it".to_owned(),
        description: None,
        schema,
        strict: Some(true),
    });
    let written = write(&request, "gemini-2.5-flash");
    assert_eq!(
        tree(&written.body)["generationConfig"],
        json!({"responseMimeType": "application/json", "responseSchema": {"type": "object",
            "properties": {"a": {"type": "string", "nullable": true}}, "required": ["a"]}})
    );
    assert!(written.dropped.is_empty());
    request.tools = vec![Tool {
        name: "f".to_owned(),
        description: None,
        parameters: None,
        free_text: None,
        strict: None,
        cache: None,
    }];
    assert_eq!(
        write(&request, "gemini-2.5-flash").dropped,
        ["response_format"]
    );
    assert!(write(&request, "gemini-3-flash").dropped.is_empty());
}

/// A conversation in which another family called two tools at once, in the turn that is under way.
fn tool_turn(opaque: Option<Opaque>) -> Request {
    let call = |id: &str| Content::ToolCall {
        id: id.to_owned(),
        name: format!("f_{id}"),
        arguments: "{\"a\":1}".to_owned(),
    };
    let result = |id: &str, text: &str| Content::ToolResult {
        call_id: id.to_owned(),
        name: None,
        parts: vec![Part::text(text)],
        is_error: false,
    };
    let thought = Content::Reasoning {
        text: "hm".to_owned(),
        is_summary: false,
    };
    ask(vec![
        of_user(vec![Part::text("go")]),
        Message::new(
            Role::Assistant,
            vec![
                Part {
                    opaque: opaque.clone(),
                    ..Part::from(thought)
                },
                Part {
                    opaque,
                    ..Part::from(call("1"))
                },
                call("2").into(),
            ],
        ),
        Message::new(Role::Tool, vec![result("1", "{\"b\":2}").into()]),
        Message::new(Role::Tool, vec![result("2", "plain").into()]),
    ])
}

#[test]
fn calls_of_other_families_get_the_word_that_skips_signatures() {
    let foreign = seal(chat::opaque::Format::AnthropicClaude);
    let written = write(&tool_turn(Some(foreign)), "gemini-3-pro-preview");
    let contents = &tree(&written.body)["contents"];
    let skip = "skip_thought_signature_validator";
    assert_eq!(
        contents[1]["parts"],
        json!([{"functionCall": {"id": "1", "name": "f_1", "args": {"a": 1}}, "thoughtSignature": skip},
            {"functionCall": {"id": "2", "name": "f_2", "args": {"a": 1}}}])
    );
    assert_eq!(
        contents[2],
        json!({"role": "user", "parts": [
            {"functionResponse": {"id": "1", "name": "f_1", "response": {"b": 2}}},
            {"functionResponse": {"id": "2", "name": "f_2", "response": {"output": "plain"}}}]})
    );
    assert_eq!(written.dropped, ["messages[].reasoning_details"]);
    let older = write(&tool_turn(None), "gemini-2.5-flash");
    assert!(!String::from_utf8_lossy(&older.body).contains(skip));
    let mut later = tool_turn(None);
    later.messages.push(of_user(vec![Part::text("next")]));
    let later = write(&later, "gemini-3-pro-preview");
    assert_eq!(
        tree(&later.body)["contents"][1],
        contents[1],
        "earlier turns stay as they were, for their caches"
    );
}

#[test]
fn signatures_return_to_their_parts() {
    let own = seal(chat::opaque::Format::GoogleGemini);
    let written = write(&tool_turn(Some(own)), "gemini-3-pro-preview");
    assert_eq!(
        tree(&written.body)["contents"][1]["parts"],
        json!([{"text": "hm", "thought": true, "thoughtSignature": "c2lnbmVk"},
            {"functionCall": {"id": "1", "name": "f_1", "args": {"a": 1}}, "thoughtSignature": "c2lnbmVk"},
            {"functionCall": {"id": "2", "name": "f_2", "args": {"a": 1}}}])
    );
    assert!(written.dropped.is_empty());
}

#[test]
fn what_a_caller_says_is_read_into_the_vocabulary() {
    let request = parse(&json!({
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "go"}]},
            {"role": "model", "parts": [
                {"text": "hm", "thought": true, "thoughtSignature": "c2ln"},
                {"functionCall": {"name": "f", "args": {"a_b": 1}}, "thoughtSignature": "c2ln"},
                {"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "f", "response": {"output": "one"}}},
                {"functionResponse": {"name": "f", "response": {"error": "two"}}},
                {"text": "well?"}]}],
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"},
            "thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": true}, "audioTimestamp": true},
        "safetySettings": [{"category": "X"}]}));
    let roles: Vec<Role> = request
        .messages
        .iter()
        .map(|message| message.role)
        .collect();
    assert_eq!(
        roles,
        [
            Role::System,
            Role::User,
            Role::Assistant,
            Role::Tool,
            Role::User
        ]
    );
    let said = &request.messages[2].parts;
    assert_eq!(said[1].opaque.as_ref().unwrap().value, "c2ln");
    let results: Vec<Value> = request.messages[3]
        .parts
        .iter()
        .map(|part| match &part.content {
            Content::ToolResult {
                call_id, is_error, ..
            } => json!([call_id, is_error]),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(results, [json!(["call_0", false]), json!(["call_1", true])]);
    assert_eq!(request.tool_choice, Some(ToolChoice::Tool("f".to_owned())));
    assert_eq!(request.tools[0].parameters, Some(json!({"type": "object"})));
    assert!(
        matches!(&request.format, Some(Format::JsonSchema { schema, .. }) if *schema == json!({"type": "string"}))
    );
    let reasoning = request.reasoning.unwrap();
    assert_eq!(
        (reasoning.effort, reasoning.exclude),
        (Some(Effort::High), false)
    );
    assert_eq!(
        request.unsaid,
        ["generationConfig.audioTimestamp", "safetySettings"]
    );
}

#[test]
fn what_cannot_be_said_to_google_is_no_feature_of_it() {
    assert!(!Dialect::Gemini.expresses().contains(Feature::AudioOutput));
    let mut request = ask(vec![of_user(vec![Part::text("draw")])]);
    request.modalities = vec!["image".to_owned()];
    request.image_config = Some(json!({"aspect_ratio": "1:1"}));
    let config = tree(&write(&request, "gemini-3-pro-image").body)["generationConfig"].take();
    assert_eq!(
        config,
        json!({"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "1:1"}})
    );
    let stored = Content::File {
        source: Source::Id("file-1".to_owned()),
        filename: None,
        is_cited: false,
    };
    let stored = ask(vec![of_user(vec![stored.into()])]);
    assert!(GEMINI.write(&stored, &endpoint("gemini-3-flash")).is_err());
}

#[test]
fn log_probabilities_are_asked_for_in_googles_words() {
    let config = |logprobs, top_logprobs, supported: Option<&[Parameter]>| {
        let mut request = ask(vec![of_user(vec![Part::text("x")])]);
        request.sampling.logprobs = logprobs;
        request.sampling.top_logprobs = top_logprobs;
        let mut to = endpoint("gemini-2.5-flash");
        to.supported = supported.map(|list| list.iter().copied().collect::<Parameters>());
        let written = GEMINI.write(&request, &to).expect("a request");
        (
            tree(&written.body)["generationConfig"].take(),
            written.dropped,
        )
    };
    let (one, both) = (Parameter::Logprobs, Parameter::TopLogprobs);
    let own = json!({"responseLogprobs": true});
    let all = json!({"responseLogprobs": true, "logprobs": 5});
    for (asked, supported, expected, dropped) in [
        ((Some(true), Some(5)), None, &all, vec![]),
        ((Some(true), Some(0)), None, &own, vec![]),
        ((Some(true), None), None, &own, vec![]),
        ((Some(false), None), None, &Value::Null, vec![]),
        ((None, Some(5)), None, &Value::Null, vec!["top_logprobs"]),
        ((Some(true), Some(5)), Some(&[one, both][..]), &all, vec![]),
        (
            (Some(true), Some(5)),
            Some(&[one]),
            &own,
            vec!["top_logprobs"],
        ),
        (
            (Some(true), Some(5)),
            Some(&[]),
            &Value::Null,
            vec!["logprobs", "top_logprobs"],
        ),
    ] {
        let (written, named) = config(asked.0, asked.1, supported);
        assert_eq!(
            (&written, &named),
            (expected, &dropped.into_iter().map(str::to_owned).collect()),
            "{asked:?}"
        );
    }
}

#[test]
fn others_are_asked_for_log_probabilities_in_their_own_words() {
    let asked = |config: Value, to: Dialect| {
        let contents = json!([{"role": "user", "parts": [{"text": "x"}]}]);
        let body = json!({"contents": contents, "generationConfig": config});
        let to = crate::provider_side::endpoint(to, "m");
        crate::provider_side::written(Dialect::Gemini, &body, &to)
    };
    let (chat, responses) = (Dialect::OpenaiChat, Dialect::OpenaiResponses);
    let both = json!({"responseLogprobs": true, "logprobs": 3});
    let (sent, dropped) = asked(both.clone(), chat);
    assert_eq!(
        (&sent["logprobs"], &sent["top_logprobs"]),
        (&json!(true), &json!(3))
    );
    assert_eq!(dropped, Vec::<String>::new());
    let (sent, dropped) = asked(both, responses);
    assert_eq!(sent["include"], json!(["message.output_text.logprobs"]));
    assert_eq!((&sent["top_logprobs"], dropped), (&json!(3), vec![]));
    // Google counts the likeliest only beside the tokens' own.
    for to in [chat, responses] {
        let (sent, dropped) = asked(json!({"logprobs": 3}), to);
        assert_eq!(sent["top_logprobs"], Value::Null, "{to}");
        assert_eq!(dropped, ["generationConfig.logprobs"], "{to}");
    }
}
