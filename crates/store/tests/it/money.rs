//! Budgets that come from elsewhere: limits of keys, balances, and calls that a journal kept.

use std::sync::Arc;
use std::time::Duration;

use ledger::{Admission, Amount, Ask, Books as _, GenerationId, Window};
use store::{
    JournalOptions, LedgerLimits, Ledgers, NodeId, RecorderLimits, RecorderOptions, key_budget_id,
};
use tokio::task::JoinSet;

use crate::journal;
use crate::ledgers::{LONG, NOW, Node, budget, nanos, put, state};
use crate::sample::priced;
use crate::suite::{NOW_MS, Scratch, on_both, started};

/// The row `crash_journaled` of the settlement table.
#[tokio::test]
async fn a_call_in_the_journal_is_posted_where_it_was_held_after_a_crash() {
    on_both(async |place| {
        let (store, key) = started(place).await;
        let folder = Scratch::new();
        let journal = || RecorderOptions {
            limits: RecorderLimits::default(),
            journal: Some(JournalOptions::in_data_dir(
                &folder.0,
                NodeId::from_bytes([4; 16]),
                1 << 30,
            )),
        };
        let mut daily = budget("daily", 1000);
        daily.window = Window::from_text("daily").unwrap();
        put(&store, &daily).await;
        {
            // Nobody writes to the database; the journal alone has the call.
            let (recorder, _tasks) = journal::open(&store, &journal(), false).await;
            let limits = LedgerLimits::default();
            let (ledgers, worker) = Ledgers::new(store.clone(), recorder, "a".to_owned(), limits);
            let mut tasks = JoinSet::new();
            tasks.spawn(worker);
            let ask = Ask {
                generation: GenerationId::from_text("gen-asked"),
                budgets: vec![Arc::new(daily.clone())],
                amount: nanos(300),
                at: NOW,
            };
            let Admission::Admitted(ticket) = ledgers.reserve(ask).await.unwrap() else {
                panic!("there is money");
            };
            let call = Arc::new(priced(1, &key, 350));
            ledgers.settle_reserved(ticket, call).await.unwrap();
            assert_eq!(state(&store, &daily).await.0, 0);
            tasks.shutdown().await;
        }
        let (recorder, mut tasks) = journal::open(&store, &journal(), true).await;
        let limits = LedgerLimits::default();
        let (ledgers, worker) =
            Ledgers::new(store.clone(), recorder.clone(), "a".to_owned(), limits);
        tasks.spawn(worker);
        recorder.drain(LONG).await.unwrap();
        assert!(ledgers.close(LONG).await);
        tasks.join_all().await;
        assert_eq!(state(&store, &daily).await, (350, 0));
        let overage = store.entries("overage:daily", (0, ""), 9).await.unwrap();
        assert_eq!(overage.len(), 1);
        assert_eq!(store.verify().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_limit_given_to_a_key_counts_what_it_has_already_spent() {
    on_both(async |place| {
        let (store, hash) = started(place).await;
        let node = Node::start(&store, "a").await;
        let call = Arc::new(priced(1, &hash, 700));
        node.ledgers.settle(call).await.unwrap();
        node.recorder.flush().await;
        let id = key_budget_id(hash.as_str());
        assert_eq!(store.budgets().by_id(&id).await, Ok(None));
        let patch = |limit| store::KeyPatch {
            limit: Some(limit),
            ..store::KeyPatch::default()
        };
        let keys = store.keys();
        keys.update(&hash, &patch(Some(nanos(1000))), NOW_MS)
            .await
            .unwrap();
        let stored = store.budgets().by_id(&id).await.unwrap().unwrap();
        let b = [stored.budget];
        assert_eq!(node.refused(&b, 301).await.available, nanos(300));
        node.settle(node.admitted(&b, 300).await, 2, 300).await;
        keys.update(&hash, &patch(None), NOW_MS).await.unwrap();
        assert_eq!(store.budgets().by_id(&id).await, Ok(None));
        node.stop().await;
        assert_eq!(state(&store, &b[0]).await, (1000, 0));
    })
    .await;
}

#[tokio::test]
async fn a_prepaid_balance_is_what_was_granted_less_what_was_spent() {
    on_both(async |place| {
        let (store, hash) = started(place).await;
        let node = Node::start(&store, "a").await;
        let workspace = store::DEFAULT_WORKSPACE_ID;
        node.ledgers
            .settle(Arc::new(priced(1, &hash, 50)))
            .await
            .unwrap();
        node.recorder.flush().await;
        let balance = store.open_balance(workspace, NOW_MS).await.unwrap();
        let b = [balance];
        assert_eq!(node.refused(&b, 1).await.available, Amount::ZERO);
        let grant = |id: &str, amount| store::NewCredit {
            id: id.to_owned(),
            workspace_id: workspace.to_owned(),
            amount: nanos(amount),
            kind: store::CreditKind::Grant,
            generation: None,
            at_ms: NOW_MS,
        };
        assert_eq!(store.post_credit(&grant("g1", 1000)).await, Ok(true));
        assert_eq!(store.post_credit(&grant("g1", 1000)).await, Ok(false));
        assert_eq!(store.post_credit(&grant("g2", -200)).await, Ok(true));
        assert!(store.post_credit(&grant("g3", 0)).await.is_err());
        tokio::time::sleep(Duration::from_millis(300)).await;
        let ticket = node.admitted(&b, 750).await;
        node.refused(&b, 1).await;
        node.settle(ticket, 2, 700).await;
        node.stop().await;
        for scope in [Some(workspace), None] {
            let credits = store.credits(scope).await.unwrap();
            assert_eq!(
                (credits.total_credits, credits.total_usage),
                (nanos(800), nanos(750))
            );
        }
        assert_eq!(store.verify().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn refunds_and_fees_move_a_balance_and_are_entries() {
    on_both(async |place| {
        let (store, hash) = started(place).await;
        let node = Node::start(&store, "a").await;
        let workspace = store::DEFAULT_WORKSPACE_ID;
        let call = priced(1, &hash, 50);
        let id = call.id.clone();
        node.ledgers.settle(Arc::new(call)).await.unwrap();
        node.stop().await;
        let post = async |name: &str, kind, amount, generation| {
            let credit = store::NewCredit {
                id: name.to_owned(),
                workspace_id: workspace.to_owned(),
                amount: nanos(amount),
                kind,
                generation,
                at_ms: NOW_MS,
            };
            store.post_credit(&credit).await
        };
        use store::CreditKind::{Fee, Grant, Purchase, Refund};
        let about = || Some(id.clone());
        let unknown = Some(GenerationId::from_text("gen-unknown"));
        assert_eq!(post("one", Purchase, 1000, None).await, Ok(true));
        assert_eq!(post("two", Grant, 100, None).await, Ok(true));
        assert_eq!(post("three", Fee, 30, None).await, Ok(true));
        assert_eq!(post("three", Fee, 30, None).await, Ok(false));
        assert_eq!(post("four", Refund, 20, about()).await, Ok(true));
        assert_eq!(post("five", Refund, 30, about()).await, Ok(true));
        for (kind, amount, generation) in [
            (Refund, 1, about()), // more than the call cost
            (Refund, 1, unknown), // no such call
            (Refund, -1, None),   // what is given back is more than nothing
            (Fee, 0, None),
            (Purchase, -5, None),
        ] {
            assert!(
                post("six", kind, amount, generation).await.is_err(),
                "{kind:?}"
            );
        }
        let credits = store.credits(Some(workspace)).await.unwrap();
        assert_eq!(credits.total_credits, nanos(1000 + 100 - 30 + 50));
        let budget = store
            .budgets()
            .by_id(&store::balance_budget_id(workspace))
            .await
            .unwrap();
        assert_eq!(budget.unwrap().budget.limit, credits.total_credits);
        let refunds = store.entries("refunds", (0, ""), 9).await.unwrap();
        assert_eq!(refunds.len(), 2);
        assert_eq!(refunds[0].generation_id.as_deref(), Some(id.as_str()));
        assert_eq!(store.entries("fees", (0, ""), 9).await.unwrap().len(), 1);
        assert_eq!(store.verify().await.unwrap(), None);
    })
    .await;
}

/// The whole ledger, in pages of so many.
async fn exported(store: &store::Store, count: u32) -> Vec<store::StoredEntry> {
    let mut all = Vec::new();
    let mut after = Some(store::ExportAfter::beginning());
    while let Some(place) = after {
        let again = store::ExportAfter::from_text(&place.to_string()).unwrap();
        assert_eq!(again, place);
        let (page, next) = store.export(&place, (0, i64::MAX), count).await.unwrap();
        all.extend(page);
        after = next;
    }
    all
}

#[tokio::test]
async fn an_export_has_every_event_and_its_balances_are_the_sums() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let node = Node::start(&store, "a").await;
        let mut warn = budget("warn", 100);
        warn.enforcement = ledger::Enforcement::Warn;
        let b = [budget("b", 1000), warn];
        for budget in &b {
            put(&store, budget).await;
        }
        let mut ticket = node.admitted(&b, 100).await;
        node.ledgers.top_up(&mut ticket, nanos(140)).await.unwrap();
        node.settle(ticket, 1, 120).await;
        node.settle(node.admitted(&b, 100).await, 2, 130).await;
        let lost = node.admitted(&b, 10).await;
        node.recorder.flush().await;
        drop((node, lost));
        let given_up = store.give_up_node("a", NOW_MS).await.unwrap();
        // What was held is lost; whether the rest of the lease was given back by then is chance.
        assert!(given_up >= nanos(10), "{given_up:?}");
        let all = exported(&store, 1000).await;
        assert_eq!(exported(&store, 1).await, all);
        let mut kinds: Vec<&str> = all.iter().map(|line| line.kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in [
            "charge", "expire", "overage", "release", "reserve", "settle", "top_up",
        ] {
            assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
        }
        let mut ids: Vec<&str> = all.iter().map(|line| line.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all.len(), "no id is there twice");
        let on = |account: &str| -> i64 {
            let sign = |line: &store::StoredEntry| {
                i64::from(line.debit == account) - i64::from(line.credit == account)
            };
            all.iter()
                .map(|line| sign(line) * line.amount.nanos())
                .sum()
        };
        for name in ["b", "warn"] {
            assert_eq!(on(&format!("posted:{name}@lifetime:0")), 250, "{name}");
            assert_eq!(on(&format!("reserved:{name}@lifetime:0")), 0, "{name}");
        }
        assert_eq!(on("overage:b"), -30);
        assert_eq!(store.verify().await.unwrap(), None);
        let later = (NOW_MS + 1, i64::MAX);
        let none = store
            .export(&store::ExportAfter::beginning(), later, 9)
            .await;
        assert_eq!(none.unwrap().0, []);
    })
    .await;
}

#[tokio::test]
async fn while_the_database_is_away_calls_go_on_within_what_is_leased() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let away = place.open().await;
        let node = Node::start(&away, "a").await;
        let b = [budget("b", 100_000)];
        put(&store, &b[0]).await;
        let leased = node.admitted(&b, 1000).await;
        away.close().await;
        for _ in 0..3 {
            node.ledgers.release(node.admitted(&b, 500).await);
        }
        node.ledgers.release(leased);
        let other = Ask {
            generation: GenerationId::from_text("gen-asked"),
            budgets: vec![Arc::new(budget("other", 100))],
            amount: nanos(1),
            at: NOW,
        };
        let error = node.ledgers.reserve(other).await.unwrap_err();
        assert!(error.to_string().contains("unavailable"), "{error}");
        drop(node);
        assert!(store.release_node("a").await.unwrap() >= nanos(1000));
        assert_eq!(state(&store, &b[0]).await, (0, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_grants_and_changes_of_limits_at_once_never_block_each_other() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let workspace = store::DEFAULT_WORKSPACE_ID;
        let balance = store.open_balance(workspace, NOW_MS).await.unwrap();
        let b = budget("b", 1_000_000);
        put(&store, &b).await;
        let nodes = [
            Arc::new(Node::start(&store, "a").await),
            Arc::new(Node::start(&place.open().await, "b").await),
        ];
        let mut work = JoinSet::new();
        for number in 0..40_u64 {
            let (store, b, balance) = (store.clone(), b.clone(), balance.clone());
            let node = nodes[usize::from(number % 2 == 0)].clone();
            work.spawn(async move {
                let grant = store::NewCredit {
                    id: format!("g{number}"),
                    workspace_id: workspace.to_owned(),
                    amount: nanos(100),
                    kind: store::CreditKind::Grant,
                    generation: None,
                    at_ms: NOW_MS,
                };
                assert_eq!(store.post_credit(&grant).await, Ok(true));
                put(&store, &b).await;
                store.open_balance(workspace, NOW_MS).await.unwrap();
                let ask = Ask {
                    generation: GenerationId::from_text("gen-asked"),
                    budgets: vec![Arc::new(b), Arc::new(balance)],
                    amount: nanos(10),
                    at: NOW,
                };
                if let Admission::Admitted(ticket) = node.ledgers.reserve(ask).await.unwrap() {
                    node.settle(ticket, number, 10).await;
                }
            });
        }
        work.join_all().await;
        for node in nodes {
            Arc::into_inner(node).unwrap().stop().await;
        }
        assert_eq!(store.verify().await.unwrap(), None);
        assert_eq!(
            store.credits(None).await.unwrap().total_credits,
            nanos(4000)
        );
    })
    .await;
}
