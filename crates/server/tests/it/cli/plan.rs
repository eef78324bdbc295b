//! `waybill plan`.

use serde_json::Value;

use super::program::{run, stderr, stdout, waybill};
use crate::stage::Scratch;

#[test]
fn a_plan_is_explained_without_a_call() {
    let dir = Scratch::new();
    let model = "meta-llama/llama-3.3-70b-instruct";
    let output = waybill(&dir, &["plan", model, "--json"])
        .env("GROQ_API_KEY", "gsk-test")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let plan: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(plan["attempts"][0]["provider"], "groq", "{plan:#}");
    assert!(plan["attempts"][0]["expected_cost"].is_string());
    let excluded = plan["excluded"].as_array().unwrap();
    assert!(!excluded.is_empty() && excluded.iter().all(|out| out["reason"].is_string()));
}

#[test]
fn people_read_a_line_per_endpoint() {
    let dir = Scratch::new();
    let output = waybill(&dir, &["plan", "meta-llama/llama-3.3-70b-instruct"])
        .env("GROQ_API_KEY", "gsk-test")
        .output()
        .unwrap();
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("Ordered by balanced."), "{text}");
    assert!(
        lines[1].contains("groq") && lines[1].contains("about $0.0"),
        "{text}"
    );
    assert!(lines[1].contains("first in 100.0 %"), "{text}");
    assert!(lines[2].starts_with("Left out: "), "{text}");
    assert!(text.contains("credential"), "{text}");
}

#[test]
fn preferences_come_from_the_body() {
    let dir = Scratch::new();
    let body = r#"{"messages":[{"role":"user","content":"Hi"}],"provider":{"ignore":["groq"]}}"#;
    dir.file("body.json", body);
    let arguments = [
        "plan",
        "meta-llama/llama-3.3-70b-instruct",
        "--body",
        "body.json",
    ];
    let output = waybill(&dir, &arguments)
        .env("GROQ_API_KEY", "gsk-test")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("ignore"), "{}", stderr(&output));
}

#[test]
fn an_unknown_model_is_a_failure() {
    let dir = Scratch::new();
    let output = run(&dir, &["plan", "nobody/nothing"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nobody/nothing"));
}

#[test]
fn the_body_may_be_in_any_dialect() {
    let dir = Scratch::new();
    let anthropic = r#"{"max_tokens":5,"system":"x","messages":[{"role":"user","content":"Hi"}]}"#;
    let gemini = r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#;
    let responses = r#"{"input":"Hi"}"#;
    for (body, dialect) in [
        (anthropic, Some("anthropic-messages")),
        (gemini, None),
        (gemini, Some("gemini")),
        (responses, None),
    ] {
        dir.file("body.json", body);
        let model = "meta-llama/llama-3.3-70b-instruct";
        let mut arguments = vec!["plan", model, "--body", "body.json"];
        arguments.extend(dialect.iter().flat_map(|name| ["--dialect", name]));
        let output = waybill(&dir, &arguments)
            .env("GROQ_API_KEY", "gsk-test")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{body}: {}", stderr(&output));
        assert!(stdout(&output).contains("groq"), "{}", stdout(&output));
    }
}
