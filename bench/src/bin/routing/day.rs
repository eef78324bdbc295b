//! One policy's day.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use chat::{Unit, Usage};

use crate::fleet::{Fleet, MODEL, Trouble, during};
use crate::policy::{self, Policy};
use crate::traffic::{self, HOUR_MS, Turn};
use crate::world::{Answer, World};

/// Attempts of one call, as in the product.
const ATTEMPTS_MAX: usize = 4;

/// A turn with bad tool calls is asked again at most so often.
const REPEATS_MAX: u64 = 3;

/// What a day came to.
#[derive(Debug)]
pub(crate) struct Result {
    pub(crate) fleet: &'static str,
    pub(crate) policy: policy::Kind,
    pub(crate) turns: u64,
    pub(crate) answered: u64,
    pub(crate) calls: u64,
    pub(crate) wasted: u64,
    pub(crate) bad_tools: u64,
    /// Nano-USD.
    cost_nanos: i64,
    prompt_tokens: u64,
    cached_tokens: u64,
    first_tokens_ms: Vec<i64>,
    /// The most failed calls that any dead endpoint took until the policy knew; only ours tells.
    pub(crate) calls_to_notice: u64,
}

impl Result {
    /// USD.
    pub(crate) fn cost(&self) -> f64 {
        self.cost_nanos as f64 / 1e9
    }

    pub(crate) fn success(&self) -> f64 {
        self.answered as f64 / self.turns.max(1) as f64
    }

    pub(crate) fn cached(&self) -> f64 {
        self.cached_tokens as f64 / self.prompt_tokens.max(1) as f64
    }

    /// Milliseconds; the times are sorted.
    pub(crate) fn first_token(&self, permille: usize) -> i64 {
        let last = self.first_tokens_ms.len().saturating_sub(1);
        let place = self.first_tokens_ms.len() * permille / 1000;
        self.first_tokens_ms
            .get(place.min(last))
            .copied()
            .unwrap_or(0)
    }
}

/// Runs a day of so many hours.
///
/// # Errors
/// When the fleet does not load.
pub(crate) fn run(
    fleet: &Fleet,
    kind: policy::Kind,
    (seed, hours): (u64, i64),
) -> anyhow::Result<Result> {
    let catalog = fleet.catalog()?;
    let mut day = Day {
        fleet,
        catalog: &catalog,
        world: World::new(fleet, seed),
        policy: Policy::new(kind, (fleet, &catalog), seed),
        dead_calls: vec![0; fleet.endpoints.len()],
        result: Result {
            fleet: fleet.name,
            policy: kind,
            turns: 0,
            answered: 0,
            calls: 0,
            wasted: 0,
            bad_tools: 0,
            cost_nanos: 0,
            prompt_tokens: 0,
            cached_tokens: 0,
            first_tokens_ms: Vec::new(),
            calls_to_notice: 0,
        },
    };
    let mut waiting: BinaryHeap<Reverse<(i64, u64, u64)>> = BinaryHeap::new();
    let mut turns: std::collections::HashMap<u64, Turn> = std::collections::HashMap::new();
    for turn in traffic::day(seed, hours) {
        waiting.push(Reverse((turn.at_ms, turn.conversation, turn.number)));
        turns.insert(turn.conversation, turn);
    }
    while let Some(Reverse((at_ms, conversation, _))) = waiting.pop() {
        let Some(turn) = turns.remove(&conversation) else {
            continue;
        };
        if at_ms >= hours * HOUR_MS {
            continue;
        }
        if let Some(next) = day.take(&turn, seed) {
            waiting.push(Reverse((next.at_ms, conversation, next.number)));
            turns.insert(conversation, next);
        }
    }
    day.result.first_tokens_ms.sort_unstable();
    Ok(day.result)
}

struct Day<'a> {
    fleet: &'a Fleet,
    catalog: &'a catalog::Catalog,
    world: World<'a>,
    policy: Policy<'a>,
    /// By endpoint: failed calls since it died, until the policy knew.
    dead_calls: Vec<u64>,
    result: Result,
}

impl Day<'_> {
    /// One turn, with its attempts; the turn that follows.
    fn take(&mut self, turn: &Turn, seed: u64) -> Option<Turn> {
        if turn.repeats == 0 {
            self.result.turns += 1;
        }
        let order = self.policy.order(turn, turn.at_ms);
        let mut waited_ms = 0;
        for place in order.into_iter().take(ATTEMPTS_MAX) {
            let at_ms = turn.at_ms + waited_ms;
            let answer = self.world.ask(place, turn, at_ms);
            self.result.calls += 1;
            self.policy.learn(place, turn, (at_ms, &answer));
            self.watch(place, at_ms, &answer);
            match answer {
                Answer::Failed { after_ms } | Answer::Limited { after_ms } => {
                    self.result.wasted += 1;
                    waited_ms += after_ms;
                }
                Answer::Served {
                    first_token_ms,
                    total_ms,
                    cached,
                    good_tools,
                } => {
                    self.charge(place, turn, (at_ms, cached));
                    self.result.first_tokens_ms.push(waited_ms + first_token_ms);
                    let answered_ms = at_ms + total_ms;
                    if !good_tools {
                        self.result.bad_tools += 1;
                        if turn.repeats < REPEATS_MAX {
                            return Some(Turn {
                                at_ms: answered_ms + 500,
                                repeats: turn.repeats + 1,
                                ..turn.clone()
                            });
                        }
                        return turn.next(seed, answered_ms);
                    }
                    self.result.answered += 1;
                    return turn.next(seed, answered_ms);
                }
            }
        }
        // Nobody answered: the caller tries the next turn a minute later.
        turn.next(seed, turn.at_ms + waited_ms + 60_000)
    }

    fn charge(&mut self, place: usize, turn: &Turn, (at_ms, cached): (i64, u64)) {
        self.result.prompt_tokens += turn.prompt;
        self.result.cached_tokens += cached;
        let name = self.fleet.endpoints.get(place).map_or("", |spec| spec.name);
        let model = self.catalog.model(MODEL);
        let endpoint = model.and_then(|model| {
            let endpoints = model.endpoints.iter();
            endpoints.into_iter().find(|e| e.tag.as_ref() == name)
        });
        let usage = Usage::default()
            .with(Unit::Input, turn.prompt - cached)
            .with(Unit::CacheRead, cached)
            .with(Unit::Output, turn.output);
        let cost = endpoint.and_then(|e| ledger::cost(&usage, &e.prices, at_ms / 1000).ok());
        self.result.cost_nanos += cost.map_or(0, |bill| bill.total.nanos());
    }

    /// Counts how many calls an endpoint that has died takes until the policy knows.
    fn watch(&mut self, place: usize, at_ms: i64, answer: &Answer) {
        let Some(spec) = self.fleet.endpoints.get(place) else {
            return;
        };
        let is_dead = spec
            .troubles
            .iter()
            .any(|trouble| matches!(trouble, Trouble::Dead(from, to) if during(at_ms, *from, *to)));
        let has_noticed = self.policy.has_noticed(place, at_ms);
        let Some(calls) = self.dead_calls.get_mut(place) else {
            return;
        };
        if !is_dead {
            *calls = 0;
            return;
        }
        // Once it was noticed, later looks whether it is over are not counted.
        if *calls == u64::MAX {
            return;
        }
        *calls += u64::from(matches!(answer, Answer::Failed { .. }));
        self.result.calls_to_notice = self.result.calls_to_notice.max(*calls);
        if has_noticed {
            *calls = u64::MAX;
        }
    }
}
