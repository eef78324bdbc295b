//! Requests: checked field by field, and changed only where an endpoint needs it.

use chat::{Kind, Modalities, Modality, Parameter, Parameters};
use wire::Quirk;
use wire::openai_chat::{read_request, write_request};
use wire::{Outgoing, Written};

use crate::cases::tree;
use crate::fixtures::fixture;

const TO: Outgoing<'_> = Outgoing {
    native_model: "native-1",
    quirks: &[],
    supported: None,
    output_limit: None,
    output_most: None,
    dialect: chat::Dialect::OpenaiChat,
};

fn write(body: &str, to: &Outgoing<'_>) -> Written {
    let incoming = read_request(body.as_bytes()).expect(body);
    write_request(body.as_bytes(), &incoming, to)
}

fn with(fields: &str) -> String {
    format!(r#"{{"messages":[{{"role":"user","content":"x"}}],{fields}}}"#)
}

#[test]
fn only_our_fields_change_and_every_other_byte_survives() {
    let body = String::from_utf8(fixture("faithful.request.json")).expect("UTF-8");
    let expected = body
        .replace("\"author/model:floor\"", "\"native-1\"")
        .replace("\"provider\":{\"order\":[\"a\",\"b\"],\"sort\":\"price\"}, \"models\":[\"author/other\"],\n  ", "")
        .replace("\"include_usage\":false", "\"include_usage\":true")
        .replace(", \"session_id\":\"s\", \"usage\":{\"include\":true}", "");
    let written = write(&body, &TO);
    assert_eq!(std::str::from_utf8(&written.body).expect("UTF-8"), expected);
    assert!(written.dropped.is_empty());
    assert_ne!(body, expected);
}

#[test]
fn what_routing_needs_is_read_in_the_same_pass() {
    let body = String::from_utf8(fixture("faithful.request.json")).expect("UTF-8");
    let incoming = read_request(body.as_bytes()).expect("a request");
    assert_eq!(incoming.model.as_deref(), Some("author/model:floor"));
    assert_eq!(incoming.models, ["author/other"]);
    assert_eq!(incoming.session_id.as_deref(), Some("s"));
    assert_eq!(incoming.provider.expect("preferences")["sort"], "price");
    let needs = incoming.needs;
    assert!(needs.stream);
    let expected: Modalities = [Modality::Text, Modality::Image].into_iter().collect();
    assert_eq!(
        (needs.input, needs.output, needs.choices),
        (expected, Modalities::TEXT, 1)
    );
    let expected: Parameters = [Parameter::Tools, Parameter::Temperature]
        .into_iter()
        .collect();
    assert_eq!(needs.parameters, expected);
    assert!(
        (1_020..1_100).contains(&needs.prompt_tokens),
        "{}",
        needs.prompt_tokens
    );

    let body = with(
        r#""max_tokens":100,"max_completion_tokens":5e1,"n":3,"modalities":["text","image"],"tools":[],"seed":null,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{}}}"#,
    );
    let needs = read_request(body.as_bytes()).expect("a request").needs;
    assert_eq!((needs.max_output_tokens, needs.choices), (Some(50), 3));
    assert!(needs.output.contains(Modality::Image));
    for (parameter, is_set) in [
        (Parameter::Tools, false),
        (Parameter::Seed, false),
        (Parameter::MaxTokens, true),
        (Parameter::ResponseFormat, true),
        (Parameter::StructuredOutputs, true),
    ] {
        assert_eq!(
            needs.parameters.contains(parameter),
            is_set,
            "{parameter:?}"
        );
    }
}

#[test]
fn prompt_tokens_are_estimated_by_the_written_formula() {
    let tokens = |content: &str| {
        let body = format!(r#"{{"messages":[{{"role":"user","content":{content}}}]}}"#);
        read_request(body.as_bytes())
            .expect(content)
            .needs
            .prompt_tokens
            - 7
    };
    for (content, expected) in [
        (r#""""#, 0),
        (r#""abcdefgh""#, 2),
        (r#""abcdefghi""#, 3),
        (r#""Привет""#, 3),
        (r#""你好世界""#, 4),
        (r#""🌍""#, 2),
        (
            r#"[{"type":"text","text":"abcd"},{"type":"image_url","image_url":{"url":"data:…"}}]"#,
            1_001,
        ),
        (
            r#"[{"type":"video_url","video_url":{"url":"https://example.com/v.mp4"}}]"#,
            10_000,
        ),
        (
            r#"[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]"#,
            100,
        ),
        (
            r#"[{"type":"file","file":{"filename":"a.pdf","file_data":"data:…"}}]"#,
            1_000,
        ),
    ] {
        assert_eq!(tokens(content), expected, "{content}");
    }
}

const FIELD_FAULTS: &[(&str, &str, &str)] = &[
    (
        r#""model":5"#,
        "model",
        "model: expected a non-empty string, found a number",
    ),
    (
        r#""model":"""#,
        "model",
        "model: expected a non-empty string, found an empty one",
    ),
    (
        r#""models":["a",1]"#,
        "models[1]",
        "models[1]: expected a non-empty string, found a number",
    ),
    (
        r#""stream":"yes""#,
        "stream",
        "stream: expected true or false, found a string",
    ),
    (
        r#""temperature":2.1"#,
        "temperature",
        "temperature: expected a number from 0 to 2, found 2.1",
    ),
    (
        r#""temperature":1E400"#,
        "temperature",
        "temperature: expected a number from 0 to 2, found 1E400",
    ),
    (
        r#""top_p":-0.1"#,
        "top_p",
        "top_p: expected a number from 0 to 1, found -0.1",
    ),
    (
        r#""max_tokens":0"#,
        "max_tokens",
        "max_tokens: expected a whole number, at least 1, found 0",
    ),
    (
        r#""max_tokens":1.5"#,
        "max_tokens",
        "max_tokens: expected a whole number, at least 1, found 1.5",
    ),
    (
        r#""seed":"a""#,
        "seed",
        "seed: expected a whole number, found a string",
    ),
    (
        r#""stop":["a","b","c","d","e"]"#,
        "stop",
        "stop: more than 4 elements",
    ),
    (
        r#""stop":[1]"#,
        "stop[0]",
        "stop[0]: expected a string, found a number",
    ),
    (
        r#""repetition_penalty":0"#,
        "repetition_penalty",
        "repetition_penalty: expected a number above 0 and up to 2, found 0",
    ),
    (
        r#""logit_bias":{"50":101}"#,
        "logit_bias.50",
        "logit_bias.50: expected a number from -100 to 100, found 101",
    ),
    (
        r#""top_logprobs":21"#,
        "top_logprobs",
        "top_logprobs: expected a whole number from 0 to 20, found 21",
    ),
    (
        r#""response_format":{}"#,
        "response_format.type",
        "response_format.type: required: expected a non-empty string",
    ),
    (
        r#""response_format":{"type":"json_schema"}"#,
        "response_format.json_schema",
        "response_format.json_schema: required: expected an object",
    ),
    (
        r#""tools":[{"type":"function","function":{}}]"#,
        "tools[0].function.name",
        "tools[0].function.name: required: expected a non-empty string",
    ),
    (
        r#""tool_choice":"maybe""#,
        "tool_choice",
        "tool_choice: expected \"none\", \"auto\", \"required\", found \"maybe\"",
    ),
    (
        r#""reasoning":{"effort":"huge"}"#,
        "reasoning.effort",
        "reasoning.effort: expected \"none\", \"minimal\", \"low\", \"medium\", \"high\", \"xhigh\", \"max\", found \"huge\"",
    ),
    (
        r#""reasoning":{"effort":"low","max_tokens":5}"#,
        "reasoning",
        "reasoning: use either `effort` or `max_tokens`, not both",
    ),
    (
        r#""reasoning":{"effort":"low"},"reasoning_effort":"high""#,
        "reasoning_effort",
        "reasoning_effort: differs from `reasoning.effort`; send one of them",
    ),
    (
        r#""provider":"openai""#,
        "provider",
        "provider: expected an object, found a string",
    ),
    (
        r#""route":"best""#,
        "route",
        "route: expected \"fallback\" or \"sort\", found \"best\"",
    ),
    (
        r#""plugins":[{}]"#,
        "plugins[0].id",
        "plugins[0].id: required: expected a non-empty string",
    ),
    (
        r#""n":0"#,
        "n",
        "n: expected a whole number from 1 to 128, found 0",
    ),
    (
        r#""metadata":{"a[0]":"x"}"#,
        "metadata.a[0]",
        "metadata.a[0]: square brackets are not allowed in a name",
    ),
    (
        r#""metadata":{"a":1}"#,
        "metadata.a",
        "metadata.a: expected a string, found a number",
    ),
    (
        r#""cache_control":{"type":"forever"}"#,
        "cache_control.type",
        "cache_control.type: expected \"ephemeral\", found \"forever\"",
    ),
];

#[test]
fn every_fault_names_its_field_and_what_was_expected() {
    for (fields, field, message) in FIELD_FAULTS {
        let error = read_request(with(fields).as_bytes()).expect_err(fields);
        assert_eq!(error.message, *message);
        assert_eq!(error.kind, Kind::InvalidRequest, "{fields}");
        assert_eq!(
            error
                .metadata
                .and_then(|metadata| metadata.field)
                .as_deref(),
            Some(*field)
        );
    }
    let long = with(&format!(r#""session_id":"{}""#, "é".repeat(257)));
    let error = read_request(long.as_bytes()).expect_err("too long");
    assert_eq!(
        (error.kind, error.message.as_str()),
        (
            Kind::StringTooLong,
            "session_id: longer than 256 characters"
        )
    );
    assert!(
        read_request(with(&format!(r#""session_id":"{}""#, "é".repeat(256))).as_bytes()).is_ok()
    );
    let many: Vec<_> = (0..17).map(|n| format!("\"k{n}\":\"\"")).collect();
    let error = read_request(with(&format!("\"metadata\":{{{}}}", many.join(","))).as_bytes());
    assert_eq!(
        error.expect_err("too many").message,
        "metadata: more than 16 members"
    );
}

#[test]
fn every_fault_in_a_message_names_its_place() {
    for (messages, message) in [
        ("[]", "messages: expected at least one message"),
        ("{}", "messages: expected an array, found an object"),
        ("[1]", "messages[0]: expected an object, found a number"),
        (
            r#"[{"content":"x"}]"#,
            "messages[0].role: required: expected who speaks, such as \"user\"",
        ),
        (
            r#"[{"role":"boss","content":"x"}]"#,
            "messages[0].role: expected \"system\", \"developer\", \"user\", \"assistant\", \"tool\", \"function\", found \"boss\"",
        ),
        (
            r#"[{"role":"user"}]"#,
            "messages[0].content: required: expected a string or an array",
        ),
        (
            r#"[{"role":"user","content":5}]"#,
            "messages[0].content: expected a string or an array, found a number",
        ),
        (
            r#"[{"role":"tool","content":"x"}]"#,
            "messages[0].tool_call_id: required: expected a string",
        ),
        (
            r#"[{"role":"user","content":[{"text":"x"}]}]"#,
            "messages[0].content[0].type: required: expected a non-empty string",
        ),
        (
            r#"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text"}]}]"#,
            "messages[0].content[1].text: required: expected a string",
        ),
        (
            r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":5}}]}]"#,
            "messages[0].content[0].image_url.url: expected a non-empty string, found a number",
        ),
        (
            r#"[{"role":"assistant","tool_calls":[{"id":5}]}]"#,
            "messages[0].tool_calls[0].id: expected a string, found a number",
        ),
    ] {
        let body = format!(r#"{{"messages":{messages}}}"#);
        let error = read_request(body.as_bytes()).expect_err(messages);
        assert_eq!(
            (error.kind, error.message.as_str()),
            (Kind::InvalidRequest, message)
        );
    }
}

#[test]
fn a_body_that_is_no_request_is_told_so() {
    for (body, message) in [
        (
            "",
            "the request body is malformed JSON at byte 0: expected a value",
        ),
        ("[]", "the request body must be a JSON object, not an array"),
        (
            "\"x\"",
            "the request body must be a JSON object, not a string",
        ),
        (
            "{\"model\" 1}",
            "the request body is malformed JSON at byte 9: expected ':'",
        ),
        (
            "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]} x",
            "the request body is malformed JSON at byte 45: expected the end of the text",
        ),
        (
            "{}",
            "messages: required: expected an array of at least one message",
        ),
        (
            "{\"prompt\":\"x\"}",
            "messages: required: `prompt` alone is not supported here; send it as `messages: [{\"role\": \"user\", \"content\": …}]`",
        ),
    ] {
        assert_eq!(
            read_request(body.as_bytes()).expect_err(body).message,
            message
        );
    }
    let error = read_request(b"{\"model\":\"\xff\"}").expect_err("not UTF-8");
    assert_eq!(
        error.message,
        "the request body is malformed JSON at byte 10: expected UTF-8"
    );
}

#[test]
fn what_is_unknown_null_or_merely_odd_is_accepted() {
    for fields in [
        r#""unknown":{"deep":[1,{}]},"functions":[{}],"top_k":-1"#,
        r#""model":null,"models":null,"stop":null,"tools":null,"temperature":null,"reasoning":null,"provider":null,"metadata":null,"response_format":null"#,
        r#""tools":[{"type":"openrouter:web_search"},{"type":"custom","custom":{"name":"x"}}],"tool_choice":{"type":"openrouter:web_search"}"#,
        r#""response_format":{"type":"python"},"service_tier":"on_demand","max_tokens":10.0,"seed":123456789012345678901234567890"#,
        r#""reasoning":{"effort":"none","max_tokens":5},"reasoning_effort":"none""#,
    ] {
        assert!(read_request(with(fields).as_bytes()).is_ok(), "{fields}");
    }
    for messages in [
        r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"x"}]}]"#,
        r#"[{"role":"user","content":[{"type":"new_kind","whatever":1}]}]"#,
    ] {
        assert!(
            read_request(format!(r#"{{"messages":{messages}}}"#).as_bytes()).is_ok(),
            "{messages}"
        );
    }
}

#[test]
fn of_repeated_fields_the_last_counts_and_is_the_only_one_sent() {
    let body = r#"{"model":"a","messages":[{"role":"user","content":"first"}],"mod\u0065l":"b","x":1,"messages":[{"role":"user","content":"last"}],"x":2}"#;
    let incoming = read_request(body.as_bytes()).expect("a request");
    assert_eq!(incoming.model.as_deref(), Some("b"));
    let written = write_request(body.as_bytes(), &incoming, &TO);
    let expected =
        r#"{"mod\u0065l":"native-1","messages":[{"role":"user","content":"last"}],"x":2}"#;
    assert_eq!(std::str::from_utf8(&written.body).expect("UTF-8"), expected);
}

#[test]
fn a_stream_asks_for_usage_and_an_unstreamed_call_does_not() {
    for (fields, expected) in [
        (r#""stream":true"#, r#"{"include_usage":true}"#),
        (
            r#""stream":true,"stream_options":null"#,
            r#"{"include_usage":true}"#,
        ),
        (
            r#""stream":true,"stream_options":{}"#,
            r#"{"include_usage":true}"#,
        ),
        (
            r#""stream":true,"stream_options":{"x":1}"#,
            r#"{"x":1,"include_usage":true}"#,
        ),
        (
            r#""stream":false,"stream_options":{"include_usage":true}"#,
            "null",
        ),
    ] {
        let written = tree(&write(&with(fields), &TO).body);
        assert_eq!(
            written["stream_options"],
            tree(expected.as_bytes()),
            "{fields}"
        );
    }
}

#[test]
fn a_limit_of_ours_takes_the_place_of_the_callers_under_the_name_the_provider_knows() {
    // caller's fields, the provider's habits, what is sent
    for (fields, quirks, sent) in [
        (r#""top_k":1"#, &[][..], r#""max_tokens":64"#),
        (r#""max_tokens":9000"#, &[], r#""max_tokens":64"#),
        (r#""max_tokens":null"#, &[], r#""max_tokens":64"#),
        (
            r#""max_completion_tokens":9000"#,
            &[],
            r#""max_completion_tokens":64"#,
        ),
        (
            r#""max_tokens":9000,"max_completion_tokens":9000"#,
            &[],
            r#""max_tokens":64"#,
        ),
        (
            r#""max_tokens":9000"#,
            &["max-completion-tokens"],
            r#""max_completion_tokens":64"#,
        ),
        (
            r#""top_k":1"#,
            &["max-completion-tokens"],
            r#""max_completion_tokens":64"#,
        ),
        (
            r#""max_completion_tokens":9000"#,
            &["max-tokens"],
            r#""max_tokens":64"#,
        ),
    ] {
        let quirks: Vec<_> = quirks
            .iter()
            .filter_map(|name| Quirk::from_name(name))
            .collect();
        let to = Outgoing {
            quirks: &quirks,
            output_limit: Some(64),
            ..TO
        };
        let written = write(&with(fields), &to);
        let text = std::str::from_utf8(&written.body).expect("UTF-8");
        tree(&written.body);
        assert!(text.contains(sent), "{fields} {text}");
        assert_eq!(text.matches("_tokens\"").count(), 1, "{fields} {text}");
        assert!(written.dropped.is_empty(), "{fields}");
    }
}

#[test]
fn unsupported_parameters_are_dropped_and_named_but_never_the_output_limit() {
    let supported = [Parameter::Temperature, Parameter::StructuredOutputs]
        .into_iter()
        .collect();
    let to = Outgoing {
        supported: Some(supported),
        ..TO
    };
    let body = with(
        r#""temperature":1,"top_k":5,"seed":null,"tools":[{"type":"x"}],"tool_choice":"auto","parallel_tool_calls":true,"max_tokens":7,"max_completion_tokens":7,"response_format":{"type":"json_object"},"top_logprobs":2,"reasoning_effort":"low","unknown":1"#,
    );
    let written = write(&body, &to);
    let expected = r#"{"messages":[{"role":"user","content":"x"}],"temperature":1,"max_tokens":7,"max_completion_tokens":7,"response_format":{"type":"json_object"},"unknown":1,"model":"native-1"}"#;
    assert_eq!(std::str::from_utf8(&written.body).expect("UTF-8"), expected);
    let expected = [
        "top_k",
        "top_logprobs",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "reasoning_effort",
    ];
    assert_eq!(written.dropped, expected);
}

#[test]
fn writing_with_another_body_than_was_read_does_not_panic() {
    let incoming =
        read_request(with(r#""model":"a","provider":{}"#).as_bytes()).expect("a request");
    for body in [
        &b"{}"[..],
        b"",
        b"\xff\xff",
        "ééééééééééééééééééééééééééééééééééééé".as_bytes(),
    ] {
        let _ = write_request(body, &incoming, &TO);
    }
}
