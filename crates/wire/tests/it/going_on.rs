//! Requests to go on with a text: how each kind of provider is told, and which models are.

use chat::Dialect;
use serde_json::{Value, json};
use wire::openai_chat::read_request;
use wire::{Outgoing, Quirk, goes_on, lane, translation};

fn quirk(name: &str) -> &'static Quirk {
    Quirk::from_name(name).unwrap_or_else(|| panic!("no quirk {name}"))
}

/// What a provider with this habit is sent when it is to go on with a text.
fn asked(name: &str, dialect: Dialect, said: &str) -> Value {
    let body = json!({ "model": "m", "stream": true, "max_tokens": 9,
        "messages": [{ "role": "user", "content": "Hello" }] });
    let body = body.to_string();
    let request = read_request(body.as_bytes()).expect("the test's own text");
    let quirks = [quirk(name)];
    let to = Outgoing {
        native_model: "qwen3-max",
        quirks: &quirks,
        supported: None,
        output_limit: Some(5),
        output_most: None,
        dialect,
    };
    let lane = translation(Dialect::OpenaiChat, dialect, dialect).expect("a lane");
    let written = lane.write_on((body.as_bytes(), &request), said, &to);
    let written = written.expect("it can be said");
    serde_json::from_slice(&written.body).expect("JSON")
}

#[test]
fn each_habit_marks_the_text_in_its_own_way() {
    let plain = json!({ "role": "assistant", "content": "It begins" });
    let marked = json!({ "role": "assistant", "content": "It begins", "prefix": true });
    let partial = json!({ "role": "assistant", "content": "It begins", "partial": true });
    for (name, last, flags) in [
        ("goes-on", &plain, false),
        ("goes-on-prefix", &marked, false),
        ("goes-on-prefix-repeated", &marked, false),
        ("goes-on-partial", &partial, false),
        ("goes-on-final-message", &plain, true),
    ] {
        // Blanks at the end stay here: some refuse them.
        let tree = asked(name, Dialect::OpenaiChat, "It begins \n");
        assert_eq!(tree["messages"][1], *last, "{name}");
        assert_eq!(tree["messages"][0]["content"], "Hello");
        assert_eq!(tree["max_tokens"], 5);
        let continues = tree.get("continue_final_message");
        assert_eq!(continues, flags.then_some(&json!(true)), "{name}");
        let prompt = tree.get("add_generation_prompt");
        assert_eq!(prompt, flags.then_some(&json!(false)), "{name}");
        // Where nothing but blanks was said, the request is the same as ever.
        let tree = asked(name, Dialect::OpenaiChat, " \n");
        assert_eq!(tree["messages"].as_array().map(Vec::len), Some(1));
        assert_eq!(tree.get("continue_final_message"), None);
    }
    let tree = asked("goes-on-claude", Dialect::AnthropicMessages, "It begins");
    let last = &tree["messages"][1];
    assert_eq!(last["role"], "assistant");
    let text = &last["content"];
    assert!(
        text == "It begins" || text[0]["text"] == "It begins",
        "{tree}"
    );
}

#[test]
fn models_that_refuse_and_models_that_nobody_knows_do_not_go_on() {
    let claude = [quirk("goes-on-claude")];
    for (model, expected) in [
        ("claude-3-haiku-20240307", true),
        ("claude-sonnet-4-20250514", true),
        ("claude-sonnet-4@20250514", true),
        ("claude-opus-4-5-20251101", true),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", true),
        ("claude-opus-4-6", false),
        ("claude-sonnet-4-6", false),
        ("claude-opus-5", false),
    ] {
        assert_eq!(goes_on(&claude, model).is_some(), expected, "{model}");
    }
    assert!(goes_on(&[quirk("goes-on-prefix")], "any").is_some());
    let partial = [quirk("goes-on-partial")];
    assert!(goes_on(&partial, "qwen3-max").is_some());
    assert!(goes_on(&partial, "qwq-plus").is_none());
    assert!(goes_on(&[quirk("max-tokens")], "any").is_none());
    assert!(goes_on(&[], "any").is_none());
}

#[test]
fn an_answer_that_the_caller_began_is_not_gone_on_with_nor_one_whose_bytes_travel() {
    let body = r#"{"model":"m","messages":[{"role":"assistant","content":"{"}]}"#;
    let request = read_request(body.as_bytes()).expect("the test's own text");
    let quirks = [quirk("goes-on")];
    let to = Outgoing {
        native_model: "m",
        quirks: &quirks,
        supported: None,
        output_limit: None,
        output_most: None,
        dialect: Dialect::OpenaiChat,
    };
    let chat = Dialect::OpenaiChat;
    for lane in [translation(chat, chat, chat), lane(chat, chat, chat)] {
        let lane = lane.expect("a lane");
        let written = lane.write_on((body.as_bytes(), &request), "text", &to);
        assert!(written.is_err(), "{written:?}");
    }
}
