//! What only some families of models on Bedrock know, and labels.

use chat::Dialect;
use serde_json::{Value, json};

use crate::provider_side::{endpoint, written};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn of_chat(more: &Value, model: &str) -> (Value, Vec<String>) {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let fields = body.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    let to = endpoint(Dialect::BedrockConverse, model);
    written(Dialect::OpenaiChat, &body, &to)
}

#[test]
fn claude_is_told_to_call_one_tool_at_a_time() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let one = json!({"type": "function", "function": {"name": "f"}});
    let (auto, rest) = (
        json!({"type": "auto", "disable_parallel_tool_use": true}),
        json!({"disable_parallel_tool_use": true}),
    );
    for (choice, converse, claude) in [
        (Value::Null, Value::Null, &auto),
        // The same would be said twice, which is refused.
        (json!("auto"), Value::Null, &auto),
        (json!("required"), json!({"any": {}}), &rest),
        (one, json!({"tool": {"name": "f"}}), &rest),
    ] {
        let mut asked = json!({"tools": tools, "parallel_tool_calls": false});
        if !choice.is_null() {
            asked["tool_choice"] = choice.clone();
        }
        let (sent, dropped) = of_chat(&asked, CLAUDE);
        assert_eq!(sent["toolConfig"]["toolChoice"], converse, "{choice}");
        let fields = &sent["additionalModelRequestFields"];
        assert_eq!(fields["tool_choice"], *claude, "{choice}");
        assert_eq!(dropped, Vec::<String>::new(), "{choice}");
    }
    // Without tools there is nothing to say, and it would be refused.
    for asked in [
        json!({"parallel_tool_calls": false}),
        json!({"tools": tools, "tool_choice": "none", "parallel_tool_calls": false}),
    ] {
        let (sent, dropped) = of_chat(&asked, CLAUDE);
        assert_eq!(sent["additionalModelRequestFields"], Value::Null);
        assert_eq!(dropped, Vec::<String>::new());
    }
    // Nobody else knows it.
    for model in [
        "us.amazon.nova-pro-v1:0",
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
    ] {
        let asked = json!({"tools": tools, "parallel_tool_calls": false});
        let (sent, dropped) = of_chat(&asked, model);
        assert_eq!(sent["additionalModelRequestFields"], Value::Null, "{model}");
        assert_eq!(dropped, ["parallel_tool_calls"], "{model}");
    }
}

#[test]
fn penalties_and_seeds_go_to_families_that_have_them() {
    let asked = json!({"seed": 7, "frequency_penalty": 0.25, "presence_penalty": 0.5});
    let penalties = json!({"frequency_penalty": 0.25, "presence_penalty": 0.5});
    for (model, expected, named) in [
        ("cohere.command-r-plus-v1:0", &asked, vec![]),
        ("us.writer.palmyra-x5-v1:0", &asked, vec![]),
        ("ai21.jamba-1-5-large-v1:0", &penalties, vec!["seed"]),
        (
            "us.meta.llama3-3-70b-instruct-v1:0",
            &Value::Null,
            vec!["frequency_penalty", "presence_penalty", "seed"],
        ),
        (
            "mistral.mistral-large-2407-v1:0",
            &Value::Null,
            vec!["frequency_penalty", "presence_penalty", "seed"],
        ),
    ] {
        let (sent, dropped) = of_chat(&asked, model);
        assert_eq!(
            sent["additionalModelRequestFields"], *expected,
            "{model}: {dropped:?}"
        );
        assert_eq!(dropped, named, "{model}");
    }
}

#[test]
fn top_k_goes_to_models_of_mistral_that_were_asked_for_texts() {
    let asked = json!({"top_k": 7});
    for (model, is_taken) in [
        ("mistral.mistral-7b-instruct-v0:2", true),
        ("mistral.mistral-large-2402-v1:0", true),
        ("mistral.mistral-large-2407-v1:0", false),
        ("us.mistral.pixtral-large-2502-v1:0", false),
        ("mistral.mistral-large-3-675b-instruct", false),
    ] {
        let (sent, dropped) = of_chat(&asked, model);
        let (fields, named) = match is_taken {
            true => (asked.clone(), vec![]),
            false => (Value::Null, vec!["top_k"]),
        };
        assert_eq!(sent["additionalModelRequestFields"], fields, "{model}");
        assert_eq!(dropped, named, "{model}");
    }
}

#[test]
fn what_the_caller_says_of_the_model_wins_and_what_it_wins_over_is_named() {
    let own = json!({"seed": 1, "k": 3, "p": 0.5});
    let asked = json!({"seed": 7, "top_k": 3, "additionalModelRequestFields": own});
    let (sent, dropped) = of_chat(&asked, "cohere.command-r-v1:0");
    let expected = json!({"seed": 1, "k": 3, "p": 0.5});
    assert_eq!(sent["additionalModelRequestFields"], expected);
    assert_eq!(dropped, ["seed"]);
}

#[test]
fn the_end_user_is_a_label_where_its_letters_are_allowed() {
    for (asked, labels, named) in [
        (json!({"user": "u-7"}), json!({"user": "u-7"}), vec![]),
        (
            json!({"user": "u-7", "metadata": {"team": "tide"}}),
            json!({"team": "tide", "user": "u-7"}),
            vec![],
        ),
        // The caller has a label of that name.
        (
            json!({"user": "u-7", "metadata": {"user": "other"}}),
            json!({"user": "other"}),
            vec!["user"],
        ),
        (
            json!({"user": "u-7", "metadata": {"user": "u-7"}}),
            json!({"user": "u-7"}),
            vec![],
        ),
        (json!({"user": "ü|7"}), Value::Null, vec!["user"]),
        (json!({"user": "u".repeat(257)}), Value::Null, vec!["user"]),
    ] {
        let (sent, dropped) = of_chat(&asked, CLAUDE);
        assert_eq!(sent["requestMetadata"], labels, "{asked}");
        assert_eq!(dropped, named, "{asked}");
    }
    // There are sixteen labels.
    let all: serde_json::Map<_, _> = (0..16).map(|at| (format!("l{at}"), json!("x"))).collect();
    let (sent, dropped) = of_chat(&json!({"user": "u", "metadata": all}), CLAUDE);
    assert_eq!(
        sent["requestMetadata"].as_object().map(|it| it.len()),
        Some(16)
    );
    assert_eq!(dropped, ["user"]);
}
