//! Which of a provider's credentials a call presents: by weight, by load, and not one that the
//! provider has just refused for this model.
//!
//! A conversation keeps its credential while that is there and has room: prompt caches belong to the
//! account behind it. A provider with one credential passes none of this.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use catalog::{Conversation, Endpoint, ModelSlug, ProviderSlug};
use chat::{Error, Origin};

use crate::call::Call;
use crate::credentials::{Labelled, Pinned, Secret};
use crate::relay::Relay;

/// A credential may have this much more than its share of the calls under way, in quarters.
const OVER_SHARE_QUARTERS: u64 = 5;

/// How long a credential rests after 429, when the provider does not say, milliseconds.
const LIMITED_MS: i64 = 5_000;

/// The least and the most that a provider's own wish is believed, milliseconds.
const LIMITED_RANGE_MS: (i64, i64) = (1_000, 600_000);

/// How long a credential rests after 401, 402 or 403, milliseconds; doubled while that goes on.
const REFUSED_MS: i64 = 60_000;

/// Doublings at most: 16 minutes.
const DOUBLINGS_MAX: u32 = 4;

/// Rests that are remembered at once; what is over is forgotten first, then nothing more is noted.
const RESTS_MAX: usize = 10_000;

/// What the credentials of all providers are doing.
#[derive(Debug, Default)]
pub(crate) struct Wallets {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Calls under way, of providers with several credentials only.
    under_way: HashMap<(ProviderSlug, usize), u64>,
    rests: HashMap<(Seat, ModelSlug), Rest>,
}

/// Which credential it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Seat {
    /// One that any call may present, by its place among those of its provider.
    Pool(ProviderSlug, usize),
    /// One that is only for some calls, by its id.
    Pinned(Arc<str>),
}

/// A credential that is left alone for a model.
#[derive(Debug, Clone, Copy)]
struct Rest {
    until_ms: i64,
    refusals: u32,
}

/// The credential of one attempt.
#[derive(Debug)]
pub(crate) struct Chosen {
    all: Arc<[Labelled]>,
    index: usize,
    /// In place of those, one that is only for some calls.
    pinned: Option<Arc<Pinned>>,
    /// Counts the call as under way; absent where there is nothing to choose.
    _under_way: Option<UnderWay>,
}

impl Chosen {
    /// One that is only for some calls.
    pub(crate) fn pinned(pinned: &Arc<Pinned>) -> Self {
        Self {
            all: Arc::from([]),
            index: 0,
            pinned: Some(Arc::clone(pinned)),
            _under_way: None,
        }
    }

    /// Whether no other of its provider's takes its place when it is refused.
    pub(crate) const fn is_pinned(&self) -> bool {
        self.pinned.is_some()
    }

    /// Whether it is a workspace's own.
    pub(crate) fn is_own(&self) -> bool {
        self.pinned.as_ref().is_some_and(|pinned| pinned.is_own())
    }

    pub(crate) fn secret(&self) -> Option<&Secret> {
        if let Some(pinned) = &self.pinned {
            return Some(&pinned.secret);
        }
        self.all.get(self.index).map(|chosen| &chosen.secret)
    }

    fn seat(&self, provider: &ProviderSlug) -> Seat {
        match &self.pinned {
            Some(pinned) => Seat::Pinned(Arc::clone(&pinned.id)),
            None => Seat::Pool(provider.clone(), self.index),
        }
    }

    /// Its name in the record; `None` for a provider's only one.
    pub(crate) fn label(&self) -> Option<&str> {
        if let Some(pinned) = &self.pinned {
            return Some(&pinned.label);
        }
        let is_one_of_many = self.all.len() > 1;
        let chosen = self.all.get(self.index).filter(|_| is_one_of_many)?;
        Some(&chosen.label)
    }
}

#[derive(Debug)]
struct UnderWay {
    state: Arc<Mutex<State>>,
    place: (ProviderSlug, usize),
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        if let Some(calls) = state.under_way.get_mut(&self.place) {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                state.under_way.remove(&self.place);
            }
        }
    }
}

impl Wallets {
    /// Chooses one of a provider's credentials for a call to an endpoint; `seed` is the same for the
    /// calls of a conversation. Where all of them rest, the one that rests shortest.
    pub(crate) fn choose(
        &self,
        all: &Arc<[Labelled]>,
        endpoint: &Endpoint,
        (seed, now_ms): (u64, i64),
    ) -> Chosen {
        if all.len() < 2 {
            return Chosen {
                all: Arc::clone(all),
                index: 0,
                pinned: None,
                _under_way: None,
            };
        }
        let slug = &endpoint.provider.slug;
        let mut state = lock(&self.state);
        let rest = |index: usize| state.rest(endpoint, index, now_ms);
        let fresh = (0..all.len()).filter(|index| rest(*index).is_none());
        let fresh = fresh.map(|index| Purse {
            index,
            weight: u64::from(all.get(index).map_or(1, |one| one.weight.max(1))),
            calls: state.calls(slug, index),
        });
        let fresh: Vec<Purse> = fresh.collect();
        let index = pick(&fresh, seed).unwrap_or_else(|| {
            let shortest = (0..all.len()).min_by_key(|index| rest(*index));
            shortest.unwrap_or_default()
        });
        let place = (slug.clone(), index);
        *state.under_way.entry(place.clone()).or_default() += 1;
        drop(state);
        Chosen {
            all: Arc::clone(all),
            index,
            pinned: None,
            _under_way: Some(UnderWay {
                state: Arc::clone(&self.state),
                place,
            }),
        }
    }

    /// Whether one that is only for some calls is left alone for the model of an endpoint.
    pub(crate) fn is_resting(&self, pinned: &Pinned, endpoint: &Endpoint, now_ms: i64) -> bool {
        let state = lock(&self.state);
        let seat = Seat::Pinned(Arc::clone(&pinned.id));
        state.until(seat, endpoint, now_ms).is_some()
    }

    /// Lets a credential rest for a model after such an answer of the provider; whether there is
    /// another one that does not rest.
    pub(crate) fn rest(&self, chosen: &Chosen, endpoint: &Endpoint, why: Why) -> bool {
        if chosen.all.len() < 2 && !chosen.is_pinned() {
            return false;
        }
        let mut state = lock(&self.state);
        let seat = chosen.seat(&endpoint.provider.slug);
        let place = (seat, endpoint.model.clone());
        let known = state.rests.get(&place).copied();
        let rest = why.rest(known);
        if state.rests.len() >= RESTS_MAX {
            state.rests.retain(|_, rest| rest.until_ms > why.now_ms);
        }
        if state.rests.len() < RESTS_MAX {
            state.rests.insert(place, rest);
        }
        if chosen.is_pinned() {
            // Whatever stands behind it has its turn anyway.
            return true;
        }
        let others = (0..chosen.all.len()).filter(|index| *index != chosen.index);
        let mut fresh = others.filter(|index| state.rest(endpoint, *index, why.now_ms).is_none());
        fresh.next().is_some()
    }
}

impl Relay {
    /// The house's credential for one attempt at an endpoint; `None` when its provider has none.
    pub(crate) fn credential_of_house(&self, call: &Call, endpoint: &Endpoint) -> Option<Chosen> {
        let credentials = self.parts.credentials.load();
        let all = credentials.all(endpoint.provider.slug.as_str())?;
        let seed = match all.len() {
            0 | 1 => 0,
            _ => call
                .conversation()
                .map_or(call.seed, |conversation| seed_of(&conversation)),
        };
        let now_ms = self.parts.clock.now_ms();
        Some(self.wallets.choose(all, endpoint, (seed, now_ms)))
    }

    /// A provider has refused an attempt. Where that is about the credential it rests for the model,
    /// and this says whether another one of the same provider may do better; of one that is only for
    /// some calls, that the refusal is about it alone.
    pub(crate) fn has_another_credential(
        &self,
        chosen: Option<&Chosen>,
        endpoint: &Endpoint,
        error: &Error,
    ) -> bool {
        let metadata = error.metadata.as_ref();
        let status = metadata.and_then(|metadata| metadata.upstream_status);
        let is_theirs = error.origin == Origin::Provider;
        let of_credential = status.filter(|status| is_theirs && Why::is_of_credential(*status));
        let (Some(chosen), Some(status)) = (chosen, of_credential) else {
            return false;
        };
        let asked = metadata.and_then(|metadata| metadata.retry_after);
        let why = Why {
            status,
            retry_after_ms: asked.and_then(|wait| i64::try_from(wait.as_millis()).ok()),
            now_ms: self.parts.clock.now_ms(),
        };
        self.wallets.rest(chosen, endpoint, why)
    }
}

fn seed_of(conversation: &Conversation) -> u64 {
    let mut hasher = DefaultHasher::new();
    conversation.hash(&mut hasher);
    hasher.finish()
}

impl State {
    fn rest(&self, endpoint: &Endpoint, index: usize, now_ms: i64) -> Option<i64> {
        let seat = Seat::Pool(endpoint.provider.slug.clone(), index);
        self.until(seat, endpoint, now_ms)
    }

    fn until(&self, seat: Seat, endpoint: &Endpoint, now_ms: i64) -> Option<i64> {
        let rest = self.rests.get(&(seat, endpoint.model.clone()))?;
        (now_ms < rest.until_ms).then_some(rest.until_ms)
    }

    fn calls(&self, slug: &ProviderSlug, index: usize) -> u64 {
        let calls = self.under_way.get(&(slug.clone(), index));
        calls.copied().unwrap_or_default()
    }
}

/// Why a credential rests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Why {
    /// The provider's status.
    pub(crate) status: u16,
    /// How long it asks to be left alone, milliseconds.
    pub(crate) retry_after_ms: Option<i64>,
    /// Unix milliseconds.
    pub(crate) now_ms: i64,
}

impl Why {
    /// Whether a status is about the credential, and another one may do better.
    pub(crate) const fn is_of_credential(status: u16) -> bool {
        matches!(status, 401 | 402 | 403 | 429)
    }

    fn rest(self, known: Option<Rest>) -> Rest {
        let (least, most) = LIMITED_RANGE_MS;
        let asked = self.retry_after_ms.map(|ms| ms.clamp(least, most));
        let refusals = match self.status {
            429 => 0,
            _ => known.map_or(0, |rest| rest.refusals).saturating_add(1),
        };
        let own = match refusals {
            0 => LIMITED_MS,
            again => REFUSED_MS << (again - 1).min(DOUBLINGS_MAX),
        };
        Rest {
            until_ms: self.now_ms.saturating_add(asked.unwrap_or(own)),
            refusals,
        }
    }
}

/// A credential that may be chosen.
#[derive(Debug, Clone, Copy)]
struct Purse {
    index: usize,
    weight: u64,
    calls: u64,
}

/// Weighted rendezvous within bounds of load: of those that have no more than a quarter above their
/// share of the calls under way, the one that draws best. The same seed draws the same way.
fn pick(purses: &[Purse], seed: u64) -> Option<usize> {
    let weights: u64 = purses.iter().map(|purse| purse.weight).sum();
    let calls: u64 = purses.iter().map(|purse| purse.calls).sum();
    let has_room = |purse: &&Purse| {
        let share = (calls + 1) * purse.weight * OVER_SHARE_QUARTERS;
        purse.calls < share.div_ceil(weights.max(1) * 4)
    };
    let best = purses.iter().filter(has_room).min_by(|a, b| {
        let (a, b) = (draw(a, seed), draw(b, seed));
        a.total_cmp(&b)
    });
    best.map(|purse| purse.index)
}

/// An exponential with the weight as its rate: the least of them is each with its weight's share.
fn draw(purse: &Purse, seed: u64) -> f64 {
    const STEPS: f64 = (1_u64 << 52) as f64;
    let mut hasher = DefaultHasher::new();
    (seed, purse.index).hash(&mut hasher);
    let uniform = ((hasher.finish() >> 12) as f64 + 0.5) / STEPS;
    -uniform.ln() / purse.weight as f64
}

/// The state; a panic elsewhere cannot have left it half written.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purses(all: &[(u64, u64)]) -> Vec<Purse> {
        let purse = |(index, (weight, calls)): (usize, &(u64, u64))| Purse {
            index,
            weight: *weight,
            calls: *calls,
        };
        all.iter().enumerate().map(purse).collect()
    }

    #[test]
    fn at_rest_credentials_are_chosen_by_their_weights() {
        let idle = purses(&[(3, 0), (1, 0)]);
        let first = (0..20_000).filter(|seed| pick(&idle, *seed) == Some(0));
        let share = first.count();
        assert!((14_600..15_400).contains(&share), "{share}");
    }

    #[test]
    fn nobody_gets_much_more_than_its_share_of_what_is_under_way() {
        let mut all = purses(&[(2, 0), (1, 0), (1, 0)]);
        // All of one conversation: they would all draw the same.
        for _ in 0..400 {
            let index = pick(&all, 7).unwrap();
            all[index].calls += 1;
        }
        let calls: Vec<u64> = all.iter().map(|purse| purse.calls).collect();
        assert!(
            calls[0] <= 251 && calls[1] <= 126 && calls[2] <= 126,
            "{calls:?}"
        );
        assert_eq!(pick(&[], 7), None);
    }

    #[test]
    fn refusals_double_their_rest_and_limits_do_not() {
        let why = |status, retry_after_ms| Why {
            status,
            retry_after_ms,
            now_ms: 0,
        };
        let mut known = None;
        for expected in [60_000, 120_000, 240_000, 480_000, 960_000, 960_000] {
            let rest = why(401, None).rest(known);
            assert_eq!(rest.until_ms, expected);
            known = Some(rest);
        }
        assert_eq!(why(429, None).rest(known).until_ms, 5_000);
        assert_eq!(why(429, Some(30_000)).rest(None).until_ms, 30_000);
        assert_eq!(why(429, Some(0)).rest(None).until_ms, 1_000);
    }
}
