//! The schema: from nothing, again, by many at once, and never over a newer one.

use store::{Store, StoreError};
use tokio::task::JoinSet;

use crate::suite::{NOW_MS, on_both, started};

#[tokio::test]
async fn a_database_can_be_opened_again_with_all_that_was_in_it() {
    on_both(async |place| {
        let (store, hash) = started(place).await;
        store.close().await;
        let store = place.open().await;
        assert!(store.keys().by_hash(&hash).await.unwrap().is_some());
        assert_eq!(store.check().await, Ok(()));
    })
    .await;
}

#[tokio::test]
async fn many_may_open_an_empty_database_at_once() {
    on_both(async |place| {
        let mut opens = JoinSet::new();
        for _ in 0..8 {
            let url = place.url.clone();
            opens.spawn(async move { Store::open(&url).await.map(|store| store.engine()) });
        }
        let engine = if place.is_postgres() {
            "postgres"
        } else {
            "sqlite"
        };
        for open in opens.join_all().await {
            assert_eq!(open, Ok(engine));
        }
    })
    .await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    on_both(async |place| {
        let (_, hash) = started(place).await;
        place
            .run("INSERT INTO schema_migrations VALUES (999, 'later', 'x')")
            .await;
        let error = Store::open(&place.url).await.unwrap_err();
        assert!(
            matches!(error, StoreError::NewerSchema { found: 999, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("999"), "{error}");
        place
            .run("DELETE FROM schema_migrations WHERE version = 999")
            .await;
        let store = place.open().await;
        assert!(store.keys().by_hash(&hash).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_schema_from_another_text_is_refused() {
    on_both(async |place| {
        started(place).await;
        place
            .run("UPDATE schema_migrations SET checksum = 'other' WHERE version = 1")
            .await;
        let error = Store::open(&place.url).await.unwrap_err();
        assert_eq!(error, StoreError::ChangedMigration { version: 1 });
    })
    .await;
}

#[tokio::test]
async fn urls_that_cannot_be_opened_are_named_without_their_password() {
    for (url, is_mistake) in [
        ("mysql://root:hunter2@127.0.0.1/x", true),
        ("", true),
        ("waybill.db", true),
        ("postgres://root:hunter2@127.0.0.1:99999/x", true),
        ("postgres://root:hunter2@127.0.0.1:1/x", false),
        ("sqlite:/dev/null/waybill.db", false),
    ] {
        let error = Store::open(url).await.unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert_eq!(
            matches!(error, StoreError::BadUrl(_)),
            is_mistake,
            "{url}: {error}"
        );
        assert_eq!(error.is_temporary(), !is_mistake, "{url}: {error}");
    }
}

#[tokio::test]
async fn a_database_in_memory_serves_readers_and_writers() {
    let store = Store::open("sqlite::memory:").await.unwrap();
    assert!(store.first_start(&[], NOW_MS).await.unwrap());
    assert_eq!(store.workspaces().all().await.unwrap().len(), 1);
    assert_eq!(store.revision().await, Ok(1));
}
