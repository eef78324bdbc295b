//! Every quirk, before and after.

use wire::Outgoing;
use wire::Quirk;
use wire::openai_chat::{read_request, write_request};

use crate::cases::tree;

/// Name, the caller's fields, the fields sent, and what is named as dropped.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const FIELDS: &[Case] = &[
    // Only translation asks for it.
    ("cache-control", r#""seed":1"#, r#""seed":1"#, &[]),
    // Only planning and translation ask; `free_text.rs` has what they do.
    ("free-text-tools", r#""seed":1"#, r#""seed":1"#, &[]),
    ("free-text-tools-gpt-5", r#""seed":1"#, r#""seed":1"#, &[]),
    // Only Responses has it: see `responses/provider.rs`.
    ("no-reasoning-summary", r#""seed":1"#, r#""seed":1"#, &[]),
    // Only recovery asks for these; `going_on.rs` has what they do.
    ("goes-on", r#""seed":1"#, r#""seed":1"#, &[]),
    ("goes-on-claude", r#""seed":1"#, r#""seed":1"#, &[]),
    ("goes-on-prefix", r#""seed":1"#, r#""seed":1"#, &[]),
    ("goes-on-prefix-repeated", r#""seed":1"#, r#""seed":1"#, &[]),
    ("goes-on-partial", r#""seed":1"#, r#""seed":1"#, &[]),
    ("goes-on-final-message", r#""seed":1"#, r#""seed":1"#, &[]),
    (
        "max-completion-tokens",
        r#""max_tokens":5"#,
        r#""max_completion_tokens":5"#,
        &[],
    ),
    (
        "max-completion-tokens",
        r#""max_tokens":5,"max_completion_tokens":6"#,
        r#""max_completion_tokens":6"#,
        &[],
    ),
    (
        "max-completion-tokens",
        r#""max_tokens":5,"max_completion_tokens":null"#,
        r#""max_completion_tokens":5"#,
        &[],
    ),
    (
        "max-tokens",
        r#""max_completion_tokens":5.0"#,
        r#""max_tokens":5.0"#,
        &[],
    ),
    (
        "seed-as-random-seed",
        r#""seed":7"#,
        r#""random_seed":7"#,
        &[],
    ),
    (
        "no-stream-options",
        r#""stream":true,"stream_options":{"include_usage":true}"#,
        r#""stream":true"#,
        &[],
    ),
    (
        "no-logprobs",
        r#""logprobs":true,"top_logprobs":2"#,
        "",
        &["logprobs", "top_logprobs"],
    ),
    (
        "no-logit-bias",
        r#""logit_bias":{"1":2}"#,
        "",
        &["logit_bias"],
    ),
    (
        "no-parallel-tool-calls",
        r#""parallel_tool_calls":false"#,
        "",
        &["parallel_tool_calls"],
    ),
    ("no-seed", r#""seed":1"#, "", &["seed"]),
    ("no-seed", r#""seed":null"#, "", &[]),
    ("no-stop", r#""stop":"x""#, "", &["stop"]),
    ("no-n", r#""n":2"#, "", &["n"]),
    (
        "no-penalties",
        r#""presence_penalty":1,"frequency_penalty":0"#,
        "",
        &["frequency_penalty", "presence_penalty"],
    ),
    (
        "no-extra-sampling",
        r#""top_k":5,"temperature":1"#,
        r#""temperature":1"#,
        &["top_k"],
    ),
    (
        "no-rare-sampling",
        r#""top_k":5,"min_p":0.1"#,
        r#""top_k":5"#,
        &["min_p"],
    ),
    ("no-user", r#""user":"u""#, "", &["user"]),
    ("no-metadata", r#""metadata":{"a":"b"}"#, "", &["metadata"]),
    ("no-store", r#""store":true"#, "", &["store"]),
    (
        "no-service-tier",
        r#""service_tier":"flex""#,
        "",
        &["service_tier"],
    ),
    ("no-verbosity", r#""verbosity":"low""#, "", &["verbosity"]),
    (
        "no-prediction",
        r#""prediction":{"type":"content","content":"x"}"#,
        "",
        &["prediction"],
    ),
    (
        "no-prompt-cache-key",
        r#""prompt_cache_key":"k""#,
        "",
        &["prompt_cache_key"],
    ),
    (
        "no-cache-control",
        r#""cache_control":{"type":"ephemeral"}"#,
        "",
        &["cache_control"],
    ),
    (
        "temperature-max-1",
        r#""temperature":1.5"#,
        r#""temperature":1"#,
        &["temperature"],
    ),
    (
        "temperature-max-1",
        r#""temperature":0.70"#,
        r#""temperature":0.70"#,
        &[],
    ),
    (
        "reasoning-effort",
        r#""reasoning":{"effort":"high"}"#,
        r#""reasoning_effort":"high""#,
        &[],
    ),
    (
        "reasoning-effort",
        r#""reasoning":{"effort":"max","exclude":true}"#,
        r#""reasoning_effort":"xhigh""#,
        &["reasoning.exclude"],
    ),
    (
        "reasoning-effort",
        r#""reasoning":{"enabled":true}"#,
        r#""reasoning_effort":"medium""#,
        &[],
    ),
    (
        "reasoning-effort",
        r#""reasoning":{"enabled":false}"#,
        r#""reasoning_effort":"none""#,
        &[],
    ),
    (
        "reasoning-effort",
        r#""reasoning":{"max_tokens":800},"max_tokens":1000"#,
        r#""max_tokens":1000,"reasoning_effort":"high""#,
        &["reasoning.max_tokens"],
    ),
    (
        "reasoning-effort",
        r#""reasoning_effort":"low","include_reasoning":false"#,
        r#""reasoning_effort":"low""#,
        &["include_reasoning"],
    ),
    (
        "reasoning-effort-basic",
        r#""reasoning":{"effort":"xhigh"}"#,
        r#""reasoning_effort":"high""#,
        &[],
    ),
    (
        "reasoning-effort-basic",
        r#""reasoning_effort":"minimal""#,
        r#""reasoning_effort":"low""#,
        &[],
    ),
    (
        "reasoning-effort-basic",
        r#""reasoning_effort":"none""#,
        "",
        &["reasoning_effort", "reasoning.effort"],
    ),
    (
        "openrouter-reasoning",
        r#""reasoning":{"effort":"high","exclude":true},"include_reasoning":true"#,
        r#""reasoning":{"effort":"high","exclude":true},"include_reasoning":true"#,
        &[],
    ),
    (
        "thinking-type",
        r#""reasoning":{"effort":"high"}"#,
        r#""thinking":{"type":"enabled"}"#,
        &["reasoning.effort"],
    ),
    (
        "thinking-type",
        r#""reasoning_effort":"none""#,
        r#""thinking":{"type":"disabled"}"#,
        &[],
    ),
    ("thinking-type", r#""include_reasoning":true"#, "", &[]),
    (
        "enable-thinking",
        r#""reasoning":{"max_tokens":2000}"#,
        r#""enable_thinking":true,"thinking_budget":2000"#,
        &[],
    ),
    (
        "enable-thinking",
        r#""reasoning":{"effort":"low"},"max_tokens":1000"#,
        r#""max_tokens":1000,"enable_thinking":true,"thinking_budget":200"#,
        &[],
    ),
    (
        "enable-thinking",
        r#""reasoning":{"effort":"low"}"#,
        r#""enable_thinking":true"#,
        &["reasoning.effort"],
    ),
    (
        "enable-thinking",
        r#""reasoning":{"enabled":false}"#,
        r#""enable_thinking":false"#,
        &[],
    ),
];

const MESSAGES: &[Case] = &[
    (
        "developer-as-system",
        r#"[{"role":"developer","content":"a"},{"role":"user","content":"developer"}]"#,
        r#"[{"role":"system","content":"a"},{"role":"user","content":"developer"}]"#,
        &[],
    ),
    (
        "system-as-developer",
        r#"[ {"content":"a","role":"system"} ]"#,
        r#"[ {"content":"a","role":"developer"} ]"#,
        &[],
    ),
    (
        "no-message-names",
        r#"[{"role":"user","name":"Ann","content":"a"}]"#,
        r#"[{"role":"user","content":"a"}]"#,
        &["messages[].name"],
    ),
    (
        "no-message-reasoning",
        r#"[{"role":"assistant","content":"a","reasoning":"r","reasoning_details":[]}]"#,
        r#"[{"role":"assistant","content":"a"}]"#,
        &["messages[].reasoning"],
    ),
    (
        "message-reasoning-content",
        r#"[{"role":"assistant","reasoning":"r\n","reasoning_details":[{"type":"reasoning.text"}],"content":"a"}]"#,
        r#"[{"role":"assistant","reasoning_content":"r\n","content":"a"}]"#,
        &[],
    ),
    (
        "message-reasoning-content",
        r#"[{"role":"assistant","content":"a","reasoning":"r","reasoning_content":"s"}]"#,
        r#"[{"role":"assistant","content":"a","reasoning_content":"s"}]"#,
        &[],
    ),
    // Nothing to give back may not be missing; text that another family sealed is nothing.
    (
        "message-reasoning-content",
        r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning":"r","reasoning_details":[{"type":"reasoning.text","text":"r","signature":"s"}]}]"#,
        r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_content":""}]"#,
        &["messages[].reasoning_details"],
    ),
    (
        "message-reasoning-content-or-blank",
        r#"[{"role":"assistant","content":"a"},{"role":"assistant","reasoning_content":"","tool_calls":[{"id":"c"}]},{"role":"assistant","reasoning":"r","tool_calls":[{"id":"d"}]}]"#,
        r#"[{"role":"assistant","content":"a"},{"role":"assistant","reasoning_content":" ","tool_calls":[{"id":"c"}]},{"role":"assistant","reasoning_content":"r","tool_calls":[{"id":"d"}]}]"#,
        &[],
    ),
    (
        "google-thought-signatures",
        r#"[{"role":"assistant","content":"t","reasoning":"r","reasoning_details":[{"type":"reasoning.encrypted","data":"S","id":"c","format":"google-gemini-v1"},{"type":"reasoning.encrypted","data":"T","format":"google-gemini-v1"}],"tool_calls":[{"id":"b"},{"id":"c","type":"function"}]}]"#,
        r#"[{"role":"assistant","content":"t","tool_calls":[{"id":"b"},{"id":"c","type":"function","extra_content":{"google":{"thought_signature":"S"}}}],"extra_content":{"google":{"thought_signature":"T"}}}]"#,
        &[],
    ),
    // What callers kept where Google put it stays; what others sealed does not.
    (
        "google-thought-signatures",
        r#"[{"role":"assistant","reasoning_details":[{"type":"reasoning.text","text":"r","signature":"s","format":"anthropic-claude-v1"}],"tool_calls":[{"id":"c","extra_content":{"google":{"thought_signature":"S"}}}]}]"#,
        r#"[{"role":"assistant","tool_calls":[{"id":"c","extra_content":{"google":{"thought_signature":"S"}}}]}]"#,
        &["messages[].reasoning_details"],
    ),
    (
        "nine-letter-tool-ids",
        r#"[{"role":"assistant","tool_calls":[{"id":"call_1","type":"function"},{"id":"abcDEF123"}]},{"role":"tool","tool_call_id":"call_1","content":"x"},{"role":"tool","content":"y","tool_call_id":"abcDEF123"}]"#,
        r#"[{"role":"assistant","tool_calls":[{"id":"9gD2Dimct","type":"function"},{"id":"abcDEF123"}]},{"role":"tool","tool_call_id":"9gD2Dimct","content":"x"},{"role":"tool","content":"y","tool_call_id":"abcDEF123"}]"#,
        &[],
    ),
    (
        "assistant-after-tool",
        r#"[{"role":"tool","tool_call_id":"c","content":"x"},{"role":"user","content":"no"},{"role":"user","content":"stop"}]"#,
        r#"[{"role":"tool","tool_call_id":"c","content":"x"},{"role":"assistant","content":" "},{"role":"user","content":"no"},{"role":"user","content":"stop"}]"#,
        &[],
    ),
    (
        "last-assistant-as-prefix",
        r#"[{"role":"assistant","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"{"}]"#,
        r#"[{"role":"assistant","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"{","prefix":true}]"#,
        &[],
    ),
    (
        "last-assistant-as-partial",
        r#"[{"role":"user","content":"b"},{"role":"assistant","content":"{"}]"#,
        r#"[{"role":"user","content":"b"},{"role":"assistant","content":"{","partial":true}]"#,
        &[],
    ),
    (
        "last-assistant-as-partial",
        r#"[{"role":"user","content":"b"},{"role":"assistant","content":"{","partial":false}]"#,
        r#"[{"role":"user","content":"b"},{"role":"assistant","content":"{","partial":false}]"#,
        &[],
    ),
    (
        "text-parts-as-string",
        r#"[{"role":"user","content":[{"type":"text","text":"a\t"},{"type":"text","text":"b"}]}]"#,
        r#"[{"role":"user","content":"a\t\nb"}]"#,
        &[],
    ),
    (
        "text-parts-as-string",
        r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"u"}}]}]"#,
        r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"u"}}]}]"#,
        &[],
    ),
];

fn check(name: &str, before: &str, after: &str, dropped: &[&str]) {
    let quirk = Quirk::from_name(name).unwrap_or_else(|| panic!("no quirk {name}"));
    let incoming = read_request(before.as_bytes()).expect(before);
    let to = Outgoing {
        native_model: "m",
        quirks: &[quirk],
        supported: None,
        output_limit: None,
        output_most: None,
        dialect: chat::Dialect::OpenaiChat,
    };
    let written = write_request(before.as_bytes(), &incoming, &to);
    let sent = std::str::from_utf8(&written.body).expect("UTF-8");
    assert_eq!(sent, after, "{name}");
    assert_eq!(written.dropped, dropped, "{name}: {before}");
    tree(&written.body);
}

#[test]
fn each_quirk_changes_what_it_says_and_nothing_else() {
    let message = r#"{"role":"user","content":"x"}"#;
    for (name, before, after, dropped) in FIELDS {
        let before = format!(r#"{{"model":"a","messages":[{message}],{before}}}"#);
        let comma = if after.is_empty() { "" } else { "," };
        let after = format!(r#"{{"model":"m","messages":[{message}]{comma}{after}}}"#);
        check(name, &before, &after, dropped);
    }
    for (name, before, after, dropped) in MESSAGES {
        let before = format!(r#"{{"model":"a","messages":{before}}}"#);
        let after = format!(r#"{{"model":"m","messages":{after}}}"#);
        check(name, &before, &after, dropped);
    }
}

#[test]
fn every_quirk_has_a_case_a_name_of_its_own_and_a_summary() {
    for (position, quirk) in Quirk::ALL.iter().enumerate() {
        assert!(
            FIELDS
                .iter()
                .chain(MESSAGES)
                .any(|(name, ..)| *name == quirk.name),
            "{} has no before/after case",
            quirk.name
        );
        assert!(!quirk.summary.is_empty(), "{}", quirk.name);
        let first = Quirk::ALL.iter().position(|other| other.name == quirk.name);
        assert_eq!(first, Some(position), "{} is there twice", quirk.name);
    }
    assert!(Quirk::from_name("no-such-quirk").is_none());
}

#[test]
fn reasoning_that_no_quirk_translates_is_dropped_and_named() {
    let body = r#"{"messages":[{"role":"user","content":"x"}],"model":"a","reasoning":{"effort":"low"},"include_reasoning":true,"reasoning_effort":"low"}"#;
    let incoming = read_request(body.as_bytes()).expect("a request");
    let to = Outgoing {
        native_model: "m",
        quirks: &[],
        supported: None,
        output_limit: None,
        output_most: None,
        dialect: chat::Dialect::OpenaiChat,
    };
    let written = write_request(body.as_bytes(), &incoming, &to);
    assert_eq!(written.dropped, ["reasoning", "include_reasoning"]);
    assert_eq!(tree(&written.body)["reasoning_effort"], "low");
}

#[test]
fn state_of_another_family_goes_nowhere() {
    let of = |detail: &str| {
        format!(
            r#"{{"model":"a","messages":[{{"role":"user","content":"x"}},{{"role":"assistant","content":"y","reasoning":"r","reasoning_details":[{detail}]}},{{"role":"user","content":"z"}}]}}"#
        )
    };
    let sent = |body: &str, names: &[&str]| {
        let names = names.iter();
        let quirks: Vec<_> = names.filter_map(|name| Quirk::from_name(name)).collect();
        let incoming = read_request(body.as_bytes()).expect("a request");
        let to = Outgoing {
            native_model: "m",
            quirks: &quirks,
            supported: None,
            output_limit: None,
            output_most: None,
            dialect: chat::Dialect::OpenaiChat,
        };
        let written = write_request(body.as_bytes(), &incoming, &to);
        (tree(&written.body)["messages"][1].clone(), written.dropped)
    };
    let plain = r#"{"type":"reasoning.text","text":"r","format":"unknown","index":0}"#;
    let signed = r#"{"type":"reasoning.text","text":"r","signature":"s","index":0}"#;
    for foreign in [
        signed,
        r#"{"type":"reasoning.encrypted","data":"d","format":"openai-responses-v1","id":"rs_1"}"#,
        r#"{"type":"reasoning.encrypted","data":"d","format":"google-gemini-v1","id":"call_1"}"#,
        r#"{"type":"reasoning.summary","summary":"r","format":"xai-responses-v1"}"#,
    ] {
        let (message, dropped) = sent(&of(foreign), &[]);
        assert_eq!(
            message,
            serde_json::json!({"role": "assistant", "content": "y"})
        );
        assert_eq!(dropped, ["messages[].reasoning_details"], "{foreign}");
        // A router knows whose it is.
        let (message, dropped) = sent(&of(foreign), &["openrouter-reasoning"]);
        assert_eq!(message["reasoning_details"][0], tree(foreign.as_bytes()));
        assert_eq!(dropped, Vec::<String>::new());
    }
    // What the provider itself may have said stays as it is, beside what goes.
    let (message, dropped) = sent(&of(plain), &[]);
    assert_eq!(
        (message["reasoning"].as_str(), dropped),
        (Some("r"), vec![])
    );
    let (message, dropped) = sent(&of(&format!("{plain},{signed}")), &[]);
    assert_eq!(
        message["reasoning_details"],
        serde_json::json!([tree(plain.as_bytes())])
    );
    assert!(message.get("reasoning").is_none());
    assert_eq!(dropped, ["messages[].reasoning_details"]);
    // Google's own spelling of it is state as well.
    let extra = r#"{"google":{"thought_signature":"s"}}"#;
    let body = format!(
        r#"{{"model":"a","messages":[{{"role":"user","content":"x"}},{{"role":"assistant","extra_content":{extra},"tool_calls":[{{"id":"c","extra_content":{extra},"type":"function","function":{{"name":"f","arguments":"{{}}"}}}}]}},{{"role":"tool","tool_call_id":"c","content":"z"}}]}}"#
    );
    let (message, dropped) = sent(&body, &[]);
    assert!(!message.to_string().contains("extra_content"), "{message}");
    assert_eq!(message["tool_calls"][0]["function"]["name"], "f");
    assert_eq!(dropped, ["messages[].extra_content"]);
}

#[test]
fn several_quirks_work_together() {
    let body = r#"{"model":"a","messages":[{"role":"developer","name":"n","content":[{"type":"text","text":"x"}]}],"max_tokens":9,"seed":1,"stream":true}"#;
    let after = r#"{"model":"m","messages":[{"role":"system","content":"x"}],"max_completion_tokens":9,"stream":true}"#;
    let names = [
        "max-completion-tokens",
        "no-seed",
        "no-stream-options",
        "developer-as-system",
        "no-message-names",
        "text-parts-as-string",
    ];
    let quirks: Vec<_> = names
        .iter()
        .filter_map(|name| Quirk::from_name(name))
        .collect();
    let incoming = read_request(body.as_bytes()).expect("a request");
    let to = Outgoing {
        native_model: "m",
        quirks: &quirks,
        supported: None,
        output_limit: None,
        output_most: None,
        dialect: chat::Dialect::OpenaiChat,
    };
    let written = write_request(body.as_bytes(), &incoming, &to);
    assert_eq!(std::str::from_utf8(&written.body).expect("UTF-8"), after);
    assert_eq!(written.dropped, ["seed", "messages[].name"]);
}
