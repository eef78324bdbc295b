//! Nodes, a database and a bad network, all from one seed: partitions, lost requests and lost
//! answers, late and repeated messages, crashes and restarts, with the pure machine as the oracle.
//!
//! What is real here are the rules of this crate: holdings, slices, surplus, entries, the machine.
//! The database is what `store` makes of SQL: one transaction after the other, a fold counts once by
//! id, a lease is granted within the limit. What a node may assume is what `store` assumes: a request
//! whose answer was lost may have been done, so a slice is not counted, what was given back stays
//! given, and a fold is sent again. A give-back alone is never repeated, and a dead node's requests are
//! done or gone before it starts again, because its connections hold the rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use ledger::lease::{WindowState, low_water, slice, surplus};
use ledger::{Amount, Budget, Enforcement, FreeCalls, GenerationId, Holding, Ledgerbook, Verdict};

use crate::random::{Random, for_seeds};
use crate::reservation::{balanced, budget};

const NODES: usize = 3;
const BUDGETS: usize = 2;
const STEPS: usize = 800;
const LIMIT: i64 = 6000;
const NOW: i64 = 1_700_000_000;

const fn nanos(amount: i64) -> Amount {
    Amount::from_nanos(amount)
}

/// A settled call in a node's journal.
#[derive(Clone)]
struct Record {
    id: GenerationId,
    cost: i64,
    /// What of the cost came out of the lease, by budget.
    drawn: [i64; BUDGETS],
}

/// A call under way.
struct Open {
    id: GenerationId,
    held: i64,
}

/// What a node asks of the database.
#[derive(Clone)]
enum Request {
    Lease { budget: usize, wanted: i64 },
    GiveBack { budget: usize, amount: i64 },
    Fold(Vec<Record>),
}

enum Answer {
    Leased { budget: usize, amount: i64 },
    Done,
    Folded(Vec<GenerationId>),
}

/// A message under way, to the database or back.
enum Message {
    To(Request),
    Back(Answer),
}

#[derive(Default)]
struct Database {
    posted: [i64; BUDGETS],
    leased: [[i64; BUDGETS]; NODES],
    folded: BTreeSet<GenerationId>,
}

impl Database {
    fn available(&self, budget: usize) -> WindowState {
        WindowState {
            limit: nanos(LIMIT),
            posted: nanos(self.posted[budget]),
            leased: nanos(self.leased.iter().map(|node| node[budget]).sum()),
        }
    }

    fn serve(&mut self, node: usize, request: Request) -> Answer {
        match request {
            Request::Lease { budget, wanted } => {
                let amount = slice(self.available(budget), nanos(wanted), 2).nanos();
                self.leased[node][budget] += amount;
                Answer::Leased { budget, amount }
            }
            Request::GiveBack { budget, amount } => {
                self.take(node, budget, amount);
                Answer::Done
            }
            Request::Fold(records) => {
                for record in &records {
                    if !self.folded.insert(record.id.clone()) {
                        continue;
                    }
                    for budget in 0..BUDGETS {
                        self.posted[budget] += record.cost;
                        self.take(node, budget, record.drawn[budget]);
                    }
                }
                Answer::Folded(records.into_iter().map(|record| record.id).collect())
            }
        }
    }

    fn take(&mut self, node: usize, budget: usize, amount: i64) {
        let there = &mut self.leased[node][budget];
        *there -= amount.min(*there);
    }
}

#[derive(Default)]
struct Node {
    is_up: bool,
    is_cut_off: bool,
    holdings: [Holding; BUDGETS],
    slices: [i64; BUDGETS],
    spent_before: [i64; BUDGETS],
    open: Vec<Open>,
    /// Survives crashes.
    journal: Vec<Record>,
    messages: Vec<Message>,
}

struct World {
    random: Random,
    database: Database,
    nodes: [Node; NODES],
    oracle: Ledgerbook,
    budgets: Vec<Budget>,
    calls: u64,
    /// Above what was held and what the lease had free, by budget: the documented bound.
    uncovered: [i64; BUDGETS],
    seen: BTreeMap<&'static str, u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            random: Random::new(seed),
            database: Database::default(),
            nodes: Default::default(),
            oracle: Ledgerbook::new(FreeCalls::Pass),
            budgets: (0..BUDGETS)
                .map(|number| budget(&format!("B{number}"), LIMIT, "lifetime", Enforcement::Hard))
                .collect(),
            calls: 0,
            uncovered: [0; BUDGETS],
            seen: BTreeMap::new(),
        };
        for budget in &world.budgets {
            world.oracle.set(budget.clone());
        }
        world.nodes.iter_mut().for_each(|node| node.is_up = true);
        world
    }

    fn note(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.below(end as u64)).unwrap()
    }

    fn step(&mut self) {
        let node = self.below(NODES);
        if !self.nodes[node].is_up && self.below(4) == 0 {
            self.restart(node);
        }
        match self.below(160) {
            0..=1 => self.crash(node),
            2..=5 => self.nodes[node].is_cut_off = true,
            6..=20 => self.nodes[node].is_cut_off = false,
            21..=55 => self.call(node),
            56..=90 => self.end(node),
            91..=100 => self.fold(node),
            101..=108 => self.give_back(node),
            _ => self.deliver(node),
        }
        self.check();
    }

    // === Nodes ===

    fn crash(&mut self, node: usize) {
        if !self.nodes[node].is_up {
            return;
        }
        self.note("crashes");
        for open in std::mem::take(&mut self.nodes[node].open) {
            assert_eq!(self.oracle.expire(&open.id, NOW), Verdict::Ok);
        }
        let journal = std::mem::take(&mut self.nodes[node].journal);
        let messages = std::mem::take(&mut self.nodes[node].messages);
        let is_cut_off = self.nodes[node].is_cut_off;
        self.nodes[node] = Node {
            journal,
            messages,
            is_cut_off,
            ..Node::default()
        };
    }

    /// What was on its way to the database arrives or does not; then the journal is folded and the
    /// old leases are given back.
    fn restart(&mut self, node: usize) {
        if self.nodes[node].is_cut_off {
            return;
        }
        self.note("restarts");
        for message in std::mem::take(&mut self.nodes[node].messages) {
            if let Message::To(request) = message
                && self.random.below(2) == 0
            {
                self.database.serve(node, request);
            }
        }
        let journal = std::mem::take(&mut self.nodes[node].journal);
        self.database.serve(node, Request::Fold(journal));
        self.database.leased[node] = [0; BUDGETS];
        self.nodes[node].is_up = true;
    }

    fn call(&mut self, number: usize) {
        let amount = 1 + self.random.nanos(120);
        let node = &mut self.nodes[number];
        if !node.is_up {
            return;
        }
        let holdings: Vec<&Holding> = node.holdings.iter().collect();
        if let Err(budget) = ledger::lease::reserve_all(&holdings, nanos(amount)) {
            let wanted = amount - node.holdings[budget].free().nanos().max(0);
            self.ask(number, Request::Lease { budget, wanted });
            return self.note("waits");
        }
        self.calls += 1;
        let id = GenerationId::from_text(format!("G{}", self.calls));
        let ids: Vec<_> = self
            .budgets
            .iter()
            .map(|budget| budget.id.clone())
            .collect();
        let verdict = self.oracle.reserve(&id, nanos(amount), &ids, NOW);
        assert_eq!(
            verdict,
            Verdict::Ok,
            "a node admits what the machine refuses"
        );
        node.open.push(Open { id, held: amount });
        for budget in 0..BUDGETS {
            let node = &self.nodes[number];
            if node.holdings[budget].free() < low_water(nanos(node.slices[budget])) {
                let wanted = (node.slices[budget] / 64).max(1);
                self.ask(number, Request::Lease { budget, wanted });
            }
        }
    }

    /// A call ends: below what was held, above it, or by being released.
    fn end(&mut self, number: usize) {
        if self.nodes[number].open.is_empty() {
            return;
        }
        let index = self.below(self.nodes[number].open.len());
        let open = self.nodes[number].open.swap_remove(index);
        let cost = match self.random.below(8) {
            0 => open.held + self.random.nanos(60),
            1 => {
                assert_eq!(self.oracle.release(&open.id, NOW), Verdict::Ok);
                let holdings = &self.nodes[number].holdings;
                holdings
                    .iter()
                    .for_each(|holding| holding.give_back(nanos(open.held)));
                return;
            }
            _ => self.random.nanos(open.held + 1),
        };
        let mut drawn = [0; BUDGETS];
        for (budget, drawn) in drawn.iter_mut().enumerate() {
            let holding = &self.nodes[number].holdings[budget];
            let above = (cost - open.held).max(0);
            let taken = holding.take_back(nanos(above)).nanos();
            holding.settle(nanos(open.held), nanos(cost.min(open.held)));
            *drawn = cost.min(open.held) + taken;
            self.uncovered[budget] += above - taken;
            // The machine knows of overage at once, the database when it is folded.
            let mut raised = self.budgets[budget].clone();
            raised.limit = nanos(LIMIT + self.uncovered[budget]);
            self.oracle.set(raised);
        }
        assert_eq!(self.oracle.settle(&open.id, nanos(cost), NOW), Verdict::Ok);
        let id = open.id;
        self.nodes[number].journal.push(Record { id, cost, drawn });
    }

    fn fold(&mut self, node: usize) {
        if self.nodes[node].is_up && !self.nodes[node].journal.is_empty() {
            let batch = self.nodes[node].journal.clone();
            self.ask(node, Request::Fold(batch));
        }
    }

    fn give_back(&mut self, number: usize) {
        let budget = self.below(BUDGETS);
        let node = &mut self.nodes[number];
        if !node.is_up {
            return;
        }
        let spent = node.holdings[budget].spent().nanos();
        let since = spent - std::mem::replace(&mut node.spent_before[budget], spent);
        let more = surplus(node.holdings[budget].free(), nanos(since));
        let amount = node.holdings[budget].take_back(more).nanos();
        if amount == 0 {
            return;
        }
        if node.is_cut_off {
            // It was not even sent, so it is put back.
            return node.holdings[budget].top_up(nanos(amount));
        }
        self.ask(number, Request::GiveBack { budget, amount });
    }

    // === The network ===

    fn ask(&mut self, node: usize, request: Request) {
        if self.nodes[node].is_cut_off {
            return self.note("cut off");
        }
        self.nodes[node].messages.push(Message::To(request));
    }

    /// Some message of a node arrives, in any order, or is lost; some are done twice.
    fn deliver(&mut self, number: usize) {
        if self.nodes[number].messages.is_empty() || !self.nodes[number].is_up {
            return;
        }
        let index = self.below(self.nodes[number].messages.len());
        let message = self.nodes[number].messages.swap_remove(index);
        let is_lost = self.random.below(6) == 0 || self.nodes[number].is_cut_off;
        match message {
            Message::To(Request::GiveBack { budget, amount }) if is_lost => {
                self.note("give-backs lost");
                // Nobody knows whether it was done: it stays with the database until a restart.
                if self.random.below(2) == 0 {
                    self.database
                        .serve(number, Request::GiveBack { budget, amount });
                }
            }
            Message::To(_) if is_lost => self.note("requests lost"),
            Message::To(request) => {
                let is_repeatable = !matches!(request, Request::GiveBack { .. });
                if is_repeatable && self.random.below(5) == 0 {
                    self.note("done twice");
                    self.nodes[number]
                        .messages
                        .push(Message::To(request.clone()));
                }
                let answer = self.database.serve(number, request);
                self.nodes[number].messages.push(Message::Back(answer));
            }
            Message::Back(_) if is_lost => self.note("answers lost"),
            Message::Back(answer) => self.hear(number, answer),
        }
    }

    fn hear(&mut self, number: usize, answer: Answer) {
        let node = &mut self.nodes[number];
        match answer {
            Answer::Leased { budget, amount } => {
                node.holdings[budget].top_up(nanos(amount));
                node.slices[budget] = amount;
            }
            Answer::Done => {}
            Answer::Folded(ids) => node.journal.retain(|record| !ids.contains(&record.id)),
        }
    }

    // === What must hold ===

    fn check(&self) {
        balanced(&self.oracle);
        for (number, budget) in self.budgets.iter().enumerate() {
            let tally = self.oracle.counted(budget, NOW);
            let leased: i64 = self.database.leased.iter().map(|node| node[number]).sum();
            let bound = self.database.posted[number] + leased;
            assert!(
                bound <= LIMIT + self.uncovered[number],
                "{bound} of {LIMIT} are posted and leased, {} above",
                self.uncovered[number]
            );
            assert!(self.database.posted[number] <= tally.posted.nanos());
            assert!(
                tally.posted.nanos() + tally.reserved.nanos() <= LIMIT + self.uncovered[number]
            );
            for (node, leased) in self.nodes.iter().zip(&self.database.leased) {
                let holding = &node.holdings[number];
                let written = |record: &&Record| !self.database.folded.contains(&record.id);
                let owed: i64 = node
                    .journal
                    .iter()
                    .filter(written)
                    .map(|record| record.drawn[number])
                    .sum();
                let inside = holding.free().nanos() + holding.held().nanos() + owed;
                assert!(
                    inside <= leased[number],
                    "{inside} spendable, {} leased",
                    leased[number]
                );
            }
        }
    }

    /// Everything heals: every call is ended, every journal folded, every lease given back.
    fn heal(&mut self) {
        for node in 0..NODES {
            self.nodes[node].is_cut_off = false;
            while !self.nodes[node].open.is_empty() {
                self.end(node);
            }
            if self.nodes[node].is_up {
                self.crash(node);
            }
            self.restart(node);
            self.check();
        }
        for (number, budget) in self.budgets.iter().enumerate() {
            let tally = self.oracle.counted(budget, NOW);
            assert_eq!(self.database.posted[number], tally.posted.nanos());
            assert_eq!(tally.reserved, Amount::ZERO);
            assert_eq!(self.database.available(number).leased, Amount::ZERO);
        }
    }
}

#[test]
fn whatever_the_network_does_no_money_is_spent_twice_and_nothing_is_lost() {
    let all: Mutex<BTreeMap<&str, u64>> = Mutex::default();
    for_seeds(0..100, |seed| {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.heal();
        *all.lock().unwrap().entry("calls").or_default() += world.calls;
        for (what, count) in &world.seen {
            *all.lock().unwrap().entry(*what).or_default() += count;
        }
    });
    let seen = all.into_inner().unwrap();
    for what in [
        "answers lost",
        "calls",
        "crashes",
        "cut off",
        "done twice",
        "give-backs lost",
        "requests lost",
        "restarts",
        "waits",
    ] {
        assert!(
            seen.get(what).is_some_and(|count| *count > 100),
            "{what}: {seen:?}"
        );
    }
}
