//! What a call asks of the response cache, read from its headers; and the key of what it asks.

use http::HeaderMap;
use http::header::HeaderName;
use relay::Call;
use sha2::{Digest as _, Sha256};

use crate::app::App;

const CACHE: [HeaderName; 2] = both("x-openrouter-cache", "x-waybill-cache");
const TTL: [HeaderName; 2] = both("x-openrouter-cache-ttl", "x-waybill-cache-ttl");
const CLEAR: [HeaderName; 2] = both("x-openrouter-cache-clear", "x-waybill-cache-clear");

/// How long an answer is kept where the call does not say, seconds.
const TTL_SECONDS: u64 = 300;

/// The longest that it may be kept, seconds.
const TTL_SECONDS_MAX: u64 = 86_400;

const fn both(theirs: &'static str, ours: &'static str) -> [HeaderName; 2] {
    [
        HeaderName::from_static(theirs),
        HeaderName::from_static(ours),
    ]
}

/// What an answer is kept under: a hash of who asks and of all that is asked.
pub(crate) type Key = [u8; 32];

/// What a call asks of the response cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// What its answer is kept under.
    pub(crate) key: Key,
    /// How long, seconds, 1–86,400.
    pub(crate) ttl_seconds: u64,
    /// Whether what is kept is forgotten first.
    pub(crate) clears: bool,
}

impl Asked {
    /// What a call asks; nothing where it does not ask, where its dialect has no response cache, and
    /// where the house allows nothing to be kept.
    pub(crate) fn of(headers: &HeaderMap, call: &Call, app: &App) -> Option<Self> {
        if !is_true(headers, &CACHE) || !wire::can_replay(call.request.needs.dialect) {
            return None;
        }
        if !app.response_cache.is_on() || app.account.as_ref().is_some_and(|account| account.zdr) {
            return None;
        }
        Some(Self {
            key: key(call),
            ttl_seconds: ttl(word(headers, &TTL)),
            clears: is_true(headers, &CLEAR),
        })
    }
}

fn word<'h>(headers: &'h HeaderMap, names: &[HeaderName]) -> Option<&'h str> {
    let value = names.iter().find_map(|name| headers.get(name))?;
    Some(value.to_str().ok()?.trim())
}

fn is_true(headers: &HeaderMap, names: &[HeaderName]) -> bool {
    word(headers, names).is_some_and(|word| word.eq_ignore_ascii_case("true"))
}

/// The whole number that a text begins with, seconds, within bounds; else the default. `60abc` is 60
/// and `1.5` is 1 (section 15 of the digest).
fn ttl(text: Option<&str>) -> u64 {
    let text = text.unwrap_or_default();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    match text.get(..digits) {
        None | Some("") => TTL_SECONDS,
        // What does not fit a number is more than may be.
        Some(digits) => digits
            .parse()
            .unwrap_or(TTL_SECONDS_MAX)
            .clamp(1, TTL_SECONDS_MAX),
    }
}

/// API key × model × kind of endpoint × form of the stream × body without its blanks.
fn key(call: &Call) -> Key {
    let mut hash = Sha256::new();
    let model = call.models.first().map_or("", String::as_str);
    let request = &call.request;
    for part in [&call.caller.key_hash, model, request.needs.dialect.name()] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let form = [request.needs.stream, request.beside.as_array];
    hash.update(form.map(u8::from));
    wire::without_blanks(&call.body, |piece| hash.update(piece));
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_time_is_the_number_that_the_text_begins_with() {
        for (text, seconds) in [
            (None, 300),
            (Some(""), 300),
            (Some("60"), 60),
            (Some("60abc"), 60),
            (Some("1.5"), 1),
            (Some("abc"), 300),
            (Some("-5"), 300),
            (Some("0"), 1),
            (Some("86400"), 86_400),
            (Some("86401"), 86_400),
            (Some("99999999999999999999999"), 86_400),
        ] {
            assert_eq!(ttl(text), seconds, "{text:?}");
        }
    }

    #[test]
    fn a_header_has_two_names_and_one_word() {
        let check = |name: &'static str, value: &'static str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(is_true(&headers, &CACHE), expected, "{name}: {value}");
        };
        check("x-openrouter-cache", "true", true);
        check("x-waybill-cache", "True", true);
        check("x-openrouter-cache", "false", false);
        check("x-openrouter-cache", "1", false);
        check("x-openrouter-cache-clear", "true", false);
    }
}
