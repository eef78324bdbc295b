//! Cohere's usage object to disjoint buckets.
//!
//! # The rule
//! 1. `billed_units` is what is paid for; `tokens` is what the model has seen, with Cohere's own
//!    prompt around the caller's, which is free. So `Input` and `Output` are the billed ones, and the
//!    others only where nothing is billed. <https://docs.cohere.com/docs/how-does-cohere-pricing-work>
//!    (2026)
//! 2. `cached_tokens` is a part of `tokens.input_tokens`, often larger than what is billed, and has no
//!    price of its own: it stays in the provider's own object and gets no bucket, where it would be
//!    paid for twice.
//! 3. `tokens.reasoning_tokens` is a part of the output, and gets its own bucket as far as it is
//!    billed. `tokens.image_tokens` is a part of the billed input already.
//! 4. `billed_units.search_units` counts searches. What is not mentioned stays absent.

use chat::{Unit, Usage};

use crate::members::Members;

/// Reads a usage object.
pub(super) fn read(usage: &Members<'_>) -> Usage {
    let billed = usage.object("billed_units");
    let seen = usage.object("tokens");
    let count = |of: &Option<Members<'_>>, name: &str| of.as_ref().and_then(|it| it.count(name));
    let either = |name: &str| count(&billed, name).or_else(|| count(&seen, name));
    let output = either("output_tokens");
    let reasoning =
        count(&seen, "reasoning_tokens").map(|thought| thought.min(output.unwrap_or(thought)));
    let mut read = Usage::default();
    for (unit, count) in [
        (Unit::Input, either("input_tokens")),
        (
            Unit::Output,
            output.map(|output| output - reasoning.unwrap_or(0)),
        ),
        (Unit::Reasoning, reasoning),
        (Unit::WebSearch, count(&billed, "search_units")),
    ] {
        if let Some(count) = count {
            read.set(unit, count);
        }
    }
    read.native = Some(usage.span.of(usage.text).into());
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_billed_is_counted_and_no_token_twice() {
        for (json, buckets) in [
            (
                r#"{"billed_units":{"input_tokens":377,"output_tokens":90},
                    "tokens":{"input_tokens":577,"output_tokens":90},"cached_tokens":576}"#,
                [Some(377), Some(90), None],
            ),
            (
                r#"{"billed_units":{"input_tokens":8,"output_tokens":50},
                    "tokens":{"input_tokens":1394,"output_tokens":55,"reasoning_tokens":38}}"#,
                [Some(8), Some(12), Some(38)],
            ),
            (
                r#"{"billed_units":{"output_tokens":5},"tokens":{"input_tokens":9,"reasoning_tokens":7}}"#,
                [Some(9), Some(0), Some(5)],
            ),
            ("{}", [None, None, None]),
        ] {
            let read = read(&Members::of_text(json).unwrap());
            let found = [Unit::Input, Unit::Output, Unit::Reasoning].map(|unit| read.get(unit));
            assert_eq!(found, buckets, "{json}");
        }
    }
}
