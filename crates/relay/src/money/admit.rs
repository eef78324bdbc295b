//! Before the first attempt: the most that a call may cost is held in every budget, or in none.

use std::sync::Arc;

use catalog::endpoint::Endpoint;
use chat::Error;
use ledger::cost::{affordable_output, ceiling};
use ledger::{Admission, Amount, Ask, Budget, Exhausted, Unpriced};

use crate::call::Call;
use crate::money::counts::Tallies;
use crate::money::terms::{AdmissionPolicy, AdmittedBy, UnpricedPolicy};
use crate::money::{Reserved, bound, refusal};
use crate::relay::Relay;

/// A provider is never told to stop after fewer tokens per choice than this: such an answer would
/// be worth nothing to anybody.
const CLAMP_TOKENS_MIN: u64 = 16;

/// How often money is asked for. More than once because others may take what was just offered.
const ASKS_MAX: usize = 4;

/// How much output money is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// All that an endpoint can give, or that the caller allows.
    Full,
    /// So many tokens, all choices together; more is asked for later.
    Estimate(u64),
    /// So many tokens per choice, and the provider is told.
    Clamp(u64),
}

/// Holds the money for a call that is about to be sent to one of these endpoints; `None` for a call
/// without budgets, which costs nothing here. Where its workspace pays the providers itself, only
/// budgets count that include such calls.
///
/// # Errors
/// [`chat::Kind::PaymentRequired`] when money or a price is lacking, and
/// [`chat::Kind::GatewayUnavailable`] when the books cannot be reached.
pub(crate) async fn admit(
    relay: &Relay,
    (call, is_own): (&Call, bool),
    planned: &[&Arc<Endpoint>],
) -> Result<Option<Reserved>, Error> {
    if planned.is_empty() && call.unpriced == UnpricedPolicy::Deny {
        Tallies::count(&relay.tallies.refused);
        return Err(refusal::unpriced(&call.models));
    }
    let budgets = call.budgets.iter();
    let budgets = budgets.filter(|budget| budget.counts_byok || !is_own);
    let budgets: Vec<Arc<Budget>> = budgets.cloned().collect();
    if budgets.is_empty() {
        return Ok(None);
    }
    let admitted = reserve(relay, (call, budgets), planned).await;
    match &admitted {
        Ok(reserved) if matches!(reserved.by, AdmittedBy::Clamped(_)) => {
            Tallies::count(&relay.tallies.clamped);
        }
        Ok(_) => {}
        Err(_) => Tallies::count(&relay.tallies.refused),
    }
    admitted.map(Some)
}

async fn reserve(
    relay: &Relay,
    (call, budgets): (&Call, Vec<Arc<Budget>>),
    planned: &[&Arc<Endpoint>],
) -> Result<Reserved, Error> {
    let mut aim = first_aim(relay, call);
    let mut asks = 1;
    loop {
        let ask = Ask {
            generation: call.id.clone(),
            budgets: budgets.clone(),
            amount: at_least(call, most(call, planned, aim)),
            at: call.at(),
        };
        let admission = relay.parts.books.reserve(ask).await;
        let exhausted = match admission.map_err(|error| refusal::unavailable(&error))? {
            Admission::Admitted(ticket) => {
                return Ok(match admitted_by(call, planned, aim) {
                    AdmittedBy::Clamped(limit) => Reserved::clamped(ticket, limit),
                    by => Reserved::new(ticket, by),
                });
            }
            Admission::Exhausted(exhausted) => exhausted,
        };
        let affordable = affordable(call, planned, &exhausted);
        let may_clamp = call.admission() == AdmissionPolicy::Clamp;
        if !may_clamp || asks == ASKS_MAX || affordable < CLAMP_TOKENS_MIN {
            return Err(refused(call, planned, affordable, &exhausted));
        }
        aim = Aim::Clamp(affordable);
        asks += 1;
    }
}

/// A stream whose length the caller left open is taken for one of usual length; whatever cannot be
/// topped up on the way is paid for in full beforehand.
fn first_aim(relay: &Relay, call: &Call) -> Aim {
    let needs = &call.request.needs;
    if !needs.stream || needs.max_output_tokens.is_some() {
        return Aim::Full;
    }
    let model = call.models.first().map_or("", String::as_str);
    Aim::Estimate(relay.learned.estimate(&call.caller.key_hash, model))
}

fn choices(call: &Call) -> u64 {
    u64::from(call.request.needs.choices.max(1))
}

/// Tokens of output, all choices together.
fn output(call: &Call, endpoint: &Endpoint, aim: Aim) -> u64 {
    let full = bound::output_tokens(&call.request.needs, endpoint);
    let all = full.saturating_mul(choices(call));
    match aim {
        Aim::Full => all,
        Aim::Estimate(tokens) => tokens.min(all),
        Aim::Clamp(tokens) => tokens.min(full).saturating_mul(choices(call)),
    }
}

/// A call that costs nothing holds nothing, and is stopped by no budget; unless the house wants every
/// budget to have something left, which the smallest amount asks.
fn at_least(call: &Call, most: Amount) -> Amount {
    let least = if call.free_needs_money {
        Amount::from_nanos(1)
    } else {
        Amount::ZERO
    };
    most.max(least)
}

/// What the call may cost at the dearest endpoint that states a price. A ceiling that does not fit
/// an amount is more than anybody has.
fn most(call: &Call, planned: &[&Arc<Endpoint>], aim: Aim) -> Amount {
    let ceilings = planned.iter().filter_map(|endpoint| {
        let (sheet, _) = bound::sheet(call, endpoint)?;
        let extent = bound::extent(call, sheet, output(call, endpoint, aim));
        match ceiling(&extent, sheet, call.at()) {
            Ok(amount) => Some(amount),
            Err(Unpriced::TooLarge) => Some(Amount::from_nanos(i64::MAX)),
            Err(Unpriced::NoPrice(_) | Unpriced::NoUsage) => None,
        }
    });
    ceilings.max().unwrap_or(Amount::ZERO)
}

/// Tokens per choice that what is left reaches for at the dearest endpoint.
fn affordable(call: &Call, planned: &[&Arc<Endpoint>], exhausted: &Exhausted) -> u64 {
    let tokens = planned.iter().filter_map(|endpoint| {
        let (sheet, _) = bound::sheet(call, endpoint)?;
        let extent = bound::extent(call, sheet, 0);
        let tokens = affordable_output(exhausted.available, &extent, sheet, call.at());
        Some(tokens.unwrap_or(0))
    });
    tokens.min().unwrap_or(0) / choices(call)
}

/// The longest answer per choice that was asked for, over all endpoints.
fn wanted(call: &Call, planned: &[&Arc<Endpoint>]) -> u64 {
    let needs = &call.request.needs;
    let bounds = planned.iter();
    let bounds = bounds.map(|endpoint| bound::output_tokens(needs, endpoint));
    bounds.max().unwrap_or(0)
}

fn admitted_by(call: &Call, planned: &[&Arc<Endpoint>], aim: Aim) -> AdmittedBy {
    match aim {
        Aim::Full => AdmittedBy::Full,
        Aim::Estimate(_) => AdmittedBy::Estimate,
        Aim::Clamp(limit) if limit >= wanted(call, planned) => AdmittedBy::Full,
        Aim::Clamp(limit) => AdmittedBy::Clamped(limit),
    }
}

fn refused(
    call: &Call,
    planned: &[&Arc<Endpoint>],
    affordable: u64,
    exhausted: &Exhausted,
) -> Error {
    if exhausted.available <= Amount::ZERO {
        return refusal::used_up(exhausted, &call.budgets);
    }
    refusal::too_dear(wanted(call, planned), affordable, exhausted)
}
