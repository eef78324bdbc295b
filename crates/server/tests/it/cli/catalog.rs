//! `waybill catalog`.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::program::{run, stderr, stdout};
use crate::stage::{Scratch, Stage};

/// One provider of ours with one model, in models.dev's format; `input` is USD per million tokens.
fn published(input: &str) -> String {
    format!(
        r#"{{"groq": {{
  "id": "groq", "name": "Groq", "env": ["GROQ_API_KEY"], "npm": "@ai-sdk/groq",
  "doc": "https://console.groq.com/docs/models",
  "models": {{
    "llama-3.3-70b-versatile": {{
      "id": "llama-3.3-70b-versatile", "name": "Llama 3.3 70B Versatile",
      "attachment": false, "reasoning": false, "temperature": true, "tool_call": true,
      "release_date": "2024-12-06", "last_updated": "2024-12-06", "open_weights": true,
      "modalities": {{"input": ["text"], "output": ["text"]}},
      "cost": {{"input": {input}, "output": 0.79}},
      "limit": {{"context": 131072, "output": 32768}}
    }}
  }}
}}}}"#
    )
}

const MODEL: &str = "meta-llama/llama-3.3-70b-instruct";

#[test]
fn an_update_shows_the_difference_and_is_kept() {
    let dir = Scratch::new();
    dir.file("api.json", &published("0.123"));
    let groq = || -> String {
        let shown = run(&dir, &["catalog", "show", MODEL]);
        assert_eq!(shown.status.code(), Some(0), "{}", stderr(&shown));
        let text = stdout(&shown);
        let line = text.lines().find(|line| line.trim().starts_with("groq"));
        line.unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let before = groq();
    assert!(!before.contains("0.123"));
    let dry = run(&dir, &["catalog", "update", "api.json", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(0), "{}", stderr(&dry));
    assert!(stdout(&dry).contains("0.123"), "{}", stdout(&dry));
    assert_eq!(groq(), before, "a dry run changes nothing");
    let update = run(&dir, &["catalog", "update", "api.json"]);
    assert_eq!(update.status.code(), Some(0), "{}", stderr(&update));
    assert_eq!(stdout(&update), stdout(&dry));
    assert!(groq().contains("input 0.123 "), "{}", groq());
    let again = run(&dir, &["catalog", "update", "api.json"]);
    assert!(!stdout(&again).contains("0.123"), "{}", stdout(&again));
}

#[test]
fn what_cannot_be_read_changes_nothing_and_says_where_it_is_wrong() {
    let dir = Scratch::new();
    let before = stdout(&run(&dir, &["catalog", "show", MODEL]));
    for (text, named) in [
        (
            published("1").replace("\"limit\": {", "\"limit\": 7, \"other\": {"),
            "llama-3.3-70b-versatile",
        ),
        ("<html>".to_owned(), "models.dev"),
        ("{}".to_owned(), "neither"),
    ] {
        dir.file("api.json", &text);
        let update = run(&dir, &["catalog", "update", "api.json"]);
        assert_eq!(update.status.code(), Some(1), "{text}");
        assert!(stderr(&update).contains(named), "{}", stderr(&update));
    }
    let away = run(&dir, &["catalog", "update", "http://127.0.0.1:1/api.json"]);
    assert_eq!(away.status.code(), Some(1));
    assert_eq!(stdout(&run(&dir, &["catalog", "show", MODEL])), before);
}

/// On several threads: the command is waited for on one, and the server may be in the middle of a
/// transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_takes_an_update_over() {
    let stage = Stage::open().await;
    let price = async || {
        let path = format!("/api/v1/models/{MODEL}/endpoints");
        let json = stage.get(&path, &stage.key).await.json();
        let endpoints = json["data"]["endpoints"].as_array().unwrap().clone();
        let groq = endpoints.iter().find(|one| one["provider_name"] == "Groq");
        groq.unwrap()["pricing"]["prompt"].clone()
    };
    let before = price().await;
    stage.dir.file("api.json", &published("0.123"));
    let update = run(
        &stage.dir,
        &["catalog", "update", "api.json", "--data-dir", "."],
    );
    assert_eq!(update.status.code(), Some(0), "{}", stderr(&update));
    let since = Instant::now();
    while price().await == before {
        assert!(since.elapsed() < Duration::from_secs(5), "still {before}");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(price().await, "0.000000123");
}
