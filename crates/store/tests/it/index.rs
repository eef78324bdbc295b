//! The index of records by facet: it has what the records have, whoever wrote and counted them.

use ledger::Generation;
use store::{Dimension, FacetFilter, ListQuery, Store};
use tokio::task::JoinSet;

use crate::rollups::{HOUR_MS, calls, insert};
use crate::sample::{at, plain};
use crate::suite::{NOW_MS, Place, on_both, started};

/// How many records the index has of the month of [`NOW_MS`].
async fn indexed(place: &Place) -> i64 {
    place
        .number("SELECT COUNT(*) AS number FROM by_facet_2026_03")
        .await
}

/// How many rows of what was gathered say where records stand.
async fn waiting(place: &Place) -> i64 {
    place
        .number("SELECT COUNT(*) AS number FROM gathered_records WHERE places <> ''")
        .await
}

/// Calls of a key, by a list that looks at the newest two thousand first.
async fn listed(store: &Store, filter: FacetFilter) -> usize {
    let mut query = ListQuery {
        filter,
        count: 1_000,
        ..ListQuery::default()
    };
    let mut found = 0;
    loop {
        let page = store.list(&query).await.unwrap();
        found += page.records.len();
        match page.next {
            Some(next) => query.before = Some(next),
            None => return found,
        }
    }
}

/// More calls than are looked through, and before them some of a rare key; how many those are.
async fn filled(store: &Store, key: &store::KeyHash) -> usize {
    let many: Vec<Generation> = (0..2_400)
        .map(|number| {
            let i = i64::try_from(number).unwrap();
            let own = 10_000 + number;
            let mut call = at(own, NOW_MS + i * 1_000, plain(own, key, i % 10));
            if number < 200 && number % 5 == 0 {
                call.caller.key_hash = "rare".to_owned();
            }
            call
        })
        .collect();
    for batch in many.chunks(300) {
        let batch: Vec<&Generation> = batch.iter().collect();
        store.generations().insert(&batch).await.unwrap();
    }
    40
}

fn rare() -> FacetFilter {
    FacetFilter::default().one_of(Dimension::Key, vec!["rare".to_owned()])
}

#[tokio::test]
async fn what_is_dense_moves_when_it_is_gathered_and_the_rest_when_its_minute_is_over() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let batch = async |from: u64, count: u64, model: &str| {
            let call = |number| Generation {
                model: model.to_owned(),
                ..plain(number, &key, 1)
            };
            let calls: Vec<Generation> = (from..from + count).map(call).collect();
            let calls: Vec<&Generation> = calls.iter().collect();
            store.generations().insert(&calls).await.unwrap();
            store.gather_rollups().await.unwrap();
            assert_eq!(store.verify_records().await.unwrap(), None);
        };
        batch(0, 20, "a").await;
        batch(20, 40, "b").await;
        assert_eq!((indexed(place).await, waiting(place).await), (40, 1));
        // Twenty and twelve are enough.
        batch(60, 12, "a").await;
        assert_eq!((indexed(place).await, waiting(place).await), (72, 0));
        batch(72, 5, "a").await;
        batch(77, 3, "c").await;
        assert_eq!((indexed(place).await, waiting(place).await), (72, 2));
        store.merge_rollups().await.unwrap();
        assert_eq!(indexed(place).await, 80);
        assert_eq!(store.verify_records().await.unwrap(), None);
    })
    .await;
}

/// What deltas said before they said where their records stand.
async fn without_places(place: &Place) {
    for (position, text) in place
        .texts("SELECT position AS number, counts AS text FROM rollup_deltas")
        .await
    {
        let mut delta: serde_json::Value = serde_json::from_str(&text).unwrap();
        for sum in delta["sums"].as_array_mut().unwrap() {
            assert!(sum.as_array_mut().unwrap().pop().unwrap().is_string());
            assert_eq!(sum.as_array().unwrap().len(), 3);
        }
        let text = delta.to_string();
        place
            .run(&format!(
                "UPDATE rollup_deltas SET counts = '{text}' WHERE position = {position}"
            ))
            .await;
    }
}

#[tokio::test]
async fn records_that_a_version_before_has_counted_are_looked_up() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        insert(&store, &calls(&key)).await;
        let rare = filled(&store, &key).await;
        without_places(place).await;
        // Some of the same minutes are counted by this version.
        let mut late = at(5_000, NOW_MS + 5, plain(5_000, &key, 1));
        late.caller.key_hash = "rare".to_owned();
        insert(&store, &[late]).await;
        for counts_are in ["in deltas", "gathered", "merged"] {
            match counts_are {
                "in deltas" => {}
                "gathered" => drop(store.gather_rollups().await.unwrap()),
                _ => drop(store.merge_rollups().await.unwrap()),
            }
            let found = listed(&store, self::rare()).await;
            assert_eq!(found, rare + 1, "{counts_are}");
            assert_eq!(store.verify_records().await.unwrap(), None, "{counts_are}");
        }
        assert_eq!(indexed(place).await, 2_521);
    })
    .await;
}

/// Makes a database what it was before there was the index.
async fn as_before(place: &Place) {
    place
        .run("DELETE FROM schema_migrations WHERE version >= 11")
        .await;
    place
        .run(
            "ALTER TABLE gathered_records DROP COLUMN places; \
             ALTER TABLE gathered_records RENAME TO rollup_gathered",
        )
        .await;
    for month in ["2026_03", "2026_04", "2026_05"] {
        place
            .run(&format!("DROP TABLE IF EXISTS by_facet_{month}"))
            .await;
    }
    let index = if place.is_postgres() {
        "CREATE INDEX generations_by_facet ON generations (facet, position)"
    } else {
        "CREATE INDEX generations_template_by_facet ON generations_template (facet); \
         CREATE INDEX generations_2026_03_by_facet ON generations_2026_03 (facet)"
    };
    place.run(index).await;
}

#[tokio::test]
async fn months_from_before_get_their_index_when_a_store_is_opened() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        store.make_months(NOW_MS).await.unwrap();
        insert(&store, &calls(&key)).await;
        store.merge_rollups().await.unwrap();
        let rare = filled(&store, &key).await;
        without_places(place).await;
        let spending = store.keys().spending(&key, NOW_MS).await.unwrap();
        store.close().await;
        as_before(place).await;
        // Two processes at once.
        let url = place.url.clone();
        let mut other = JoinSet::new();
        other.spawn(async move { Store::open(&url).await.map(drop) });
        let store = place.open().await;
        assert_eq!(other.join_all().await, [Ok(())]);
        assert_eq!(indexed(place).await, 2_520);
        assert_eq!(store.verify_records().await.unwrap(), None);
        assert_eq!(listed(&store, self::rare()).await, rare);
        store.merge_rollups().await.unwrap();
        assert_eq!(indexed(place).await, 2_520);
        assert_eq!(store.verify_records().await.unwrap(), None);
        assert_eq!(store.keys().spending(&key, NOW_MS).await, Ok(spending));
        if !place.is_postgres() {
            let old = "SELECT COUNT(*) AS number FROM sqlite_master WHERE name LIKE '%_by_facet'";
            assert_eq!(place.number(old).await, 0);
        }
    })
    .await;
}

#[tokio::test]
async fn a_month_without_an_index_is_asked_itself_until_it_gets_one() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let rare = filled(&store, &key).await;
        // As if a server of a version before had made the month.
        place.run("DROP TABLE by_facet_2026_03").await;
        let dear = ListQuery {
            cost_nanos_min: Some(9),
            count: 1_000,
            ..ListQuery::default()
        };
        for _ in 0..2 {
            assert_eq!(listed(&store, self::rare()).await, rare);
            assert_eq!(store.list(&dear).await.unwrap().records.len(), 240);
            assert_eq!(store.verify_records().await.unwrap(), None);
            store.gather_rollups().await.unwrap();
        }
        assert!(indexed(place).await >= 2_200);
        store.merge_rollups().await.unwrap();
        assert_eq!(indexed(place).await, 2_400);
        assert_eq!(store.verify_records().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_index_of_a_month_goes_with_it_and_what_waits_for_it_is_left_out() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let tables = async || {
            let sql = if place.is_postgres() {
                "SELECT COUNT(*) AS number FROM pg_tables WHERE schemaname = current_schema() \
                 AND (tablename LIKE 'by_facet_2026_03' OR tablename LIKE 'going_%')"
            } else {
                "SELECT COUNT(*) AS number FROM sqlite_master \
                 WHERE name LIKE 'by_facet_2026_03' OR name LIKE 'going_%'"
            };
            place.number(sql).await
        };
        let later = store::Month::from_text("2026-04").unwrap();
        // Dropped twice before anything is freed.
        for _ in 0..2 {
            let call = plain(1, &key, 1);
            store.generations().insert(&[&call]).await.unwrap();
            assert_eq!(store.drop_months_before(later).await.unwrap().len(), 1);
        }
        assert_eq!(tables().await, if place.is_postgres() { 0 } else { 4 });
        while store.thin_records(0, 0).await.unwrap() {}
        assert_eq!(tables().await, 0);
        // What another process has left of a month that is gone.
        place
            .run("INSERT INTO gathered_records SELECT 29543346, id, '0:1;;;', '5' FROM facets")
            .await;
        let next = at(2, NOW_MS + 30 * 24 * HOUR_MS, plain(2, &key, 1));
        store.generations().insert(&[&next]).await.unwrap();
        assert_eq!(listed(&store, FacetFilter::default()).await, 1);
        store.merge_rollups().await.unwrap();
        assert_eq!(tables().await, 0);
        assert_eq!(store.verify_records().await.unwrap(), None);
    })
    .await;
}
