//! The books of a node: budgets hold on one node and on many, whatever happens to them.

use std::sync::Arc;
use std::time::Duration;

use ledger::{
    Admission, Amount, Ask, Books as _, Budget, BudgetId, Enforcement, Exhausted, GenerationId,
    Subject, Ticket, Window,
};
use store::{
    JournalError, KeyHash, LedgerLimits, Ledgers, Recorder, RecorderLimits, RecorderOptions, Store,
};
use tokio::task::JoinSet;

use crate::sample::priced;
use crate::suite::{NOW_MS, Place, on_both, on_postgres, started};

pub(crate) const LONG: Duration = Duration::from_secs(30);
pub(crate) const NOW: i64 = NOW_MS / 1000;
const DAY: i64 = 86_400;

/// A running node.
pub(crate) struct Node {
    pub(crate) ledgers: Arc<Ledgers>,
    pub(crate) recorder: Arc<Recorder>,
    tasks: JoinSet<()>,
}

impl Node {
    pub(crate) async fn start(store: &Store, name: &str) -> Self {
        let limits = LedgerLimits {
            follow_every: Duration::from_millis(50),
            return_every: Duration::from_secs(3600),
            refusal_for: Duration::from_millis(20),
            ..LedgerLimits::default()
        };
        Self::start_with(store, name, limits).await
    }

    async fn start_with(store: &Store, name: &str, limits: LedgerLimits) -> Self {
        let options = RecorderOptions {
            limits: RecorderLimits::default(),
            journal: None,
        };
        Self::start_on(store, name, (limits, options)).await
    }

    /// A node with a journal of its own, which waits for the one that had it before.
    pub(crate) async fn start_on(
        store: &Store,
        name: &str,
        (limits, options): (LedgerLimits, RecorderOptions),
    ) -> Self {
        let (recorder, writer) = loop {
            match Recorder::open(store.clone(), options.clone()).await {
                Ok(both) => break both,
                Err(JournalError::InUse(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        let (ledgers, worker) =
            Ledgers::new(store.clone(), recorder.clone(), name.to_owned(), limits);
        let mut tasks = JoinSet::new();
        tasks.spawn(writer);
        tasks.spawn(worker);
        Self {
            ledgers,
            recorder,
            tasks,
        }
    }

    /// The shutdown in order.
    pub(crate) async fn stop(self) {
        self.recorder.drain(LONG).await.unwrap();
        assert!(self.ledgers.close(LONG).await);
        self.tasks.join_all().await;
    }

    /// The end without one.
    pub(crate) async fn die(mut self) {
        self.tasks.shutdown().await;
    }

    pub(crate) async fn ask(&self, budgets: &[Budget], amount: i64, at: i64) -> Admission {
        let ask = Ask {
            generation: GenerationId::from_text("gen-asked"),
            budgets: budgets.iter().cloned().map(Arc::new).collect(),
            amount: nanos(amount),
            at,
        };
        self.ledgers.reserve(ask).await.unwrap()
    }

    pub(crate) async fn admitted(&self, budgets: &[Budget], amount: i64) -> Ticket {
        match self.ask(budgets, amount, NOW).await {
            Admission::Admitted(ticket) => ticket,
            Admission::Exhausted(exhausted) => panic!("{exhausted:?}"),
        }
    }

    pub(crate) async fn refused(&self, budgets: &[Budget], amount: i64) -> Exhausted {
        match self.ask(budgets, amount, NOW).await {
            Admission::Exhausted(exhausted) => exhausted,
            Admission::Admitted(ticket) => panic!("{ticket:?}"),
        }
    }

    pub(crate) async fn settle(&self, ticket: Ticket, number: u64, cost: i64) {
        let call = Arc::new(priced(number, &KeyHash::of("sk-first"), cost));
        self.ledgers.settle_reserved(ticket, call).await.unwrap();
    }
}

pub(crate) fn nanos(amount: i64) -> Amount {
    Amount::from_nanos(amount)
}

pub(crate) fn budget(id: &str, limit: i64) -> Budget {
    Budget {
        id: BudgetId::from_text(id),
        subject: Subject::EndUser(id.to_owned()),
        workspace_id: None,
        limit: nanos(limit),
        window: Window::Lifetime,
        enforcement: Enforcement::Hard,
        counts_byok: false,
    }
}

/// Posted and leased of a budget in the database, nano-USD.
pub(crate) async fn state(store: &Store, budget: &Budget) -> (i64, i64) {
    let state = store.budgets().state(budget, NOW).await.unwrap();
    let states = store.budgets().states(&[budget], NOW).await.unwrap();
    let told = states.get(budget.id.as_str()).copied();
    assert_eq!(told.unwrap_or_default(), state);
    (state.posted.nanos(), state.leased.nanos())
}

pub(crate) async fn put(store: &Store, budget: &Budget) {
    store.budgets().put(budget, true, NOW_MS).await.unwrap();
}

#[tokio::test]
async fn calls_are_held_settled_and_released_as_the_table_says() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let node = Node::start(&store, "a").await;
        let b = [budget("b", 1000)];
        put(&store, &b[0]).await;
        //  op       amount            posted  verdict
        let one = node.admitted(&b, 600).await; //     0   ok
        let refusal = node.refused(&b, 500).await; //  0   exhausted
        assert_eq!(
            (refusal.budget.as_str(), refusal.available, refusal.ends_at),
            ("b", nanos(400), None)
        );
        node.settle(one, 1, 250).await; //           250   ok
        let two = node.admitted(&b, 750).await; //   250   ok
        node.refused(&b, 1).await; //                250   exhausted
        node.ledgers.release(two); //                250   ok
        let three = node.admitted(&b, 750).await; // 250   ok
        node.settle(three, 2, 750).await; //        1000   ok
        assert_eq!(node.refused(&b, 1).await.available, Amount::ZERO);
        // A free call needs no money.
        node.ledgers.release(node.admitted(&b, 0).await);
        node.stop().await;
        assert_eq!(state(&store, &b[0]).await, (1000, 0));
        assert_eq!(store.leases(None).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_call_is_admitted_by_all_of_its_budgets_or_by_none() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let node = Node::start(&store, "a").await;
        let (wide, narrow) = (budget("wide", 1000), budget("narrow", 100));
        for budget in [&wide, &narrow] {
            put(&store, budget).await;
        }
        let both = [wide.clone(), narrow.clone()];
        let refusal = node.refused(&both, 200).await;
        assert_eq!(
            (refusal.budget, refusal.available),
            (narrow.id.clone(), nanos(100))
        );
        let whole = node.admitted(std::slice::from_ref(&wide), 1000).await;
        node.ledgers.release(whole);
        node.settle(node.admitted(&both, 100).await, 1, 100).await;
        node.stop().await;
        for budget in [&wide, &narrow] {
            assert_eq!(state(&store, budget).await, (100, 0));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_three_hundred_calls_at_once_as_many_are_admitted_as_the_limit_pays() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let node = Arc::new(Node::start(&store, "a").await);
        let b = budget("b", 1000);
        put(&store, &b).await;
        let mut calls = JoinSet::new();
        for number in 0..300 {
            let (node, b) = (node.clone(), b.clone());
            calls.spawn(async move {
                match node.ask(&[b], 10, NOW).await {
                    Admission::Admitted(ticket) => {
                        node.settle(ticket, number, 10).await;
                        1
                    }
                    Admission::Exhausted(_) => 0,
                }
            });
        }
        let admitted: i64 = calls.join_all().await.iter().sum();
        assert_eq!(admitted, 100);
        Arc::into_inner(node).unwrap().stop().await;
        assert_eq!(state(&store, &b).await, (1000, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_share_a_limit_spend_nearly_all_of_it_and_never_more() {
    on_postgres(async |place| {
        let (store, _) = started(place).await;
        let nodes = [
            Arc::new(Node::start(&store, "a").await),
            Arc::new(Node::start(&place.open().await, "b").await),
        ];
        let b = budget("b", 200_000);
        put(&store, &b).await;
        let mut calls = JoinSet::new();
        for number in 0..1000_u64 {
            let node = nodes[usize::try_from(number % 2).unwrap()].clone();
            let b = b.clone();
            calls.spawn(async move {
                match node.ask(&[b], 1000, NOW).await {
                    Admission::Admitted(ticket) => {
                        node.settle(ticket, number, 1000).await;
                        1000
                    }
                    Admission::Exhausted(_) => 0,
                }
            });
        }
        let spent: i64 = calls.join_all().await.iter().sum();
        assert!((190_000..=200_000).contains(&spent), "{spent}");
        for node in nodes {
            Arc::into_inner(node).unwrap().stop().await;
        }
        assert_eq!(state(&store, &b).await, (spent, 0));
        assert_eq!(store.verify().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_dead_node_keeps_its_leases_until_it_starts_again_or_is_released() {
    on_postgres(async |place| {
        let (store, _) = started(place).await;
        let b = [budget("b", 1000)];
        put(&store, &b[0]).await;
        let first = Node::start(&store, "a").await;
        let lost = first.admitted(&b, 600).await;
        let leased = state(&store, &b[0]).await.1;
        assert!(leased >= 600, "{leased}");
        first.die().await;
        drop(lost);
        let other = Node::start(&store, "b").await;
        other.refused(&b, 600).await;
        assert_eq!(state(&store, &b[0]).await.1, leased);
        // The same node again.
        let again = Node::start(&store, "a").await;
        let ticket = again.admitted(&b, 900).await;
        again.die().await;
        drop(ticket);
        // An operator who knows that it is gone.
        assert!(store.release_node("a").await.unwrap() >= nanos(900));
        assert_eq!(store.release_node("a").await, Ok(Amount::ZERO));
        tokio::time::sleep(Duration::from_millis(50)).await;
        other.settle(other.admitted(&b, 1000).await, 1, 1000).await;
        other.stop().await;
        assert_eq!(state(&store, &b[0]).await, (1000, 0));
    })
    .await;
}

#[tokio::test]
async fn a_new_window_begins_empty_and_a_call_stays_in_the_one_it_began_in() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let node = Node::start(&store, "a").await;
        let mut daily = budget("daily", 1000);
        daily.window = Window::from_text("daily").unwrap();
        put(&store, &daily).await;
        let b = [daily.clone()];
        let today = node.admitted(&b, 1000).await;
        assert!(node.refused(&b, 1).await.ends_at.unwrap() > NOW);
        let Admission::Admitted(tomorrow) = node.ask(&b, 1000, NOW + DAY).await else {
            panic!("tomorrow is another day");
        };
        node.settle(tomorrow, 1, 400).await;
        node.settle(today, 2, 900).await;
        node.stop().await;
        assert_eq!(state(&store, &daily).await, (900, 0));
        let next = store.budgets().state(&daily, NOW + DAY).await.unwrap();
        assert_eq!((next.posted, next.leased), (nanos(400), Amount::ZERO));
    })
    .await;
}

#[tokio::test]
async fn a_rolling_window_counts_the_hours_before_and_frees_their_leases() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let node = Node::start(&store, "a").await;
        let mut rolling = budget("rolling", 1000);
        rolling.window = Window::from_text("rolling:2h").unwrap();
        put(&store, &rolling).await;
        let b = [rolling.clone()];
        node.settle(node.admitted(&b, 600).await, 1, 600).await;
        node.recorder.flush().await;
        let admits = async |amount, at| match node.ask(&b, amount, at).await {
            Admission::Admitted(ticket) => {
                node.ledgers.release(ticket);
                true
            }
            Admission::Exhausted(_) => false,
        };
        assert!(!admits(401, NOW + 3600).await);
        assert!(admits(400, NOW + 3600).await);
        assert!(admits(1000, NOW + 4 * 3600).await);
        node.stop().await;
    })
    .await;
}

#[tokio::test]
async fn zero_allows_nothing_no_row_limits_nothing_and_a_warning_refuses_nothing() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let node = Node::start(&store, "a").await;
        let zero = [budget("zero", 0)];
        put(&store, &zero[0]).await;
        assert_eq!(node.refused(&zero, 1).await.available, Amount::ZERO);
        let absent = [budget("absent", 0)];
        let ticket = node.admitted(&absent, 1_000_000).await;
        assert_eq!(ticket.holds, []);
        node.settle(ticket, 1, 5).await;
        let mut warning = budget("warning", 100);
        warning.enforcement = Enforcement::Warn;
        put(&store, &warning).await;
        let b = [warning.clone()];
        let ticket = node.admitted(&b, 90).await;
        assert_eq!(ticket.warned, []);
        node.settle(ticket, 2, 90).await;
        node.recorder.flush().await;
        loop {
            let ticket = node.admitted(&b, 11).await;
            let is_warned = ticket.warned == [warning.id.clone()];
            node.ledgers.release(ticket);
            if is_warned {
                break;
            }
            tokio::task::yield_now().await;
        }
        node.stop().await;
        assert_eq!(state(&store, &warning).await, (90, 0));
    })
    .await;
}

#[tokio::test]
async fn a_top_up_raises_to_a_total_or_leaves_all_as_it_was() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let node = Node::start(&store, "a").await;
        let b = [budget("wide", 1000), budget("narrow", 500)];
        for budget in &b {
            put(&store, budget).await;
        }
        let mut ticket = node.admitted(&b, 100).await;
        for (total, refused) in [
            (300, false),
            (300, false),
            (50, false),
            (501, true),
            (500, false),
        ] {
            let answer = node
                .ledgers
                .top_up(&mut ticket, nanos(total))
                .await
                .unwrap();
            assert_eq!(answer.is_some(), refused, "{total}");
        }
        assert_eq!(ticket.amount, nanos(500));
        assert!(ticket.holds.iter().all(|hold| hold.amount == nanos(500)));
        node.refused(&b[..1], 501).await;
        node.settle(ticket, 1, 450).await;
        node.ledgers.release(node.admitted(&b, 50).await);
        node.stop().await;
        assert_eq!(state(&store, &b[1]).await, (450, 0));
    })
    .await;
}

#[tokio::test]
async fn what_a_call_costs_above_its_hold_is_posted_and_has_its_own_entry() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let node = Node::start(&store, "a").await;
        let b = [budget("b", 1000)];
        put(&store, &b[0]).await;
        node.settle(node.admitted(&b, 100).await, 1, 150).await;
        node.settle(node.admitted(&b, 850).await, 2, 1200).await;
        assert_eq!(node.ledgers.figures().overage_nanos, 50 + 350);
        node.refused(&b, 1).await;
        node.stop().await;
        assert_eq!(state(&store, &b[0]).await, (1350, 0));
        let overage = store.entries("overage:b", (0, ""), 10).await.unwrap();
        let amounts: Vec<_> = overage.iter().map(|entry| entry.amount.nanos()).collect();
        assert_eq!(amounts, [50, 350]);
        assert_eq!(store.verify().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn in_the_steady_state_no_call_waits_for_the_database() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let node = Node::start(&store, "a").await;
        let b = [budget("one", i64::MAX / 2), budget("other", i64::MAX / 2)];
        for budget in &b {
            put(&store, budget).await;
        }
        for _ in 0..2 {
            node.ledgers.release(node.admitted(&b, 1_000_000).await);
        }
        let before = node.ledgers.figures();
        for number in 0..2000 {
            let ticket = node.admitted(&b, 100).await;
            if number % 10 == 0 {
                node.settle(ticket, number, 90).await;
            } else {
                node.ledgers.release(ticket);
            }
        }
        let after = node.ledgers.figures();
        assert_eq!(after.admitted, before.admitted + 2000);
        assert_eq!(after.waits, before.waits);
        assert_eq!(after.round_trips, before.round_trips);
        node.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_leases_are_renewed_rarely_however_fast_calls_come() {
    const CALLS: u64 = 5000;
    on_postgres(async |place| {
        let (store, _) = started(place).await;
        let node = Node::start(&store, "a").await;
        let other = Node::start(&place.open().await, "b").await;
        let b = ["key", "workspace", "house"].map(|id| budget(id, 1_000_000_000));
        for budget in &b {
            put(&store, budget).await;
        }
        other.settle(other.admitted(&b, 100).await, 1, 60).await;
        node.settle(node.admitted(&b, 100).await, 2, 60).await;
        let before = node.ledgers.figures();
        let begun = tokio::time::Instant::now();
        for number in 0..CALLS {
            node.settle(node.admitted(&b, 100).await, 10 + number, 60)
                .await;
        }
        let seconds = begun.elapsed().as_secs();
        let after = node.ledgers.figures();
        let trips = after.round_trips - before.round_trips;
        let waits = after.waits - before.waits;
        println!(
            "{CALLS} calls under three budgets: {trips} transactions for leases \
             ({:.1} per 1,000 calls), {waits} calls waited",
            trips as f64 * 1000.0 / CALLS as f64
        );
        // A slice grows until it lasts a second: 64 calls, 256 and so on.
        assert!(trips <= 2 * (8 + seconds), "{trips} in {seconds} s");
        assert!(waits <= trips, "{waits}");
        other.stop().await;
        node.stop().await;
        assert_eq!(store.verify().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_new_limit_holds_within_a_second_on_a_running_node() {
    on_both(async |place| {
        let (store, _) = started(place).await;
        let limits = LedgerLimits::default();
        let node = Node::start_with(&store, "a", limits).await;
        let mut b = budget("b", 1000);
        put(&store, &b).await;
        let held = node.admitted(&[b.clone()], 300).await;
        for (limit, allowed) in [(400, 100), (5000, 4700), (0, 0)] {
            b.limit = nanos(limit);
            put(&store, &b).await;
            tokio::time::sleep(Duration::from_millis(900)).await;
            let probe = [b.clone()];
            let ticket = node.admitted(&probe, allowed).await;
            assert_eq!(
                node.refused(&probe, 1).await.available,
                Amount::ZERO,
                "{limit}"
            );
            node.ledgers.release(ticket);
        }
        node.ledgers.release(held);
        node.stop().await;
        assert_eq!(state(&store, &b).await, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn an_idle_node_gives_back_what_it_does_not_need() {
    on_postgres(async |place: &Place| {
        let (store, _) = started(place).await;
        let limits = LedgerLimits {
            return_every: Duration::from_millis(30),
            ..LedgerLimits::default()
        };
        let node = Node::start_with(&store, "a", limits).await;
        let b = [budget("b", 1_000_000)];
        put(&store, &b[0]).await;
        let ticket = node.admitted(&b, 100).await;
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if state(&store, &b[0]).await.1 == 100 {
                break;
            }
        }
        assert_eq!(state(&store, &b[0]).await.1, 100);
        node.settle(ticket, 1, 100).await;
        node.stop().await;
        assert_eq!(state(&store, &b[0]).await, (100, 0));
    })
    .await;
}
