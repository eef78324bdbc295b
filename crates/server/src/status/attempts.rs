//! What health has seen of endpoints: their attempts by the hour, and their trouble.
//!
//! A call that fell back counts here, at the endpoint that failed it, though it came to its end.

use catalog::health::Hour;
use catalog::{Catalog, Endpoint, Health, Standing};

use super::counted::{Count, HOURS, sum};

const HOUR_MS: i64 = 60 * 60 * 1000;

/// An hour is bad when so many attempts failed at least, and fewer than so many of a hundred were served.
const FAILURES_LEAST: i64 = 3;
const SERVED_PERCENT: i64 = 90;

/// What was attempted at an endpoint.
#[derive(Debug)]
pub(super) struct Attempts {
    /// Slug of the model.
    pub(super) model: String,
    /// The endpoint's tag.
    pub(super) tag: String,
    /// Slug of its provider.
    pub(super) provider: String,
    /// By hour, the oldest first.
    pub(super) hours: [Count; HOURS],
    /// How it stands now.
    pub(super) standing: Standing,
    /// Until when it is left for last, Unix milliseconds.
    pub(super) cools_until_ms: Option<i64>,
}

/// A time in which an endpoint failed more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadTime {
    /// Its first hour, Unix milliseconds.
    pub(super) from_ms: i64,
    /// Its end, Unix milliseconds.
    pub(super) to_ms: i64,
    /// What was attempted in it.
    pub(super) count: Count,
}

/// Every endpoint of the catalog that can be asked here and that was heard of within the last day.
pub(super) fn read(
    health: &Health,
    catalog: &Catalog,
    (from_ms, now_ms): (i64, i64),
) -> Vec<Attempts> {
    let endpoints = catalog.models().flat_map(|model| &model.endpoints);
    let usable = endpoints.filter(|endpoint| endpoint.provider.is_enabled());
    let one = |endpoint: &std::sync::Arc<Endpoint>| {
        let hours = health.hours(&endpoint.id, now_ms);
        let seen = health.published(&endpoint.id, now_ms)?;
        Some(Attempts {
            model: endpoint.model.to_string(),
            tag: endpoint.tag.to_string(),
            provider: endpoint.provider.slug.to_string(),
            hours: placed(&hours, from_ms),
            standing: seen.standing,
            cools_until_ms: seen.cools_until_ms,
        })
    };
    let heard = usable.filter_map(one);
    heard
        .filter(|one| one.standing != Standing::Normal || sum(&one.hours).judged > 0)
        .collect()
}

fn placed(hours: &[Hour], from_ms: i64) -> [Count; HOURS] {
    let mut placed = [Count::default(); HOURS];
    for hour in hours {
        let since = hour.start_ms.saturating_sub(from_ms).div_euclid(HOUR_MS);
        let slot = usize::try_from(since)
            .ok()
            .and_then(|place| placed.get_mut(place));
        if let Some(slot) = slot {
            slot.add(Count {
                judged: i64::from(hour.served) + i64::from(hour.failed),
                completed: i64::from(hour.served),
            });
        }
    }
    placed
}

impl Attempts {
    /// Its bad times, the oldest first; hours next to each other are one.
    pub(super) fn bad_times(&self, from_ms: i64) -> Vec<BadTime> {
        let mut times: Vec<BadTime> = Vec::new();
        for (number, count) in (0_i64..).zip(&self.hours) {
            let served = count.completed.saturating_mul(100);
            let allowed = count.judged.saturating_mul(SERVED_PERCENT);
            if count.failed() < FAILURES_LEAST || served >= allowed {
                continue;
            }
            let start_ms = from_ms.saturating_add(number.saturating_mul(HOUR_MS));
            let to_ms = start_ms.saturating_add(HOUR_MS);
            match times.last_mut().filter(|last| last.to_ms == start_ms) {
                Some(last) => {
                    last.to_ms = to_ms;
                    last.count.add(*count);
                }
                None => times.push(BadTime {
                    from_ms: start_ms,
                    to_ms,
                    count: *count,
                }),
            }
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_hours_beside_each_other_are_one_time() {
        let count = |completed, judged| Count { judged, completed };
        let mut hours = [Count::default(); HOURS];
        hours[0] = count(1, 2); // one failure is none
        hours[3] = count(10, 20);
        hours[4] = count(0, 5);
        hours[5] = count(97, 100); // within what is allowed
        hours[9] = count(0, 3);
        let attempts = Attempts {
            model: String::new(),
            tag: String::new(),
            provider: String::new(),
            hours,
            standing: Standing::Normal,
            cools_until_ms: None,
        };
        let found = attempts.bad_times(0);
        let times: Vec<_> = found
            .iter()
            .map(|time| (time.from_ms / HOUR_MS, time.to_ms / HOUR_MS))
            .collect();
        assert_eq!(times, [(3, 5), (9, 10)]);
        assert_eq!(found[0].count, count(10, 25));
    }
}
