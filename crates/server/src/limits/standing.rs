//! How a limit stands for a call, and what is said of one that is met.

use std::time::Duration;

use chat::{Error, Kind};

use super::count::Bounds;
use super::rule::{Measure, Rule, Span};

/// When a call that found too many others at once may try again: nobody knows when one of them ends.
const CONCURRENT_RETRY: Duration = Duration::from_secs(1);

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

impl Standing {
    /// Keeps the reading of which the smallest part is left.
    pub(super) fn note(&mut self, measure: Measure, new: Reading) {
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

/// In which window a rule counts, and how much of a call with such a prompt.
pub(super) fn counted(rule: &Rule, tokens: u64, now_ms: i64) -> (Bounds, u64) {
    match rule.measure {
        Measure::Requests => (bounds(rule.span, now_ms), 1),
        Measure::Tokens => (bounds(rule.span, now_ms), tokens),
        Measure::Concurrent => (Bounds::ALWAYS, 1),
    }
}

pub(super) fn reading(rule: &Rule, used: u64, at: Bounds, now_ms: i64) -> Reading {
    let soon = i64::try_from(CONCURRENT_RETRY.as_millis()).unwrap_or(0);
    let reset_ms = match rule.measure {
        Measure::Requests | Measure::Tokens => at.end,
        Measure::Concurrent => now_ms.saturating_add(soon),
    };
    Reading {
        limit: rule.limit,
        remaining: rule.limit.saturating_sub(used),
        reset_ms,
    }
}

pub(super) fn refused(rule: &Rule, used: u64, at: Bounds, now_ms: i64) -> Box<Refused> {
    let mut reading = reading(rule, used, at, now_ms);
    if rule.measure != Measure::Tokens {
        reading.remaining = 0; // what others hold is not left, used or not
    }
    let wait = u64::try_from(reading.reset_ms.saturating_sub(now_ms)).unwrap_or(0);
    Box::new(Refused {
        rule: rule.clone(),
        reading,
        retry_after: Duration::from_millis(wait.max(1)),
    })
}

pub(super) fn bounds(span: Span, now_ms: i64) -> Bounds {
    let start = span.start(now_ms);
    Bounds {
        start,
        end: start.saturating_add(span.ms()),
    }
}
