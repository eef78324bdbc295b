//! What a call probably costs at an endpoint.

use chat::{Needs, Unit, Usage};
use ledger::Amount;

use crate::endpoint::Endpoint;

/// How long an answer is expected to be, in tokens, when nobody knows better.
pub(crate) const EXPECTED_OUTPUT_TOKENS: u64 = 500;

/// What a call costs at least and at most, and what it probably costs; each absent when a price is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CostRange {
    /// With an answer of one token, and as much of the prompt cached as may be.
    pub least: Option<Amount>,
    /// With an answer of the usual length.
    pub expected: Option<Amount>,
    /// With the longest answer that caller and endpoint allow, and nothing cached; absent also when
    /// neither sets a limit.
    pub most: Option<Amount>,
}

/// The size of a call, for its price.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) prompt: u64,
    pub(crate) cached: u64,
    pub(crate) output: u64,
}

/// How many tokens of answer to reckon with.
pub(crate) fn expected_output(needs: &Needs, learned: Option<u64>) -> u64 {
    let usual = learned.unwrap_or(EXPECTED_OUTPUT_TOKENS).max(1);
    let each = needs.max_output_tokens.unwrap_or(usual).min(usual);
    each.saturating_mul(u64::from(needs.choices.max(1)))
}

/// What a call of that size costs by the prices that hold for it at that time; `None` when a price
/// is missing.
pub(crate) fn cost(endpoint: &Endpoint, size: Size, now_ms: i64) -> Option<Amount> {
    let prompt = size.prompt.max(1);
    let cached = size.cached.min(prompt);
    let usage = Usage::default()
        .with(Unit::Input, prompt - cached)
        .with(Unit::CacheRead, cached)
        .with(Unit::Output, size.output)
        .with(Unit::Request, 1);
    let bill = ledger::cost(&usage, &endpoint.prices, now_ms.div_euclid(1000));
    bill.ok().map(|bill| bill.total)
}

/// Between which amounts a call will cost.
#[must_use]
pub fn cost_range(
    endpoint: &Endpoint,
    needs: &Needs,
    (expected_output_tokens, now_ms): (Option<u64>, i64),
) -> CostRange {
    let prompt = needs.prompt_tokens;
    let at = |cached, output| {
        let size = Size {
            prompt,
            cached,
            output,
        };
        cost(endpoint, size, now_ms)
    };
    let limits = [needs.max_output_tokens, endpoint.max_completion_tokens];
    let longest = limits.into_iter().flatten().min();
    CostRange {
        least: at(prompt.saturating_sub(1), 1),
        expected: at(0, expected_output(needs, expected_output_tokens)),
        most: longest.and_then(|each| {
            let all = each.saturating_mul(u64::from(needs.choices.max(1)));
            at(0, all)
        }),
    }
}
