//! `verify` and statements: clean books are clean, and each kind of difference is found.

use std::sync::Arc;

use chat::{Kind, Unit};
use ledger::{Amount, Attempt, Books as _, Generation, Outcome, Share, UsageSource};
use store::{CreditKind, DEFAULT_WORKSPACE_ID, NewCredit, Scope, Store};

use crate::ledgers::{Node, budget, nanos};
use crate::sample::{at, priced};
use crate::suite::{NOW_MS, Place, on_both, started};

const DAY_MS: i64 = 86_400_000;

/// Books in which everything has happened; a lease is still out.
async fn busy(place: &Place) -> Store {
    let (store, key) = started(place).await;
    let node = Node::start(&store, "a").await;
    let b = [budget("b", 1000)];
    store.budgets().put(&b[0], true, NOW_MS).await.unwrap();
    let grant = NewCredit {
        id: "g".to_owned(),
        workspace_id: DEFAULT_WORKSPACE_ID.to_owned(),
        amount: nanos(5000),
        kind: CreditKind::Purchase,
        generation: None,
        at_ms: NOW_MS,
    };
    assert!(store.post_credit(&grant).await.unwrap());
    node.settle(node.admitted(&b, 100).await, 1, 100).await;
    node.settle(node.admitted(&b, 100).await, 2, 130).await;
    node.ledgers
        .settle(Arc::new(priced(3, &key, 40)))
        .await
        .unwrap();
    // A call that is under way keeps its lease, whatever happens.
    drop(node.admitted(&b, 10).await);
    node.recorder.flush().await;
    store
}

/// Damage, what undoes it, and what is said of it.
const DAMAGES: [(&str, &str, &str); 15] = [
    (
        "UPDATE generations SET cost_nanos = cost_nanos + 1 WHERE id = FIRST",
        "UPDATE generations SET cost_nanos = cost_nanos - 1 WHERE id = FIRST",
        "add up",
    ),
    (
        "UPDATE generations SET usage = '{\"input\":99}' WHERE id = FIRST",
        "UPDATE generations SET usage = '{\"input\":100}' WHERE id = FIRST",
        "something else",
    ),
    (
        "UPDATE entries SET amount_nanos = 101 WHERE id = FIRST || ':charge:usage'",
        "UPDATE entries SET amount_nanos = 100 WHERE id = FIRST || ':charge:usage'",
        "its charge",
    ),
    (
        "INSERT INTO entries VALUES ('twice', FIRST, 'usage', 'x', 1, 'charge', 1)",
        "DELETE FROM entries WHERE id = 'twice'",
        "second charge",
    ),
    (
        "INSERT INTO entries VALUES ('lost', 'gen-lost', 'usage', 'x', 1, 'overage', 1)",
        "DELETE FROM entries WHERE id = 'lost'",
        "that it is about",
    ),
    (
        "UPDATE entries SET kind = 'release', id = 'y' WHERE kind = 'overage'",
        "UPDATE entries SET kind = 'overage', \
                 id = generation_id || ':overage:posted:b@lifetime:0' WHERE id = 'y'",
        "overage entry",
    ),
    (
        "UPDATE balances SET debited_nanos = debited_nanos + 1 WHERE account = 'usage'",
        "UPDATE balances SET debited_nanos = debited_nanos - 1 WHERE account = 'usage'",
        "debits",
    ),
    (
        "UPDATE balances SET credited_nanos = 1 WHERE account = 'usage'",
        "UPDATE balances SET credited_nanos = 0 WHERE account = 'usage'",
        "credits",
    ),
    (
        "INSERT INTO entries VALUES ('over', FIRST, 'posted:b@lifetime:0', 'x', 1, 'overage', 1)",
        "DELETE FROM entries WHERE id = 'over'",
        "has none",
    ),
    (
        "UPDATE generations SET postings = replace(postings, ',100,100]', ',100,101]') \
         WHERE id = FIRST",
        "UPDATE generations SET postings = replace(postings, ',100,101]', ',100,100]') \
         WHERE id = FIRST",
        "taken from a lease",
    ),
    (
        "UPDATE generations SET postings = replace(postings, ',100]]', \
         ',100],[\"b\",\"lifetime:0\",100,100]]') WHERE id = FIRST",
        "UPDATE generations SET postings = replace(postings, \
         ',[\"b\",\"lifetime:0\",100,100]]', ']') WHERE id = FIRST",
        "closed twice",
    ),
    (
        "INSERT INTO balances VALUES ('reserved:b@lifetime:0', 5, 4)",
        "DELETE FROM balances WHERE account = 'reserved:b@lifetime:0'",
        "given up",
    ),
    (
        "UPDATE budget_windows SET posted_nanos = posted_nanos + 1",
        "UPDATE budget_windows SET posted_nanos = posted_nanos - 1",
        "what is posted",
    ),
    (
        "UPDATE leases SET amount_nanos = amount_nanos - 1",
        "UPDATE leases SET amount_nanos = amount_nanos + 1",
        "what is leased",
    ),
    (
        "UPDATE key_usage SET usage_nanos = usage_nanos + 1",
        "UPDATE key_usage SET usage_nanos = usage_nanos - 1",
        "usage of a key",
    ),
];

#[tokio::test]
async fn each_kind_of_difference_is_found_and_named() {
    on_both(async |place| {
        let store = busy(place).await;
        assert_eq!(store.verify().await.unwrap(), None);
        let first = "(SELECT MIN(id) FROM generations)";
        for (damage, repair, said) in DAMAGES {
            place.run(&damage.replace("FIRST", first)).await;
            let found = store.verify().await.unwrap();
            let text = found.expect(damage).to_string();
            assert!(text.contains(said), "{damage}: {text}");
            place.run(&repair.replace("FIRST", first)).await;
            assert_eq!(store.verify().await.unwrap(), None, "{repair}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_node_that_starts_again_after_its_death_leaves_clean_books() {
    on_both(async |place| {
        let store = busy(place).await;
        let node = Node::start(&store, "a").await;
        let b = [budget("b", 1000)];
        let ticket = node.admitted(&b, 700).await;
        node.settle(ticket, 9, 650).await;
        node.stop().await;
        assert_eq!(store.verify().await.unwrap(), None);
        assert_eq!(store.leases(None).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_statement_adds_up_by_day_and_model() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let call = |number, cost, model: &str, later| Generation {
            created_at_ms: NOW_MS + later,
            model: model.to_owned(),
            ..priced(number, &key, cost)
        };
        let calls = [
            call(1, 100, "a/one", 0),
            call(2, 50, "a/one", 0),
            call(3, 7, "b/two, large", 0),
            call(4, 9, "a/one", DAY_MS),
            call(5, 1000, "a/one", 3 * DAY_MS),
        ];
        store
            .generations()
            .insert(&calls.iter().collect::<Vec<_>>())
            .await
            .unwrap();
        let (from, to) = (NOW_MS - DAY_MS, NOW_MS + 2 * DAY_MS);
        for scope in [
            Scope::House,
            Scope::Workspace(DEFAULT_WORKSPACE_ID.to_owned()),
            Scope::Key(key.clone()),
        ] {
            let rows = store.statement(&scope, from, to).await.unwrap();
            let lines: Vec<String> = rows.iter().map(store::StatementRow::to_csv).collect();
            assert_eq!(
                lines,
                [
                    "2026-03-04,a/one,2,0,150,0,0.00000015",
                    "2026-03-04,\"b/two, large\",1,0,7,0,0.000000007",
                    "2026-03-05,a/one,1,0,9,0,0.000000009",
                ]
            );
        }
        let other = Scope::Key(store::KeyHash::of("another"));
        assert_eq!(store.statement(&other, from, to).await.unwrap(), []);
        assert_eq!(
            store.credits(None).await.unwrap().total_credits,
            Amount::ZERO
        );
        assert_eq!(store.verify().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_statement_of_whole_days_says_what_the_records_say_and_outlives_them() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let midnight = NOW_MS.div_euclid(DAY_MS) * DAY_MS;
        let calls: Vec<Generation> = (0..200).map(|number| some_call(number, &key)).collect();
        for batch in calls.chunks(30) {
            let batch: Vec<&Generation> = batch.iter().collect();
            store.generations().insert(&batch).await.unwrap();
        }
        for is_merged in [false, true] {
            if is_merged {
                store.merge_rollups().await.unwrap();
                while store.seal_rollups(midnight + 9 * DAY_MS).await.unwrap() {}
            }
            for scope in [
                Scope::House,
                Scope::Workspace(DEFAULT_WORKSPACE_ID.to_owned()),
                Scope::Key(key.clone()),
                Scope::Key(store::KeyHash::of("another")),
            ] {
                let (from, to) = (midnight - DAY_MS, midnight + 3 * DAY_MS);
                let by_days = store.statement(&scope, from, to).await.unwrap();
                // A moment more, in which nothing is: no whole day any more.
                let by_records = store.statement(&scope, from - 1, to).await.unwrap();
                assert_eq!(by_days, by_records, "{scope:?} {is_merged}");
                assert_eq!(
                    by_days.is_empty(),
                    scope == Scope::Key(store::KeyHash::of("another"))
                );
            }
        }
        let all = store.statement(&Scope::House, 0, i64::MAX).await.unwrap();
        let later = store::Month::at(NOW_MS).later(2);
        store.drop_months_before(later).await.unwrap();
        let after = store.statement(&Scope::House, 0, i64::MAX).await.unwrap();
        assert_eq!(after, all);
    })
    .await;
}

/// A call of one of four days: served, refused, unpriced, on the caller's own credential, or told again.
fn some_call(number: u64, key: &store::KeyHash) -> Generation {
    let at_ms = NOW_MS + i64::try_from(number % 4).unwrap() * DAY_MS;
    let cost = i64::try_from(number).unwrap() * 1_000_003;
    let mut call = at(number, at_ms, priced(number, key, cost));
    call.model = format!("maker/{}", number % 3);
    call.settled.is_byok = number.is_multiple_of(7);
    match number % 11 {
        3 => call.charge = Err(ledger::Unpriced::NoUsage),
        5 => {
            call.outcome = Outcome::Failed {
                kind: Kind::ProviderUnavailable,
                message: "nobody answered".to_owned(),
            };
            call.model.clear();
            (call.endpoint, call.provider) = (None, None);
        }
        8 => {
            (call.endpoint, call.provider) = (None, None);
            call.charge = Ok(ledger::Bill {
                total: Amount::ZERO,
                lines: Vec::new(),
            });
        }
        _ => {}
    }
    call
}

/// An attempt that another one followed, and its share of the bill.
fn followed(share: Share) -> Attempt {
    Attempt {
        endpoint: "slow".to_owned(),
        provider: "slow".to_owned(),
        provider_name: "Slow".to_owned(),
        model: "test/echo".to_owned(),
        credential: None,
        is_byok: false,
        started_ms: 0,
        latency_ms: 9,
        status: None,
        outcome: Outcome::Cancelled,
        may_be_billed: true,
        share: Some(share),
        recovered_at_chars: None,
    }
}

#[tokio::test]
async fn the_share_of_a_lost_race_is_part_of_a_bill_and_must_be_what_it_ends_with() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let node = Node::start(&store, "a").await;
        let mut call = priced(1, &key, 100);
        let lost = priced(2, &key, 40).charge.unwrap();
        call.attempts = vec![followed(Share {
            rule: "race_lost_estimated".into(),
            usage_source: UsageSource::Estimated,
            usage: None,
            charge: Ok(lost.clone()),
        })];
        call.charge = call.charge.unwrap().and(&lost);
        assert_eq!(call.charge.as_ref().unwrap().total, nanos(140));
        node.ledgers.settle(Arc::new(call)).await.unwrap();
        node.stop().await;
        assert_eq!(store.verify().await.unwrap(), None);
        for (damage, said) in [
            (
                "REPLACE(attempts, '[\"input\",40', '[\"input\",41')",
                "shares",
            ),
            ("'[]'", "something else"),
        ] {
            let damage = format!("UPDATE generations SET attempts = {damage}");
            place.run(&damage).await;
            let found = store.verify().await.unwrap().expect(&damage).to_string();
            assert!(found.contains(said), "{damage}: {found}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_two_attempts_have_counted_is_one_usage_and_two_parts_of_a_bill() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let node = Node::start(&store, "a").await;
        let mut call = priced(1, &key, 100);
        let first = priced(2, &key, 40);
        let broken = first.charge.unwrap();
        // A bucket that only the first has counted, at no price.
        let counted = first.usage.with(Unit::Request, 1);
        call.attempts = vec![followed(Share {
            rule: "cut_mid_stream_estimated".into(),
            usage_source: UsageSource::Estimated,
            usage: Some(counted.clone()),
            charge: Ok(broken.clone()),
        })];
        call.usage = call.usage.plus(&counted);
        call.charge = call.charge.unwrap().and(&broken);
        assert_eq!(call.usage.count(Unit::Input), 140);
        node.ledgers.settle(Arc::new(call)).await.unwrap();
        node.stop().await;
        assert_eq!(store.verify().await.unwrap(), None);
        for (from, to, said) in [
            ("\"input\":40", "\"input\":39", "something else"),
            ("\"input\":39", "\"input\":141", "counted is more"),
        ] {
            let damage =
                format!("UPDATE generations SET attempts = REPLACE(attempts, '{from}', '{to}')");
            place.run(&damage).await;
            let found = store.verify().await.unwrap().expect(&damage).to_string();
            assert!(found.contains(said), "{damage}: {found}");
        }
    })
    .await;
}
