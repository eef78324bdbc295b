//! Slices: how large they are, and that nodes together can spend nearly all of a limit and no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ledger::lease::{WindowState, low_water, reserve_all, slice, surplus};
use ledger::{Amount, Holding};

use crate::random::{Random, for_seeds};

fn nanos(n: i64) -> Amount {
    Amount::from_nanos(n)
}

fn state(limit: i64, posted: i64, leased: i64) -> WindowState {
    WindowState {
        limit: nanos(limit),
        posted: nanos(posted),
        leased: nanos(leased),
    }
}

#[test]
#[rustfmt::skip]
fn slices_shrink_near_the_limit() {
    //   limit  posted leased wanted nodes → slice
    for (limit, posted, leased, wanted, nodes, expected) in [
        (1_000_000,       0,      0,  10, 1,    640),
        (   10_000,       0,      0, 100, 1,  5_000),
        (   10_000,       0,      0, 100, 2,  2_500),
        (   10_000,   5_000,  4_000, 100, 2,    250),
        (   10_000,   9_800,      0, 100, 2,    100),
        (   10_000,   9_950,      0, 100, 2,     50),
        (   10_000,  10_000,      0, 100, 2,      0),
        (   10_000,  10_500,      0, 100, 2,      0),
        (   10_000,   6_000,  5_000, 100, 2,      0),
        (        0,       0,      0, 100, 2,      0),
        (   10_000,       0,      0,   0, 2,      0),
        (   10_000,       0,      0, 100, 0,  5_000),
        (       -5,       0,      0, 100, 1,      0),
    ] {
        let found = slice(state(limit, posted, leased), nanos(wanted), nodes);
        assert_eq!(found, nanos(expected), "{limit} {posted} {leased} {wanted} {nodes}");
    }
}

#[test]
fn a_slice_is_never_more_than_there_is() {
    for_seeds(0..2000, |seed| {
        let mut random = Random::new(seed);
        let extreme = [i64::MAX, i64::MAX / 2, 1_000_000, 1000, 1, 0];
        let mut any = || nanos(*random.pick(&extreme));
        let (limit, posted, leased, wanted) = (any(), any(), any(), any());
        let state = WindowState {
            limit,
            posted,
            leased,
        };
        let found = slice(state, wanted, u32::try_from(seed % 7).unwrap());
        assert!(found >= Amount::ZERO && found <= state.available());
        assert!(found >= wanted.min(state.available()));
    });
}

#[test]
fn marks_for_renewal_and_return() {
    assert_eq!(low_water(nanos(1000)), nanos(250));
    assert_eq!(surplus(nanos(1000), nanos(100)), nanos(800));
    assert_eq!(surplus(nanos(1000), nanos(0)), nanos(1000));
    assert_eq!(surplus(nanos(100), nanos(100)), nanos(0));
    assert_eq!(surplus(nanos(-5), nanos(0)), nanos(0));
}

#[test]
fn a_holding_counts_what_it_is_told() {
    let holding = Holding::default();
    assert!(!holding.try_reserve(nanos(1)));
    assert!(holding.try_reserve(nanos(0)) && !holding.try_reserve(nanos(-1)));
    holding.top_up(nanos(100));
    assert!(holding.try_reserve(nanos(70)));
    assert_eq!(holding.settle(nanos(70), nanos(50)), nanos(0));
    assert!(holding.try_reserve(nanos(50)));
    holding.give_back(nanos(50));
    assert_eq!(holding.take_back(nanos(20)), nanos(20));
    assert_eq!(holding.take_back_unused(), nanos(30));
    assert_eq!(holding.take_back_unused(), nanos(0));
    let of = |holding: &Holding| (holding.free(), holding.held(), holding.spent());
    assert_eq!(of(&holding), (nanos(0), nanos(0), nanos(50)));
    assert!(!holding.reserve_anyway(nanos(10)));
    assert_eq!(of(&holding), (nanos(-10), nanos(10), nanos(50)));
    assert_eq!(holding.take_back_unused(), nanos(0));
    assert_eq!(holding.settle(nanos(10), nanos(15)), nanos(5));
    assert_eq!(of(&holding), (nanos(-15), nanos(0), nanos(65)));
}

#[test]
fn all_or_none_says_who_refused_and_rolls_back() {
    let (rich, poor) = (Holding::new(nanos(100)), Holding::new(nanos(10)));
    assert_eq!(reserve_all(&[&rich, &poor], nanos(20)), Err(1));
    assert_eq!((rich.free(), rich.held()), (nanos(100), nanos(0)));
    assert_eq!(reserve_all(&[&rich, &poor], nanos(10)), Ok(()));
    assert_eq!((rich.held(), poor.held()), (nanos(10), nanos(10)));
    assert_eq!(reserve_all(&[], nanos(10)), Ok(()));
}

#[test]
fn threads_never_spend_more_than_was_granted() {
    const GRANTED: i64 = 1_000_000;
    let holding = Arc::new(Holding::new(nanos(GRANTED)));
    let spent = Arc::new(AtomicI64::new(0));
    std::thread::scope(|scope| {
        for seed in 0..8 {
            let (holding, spent) = (Arc::clone(&holding), Arc::clone(&spent));
            scope.spawn(move || {
                let mut random = Random::new(seed);
                for _ in 0..5000 {
                    let amount = nanos(1 + random.nanos(500));
                    if holding.try_reserve(amount) {
                        let cost = nanos(random.nanos(amount.nanos() + 1));
                        holding.settle(amount, cost);
                        spent.fetch_add(cost.nanos(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let spent = nanos(spent.load(Ordering::Relaxed));
    assert_eq!((holding.spent(), holding.held()), (spent, nanos(0)));
    assert_eq!(holding.free().nanos() + spent.nanos(), GRANTED);
    assert!(holding.free() >= nanos(0));
}

// === Nodes around one window ===

/// One window in the database, and nodes that lease from it.
struct House {
    window: WindowState,
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    holding: Holding,
    last_slice: Amount,
    spent_before: Amount,
}

impl House {
    fn new(limit: i64, nodes: usize) -> Self {
        Self {
            window: state(limit, 0, 0),
            nodes: (0..nodes).map(|_| Node::default()).collect(),
        }
    }

    /// The one conditional update.
    fn renew(&mut self, node: usize, wanted: Amount) {
        let nodes = u32::try_from(self.nodes.len()).unwrap();
        let granted = slice(self.window, wanted, nodes);
        self.window.leased = self.window.leased.saturating_add(granted);
        self.nodes[node].holding.top_up(granted);
        self.nodes[node].last_slice = granted;
    }

    fn take(&mut self, returned: Amount) {
        self.window.leased = self.window.leased.saturating_sub(returned);
    }

    /// A call at a node; whether it was admitted.
    fn call(&mut self, node: usize, reserved: Amount, cost: Amount) -> bool {
        if !self.nodes[node].holding.try_reserve(reserved) {
            let missing = reserved.saturating_sub(self.nodes[node].holding.free());
            self.renew(node, missing);
            if !self.nodes[node].holding.try_reserve(reserved) {
                return false;
            }
        }
        self.nodes[node].holding.settle(reserved, cost);
        if self.nodes[node].holding.free() < low_water(self.nodes[node].last_slice) {
            self.renew(node, reserved);
        }
        true
    }

    /// The periodic turn: fold what was spent, give back what is idle.
    fn tick(&mut self) {
        for n in 0..self.nodes.len() {
            let node = &mut self.nodes[n];
            let spent = node.holding.spent().saturating_sub(node.spent_before);
            node.spent_before = node.holding.spent();
            let back = node.holding.take_back(surplus(node.holding.free(), spent));
            self.take(back.saturating_add(spent));
            self.window.posted = self.window.posted.saturating_add(spent);
        }
    }

    fn limit_holds(&self) {
        let of = |amount: Amount| amount.nanos();
        let bound = of(self.window.posted) + of(self.window.leased);
        assert!(bound <= of(self.window.limit), "{:?}", self.window);
        let held: i64 = self
            .nodes
            .iter()
            .map(|n| of(n.holding.free()) + of(n.holding.spent()) - of(n.spent_before))
            .sum();
        assert_eq!(held, of(self.window.leased));
    }

    fn spent(&self) -> i64 {
        self.nodes.iter().map(|n| n.holding.spent().nanos()).sum()
    }
}

#[test]
fn nodes_together_can_spend_nearly_all_of_a_limit_and_no_more() {
    for nodes in [1, 2, 3, 5, 8] {
        for_seeds(0..40, move |seed| {
            const LIMIT: i64 = 200_000;
            let mut random = Random::new(seed);
            let mut house = House::new(LIMIT, nodes);
            // Worth about two hundred calls that are reserved at twice their cost; the load moves.
            let mut busy = 0;
            for step in 0..4000 {
                if step % 50 == 0 {
                    busy = random.below(u64::try_from(nodes).unwrap());
                    house.tick();
                }
                let anywhere = random.below(u64::try_from(nodes).unwrap());
                let node = usize::try_from(*random.pick(&[busy, busy, anywhere])).unwrap();
                house.call(node, nanos(2000), nanos(500 + random.nanos(1000)));
                house.limit_holds();
            }
            let spent = house.spent();
            assert!(spent <= LIMIT);
            assert!(spent * 100 >= LIMIT * 95, "{nodes} nodes spent {spent}");
        });
    }
}

#[test]
fn a_node_that_goes_idle_does_not_keep_the_others_from_the_limit() {
    const LIMIT: i64 = 100_000;
    let mut house = House::new(LIMIT, 3);
    for node in 0..3 {
        assert!(house.call(node, nanos(1000), nanos(1000)));
    }
    for _ in 0..200 {
        house.call(0, nanos(1000), nanos(1000));
        house.tick();
        house.limit_holds();
    }
    assert_eq!(house.spent(), LIMIT);
}
