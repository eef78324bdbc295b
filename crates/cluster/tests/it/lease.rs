//! Parts of a count, as Valkey hands them out.
#![expect(clippy::print_stderr, reason = "a test that did nothing should say so")]

use std::sync::Arc;
use std::time::Duration;

use cluster::{Claim, Leased, Link, lease};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told so where Valkey is"
)]
fn url() -> Option<String> {
    let url = std::env::var("TEST_VALKEY_URL").ok();
    if url.is_none() {
        eprintln!("TEST_VALKEY_URL is not set: nothing was tested");
    }
    url
}

/// Ends its task when it is dropped.
struct Node {
    link: Arc<Link>,
    stop: CancellationToken,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn node(url: &str, name: &str) -> Node {
    let link = Arc::new(Link::new(url, format!("{name}-{}", std::process::id()), 1).unwrap());
    let stop = CancellationToken::new();
    let (tended, told) = (Arc::clone(&link), stop.clone());
    TaskTracker::new().spawn(async move { tended.tend(told).await });
    while !link.is_there() {
        sleep(Duration::from_millis(5)).await;
    }
    Node { link, stop }
}

pub(crate) fn claim(name: &str, number: u64, held: u64, want: u64) -> Claim {
    Claim {
        name: format!("test:{}:{name}", std::process::id()),
        number,
        held,
        want,
        limit: 10,
        lives_ms: 10_000,
        silent_ms: 0,
    }
}

pub(crate) async fn one(link: &Link, claim: &Claim) -> (u64, u64) {
    // A busy machine may miss a deadline; asking again is what they are made for.
    for number in 0..50 {
        let claim = Claim {
            number: claim.number + number,
            ..claim.clone()
        };
        if let Ok(answers) = lease(link, &[claim]).await {
            let Leased { held, others } = answers[0];
            return (held, others);
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("valkey does not answer");
}

#[tokio::test]
async fn parts_never_add_up_to_more_than_the_limit() {
    let Some(url) = url() else { return };
    let (a, b) = (node(&url, "a").await, node(&url, "b").await);
    assert_eq!(one(&a.link, &claim("sum", 100, 0, 6)).await, (6, 0));
    assert_eq!(one(&b.link, &claim("sum", 100, 0, 6)).await, (4, 6));
    assert_eq!(one(&b.link, &claim("sum", 200, 4, 1)).await, (4, 6));
    // What a gives back is free for b.
    assert_eq!(one(&a.link, &claim("sum", 300, 2, 0)).await, (2, 4));
    assert_eq!(one(&b.link, &claim("sum", 300, 4, 9)).await, (8, 2));
}

#[tokio::test]
async fn a_question_that_comes_late_changes_nothing() {
    let Some(url) = url() else { return };
    let a = node(&url, "a").await;
    assert_eq!(one(&a.link, &claim("late", 500, 0, 6)).await, (6, 0));
    let late = claim("late", 3, 0, 0);
    assert_eq!(
        lease(&a.link, &[late]).await.map(|all| all[0].held).ok(),
        Some(6)
    );
}

#[tokio::test]
async fn what_a_process_has_used_stands_whatever_valkey_remembers() {
    let Some(url) = url() else { return };
    let (a, b) = (node(&url, "a").await, node(&url, "b").await);
    assert_eq!(one(&a.link, &claim("used", 100, 12, 0)).await, (12, 0));
    assert_eq!(one(&b.link, &claim("used", 100, 0, 1)).await, (0, 12));
}

#[tokio::test]
async fn a_process_that_went_silent_holds_nothing_of_calls_at_once() {
    let Some(url) = url() else { return };
    let (a, b) = (node(&url, "a").await, node(&url, "b").await);
    let live = |number, want| Claim {
        silent_ms: 400,
        ..claim("live", number, 0, want)
    };
    assert_eq!(one(&a.link, &live(100, 10)).await, (10, 0));
    assert_eq!(one(&b.link, &live(100, 1)).await.0, 0);
    sleep(Duration::from_millis(600)).await;
    assert_eq!(one(&b.link, &live(200, 1)).await, (1, 0));
}

#[tokio::test]
async fn replicas_are_counted() {
    let Some(url) = url() else { return };
    let (a, _b) = (node(&url, "count-a").await, node(&url, "count-b").await);
    while a.link.replicas() < 2 {
        sleep(Duration::from_millis(20)).await; // with the next sign of life
    }
    assert!(a.link.figures().is_there);
}

#[tokio::test]
async fn a_valkey_that_is_not_there_is_away_at_once() {
    let link = Link::new("redis://127.0.0.1:1", "alone".to_owned(), 4).unwrap();
    let began = tokio::time::Instant::now();
    assert!(lease(&link, &[claim("none", 1, 0, 1)]).await.is_err());
    assert!(began.elapsed() < Duration::from_millis(500));
    assert!(!link.is_there());
    assert_eq!(link.replicas(), 4);
}
