//! Who calls when: agents whose prompts grow turn by turn, people who chat, and batches.

use crate::chance::{between, even};

pub(crate) const HOUR_MS: i64 = 3_600_000;

/// A kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Long conversations with tools; the prompt grows each turn.
    Agent,
    /// Short conversations without tools.
    Chat,
    /// Single calls.
    Batch,
}

/// One turn of a conversation, to be asked at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) at_ms: i64,
    pub(crate) conversation: u64,
    pub(crate) kind: Kind,
    pub(crate) number: u64,
    pub(crate) turns: u64,
    pub(crate) prompt: u64,
    pub(crate) output: u64,
    /// How often this turn was asked before because its tool calls were no good.
    pub(crate) repeats: u64,
}

impl Turn {
    /// The turn after this one, once it was answered.
    pub(crate) fn next(&self, seed: u64, answered_ms: i64) -> Option<Self> {
        if self.number + 1 >= self.turns {
            return None;
        }
        let question = [self.conversation, self.number, 7];
        let (gap, growth) = match self.kind {
            Kind::Agent => ((3_000, 25_000), (800, 3_000)),
            Kind::Chat => ((15_000, 120_000), (150, 700)),
            Kind::Batch => return None,
        };
        let grown = between(seed, &[self.conversation, self.number, 8], growth);
        Some(Self {
            at_ms: answered_ms + between(seed, &question, gap),
            number: self.number + 1,
            prompt: self.prompt + self.output + u64::try_from(grown).unwrap_or(0),
            output: output(seed, self.kind, (self.conversation, self.number + 1)),
            repeats: 0,
            ..self.clone()
        })
    }
}

/// The first turns of all conversations of a day, most of them in working hours.
pub(crate) fn day(seed: u64, hours: i64) -> Vec<Turn> {
    let mut turns = Vec::new();
    let mut conversation = 0;
    for minute in 0..hours * 60 {
        let hour = minute / 60 % 24;
        let busy = if (8..20).contains(&hour) { 1.0 } else { 0.4 };
        for (kind, per_minute) in [(Kind::Agent, 0.45), (Kind::Chat, 1.6), (Kind::Batch, 4.0)] {
            let wanted: f64 = per_minute * busy;
            let salt = kind as u64;
            let minute_key = u64::try_from(minute).unwrap_or(0);
            let extra = even(seed, &[minute_key, salt, 1]) < wanted.fract();
            for _ in 0..wanted as u64 + u64::from(extra) {
                conversation += 1;
                turns.push(first(seed, kind, (conversation, minute * 60_000)));
            }
        }
    }
    turns
}

fn first(seed: u64, kind: Kind, (conversation, minute_ms): (u64, i64)) -> Turn {
    let (turns, prompt) = match kind {
        Kind::Agent => ((12, 40), (4_000, 15_000)),
        Kind::Chat => ((2, 8), (200, 2_000)),
        Kind::Batch => ((1, 2), (1_000, 6_000)),
    };
    let draw = |salt, range| between(seed, &[conversation, salt], range);
    Turn {
        at_ms: minute_ms + draw(2, (0, 60_000)),
        conversation,
        kind,
        number: 0,
        turns: u64::try_from(draw(3, turns)).unwrap_or(1),
        prompt: u64::try_from(draw(4, prompt)).unwrap_or(1),
        output: output(seed, kind, (conversation, 0)),
        repeats: 0,
    }
}

fn output(seed: u64, kind: Kind, (conversation, number): (u64, u64)) -> u64 {
    let range = match kind {
        Kind::Agent => (80, 600),
        Kind::Chat => (150, 900),
        Kind::Batch => (200, 1_200),
    };
    let drawn = between(seed, &[conversation, number, 9], range);
    u64::try_from(drawn).unwrap_or(1)
}

/// How long answers of a kind usually are; what a key's earlier answers would have taught.
pub(crate) const fn usual_output(kind: Kind) -> u64 {
    match kind {
        Kind::Agent => 340,
        Kind::Chat => 525,
        Kind::Batch => 700,
    }
}
