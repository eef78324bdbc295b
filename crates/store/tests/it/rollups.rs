//! What is counted of calls: exactly what the records say, at any moment.

use chat::{Kind, Unit};
use ledger::{Generation, Outcome};
use store::{
    Dimension, FacetFilter, Grain, KeyHash, Measure, RollupQuery, SessionKey, Sketched, Store,
};

use crate::cubes::seal;
use crate::sample::{at, odd, plain};
use crate::suite::{NOW_MS, on_both, started};

pub(crate) const HOUR_MS: i64 = 3_600_000;

/// Calls of two keys, three models, three days.
pub(crate) fn calls(key: &KeyHash) -> Vec<Generation> {
    (0..120_u64)
        .map(|number| {
            let i = i64::try_from(number).unwrap();
            let mut call = at(number, NOW_MS + i * HOUR_MS / 2, plain(number, key, i));
            call.model = format!("maker/{}", number % 3);
            call.total_ms = number * 10;
            call.caller.app_title = (number % 4 == 0).then(|| "an app".to_owned());
            call.caller.session_id = (number % 5 == 0).then(|| format!("run {}", number % 2));
            if number % 7 == 0 {
                call.caller.key_hash = "another".to_owned();
                call.status = 429;
                call.outcome = Outcome::Failed {
                    kind: Kind::RateLimitExceeded,
                    message: "slower".to_owned(),
                };
            }
            call
        })
        .collect()
}

pub(crate) async fn insert(store: &Store, calls: &[Generation]) {
    for batch in calls.chunks(7) {
        let batch: Vec<&Generation> = batch.iter().collect();
        store.generations().insert(&batch).await.unwrap();
    }
}

pub(crate) fn query(grain: Grain, by: Vec<Dimension>) -> RollupQuery {
    RollupQuery {
        grain,
        from_ms: 0,
        to_ms: NOW_MS * 2,
        by_time: false,
        by,
        filter: FacetFilter::default(),
        measures: Measure::ALL.to_vec(),
        sketches: Sketched::ALL.to_vec(),
    }
}

#[tokio::test]
async fn each_grain_says_what_the_records_say_wherever_its_counts_are() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls = calls(&key);
        let (first, rest) = calls.split_at(50);
        insert(&store, first).await;
        assert_eq!(store.merge_rollups().await, Ok(8));
        insert(&store, rest).await;
        // Half of the rest is of minutes that are over at this moment.
        let half_ms = NOW_MS + 85 * HOUR_MS / 2;
        for counts_are in ["in deltas", "gathered", "half merged", "merged"] {
            match counts_are {
                "in deltas" => {}
                "gathered" => {
                    assert_eq!(store.gather_rollups().await, Ok(10));
                    assert_eq!(store.gather_rollups().await, Ok(0));
                }
                "half merged" => while store.merge_step(half_ms).await.unwrap() {},
                _ => assert_eq!(store.merge_rollups().await, Ok(0)),
            }
            assert_eq!(store.verify_records().await.unwrap(), None);
            for grain in Grain::ALL {
                let rows = store.rollups(&query(grain, vec![Dimension::Model])).await;
                let rows = rows.unwrap();
                assert_eq!(rows.len(), 3);
                for (number, row) in (0..).zip(&rows) {
                    assert_eq!(row.values, [format!("maker/{number}")]);
                    let mut expected = store::Measures::default();
                    let own = calls.iter().filter(|call| call.model == row.values[0]);
                    own.for_each(|call| expected.count(call));
                    assert_eq!(row.measures, expected, "{grain:?} {counts_are}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn many_facets_of_a_minute_are_gathered_together_and_merged_in_steps_when_it_is_over() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let call = |number: u64| {
            let mut call = plain(number, &key, 7);
            call.model = format!("maker/{}", number % 600);
            call
        };
        let calls: Vec<Generation> = (0..1_800).map(call).collect();
        // Each part has every facet once; what the second adds is added to what the first left.
        for part in calls.chunks(600) {
            let batch: Vec<&Generation> = part.iter().collect();
            store.generations().insert(&batch).await.unwrap();
            assert_eq!(store.gather_rollups().await, Ok(1));
        }
        let counted = async || {
            assert_eq!(store.verify_records().await.unwrap(), None);
            let rows = store
                .rollups(&query(Grain::Hour, Vec::new()))
                .await
                .unwrap();
            let [all] = rows.as_slice() else {
                panic!("{} rows", rows.len());
            };
            assert_eq!(all.measures.get(Measure::Calls), 1_800);
            assert_eq!(all.measures.get(Measure::Cost), 7 * 1_800);
        };
        counted().await;
        // Its minute is not over yet: there is nothing to merge.
        assert_eq!(store.merge_step(NOW_MS).await, Ok(false));
        let days = async || {
            store
                .partitions()
                .await
                .unwrap()
                .iter()
                .map(|one| one.calls)
                .sum::<i64>()
        };
        assert_eq!(days().await, 0);
        let over_ms = NOW_MS + 60_000;
        for (is_more, merged) in [(true, 256), (true, 512), (false, 600)] {
            assert_eq!(store.merge_step(over_ms).await, Ok(is_more));
            assert_eq!(days().await, 3 * merged);
            counted().await;
        }
        assert_eq!(store.merge_step(i64::MAX).await, Ok(false));
    })
    .await;
}

#[tokio::test]
async fn roll_ups_are_grouped_by_time_and_filtered_by_what_calls_were() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls = calls(&key);
        insert(&store, &calls).await;
        for is_merged in [false, true] {
            if is_merged {
                store.merge_rollups().await.unwrap();
            }
            let one_of = |dimension, values: &[&str]| {
                let values = values.iter().map(ToString::to_string).collect();
                FacetFilter::default().one_of(dimension, values)
            };
            let count = async |filter: FacetFilter| {
                let query = RollupQuery {
                    filter,
                    ..query(Grain::Hour, Vec::new())
                };
                let rows = store.rollups(&query).await.unwrap();
                rows.first()
                    .map_or(0, |row| row.measures.get(Measure::Calls))
            };
            assert_eq!(count(FacetFilter::default()).await, 120);
            assert_eq!(count(one_of(Dimension::Key, &["another"])).await, 18);
            assert_eq!(count(one_of(Dimension::Status, &["429", "500"])).await, 18);
            assert_eq!(count(one_of(Dimension::App, &["an app"])).await, 30);
            assert_eq!(count(one_of(Dimension::App, &[])).await, 0);
            let others = one_of(Dimension::App, &["an app"])
                .none_of(Dimension::Outcome, vec!["failed".to_owned()]);
            assert_eq!(count(others).await, 25);
            let by_day = RollupQuery {
                by_time: true,
                from_ms: NOW_MS,
                measures: vec![Measure::Cost],
                ..query(Grain::Day, Vec::new())
            };
            let days = store.rollups(&by_day).await.unwrap();
            let costs: Vec<i64> = days
                .iter()
                .map(|day| day.measures.get(Measure::Cost))
                .collect();
            let starts: Vec<i64> = days.iter().map(|day| day.start_ms.unwrap()).collect();
            // The first day began before the query does.
            let day_ms = 24 * HOUR_MS;
            let second = NOW_MS.div_euclid(day_ms) * day_ms + day_ms;
            assert_eq!(starts, [second, second + day_ms]);
            let expected = |from: i64| -> i64 {
                let own = calls
                    .iter()
                    .filter(|call| (from..from + day_ms).contains(&call.created_at_ms));
                own.map(|call| call.charge.as_ref().unwrap().total.nanos())
                    .sum()
            };
            assert_eq!(costs, [expected(second), expected(second + day_ms)]);
            assert_eq!(days[0].measures.get(Measure::Calls), 0);
        }
    })
    .await;
}

#[tokio::test]
async fn anything_that_was_recorded_is_counted_as_it_was() {
    on_both(async |place| {
        let store = place.open().await;
        let calls: Vec<Generation> = (0..300).map(odd).collect();
        insert(&store, &calls).await;
        store.merge_rollups().await.unwrap();
        insert(&store, &calls).await;
        assert_eq!(store.verify_records().await.unwrap(), None);
        let rows = store.rollups(&query(Grain::Day, Vec::new())).await.unwrap();
        assert_eq!(rows[0].measures.get(Measure::Calls), 300);
    })
    .await;
}

#[tokio::test]
async fn pieces_of_one_moment_add_up_and_too_many_rows_are_not_answered() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls = calls(&key);
        insert(&store, &calls).await;
        for is_merged in [false, true] {
            if is_merged {
                store.merge_rollups().await.unwrap();
            }
            let middle = Grain::Day.length_ms() * (NOW_MS / Grain::Day.length_ms() + 1);
            let models = vec![Dimension::Model];
            let early = RollupQuery {
                to_ms: middle,
                ..query(Grain::Minute, models.clone())
            };
            let late = RollupQuery {
                from_ms: middle,
                ..query(Grain::Day, models.clone())
            };
            let both = [early, late];
            let answers = store.rollups_of(&both, 3).await.unwrap().unwrap();
            let calls = answers
                .iter()
                .flatten()
                .map(|row| row.measures.get(Measure::Calls));
            assert_eq!(calls.sum::<i64>(), 120);
            assert_eq!(answers.len(), 2);
            assert_eq!(store.rollups_of(&both, 2).await, Ok(None));
            let nothing = query(Grain::Hour, Vec::new());
            let nothing = RollupQuery {
                filter: FacetFilter::default().none_of(Dimension::App, Vec::new()),
                ..nothing
            };
            let rows = store.rollups(&nothing).await.unwrap();
            assert_eq!(rows[0].measures.get(Measure::Calls), 120);
        }
    })
    .await;
}

#[tokio::test]
async fn a_sample_of_sessions_says_whose_they_are() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let mut calls = calls(&key);
        for call in &mut calls {
            call.caller.session_id = Some("busy".to_owned());
            call.model = "maker/one".to_owned();
        }
        calls[0].caller.session_id = Some("short".to_owned());
        calls[0].model = "maker/two".to_owned();
        insert(&store, &calls).await;
        store.merge_rollups().await.unwrap();
        let all = (0, NOW_MS * 2);
        let sample = store.sample_sessions(all, None, 10).await.unwrap();
        let cost = |id: &str| -> i64 {
            let own = calls
                .iter()
                .filter(|call| call.caller.session_id.as_deref() == Some(id));
            own.map(|call| call.charge.as_ref().unwrap().total.nanos())
                .sum()
        };
        let told: Vec<_> = sample
            .iter()
            .map(|one| {
                (
                    one.app.as_str(),
                    one.model.as_str(),
                    one.calls,
                    one.cost_nanos,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("", "maker/one", 119, cost("busy")),
                ("an app", "maker/two", 1, cost("short")),
            ]
        );
        let newest = store.sample_sessions(all, None, 1).await.unwrap();
        assert_eq!(newest, sample[..1]);
        let workspace = Some(store::DEFAULT_WORKSPACE_ID);
        assert_eq!(
            store.sample_sessions(all, workspace, 10).await,
            Ok(sample.clone())
        );
        assert_eq!(store.sample_sessions(all, Some("no"), 10).await, Ok(vec![]));
        assert_eq!(
            store.sample_sessions((0, NOW_MS), None, 10).await,
            Ok(vec![])
        );
    })
    .await;
}

#[tokio::test]
async fn sessions_add_up_their_calls() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls = calls(&key);
        let (first, rest) = calls.split_at(60);
        insert(&store, first).await;
        store.merge_rollups().await.unwrap();
        insert(&store, rest).await;
        let mut session = SessionKey {
            workspace_id: store::DEFAULT_WORKSPACE_ID.to_owned(),
            session_id: "run 1".to_owned(),
        };
        for is_merged in [false, true] {
            if is_merged {
                store.merge_rollups().await.unwrap();
            }
            let sums = store.session(&session).await.unwrap().unwrap();
            let own = calls
                .iter()
                .filter(|call| call.caller.session_id.as_deref() == Some("run 1"));
            let own: Vec<&Generation> = own.collect();
            assert_eq!(sums.calls, i64::try_from(own.len()).unwrap());
            let inputs: u64 = own.iter().map(|call| call.usage.count(Unit::Input)).sum();
            assert_eq!(sums.prompt_tokens, i64::try_from(inputs).unwrap());
            assert_eq!(sums.first_ms, own[0].created_at_ms);
            assert_eq!(sums.last_ms, own[own.len() - 1].created_at_ms);
        }
        session.workspace_id = "elsewhere".to_owned();
        assert_eq!(store.session(&session).await, Ok(None));
    })
    .await;
}

/// Damage, what undoes it, and what is said of it.
const DAMAGES: [(&str, &str, &str); 11] = [
    (
        "UPDATE cube_days SET calls = calls + 1 WHERE cube = 2",
        "UPDATE cube_days SET calls = calls - 1 WHERE cube = 2",
        "cube_days",
    ),
    (
        "UPDATE cube_facets SET app = 'mine' WHERE app = 'an app'",
        "UPDATE cube_facets SET app = 'an app' WHERE app = 'mine'",
        "cube_hours",
    ),
    (
        "UPDATE rollup_minutes SET calls = calls + 1",
        "UPDATE rollup_minutes SET calls = calls - 1",
        "rollup_minutes",
    ),
    (
        "UPDATE rollup_hours SET max_total_ms = max_total_ms + 1 WHERE cost_nanos = 5",
        "UPDATE rollup_hours SET max_total_ms = max_total_ms - 1 WHERE cost_nanos = 5",
        "max_total_ms",
    ),
    (
        "UPDATE rollup_days SET total_sketch = '1:1,' || total_sketch",
        "UPDATE rollup_days SET total_sketch = SUBSTR(total_sketch, 5)",
        "total_sketch",
    ),
    (
        "UPDATE rollup_days SET bucket = bucket + 1000",
        "UPDATE rollup_days SET bucket = bucket - 1000",
        "rollup_days",
    ),
    (
        "UPDATE sessions SET cost_nanos = cost_nanos + 1",
        "UPDATE sessions SET cost_nanos = cost_nanos - 1",
        "session",
    ),
    (
        "UPDATE generations SET cost_nanos = cost_nanos + 1 WHERE cost_nanos = 5",
        "UPDATE generations SET cost_nanos = cost_nanos - 1 WHERE cost_nanos = 6 AND total_ms = 50",
        "cost_nanos",
    ),
    (
        "UPDATE facets SET app = 'mine' WHERE app = 'an app'",
        "UPDATE facets SET app = 'an app' WHERE app = 'mine'",
        "another's",
    ),
    (
        "DELETE FROM by_facet_2026_03 WHERE position = \
         (SELECT MAX(position) FROM by_facet_2026_03)",
        "INSERT INTO by_facet_2026_03 SELECT facet, position FROM generations_2026_03 \
         WHERE facet <> 7 ON CONFLICT DO NOTHING",
        "is missing",
    ),
    (
        "INSERT INTO by_facet_2026_03 SELECT 7, MAX(position) FROM by_facet_2026_03",
        "DELETE FROM by_facet_2026_03 WHERE facet = 7",
        "of facet 7 has no record",
    ),
];

#[tokio::test]
async fn a_recount_finds_each_kind_of_difference() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        insert(&store, &calls(&key)).await;
        store.merge_rollups().await.unwrap();
        seal(&store, NOW_MS + 100 * HOUR_MS).await;
        for (damage, repair, said) in DAMAGES {
            place.run(damage).await;
            let found = store.verify_records().await.unwrap();
            let text = found.expect(damage).to_string();
            assert!(text.contains(said), "{damage}: {text}");
            place.run(repair).await;
            assert_eq!(store.verify_records().await.unwrap(), None, "{repair}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_that_calls_itself_a_thousand_names_is_counted_under_other() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls: Vec<Generation> = (0..1_100)
            .map(|number| {
                let mut call = plain(number, &key, 1);
                call.caller.app_title = Some(format!("app {number}"));
                call
            })
            .collect();
        for batch in calls.chunks(100) {
            let batch: Vec<&Generation> = batch.iter().collect();
            store.generations().insert(&batch).await.unwrap();
        }
        store.merge_rollups().await.unwrap();
        let by_app = query(Grain::Day, vec![Dimension::App]);
        let rows = store.rollups(&by_app).await.unwrap();
        let other = rows
            .iter()
            .find(|row| row.values == [store::OTHER])
            .unwrap();
        assert_eq!(
            (rows.len(), other.measures.get(Measure::Calls)),
            (1_001, 100)
        );
        assert_eq!(store.verify_records().await.unwrap(), None);
        // The record itself keeps the name.
        let last = store.generations().by_id(&calls[1_099].id).await.unwrap();
        assert_eq!(last.as_ref(), Some(&calls[1_099]));
        // A store that has just been opened knows as much.
        let again = place.open().await;
        let mut more = plain(2_000, &key, 1);
        more.caller.app_title = Some("one more".to_owned());
        again.generations().insert(&[&more]).await.unwrap();
        assert_eq!(again.rollups(&by_app).await.unwrap().len(), 1_001);
    })
    .await;
}
