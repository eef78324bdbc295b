//! What OpenAI has in both of its dialects and nobody else has: told from one to the other, and named
//! elsewhere.

use chat::Dialect;
use serde_json::{Value, json};

use crate::provider_side::{endpoint, written};

/// A plain request with members put into it.
fn asked(caller: Dialect, more: &Value) -> Value {
    let mut body = match caller {
        Dialect::OpenaiResponses => json!({"model": "m", "input": "Hi"}),
        _ => json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}),
    };
    let fields = body.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    body
}

#[test]
fn how_its_cache_works_is_told_to_its_own_models() {
    let (chat, responses) = (Dialect::OpenaiChat, Dialect::OpenaiResponses);
    let (options, retention) = ("prompt_cache_options", "prompt_cache_retention");
    let said = json!({options: {"mode": "explicit"}, retention: "24h"});
    for (from, to, model, told) in [
        (chat, responses, "gpt-5.6", vec![options, retention]),
        (chat, responses, "gpt-4.1", vec![retention]),
        (chat, responses, "grok-4", vec![]),
        (responses, chat, "gpt-5.6", vec![options, retention]),
        (responses, chat, "llama", vec![]),
        (
            chat,
            Dialect::AnthropicMessages,
            "claude-sonnet-4-5",
            vec![],
        ),
    ] {
        let (sent, dropped) = written(from, &asked(from, &said), &endpoint(to, model));
        for name in [options, retention] {
            let is_told = told.contains(&name);
            let expected = if is_told { &said[name] } else { &Value::Null };
            assert_eq!(sent[name], *expected, "{from} to {to}, {model}");
            let is_named = dropped.iter().any(|dropped| dropped == name);
            assert_eq!(is_named, !is_told, "{from} to {to}, {model}: {dropped:?}");
        }
    }
}

#[test]
fn its_newer_name_of_the_end_user_counts_where_the_older_one_is_not_there() {
    let claude = endpoint(Dialect::AnthropicMessages, "claude-sonnet-4-5");
    for caller in [Dialect::OpenaiChat, Dialect::OpenaiResponses] {
        for (said, user, named) in [
            (json!({"safety_identifier": "s"}), "s", vec![]),
            (json!({"safety_identifier": "s", "user": "s"}), "s", vec![]),
            (
                json!({"safety_identifier": "s", "user": "u"}),
                "u",
                vec!["safety_identifier"],
            ),
        ] {
            let (sent, dropped) = written(caller, &asked(caller, &said), &claude);
            assert_eq!(sent["metadata"]["user_id"], user, "{caller}: {said}");
            assert_eq!(dropped, named, "{caller}: {said}");
        }
    }
}
