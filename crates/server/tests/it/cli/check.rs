//! `waybill check`.

use super::program::{run, stderr, stdout, waybill};
use crate::config::{TEN_MISTAKES, THEIR_LINES};
use crate::stage::Scratch;

#[test]
fn ten_mistakes_are_ten_lines_with_line_numbers() {
    let dir = Scratch::new();
    dir.file("waybill.toml", TEN_MISTAKES);
    let output = run(&dir, &["check"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
    let said = stderr(&output);
    for line in THEIR_LINES {
        assert!(
            said.contains(&format!("waybill.toml:{line}: ")),
            "line {line}:\n{said}"
        );
    }
    assert!(said.contains("10 mistakes"), "{said}");
}

#[test]
fn a_valid_configuration_lists_every_provider_and_its_credential() {
    let dir = Scratch::new();
    let output = waybill(&dir, &["check"])
        .env("GROQ_API_KEY", "gsk-test")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.lines().count() > 60, "{said}");
    let groq = said
        .lines()
        .find(|line| line.starts_with("groq\t"))
        .unwrap();
    assert!(groq.ends_with("credential present"), "{groq}");
    let openai = said
        .lines()
        .find(|line| line.starts_with("openai\t"))
        .unwrap();
    assert!(openai.contains("OPENAI_API_KEY"), "{openai}");
    assert!(!said.contains("gsk-test"));
}

#[test]
fn a_file_that_is_not_there_is_an_error_when_it_was_named() {
    let dir = Scratch::new();
    let output = run(&dir, &["check", "--config", "nowhere.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nowhere.toml"));
}

#[test]
fn wrong_usage_is_two_and_help_is_zero() {
    let dir = Scratch::new();
    assert_eq!(run(&dir, &["chekc"]).status.code(), Some(2));
    assert_eq!(run(&dir, &["key", "create"]).status.code(), Some(2));
    assert_eq!(run(&dir, &["--help"]).status.code(), Some(0));
    assert_eq!(run(&dir, &["--version"]).status.code(), Some(0));
}
