//! A stream that broke half-way is gone on with elsewhere, where the caller wants that: the next
//! endpoint of the same model gets the text so far as the beginning of its answer.
//!
//! It counts as a further attempt. What the broken one has given is charged by its row of the settlement
//! table, as if the call had ended there, and what it may cost to go on is held before anybody is asked.
//! Who cannot be asked to go on is not asked, and where nobody can be, the caller hears of the break as
//! if this did not exist.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use catalog::Endpoint;
use chat::{Error, Modalities, Parameter};
use ledger::settlement::Ending;
use tokio::time::timeout_at;

use super::race::Place;
use super::route::Skip;
use super::stops::Stop;
use super::tries::Tries;
use super::wallets::Chosen;
use crate::attempt::{Asking, attempt};
use crate::call::Call;
use crate::door::Gone;
use crate::meter::Meter;
use crate::money::ending::Break;
use crate::money::{self, GoingOn};
use crate::pump::{self, BrokenOff};
use crate::relay::{Relay, Underway};
use crate::{failures, request};

/// What a request may not ask for if its answer is to be gone on with: a form of the answer, which would
/// begin anew, and thoughts, which would be thought again.
const NEVER_WITH: [Parameter; 4] = [
    Parameter::ResponseFormat,
    Parameter::StructuredOutputs,
    Parameter::Reasoning,
    Parameter::ReasoningEffort,
];

/// Whether the answer to a call is written so that another endpoint can go on with it: a stream of one
/// text, where the caller wants that.
pub(crate) fn is_wanted(call: &Call) -> bool {
    let needs = &call.request.needs;
    let asks = |parameter: &Parameter| needs.parameters.contains(*parameter);
    call.recovers
        && needs.stream
        && needs.choices <= 1
        && needs.output == Modalities::TEXT
        && needs.features.is_empty()
        && !NEVER_WITH.iter().any(asks)
}

/// Where a stream broke.
#[derive(Clone, Copy)]
struct Seam<'b> {
    from: &'b Endpoint,
    /// What was heard of it.
    meter: &'b Meter,
    broke: Break,
    error: &'b Error,
    /// The text so far.
    text: &'b str,
}

/// What came of asking somebody to go on.
enum GoneOn<'p> {
    /// The call is settled.
    Settled,
    /// Somebody did, and broke, too.
    Broken(&'p Arc<Endpoint>, BrokenOff),
    /// Nobody did.
    Nobody(BrokenOff),
}

impl Relay {
    /// Goes on with a stream that broke, until it is complete or nobody can.
    pub(super) async fn recover<'p>(
        &self,
        (from, broken): (&'p Arc<Endpoint>, BrokenOff),
        tries: &mut Tries<'p>,
        way: &mut Underway<'p>,
    ) {
        let mut at = (from, broken);
        loop {
            self.parts.provider_limits.leave(way.call, at.0);
            match self.go_on(at, tries, way).await {
                GoneOn::Settled => return,
                GoneOn::Broken(endpoint, broken) => at = (endpoint, broken),
                GoneOn::Nobody(broken) => return pump::give_up(self, broken, way).await,
            }
        }
    }

    /// Asks one endpoint after another to go on, until one does.
    async fn go_on<'p>(
        &self,
        (from, broken): (&'p Arc<Endpoint>, BrokenOff),
        tries: &mut Tries<'p>,
        way: &mut Underway<'p>,
    ) -> GoneOn<'p> {
        let call = way.call;
        let Some((told, text)) = broken.told() else {
            return GoneOn::Nobody(broken);
        };
        let sequence = way.door.sequence().clone();
        let seam = Seam {
            from,
            meter: &broken.meter,
            broke: broken.broke,
            error: &broken.error,
            text: &text,
        };
        while let Some((place, limit)) = self.next_to_go_on(seam, tries, way).await {
            let endpoint = place.endpoint;
            let asking = Asking {
                call,
                sequence: &sequence,
                chosen: place.chosen.as_deref(),
                output_limit: limit,
                told: Some(&told),
            };
            way.draft.begin_attempt(endpoint, place.chosen.as_deref());
            let has_head = AtomicBool::new(false);
            let trying = attempt(self, asking, endpoint, &has_head);
            let trying = pin!(timeout_at(tries.deadline, trying));
            let error = match way.door.wait_for(trying).await {
                Err(Gone) => {
                    let ending = match has_head.load(Ordering::Relaxed) {
                        true => Ending::LeftBeforeFirstToken,
                        false => Ending::LeftBeforeHeaders,
                    };
                    self.settle_left(ending, None, way).await;
                    return GoneOn::Settled;
                }
                Ok(Ok(Ok(answered))) => {
                    way.draft.recovered(text.chars().count());
                    return match self.deliver(endpoint, answered, way).await {
                        Some(broken) => GoneOn::Broken(endpoint, broken),
                        None => GoneOn::Settled,
                    };
                }
                Ok(Ok(Err(error))) => error,
                Ok(Err(_)) => failures::deadline(endpoint),
            };
            self.parts.provider_limits.leave(call, endpoint);
            let chosen = place.chosen.as_deref();
            if self.has_another_credential(chosen, endpoint, &error) {
                if !chosen.is_some_and(Chosen::is_pinned) {
                    tries.left.push_front(Stop::house(endpoint));
                }
            } else {
                self.report(endpoint, &error);
            }
            way.draft.fail_attempt(&error);
            way.draft.take_back();
        }
        GoneOn::Nobody(broken)
    }

    /// Who is asked to go on, and with which output limit: the next endpoint of the same model that can,
    /// if attempts, the retry budget and the money allow another.
    async fn next_to_go_on<'p>(
        &self,
        seam: Seam<'_>,
        tries: &mut Tries<'p>,
        way: &mut Underway<'p>,
    ) -> Option<(Place<'p>, Option<u64>)> {
        let call = way.call;
        let now_ms = self.parts.clock.now_ms();
        while self.may_go_on(tries) {
            let is_own = tries.is_own;
            let at = tries.left.iter().position(|stop| {
                let endpoint = stop.endpoint;
                // Both parts of an answer are paid for in the same way.
                stop.is_own() == is_own
                    && endpoint.model == seam.from.model
                    && request::goes_on(call, endpoint, seam.text).is_some()
                    && !self.health.is_unproven(&endpoint.id, now_ms)
            })?;
            let stop = tries.left.remove(at)?;
            let endpoint = stop.endpoint;
            let pass = match self.gates.enter(endpoint, false) {
                Ok(pass) => pass,
                Err(shut) => {
                    way.draft.route.pass_over(endpoint, shut.into());
                    continue;
                }
            };
            let model = call.models.first().map_or("", String::as_str);
            if !self.retries.spend(model) {
                return None;
            }
            if self
                .parts
                .provider_limits
                .enter(call, endpoint)
                .await
                .is_err()
            {
                way.draft.route.pass_over(endpoint, Skip::Limit);
                continue;
            }
            let Some(limit) = self.hand_over(endpoint, seam, way).await else {
                self.parts.provider_limits.leave(call, endpoint);
                return None;
            };
            tries.asked += 1;
            let place = Place {
                endpoint,
                pass: Some(pass),
                chosen: self.credential_at(call, &stop).map(Arc::new),
            };
            return Some((place, limit));
        }
        None
    }

    /// Notes what was given so far, and holds what it may cost to go on; gives the output limit that the
    /// next endpoint is told, if there is any. `None` where the money or the limit does not reach.
    async fn hand_over(
        &self,
        endpoint: &Endpoint,
        seam: Seam<'_>,
        way: &mut Underway<'_>,
    ) -> Option<Option<u64>> {
        let call = way.call;
        way.draft
            .hand_over(seam.meter, seam.error, (seam.broke, &self.parts));
        let (given, spent) = way.draft.given();
        let told = way.reserved.as_ref().and_then(|held| held.output_limit);
        let limit = told.or(call.request.needs.max_output_tokens);
        let left = limit.map(|limit| limit.saturating_sub(given.completion_tokens()));
        let going_on = GoingOn {
            spent,
            said_bytes: u64::try_from(seam.text.len()).unwrap_or(u64::MAX),
            output_tokens: left
                .unwrap_or_else(|| money::output_tokens(&call.request.needs, endpoint)),
        };
        let is_held = match &mut way.reserved {
            Some(reserved) => reserved.hold_on(self, (call, endpoint), going_on).await,
            None => true,
        };
        if left == Some(0) || !is_held {
            way.draft.take_back();
            return None;
        }
        Some(left)
    }
}
