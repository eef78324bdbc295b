//! The schema: from nothing, again, by many at once, and never over a newer one.

use store::{Store, StoreError};
use tokio::task::JoinSet;

use crate::ledgers::{Node, budget};
use crate::suite::{NOW_MS, Place, on_both, started};

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

/// The schema as it was when calls had rows of their own in each budget window, and stood in one
/// table.
const BEFORE_LINES: [&str; 10] = [
    "DELETE FROM schema_migrations WHERE version >= 3",
    "CREATE TABLE generation_budgets (generation_id TEXT NOT NULL, budget_id TEXT NOT NULL, \
     window_kind TEXT NOT NULL, window_start BIGINT NOT NULL, held_nanos BIGINT NOT NULL, \
     drawn_nanos BIGINT NOT NULL, cost_nanos BIGINT NOT NULL)",
    "INSERT INTO generation_budgets SELECT id, 'b', 'lifetime', 0, 100, cost_nanos, cost_nanos \
     FROM generations WHERE postings IS NOT NULL",
    "INSERT INTO generation_budgets SELECT id, 'odd \"\\', 'day', 7, 100, cost_nanos, cost_nanos \
     FROM generations WHERE postings IS NOT NULL",
    "DROP INDEX entries_beside_charges",
    "DROP INDEX entries_of_overage",
    "DROP TABLE facets; DROP TABLE rollup_deltas; DROP TABLE gathered_records; DROP TABLE rollup_minutes; \
     DROP TABLE rollup_hours; DROP TABLE rollup_days; DROP TABLE sessions; \
     DROP TABLE record_horizons; DROP TABLE month_postings",
    "DROP TABLE payloads; DROP TABLE payload_segments; DROP TABLE feedback",
    "DROP TABLE cube_facets; DROP TABLE cube_hours; DROP TABLE cube_days; \
     DROP TABLE rollup_seals; DROP TABLE rollup_open",
    "DROP TABLE cache_breaks",
];

/// The columns that one table had.
const OLD_COLUMNS: &str = "id, created_at_ms, workspace_id, key_hash, http_referer, app_title, user_agent, \
     session_id, external_user, dialect, requested_model, model, endpoint, provider, \
     provider_name, upstream_id, attempts, streamed, cancelled, status, outcome, \
     error_kind, error_message, finish_reason, native_finish_reason, prompt_tokens, \
     completion_tokens, usage, native_usage, native_cost_nanos, usage_source, \
     price_sheet, cost_nanos, bill, unpriced, first_token_ms, total_ms, overhead_us, \
     dropped";

/// Puts the records of all months into one table, as it was.
async fn into_one_table(place: &Place) {
    let start = include_str!("../../migrations/0001_start.sql");
    let (_, table) = start.split_once("CREATE TABLE generations (").unwrap();
    let (columns, _) = table.split_once(");").unwrap();
    place
        .run(&format!("CREATE TABLE one_table ({columns})"))
        .await;
    place
        .run(&format!(
            "INSERT INTO one_table ({OLD_COLUMNS}) SELECT {OLD_COLUMNS} FROM generations"
        ))
        .await;
    let drop = if place.is_postgres() {
        "DROP TABLE generations"
    } else {
        "DROP VIEW generations; DROP TABLE generations_template; DROP TABLE generations_2026_03"
    };
    place.run(drop).await;
    place.run("DROP TABLE by_facet_2026_03").await;
    place
        .run("ALTER TABLE one_table RENAME TO generations")
        .await;
}

#[tokio::test]
async fn what_calls_did_in_their_budgets_moves_into_their_rows() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let node = Node::start(&store, "a").await;
        let b = [budget("b", 1000)];
        store.budgets().put(&b[0], true, NOW_MS).await.unwrap();
        for number in 1..=3 {
            node.settle(node.admitted(&b, 100).await, number, 60).await;
        }
        node.stop().await;
        store.close().await;
        for sql in BEFORE_LINES {
            place.run(sql).await;
        }
        into_one_table(place).await;
        place
            .run("CREATE INDEX entries_beside_charges ON entries (kind) WHERE kind = 'grant'")
            .await;
        place
            .run("INSERT INTO budget_windows VALUES ('odd \"\\', 'day', 7, 0, 180, 0)")
            .await;
        let store = place.open().await;
        assert_eq!(store.verify().await.unwrap(), None);
        assert_eq!(store.verify_records().await.unwrap(), None);
        assert_eq!(store.merge_rollups().await.unwrap(), 1);
        assert_eq!(store.partitions().await.unwrap()[0].calls, 3);
        place
            .run("UPDATE budget_windows SET posted_nanos = 179 WHERE window_kind = 'day'")
            .await;
        let found = store.verify().await.unwrap().unwrap().to_string();
        assert!(found.contains("odd \"\\@day:7"), "{found}");
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
