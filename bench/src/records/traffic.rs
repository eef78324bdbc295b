//! The calls: keys of a few workspaces, some of which call far more often than others, each with its
//! own app and its few models. Now and then one fails, is slow, or is dear.

use std::sync::Arc;

use chat::{Dialect, FinishReason, Kind, Reason, Unit, Usage};
use ledger::cost::Line;
use ledger::generation::{CallerNote, Noticed, Settled};
use ledger::{Amount, Attempt, Bill, Generation, GenerationId, Outcome, Price, UsageSource};

const KEYS: u64 = 300;
const WORKSPACES: u64 = 5;
const MODELS: u64 = 40;
const PROVIDERS: u64 = 8;
const APPS: u64 = 60;

/// All of them, by number.
#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    seed: u64,
    /// How many there are.
    pub(crate) records: u64,
    from_ms: i64,
    until_ms: i64,
}

impl Traffic {
    pub(crate) const fn new(seed: u64, records: u64, days: i64, until_ms: i64) -> Self {
        Self {
            seed,
            records,
            from_ms: until_ms - days * 86_400_000,
            until_ms,
        }
    }

    /// When a call was, Unix milliseconds: evenly over the days.
    pub(crate) fn at_ms(&self, number: u64) -> i64 {
        let length = i128::from(self.until_ms - self.from_ms);
        let passed = length * i128::from(number) / i128::from(self.records.max(1));
        self.from_ms + i64::try_from(passed).unwrap_or(0)
    }

    /// The call of that number, at its time.
    pub(crate) fn past(&self, number: u64) -> Generation {
        self.call(number, self.at_ms(number))
    }

    /// A call at another time; numbers past the last are new calls.
    pub(crate) fn call(&self, number: u64, at_ms: i64) -> Generation {
        let mut dice = Dice(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let key = skewed(&mut dice, KEYS);
        let id = GenerationId::new(at_ms, dice.bytes());
        // A key has one to four models, and each model two endpoints.
        let model = (key * 7 + dice.below(1 + key % 4)) % MODELS;
        let provider = (model + dice.below(2)) % PROVIDERS;
        let provider_name = format!("provider-{provider}");
        let model = format!("maker-{}/model-{model}", model % 9);
        let (status, outcome) = fate(&mut dice);
        let (input, cached, output) = (dice.below(4000), dice.below(3000), dice.below(900));
        let usage = Usage::default()
            .with(Unit::Input, input)
            .with(Unit::CacheRead, cached)
            .with(Unit::Output, output);
        let first = 120 + dice.below(900);
        let total = first + output * 12 + tail(&mut dice, number, 60_000);
        let is_served = outcome == Outcome::Completed;
        Generation {
            caller: caller(&mut dice, key, number),
            dialect: Dialect::OpenaiChat,
            requested_model: model.clone(),
            endpoint: is_served.then(|| provider_name.clone()),
            provider: is_served.then(|| provider_name.clone()),
            provider_name: is_served.then(|| provider_name.clone()),
            upstream_id: is_served.then(|| format!("chatcmpl-{:016x}", dice.next())),
            attempts: attempts(&model, &provider_name, first),
            streamed: !key.is_multiple_of(3),
            status,
            outcome,
            finish: is_served.then_some(FinishReason {
                reason: Reason::Stop,
                native: None,
            }),
            usage_source: UsageSource::Provider,
            price_sheet: None,
            charge: Ok(bill(&mut dice, number, (input, cached, output))),
            usage,
            settled: Settled::default(),
            first_token_ms: is_served.then_some(first),
            total_ms: total,
            overhead_us: 40 + dice.below(200),
            dropped: Vec::new(),
            noticed: Noticed::default(),
            plan: None,
            model: if is_served { model } else { String::new() },
            created_at_ms: at_ms,
            id,
        }
    }
}

fn caller(dice: &mut Dice, key: u64, number: u64) -> CallerNote {
    let app = key % APPS;
    // A run of an agent: calls of one key near each other.
    let session = dice
        .is_one_in(3)
        .then(|| format!("run-{key}-{}", number / 20_000));
    CallerNote {
        workspace_id: format!("workspace-{}", key % WORKSPACES),
        key_hash: format!("{key:064x}"),
        http_referer: Some(format!("https://app-{app}.example")),
        app_title: Some(if number == RARE {
            "A rare app".to_owned()
        } else {
            format!("App {app}")
        }),
        user_agent: None,
        session_id: session,
        external_user: None,
        trace: None,
    }
}

/// The number of a call that has an app of its own.
pub(crate) const RARE: u64 = 123_456;

fn fate(dice: &mut Dice) -> (u16, Outcome) {
    let failed = |kind: Kind, message: &str| Outcome::Failed {
        kind,
        message: message.to_owned(),
    };
    match dice.below(1000) {
        0..12 => (
            429,
            failed(Kind::RateLimitExceeded, "The provider asks to slow down"),
        ),
        12..17 => (400, failed(Kind::InvalidRequest, "The prompt is too long")),
        17 if dice.is_one_in(500) => (503, failed(Kind::ProviderUnavailable, "Nobody answered")),
        _ => (200, Outcome::Completed),
    }
}

/// Nothing, but for one call in a million.
fn tail(dice: &mut Dice, number: u64, much: u64) -> u64 {
    if number % 1_000_000 == 500_000 {
        much + dice.below(much)
    } else {
        0
    }
}

fn attempts(model: &str, provider: &str, latency_ms: u64) -> Vec<Attempt> {
    vec![Attempt {
        endpoint: provider.to_owned(),
        provider: provider.to_owned(),
        provider_name: provider.to_owned(),
        model: model.to_owned(),
        credential: None,
        is_byok: false,
        started_ms: 0,
        latency_ms,
        status: Some(200),
        outcome: Outcome::Completed,
        may_be_billed: true,
        recovered_at_chars: None,
        share: None,
    }]
}

fn bill(dice: &mut Dice, number: u64, (input, cached, output): (u64, u64, u64)) -> Bill {
    let rare = tail(dice, number.wrapping_add(250_000), 2_000_000);
    let lines = [
        (Unit::Input, input, 1_000_000),
        (Unit::CacheRead, cached, 100_000),
        (Unit::Output, output + rare, 4_000_000),
    ];
    let nanos: u64 = lines
        .iter()
        .map(|(_, count, picos)| count * picos / 1000)
        .sum();
    Bill {
        total: Amount::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX)),
        lines: lines
            .map(|(unit, count, picos)| Line {
                unit,
                count,
                price: Price::from_picos(picos),
            })
            .to_vec(),
    }
}

/// A record that nobody pays for under a budget.
pub(crate) fn settled(generation: Generation) -> store::Settled {
    store::Settled::ungoverned(Arc::new(generation))
}

/// A number below `count`; the first half of them comes up in most cases.
fn skewed(dice: &mut Dice, count: u64) -> u64 {
    let widths = [count / 100 + 1, count / 10, count];
    let width = widths[usize::try_from(dice.below(3)).unwrap_or(0)];
    dice.below(width.max(1))
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

    fn is_one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn bytes(&mut self) -> [u8; 10] {
        let mut bytes = [0; 10];
        let numbers = [self.next().to_le_bytes(), self.next().to_le_bytes()];
        for (byte, random) in bytes.iter_mut().zip(numbers.iter().flatten()) {
            *byte = *random;
        }
        bytes
    }
}
