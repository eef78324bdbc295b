//! Two endpoints at once, where the caller wants that: when the first keeps it waiting for longer than
//! it nearly ever does, the next one is asked too. The first that speaks serves; the other is let go,
//! and charged for its prompt, since it may bill for it.
//!
//! A race is the exception, and bounded like any further attempt: by the cap on attempts, by the retry
//! budget, by the money of the call, of which the prompt of whoever loses is held before the second is
//! asked. Only endpoints of one model race, none that bills on after it was let go, and none without a
//! price: what a race costs is known.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use catalog::Endpoint;
use catalog::health::{Sample, Wait};
use futures_util::future::{Either, select};
use ledger::AbortStopsBill;
use ledger::settlement::Ending;
use tokio::time::{Instant, timeout, timeout_at};

use super::gates::Pass;
use super::stops::Stop;
use super::tries::{Tried, Tries, Trying, begun};
use super::wallets::Chosen;
use crate::attempt::{Asking, attempt};
use crate::call::{Call, Hedge};
use crate::door::Gone;
use crate::money::{self, ending};
use crate::relay::{Relay, Underway};

/// How long an endpoint of which too little is known may be silent.
const UNKNOWN: Duration = Duration::from_secs(3);

/// How long any endpoint may be silent: what is measured below this is noise, and a second call would
/// hardly be sooner.
const LEAST: Duration = Duration::from_millis(200);

/// An endpoint that has let the call in.
pub(super) struct Place<'p> {
    pub(super) endpoint: &'p Arc<Endpoint>,
    pub(super) pass: Option<Pass>,
    /// What is presented there.
    pub(super) chosen: Option<Arc<Chosen>>,
}

impl Place<'_> {
    fn chosen(&self) -> Option<&Chosen> {
        self.chosen.as_deref()
    }
}

impl Relay {
    /// How long an endpoint may be silent before another is asked beside it; `None` for ever.
    pub(super) fn patience(&self, call: &Call, endpoint: &Endpoint) -> Option<Duration> {
        let patience = match call.hedge {
            Hedge::Never => return None,
            Hedge::After(wait) => wait,
            Hedge::Measured => {
                let wait = match call.request.needs.stream {
                    true => Wait::FirstToken,
                    false => Wait::WholeAnswer,
                };
                let now_ms = self.parts.clock.now_ms();
                let slow_ms = self.health.slow_ms(&endpoint.id, wait, now_ms);
                let slow = slow_ms.map(|ms| Duration::from_millis(u64::from(ms)));
                slow.map_or(UNKNOWN, |slow| slow.max(LEAST))
            }
        };
        may_lose(endpoint).then_some(patience)
    }

    /// Tries an endpoint, and after this long another one beside it; says which of them the outcome
    /// is of.
    pub(super) async fn race<'p>(
        &self,
        first: Place<'p>,
        patience: Duration,
        tries: &mut Tries<'p>,
        way: &mut Underway<'p>,
    ) -> (Place<'p>, Tried) {
        let sequence = way.door.sequence().clone();
        let call = way.call;
        let limit = way.reserved.as_ref().and_then(|held| held.output_limit);
        let deadline = tries.deadline;
        let heads = [AtomicBool::new(false), AtomicBool::new(false)];
        let [head, other_head] = heads.each_ref();
        let sequence = &sequence;
        let ask = |place: &Place<'p>, has_head| {
            let (endpoint, chosen) = (place.endpoint, place.chosen.clone());
            Box::pin(async move {
                let asking = Asking {
                    call,
                    sequence,
                    chosen: chosen.as_deref(),
                    output_limit: limit,
                    told: None,
                };
                let trying = attempt(self, asking, endpoint, has_head);
                timeout_at(deadline, trying).await
            })
        };
        way.draft.begin_attempt(first.endpoint, first.chosen());
        let mut running = ask(&first, head);
        match way.door.wait_for(timeout(patience, &mut running)).await {
            Ok(Err(_)) => {}
            Err(Gone) => {
                let tried = self.left(first.endpoint, (running, head), way).await;
                return (first, tried);
            }
            Ok(Ok(result)) => {
                let result = begun(result, first.endpoint, !tries.left.is_empty());
                if result.is_ok() {
                    self.silences.spoke(&first.endpoint.id);
                }
                return (first, result.into());
            }
        }
        let Some(second) = self.second(&first, tries, way).await else {
            let tried = self.wait((first.endpoint, running, head), tries, way).await;
            return (first, tried);
        };
        tries.asked += 1;
        way.draft.begin_beside(second.endpoint, second.chosen());
        let other = ask(&second, other_head);
        match way.door.wait_for(select(running, other)).await {
            Err(Gone) => {
                way.draft.let_go_beside(&self.parts);
                let ending = match head.load(Ordering::Relaxed) {
                    true => Ending::LeftBeforeFirstToken,
                    false => Ending::LeftBeforeHeaders,
                };
                self.settle_left(ending, None, way).await;
                (first, Tried::Left)
            }
            Ok(Either::Left((result, other))) => {
                let rest = (second, other, other_head);
                self.decide((first, result), rest, tries, way).await
            }
            Ok(Either::Right((result, running))) => {
                way.draft.change_places();
                if result.as_ref().is_ok_and(Result::is_ok) {
                    self.report_silence(first.endpoint);
                }
                let rest = (first, running, head);
                self.decide((second, result), rest, tries, way).await
            }
        }
    }

    /// An endpoint that was asked first has lost a race; after several in a row that is a failure.
    fn report_silence(&self, endpoint: &Endpoint) {
        if self.silences.lost(&endpoint.id) {
            let now_ms = self.parts.clock.now_ms();
            let silent = Sample::Failed {
                retry_after_ms: None,
            };
            self.health.record(&endpoint.id, &silent, now_ms);
        }
    }

    /// One of two has answered or failed. If it has answered, the other is let go; else the other
    /// goes on alone.
    async fn decide<'p, F: Trying>(
        &self,
        (place, result): (Place<'p>, F::Output),
        (rest, running, head): (Place<'p>, F, &AtomicBool),
        tries: &mut Tries<'p>,
        way: &mut Underway<'p>,
    ) -> (Place<'p>, Tried) {
        match begun(result, place.endpoint, true) {
            Ok(answered) => {
                drop(running);
                self.parts.provider_limits.leave(way.call, rest.endpoint);
                way.draft.let_go_beside(&self.parts);
                (place, Tried::Answered(answered))
            }
            Err(error) => {
                let chosen = place.chosen.as_deref();
                if self.has_another_credential(chosen, place.endpoint, &error) {
                    tries.left.push_front(Stop::house(place.endpoint));
                } else {
                    self.report(place.endpoint, &error);
                }
                self.parts.provider_limits.leave(way.call, place.endpoint);
                way.draft.fail_attempt(&error);
                way.draft.go_on_alone();
                tries.failures.push(place.endpoint, error);
                drop(place);
                let rest_endpoint = rest.endpoint;
                let tried = self.wait((rest_endpoint, running, head), tries, way).await;
                (rest, tried)
            }
        }
    }

    /// Who is asked beside the first: the next endpoint of the same model that may be, if attempts,
    /// money and the retry budget allow another.
    async fn second<'p>(
        &self,
        first: &Place<'p>,
        tries: &mut Tries<'p>,
        way: &mut Underway<'p>,
    ) -> Option<Place<'p>> {
        let call = way.call;
        let is_capped = tries.asked >= self.parts.timers.attempts_max;
        if is_capped || Instant::now() >= tries.deadline {
            return None;
        }
        let (at, pass) = self.beside(first.endpoint, tries)?;
        let endpoint = tries.left.get(at)?.endpoint;
        let more = money::prompt(call, [first.endpoint, endpoint])?;
        if let Some(reserved) = &mut way.reserved
            && !reserved.hold_beside(self, more).await
        {
            return None;
        }
        let model = call.models.first().map_or("", String::as_str);
        if !self.retries.spend(model) {
            return None;
        }
        // A limit that is met leaves the endpoint for later, when it is asked alone.
        let entered = self.parts.provider_limits.enter(call, endpoint).await;
        entered.ok()?;
        tries.left.remove(at);
        Some(Place {
            endpoint,
            pass: Some(pass),
            chosen: self.credential_of_house(call, endpoint).map(Arc::new),
        })
    }

    /// The first of those left that may race with this one, by its place among them.
    fn beside<'p>(&self, first: &Endpoint, tries: &Tries<'p>) -> Option<(usize, Pass)> {
        let now_ms = self.parts.clock.now_ms();
        let mut left = tries.left.iter().enumerate();
        left.find_map(|(at, stop)| {
            let endpoint = stop.endpoint;
            let is_fit = stop.pinned.is_none()
                && endpoint.model == first.model
                && may_lose(endpoint)
                && !self.health.is_unproven(&endpoint.id, now_ms);
            let pass = is_fit.then(|| self.gates.enter(endpoint, false))?;
            Some((at, pass.ok()?))
        })
    }
}

/// Whether letting an endpoint go ends its bill, as far as anybody knows.
fn may_lose(endpoint: &Endpoint) -> bool {
    match ending::abort(endpoint) {
        AbortStopsBill::Yes | AbortStopsBill::Unknown => true,
        AbortStopsBill::No => false,
    }
}
