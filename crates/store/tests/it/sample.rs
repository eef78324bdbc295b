//! Generations to store: a plain one, and as many odd ones as there are seeds.

use chat::{Dialect, FinishReason, Kind, Reason, ServiceTier, Unit, Usage};
use ledger::cost::Line;
use ledger::generation::{CallerNote, Content, Noticed, PrefixBreak, Settled, TraceNote};
use ledger::price::{Condition, PriceOverride};
use ledger::{
    Amount, Attempt, Bill, Charge, Generation, GenerationId, Outcome, Price, PriceSheet, Share,
    Unpriced, UsageSource,
};
use store::{DEFAULT_WORKSPACE_ID, KeyHash};

use crate::suite::NOW_MS;

/// A plain answer that cost so many nano-USD.
pub(crate) fn plain(number: u64, key: &KeyHash, cost_nanos: i64) -> Generation {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&number.to_be_bytes());
    Generation {
        id: GenerationId::new(NOW_MS, random),
        created_at_ms: NOW_MS,
        caller: CallerNote {
            workspace_id: DEFAULT_WORKSPACE_ID.to_owned(),
            key_hash: key.as_str().to_owned(),
            ..CallerNote::default()
        },
        dialect: Dialect::OpenaiChat,
        requested_model: "openai/gpt-4o".to_owned(),
        model: "openai/gpt-4o".to_owned(),
        endpoint: Some("openai".to_owned()),
        provider: Some("openai".to_owned()),
        provider_name: Some("OpenAI".to_owned()),
        upstream_id: None,
        attempts: Vec::new(),
        streamed: true,
        status: 200,
        outcome: Outcome::Completed,
        finish: Some(FinishReason {
            reason: Reason::Stop,
            native: Some("stop".to_owned()),
        }),
        usage: Usage::default().with(Unit::Input, 10).with(Unit::Output, 0),
        usage_source: UsageSource::Provider,
        price_sheet: None,
        charge: Ok(Bill {
            total: Amount::from_nanos(cost_nanos),
            lines: Vec::new(),
        }),
        first_token_ms: Some(120),
        total_ms: 900,
        overhead_us: 80,
        dropped: Vec::new(),
        plan: None,
        settled: Settled::default(),
        noticed: Noticed::default(),
    }
}

/// The same at another time.
pub(crate) fn at(number: u64, now_ms: i64, generation: Generation) -> Generation {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&number.to_be_bytes());
    Generation {
        id: GenerationId::new(now_ms, random),
        created_at_ms: now_ms,
        ..generation
    }
}

/// An answer that cost so many nano-USD by its usage and price snapshot.
pub(crate) fn priced(number: u64, key: &KeyHash, cost_nanos: i64) -> Generation {
    let sheet = PriceSheet::default().with(Unit::Input, Price::from_picos(1000));
    let usage = Usage::default().with(Unit::Input, cost_nanos.cast_unsigned());
    Generation {
        charge: ledger::cost(&usage, &sheet, NOW_MS / 1000),
        price_sheet: Some(sheet),
        usage,
        ..plain(number, key, cost_nanos)
    }
}

/// A generation with anything in any field, the same for the same seed.
pub(crate) fn odd(seed: u64) -> Generation {
    let mut dice = Dice(seed);
    Generation {
        id: GenerationId::from_text(format!("gen-{seed:06}-{}", dice.text())),
        created_at_ms: dice.below(4_000_000_000_000).cast_signed(),
        caller: dice.caller(),
        dialect: dice.one_of(&Dialect::ALL),
        requested_model: dice.text(),
        model: dice.text(),
        endpoint: dice.maybe(Dice::text),
        provider: dice.maybe(Dice::text),
        provider_name: dice.maybe(Dice::text),
        upstream_id: dice.maybe(Dice::text),
        attempts: dice.several(Dice::attempt),
        streamed: dice.is_heads(),
        status: dice.small(),
        outcome: dice.outcome(),
        finish: dice.maybe(|dice| FinishReason {
            reason: dice.one_of(&[
                Reason::Stop,
                Reason::Length,
                Reason::ToolCalls,
                Reason::ContentFilter,
                Reason::Error,
            ]),
            native: dice.maybe(Dice::text),
        }),
        usage: dice.usage(),
        usage_source: dice.one_of(&[
            UsageSource::Provider,
            UsageSource::Drained,
            UsageSource::Estimated,
            UsageSource::Nothing,
        ]),
        price_sheet: dice.maybe(Dice::sheet),
        charge: dice.charge(),
        first_token_ms: dice.maybe(Dice::time),
        total_ms: dice.time(),
        overhead_us: dice.time(),
        dropped: dice.several(Dice::text),
        plan: dice.maybe(Dice::text).map(String::into_boxed_str),
        settled: Settled {
            rule: dice.maybe(Dice::text).map(Into::into),
            is_fallback_price: dice.is_heads(),
            cost_gap: dice.maybe(|dice| Amount::from_nanos(dice.next().cast_signed())),
            is_byok: dice.is_heads(),
            response_cache_source_id: dice.maybe(Dice::text).map(GenerationId::from_text),
        },
        noticed: Noticed {
            content: dice.one_of(&[Content::Off, Content::Kept, Content::Dropped]),
            prefix_break: dice.maybe(|dice| PrefixBreak {
                said: dice.text().into(),
                lost: Amount::from_nanos(dice.next().cast_signed()),
                is_switch: dice.is_heads(),
            }),
            continues: dice.maybe(Dice::text).map(GenerationId::from_text),
            has_invalid_tools: dice.is_heads(),
        },
    }
}

/// Reproducible chance: Steele, Lea and Flood's SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn is_heads(&mut self) -> bool {
        self.below(2) == 0
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.is_heads() {
            Some(value(self))
        } else {
            None
        }
    }

    fn several<T>(&mut self, value: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| value(self)).collect()
    }

    fn text(&mut self) -> String {
        let pieces = [
            "", "a", "\"", "\\", "'", "\\u0000", "é", "日本", "🦀", "\n", "\u{1}", "$1", "%", "{}",
        ];
        (0..self.below(6)).map(|_| self.one_of(&pieces)).collect()
    }

    fn caller(&mut self) -> CallerNote {
        CallerNote {
            workspace_id: self.text(),
            key_hash: self.text(),
            http_referer: self.maybe(Self::text),
            app_title: self.maybe(Self::text),
            user_agent: self.maybe(Self::text),
            session_id: self.maybe(Self::text),
            external_user: self.maybe(Self::text),
            trace: self.maybe(|dice| {
                Box::new(TraceNote {
                    trace_id: dice.maybe(Self::text),
                    parent_span_id: dice.maybe(Self::text),
                    trace_name: dice.maybe(Self::text),
                    span_name: dice.maybe(Self::text),
                    generation_name: dice.maybe(Self::text),
                    metadata: dice.maybe(Self::text).map(String::into_boxed_str),
                })
            }),
        }
    }

    /// Any number, with the edges more often than chance would have them.
    fn number(&mut self) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => u64::MAX,
            2 => i64::MAX.cast_unsigned() + 1,
            3 => 9_007_199_254_740_993, // the first integer that a float cannot hold
            _ => self.next(),
        }
    }

    /// Times fit a signed column.
    fn time(&mut self) -> u64 {
        self.number() >> 1
    }

    fn small(&mut self) -> u16 {
        u16::try_from(self.below(65_536)).unwrap()
    }

    /// What is kept of a usage in an attempt: the counts alone.
    fn counts(&mut self) -> Usage {
        let mut usage = self.usage();
        (usage.native_cost_nanos, usage.native) = (None, None);
        usage
    }

    fn usage(&mut self) -> Usage {
        let mut usage = Usage::default();
        for unit in Unit::ALL {
            if self.is_heads() {
                usage.set(unit, self.number());
            }
        }
        usage.service_tier = self.maybe(|dice| dice.one_of(&ServiceTier::ALL));
        usage.native_cost_nanos = self.maybe(|dice| dice.next().cast_signed());
        usage.native = self.maybe(|dice| dice.text().into_boxed_str());
        usage
    }

    fn prices(&mut self) -> Vec<(Unit, Price)> {
        self.several(|dice| (dice.one_of(&Unit::ALL), Price::from_picos(dice.number())))
    }

    fn sheet(&mut self) -> PriceSheet {
        let mut sheet = PriceSheet::default();
        for (unit, price) in self.prices() {
            sheet.set(unit, price);
        }
        sheet.overrides = self.several(|dice| PriceOverride {
            condition: Condition {
                min_prompt_tokens: dice.maybe(Self::number),
                utc_minutes: dice.maybe(|dice| (dice.small(), dice.small())),
                service_tier: dice.maybe(|dice| dice.one_of(&ServiceTier::ALL)),
            },
            prices: dice.prices(),
        });
        sheet
    }

    fn charge(&mut self) -> Charge {
        match self.below(4) {
            0 => Err(Unpriced::NoPrice(self.one_of(&Unit::ALL))),
            1 => Err(Unpriced::TooLarge),
            2 => Err(Unpriced::NoUsage),
            _ => Ok(Bill {
                total: Amount::from_nanos((self.number() >> 1).cast_signed()),
                lines: self.several(|dice| Line {
                    unit: dice.one_of(&Unit::ALL),
                    count: dice.number(),
                    price: Price::from_picos(dice.number()),
                }),
            }),
        }
    }

    fn outcome(&mut self) -> Outcome {
        match self.below(3) {
            0 => Outcome::Completed,
            1 => Outcome::Cancelled,
            _ => Outcome::Failed {
                kind: self.one_of(Kind::ALL),
                message: self.text(),
            },
        }
    }

    fn attempt(&mut self) -> Attempt {
        Attempt {
            endpoint: self.text(),
            provider: self.text(),
            provider_name: self.text(),
            model: self.text(),
            credential: self.maybe(Self::text),
            is_byok: self.is_heads(),
            started_ms: self.number(),
            latency_ms: self.number(),
            status: self.maybe(Self::small),
            outcome: self.outcome(),
            may_be_billed: self.is_heads(),
            share: self.maybe(|dice| Share {
                rule: dice.text().into(),
                usage_source: dice.one_of(&[UsageSource::Provider, UsageSource::Estimated]),
                usage: dice.maybe(Self::counts),
                charge: dice.charge(),
            }),
            recovered_at_chars: self.maybe(Self::number),
        }
    }
}
