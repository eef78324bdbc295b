//! How limits look in headers: OpenRouter's three, the six that OpenAI's clients read, and at the door
//! of Messages the six of that dialect.

use std::fmt::{self, Write as _};

use bytes::Bytes;
use chat::Dialect;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::rule::Measure;
use super::standing::{Reading, Refused, Standing};
use crate::time::iso;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// At the door of Messages. Source: <https://docs.anthropic.com/en/api/rate-limits#response-headers>.
const MESSAGES_REQUESTS: Names = [
    HeaderName::from_static("anthropic-ratelimit-requests-limit"),
    HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
    HeaderName::from_static("anthropic-ratelimit-requests-reset"),
];
const MESSAGES_TOKENS: Names = [
    HeaderName::from_static("anthropic-ratelimit-tokens-limit"),
    HeaderName::from_static("anthropic-ratelimit-tokens-remaining"),
    HeaderName::from_static("anthropic-ratelimit-tokens-reset"),
];

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
    /// Says in an answer how its caller stands, in the names of its dialect as well; nothing when
    /// nothing limits it.
    pub fn describe(&self, headers: &mut HeaderMap, dialect: Dialect, now_ms: i64) {
        let Some(tightest) = self.requests.or(self.tokens) else {
            return;
        };
        let mut told = Told::new();
        told.first(&tightest);
        let readings = [
            (Measure::Requests, self.requests),
            (Measure::Tokens, self.tokens),
        ];
        for (measure, reading) in readings {
            if let Some(reading) = reading {
                told.of_measure((dialect, measure), &reading, now_ms);
            }
        }
        told.put_into(headers);
    }
}

impl Refused {
    /// The headers of a refusal; `Retry-After` comes from its error.
    #[must_use]
    pub fn headers(&self, dialect: Dialect, now_ms: i64) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut told = Told::new();
        told.first(&self.reading);
        told.of_measure((dialect, self.rule.measure), &self.reading, now_ms);
        told.put_into(&mut headers);
        headers
    }
}

/// Headers on their way out. All values stand in one text, which they share: made one by one they would
/// be two allocations each, on every governed call.
struct Told {
    text: String,
    /// Each header, and where its value begins; it ends where the next one begins.
    begins: Vec<(HeaderName, usize)>,
}

impl Told {
    fn new() -> Self {
        Self {
            text: String::with_capacity(128),
            begins: Vec::with_capacity(9),
        }
    }

    fn put(&mut self, name: HeaderName, value: impl fmt::Display) {
        self.begins.push((name, self.text.len()));
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
    }

    fn number(&mut self, name: HeaderName, number: impl itoa::Integer) {
        self.begins.push((name, self.text.len()));
        self.text.push_str(itoa::Buffer::new().format(number));
    }

    /// OpenRouter's: the reset is an instant, Unix milliseconds.
    fn first(&mut self, reading: &Reading) {
        self.number(LIMIT, reading.limit);
        self.number(REMAINING, reading.remaining);
        self.number(RESET, reading.reset_ms);
    }

    /// The names for one measure. OpenAI's: the reset is a duration, such as `6m0s`. Those of Messages:
    /// the reset is an instant as ISO 8601 text.
    fn of_measure(
        &mut self,
        (dialect, measure): (Dialect, Measure),
        reading: &Reading,
        now_ms: i64,
    ) {
        let (names, of_messages) = match measure {
            Measure::Requests => (&REQUESTS, &MESSAGES_REQUESTS),
            Measure::Tokens => (&TOKENS, &MESSAGES_TOKENS),
            Measure::Concurrent => return,
        };
        let wait = reading.reset_ms.saturating_sub(now_ms);
        self.all(names, reading, Wait(wait));
        if dialect == Dialect::AnthropicMessages {
            // Whole seconds, as its clients expect.
            let reset = reading.reset_ms.div_euclid(1000).saturating_mul(1000);
            self.all(of_messages, reading, iso(reset));
        }
    }

    fn all(&mut self, names: &Names, reading: &Reading, reset: impl fmt::Display) {
        let [limit, remaining, at_reset] = names.clone();
        self.number(limit, reading.limit);
        self.number(remaining, reading.remaining);
        self.put(at_reset, reset);
    }

    fn put_into(self, headers: &mut HeaderMap) {
        let text = Bytes::from(self.text);
        let mut end = text.len();
        // From the last one on, for each ends where the one before it has begun.
        for (name, begin) in self.begins.into_iter().rev() {
            if let Ok(value) = HeaderValue::from_maybe_shared(text.slice(begin..end)) {
                headers.insert(name, value);
            }
            end = begin;
        }
    }
}

/// Milliseconds as hours, minutes and seconds, rounded up to the second.
struct Wait(i64);

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.max(0).saturating_add(999) / 1000;
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        match (hours, minutes) {
            (0, 0) => write!(f, "{seconds}s"),
            (0, _) => write!(f, "{minutes}m{seconds}s"),
            _ => write!(f, "{hours}h{minutes}m{seconds}s"),
        }
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
            assert_eq!(Wait(ms).to_string(), text);
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
        standing.describe(&mut headers, Dialect::OpenaiChat, 1_000);
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(text("x-ratelimit-limit"), "5");
        assert_eq!(text("x-ratelimit-remaining"), "3");
        assert_eq!(text("x-ratelimit-reset"), "61000");
        assert_eq!(text("x-ratelimit-limit-tokens"), "7");
        assert_eq!(text("x-ratelimit-reset-requests"), "1m0s");
        assert!(!headers.contains_key("anthropic-ratelimit-tokens-limit"));
        let mut none = HeaderMap::new();
        Standing::default().describe(&mut none, Dialect::AnthropicMessages, 0);
        assert!(none.is_empty());
    }

    #[test]
    fn at_the_door_of_messages_its_own_names_are_there_too() {
        let reading = Reading {
            limit: 7,
            remaining: 0,
            reset_ms: 61_000,
        };
        let standing = Standing {
            requests: Some(reading),
            tokens: Some(reading),
        };
        let mut headers = HeaderMap::new();
        standing.describe(&mut headers, Dialect::AnthropicMessages, 0);
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        for measure in ["requests", "tokens"] {
            let of = |what: &str| text(&format!("anthropic-ratelimit-{measure}-{what}"));
            assert_eq!((of("limit"), of("remaining")), ("7".into(), "0".into()));
            assert_eq!(of("reset"), "1970-01-01T00:01:01Z");
        }
        assert_eq!(text("x-ratelimit-limit"), "7");
    }
}
