//! Converse's usage object to disjoint buckets.
//!
//! # The rule
//! 1. `inputTokens`, `cacheReadInputTokens` and `cacheWriteInputTokens` are disjoint already: with
//!    `outputTokens` they add up to `totalTokens`.
//!    <https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html> (2026)
//! 2. Of what was written to the cache, the entries of `cacheDetails` with the `ttl` `1h` live for an
//!    hour, the rest for five minutes.
//! 3. `outputTokens` includes what was thought, which is not counted apart.
//! 4. The same counts under the names `cache…InputTokenCount` are older spellings, not more tokens.
//! 5. What is not mentioned stays absent.

use chat::{Error, ServiceTier, Unit, Usage};

use crate::members::Members;
use crate::scan::{Malformed, Scanner, ValueKind};
use crate::track::{all_of_object, object_of};

/// Reads the counts beside an answer, and the tier that served it.
///
/// # Errors
/// They cannot be taken apart.
pub(super) fn read(holder: &Members<'_>) -> Result<Option<Usage>, Error> {
    let Some(usage) = all_of_object(holder, "usage")? else {
        return Ok(None);
    };
    let written = usage
        .count("cacheWriteInputTokens")
        .or_else(|| usage.count("cacheWriteInputTokenCount"));
    let read = usage
        .count("cacheReadInputTokens")
        .or_else(|| usage.count("cacheReadInputTokenCount"));
    let long = of_an_hour(&usage).map(|long| long.min(written.unwrap_or(long)));
    let short = written.map(|written| written - long.unwrap_or(0));
    let mut counted = Usage::default();
    for (unit, count) in [
        (Unit::Input, usage.count("inputTokens")),
        (Unit::CacheRead, read),
        (Unit::CacheWrite, short),
        (Unit::CacheWrite1h, long),
        (Unit::Output, usage.count("outputTokens")),
    ] {
        if let Some(count) = count {
            counted.set(unit, count);
        }
    }
    let tier = object_of(holder, "serviceTier")?;
    let tier = tier.as_ref().and_then(|tier| tier.filled("type"));
    counted.service_tier = tier.and_then(|tier| ServiceTier::from_name(&tier.decode()));
    counted.native = Some(usage.span.of(usage.text).into());
    Ok(Some(counted))
}

/// What was written to live for an hour, if anything was.
fn of_an_hour(usage: &Members<'_>) -> Option<u64> {
    let details = usage
        .get("cacheDetails")
        .filter(|details| details.kind == ValueKind::Array)?;
    let mut sum = 0_u64;
    // The text was checked before, so the walk cannot fail.
    let _ = Scanner::within(usage.text, details.value).array(|scanner, _| {
        if scanner.peek()? != ValueKind::Object {
            scanner.skip()?;
            return Ok::<(), Malformed>(());
        }
        let detail = Members::read(usage.text, scanner)?;
        if detail.string("ttl").is_some_and(|ttl| ttl.is("1h")) {
            sum = sum.saturating_add(detail.count("inputTokens").unwrap_or(0));
        }
        Ok(())
    });
    (sum > 0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_in_one_bucket() {
        let holder = Members::of_text(
            r#"{"usage":{"inputTokens":3,"outputTokens":61,"totalTokens":2835,
                "cacheReadInputTokens":2074,"cacheReadInputTokenCount":2074,
                "cacheWriteInputTokens":697,"cacheWriteInputTokenCount":697,
                "cacheDetails":[{"inputTokens":297,"ttl":"5m"},{"inputTokens":400,"ttl":"1h"}]},
                "serviceTier":{"type":"flex"}}"#,
        )
        .unwrap();
        let usage = read(&holder).unwrap().unwrap();
        let buckets: Vec<_> = usage.iter().collect();
        assert_eq!(
            buckets,
            [
                (Unit::Input, 3),
                (Unit::CacheRead, 2074),
                (Unit::CacheWrite, 297),
                (Unit::CacheWrite1h, 400),
                (Unit::Output, 61),
            ]
        );
        assert_eq!(usage.prompt_tokens() + usage.completion_tokens(), 2835);
        assert_eq!(usage.service_tier, Some(ServiceTier::Flex));
    }
}
