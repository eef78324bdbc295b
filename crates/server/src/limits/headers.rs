//! How limits look in headers: OpenRouter's three, and the six that OpenAI's clients read.

use http::HeaderMap;
use http::header::HeaderName;

use super::gate::{Reading, Refused, Standing};
use super::rule::Measure;
use crate::reply;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Limit, remaining and reset of one measure.
type Names = [HeaderName; 3];

const REQUESTS: Names = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

impl Standing {
    /// Says in an answer how its caller stands; nothing when nothing limits it.
    pub fn describe(&self, headers: &mut HeaderMap, now_ms: i64) {
        if let Some(reading) = self.requests.or(self.tokens) {
            first(headers, &reading);
        }
        for (names, reading) in [(&REQUESTS, self.requests), (&TOKENS, self.tokens)] {
            if let Some(reading) = reading {
                of_measure(headers, names, &reading, now_ms);
            }
        }
    }
}

impl Refused {
    /// The headers of a refusal; `Retry-After` comes from its error.
    #[must_use]
    pub fn headers(&self, now_ms: i64) -> HeaderMap {
        let mut headers = HeaderMap::new();
        first(&mut headers, &self.reading);
        match self.rule.measure {
            Measure::Requests => of_measure(&mut headers, &REQUESTS, &self.reading, now_ms),
            Measure::Tokens => of_measure(&mut headers, &TOKENS, &self.reading, now_ms),
            Measure::Concurrent => {}
        }
        headers
    }
}

/// OpenRouter's: the reset is an instant, Unix milliseconds.
fn first(headers: &mut HeaderMap, reading: &Reading) {
    reply::put(headers, LIMIT, &reading.limit.to_string());
    reply::put(headers, REMAINING, &reading.remaining.to_string());
    reply::put(headers, RESET, &reading.reset_ms.to_string());
}

/// OpenAI's: the reset is a duration, such as `6m0s`.
fn of_measure(headers: &mut HeaderMap, names: &Names, reading: &Reading, now_ms: i64) {
    let [limit, remaining, reset] = names.clone();
    reply::put(headers, limit, &reading.limit.to_string());
    reply::put(headers, remaining, &reading.remaining.to_string());
    let wait = reading.reset_ms.saturating_sub(now_ms);
    reply::put(headers, reset, &duration(wait));
}

/// Hours, minutes and seconds, rounded up to the second.
fn duration(ms: i64) -> String {
    let seconds = ms.max(0).saturating_add(999) / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_openai_writes_them() {
        for (ms, text) in [
            (0, "0s"),
            (1, "1s"),
            (60_000, "1m0s"),
            (359_001, "6m0s"),
            (86_400_000, "24h0m0s"),
        ] {
            assert_eq!(duration(ms), text);
        }
    }

    #[test]
    fn a_standing_is_told_in_both_ways() {
        let reading = |limit| {
            Some(Reading {
                limit,
                remaining: 3,
                reset_ms: 61_000,
            })
        };
        let standing = Standing {
            requests: reading(5),
            tokens: reading(7),
        };
        let mut headers = HeaderMap::new();
        standing.describe(&mut headers, 1_000);
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(text("x-ratelimit-limit"), "5");
        assert_eq!(text("x-ratelimit-remaining"), "3");
        assert_eq!(text("x-ratelimit-reset"), "61000");
        assert_eq!(text("x-ratelimit-limit-tokens"), "7");
        assert_eq!(text("x-ratelimit-reset-requests"), "1m0s");
        let mut none = HeaderMap::new();
        Standing::default().describe(&mut none, 0);
        assert!(none.is_empty());
    }
}
