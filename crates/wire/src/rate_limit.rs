//! What a provider's headers say is left of its rate limit.
//!
//! Sources: OpenAI, "Rate limits in headers" (`x-ratelimit-remaining-requests`, resets as `6m0s`), which
//! most hosts follow; Anthropic, "Rate limits" (`anthropic-ratelimit-requests-remaining`, resets as
//! RFC 3339); both as of 2026. Others send seconds or Unix time.

/// What is left of a rate limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests left, of how many.
    pub requests: Option<(u64, u64)>,
    /// Tokens left, of how many.
    pub tokens: Option<(u64, u64)>,
    /// Until all of it is there again, milliseconds.
    pub resets_in_ms: i64,
}

/// How long a limit is believed that does not say when it is full again, and any at most.
const RESET_MS: i64 = 60_000;
const RESET_MAX_MS: i64 = 600_000;

/// Names of the same three facts: left, all, and when it is full again.
type Names = [&'static str; 3];

const REQUESTS: [Names; 3] = [
    [
        "x-ratelimit-remaining-requests",
        "x-ratelimit-limit-requests",
        "x-ratelimit-reset-requests",
    ],
    [
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-reset",
    ],
    [
        "x-ratelimit-remaining",
        "x-ratelimit-limit",
        "x-ratelimit-reset",
    ],
];

const TOKENS: [Names; 3] = [
    [
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-reset-tokens",
    ],
    [
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-limit",
        "anthropic-ratelimit-input-tokens-reset",
    ],
    [
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-reset",
    ],
];

/// Whether a header of this name, in small letters, may be one that [`rate_limit`] reads.
#[must_use]
pub fn tells_rate_limit(name: &str) -> bool {
    name.starts_with("x-ratelimit-") || name.starts_with("anthropic-ratelimit-")
}

/// Reads the headers of an answer; `None` when they say nothing of limits. `now_s` is Unix seconds.
#[must_use]
pub fn rate_limit<'h>(header: &dyn Fn(&str) -> Option<&'h str>, now_s: i64) -> Option<RateLimit> {
    let read = |names: &[Names]| {
        names.iter().find_map(|[left, all, reset]| {
            let number = |name: &str| header(name)?.trim().parse::<u64>().ok();
            let pair = (number(left)?, number(all)?);
            Some((pair, header(reset).and_then(|text| wait_ms(text, now_s))))
        })
    };
    let (requests, tokens) = (read(&REQUESTS), read(&TOKENS));
    let resets = [requests, tokens].into_iter().flatten();
    let resets_in_ms = resets.map(|(_, reset)| reset.unwrap_or(RESET_MS)).max()?;
    Some(RateLimit {
        requests: requests.map(|(pair, _)| pair),
        tokens: tokens.map(|(pair, _)| pair),
        resets_in_ms: resets_in_ms.clamp(0, RESET_MAX_MS),
    })
}

/// `6m0s`, `20ms`, seconds, Unix time, or RFC 3339 in UTC, as milliseconds from now.
fn wait_ms(text: &str, now_s: i64) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        let seconds = match number {
            ms if ms > 1e11 => ms / 1000.0 - now_s as f64,
            unix if unix > 1e8 => unix - now_s as f64,
            seconds => seconds,
        };
        return Some((seconds * 1000.0) as i64);
    }
    if text.contains('T') {
        return Some((unix_seconds(text)? - now_s) * 1000);
    }
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let ms = match unit {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * ms;
        rest = after;
    }
    Some(sum as i64)
}

/// Unix seconds of `2026-08-01T12:00:00Z`; fractions are left out, other zones are not read.
fn unix_seconds(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let mut parts = time.split(['.', ':']).map(str::parse::<i64>);
    let (hour, minute, second) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    // Days since 1970-01-01 in the proleptic Gregorian calendar, counting years from March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_several_makes_are_read() {
        const NOW: i64 = 1_785_585_600; // 2026-08-01T12:00:00Z
        for (headers, requests, tokens, resets_in_ms) in [
            (
                vec![
                    ("x-ratelimit-remaining-requests", "59"),
                    ("x-ratelimit-limit-requests", "60"),
                    ("x-ratelimit-reset-requests", "1s"),
                    ("x-ratelimit-remaining-tokens", "149984"),
                    ("x-ratelimit-limit-tokens", "150000"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                ],
                Some((59, 60)),
                Some((149_984, 150_000)),
                360_000,
            ),
            (
                vec![
                    ("anthropic-ratelimit-requests-remaining", "0"),
                    ("anthropic-ratelimit-requests-limit", "50"),
                    ("anthropic-ratelimit-requests-reset", "2026-08-01T12:00:30Z"),
                ],
                Some((0, 50)),
                None,
                30_000,
            ),
            (
                vec![
                    ("x-ratelimit-remaining", "3"),
                    ("x-ratelimit-limit", "10"),
                    ("x-ratelimit-reset", "1785585605"),
                ],
                Some((3, 10)),
                None,
                5_000,
            ),
            (
                vec![
                    ("x-ratelimit-remaining-tokens", "5"),
                    ("x-ratelimit-limit-tokens", "10"),
                ],
                None,
                Some((5, 10)),
                60_000,
            ),
        ] {
            let header = |name: &str| {
                let found = headers.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| *value)
            };
            let expected = RateLimit {
                requests,
                tokens,
                resets_in_ms,
            };
            assert_eq!(rate_limit(&header, NOW), Some(expected), "{headers:?}");
        }
        assert_eq!(rate_limit(&|_| None, NOW), None);
        assert_eq!(wait_ms("20ms", NOW), Some(20));
        assert_eq!(wait_ms("2m59.56s", NOW), Some(179_560));
        assert_eq!(wait_ms("soon", NOW), None);
    }
}
