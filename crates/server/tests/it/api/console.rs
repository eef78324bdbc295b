//! `GET /` and what belongs to it, with the console in the binary and without.

use bytes::Bytes;
use http::Method;
use server::api::console::files::FILES;

use crate::stage::{Seen, Stage};

async fn by_browser(stage: &Stage, path: &str, encodings: &str) -> Seen {
    let headers = [
        ("accept", "text/html,*/*;q=0.8"),
        ("accept-encoding", encodings),
    ];
    stage
        .send((Method::GET, path), "", Bytes::new(), &headers)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_may_load_nothing_from_elsewhere_and_holds_no_secret() {
    let stage = Stage::open().await;
    let page = stage.get("/", "").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("cache-control"), "no-cache");
    let text = page.text();
    assert!(!text.contains("sk-wb-"), "no secret on the page");
    if FILES.is_empty() {
        assert!(text.contains("/api/v1/chat/completions"), "{text}");
        assert!(text.contains("simulated/echo"), "a model that is here");
        return;
    }
    let nonce = policy
        .split("'nonce-")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    assert!(text.contains(nonce), "{text}");
    let again = stage.get("/", "").await;
    assert!(!again.header("content-security-policy").contains(nonce));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_packed_and_kept_for_ever() {
    let stage = Stage::open().await;
    for file in FILES.iter().filter(|file| file.path.starts_with("assets/")) {
        let path = format!("/{}", file.path);
        let seen = by_browser(&stage, &path, "gzip, br").await;
        assert_eq!(seen.status, 200, "{path}");
        assert!(seen.header("cache-control").contains("immutable"), "{path}");
        assert_eq!(
            seen.header("content-encoding") == "br",
            file.brotli.is_some()
        );
        let plain = by_browser(&stage, &path, "identity").await;
        assert_eq!(plain.body, file.plain, "{path}");
    }
    let missing = by_browser(&stage, "/assets/none.js", "").await;
    missing.error(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_into_the_console_is_a_page_and_a_mistake_in_the_api_is_none() {
    let stage = Stage::open().await;
    for path in ["/api/v1/nothing", "/v1/nothing", "/api", "/metrics/x"] {
        by_browser(&stage, path, "").await.error(404, "not_found");
    }
    stage.get("/models/a/b", "").await.error(404, "not_found");
    let deep = by_browser(&stage, "/models/a/b", "").await;
    assert_eq!(deep.status == 200, !FILES.is_empty(), "{}", deep.text());
}
