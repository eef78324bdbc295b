//! Health: which endpoints have failed lately. Time is a parameter.
//!
//! Small for now: a cool-down after each failure, longer while failures follow one another. The
//! rolling windows of latency, throughput and uptime belong here later.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::endpoint::EndpointId;

/// How long an endpoint is asked last after a failure, milliseconds. OpenRouter's routing looks at
/// outages of the last 30 seconds.
const COOL_DOWN_MS: i64 = 30_000;

/// The longest cool-down after a row of failures, milliseconds.
const COOL_DOWN_MAX_MS: i64 = 240_000;

/// How many endpoints in trouble are remembered; beyond that, those that have cooled down go, and
/// if none has, the one nearest to it.
const ENTRIES_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Trouble {
    /// Failures in a row.
    failures: u32,
    /// Unix milliseconds.
    until_ms: i64,
}

/// Which endpoints have failed lately, in this process. Lost on restart by design.
#[derive(Debug, Default)]
pub struct Health {
    in_trouble: Mutex<HashMap<EndpointId, Trouble>>,
}

impl Health {
    /// Notes a failure that may be the endpoint's fault. `retry_after_ms` is what the provider
    /// asked for, if it did; the longer of both counts, up to four minutes.
    pub fn record_failure(&self, endpoint: &EndpointId, now_ms: i64, retry_after_ms: Option<i64>) {
        let mut entries = self.entries();
        if entries.len() >= ENTRIES_MAX && !entries.contains_key(endpoint) {
            make_room(&mut entries, now_ms);
        }
        let trouble = entries.entry(endpoint.clone()).or_insert(Trouble {
            failures: 0,
            until_ms: now_ms,
        });
        let doubled = COOL_DOWN_MS.saturating_mul(1 << trouble.failures.min(3));
        let asked = retry_after_ms.unwrap_or(0);
        let wait = doubled.max(asked).min(COOL_DOWN_MAX_MS);
        trouble.failures = trouble.failures.saturating_add(1);
        trouble.until_ms = now_ms.saturating_add(wait);
    }

    /// Notes a success: the endpoint is in order again.
    pub fn record_success(&self, endpoint: &EndpointId) {
        self.entries().remove(endpoint);
    }

    /// Whether the endpoint is cooling down.
    #[must_use]
    pub fn is_cooling(&self, endpoint: &EndpointId, now_ms: i64) -> bool {
        let entries = self.entries();
        entries
            .get(endpoint)
            .is_some_and(|trouble| now_ms < trouble.until_ms)
    }

    /// The map; a panic elsewhere cannot have left it half written.
    fn entries(&self) -> MutexGuard<'_, HashMap<EndpointId, Trouble>> {
        self.in_trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(entries: &mut HashMap<EndpointId, Trouble>, now_ms: i64) {
    entries.retain(|_, trouble| now_ms < trouble.until_ms);
    if entries.len() >= ENTRIES_MAX {
        let nearest = entries.iter().min_by_key(|(_, trouble)| trouble.until_ms);
        if let Some(id) = nearest.map(|(id, _)| id.clone()) {
            entries.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_cool_longer_and_a_success_ends_it() {
        let health = Health::default();
        let id = EndpointId::new("a/b@c");
        let cooled_at = |from: i64| {
            (0..)
                .step_by(1000)
                .map(|ms| from + ms)
                .find(|now| !health.is_cooling(&id, *now))
        };
        health.record_failure(&id, 0, None);
        assert_eq!(cooled_at(0), Some(30_000));
        health.record_failure(&id, 0, None);
        assert_eq!(cooled_at(0), Some(60_000));
        health.record_failure(&id, 0, Some(100_000));
        assert_eq!(cooled_at(0), Some(120_000));
        health.record_failure(&id, 0, Some(86_400_000));
        assert_eq!(cooled_at(0), Some(240_000));
        health.record_success(&id);
        assert!(!health.is_cooling(&id, 0));
    }

    #[test]
    fn memory_is_bounded() {
        let health = Health::default();
        for i in 0..ENTRIES_MAX + 10 {
            health.record_failure(&EndpointId::new(&format!("a/b@{i}")), 0, None);
        }
        assert!(health.entries().len() <= ENTRIES_MAX);
    }
}
