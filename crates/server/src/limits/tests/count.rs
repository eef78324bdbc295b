//! One counter, with Valkey as a few lines of arithmetic.

use crate::limits::WithoutValkey;
use crate::limits::count::{Bounds, Count, DRY_MS, Need, Reach, Terms, Verdict};

const DAY: Bounds = Bounds {
    start: 0,
    end: 86_400_000,
};

fn terms(limit: u64) -> Terms {
    Terms {
        limit,
        is_live: false,
        without: WithoutValkey::Share,
    }
}

/// What Valkey does with a claim, as `cluster::lease` has it.
fn valkey(parts: &mut [u64], node: usize, need: &Need, limit: u64) -> cluster::Leased {
    let all: u64 = parts.iter().sum();
    let others = all - parts[node];
    let free = limit.saturating_sub(need.held + others);
    parts[node] = need.held + need.want.min(free);
    cluster::Leased {
        held: parts[node],
        others,
    }
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Calls at random nodes, one after the other, each with as many questions as it takes; answers
/// are lost at random.
fn run(seed: u64, limit: u64, nodes: usize) -> u64 {
    let mut chance = Chance(seed | 1);
    let mut parts = vec![0; nodes];
    let mut counts = vec![Count::default(); nodes];
    let terms = terms(limit);
    let reach = Reach::There(nodes as u64);
    let mut taken = 0;
    for step in 0..limit * 4 {
        let now = i64::try_from(step * DRY_MS.unsigned_abs()).unwrap();
        let node = usize::try_from(chance.below(nodes as u64)).unwrap();
        for _ in 0..3 {
            match counts[node].take(DAY, 1, &terms, (now, reach)) {
                Verdict::Taken { .. } => taken += 1,
                Verdict::Full { .. } => {}
                Verdict::Short => {
                    let need = counts[node].ask(1, &terms, reach);
                    let leased = valkey(&mut parts, node, &need, limit);
                    if chance.below(4) > 0 {
                        counts[node].leased(&need, leased, (now, 0));
                    }
                    continue;
                }
            }
            break;
        }
        for (node, count) in counts.iter_mut().enumerate() {
            if let Some(need) = count.tend(&terms, now, (reach, 0)) {
                let leased = valkey(&mut parts, node, &need, limit);
                count.leased(&need, leased, (now, 0));
            }
        }
    }
    taken
}

#[test]
fn replicas_together_take_the_limit_and_never_more_though_answers_are_lost() {
    for seed in 1..200 {
        for (limit, nodes) in [(1, 3), (10, 3), (100, 2), (1000, 5)] {
            let taken = run(seed, limit, nodes);
            assert!(taken <= limit, "{taken} of {limit} with seed {seed}");
            assert!(
                taken * 100 >= limit * 95,
                "{taken} of {limit} with seed {seed}"
            );
        }
    }
}

#[test]
fn without_valkey_a_replica_has_its_share_of_windows_that_begin_then() {
    let away = Reach::Away(3, 0);
    let mut count = Count::default();
    let taken = (0..100)
        .filter(|_| {
            let verdict = count.take(DAY, 1, &terms(10), (1, away));
            matches!(verdict, Verdict::Taken { .. })
        })
        .count();
    assert_eq!(taken, 3);
}

#[test]
fn a_window_in_which_valkey_is_lost_gives_no_more_than_what_was_free() {
    let limit = 300;
    let mut parts = [0; 3];
    let mut counts = [Count::default(); 3];
    let mut taken = 0;
    for (node, count) in counts.iter_mut().enumerate() {
        let there = Reach::There(3);
        assert_eq!(
            count.take(DAY, 1, &terms(limit), (0, there)),
            Verdict::Short
        );
        let need = count.ask(1, &terms(limit), there);
        count.leased(&need, valkey(&mut parts, node, &need, limit), (0, 0));
    }
    for count in &mut counts {
        let away = Reach::Away(3, 5);
        while let Verdict::Taken { .. } = count.take(DAY, 1, &terms(limit), (9, away)) {
            taken += 1;
        }
    }
    assert_eq!(taken, limit);
}

#[test]
fn where_nothing_was_seen_the_share_is_of_the_time_that_is_left() {
    let take = |lost_ms, without| {
        let terms = Terms {
            without,
            ..terms(300)
        };
        let mut count = Count::default();
        let away = Reach::Away(3, lost_ms);
        let all = std::iter::from_fn(|| {
            let verdict = count.take(DAY, 1, &terms, (lost_ms, away));
            matches!(verdict, Verdict::Taken { .. }).then_some(())
        });
        all.count()
    };
    assert_eq!(take(DAY.end / 4, WithoutValkey::Share), 75);
    assert_eq!(take(DAY.end / 4, WithoutValkey::Refuse), 0);
    assert_eq!(take(DAY.end / 4, WithoutValkey::Allow), 300);
}

#[test]
fn calls_at_once_have_their_share_without_valkey() {
    let live = Terms {
        is_live: true,
        ..terms(9)
    };
    let mut count = Count::default();
    for _ in 0..3 {
        let verdict = count.take(Bounds::ALWAYS, 1, &live, (9, Reach::Away(3, 5)));
        assert!(matches!(verdict, Verdict::Taken { .. }));
    }
    let verdict = count.take(Bounds::ALWAYS, 1, &live, (9, Reach::Away(3, 5)));
    assert_eq!(verdict, Verdict::Full { used: 3 });
}

#[test]
fn the_first_part_of_the_next_window_is_leased_before_it_begins() {
    let there = Reach::There(2);
    let minute = |number: i64| Bounds {
        start: number * 60_000,
        end: (number + 1) * 60_000,
    };
    let mut count = Count::default();
    count.take(minute(0), 1, &terms(100), (0, there));
    let need = count.ask(1, &terms(100), there);
    let all = cluster::Leased {
        held: 25,
        others: 0,
    };
    count.leased(&need, all, (0, 0));
    count.take(minute(0), 1, &terms(100), (59_000, there));
    let look = count.tend(&terms(100), 59_010, (there, 0)).unwrap();
    assert_eq!((look.window, look.held, look.want), (minute(0), 25, 0));
    count.leased(&look, all, (59_010, 0));
    let need = count.tend(&terms(100), 59_100, (there, 0)).unwrap();
    assert_eq!((need.window, need.held, need.want), (minute(1), 0, 25));
    count.leased(&need, all, (59_200, 0));
    let verdict = count.take(minute(1), 1, &terms(100), (60_000, there));
    assert!(
        matches!(verdict, Verdict::Taken { used: 1, .. }),
        "{verdict:?}"
    );
}

#[test]
fn when_valkey_is_back_it_is_told_what_is_held() {
    let mut count = Count::default();
    let away = Reach::Away(2, 0);
    count.take(DAY, 7, &terms(100), (1, away));
    let need = count.tend(&terms(100), 2, (away, 1)).unwrap();
    assert_eq!(
        (need.held, need.want),
        (50, 0),
        "what may be counted until then"
    );
    let leased = cluster::Leased {
        held: 50,
        others: 20,
    };
    count.leased(&need, leased, (3, 1));
    assert_eq!(count.tend(&terms(100), 4, (away, 1)), None);
    let verdict = count.take(DAY, 44, &terms(100), (5, away));
    assert_eq!(verdict, Verdict::Full { used: 27 });
}
