//! Real nodes with journals in a storm, from a seed: lines to the database are cut, answers to commits
//! get lost, folds are repeated, nodes die without a word and start again. The pure machine is the
//! oracle, and after every step the limit holds. A failing seed is in the panic's text.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ledger::{
    Admission, Amount, Ask, Books as _, Budget, FreeCalls, Generation, GenerationId, Ledgerbook,
    Ticket, Verdict,
};
use store::{
    JournalOptions, KeyHash, LedgerLimits, NodeId, RecorderLimits, RecorderOptions, Store,
};

use crate::chance::Dice;
use crate::ledgers::{LONG, NOW, Node, budget, nanos, put};
use crate::line::{Line, State};
use crate::sample::priced;
use crate::suite::{Place, Scratch, on_both, variable};

const STEPS: u64 = 120;
/// How many seeds are played; three when it is not set.
const SEEDS: &str = "STORM_SEEDS";
const LIMIT: i64 = 3000;

/// A node, its own way to the database, and its disk.
struct Post {
    name: String,
    line: Option<Line>,
    store: Store,
    disk: Scratch,
    id: NodeId,
    node: Option<Node>,
    open: Vec<Ticket>,
    is_cut: bool,
}

impl Post {
    async fn new(place: &Place, number: u8) -> Self {
        let line = match place.is_postgres() {
            true => Some(Line::to(place.address()).await),
            false => None,
        };
        let url = line.as_ref().map(|line| place.url_by(line.address));
        let url = url.unwrap_or_else(|| place.url.clone());
        let mut post = Self {
            name: format!("node-{number}"),
            line,
            store: Store::open(&url).await.unwrap(),
            disk: Scratch::new(),
            id: NodeId::from_bytes([number; 16]),
            node: None,
            open: Vec::new(),
            is_cut: false,
        };
        post.start().await;
        post
    }

    async fn start(&mut self) {
        let limits = LedgerLimits {
            reserve_max: Duration::from_millis(250),
            follow_every: Duration::from_millis(50),
            return_every: Duration::from_millis(30),
            refusal_for: Duration::from_millis(5),
        };
        let recorder = RecorderLimits {
            retry_min: Duration::from_millis(5),
            retry_max: Duration::from_millis(20),
            ..RecorderLimits::default()
        };
        let journal = JournalOptions::in_data_dir(&self.disk.0, self.id, 1 << 30);
        let options = RecorderOptions {
            limits: recorder,
            journal: Some(journal),
        };
        let both = (limits, options);
        self.node = Some(Node::start_on(&self.store, &self.name, both).await);
    }

    fn set(&mut self, state: State) {
        if let Some(line) = &self.line {
            line.set(state);
            self.is_cut = state == State::Cut;
        }
    }
}

struct World {
    store: Store,
    budgets: Vec<Budget>,
    posts: Vec<Post>,
    oracle: Ledgerbook,
    settled: Vec<Arc<Generation>>,
    calls: u64,
    /// Settled above what was held: the documented bound.
    above: i64,
    done: BTreeSet<&'static str>,
}

impl World {
    async fn step(&mut self, dice: &mut Dice) {
        let number = usize::try_from(dice.below(self.posts.len() as u64)).unwrap();
        match dice.below(40) {
            0 | 1 => self.die(number).await,
            2 | 3 => self.posts[number].set(State::Cut),
            4..=7 => self.posts[number].set(State::Whole),
            8..=11 if !self.posts[number].is_cut => {
                self.done.insert("commits unanswered");
                self.posts[number].set(State::LosesCommit);
            }
            12 => self.fold_again(dice).await,
            13..=25 => self.call(dice, number).await,
            _ => self.end(dice, number).await,
        }
    }

    /// Everything in memory is gone; the journal stays.
    async fn die(&mut self, number: usize) {
        let post = &mut self.posts[number];
        for ticket in post.open.drain(..) {
            let verdict = self.oracle.expire(&ticket.generation, NOW);
            assert_eq!(verdict, Verdict::Ok);
        }
        if let Some(node) = post.node.take() {
            node.die().await;
        }
        post.start().await;
        self.done.insert("deaths");
    }

    /// Somebody who does not know that it was done gives a record again.
    async fn fold_again(&mut self, dice: &mut Dice) {
        let end = self.settled.len() as u64;
        if end == 0 {
            return;
        }
        let call = &self.settled[usize::try_from(dice.below(end)).unwrap()];
        if self
            .store
            .generations()
            .by_id(&call.id)
            .await
            .unwrap()
            .is_some()
        {
            self.done.insert("folds repeated");
            assert_eq!(self.store.generations().insert(&[call]).await, Ok(0));
        }
    }

    async fn call(&mut self, dice: &mut Dice, number: usize) {
        self.calls += 1;
        let generation = priced(self.calls, &KeyHash::of("sk"), 0).id;
        let amount = nanos(1 + dice.amount(150));
        let ask = Ask {
            generation: generation.clone(),
            budgets: self.budgets.iter().cloned().map(Arc::new).collect(),
            amount,
            at: NOW,
        };
        let node = self.posts[number].node.as_ref().unwrap();
        match node.ledgers.reserve(ask).await {
            Ok(Admission::Admitted(ticket)) => {
                let ids: Vec<_> = self.budgets.iter().map(|b| b.id.clone()).collect();
                let verdict = self.oracle.reserve(&generation, amount, &ids, NOW);
                assert_eq!(
                    verdict,
                    Verdict::Ok,
                    "a node admits what the machine refuses"
                );
                self.posts[number].open.push(ticket);
            }
            Ok(Admission::Exhausted(_)) => {}
            Err(_) => {
                self.done.insert("unavailable");
            }
        }
    }

    async fn end(&mut self, dice: &mut Dice, number: usize) {
        if self.posts[number].open.is_empty() {
            return;
        }
        let index = usize::try_from(dice.below(self.posts[number].open.len() as u64)).unwrap();
        let ticket = self.posts[number].open.swap_remove(index);
        let (generation, held) = (ticket.generation.clone(), ticket.amount.nanos());
        let cost = match dice.below(8) {
            0 => held + dice.amount(40),
            _ => dice.amount(held.cast_unsigned() + 1),
        };
        self.above += (cost - held).max(0);
        for budget in &self.budgets {
            let mut raised = budget.clone();
            raised.limit = nanos(LIMIT + self.above);
            self.oracle.set(raised);
        }
        let mut call = priced(0, &KeyHash::of("sk"), cost);
        call.id = generation.clone();
        let call = Arc::new(call);
        self.settled.push(call.clone());
        let node = self.posts[number].node.as_ref().unwrap();
        node.ledgers.settle_reserved(ticket, call).await.unwrap();
        let verdict = self.oracle.settle(&generation, nanos(cost), NOW);
        assert_eq!(verdict, Verdict::Ok);
    }

    async fn check(&mut self, at: &str) {
        for budget in &self.budgets {
            let state = self.store.budgets().state(budget, NOW).await.unwrap();
            let bound = state.posted.nanos() + state.leased.nanos();
            assert!(bound <= LIMIT + self.above, "{at}: {bound} of {LIMIT}");
            let tally = self.oracle.counted(budget, NOW);
            assert!(
                state.posted <= tally.posted,
                "{at}: more is posted than was spent"
            );
        }
    }

    /// The storm is over: everything is settled, and adds up.
    async fn heal(&mut self, dice: &mut Dice, seed: u64) {
        for number in 0..self.posts.len() {
            self.posts[number].set(State::Whole);
            while !self.posts[number].open.is_empty() {
                self.end(dice, number).await;
            }
            self.die(number).await;
            let node = self.posts[number].node.take().unwrap();
            let nothing = Ask {
                generation: GenerationId::from_text("gen-nothing"),
                budgets: Vec::new(),
                amount: Amount::ZERO,
                at: NOW,
            };
            node.ledgers.reserve(nothing).await.unwrap();
            node.stop().await;
        }
        for budget in &self.budgets {
            let state = self.store.budgets().state(budget, NOW).await.unwrap();
            let tally = self.oracle.counted(budget, NOW);
            assert_eq!(state.posted, tally.posted, "seed {seed}");
            assert_eq!(state.leased, Amount::ZERO, "seed {seed}");
        }
        assert_eq!(self.store.verify().await.unwrap(), None, "seed {seed}");
    }
}

async fn play(place: &Place, seed: u64) -> BTreeSet<&'static str> {
    let mut dice = Dice(seed);
    let store = place.open().await;
    let budgets = [format!("one-{seed}"), format!("other-{seed}")];
    let count = if place.is_postgres() { 3 } else { 1 };
    let mut world = World {
        store: store.clone(),
        budgets: budgets.iter().map(|id| budget(id, LIMIT)).collect(),
        posts: Vec::new(),
        oracle: Ledgerbook::new(FreeCalls::Pass),
        settled: Vec::new(),
        calls: seed * 1_000_000,
        above: 0,
        done: BTreeSet::new(),
    };
    for budget in &world.budgets {
        put(&store, budget).await;
        world.oracle.set(budget.clone());
    }
    for number in 0..count {
        world.posts.push(Post::new(place, number).await);
    }
    for step in 0..STEPS {
        world.step(&mut dice).await;
        world.check(&format!("seed {seed}, step {step}")).await;
    }
    world.heal(&mut dice, seed).await;
    world.done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_storm_no_money_is_spent_twice_and_nothing_is_lost() {
    on_both(async |place| {
        let mut done = BTreeSet::new();
        let seeds = variable(SEEDS).map_or(3, |seeds| seeds.parse().unwrap());
        for seed in 1..=seeds {
            let played = tokio::time::timeout(2 * LONG, play(place, seed)).await;
            done.extend(played.unwrap_or_else(|_| panic!("seed {seed} takes too long")));
        }
        for what in ["deaths", "folds repeated"] {
            assert!(done.contains(what), "{what}: {done:?}");
        }
        if place.is_postgres() {
            assert!(done.contains("unavailable") && done.contains("commits unanswered"));
        }
    })
    .await;
}
