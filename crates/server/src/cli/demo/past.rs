//! Calls of the days before a demo began, which nobody made: so that charts, rankings and the status page
//! have something to show. Their apps, sessions and clients are named as simulated, their prices are those
//! of the simulated endpoints, and they go through the product's own writer, so that the books agree.

use std::sync::Arc;

use catalog::health::{Sample, Served};
use catalog::{Endpoint, Model};
use chat::{Dialect, FinishReason, Kind, Reason, Unit, Usage};
use ledger::generation::{CallerNote, Noticed, Settled};
use ledger::settlement::{AbortStopsBill, Ending, UsageKnown, rule};
use ledger::{Attempt, Bill, Generation, GenerationId, Outcome, UsageSource};
use store::{DEFAULT_WORKSPACE_ID, KeyHash};

use crate::app::App;
use crate::time::DAY_MS;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// Records of one transaction.
const BATCH: usize = 400;

/// The same past at every start.
const SEED: u64 = 0x5741_5942_494c_4c21;

/// What an app does all day.
struct Habit {
    app: &'static str,
    dialect: Dialect,
    /// The model that it asks usually, and the other one.
    models: [&'static str; 2],
    /// Sessions in its busiest hour.
    sessions: u64,
    /// Hours of UTC in which it is busy.
    busy: std::ops::Range<i64>,
    /// Turns of a session, from and until before.
    turns: (u64, u64),
    /// Tokens of its first prompt, and of each further turn.
    prompt: (u64, u64),
    /// Tokens of an answer at most.
    answer: u64,
    /// Of a hundred tokens of a further prompt, those that are cached.
    cached_percent: u64,
}

const HABITS: [Habit; 4] = [
    Habit {
        app: "Coding agent (simulated)",
        dialect: Dialect::AnthropicMessages,
        models: ["simulated/messages", "simulated/responses-reasoner"],
        sessions: 2,
        busy: 7..19,
        turns: (6, 18),
        prompt: (9_000, 2_400),
        answer: 900,
        cached_percent: 88,
    },
    Habit {
        app: "Support desk (simulated)",
        dialect: Dialect::OpenaiChat,
        models: ["simulated/echo", "simulated/gemini"],
        sessions: 5,
        busy: 6..22,
        turns: (1, 5),
        prompt: (1_800, 350),
        answer: 260,
        cached_percent: 55,
    },
    Habit {
        app: "Nightly reports (simulated)",
        dialect: Dialect::OpenaiResponses,
        models: ["simulated/vertex", "simulated/azure"],
        sessions: 8,
        busy: 1..3,
        turns: (1, 2),
        prompt: (14_000, 0),
        answer: 1_600,
        cached_percent: 20,
    },
    Habit {
        app: "Search box (simulated)",
        dialect: Dialect::OpenaiChat,
        models: ["simulated/flaky", "simulated/echo"],
        sessions: 4,
        busy: 5..23,
        turns: (1, 2),
        prompt: (700, 0),
        answer: 120,
        cached_percent: 0,
    },
];

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

    /// A number from 0 until before `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn percent(&mut self, of_hundred: u64) -> bool {
        self.below(100) < of_hundred
    }

    fn id(&mut self) -> [u8; 10] {
        let numbers = [self.next().to_le_bytes(), self.next().to_le_bytes()];
        let mut bytes = [0; 10];
        for (byte, random) in bytes.iter_mut().zip(numbers.iter().flatten()) {
            *byte = *random;
        }
        bytes
    }
}

/// Writes the calls of so many days before now; how many they are.
///
/// # Errors
/// When the store is away.
pub(super) async fn write(app: &App, key: &KeyHash, days: i64) -> anyhow::Result<usize> {
    let now_ms = app.clock.now_ms();
    let mut calls = made_up(app, key, (days, now_ms));
    calls.sort_by_key(|(call, _)| call.created_at_ms);
    for (call, endpoint) in &calls {
        tell_health(app, call, endpoint, now_ms);
    }
    let settled: Vec<store::Settled> = calls
        .into_iter()
        .map(|(call, _)| store::Settled::ungoverned(Arc::new(call)))
        .collect();
    for batch in settled.chunks(BATCH) {
        let batch: Vec<&store::Settled> = batch.iter().collect();
        app.store.generations().fold(&batch).await?;
    }
    app.store.merge_rollups().await?;
    Ok(settled.len())
}

/// Health keeps a day.
fn tell_health(app: &App, call: &Generation, endpoint: &Endpoint, now_ms: i64) {
    let at_ms = call.created_at_ms;
    if at_ms < now_ms.saturating_sub(DAY_MS) {
        return;
    }
    let health = app.relay.health();
    for attempt in &call.attempts {
        let is_of_this = attempt.endpoint == *endpoint.tag;
        let sample = match attempt.outcome {
            Outcome::Completed => Sample::Served(Served {
                first_token_ms: call
                    .first_token_ms
                    .and_then(|first| u32::try_from(first).ok()),
                total_ms: u32::try_from(call.total_ms).unwrap_or(u32::MAX),
                output_tokens: call.usage.completion_tokens(),
                prompt_tokens: call.usage.prompt_tokens(),
                cached_tokens: call.usage.count(Unit::CacheRead),
                tool_calls: None,
            }),
            Outcome::Failed { .. } | Outcome::Cancelled => Sample::Failed {
                retry_after_ms: None,
            },
        };
        if is_of_this {
            health.record(&endpoint.id, &sample, at_ms);
        }
    }
}

/// The calls, and the endpoint that each was sent to first.
fn made_up(
    app: &App,
    key: &KeyHash,
    (days, now_ms): (i64, i64),
) -> Vec<(Generation, Arc<Endpoint>)> {
    let catalog = app.catalog.load();
    let mut dice = Dice(SEED);
    let mut calls = Vec::new();
    let first_hour = now_ms.div_euclid(HOUR_MS).saturating_sub(days * 24);
    for hour in first_hour..=now_ms.div_euclid(HOUR_MS) {
        for habit in &HABITS {
            for _ in 0..sessions(habit, hour, &mut dice) {
                let chosen = usize::from(dice.percent(25));
                let model = habit
                    .models
                    .get(chosen)
                    .and_then(|name| catalog.model(name));
                let Some(model) = model else { continue };
                let begins_ms = hour * HOUR_MS + i64::try_from(dice.below(3_600_000)).unwrap_or(0);
                let session = Session {
                    habit,
                    model,
                    key,
                    name: format!("simulated-{:08x}", dice.below(1 << 32)),
                };
                calls.extend(session.calls((begins_ms, now_ms), &mut dice));
            }
        }
    }
    calls
}

/// How many sessions an app begins in an hour: fewer at night and at weekends.
fn sessions(habit: &Habit, hour: i64, dice: &mut Dice) -> u64 {
    let of_day = hour.rem_euclid(24);
    // 1970-01-01 was a Thursday.
    let is_weekend = matches!(hour.div_euclid(24).rem_euclid(7), 2 | 3);
    if !habit.busy.contains(&of_day) || (is_weekend && dice.percent(60)) {
        return 0;
    }
    dice.below(habit.sessions + 1)
}

/// One run of an app.
struct Session<'a> {
    habit: &'a Habit,
    model: &'a Arc<Model>,
    key: &'a KeyHash,
    name: String,
}

impl Session<'_> {
    fn calls(
        &self,
        (begins_ms, now_ms): (i64, i64),
        dice: &mut Dice,
    ) -> Vec<(Generation, Arc<Endpoint>)> {
        let habit = self.habit;
        let turns = habit.turns.0 + dice.below(habit.turns.1 - habit.turns.0);
        let endpoints = &self.model.endpoints;
        let place = usize::try_from(dice.below(endpoints.len() as u64)).unwrap_or(0);
        let Some(endpoint) = endpoints.get(place) else {
            return Vec::new();
        };
        let mut at_ms = begins_ms;
        let mut calls = Vec::new();
        for turn in 0..turns {
            if at_ms >= now_ms {
                break;
            }
            let call = self.call((turn, at_ms), endpoint, dice);
            at_ms = at_ms.saturating_add(i64::try_from(call.total_ms).unwrap_or(0));
            at_ms = at_ms.saturating_add(4_000 + i64::try_from(dice.below(40_000)).unwrap_or(0));
            calls.push((call, Arc::clone(endpoint)));
        }
        calls
    }

    fn call(&self, (turn, at_ms): (u64, i64), endpoint: &Endpoint, dice: &mut Dice) -> Generation {
        let usage = self.usage(turn, dice);
        let first_ms = 180 + dice.below(420) + usage.prompt_tokens() / 90;
        let total_ms = first_ms + usage.completion_tokens() * (6 + dice.below(8));
        let call = Generation {
            id: GenerationId::new(at_ms, dice.id()),
            created_at_ms: at_ms,
            caller: self.caller(),
            dialect: self.habit.dialect,
            requested_model: endpoint.model.to_string(),
            model: endpoint.model.to_string(),
            endpoint: Some(endpoint.tag.to_string()),
            provider: Some(endpoint.provider.slug.to_string()),
            provider_name: Some(endpoint.provider.name.to_string()),
            upstream_id: None,
            attempts: vec![attempt(endpoint, first_ms)],
            streamed: true,
            status: 200,
            finish: Some(FinishReason {
                reason: Reason::Stop,
                native: None,
            }),
            outcome: Outcome::Completed,
            usage,
            usage_source: UsageSource::Provider,
            price_sheet: Some((*endpoint.prices).clone()),
            charge: Ok(Bill::default()),
            settled: Settled::default(),
            first_token_ms: Some(first_ms),
            total_ms,
            overhead_us: 60 + dice.below(140),
            dropped: Vec::new(),
            plan: None,
            noticed: Noticed::default(),
        };
        match dice.percent(failures_percent(&endpoint.tag, at_ms)) {
            true => {
                let ending = (Ending::ErrorBeforeTokens, UsageKnown::None);
                charged(failed(call), ending, endpoint)
            }
            false => charged(call, (Ending::Complete, UsageKnown::Provider), endpoint),
        }
    }

    fn caller(&self) -> CallerNote {
        CallerNote {
            trace: None,
            workspace_id: DEFAULT_WORKSPACE_ID.to_owned(),
            key_hash: self.key.as_str().to_owned(),
            http_referer: None,
            app_title: Some(self.habit.app.to_owned()),
            user_agent: Some("waybill demo: nobody made this call".to_owned()),
            session_id: Some(self.name.clone()),
            external_user: None,
        }
    }

    /// A prompt grows with each turn, and what was sent before is cached.
    fn usage(&self, turn: u64, dice: &mut Dice) -> Usage {
        let habit = self.habit;
        let prompt = habit.prompt.0 + turn * habit.prompt.1 + dice.below(300);
        let share = match turn {
            0 => habit.cached_percent / 3,
            _ => habit.cached_percent,
        };
        let cached = prompt * share / 100;
        Usage::default()
            .with(Unit::Input, prompt - cached)
            .with(Unit::CacheRead, cached)
            .with(Unit::Output, habit.answer / 4 + dice.below(habit.answer))
    }
}

/// An attempt that served.
fn attempt(endpoint: &Endpoint, latency_ms: u64) -> Attempt {
    Attempt {
        endpoint: endpoint.tag.to_string(),
        provider: endpoint.provider.slug.to_string(),
        provider_name: endpoint.provider.name.to_string(),
        model: endpoint.model.to_string(),
        credential: None,
        is_byok: false,
        started_ms: 0,
        latency_ms,
        status: Some(200),
        outcome: Outcome::Completed,
        may_be_billed: true,
        share: None,
        recovered_at_chars: None,
    }
}

/// The same call, had its provider been out of order.
fn failed(call: Generation) -> Generation {
    let outcome = Outcome::Failed {
        kind: Kind::ProviderUnavailable,
        message: "The simulated provider was out of order".to_owned(),
    };
    let attempts = call.attempts.into_iter().map(|attempt| Attempt {
        status: Some(503),
        outcome: outcome.clone(),
        may_be_billed: false,
        ..attempt
    });
    Generation {
        model: String::new(),
        endpoint: None,
        provider: None,
        provider_name: None,
        attempts: attempts.collect(),
        status: 502,
        finish: None,
        usage: Usage::default(),
        usage_source: UsageSource::Nothing,
        price_sheet: None,
        first_token_ms: None,
        total_ms: call.first_token_ms.unwrap_or(call.total_ms),
        outcome,
        ..call
    }
}

/// The call with what it costs by the rule for such an ending, and what is known of its usage.
fn charged(
    call: Generation,
    (ending, known): (Ending, UsageKnown),
    endpoint: &Endpoint,
) -> Generation {
    let rule = rule(ending, AbortStopsBill::default(), known);
    let at = call.created_at_ms.div_euclid(1000);
    Generation {
        charge: rule.charge(&call.usage, &endpoint.prices, at),
        settled: Settled {
            rule: Some(rule.name.into()),
            ..Settled::default()
        },
        ..call
    }
}

/// Of a hundred calls of an hour, those that an endpoint fails: few; many in one bad time a day.
fn failures_percent(tag: &str, at_ms: i64) -> u64 {
    let hour = at_ms.div_euclid(HOUR_MS);
    let is_bad_day = hour.div_euclid(24).rem_euclid(3) == 0;
    match (tag, hour.rem_euclid(24)) {
        ("simulated-flaky", 9..12) if is_bad_day => 45,
        ("simulated-flaky", _) => 3,
        ("simulated-slow", 15) if is_bad_day => 25,
        _ => 0,
    }
}
