//! The caller's cut-offs of speed and latency. Section 9.8 of the digest.

use crate::health::Vital;
use crate::plan::Question;
use crate::preferences::Cutoffs;

/// Whether an endpoint meets every cut-off, as far as it was measured: an endpoint that nobody has
/// measured lately is given the benefit of the doubt, or it never would be.
pub(super) fn meets(question: &Question<'_>, vital: &Vital) -> bool {
    if vital.is_stale {
        return true;
    }
    let (own, account) = (question.preferences, question.account);
    let latency = chosen(
        own.preferred_max_latency,
        account.map(|account| account.preferred_max_latency),
    );
    let throughput = chosen(
        own.preferred_min_throughput,
        account.map(|account| account.preferred_min_throughput),
    );
    let is_soon = vital.first_token_ms.is_none_or(|measured| {
        let pairs = latency.all().into_iter().zip(measured.all());
        pairs
            .filter_map(|(most, measured)| Some((most?, f64::from(measured) / 1000.0)))
            .all(|(most, measured)| measured <= most)
    });
    let is_fast = vital.speed.is_none_or(|measured| {
        let pairs = throughput.all().into_iter().zip(measured.all());
        pairs
            .filter_map(|(least, measured)| Some((least?, f64::from(measured) / 10.0)))
            .all(|(least, measured)| measured >= least)
    });
    is_soon && is_fast
}

fn chosen(own: Cutoffs, account: Option<Cutoffs>) -> Cutoffs {
    if own.is_empty() {
        account.unwrap_or_default()
    } else {
        own
    }
}
