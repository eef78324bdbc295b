//! Cubes: what is read from them is what the facets say, whatever came when.

use store::{Dimension, FacetFilter, Grain, RollupQuery, Store};

use crate::rollups::{HOUR_MS, calls, insert, query};
use crate::sample::at;
use crate::suite::{NOW_MS, Place, on_both, started};

/// No dimension, each, and each with the next one.
fn dimensions() -> Vec<Vec<Dimension>> {
    use Dimension::{
        App, Dialect, Endpoint, ErrorKind, Key, Member, Model, Origin, Outcome, Provider, Status,
        Workspace,
    };
    let all = [
        Workspace, Model, Provider, Endpoint, Outcome, Key, Member, App, Origin, Dialect, Status,
        ErrorKind,
    ];
    let singles = all.iter().map(|one| vec![*one]);
    let pairs = all.windows(2).map(<[Dimension]>::to_vec);
    [Vec::new()]
        .into_iter()
        .chain(singles)
        .chain(pairs)
        .collect()
}

/// What all questions by hours and days are answered with.
async fn answers(store: &Store) -> Vec<Vec<store::RollupRow>> {
    let mut answers = Vec::new();
    for grain in [Grain::Hour, Grain::Day] {
        for by in dimensions() {
            let filter =
                FacetFilter::default().none_of(Dimension::Model, vec!["maker/1".to_owned()]);
            for (by_time, filter) in [(false, FacetFilter::default()), (true, filter)] {
                let asked = RollupQuery {
                    by_time,
                    filter,
                    ..query(grain, by.clone())
                };
                answers.push(store.rollups(&asked).await.unwrap());
            }
        }
    }
    answers
}

/// Seals everything that is over.
pub(crate) async fn seal(store: &Store, now_ms: i64) -> usize {
    let mut steps = 0;
    while store.seal_rollups(now_ms).await.unwrap() {
        steps += 1;
    }
    steps
}

async fn move_seals(place: &Place, buckets: i64) {
    let sql = format!(
        "UPDATE rollup_seals SET from_bucket = from_bucket + {buckets}, \
         until_bucket = until_bucket + {buckets}"
    );
    place.run(&sql).await;
}

#[tokio::test]
async fn what_is_read_from_cubes_is_what_their_facets_say_and_late_calls_are_in_it() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls = calls(&key);
        let (early, late) = calls.split_at(70);
        let (more, late) = late.split_at(20);
        let end_ms = NOW_MS + 100 * HOUR_MS;
        assert_eq!(seal(&store, end_ms).await, 0);
        insert(&store, early).await;
        store.merge_rollups().await.unwrap();
        // Something is over, and something is not.
        assert!(seal(&store, NOW_MS + 30 * HOUR_MS).await > 25);
        for (some, seals_after) in [(more, false), (late, false), (early, true)] {
            // Those that are there already change nothing.
            insert(&store, some).await;
            store.merge_rollups().await.unwrap();
            if seals_after {
                seal(&store, end_ms).await;
            }
            let from_cubes = answers(&store).await;
            assert_eq!(store.verify_records().await.unwrap(), None);
            // Sealed is what nobody asks for; all is read from facets.
            move_seals(place, 1_000_000).await;
            assert!(from_cubes == answers(&store).await, "as from facets");
            move_seals(place, -1_000_000).await;
        }
        // Before all that is sealed, and in the middle of it.
        let mut first = calls[0].clone();
        for (number, at_ms) in [(900, NOW_MS - 50 * HOUR_MS), (901, NOW_MS + 3 * HOUR_MS)] {
            first = at(number, at_ms, first);
            insert(&store, std::slice::from_ref(&first)).await;
        }
        let unmerged = answers(&store).await;
        store.merge_rollups().await.unwrap();
        assert!(unmerged == answers(&store).await, "as before it was merged");
        assert!(seal(&store, end_ms).await > 0);
        assert!(unmerged == answers(&store).await, "as before it was sealed");
        assert_eq!(store.verify_records().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn cubes_of_hours_go_with_their_hours() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        insert(&store, &calls(&key)).await;
        store.merge_rollups().await.unwrap();
        seal(&store, NOW_MS + 100 * HOUR_MS).await;
        let middle_ms = NOW_MS + 30 * HOUR_MS;
        while store.thin_records(middle_ms, middle_ms).await.unwrap() {}
        let mut all = query(Grain::Hour, Vec::new());
        all.by_time = true;
        let left = store.rollups(&all).await.unwrap();
        let oldest = left.iter().filter_map(|row| row.start_ms).min();
        assert_eq!(oldest, Some(middle_ms / HOUR_MS * HOUR_MS));
        assert_eq!(store.verify_records().await.unwrap(), None);
    })
    .await;
}

/// Leaves sealed what has just been merged into, as a version does that knows no cubes.
async fn merge_as_before(place: &Place, store: &Store) {
    store.merge_rollups().await.unwrap();
    place.run("DELETE FROM rollup_open").await;
}

/// Opens what is stale, step by step; how much that was, and in how many steps.
async fn open_stale(store: &Store, grain: Grain) -> (usize, usize) {
    let (mut opened, mut steps, mut before) = (0, 0, None);
    loop {
        let looked = store.open_stale(grain, before).await.unwrap();
        opened += looked.opened;
        steps += 1;
        before = looked.next;
        if before.is_none() {
            return (opened, steps);
        }
    }
}

#[tokio::test]
async fn what_an_older_version_merges_into_sealed_hours_is_found_and_added_up_anew() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls = calls(&key);
        let (early, late) = calls.split_at(70);
        let end_ms = NOW_MS + 100 * HOUR_MS;
        insert(&store, early).await;
        store.merge_rollups().await.unwrap();
        seal(&store, end_ms).await;
        let all = [
            open_stale(&store, Grain::Hour).await,
            open_stale(&store, Grain::Day).await,
        ];
        assert!(all[0].0 == 0 && all[0].1 > 1 && all[1] == (0, 1), "{all:?}");
        insert(&store, late).await;
        merge_as_before(place, &store).await;
        assert!(store.verify_records().await.unwrap().is_some());
        assert!(open_stale(&store, Grain::Hour).await.0 > 1);
        assert!(open_stale(&store, Grain::Day).await.0 > 0);
        // Read from facets now, and soon from cubes again.
        assert_eq!(store.verify_records().await.unwrap(), None);
        let from_facets = answers(&store).await;
        assert!(seal(&store, end_ms).await > 0);
        assert!(from_facets == answers(&store).await, "as from facets");
        assert_eq!(store.verify_records().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn whatever_is_wrong_with_a_cube_is_mended() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        insert(&store, &calls(&key)).await;
        store.merge_rollups().await.unwrap();
        let end_ms = NOW_MS + 100 * HOUR_MS;
        seal(&store, end_ms).await;
        assert_eq!(store.open_different().await.unwrap(), 0);
        for wrong in [
            "UPDATE cube_days SET output = output + 1 WHERE cube = 6",
            "UPDATE cube_hours SET total_sketch = '' WHERE cube = 2",
            "DELETE FROM cube_hours WHERE cube = 0",
        ] {
            place.run(wrong).await;
            assert!(store.verify_records().await.unwrap().is_some(), "{wrong}");
            assert!(store.open_different().await.unwrap() > 0, "{wrong}");
            seal(&store, end_ms).await;
            assert_eq!(store.verify_records().await.unwrap(), None, "{wrong}");
        }
    })
    .await;
}
