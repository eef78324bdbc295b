//! All that is kept of one endpoint: about 8 KiB, whatever its traffic.

use super::sample::{Headroom, Sample, Wait};
use super::sketch::Percentiles;
use super::vital::{Standing, Tools, Vital};
use super::window::{Detail, Ring, Sum, Tally, tally};

pub(super) const SECOND_MS: i64 = 1000;
pub(super) const MINUTE_MS: i64 = 60 * SECOND_MS;
pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

/// How long an outage lasts at least, and for how long back failures make one, milliseconds. Source:
/// "significant outages in the last 30 seconds" of OpenRouter's routing guide.
const OUTAGE_MS: i64 = 30 * SECOND_MS;

/// The longest outage that failures in a row add up to, milliseconds.
const OUTAGE_MAX_MS: i64 = 240 * SECOND_MS;

/// So many failures in a row are an outage, however many calls went well before.
const FAILURES_IN_A_ROW: u32 = 3;

/// How long an endpoint is left alone after a 429 that does not say for how long, milliseconds.
const LIMITED_MS: i64 = 5 * SECOND_MS;

/// The longest that is believed of what it says, milliseconds.
const LIMITED_MAX_MS: i64 = 600 * SECOND_MS;

/// Uptime is judged as if there had been so many attempts before, of which 97 of 100 went well: a
/// lone failure is no trend. At the 100 attempts of the reference this moves it by half a percent.
const PRIOR_ATTEMPTS: f64 = 20.0;
const PRIOR_UPTIME: f64 = 0.97;

/// Percentiles of fewer answers than this say little.
const ANSWERS_MIN: u32 = 5;

/// How old computed figures may be, milliseconds.
const FRESH_MS: i64 = 250;

/// All that is kept of one endpoint.
#[derive(Debug)]
pub(super) struct Entry {
    /// For outages: 30 seconds, by 5.
    seconds: Ring<Tally, 7>,
    /// For judging: 5 minutes, by 1. What failed before an outage ended counts little here.
    judging: Ring<Tally, 6>,
    /// For routing: 5 minutes, by 1.
    pub(super) minutes: Ring<Detail, 6>,
    /// For show: 30 minutes, by 5.
    pub(super) fives: Ring<Detail, 7>,
    /// A day, by the hour.
    pub(super) hours: Ring<Tally, 25>,
    trouble: Trouble,
    headroom: Headroom,
    figures: Figures,
    /// When it was last heard of, Unix milliseconds.
    pub(super) heard_ms: i64,
}

/// Failures in a row, and what follows from them.
#[derive(Debug, Clone, Copy, Default)]
struct Trouble {
    failures: u32,
    /// Outages without a success between them.
    outages: u32,
    out_until_ms: i64,
    limited_until_ms: i64,
}

/// What is computed from the windows, and when it was.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    at_ms: i64,
    standing: Standing,
    first_token_ms: Option<Percentiles>,
    speed: Option<Percentiles>,
    is_stale: bool,
    tools: Tools,
    cached_permille: Option<u16>,
}

impl Entry {
    pub(super) fn new() -> Self {
        Self {
            seconds: Ring::new(5 * SECOND_MS),
            judging: Ring::new(MINUTE_MS),
            minutes: Ring::new(MINUTE_MS),
            fives: Ring::new(5 * MINUTE_MS),
            hours: Ring::new(HOUR_MS),
            trouble: Trouble::default(),
            headroom: Headroom::default(),
            figures: Figures {
                at_ms: i64::MIN,
                ..Figures::default()
            },
            heard_ms: i64::MIN,
        }
    }

    pub(super) fn note(&mut self, sample: &Sample, now_ms: i64) {
        self.heard_ms = now_ms;
        self.seconds.note(sample, now_ms);
        // Calls that were under way when it went out say nothing new.
        if now_ms >= self.trouble.out_until_ms || matches!(sample, Sample::Served(_)) {
            self.judging.note(sample, now_ms);
        }
        self.minutes.note(sample, now_ms);
        self.fives.note(sample, now_ms);
        self.hours.note(sample, now_ms);
        match sample {
            Sample::Served(_) => self.recover(),
            Sample::Failed { retry_after_ms } => self.fail(*retry_after_ms, now_ms),
            Sample::Limited { retry_after_ms } => {
                let wait = retry_after_ms.unwrap_or(LIMITED_MS);
                let until = now_ms.saturating_add(wait.clamp(SECOND_MS, LIMITED_MAX_MS));
                let trouble = &mut self.trouble;
                trouble.limited_until_ms = trouble.limited_until_ms.max(until);
            }
        }
    }

    /// A success ends an outage, and with it most of what it says against the endpoint: calls come
    /// back within seconds, not when the window has passed.
    fn recover(&mut self) {
        if self.trouble.outages > 0 {
            self.judging.each(|tally| tally.failed /= 4);
            self.figures.at_ms = i64::MIN;
        }
        self.trouble = Trouble::default();
    }

    /// A failure begins an outage when it is the third in a row, or when at least half of the last
    /// 30 seconds' attempts failed. A failure during an outage (of a call that was sent before it)
    /// does not make it longer; one after it, of the call that looked whether it is over, doubles it.
    fn fail(&mut self, retry_after_ms: Option<i64>, now_ms: i64) {
        let lately = tally(self.seconds.since(OUTAGE_MS, now_ms));
        let trouble = &mut self.trouble;
        trouble.failures = trouble.failures.saturating_add(1);
        let is_outage = trouble.failures >= FAILURES_IN_A_ROW || lately.failed >= lately.ok;
        if now_ms < trouble.out_until_ms || !is_outage {
            return;
        }
        let wait = OUTAGE_MS.saturating_mul(1 << trouble.outages.min(3));
        let asked = retry_after_ms.unwrap_or(0);
        trouble.outages = trouble.outages.saturating_add(1);
        trouble.out_until_ms = now_ms.saturating_add(wait.max(asked).min(OUTAGE_MAX_MS));
    }

    pub(super) fn set_headroom(&mut self, headroom: Headroom) {
        self.headroom = headroom;
    }

    /// Whether an outage is over by the clock, but no call has gone well since.
    pub(super) fn is_unproven(&self, now_ms: i64) -> bool {
        self.trouble.outages > 0 && now_ms >= self.trouble.out_until_ms
    }

    /// Until when it is left for last, Unix milliseconds; `None` when it is not.
    pub(super) fn cools_until_ms(&self, now_ms: i64) -> Option<i64> {
        let until = self.trouble.out_until_ms.max(self.trouble.limited_until_ms);
        (now_ms < until).then_some(until)
    }

    /// How it stands, with what others have seen of it.
    pub(super) fn vital(&mut self, others: Option<&Self>, now_ms: i64) -> Vital {
        let age = now_ms.saturating_sub(self.figures.at_ms);
        if !(0..FRESH_MS).contains(&age) {
            self.figures = self.compute(others, now_ms);
        }
        let figures = &self.figures;
        let headroom = (now_ms < self.headroom.resets_ms).then_some(self.headroom);
        let is_pressed = headroom.is_some_and(|headroom| {
            [headroom.requests, headroom.tokens]
                .into_iter()
                .flatten()
                .any(|(left, all)| left.saturating_mul(20) <= all)
        });
        let standing = if now_ms < self.trouble.out_until_ms {
            Standing::Out
        } else if now_ms < self.trouble.limited_until_ms {
            Standing::Limited
        } else if is_pressed {
            figures.standing.max(Standing::Pressed)
        } else {
            figures.standing
        };
        Vital {
            standing,
            first_token_ms: figures.first_token_ms,
            speed: figures.speed,
            is_stale: figures.is_stale,
            tools: figures.tools,
            tokens_left: headroom.and_then(|headroom| Some(headroom.tokens?.0)),
            cached_permille: figures.cached_permille,
        }
    }

    /// What the slowest twentieth of calls waits at least, milliseconds: five minutes if they say
    /// enough, else thirty.
    pub(super) fn slow_ms(&self, others: Option<&Self>, wait: Wait, now_ms: i64) -> Option<u32> {
        let of = |sum: Sum| match wait {
            Wait::FirstToken => sum.first_token_ms.slowest_twentieth(ANSWERS_MIN),
            Wait::WholeAnswer => sum.total_ms.slowest_twentieth(ANSWERS_MIN),
        };
        let all = || std::iter::once(self).chain(others);
        let minutes = all().flat_map(|entry| entry.minutes.since(5 * MINUTE_MS, now_ms));
        let fives = || all().flat_map(|entry| entry.fives.since(30 * MINUTE_MS, now_ms));
        of(Sum::of(minutes)).or_else(|| of(Sum::of(fives())))
    }

    fn compute(&self, others: Option<&Self>, now_ms: i64) -> Figures {
        let all = || std::iter::once(self).chain(others);
        let routing = Sum::of(all().flat_map(|entry| entry.minutes.since(5 * MINUTE_MS, now_ms)));
        let shown = Sum::of(all().flat_map(|entry| entry.fives.since(30 * MINUTE_MS, now_ms)));
        let day = tally(all().flat_map(|entry| entry.hours.since(DAY_MS, now_ms)));
        // Five minutes if they say enough, else thirty.
        let lately = |recent: Option<Percentiles>, older: Option<Percentiles>| recent.or(older);
        let prompt = shown.tally.prompt_kilotokens;
        let cached = shown.tally.cached_kilotokens;
        let permille = u64::from(cached) * 1000 / u64::from(prompt.max(1));
        Figures {
            at_ms: now_ms,
            standing: standing(&tally(self.judging.since(5 * MINUTE_MS, now_ms))),
            is_stale: routing.total_ms.low_is_good(ANSWERS_MIN).is_none()
                && shown.total_ms.low_is_good(ANSWERS_MIN).is_some(),
            first_token_ms: lately(
                routing.first_token_ms.low_is_good(ANSWERS_MIN),
                shown.first_token_ms.low_is_good(ANSWERS_MIN),
            ),
            speed: lately(
                routing.speed.high_is_good(ANSWERS_MIN),
                shown.speed.high_is_good(ANSWERS_MIN),
            ),
            tools: Tools {
                valid: day.tools_valid,
                invalid: day.tools_invalid,
            },
            cached_permille: (prompt > 0).then(|| u16::try_from(permille).unwrap_or(1000)),
        }
    }
}

/// Degraded below 95 of 100, down below 80, with the prior counted in. The reference counts nothing
/// below 100 attempts; with a prior a small house learns too.
fn standing(tally: &Tally) -> Standing {
    let ok = f64::from(tally.ok) + PRIOR_ATTEMPTS * PRIOR_UPTIME;
    let uptime = ok / (f64::from(tally.judged()) + PRIOR_ATTEMPTS);
    if uptime < 0.80 {
        Standing::Down
    } else if uptime < 0.95 {
        Standing::Degraded
    } else {
        Standing::Normal
    }
}
