//! What an attempt and a call are charged, and how an answer says that.

use catalog::endpoint::Endpoint;
use chat::{Unit, Usage};
use ledger::settlement::{Basis, Rule};
use ledger::{Attempt, Bill, Charge, Generation, Price, PriceSheet, Unpriced, UsageSource};
use wire::CostText;

use crate::call::Call;
use crate::money;
use crate::relay::Parts;

/// The second for which prices are asked.
pub(super) fn now(parts: &Parts) -> i64 {
    parts.clock.now_ms().div_euclid(1000)
}

/// The prices of an endpoint for a call, and whether they are the stated fallback.
pub(super) fn sheet_of(call: &Call, endpoint: &Endpoint) -> (Option<PriceSheet>, bool) {
    money::sheet(call, endpoint).map_or((None, false), |(sheet, is_fallback)| {
        (Some(sheet.clone()), is_fallback)
    })
}

/// An answer whose tokens are free makes a race for it free: the house bears what was lost there.
pub(super) fn forgive_races(rule: Option<Rule>, attempts: &mut [Attempt]) {
    let is_charged = rule.is_some_and(|rule| match rule.basis {
        Basis::ProviderUsage | Basis::Estimate | Basis::Unpriced => true,
        Basis::SideFees | Basis::House | Basis::Nothing => false,
    });
    if !is_charged {
        for attempt in attempts {
            // What was given of the answer was given.
            attempt.share.take_if(|share| share.usage.is_none());
        }
    }
}

/// What was counted together with what earlier attempts have given of the answer. It is an estimate
/// where a part of it is.
pub(super) fn with_parts(
    own: Usage,
    source: UsageSource,
    attempts: &[Attempt],
) -> (Usage, UsageSource) {
    let shares = attempts.iter().filter_map(|attempt| attempt.share.as_ref());
    let parts = shares.filter_map(|share| Some((share.usage.as_ref()?, share.usage_source)));
    parts.fold((own, source), |(all, source), (usage, theirs)| {
        let source = match (source, theirs) {
            (UsageSource::Nothing, theirs) => theirs,
            (_, UsageSource::Estimated) => UsageSource::Estimated,
            (source, _) => source,
        };
        (all.plus(usage), source)
    })
}

/// A charge together with the shares of other attempts than the last.
pub(super) fn with_shares(own: Charge, attempts: &[Attempt]) -> Charge {
    let mut shares = attempts.iter().filter_map(|attempt| attempt.share.as_ref());
    shares.try_fold(own?, |bill, share| {
        bill.and(share.charge.as_ref().map_err(|unpriced| *unpriced)?)
    })
}

/// What a call costs by its rule and price sheet. Where nothing was done the cost is truly nothing;
/// a missing price sheet is a missing price, never a free call.
pub(super) fn charge(
    rule: Option<Rule>,
    usage: &Usage,
    sheet: Option<&PriceSheet>,
    at: i64,
) -> Charge {
    let Some(rule) = rule else {
        return Ok(Bill::default());
    };
    match (rule.basis, sheet) {
        (Basis::ProviderUsage | Basis::Estimate, None) => Err(Unpriced::NoPrice(Unit::Input)),
        (_, Some(sheet)) => rule.charge(usage, sheet, at),
        (_, None) => rule.charge(usage, &PriceSheet::default(), at),
    }
}

/// A charge in the words of an answer: decimal USD, or nothing when it is not known.
pub(crate) fn cost_text(generation: &Generation) -> CostText {
    let bill = generation.charge.as_ref().ok();
    CostText {
        total: bill.map(|bill| bill.total.to_usd()),
        prompt: bill.map(|bill| bill.part(Unit::is_prompt).to_usd()),
        completion: bill.map(|bill| bill.part(Unit::is_completion).to_usd()),
        components: bill.map(components).unwrap_or_default(),
        is_byok: generation.settled.is_byok,
    }
}

/// The lines of a bill that cost something.
fn components(bill: &Bill) -> Vec<(&'static str, String)> {
    let lines = bill.lines.iter();
    lines
        .filter(|line| line.count > 0 && line.price > Price::ZERO)
        .map(|line| (line.unit.name(), line.cost().to_usd()))
        .collect()
}
