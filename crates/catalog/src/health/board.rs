//! The board: one entry per endpoint, each behind a small lock of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use super::entry::{DAY_MS, Entry, HOUR_MS, MINUTE_MS};
use super::sample::{Headroom, Sample, Wait};
use super::saved::{Saved, SavedEndpoint};
use super::sketch::Percentiles;
use super::vital::{Standing, Vital, Vitals};
use super::window::{Sum, tally};
use crate::endpoint::EndpointId;

/// How many endpoints are remembered; beyond that, the one that has been silent longest goes. With
/// about 8 KiB each this is below 50 MiB.
pub const ENDPOINTS_MAX: usize = 5_000;

/// What is shown of an endpoint, in the words of OpenRouter's endpoints API.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Published {
    /// Served of judged attempts over 5 minutes, percent.
    pub uptime_last_5m: Option<f64>,
    /// Over 30 minutes.
    pub uptime_last_30m: Option<f64>,
    /// Over a day.
    pub uptime_last_1d: Option<f64>,
    /// Time to the first token over 30 minutes, milliseconds.
    pub latency_last_30m: Option<Percentiles>,
    /// Time to the end over 30 minutes, milliseconds.
    pub total_last_30m: Option<Percentiles>,
    /// Output speed over 30 minutes, tenths of a token per second.
    pub throughput_last_30m: Option<Percentiles>,
    /// Attempts that were answered with 429 over 30 minutes, percent of all.
    pub limited_last_30m: Option<f64>,
    /// Answers whose tool calls were all valid over a day, percent of those with tool calls.
    pub tools_valid_last_1d: Option<f64>,
    /// Prompt tokens that came from the cache over 30 minutes, percent.
    pub cached_last_30m: Option<f64>,
    /// How it stands.
    pub standing: Standing,
    /// Until when it is left for last, because it failed or has said that it is asked too often;
    /// Unix milliseconds. `None` when it is not.
    pub cools_until_ms: Option<i64>,
    /// When it was last heard of, Unix milliseconds; `None` when this process never has.
    pub heard_ms: Option<i64>,
}

/// What became of the attempts at an endpoint in one hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hour {
    /// When it began, Unix milliseconds.
    pub start_ms: i64,
    /// Attempts that were served.
    pub served: u32,
    /// Attempts that failed.
    pub failed: u32,
    /// Attempts that were answered with 429.
    pub limited: u32,
}

/// How many endpoints are remembered of what other replicas have seen: below 10 MiB.
pub const SHARED_MAX: usize = 1_250;

/// What the calls of this process say of each endpoint, and beside it what other replicas say.
///
/// Outages, limits and what an endpoint is judged by are this process's own: it sees for itself
/// within three calls. Figures that take many calls (percentiles, tool calls, cache hits, uptime as
/// it is shown) are everybody's.
#[derive(Debug, Default)]
pub struct Health {
    entries: RwLock<HashMap<EndpointId, Arc<Mutex<Entry>>>>,
    shared: RwLock<HashMap<EndpointId, Entry>>,
}

impl Health {
    /// Notes how an attempt ended.
    pub fn record(&self, endpoint: &EndpointId, sample: &Sample, now_ms: i64) {
        lock(&self.entry(endpoint)).note(sample, now_ms);
    }

    /// Notes what a provider says is left of its rate limit.
    pub fn record_headroom(&self, endpoint: &EndpointId, headroom: Headroom) {
        lock(&self.entry(endpoint)).set_headroom(headroom);
    }

    /// Whether an endpoint's outage is over by the clock only: one call at a time should look.
    #[must_use]
    pub fn is_unproven(&self, endpoint: &EndpointId, now_ms: i64) -> bool {
        self.known(endpoint)
            .is_some_and(|entry| lock(&entry).is_unproven(now_ms))
    }

    /// Whether anything was heard of an endpoint within this time, milliseconds.
    #[must_use]
    pub fn was_heard(&self, endpoint: &EndpointId, within_ms: i64, now_ms: i64) -> bool {
        self.known(endpoint)
            .is_some_and(|entry| lock(&entry).heard_ms > now_ms.saturating_sub(within_ms))
    }

    /// How long one of twenty recent calls of an endpoint waits at least, milliseconds; `None` while
    /// too few are known.
    #[must_use]
    pub fn slow_ms(&self, endpoint: &EndpointId, wait: Wait, now_ms: i64) -> Option<u32> {
        let entry = self.known(endpoint)?;
        let shared = self.shared();
        lock(&entry).slow_ms(shared.get(endpoint), wait, now_ms)
    }

    /// What is shown of an endpoint; `None` when it has never been heard of.
    #[must_use]
    pub fn published(&self, endpoint: &EndpointId, now_ms: i64) -> Option<Published> {
        let entry = self.known(endpoint)?;
        let shared = self.shared();
        let mut entry = lock(&entry);
        let theirs = shared.get(endpoint);
        let standing = entry.vital(theirs, now_ms).standing;
        let all = [Some(&*entry), theirs];
        let all = || all.iter().flatten();
        let minutes = all().flat_map(|entry| entry.minutes.since(5 * MINUTE_MS, now_ms));
        let five = tally(minutes.map(|detail| &detail.tally));
        let thirty = Sum::of(all().flat_map(|entry| entry.fives.since(30 * MINUTE_MS, now_ms)));
        let day = tally(all().flat_map(|entry| entry.hours.since(DAY_MS, now_ms)));
        let percent =
            |part: u32, all: u32| (all > 0).then(|| f64::from(part) * 100.0 / f64::from(all));
        let asked = thirty.tally.judged().saturating_add(thirty.tally.limited);
        let called = day.tools_valid.saturating_add(day.tools_invalid);
        Some(Published {
            uptime_last_5m: five.uptime().map(|share| share * 100.0),
            uptime_last_30m: thirty.tally.uptime().map(|share| share * 100.0),
            uptime_last_1d: day.uptime().map(|share| share * 100.0),
            latency_last_30m: thirty.first_token_ms.low_is_good(1),
            total_last_30m: thirty.total_ms.low_is_good(1),
            throughput_last_30m: thirty.speed.high_is_good(1),
            limited_last_30m: percent(thirty.tally.limited, asked),
            tools_valid_last_1d: percent(day.tools_valid, called),
            cached_last_30m: percent(
                thirty.tally.cached_kilotokens,
                thirty.tally.prompt_kilotokens,
            ),
            standing,
            cools_until_ms: entry.cools_until_ms(now_ms),
            heard_ms: (entry.heard_ms > i64::MIN).then_some(entry.heard_ms),
        })
    }

    /// The hours of the last day in which an endpoint was asked, oldest first.
    #[must_use]
    pub fn hours(&self, endpoint: &EndpointId, now_ms: i64) -> Vec<Hour> {
        let Some(entry) = self.known(endpoint) else {
            return Vec::new();
        };
        let shared = self.shared();
        let entry = lock(&entry);
        let oldest = now_ms.saturating_sub(DAY_MS).div_euclid(HOUR_MS);
        let mut hours: BTreeMap<i64, Hour> = BTreeMap::new();
        let all = [Some(&*entry), shared.get(endpoint)];
        for (number, tally) in all.iter().flatten().flat_map(|one| one.hours.filled()) {
            if number < oldest || tally.judged().saturating_add(tally.limited) == 0 {
                continue;
            }
            let hour = hours.entry(number).or_default();
            hour.start_ms = number.saturating_mul(HOUR_MS);
            hour.served = hour.served.saturating_add(tally.ok);
            hour.failed = hour.failed.saturating_add(tally.failed);
            hour.limited = hour.limited.saturating_add(tally.limited);
        }
        hours.into_values().collect()
    }

    /// The endpoints that are known, in no order.
    #[must_use]
    pub fn endpoints(&self) -> Vec<EndpointId> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.keys().cloned().collect()
    }

    /// All that is in the windows, for a restart or another replica.
    #[must_use]
    pub fn save(&self) -> Saved {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let saved = entries
            .iter()
            .map(|(id, entry)| (id.to_string(), SavedEndpoint::of(&lock(entry))));
        Saved::new(saved.collect())
    }

    /// Adds what was saved to the windows. What is older than a window is left out.
    pub fn absorb(&self, saved: &Saved) {
        for (id, endpoint) in saved.endpoints() {
            let entry = self.entry(&EndpointId::new(id));
            endpoint.put_into(&mut lock(&entry));
        }
    }

    /// Takes in what other replicas have seen, in place of what they had seen before. They are added
    /// up; of more than [`SHARED_MAX`] endpoints the rest is left out. What is shared is not saved:
    /// each replica saves its own.
    pub fn share(&self, others: &[Saved]) {
        let mut shared: HashMap<EndpointId, Entry> = HashMap::new();
        for (id, endpoint) in others.iter().flat_map(Saved::endpoints) {
            let id = EndpointId::new(id);
            if shared.len() >= SHARED_MAX && !shared.contains_key(&id) {
                continue;
            }
            // Who is known to others only is shown and weighed, too.
            self.entry(&id);
            endpoint.put_into(shared.entry(id).or_insert_with(Entry::new));
        }
        *self.shared.write().unwrap_or_else(PoisonError::into_inner) = shared;
    }

    fn shared(&self) -> RwLockReadGuard<'_, HashMap<EndpointId, Entry>> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many endpoints are known.
    #[must_use]
    pub fn len(&self) -> usize {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn known(&self, endpoint: &EndpointId) -> Option<Arc<Mutex<Entry>>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(endpoint).map(Arc::clone)
    }

    fn entry(&self, endpoint: &EndpointId) -> Arc<Mutex<Entry>> {
        if let Some(entry) = self.known(endpoint) {
            return entry;
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ENDPOINTS_MAX && !entries.contains_key(endpoint) {
            forget_one(&mut entries);
        }
        let entry = entries
            .entry(endpoint.clone())
            .or_insert_with(|| Arc::new(Mutex::new(Entry::new())));
        Arc::clone(entry)
    }
}

impl Vitals for Health {
    fn vital(&self, endpoint: &EndpointId, now_ms: i64) -> Vital {
        let shared = self.shared();
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(endpoint);
        entry.map_or_else(Vital::default, |entry| {
            lock(entry).vital(shared.get(endpoint), now_ms)
        })
    }
}

/// An entry; a panic elsewhere cannot have left it half written in a way that matters.
fn lock(entry: &Mutex<Entry>) -> MutexGuard<'_, Entry> {
    entry.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forget_one(entries: &mut HashMap<EndpointId, Arc<Mutex<Entry>>>) {
    let silent = entries.iter().min_by_key(|(_, entry)| lock(entry).heard_ms);
    if let Some(id) = silent.map(|(id, _)| id.clone()) {
        entries.remove(&id);
    }
}
