//! Orderings: in which order the endpoints that are left are asked.
//!
//! For now there is one: as the caller names them, then cheapest first for this very call, with
//! those in trouble last. The weighted and measured orderings belong here, one function each.

use std::cmp::Ordering;

use chat::{Needs, Unit, Usage};
use ledger::Amount;

use crate::endpoint::{Endpoint, Status};
use crate::filter::names_it;
use crate::preferences::Preferences;

/// How long an answer is expected to be, in tokens, when the caller allows more or does not say.
const EXPECTED_OUTPUT_TOKENS: u64 = 500;

/// What an endpoint is ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rank {
    /// Position in `provider.order`; absent when it is not named there.
    pub named: Option<usize>,
    /// Whether it has failed lately.
    pub is_cooling: bool,
    /// Whether it is about to go away.
    pub is_deprecated: bool,
    /// What this call will probably cost; absent when nobody knows.
    pub expected_cost: Option<Amount>,
}

/// Ranks one endpoint for one call.
pub(crate) fn rank(
    endpoint: &Endpoint,
    needs: &Needs,
    preferences: &Preferences,
    (is_cooling, now_ms): (bool, i64),
) -> Rank {
    Rank {
        named: preferences
            .order
            .iter()
            .position(|name| names_it(name, endpoint)),
        is_cooling,
        is_deprecated: endpoint.status == Status::Deprecated,
        expected_cost: expected_cost(endpoint, needs, now_ms),
    }
}

/// What a call will probably cost here: the estimated prompt and an answer of usual length, by the
/// prices that hold for a prompt of that length at that time.
pub(crate) fn expected_cost(endpoint: &Endpoint, needs: &Needs, now_ms: i64) -> Option<Amount> {
    let output = needs.max_output_tokens.unwrap_or(EXPECTED_OUTPUT_TOKENS);
    let usage = Usage::default()
        .with(Unit::Input, needs.prompt_tokens.max(1))
        .with(Unit::Output, output.min(EXPECTED_OUTPUT_TOKENS))
        .with(Unit::Request, 1);
    let bill = ledger::cost(&usage, &endpoint.prices, now_ms.div_euclid(1000));
    bill.ok().map(|bill| bill.total)
}

/// Named ones as named; then in order before in trouble, stable before deprecated, cheap before
/// dear before unpriced; ties by tag, so that the same question has the same answer.
pub(crate) fn compare((a, one): (&Rank, &Endpoint), (b, other): (&Rank, &Endpoint)) -> Ordering {
    let named = |rank: &Rank| rank.named.unwrap_or(usize::MAX);
    let unpriced = |rank: &Rank| rank.expected_cost.is_none();
    named(a)
        .cmp(&named(b))
        .then(a.is_cooling.cmp(&b.is_cooling))
        .then(a.is_deprecated.cmp(&b.is_deprecated))
        .then(unpriced(a).cmp(&unpriced(b)))
        .then(a.expected_cost.cmp(&b.expected_cost))
        .then(one.tag.cmp(&other.tag))
}
