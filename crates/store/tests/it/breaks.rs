//! Caches of conversations that broke: found by time and workspace, each once, on both engines.

use ledger::generation::{Noticed, PrefixBreak};
use ledger::{Amount, Generation};
use store::{CacheLosses, DEFAULT_WORKSPACE_ID, Month};

use crate::sample::{at, plain};
use crate::suite::{NOW_MS, on_both, started};

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn caches_that_broke_are_found_by_time_and_workspace_and_go_with_their_records() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let broken = |number: u64, day: i64, is_switch: bool| Generation {
            noticed: Noticed {
                prefix_break: Some(PrefixBreak {
                    said: format!("{{\"number\":{number}}}").into(),
                    lost: Amount::from_nanos(1_000 + i64::try_from(number).unwrap()),
                    is_switch,
                }),
                ..Noticed::default()
            },
            ..at(number, NOW_MS + day * DAY_MS, plain(number, &key, 1))
        };
        let calls = [
            broken(1, 0, false),
            broken(2, 1, true),
            plain(3, &key, 1),
            broken(4, 100, false),
        ];
        let batch: Vec<&Generation> = calls[..3].iter().collect();
        store.generations().insert(&batch).await.unwrap();
        // Given again, as after a crash.
        store.generations().insert(&batch).await.unwrap();
        let times = (NOW_MS, NOW_MS + 2 * DAY_MS);
        let (found, lost) = store.cache_breaks(None, times, 10).await.unwrap();
        let said: Vec<&str> = found.iter().map(|one| one.said.as_str()).collect();
        assert_eq!(
            said,
            ["{\"number\":2}", "{\"number\":1}"],
            "the newest first"
        );
        assert_eq!(found[1].generation_id, calls[0].id.as_str());
        let expected = CacheLosses {
            to_switches: Amount::from_nanos(1_002),
            to_changes: Amount::from_nanos(1_001),
        };
        assert_eq!(lost, expected);
        let own = Some(DEFAULT_WORKSPACE_ID);
        let (one, all) = store.cache_breaks(own, times, 1).await.unwrap();
        assert_eq!((one.len(), all), (1, expected), "sums are of all");
        let (none, _) = store
            .cache_breaks(Some("elsewhere"), times, 9)
            .await
            .unwrap();
        assert!(none.is_empty());
        let first = (NOW_MS, NOW_MS + DAY_MS);
        assert_eq!(store.cache_breaks(None, first, 9).await.unwrap().0.len(), 1);

        let gone = Month::at(NOW_MS).later(1);
        store.drop_months_before(gone).await.unwrap();
        store.generations().insert(&[&calls[3]]).await.unwrap();
        let ever = (0, i64::MAX);
        let (left, _) = store.cache_breaks(None, ever, 9).await.unwrap();
        let left: Vec<&str> = left.iter().map(|one| &*one.generation_id).collect();
        assert_eq!(left, [calls[3].id.as_str()]);
    })
    .await;
}
