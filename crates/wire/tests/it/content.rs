//! What was asked and answered, read for those who keep it.

use chat::Dialect;
use serde_json::{Value, json};
use wire::content::{Said, fold, input, said_in};
use wire::frame::Framing;

fn said(completion: &str, reasoning: Option<&str>) -> Said {
    Said {
        completion: Some(completion.to_owned()),
        reasoning: reasoning.map(str::to_owned),
    }
}

/// Folds a text however it is cut.
fn folded(dialect: Dialect, text: &str) -> (Value, bool) {
    let whole = fold((dialect, Framing::Sse), std::iter::once(text.as_bytes()));
    for size in [1, 7, 64] {
        let pieces = text.as_bytes().chunks(size);
        assert_eq!(fold((dialect, Framing::Sse), pieces), whole, "{size}");
    }
    whole
}

#[test]
fn a_stream_of_each_dialect_folds_into_what_it_says() {
    let chat = concat!(
        r#"data: {"id":"a","model":"m","choices":[{"index":0,"delta":{"reasoning":"hm"}}]}"#,
        "\n\n: life\n\n",
        r#"data: {"id":"a","choices":[{"index":0,"delta":{"content":"he"}}]}"#,
        "\n\n",
        r#"data: {"id":"a","choices":[{"index":0,"delta":{"content":"llo"},"finish_reason":"stop"}]}"#,
        "\n\ndata: [DONE]\n\n",
    );
    let messages = concat!(
        "event: message_start\n",
        r#"data: {"type":"message_start","message":{"id":"a","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}"#,
        "\n\nevent: content_block_start\n",
        r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        "\n\nevent: content_block_delta\n",
        r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}"#,
        "\n\nevent: content_block_stop\n",
        r#"data: {"type":"content_block_stop","index":0}"#,
        "\n\nevent: message_delta\n",
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#,
        "\n\nevent: message_stop\n",
        r#"data: {"type":"message_stop"}"#,
        "\n\n",
    );
    let completions = concat!(
        r#"data: {"id":"a","choices":[{"index":0,"text":"hel","finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"id":"a","choices":[{"index":0,"text":"lo","finish_reason":"stop"}]}"#,
        "\n\ndata: [DONE]\n\n",
    );
    let array = concat!(
        r#"[{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"hel"}]}}]}"#,
        ",\n",
        r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"lo"}]},"finishReason":"STOP"}]}]"#,
    );
    for (dialect, text, reasoning) in [
        (Dialect::OpenaiChat, chat, Some("hm")),
        (Dialect::AnthropicMessages, messages, None),
        (Dialect::OpenaiCompletions, completions, None),
        (Dialect::Gemini, array, None),
    ] {
        let (answer, is_whole) = folded(dialect, text);
        assert!(is_whole, "{dialect:?}: {answer:#}");
        assert_eq!(
            Said::of_folded(&answer),
            said("hello", reasoning),
            "{dialect:?}"
        );
        let finish = &answer["choices"][0]["finish_reason"];
        assert_eq!(finish, "stop", "{dialect:?}");
        // What was cut off is what was said until then.
        let (answer, is_whole) = folded(dialect, &text[..text.len() - 60]);
        assert!(!is_whole, "{dialect:?}");
        assert!(answer["choices"].is_array(), "{dialect:?}");
    }
}

#[test]
fn tool_calls_are_part_of_a_folded_answer() {
    let text = concat!(
        r#"data: {"id":"a","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\""}}]}}]}"#,
        "\n\n",
        r#"data: {"id":"a","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]},"finish_reason":"tool_calls"}]}"#,
        "\n\ndata: [DONE]\n\n",
    );
    let (answer, _) = folded(Dialect::OpenaiChat, text);
    assert_eq!(
        answer["choices"][0]["blocks"],
        json!([{"type": "tool_call", "id": "c", "name": "f", "arguments": "{\"a\":1}"}])
    );
    assert_eq!(Said::of_folded(&answer), Said::default());
}

#[test]
fn a_whole_answer_says_what_it_says() {
    let chat = r#"{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":"hello","reasoning":"hm"},"finish_reason":"stop"}]}"#;
    assert_eq!(
        said_in(Dialect::OpenaiChat, chat.as_bytes()),
        said("hello", Some("hm"))
    );
    let completion = r#"{"choices":[{"index":0,"text":"hello","finish_reason":"stop"}]}"#;
    assert_eq!(
        said_in(Dialect::OpenaiCompletions, completion.as_bytes()),
        said("hello", None)
    );
    assert_eq!(said_in(Dialect::OpenaiEmbeddings, b"{}"), Said::default());
    assert_eq!(said_in(Dialect::OpenaiChat, b"no json"), Said::default());
}

#[test]
fn every_request_is_shown_as_messages_or_a_prompt() {
    let hello = json!({"messages": [{"role": "user", "content": "hello"}]});
    for (dialect, body, expected) in [
        (
            Dialect::OpenaiChat,
            json!({"model": "m", "messages": hello["messages"]}),
            hello.clone(),
        ),
        (
            Dialect::AnthropicMessages,
            json!({"model": "m", "max_tokens": 1, "messages": hello["messages"]}),
            hello.clone(),
        ),
        (
            Dialect::OpenaiResponses,
            json!({"model": "m", "input": "hello"}),
            hello.clone(),
        ),
        (
            Dialect::Gemini,
            json!({"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}),
            hello.clone(),
        ),
        (
            Dialect::OpenaiCompletions,
            json!({"model": "m", "prompt": "hello"}),
            json!({"prompt": "hello"}),
        ),
        (
            Dialect::OpenaiEmbeddings,
            json!({"model": "m", "input": ["a", "b"]}),
            json!({"prompt": ["a", "b"]}),
        ),
    ] {
        assert_eq!(
            input(dialect, body.to_string().as_bytes()),
            expected,
            "{dialect:?}"
        );
    }
    assert_eq!(input(Dialect::Cohere, b"{}"), json!({"prompt": "{}"}));
}
