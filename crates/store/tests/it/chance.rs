//! Chance against the books: nodes that work, die and start again, and after every step the one
//! invariant; at the end everything adds up. A failing seed is in the panic's text.

use std::collections::HashMap;

use ledger::{Admission, Amount, Ask, Books as _, Budget, GenerationId, Ticket};
use store::{KeyHash, Store};

use crate::ledgers::{LONG, NOW, Node, budget, nanos};
use crate::sample::priced;
use crate::suite::{NOW_MS, Place, on_both};

const STEPS: u64 = 150;
const SEEDS: u64 = 4;
const LIMIT: i64 = 3000;

/// Steele, Lea and Flood's SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    pub(crate) fn amount(&mut self, end: u64) -> i64 {
        self.below(end).cast_signed()
    }
}

struct World {
    store: Store,
    budgets: Vec<Budget>,
    nodes: Vec<Option<Node>>,
    tickets: Vec<(usize, Ticket)>,
    /// Settled and above what was held, by budget.
    overage: HashMap<String, i64>,
    settled: i64,
    calls: u64,
}

impl World {
    async fn step(&mut self, dice: &mut Dice) {
        let name = usize::try_from(dice.below(self.nodes.len() as u64)).unwrap();
        let Some(node) = &self.nodes[name] else {
            let name_text = format!("node-{name}");
            self.nodes[name] = Some(Node::start(&self.store, &name_text).await);
            return;
        };
        match dice.below(20) {
            0 => {
                // Everything it held in memory is gone; what it settled is in the database.
                node.recorder.flush().await;
                self.nodes[name] = None;
                self.tickets.retain(|(owner, _)| *owner != name);
            }
            1..=9 => {
                let amount = nanos(dice.amount(200));
                let ask = Ask {
                    generation: GenerationId::from_text("gen-asked"),
                    budgets: self.budgets.iter().cloned().map(Into::into).collect(),
                    amount,
                    at: NOW,
                };
                if let Admission::Admitted(ticket) = node.ledgers.reserve(ask).await.unwrap() {
                    assert!(ticket.holds.iter().all(|hold| hold.amount == amount));
                    self.tickets.push((name, ticket));
                }
            }
            kind => self.close_one(dice, kind).await,
        }
    }

    async fn close_one(&mut self, dice: &mut Dice, kind: u64) {
        if self.tickets.is_empty() {
            return;
        }
        let index = usize::try_from(dice.below(self.tickets.len() as u64)).unwrap();
        let (name, mut ticket) = self.tickets.swap_remove(index);
        let Some(node) = &self.nodes[name] else {
            return;
        };
        if kind < 12 {
            node.ledgers.release(ticket);
            return;
        }
        if kind < 14 {
            let total = nanos(dice.amount(300));
            node.ledgers.top_up(&mut ticket, total).await.unwrap();
        }
        let held = ticket.amount.nanos();
        let cost = match kind {
            19 => held + dice.amount(50),
            _ => dice.amount(held.cast_unsigned() + 1),
        };
        self.calls += 1;
        self.settled += cost;
        for budget in &self.budgets {
            *self.overage.entry(budget.id.to_string()).or_default() += (cost - held).max(0);
        }
        let call = priced(self.calls, &KeyHash::of("sk"), cost);
        node.ledgers
            .settle_reserved(ticket, call.into())
            .await
            .unwrap();
    }

    async fn check(&self, at: &str) {
        for budget in &self.budgets {
            let state = self.store.budgets().state(budget, NOW).await.unwrap();
            let overage = self.overage.get(budget.id.as_str()).copied().unwrap_or(0);
            let bound = state.posted.nanos() + state.leased.nanos();
            assert!(
                bound <= LIMIT + overage,
                "{at}: {bound} of {LIMIT}, {overage} above"
            );
        }
    }
}

async fn play(place: &Place, store: &Store, seed: u64) {
    let mut dice = Dice(seed);
    let count = if place.is_postgres() { 3 } else { 1 };
    let mut world = World {
        store: store.clone(),
        budgets: vec![
            budget(&format!("one-{seed}"), LIMIT),
            budget(&format!("other-{seed}"), LIMIT),
        ],
        nodes: (0..count).map(|_| None).collect(),
        tickets: Vec::new(),
        overage: HashMap::new(),
        settled: 0,
        calls: seed * 1_000_000,
    };
    for budget in &world.budgets {
        store.budgets().put(budget, true, NOW_MS).await.unwrap();
    }
    for step in 0..STEPS {
        world.step(&mut dice).await;
        world.check(&format!("seed {seed}, step {step}")).await;
    }
    for (name, ticket) in world.tickets.drain(..) {
        if let Some(node) = &world.nodes[name] {
            node.ledgers.release(ticket);
        }
    }
    for (name, node) in world.nodes.drain(..).enumerate() {
        let node = match node {
            Some(node) => node,
            None => Node::start(store, &format!("node-{name}")).await,
        };
        node.ledgers.reserve(nothing()).await.unwrap();
        node.stop().await;
    }
    for budget in &world.budgets {
        let state = store.budgets().state(budget, NOW).await.unwrap();
        assert_eq!(state.posted, nanos(world.settled), "seed {seed}");
        assert_eq!(state.leased, Amount::ZERO, "seed {seed}");
    }
    let difference = store.verify().await.unwrap();
    assert_eq!(difference, None, "seed {seed}");
}

fn nothing() -> Ask {
    Ask {
        generation: GenerationId::from_text("gen-nothing"),
        budgets: Vec::new(),
        amount: Amount::ZERO,
        at: NOW,
    }
}

#[tokio::test]
async fn whatever_nodes_do_no_limit_is_exceeded_and_the_books_add_up() {
    on_both(async |place| {
        let store = place.open().await;
        for seed in 1..=SEEDS {
            let played = tokio::time::timeout(LONG, play(place, &store, seed)).await;
            assert!(played.is_ok(), "seed {seed} takes too long");
        }
    })
    .await;
}
