//! `Quality`: whether an endpoint answers as it used to. Slow decay has no status code.
//!
//! Of each endpoint the last answers are compared with those before them: how often they are empty,
//! cut short, broken off or withheld, and how long they are; and of those that call tools, how often
//! what they call does not fit. A difference counts when it is large, and too large for chance.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use chat::Reason;
use ledger::quality::Sign;
use ledger::{Generation, Outcome};

use crate::api::metrics::Counter;

/// The last so many answers are compared with at most so many before them.
const RECENT: usize = 50;
const BEFORE: usize = 400;

/// Fewer answers before say nothing.
const BEFORE_LEAST: usize = 100;

/// So many endpoints are watched; those that come later are not.
const ENDPOINTS_MAX: usize = 2048;

/// Fewer of them that call tools say nothing about tools.
const TOOLS_LEAST: usize = 10;

/// A share must have risen by so many of a thousand, and by so many standard deviations of the recent
/// share (squared, as whole numbers).
const RISE_PERMILLE: i64 = 100;
const DEVIATIONS_SQUARED: i64 = 16;

/// An answer as it is remembered: a bit per sign, and its length.
#[derive(Debug, Clone, Copy)]
struct Answer {
    signs: u8,
    tokens: u32,
    calls_tools: bool,
}

impl Answer {
    /// Whether it is one of those of which a share with a sign is told.
    const fn counts_for(self, sign: Sign) -> bool {
        self.calls_tools || !matches!(sign, Sign::InvalidTools)
    }
}

/// What has drifted at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The model, `@` and the endpoint's tag.
    pub endpoint: String,
    /// What: a sign's name, `shorter` or `longer`.
    pub what: &'static str,
    /// Share of the last answers with the sign, of a thousand; or their middle length in tokens.
    pub recent: u64,
    /// The same of those before.
    pub before: u64,
    /// How many answers are behind it: the last ones, and those before.
    pub answers: (usize, usize),
}

/// The watch.
#[derive(Debug, Default)]
pub struct Quality {
    /// Answers with each sign, in the order of [`Sign::ALL`].
    pub signs: [Counter; Sign::ALL.len()],
    endpoints: Mutex<HashMap<String, VecDeque<Answer>>>,
}

impl Quality {
    /// Remembers a finished call.
    pub fn observe(&self, generation: &Generation) {
        let mut signs = 0_u8;
        for (index, (sign, counter)) in Sign::ALL.iter().zip(&self.signs).enumerate() {
            if sign.is_of(generation) {
                counter.add(1);
                signs |= 1 << index;
            }
        }
        let Some(tag) = &generation.endpoint else {
            return;
        };
        if generation.outcome == Outcome::Cancelled {
            return;
        }
        let endpoint = format!("{}@{tag}", generation.model);
        let tokens = generation.usage.completion_tokens();
        let finish = generation.finish.as_ref();
        let answer = Answer {
            signs,
            tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
            calls_tools: Sign::InvalidTools.is_of(generation)
                || finish.is_some_and(|finish| finish.reason == Reason::ToolCalls),
        };
        let mut endpoints = self
            .endpoints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if endpoints.len() >= ENDPOINTS_MAX && !endpoints.contains_key(&endpoint) {
            return;
        }
        let answers = endpoints.entry(endpoint).or_default();
        if answers.len() >= RECENT + BEFORE {
            answers.pop_front();
        }
        answers.push_back(answer);
    }

    /// Everything that has drifted, by endpoint.
    #[must_use]
    pub fn drifts(&self) -> Vec<Drift> {
        let endpoints = self
            .endpoints
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut drifts: Vec<Drift> = endpoints
            .iter()
            .flat_map(|(endpoint, answers)| drifts_of(endpoint, answers))
            .collect();
        drifts.sort_by(|a, b| (&a.endpoint, a.what).cmp(&(&b.endpoint, b.what)));
        drifts
    }
}

fn drifts_of(endpoint: &str, answers: &VecDeque<Answer>) -> Vec<Drift> {
    let count = answers.len();
    if count < RECENT + BEFORE_LEAST {
        return Vec::new();
    }
    let before: Vec<Answer> = answers.iter().take(count - RECENT).copied().collect();
    let recent: Vec<Answer> = answers.iter().skip(count - RECENT).copied().collect();
    let drift = |what, (recent_value, before_value), answers| Drift {
        endpoint: endpoint.to_owned(),
        what,
        recent: recent_value,
        before: before_value,
        answers,
    };
    let mut drifts = Vec::new();
    for (index, sign) in Sign::ALL.into_iter().enumerate() {
        let share = |answers: &[Answer]| {
            let all = answers.iter().filter(|one| one.counts_for(sign)).count();
            let with = answers.iter().filter(|one| one.signs & (1 << index) != 0);
            let share = i64::try_from(with.count() * 1000 / all.max(1)).unwrap_or(0);
            (share, all)
        };
        let ((now, recent), (then, before)) = (share(&recent), share(&before));
        if recent >= TOOLS_LEAST && before >= TOOLS_LEAST && has_risen(now, then, recent) {
            let value = |share: i64| u64::try_from(share).unwrap_or(0);
            let values = (value(now), value(then));
            drifts.push(drift(sign.name(), values, (recent, before)));
        }
    }
    let all = (recent.len(), before.len());
    let (now, then) = (middle(&recent), middle(&before));
    // Twice or half as long, where there is a length to speak of.
    if then >= 20 && now * 2 <= then {
        drifts.push(drift("shorter", (now, then), all));
    }
    if now >= 20 && then > 0 && now >= then * 2 {
        drifts.push(drift("longer", (now, then), all));
    }
    drifts
}

/// Whether the share of so many answers, of a thousand, has risen by more than chance would: the variance of a share p of n
/// answers is p(1-p)/n; of the earlier share at least one of a hundred is assumed.
fn has_risen(now: i64, then: i64, answers: usize) -> bool {
    let rise = now - then;
    let share = then.max(10);
    let answers = i64::try_from(answers).unwrap_or(1).max(1);
    let variance = share * (1000 - share).max(0) / answers;
    rise >= RISE_PERMILLE && rise * rise > DEVIATIONS_SQUARED * variance
}

/// The median length.
fn middle(answers: &[Answer]) -> u64 {
    let mut lengths: Vec<u32> = answers.iter().map(|one| one.tokens).collect();
    lengths.sort_unstable();
    lengths
        .get(lengths.len() / 2)
        .map_or(0, |tokens| u64::from(*tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of this length call tools.
    const TOOLS: u32 = 99;

    fn after(before: &[(u8, u32)], recent: &[(u8, u32)]) -> Vec<(&'static str, u64, u64)> {
        let spread = |kinds: &[(u8, u32)], count: usize| -> Vec<Answer> {
            let answers = (0..count).map(|index| kinds[index % kinds.len()]);
            answers
                .map(|(signs, tokens)| Answer {
                    signs,
                    tokens,
                    calls_tools: tokens == TOOLS,
                })
                .collect()
        };
        let mut answers: VecDeque<Answer> = spread(before, 200).into();
        answers.extend(spread(recent, RECENT));
        let drifts = drifts_of("e", &answers).into_iter();
        drifts
            .map(|one| (one.what, one.recent, one.before))
            .collect()
    }

    #[test]
    fn only_what_is_large_and_no_chance_is_a_drift() {
        let fine = (0, 100);
        let empty = (1, 0);
        let cut = (2, 100);
        assert_eq!(after(&[fine], &[fine]), []);
        assert_eq!(after(&[fine], &[empty, fine]), [("empty", 500, 0)]);
        assert_eq!(after(&[cut, fine], &[cut, fine]), [], "it always was so");
        assert_eq!(
            after(&[fine; 25], &[&[cut][..], &[fine; 24]].concat()),
            [],
            "two of fifty"
        );
        assert_eq!(after(&[cut, fine], &[cut]), [("cut_short", 1000, 500)]);
        assert_eq!(after(&[(0, 100)], &[(0, 40)]), [("shorter", 40, 100)]);
        assert_eq!(after(&[(0, 100)], &[(0, 250)]), [("longer", 250, 100)]);
        assert_eq!(after(&[(0, 4)], &[(0, 1)]), [], "lengths that say nothing");
    }

    #[test]
    fn tool_calls_that_do_not_fit_are_a_share_of_the_answers_that_call_tools() {
        let (fits, invalid, text) = ((0, TOOLS), (16, TOOLS), (0, 100));
        let half = [invalid, fits, text, text];
        let drifts = after(&[fits, text], &half);
        assert_eq!(drifts, [("invalid_tools", 500, 0)], "13 of 26");
        assert_eq!(after(&half, &half), []);
        let few = [&[invalid; 4][..], &[text; 46]].concat();
        assert_eq!(after(&[fits, text], &few), [], "too few call tools");
    }

    #[test]
    fn few_answers_say_nothing() {
        let answers: VecDeque<Answer> = (0..RECENT + BEFORE_LEAST - 1)
            .map(|index| Answer {
                signs: u8::from(index > BEFORE_LEAST),
                tokens: 1,
                calls_tools: false,
            })
            .collect();
        assert_eq!(drifts_of("e", &answers), []);
    }
}
