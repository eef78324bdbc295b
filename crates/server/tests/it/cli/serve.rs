//! `waybill serve`: what the first start says, and the second one.

use http::Request;
use http_body_util::Full;

use super::program::{Server, waybill};
use crate::stage::{Scratch, Seen, send};

async fn get(url: &str, key: &str) -> Seen {
    let request = Request::get(url).header("authorization", format!("Bearer {key}"));
    send(request.body(Full::default()).unwrap()).await
}

fn word_after<'a>(lines: &'a [String], label: &str) -> &'a str {
    let line = lines.iter().find(|line| line.contains(label));
    line.and_then(|line| line.split(label).nth(1))
        .unwrap_or_else(|| panic!("{label}: {lines:#?}"))
        .trim()
}

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--data-dir", "place"];

#[tokio::test]
async fn the_first_start_prints_address_keys_and_a_request_and_the_second_does_not() {
    let dir = Scratch::new();
    let mut server = Server::start(waybill(&dir, &SERVE));
    let lines: Vec<String> = (0..16).map(|_| server.line()).collect();
    let url = word_after(&lines, "ready at ")
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    assert!(!url.ends_with(":0"), "the real port is printed: {url}");
    let (management, inference) = (
        word_after(&lines, "management key:").to_owned(),
        word_after(&lines, "inference key:").to_owned(),
    );
    assert!(lines.iter().any(|line| line.contains("curl")), "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|line| line.contains("No provider has a credential")),
        "{lines:#?}"
    );
    assert_eq!(
        get(&format!("{url}/api/v1/key"), &inference).await.status,
        200
    );
    assert_eq!(
        get(&format!("{url}/api/v1/keys"), &management).await.status,
        200
    );
    let link = lines.iter().find(|line| line.contains("/sign-in#link="));
    assert!(link.is_some_and(|link| link.contains(&url)), "{lines:#?}");
    let (rest, is_well) = server.stop();
    assert!(is_well, "{rest}");

    let more = waybill(&dir, &["console", "link", "--data-dir", "place"]).output();
    let more = String::from_utf8(more.unwrap().stdout).unwrap();
    assert!(more.contains("/sign-in#link="), "{more}");

    let mut server = Server::start(waybill(&dir, &SERVE));
    let first = server.line();
    assert!(first.contains("ready at"), "{first}");
    let (rest, is_well) = server.stop();
    assert!(is_well);
    assert!(!rest.contains("sk-wb-v1-"), "keys are shown once: {rest}");
}

#[tokio::test]
async fn a_root_key_from_the_environment_works_and_is_not_printed() {
    let dir = Scratch::new();
    let root = format!("sk-wb-v1-{}", "5e".repeat(32));
    let mut command = waybill(&dir, &SERVE);
    command.env("WAYBILL_ROOT_KEY", &root);
    let mut server = Server::start(command);
    let first = server.line();
    let url = first
        .split("ready at ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(get(&format!("{url}/api/v1/keys"), &root).await.status, 200);
    let (rest, _) = server.stop();
    assert!(!rest.contains(&root), "{rest}");
    assert!(rest.contains("inference key:"), "{rest}");
}

#[test]
fn a_root_key_of_another_form_is_refused() {
    let dir = Scratch::new();
    let mut command = waybill(&dir, &SERVE);
    let output = command.env("WAYBILL_ROOT_KEY", "secret").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("WAYBILL_ROOT_KEY"), "{said}");
}

#[test]
fn an_address_that_is_taken_is_said_so() {
    let dir = Scratch::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = super::program::run(&dir, &["serve", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&address));
}
