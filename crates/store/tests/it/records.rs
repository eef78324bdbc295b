//! Months: records stand in theirs, and go with it; what they added up to stays.

use ledger::{Generation, GenerationId};
use store::{Grain, Month};

use crate::ledgers::{Node, budget};
use crate::sample::{at, plain, priced};
use crate::suite::{NOW_MS, on_both, started};

const DAY_MS: i64 = 86_400_000;

fn month(text: &str) -> Month {
    Month::from_text(text).unwrap()
}

#[tokio::test]
async fn a_month_is_made_by_its_first_record_and_found_by_every_id() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls: Vec<Generation> = (0..14)
            .map(|number| {
                let i = i64::try_from(number).unwrap();
                at(number, NOW_MS + i * 30 * DAY_MS, plain(number, &key, 1))
            })
            .collect();
        let batch: Vec<&Generation> = calls.iter().rev().collect();
        assert_eq!(store.generations().insert(&batch).await, Ok(14));
        assert_eq!(store.generations().insert(&batch).await, Ok(0));
        store.merge_rollups().await.unwrap();
        let partitions = store.partitions().await.unwrap();
        let months: Vec<String> = partitions.iter().map(|one| one.month.to_string()).collect();
        assert_eq!(months.first().unwrap(), "2026-03");
        assert_eq!(months.last().unwrap(), "2027-03");
        assert_eq!(partitions.iter().map(|one| one.calls).sum::<i64>(), 14);
        // Another process, which has seen none of them being made.
        let other = place.open().await;
        for call in &calls {
            let read = other.generations().by_id(&call.id).await.unwrap();
            assert_eq!(read.as_ref(), Some(call));
        }
        assert_eq!(other.generations().count().await, Ok(14));
    })
    .await;
}

#[tokio::test]
async fn records_whose_ids_say_the_same_place_stand_beside_each_other() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        // Randomness folds by exclusive or: equal halves cancel out.
        let id = |twin: u8| {
            let random = [twin, twin, 0, 0, 0, twin, twin, 0, 0, 0];
            GenerationId::new(NOW_MS, random)
        };
        let calls: Vec<Generation> = (0..12)
            .map(|twin| Generation {
                id: id(twin),
                ..priced(u64::from(twin), &key, 3)
            })
            .collect();
        let (first, rest) = calls.split_at(5);
        let first: Vec<&Generation> = first.iter().collect();
        let all: Vec<&Generation> = calls.iter().collect();
        assert_eq!(store.generations().insert(&first).await, Ok(5));
        assert_eq!(store.generations().insert(&all).await, Ok(7));
        assert_eq!(store.generations().insert(&all).await, Ok(0));
        assert_eq!(rest.len(), 7);
        for call in &calls {
            let read = store.generations().by_id(&call.id).await.unwrap();
            assert_eq!(read.as_ref(), Some(call));
        }
        assert_eq!(store.generations().by_id(&id(99)).await, Ok(None));
        assert_eq!(store.verify().await.unwrap(), None);
        assert_eq!(store.verify_records().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_month_takes_its_records_along_and_leaves_the_books_in_order() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let node = Node::start(&store, "a").await;
        let b = [budget("b", 100_000)];
        store.budgets().put(&b[0], true, NOW_MS).await.unwrap();
        node.settle(node.admitted(&b, 100).await, 1, 60).await;
        node.settle(node.admitted(&b, 100).await, 2, 130).await;
        node.stop().await;
        let later = at(9, NOW_MS + 40 * DAY_MS, plain(9, &key, 5));
        let later = Generation {
            price_sheet: None,
            charge: Err(ledger::Unpriced::NoUsage),
            ..later
        };
        store.generations().insert(&[&later]).await.unwrap();
        let credits = store.credits(None).await.unwrap();
        let spent = store.keys().spending(&key, NOW_MS).await.unwrap();
        let old = plain(1, &key, 1).id;
        assert!(store.generations().by_id(&old).await.unwrap().is_some());

        let dropped = store.drop_months_before(month("2026-04")).await.unwrap();
        assert_eq!(dropped, [month("2026-03")]);
        assert_eq!(store.drop_months_before(month("2026-04")).await, Ok(vec![]));
        assert_eq!(store.generations().by_id(&old).await, Ok(None));
        assert_eq!(store.generations().count().await, Ok(1));
        assert_eq!(store.credits(None).await.unwrap(), credits);
        assert_eq!(store.keys().spending(&key, NOW_MS).await, Ok(spent));
        assert_eq!(store.verify().await.unwrap(), None);
        assert_eq!(store.verify_records().await.unwrap(), None);

        // What a dropped month posted still counts, and a straggler of it changes nothing of that.
        place
            .run("UPDATE budget_windows SET posted_nanos = posted_nanos + 1")
            .await;
        let found = store.verify().await.unwrap().unwrap().to_string();
        assert!(found.contains("what is posted"), "{found}");
        place
            .run("UPDATE budget_windows SET posted_nanos = posted_nanos - 1")
            .await;
        let straggler = plain(3, &key, 1);
        assert_eq!(store.generations().insert(&[&straggler]).await, Ok(1));
        assert_eq!(store.verify().await.unwrap(), None);
        assert_eq!(store.verify_records().await.unwrap(), None);
        let dropped = store.drop_months_before(month("2026-04")).await.unwrap();
        assert_eq!(dropped, [month("2026-03")]);
        while store.thin_records(0, 0).await.unwrap() {}
        assert_eq!(store.verify_records().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn minutes_and_hours_go_before_days() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let calls: Vec<Generation> = (0..40)
            .map(|number| {
                let i = i64::try_from(number).unwrap();
                at(number, NOW_MS + i * DAY_MS / 4, plain(number, &key, 1))
            })
            .collect();
        let (early, late) = calls.split_at(20);
        store
            .generations()
            .insert(&early.iter().collect::<Vec<_>>())
            .await
            .unwrap();
        store.merge_rollups().await.unwrap();
        let (minutes_ms, hours_ms) = (NOW_MS + 3 * DAY_MS, NOW_MS + 2 * DAY_MS);
        while store.thin_records(minutes_ms, hours_ms).await.unwrap() {}
        // A record from before the horizon counts by day only, in the end.
        let straggler = at(99, NOW_MS, plain(99, &key, 1));
        let mut rest: Vec<&Generation> = late.iter().collect();
        rest.push(&straggler);
        store.generations().insert(&rest).await.unwrap();
        assert_eq!(store.verify_records().await.unwrap(), None);
        store.merge_rollups().await.unwrap();
        assert_eq!(store.verify_records().await.unwrap(), None);
        let horizon = store.rollup_horizon(Grain::Minute).await.unwrap();
        assert!(
            horizon <= minutes_ms && horizon > minutes_ms - 60_000,
            "{horizon}"
        );
        place.run("UPDATE rollup_days SET calls = calls + 1").await;
        assert!(store.verify_records().await.unwrap().is_some());
    })
    .await;
}
