//! The gate: a call against every limit that concerns it. In by all of them, or by none.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat::{Error, Kind};
use ledger::GenerationId;

use super::counters::{Bounds, CounterId, Counters};
use super::rule::{Measure, Per, Rule, Span};

/// Parts of the list of live calls, with a lock each.
const SHARDS: usize = 16;

/// When a call that found too many others at once may try again: nobody knows when one of them ends.
const CONCURRENT_RETRY: Duration = Duration::from_secs(1);

/// Rules of a key's own are counted apart from those of the house that have the same name.
const OWN: usize = 1 << 32;

/// What the gate needs to know of a call.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The workspace that pays.
    pub workspace_id: &'a str,
    /// Hash of the key.
    pub key_hash: &'a str,
    /// Slug of the model that was asked for first.
    pub model: &'a str,
    /// Whether it is a free variant.
    pub is_free: bool,
    /// The prompt, estimated.
    pub prompt_tokens: u64,
    /// Limits of the key's own.
    pub own: &'a [Rule],
}

/// How much of one limit is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The most there may be.
    pub limit: u64,
    /// How much more there may be in this window.
    pub remaining: u64,
    /// When the window ends, Unix milliseconds.
    pub reset_ms: i64,
}

/// The tightest limits of a call that was let in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Of those that count requests.
    pub requests: Option<Reading>,
    /// Of those that count tokens.
    pub tokens: Option<Reading>,
}

/// The limit that a call met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which one.
    pub rule: Rule,
    /// How much of it is left: less than the call needs.
    pub reading: Reading,
    /// When trying again makes sense.
    pub retry_after: Duration,
}

impl Refused {
    /// What the caller is told.
    #[must_use]
    pub fn error(&self) -> Error {
        let mut message = format!("Rate limit exceeded: {} ({})", self.rule.name, self.rule);
        if self.rule.measure == Measure::Tokens {
            let left = self.reading.remaining;
            message.push_str(&format!(
                "; the prompt is longer than the {left} that are left"
            ));
        }
        let mut error = Error::caller(Kind::RateLimitExceeded, message);
        error.metadata_mut().retry_after = Some(self.retry_after);
        error
    }
}

/// What is to be undone when a call ends.
#[derive(Debug, Clone, Copy)]
enum Taken {
    Live(CounterId),
    Tokens {
        id: CounterId,
        span: Span,
        at: Bounds,
        estimate: u64,
    },
    /// Stays when the call ends; goes back only when another rule refuses the call.
    Request(CounterId, Bounds),
}

type Passes = HashMap<GenerationId, Vec<Taken>>;

/// Every limit and what was counted against it.
#[derive(Debug)]
pub struct Gate {
    rules: Vec<Rule>,
    counters: Counters,
    passes: Box<[Mutex<Passes>]>,
}

impl Gate {
    /// A gate with the rules of the house.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        Self {
            rules,
            counters: Counters::default(),
            passes: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Counts a call in, unless one of its limits is met. [`Gate::settle`] counts it out.
    ///
    /// # Errors
    /// With the limit that is met. Nothing has been counted then.
    pub fn admit(
        &self,
        id: &GenerationId,
        asker: &Asker<'_>,
        now_ms: i64,
    ) -> Result<Standing, Box<Refused>> {
        let mut taken = Vec::new();
        let mut standing = Standing::default();
        let own = asker
            .own
            .iter()
            .enumerate()
            .map(|(n, rule)| (OWN + n, rule));
        for (place, rule) in self.rules.iter().enumerate().chain(own) {
            let Some(subject) = subject(rule, asker) else {
                continue;
            };
            let counter = self.counters.id(place, &rule.name, subject);
            match self.take(counter, rule, asker, now_ms) {
                Ok((what, reading)) => {
                    taken.push(what);
                    standing.note(rule.measure, reading);
                }
                Err(refused) => {
                    self.undo(&taken);
                    return Err(refused);
                }
            }
        }
        taken.retain(|what| !matches!(what, Taken::Request(..)));
        if !taken.is_empty() {
            self.shard(id).insert(id.clone(), taken);
        }
        Ok(standing)
    }

    fn take(
        &self,
        id: CounterId,
        rule: &Rule,
        asker: &Asker<'_>,
        now_ms: i64,
    ) -> Result<(Taken, Reading), Box<Refused>> {
        let at = bounds(rule.span, now_ms);
        let (result, what, reset_ms) = match rule.measure {
            Measure::Requests => {
                let result = self.counters.take(id, at, 1, rule.limit);
                (result, Taken::Request(id, at), at.end)
            }
            Measure::Tokens => {
                let estimate = asker.prompt_tokens;
                let what = Taken::Tokens {
                    id,
                    span: rule.span,
                    at,
                    estimate,
                };
                (
                    self.counters.take(id, at, estimate, rule.limit),
                    what,
                    at.end,
                )
            }
            Measure::Concurrent => {
                let result = self.counters.enter(id, now_ms, rule.limit);
                let soon = i64::try_from(CONCURRENT_RETRY.as_millis()).unwrap_or(0);
                (result, Taken::Live(id), now_ms.saturating_add(soon))
            }
        };
        let reading = |used: u64| Reading {
            limit: rule.limit,
            remaining: rule.limit.saturating_sub(used),
            reset_ms,
        };
        match result {
            Ok(used) => Ok((what, reading(used))),
            Err(used) => {
                let wait = u64::try_from(reset_ms.saturating_sub(now_ms)).unwrap_or(0);
                Err(Box::new(Refused {
                    rule: rule.clone(),
                    reading: reading(used),
                    retry_after: Duration::from_millis(wait.max(1)),
                }))
            }
        }
    }

    /// Counts a call out that used this many tokens, prompt and answer. However often it is told,
    /// it does so once; a call that is unknown is none of its business.
    pub fn settle(&self, id: &GenerationId, tokens: u64, now_ms: i64) {
        let Some(taken) = self.shard(id).remove(id) else {
            return;
        };
        for what in taken {
            match what {
                Taken::Live(id) => self.counters.leave(id),
                Taken::Tokens {
                    id,
                    span,
                    at,
                    estimate,
                } => {
                    let now = bounds(span, now_ms);
                    self.counters.correct(id, at, now, (estimate, tokens));
                }
                Taken::Request(..) => {}
            }
        }
    }

    /// How a limit of the house stands for a subject, by the name of the limit: limit and what is
    /// used of it.
    #[must_use]
    pub fn look(&self, name: &str, subject: &str, now_ms: i64) -> Option<Reading> {
        let mut rules = self.rules.iter().enumerate();
        let (place, rule) = rules.find(|(_, rule)| rule.name == name)?;
        let at = bounds(rule.span, now_ms);
        let used = self
            .counters
            .used(self.counters.id(place, name, subject), at);
        Some(Reading {
            limit: rule.limit,
            remaining: rule.limit.saturating_sub(used),
            reset_ms: at.end,
        })
    }

    fn undo(&self, taken: &[Taken]) {
        for what in taken {
            match *what {
                Taken::Live(id) => self.counters.leave(id),
                Taken::Tokens {
                    id, at, estimate, ..
                } => self.counters.correct(id, at, at, (estimate, 0)),
                Taken::Request(id, at) => self.counters.correct(id, at, at, (1, 0)),
            }
        }
    }

    fn shard(&self, id: &GenerationId) -> MutexGuard<'_, Passes> {
        let hash = self.counters.id(0, "pass", id.as_str());
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        self.passes[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// Keeps the reading of which the smallest part is left.
    fn note(&mut self, measure: Measure, new: Reading) {
        let slot = match measure {
            Measure::Requests => &mut self.requests,
            Measure::Tokens => &mut self.tokens,
            Measure::Concurrent => return,
        };
        let is_tighter = slot.is_none_or(|old| {
            let part = |a: Reading, b: Reading| u128::from(a.remaining) * u128::from(b.limit);
            part(new, old) < part(old, new)
        });
        if is_tighter {
            *slot = Some(new);
        }
    }
}

/// Whose counter a rule moves for a call; `None` when it does not concern the call.
fn subject<'a>(rule: &Rule, asker: &Asker<'a>) -> Option<&'a str> {
    if rule.free_only && !asker.is_free {
        return None;
    }
    let subject = match rule.per {
        Per::House => "",
        Per::Workspace => asker.workspace_id,
        Per::Key => asker.key_hash,
        Per::Model => asker.model,
    };
    let is_it = rule.only.as_deref().is_none_or(|only| only == subject);
    is_it.then_some(subject)
}

fn bounds(span: Span, now_ms: i64) -> Bounds {
    let start = span.start(now_ms);
    Bounds {
        start,
        end: start.saturating_add(span.ms()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::RateRow;

    fn rules(rows: &[&str]) -> Vec<Rule> {
        let read = |text: &&str| serde_json::from_str::<RateRow>(text).unwrap().rules();
        rows.iter().flat_map(|text| read(text).unwrap()).collect()
    }

    fn asker(key: &str) -> Asker<'_> {
        Asker {
            workspace_id: "w",
            key_hash: key,
            model: "m",
            is_free: false,
            prompt_tokens: 10,
            own: &[],
        }
    }

    fn id(text: &str) -> GenerationId {
        GenerationId::from_text(text)
    }

    #[test]
    fn each_key_has_its_own_window_and_is_told_how_it_stands() {
        let gate = Gate::new(rules(&[r#"{"per":"key","requests":2,"window":"minute"}"#]));
        let first = gate.admit(&id("1"), &asker("a"), 30_000).unwrap();
        assert_eq!(
            first.requests,
            Some(Reading {
                limit: 2,
                remaining: 1,
                reset_ms: 60_000
            })
        );
        gate.admit(&id("2"), &asker("a"), 30_000).unwrap();
        let refused = gate.admit(&id("3"), &asker("a"), 30_000).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_secs(30));
        let error = refused.error();
        assert_eq!(error.kind, Kind::RateLimitExceeded);
        assert!(error.message.contains("key-requests-per-minute"), "{error}");
        assert!(gate.admit(&id("4"), &asker("b"), 30_000).is_ok());
        assert!(gate.admit(&id("5"), &asker("a"), 60_000).is_ok());
    }

    #[test]
    fn a_call_that_one_limit_refuses_counts_against_no_other() {
        let gate = Gate::new(rules(&[
            r#"{"per":"house","requests":10,"tokens":1000,"concurrent":10,"window":"day"}"#,
            r#"{"per":"key","requests":1,"window":"day"}"#,
        ]));
        gate.admit(&id("1"), &asker("a"), 0).unwrap();
        for _ in 0..20 {
            gate.admit(&id("2"), &asker("a"), 0).unwrap_err();
        }
        let standing = gate.admit(&id("3"), &asker("b"), 0).unwrap();
        assert_eq!(standing.tokens.map(|tokens| tokens.remaining), Some(980));
        let house = gate.look("house-requests-per-day", "", 0).unwrap();
        assert_eq!(house.remaining, 8);
    }

    #[test]
    fn tokens_are_estimated_first_and_corrected_once() {
        let gate = Gate::new(rules(&[r#"{"per":"key","tokens":100,"window":"hour"}"#]));
        gate.admit(&id("1"), &asker("a"), 0).unwrap();
        gate.settle(&id("1"), 95, 0);
        gate.settle(&id("1"), 95, 0);
        let refused = gate.admit(&id("2"), &asker("a"), 0).unwrap_err();
        assert_eq!(refused.reading.remaining, 5);
        assert!(gate.admit(&id("3"), &asker("a"), 3_600_000).is_ok());
    }

    #[test]
    fn calls_at_once_end_when_they_are_settled() {
        let gate = Gate::new(rules(&[r#"{"per":"workspace","concurrent":1}"#]));
        gate.admit(&id("1"), &asker("a"), 0).unwrap();
        gate.admit(&id("2"), &asker("b"), 0).unwrap_err();
        gate.settle(&id("1"), 0, 0);
        assert!(gate.admit(&id("3"), &asker("b"), 0).is_ok());
    }

    #[test]
    fn rules_for_one_model_or_for_free_ones_leave_the_others_alone() {
        let mut all = rules(&[r#"{"per":"model","only":"x","requests":0,"window":"day"}"#]);
        all.push(Rule::of_free_models(Span::Minute, 1));
        let gate = Gate::new(all);
        assert!(gate.admit(&id("1"), &asker("a"), 0).is_ok());
        let of_x = Asker {
            model: "x",
            ..asker("a")
        };
        assert!(gate.admit(&id("2"), &of_x, 0).is_err());
        let free = Asker {
            is_free: true,
            ..asker("a")
        };
        assert!(gate.admit(&id("3"), &free, 0).is_ok());
        let refused = gate.admit(&id("4"), &free, 0).unwrap_err();
        assert_eq!(refused.rule.name, "free-models-per-min");
    }

    #[test]
    fn a_rule_of_the_keys_own_is_counted_apart_from_the_houses() {
        let gate = Gate::new(rules(&[r#"{"per":"key","requests":9,"window":"day"}"#]));
        let own = rules(&[r#"{"per":"key","requests":1,"window":"day"}"#]);
        let mine = Asker {
            own: &own,
            ..asker("a")
        };
        let standing = gate.admit(&id("1"), &mine, 0).unwrap();
        assert_eq!(
            standing.requests.map(|r| (r.limit, r.remaining)),
            Some((1, 0))
        );
        assert!(gate.admit(&id("2"), &mine, 0).is_err());
        assert_eq!(
            gate.look("key-requests-per-day", "a", 0).unwrap().remaining,
            8
        );
    }
}
