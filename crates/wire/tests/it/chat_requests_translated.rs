//! Requests of Chat Completions through the vocabulary and back: what both can say survives.

use chat::request::{Content, Format, Message, Part, Role, Source};
use chat::{Dialect, Feature, Request};
use serde_json::{Value, json};
use wire::codec::{Inbound, Outbound};
use wire::openai_chat::{OpenaiChat, read_request};
use wire::{Incoming, Outgoing, Quirk, Written};

use crate::cases::tree;
use crate::recorded::recordings;

/// An endpoint with these habits.
fn endpoint<'a>(native_model: &'a str, quirks: &'a [&'static Quirk]) -> Outgoing<'a> {
    Outgoing {
        dialect: Dialect::OpenaiChat,
        native_model,
        quirks,
        supported: None,
        output_limit: None,
        output_most: None,
    }
}

fn quirks(names: &[&str]) -> Vec<&'static Quirk> {
    let find = |name: &&str| Quirk::from_name(name).expect("a known quirk");
    names.iter().map(find).collect()
}

/// A host that takes all that OpenRouter has.
fn router() -> Vec<&'static Quirk> {
    quirks(&["openrouter-reasoning", "cache-control"])
}

fn parse(body: &Value) -> (Incoming, Request) {
    let text = body.to_string();
    let incoming = read_request(text.as_bytes()).expect("a request");
    let parsed = OpenaiChat.parse(text.as_bytes(), &incoming);
    (incoming, parsed.expect("a request"))
}

fn write(request: &Request, names: &[&str]) -> Written {
    let quirks = quirks(names);
    OpenaiChat
        .write(request, &endpoint("native", &quirks))
        .expect("a request can be written")
}

#[test]
fn recorded_requests_come_back_with_everything_the_vocabulary_has() {
    let mut seen = 0;
    for folder in ["exchanges/openai-chat", "exchanges/mistral"] {
        for (name, exchange) in recordings(folder) {
            let body = &exchange["request"]["body"];
            if !body.is_object() || exchange["response"]["status"] != 200 {
                continue;
            }
            let text = body.to_string();
            let incoming = match read_request(text.as_bytes()) {
                Ok(incoming) => incoming,
                // Mistral's own client says `any` and leaves out the type of tools.
                Err(error) => {
                    let is_theirs = folder.ends_with("mistral") && error.message.contains("tool");
                    let is_other = body.get("messages").is_none();
                    assert!(is_theirs || is_other, "{folder}/{name}: {error}");
                    continue;
                }
            };
            let first = OpenaiChat.parse(text.as_bytes(), &incoming);
            let first = first.unwrap_or_else(|error| panic!("{folder}/{name}: {error}"));
            if incoming.needs.features.contains(Feature::StoredFiles) {
                continue;
            }
            let written = OpenaiChat
                .write(&first, &endpoint("native", &router()))
                .unwrap_or_else(|error| panic!("{folder}/{name}: {error}"));
            let (_, mut second) = parse(&tree(&written.body));
            let mut first = first;
            (first.unsaid, second.unsaid) = (Vec::new(), Vec::new());
            // It is written in a word that asks to see thoughts.
            for request in [&mut first, &mut second] {
                request.reasoning.iter_mut().for_each(|it| it.show = true);
            }
            if written.dropped.is_empty() {
                assert_eq!(portable(first), portable(second), "{folder}/{name}");
            }
            seen += 1;
        }
    }
    println!("{seen} requests came back");
}

/// What stays the same on the way through: one way of saying what can be said in several.
fn portable(mut request: Request) -> Request {
    for message in &mut request.messages {
        if message.role == Role::Assistant {
            // Several texts in a row are one.
            let mut parts: Vec<Part> = Vec::new();
            for part in message.parts.drain(..) {
                if let (Some(last), Content::Text(more)) = (parts.last_mut(), &part.content)
                    && let Content::Text(text) = &mut last.content
                {
                    text.push_str(more);
                } else {
                    parts.push(part);
                }
            }
            message.parts = parts;
            for part in &mut message.parts {
                if let Content::ToolCall { arguments, .. } = &mut part.content
                    && arguments.is_empty()
                {
                    "{}".clone_into(arguments);
                }
            }
        }
        for part in &mut message.parts {
            if let Content::ToolResult { parts, .. } = &mut part.content {
                let texts: Vec<_> = parts
                    .iter()
                    .filter_map(|part| match &part.content {
                        Content::Text(text) => Some(text.as_str()),
                        _ => None,
                    })
                    .collect();
                *parts = vec![Part::text(texts.join("\n"))];
            }
            if let Content::File {
                source: Source::Base64 { .. },
                filename,
                ..
            } = &mut part.content
            {
                filename.get_or_insert_with(|| "document.pdf".to_owned());
            }
        }
    }
    for tool in request
        .tools
        .iter_mut()
        .filter(|tool| tool.strict == Some(true))
    {
        tool.parameters.iter_mut().for_each(open);
    }
    if let Some(Format::JsonSchema { schema, strict, .. }) = &mut request.format
        && *strict == Some(true)
    {
        open(schema);
    }
    if request.tools.is_empty() {
        (request.tool_choice, request.parallel_tool_calls) = (None, None);
    }
    request
}

/// Takes back what makes a schema one that can be followed exactly.
fn open(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.remove("additionalProperties");
            members.values_mut().for_each(open);
        }
        Value::Array(elements) => elements.iter_mut().for_each(open),
        _ => {}
    }
}

#[test]
fn a_full_request_keeps_every_word() {
    let body = full_request();
    let (incoming, request) = parse(&body);
    assert_eq!(request.unsaid, Vec::<String>::new());
    assert!(incoming.needs.features.contains(Feature::Logprobs));
    let written = write(&request, &["openrouter-reasoning", "cache-control"]);
    assert_eq!(written.dropped, Vec::<String>::new());
    let mut expected = body;
    let fields = expected.as_object_mut().expect("an object");
    fields.insert("model".to_owned(), json!("native"));
    fields.insert("stop".to_owned(), json!(["END"]));
    fields.insert("stream_options".to_owned(), json!({"include_usage": true}));
    let prefix = br#"{"model":"native","messages":["#;
    assert!(written.body.starts_with(prefix));
    assert_eq!(tree(&written.body), expected);
}

fn full_request() -> Value {
    json!({
        "model": "a/b",
        "messages": [
            {"role": "system", "content": [
                {"type": "text", "text": "Long rules.",
                 "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "name": "ann", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "original"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
                {"type": "video_url", "video_url": {"url": "https://x.test/v.mp4"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"}}]},
            {"role": "assistant", "content": null, "reasoning": "Hm.\n",
             "reasoning_details": [
                {"type": "reasoning.text", "text": "Hm.\n", "index": 0, "signature": "sig",
                 "format": "anthropic-claude-v1"},
                {"type": "reasoning.encrypted", "data": "xyz", "format": "anthropic-claude-v1", "index": 1},
                {"type": "reasoning.encrypted", "data": "tsig", "id": "c1",
                 "format": "google-gemini-v1", "index": 2}],
             "tool_calls": [{"id": "c1", "type": "function",
                "function": {"name": "look", "arguments": "{\"at\": 1.0}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": [
                {"type": "text", "text": "a cat", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": "It is"}],
        "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.",
            "parameters": {"type": "object", "properties": {"at": {"type": "number"}},
                "required": ["at"], "additionalProperties": false},
            "strict": true}, "cache_control": {"type": "ephemeral"}}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "parallel_tool_calls": false,
        "max_tokens": 90,
        "temperature": 0.70, "top_p": 0.9, "top_k": 3, "min_p": 0.1, "top_a": 0.2,
        "frequency_penalty": 0.5, "presence_penalty": -0.5, "repetition_penalty": 1.1,
        "seed": 7, "stop": "END", "logprobs": true, "top_logprobs": 2,
        "logit_bias": {"50256": -100},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "description": "d",
            "schema": {"type": "object", "properties": {}, "additionalProperties": false},
            "strict": true}},
        "reasoning": {"effort": "high", "exclude": true, "summary": "auto"},
        "verbosity": "low", "service_tier": "flex", "user": "u", "metadata": {"k": "v"},
        "cache_control": {"type": "ephemeral"},
        "prompt_cache_key": "p",
        "modalities": ["text", "image"],
        "image_config": {"aspect_ratio": "1:1"},
        "stream": true
    })
}

#[test]
fn what_only_this_dialect_says_is_a_feature_or_named() {
    let message = json!({"role": "user", "content": "x"});
    let features = |more: Value| {
        let mut body = json!({"model": "m", "messages": [message]});
        let fields = body.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        let (incoming, request) = parse(&body);
        let found: Vec<_> = incoming.needs.features.iter().collect();
        (found, request.unsaid)
    };
    let part = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    for (more, expected, unsaid) in [
        (json!({"n": 1}), vec![], vec![]),
        (json!({"n": 2}), vec![Feature::Choices], vec![]),
        (json!({"logprobs": true}), vec![Feature::Logprobs], vec![]),
        (json!({"logprobs": false}), vec![], vec![]),
        (
            json!({"tools": [{"type": "openrouter:web_search"}]}),
            vec![Feature::ServerTools],
            vec!["tools[0]"],
        ),
        (
            json!({"tools": [{"type": "custom", "custom": {"name": "f"}}]}),
            vec![],
            vec![],
        ),
        (
            json!({"web_search_options": {"search_context_size": "low"}}),
            vec![Feature::ServerTools],
            vec!["web_search_options"],
        ),
        (
            json!({"response_format": {"type": "grammar", "grammar": "x"}}),
            vec![Feature::Grammar],
            vec!["response_format"],
        ),
        (
            json!({"modalities": ["text", "audio"], "audio": {"voice": "a", "format": "wav"}}),
            vec![Feature::AudioOutput],
            vec![],
        ),
        (
            part(json!({"type": "file", "file": {"file_id": "f"}})),
            vec![Feature::StoredFiles],
            vec![],
        ),
        (
            part(json!({"type": "hologram", "hologram": {}})),
            vec![Feature::NativeContent],
            vec!["messages[0].content[0]"],
        ),
        (
            json!({"prediction": {"type": "content", "content": "x"}, "store": true,
                "reasoning": {"effort": "low", "mode": "pro"}, "plugins": [{"id": "web"}]}),
            vec![],
            vec!["reasoning.mode", "prediction", "store"],
        ),
    ] {
        let (found, named) = features(more.clone());
        assert_eq!(found, expected, "{more}");
        assert_eq!(named, unsaid, "{more}");
    }
}

fn of_user(parts: Vec<Part>) -> Message {
    Message::new(Role::User, parts)
}

fn tool_turn() -> Vec<Message> {
    let call = |id: &str| Content::ToolCall {
        id: id.to_owned(),
        name: "look".to_owned(),
        arguments: String::new(),
    };
    let result = |id: &str, parts: Vec<Part>| Content::ToolResult {
        call_id: id.to_owned(),
        name: Some("look".to_owned()),
        parts,
        is_error: false,
    };
    let picture = Content::Image {
        source: Source::Base64 {
            media_type: "image/png".to_owned(),
            data: "AAAA".to_owned(),
        },
        detail: None,
    };
    vec![
        of_user(vec![Part::text("Look twice.")]),
        Message::new(
            Role::Assistant,
            vec![
                Content::Reasoning {
                    text: "Well.".to_owned(),
                    is_summary: false,
                }
                .into(),
                call("a").into(),
                call("b").into(),
            ],
        ),
        Message::new(
            Role::Tool,
            vec![
                result("a", vec![Part::text("seen"), picture.into()]).into(),
                result("b", vec![Part::text("1"), Part::text("2")]).into(),
            ],
        ),
    ]
}

#[test]
fn pictures_that_a_tool_answered_with_follow_in_a_message_of_the_user() {
    let mut messages = tool_turn();
    messages.push(of_user(vec![Part::text("And now?")]));
    let written = write(
        &Request {
            messages,
            ..Request::default()
        },
        &[],
    );
    let sent = tree(&written.body);
    assert_eq!(
        sent["messages"].as_array().expect("messages")[1..],
        [
            json!({"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "look", "arguments": "{}"}}]}),
            json!({"role": "tool", "tool_call_id": "a", "content": "seen"}),
            json!({"role": "tool", "tool_call_id": "b", "content": "1\n2"}),
            json!({"role": "user", "content": [
                {"type": "text", "text": "What look answered besides text (call a):"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "text", "text": "And now?"}]}),
        ]
    );
    assert_eq!(
        written.dropped,
        [
            "messages[].reasoning_details",
            "messages[].content[].content"
        ]
    );
}

#[test]
fn reasoning_goes_back_only_to_those_who_want_it() {
    let request = Request {
        messages: tool_turn(),
        ..Request::default()
    };
    let sent = write(&request, &["message-reasoning-content"]);
    let assistant = &tree(&sent.body)["messages"][1];
    assert_eq!(assistant["reasoning_content"], "Well.");
    assert!(assistant.get("reasoning").is_none());
    let mut sealed = request;
    sealed.messages[1].parts[0].opaque = Some(chat::Opaque {
        format: chat::opaque::Format::AnthropicClaude,
        seal: chat::Seal::Signature,
        value: "s".to_owned(),
        id: None,
    });
    let sent = write(&sealed, &["message-reasoning-content"]);
    assert_eq!(tree(&sent.body)["messages"][1]["reasoning_content"], "");
    assert!(
        sent.dropped
            .contains(&"messages[].reasoning_details".to_owned())
    );
}

#[test]
fn schemas_that_cannot_be_followed_exactly_become_hints() {
    let tool = |parameters: Value| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}],
            "tools": [{"type": "function", "function":
                {"name": "f", "parameters": parameters, "strict": true}}]});
        let written = write(&parse(&body).1, &[]);
        (
            tree(&written.body)["tools"][0]["function"].clone(),
            written.dropped,
        )
    };
    let (sent, dropped) = tool(json!({"type": "object", "properties":
        {"a": {"type": "object", "properties": {}}}, "required": ["a"]}));
    assert_eq!(sent["strict"], true);
    assert_eq!(sent["parameters"]["additionalProperties"], false);
    assert_eq!(
        sent["parameters"]["properties"]["a"]["additionalProperties"],
        false
    );
    assert_eq!(dropped, Vec::<String>::new());
    let optional = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let (sent, dropped) = tool(optional.clone());
    assert_eq!((&sent["parameters"], sent.get("strict")), (&optional, None));
    assert_eq!(dropped, ["tools[0].strict"]);
}

#[test]
fn habits_of_the_provider_apply_to_what_is_written() {
    let request = Request {
        messages: vec![
            Message::new(Role::Developer, vec![Part::text("Short.")]),
            of_user(vec![Part::text("x")]),
        ],
        max_output_tokens: Some(50),
        reasoning: Some(chat::request::Reasoning {
            max_tokens: Some(40),
            ..Default::default()
        }),
        stream: true,
        ..Request::default()
    };
    let names = [
        "max-completion-tokens",
        "reasoning-effort",
        "developer-as-system",
        "no-stream-options",
    ];
    let written = write(&request, &names);
    let sent = tree(&written.body);
    assert_eq!(sent["messages"][0]["role"], "system");
    assert_eq!(sent["max_completion_tokens"], 50);
    assert_eq!(sent["reasoning_effort"], "high");
    assert!(sent.get("reasoning").is_none() && sent.get("stream_options").is_none());
    assert_eq!(written.dropped, ["reasoning.max_tokens"]);
    let mut clamped = endpoint("native", &[]);
    clamped.output_limit = Some(9);
    let clamped = OpenaiChat.write(&request, &clamped).expect("written");
    assert_eq!(tree(&clamped.body)["max_tokens"], 9);
}
