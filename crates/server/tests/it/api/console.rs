//! `GET /`.

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_first_request_and_may_load_nothing() {
    let stage = Stage::open().await;
    let page = stage.get("/", "").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(
        page.header("content-security-policy")
            .contains("default-src 'none'")
    );
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let text = page.text();
    assert!(text.contains("/api/v1/chat/completions"), "{text}");
    assert!(
        text.contains("simulated/echo"),
        "the example asks for a model that is here"
    );
    assert!(!text.contains("sk-wb-"), "no secret on the page");
}
