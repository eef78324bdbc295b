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

#[test]
fn credentials_are_named_by_their_kind_and_unusable_ones_fail_the_check() {
    let dir = Scratch::new();
    let ask = |variables: &[(&str, &str)]| {
        let mut command = waybill(&dir, &["check"]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let lines = stdout(&output);
        let bedrock = lines
            .lines()
            .find(|line| line.starts_with("amazon-bedrock\t"))
            .unwrap();
        (output.status.code(), bedrock.to_owned())
    };
    let (id, key) = (
        ("AWS_ACCESS_KEY_ID", "AKIAHUSH"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
    );
    let (code, line) = ask(&[id, key, ("AWS_REGION", "eu-west-1")]);
    assert_eq!(code, Some(0), "{line}");
    assert!(line.ends_with("credential present (AWS keys)"), "{line}");
    let (_, line) = ask(&[id, key]);
    assert!(line.ends_with("AWS_REGION is not set"), "{line}");
    let (code, line) = ask(&[id]);
    assert_eq!(code, Some(1), "{line}");
    assert!(
        line.contains("credential cannot be used") && !line.contains("HUSH"),
        "{line}"
    );
}
