//! Records and the counters that move with them.

use chat::{Unit, Usage};
use ledger::{Amount, Generation, GenerationId, Unpriced};
use store::{KeyHash, Spending, Spent};

use crate::sample::{odd, plain};
use crate::suite::{NOW_MS, on_both, started};

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn anything_reads_back_exactly() {
    on_both(async |place| {
        let store = place.open().await;
        let generations: Vec<Generation> = (0..400).map(odd).collect();
        let batch: Vec<&Generation> = generations.iter().collect();
        assert_eq!(store.generations().insert(&batch).await, Ok(400));
        for (seed, expected) in generations.iter().enumerate() {
            let read = store.generations().by_id(&expected.id).await.unwrap();
            assert_eq!(read.as_ref(), Some(expected), "seed {seed}");
        }
        assert_eq!(
            store
                .generations()
                .by_id(&GenerationId::from_text("gen-"))
                .await,
            Ok(None)
        );
    })
    .await;
}

#[tokio::test]
async fn buckets_that_are_absent_stay_absent_and_zeros_stay_zeros() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let generation = plain(1, &key, 0);
        store.generations().insert(&[&generation]).await.unwrap();
        let read = store
            .generations()
            .by_id(&generation.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(read.usage.get(Unit::Output), Some(0));
        assert_eq!(read.usage.get(Unit::Reasoning), None);
        assert_ne!(read.usage, Usage::default().with(Unit::Input, 10));
    })
    .await;
}

#[tokio::test]
async fn a_record_given_again_changes_nothing() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let generations: Vec<Generation> = (0..10).map(|number| plain(number, &key, 7)).collect();
        let half: Vec<&Generation> = generations.iter().take(5).collect();
        let twice: Vec<&Generation> = generations.iter().chain(&generations).collect();
        assert_eq!(store.generations().insert(&half).await, Ok(5));
        assert_eq!(store.generations().insert(&twice).await, Ok(5));
        assert_eq!(store.generations().insert(&twice).await, Ok(0));
        assert_eq!(store.generations().insert(&[]).await, Ok(0));
        let mut dearer = generations[0].clone();
        dearer.charge.as_mut().unwrap().total = Amount::from_nanos(1_000);
        assert_eq!(store.generations().insert(&[&dearer]).await, Ok(0));
        let read = store.generations().by_id(&dearer.id).await.unwrap();
        assert_eq!(read.as_ref(), Some(&generations[0]));
        assert_eq!(store.generations().count().await, Ok(10));
        let spent = store.keys().spending(&key, NOW_MS).await.unwrap().total;
        assert_eq!((spent.usage.nanos(), spent.requests), (70, 10));
        let charged = store.entries("usage", (i64::MIN, ""), 100).await.unwrap();
        assert_eq!(charged.len(), 10);
    })
    .await;
}

#[tokio::test]
async fn every_key_of_a_batch_gets_its_own_sums_however_many_there_are() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let hashes: Vec<KeyHash> = (0..77).map(|key| KeyHash::of(&format!("k{key}"))).collect();
        for round in 0..2_u64 {
            // In turns, as calls come: no two of one key are neighbours.
            let calls = (0..154_i64).zip(hashes.iter().cycle());
            let calls: Vec<Generation> = calls
                .map(|(number, key)| {
                    let id = 1000 * round + number.unsigned_abs();
                    plain(id, key, 1 + number)
                })
                .collect();
            let calls: Vec<&Generation> = calls.iter().collect();
            assert_eq!(store.generations().insert(&calls).await, Ok(154));
        }
        let all = store.keys().spending_of(&hashes, NOW_MS).await.unwrap();
        for (number, key) in (0..).zip(&hashes) {
            let spent = all[key].total;
            let nanos = 2 * ((1 + number) + (1 + number + 77));
            assert_eq!(
                (spent.usage.nanos(), spent.requests),
                (nanos, 4),
                "{number}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn spending_is_counted_by_day_week_and_month() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        // NOW_MS is Wednesday, 4 March 2026: the week began on the 2nd, the month on the 1st.
        for (number, (days_ago, nanos)) in
            (0..).zip([(0, 1), (2, 10), (3, 100), (4, 1_000), (400, 10_000)])
        {
            let mut generation = plain(number, &key, nanos);
            generation.created_at_ms = NOW_MS - days_ago * DAY_MS;
            store.generations().insert(&[&generation]).await.unwrap();
        }
        let mut unpriced = plain(99, &key, 0);
        unpriced.charge = Err(Unpriced::NoUsage);
        store.generations().insert(&[&unpriced]).await.unwrap();
        let spent = |nanos, requests| Spent {
            usage: Amount::from_nanos(nanos),
            byok_usage: Amount::ZERO,
            requests,
        };
        let expected = Spending {
            total: spent(11_111, 6),
            daily: spent(1, 2),
            weekly: spent(11, 3),
            monthly: spent(111, 4),
        };
        assert_eq!(store.keys().spending(&key, NOW_MS).await, Ok(expected));
        let unknown = KeyHash::of("unknown");
        assert_eq!(
            store.keys().spending(&unknown, NOW_MS).await,
            Ok(Spending::default())
        );
        let hashes = [unknown.clone(), key.clone(), KeyHash::of("nobody")];
        let all = store.keys().spending_of(&hashes, NOW_MS).await.unwrap();
        assert_eq!((all.len(), all.get(&key)), (1, Some(&expected)));
        assert!(
            store
                .keys()
                .spending_of(&[], NOW_MS)
                .await
                .unwrap()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn what_a_deleted_key_spent_stays_on_the_books() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let generation = plain(1, &key, 5);
        let mut elsewhere = plain(2, &key, 30);
        elsewhere.caller.workspace_id = "elsewhere".to_owned();
        store
            .generations()
            .insert(&[&generation, &elsewhere])
            .await
            .unwrap();
        store.keys().delete(&key, NOW_MS).await.unwrap();
        assert!(
            store
                .generations()
                .by_id(&generation.id)
                .await
                .unwrap()
                .is_some()
        );
        let used = async |workspace| store.credits(workspace).await.unwrap().total_usage.nanos();
        assert_eq!(used(Some(store::DEFAULT_WORKSPACE_ID)).await, 5);
        assert_eq!(used(Some("elsewhere")).await, 30);
        assert_eq!(used(Some("nowhere")).await, 0);
        assert_eq!(used(None).await, 35);
    })
    .await;
}

#[tokio::test]
async fn absurd_costs_stop_at_the_largest_amount_and_hold_up_nobody() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        for number in 0..3 {
            let mut absurd = plain(number, &key, i64::MAX);
            absurd.created_at_ms = NOW_MS - (i64::try_from(number).unwrap() / 2) * DAY_MS;
            store.generations().insert(&[&absurd]).await.unwrap();
        }
        let spending = store.keys().spending(&key, NOW_MS).await.unwrap();
        assert_eq!(spending.daily.usage.nanos(), i64::MAX);
        assert_eq!(spending.total.usage.nanos(), i64::MAX);
        assert_eq!(spending.total.requests, 3);
        assert_eq!(
            store.credits(None).await.unwrap().total_usage.nanos(),
            i64::MAX
        );
    })
    .await;
}

#[tokio::test]
async fn the_character_nul_becomes_its_sign_in_both_engines() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let mut generation = plain(1, &key, 1);
        generation.caller.external_user = Some("a\0b".to_owned());
        generation.dropped = vec!["c\0d".to_owned()];
        store.generations().insert(&[&generation]).await.unwrap();
        let read = store
            .generations()
            .by_id(&generation.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(read.caller.external_user.as_deref(), Some("a\u{2400}b"));
        assert_eq!(read.dropped, generation.dropped);
    })
    .await;
}
