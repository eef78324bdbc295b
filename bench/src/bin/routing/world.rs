//! What an endpoint answers at a time.

use std::collections::HashMap;

use crate::chance::even;
use crate::fleet::{Fleet, Spec, Trouble, during};
use crate::traffic::{HOUR_MS, Kind, Turn};

/// How long a failing call takes until it has failed, milliseconds.
const FAILING_MS: i64 = 800;

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Answer {
    Served {
        first_token_ms: i64,
        total_ms: i64,
        cached: u64,
        good_tools: bool,
    },
    Failed {
        after_ms: i64,
    },
    Limited {
        after_ms: i64,
    },
}

/// The endpoints as they really are, with what they have cached.
pub(crate) struct World<'a> {
    fleet: &'a Fleet,
    seed: u64,
    /// By endpoint and conversation: how much of its prompt was cached, and when it was last used.
    cached: HashMap<(usize, u64), (u64, i64)>,
    /// By endpoint: the minute, and how many calls it had.
    minutes: HashMap<usize, (i64, u32)>,
}

impl<'a> World<'a> {
    pub(crate) fn new(fleet: &'a Fleet, seed: u64) -> Self {
        Self {
            fleet,
            seed,
            cached: HashMap::new(),
            minutes: HashMap::new(),
        }
    }

    /// Asks an endpoint.
    pub(crate) fn ask(&mut self, place: usize, turn: &Turn, at_ms: i64) -> Answer {
        let Some(spec) = self.fleet.endpoints.get(place) else {
            return Answer::Failed { after_ms: 0 };
        };
        let minute = at_ms.div_euclid(60_000);
        let calls = self.minutes.entry(place).or_insert((minute, 0));
        if calls.0 != minute {
            *calls = (minute, 0);
        }
        calls.1 += 1;
        let calls = calls.1;
        // Chance belongs to the turn and the endpoint, not to the policy: all meet the same luck.
        let luck = |salt: u64| {
            let key = [turn.conversation, turn.number, turn.repeats, salt];
            even(self.seed ^ place as u64, &key)
        };
        let mut slower = 1.0;
        let mut good_tools = true;
        for trouble in &spec.troubles {
            match *trouble {
                Trouble::Dead(from, to) if during(at_ms, from, to) => {
                    return Answer::Failed {
                        after_ms: FAILING_MS,
                    };
                }
                Trouble::Partial(from, to, share) if during(at_ms, from, to) && luck(1) < share => {
                    return Answer::Failed {
                        after_ms: FAILING_MS,
                    };
                }
                Trouble::Limit(most) if calls > most => return Answer::Limited { after_ms: 100 },
                Trouble::Slow(from, to, most) if during(at_ms, from, to) => {
                    let hour = at_ms as f64 / HOUR_MS as f64 % 24.0;
                    slower = 1.0 + (most - 1.0) * (hour - from) / (to - from);
                }
                Trouble::BadTools(share) => {
                    good_tools = turn.kind != Kind::Agent || luck(2) >= share;
                }
                _ => {}
            }
        }
        let first_token_ms = spec.first_token_ms * slower * (0.7 + 0.9 * luck(3));
        let writing_ms = turn.output as f64 / spec.speed * 1000.0 * (0.9 + 0.2 * luck(4));
        Answer::Served {
            first_token_ms: first_token_ms as i64,
            total_ms: (first_token_ms + writing_ms) as i64,
            cached: self.read_cache(place, spec, turn, at_ms),
            good_tools,
        }
    }

    /// How much of the prompt is cached; it is afterwards. Prompts below 1,024 tokens never are.
    fn read_cache(&mut self, place: usize, spec: &Spec, turn: &Turn, at_ms: i64) -> u64 {
        if !spec.caches() || turn.prompt < 1_024 {
            return 0;
        }
        let entry = self.cached.entry((place, turn.conversation));
        let known = entry.or_insert((0, i64::MIN));
        let (tokens, used_ms) = *known;
        *known = (turn.prompt, at_ms);
        let is_warm = at_ms.saturating_sub(used_ms) < spec.cache_minutes * 60_000;
        if is_warm { tokens.min(turn.prompt) } else { 0 }
    }
}
